/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "conf_help.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

void help_report(void *ctx, bool fatal, const char *text)
{
	struct help_log *log = ctx;
	size_t room = sizeof(log->text) - log->len;
	int n = snprintf(log->text + log->len, room, "%c %s\n",
			 fatal ? 'E' : 'W', text);
	assert_true(n > 0 && (size_t)n < room);
	log->len += (size_t)n;
	if (fatal)
		log->errors++;
	else
		log->warnings++;
}

void help_log_clear(struct help_log *log)
{
	memset(log, 0, sizeof(*log));
}

struct schema_load help_loader(enum schema_scope scope, const char *file,
			       void *target, struct help_log *log)
{
	return (struct schema_load){
		.scope = scope,
		.target = target,
		.file = file,
		.report = help_report,
		.ctx = log,
	};
}

void help_free_texts(enum schema_scope scope, void *target)
{
	schema_release(scope, target);
}

void help_dir_make(struct help_dir *dir)
{
	const char *tmp = getenv("TMPDIR");
	int n = snprintf(dir->path, sizeof(dir->path), "%s/meshdrop-XXXXXX",
			 tmp && tmp[0] == '/' ? tmp : "/tmp");
	assert_true(n > 0 && (size_t)n < sizeof(dir->path));
	assert_non_null(mkdtemp(dir->path));
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *where)
{
	(void)st; /* nftw's signature */
	(void)type;
	(void)where;
	return remove(path);
}

void help_dir_remove(struct help_dir *dir)
{
	assert_int_equal(nftw(dir->path, remove_one, 8, FTW_DEPTH | FTW_PHYS),
			 0);
}

const char *help_path(const struct help_dir *dir, const char *name)
{
	static char paths[8][PATH_MAX + 256];
	static unsigned turn;
	char *path = paths[turn++ % 8];
	int n = snprintf(path, sizeof(paths[0]), "%s/%s", dir->path, name);
	assert_true(n > 0 && (size_t)n < sizeof(paths[0]));
	return path;
}

void help_mkdir(const struct help_dir *dir, const char *name)
{
	assert_int_equal(mkdir(help_path(dir, name), 0700), 0);
}

void help_write_bytes(const struct help_dir *dir, const char *name, mode_t mode,
		      const void *data, size_t len)
{
	const char *path = help_path(dir, name);
	(void)unlink(path); /* an older one may be closed even to us */
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

void help_write(const struct help_dir *dir, const char *name, mode_t mode,
		const char *text)
{
	help_write_bytes(dir, name, mode, text, strlen(text));
}

void help_log_shorten(struct help_log *log, const struct help_dir *dir)
{
	size_t n = strlen(dir->path);
	char *at = strstr(log->text, dir->path);
	while (at) {
		*at = '@';
		memmove(at + 1, at + n, strlen(at + n) + 1);
		at = strstr(at, dir->path);
	}
	log->len = strlen(log->text);
}
