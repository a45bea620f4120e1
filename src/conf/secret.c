/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "conf/secret.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"

static bool others_can_reach(const struct stat *st)
{
	mode_t open_bits = st->st_mode & (S_IRWXG | S_IRWXO);
	/* root:OUR-GROUP 0640, and what systemd makes of a credential */
	if (st->st_uid == 0 && (st->st_gid == 0 || st->st_gid == getegid()))
		open_bits &= ~(mode_t)S_IRGRP;
	return open_bits != 0;
}

int secret_check(const char *path, const struct stat *st, struct err *err)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return err_set(err, ERR_UNSAFE,
			       "'%s' belongs to another user; it must belong to "
			       "root or to the user that runs this program",
			       path);
	if (others_can_reach(st))
		return err_set(err, ERR_UNSAFE,
			       "'%s' can be reached by other users (mode %04o); "
			       "change that with chmod 600",
			       path, (unsigned)(st->st_mode & 07777));
	return 0;
}

/* What is wrong with the text itself; NULL when nothing is. */
static const char *wrong_with(const char *text, size_t len)
{
	if (len == 0)
		return "is empty";
	if (len > SECRET_MAX)
		return "is too long for a secret";
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		return "begins with a byte order mark; save it as plain text";
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c < 0x20 || c == 0x7f)
			return "holds a control character; it must be one line "
			       "without Windows line ends";
	}
	return NULL;
}

int secret_load(const char *path, struct secret *ret, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	int r = fsx_open_path(path, &fd, &st, err);
	if (r < 0)
		return r;
	r = secret_check(path, &st, err);
	if (r < 0)
		return r;
	AUTO_BUF struct buf buf;
	buf_init(&buf, SECRET_MAX + 1);
	r = fsx_load_fd(fd, path, &buf, err);
	if (r < 0)
		return r;
	size_t len = buf.len;
	if (len > 0 && buf.data[len - 1] == '\n')
		len--;
	const char *wrong = wrong_with(buf.data, len);
	if (wrong)
		return err_set(err, ERR_INVALID, "'%s' %s", path, wrong);
	mem_wipe(ret, sizeof(*ret)); /* no end of a longer one stays behind */
	memcpy(ret->text, buf.data, len);
	return 0;
}

void secret_wipe(struct secret *secret)
{
	mem_wipe(secret, secret ? sizeof(*secret) : 0);
}
