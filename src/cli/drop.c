/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "cli/drop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "spool/scan.h"

#define HEX_DIGITS 16
#define BLOCK ((size_t)1 << 20)
/* As any application's: who may enter OUT is for the folder to say, and
 * meshdropd may be another user than we are. */
#define FILE_MODE 0664

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

/* Without SA_RESTART, so that a read that waits ends, too. */
static void take_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = stop };
	(void)sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		(void)sigaction(numbers[i], &action, NULL); /* cannot fail */
}

void drop_init(struct drop *drop, int out_dir)
{
	char hex[HEX_DIGITS + 1];
	uuid_hex(hex, HEX_DIGITS);
	*drop = (struct drop){ .dir = out_dir };
	(void)snprintf(drop->hidden_dat, sizeof(drop->hidden_dat),
		       ".meshdrop-send-%s.dat", hex);
	(void)snprintf(drop->hidden_ctl, sizeof(drop->hidden_ctl),
		       ".meshdrop-send-%s.ctl", hex);
}

/* --- the data file --- */

/* Up to a block; 0 bytes: the end. */
static int read_block(int fd, bool stream, const char *label, uint64_t offset,
		      char *block, size_t *ret_len, struct err *err)
{
	if (!stream)
		return fsx_pread(fd, label, block, BLOCK, offset, ret_len, err);
	ssize_t n;
	do {
		n = read(fd, block, BLOCK);
	} while (n < 0 && errno == EINTR && !stopped);
	if (n < 0 && errno == EINTR) {
		*ret_len = 0;
		return 0; /* the caller sees that we are to stop */
	}
	if (n < 0)
		return err_sys(err, errno, "cannot read %s", label);
	*ret_len = (size_t)n;
	return 0;
}

static int copy(const struct drop *drop, int from, bool stream,
		const char *label, int to, uint64_t *ret_size, struct err *err)
{
	AUTO_FREE char *block = xmalloc(BLOCK);
	uint64_t size = 0;
	while (!stopped) {
		size_t len = 0;
		int r = read_block(from, stream, label, size, block, &len, err);
		if (r < 0)
			return r;
		if (len == 0 && !stopped) {
			*ret_size = size;
			return 0;
		}
		r = fsx_pwrite(to, drop->hidden_dat, block, len, size, err);
		if (r < 0)
			return r;
		size += len;
	}
	return err_set(err, ERR_STOPPED, "stopped: nothing was put into OUT");
}

int drop_data(struct drop *drop, int fd, bool stream, const char *label,
	      uint64_t *ret_size, struct err *err)
{
	take_signals();
	AUTO_CLOSE int to = -1;
	uint64_t size = 0;
	int r = fsx_create(drop->dir, drop->hidden_dat, FILE_MODE, &to, err);
	if (r == 0)
		r = copy(drop, fd, stream, label, to, &size, err);
	if (r == 0)
		r = fsx_sync(to, drop->hidden_dat, err);
	if (r == 0)
		r = fsx_close(&to, drop->hidden_dat, err);
	if (r < 0)
		return r;
	*ret_size = size;
	return 0;
}

int drop_control(struct drop *drop, const struct buf *text, struct err *err)
{
	return fsx_store_new(drop->dir, drop->hidden_ctl, FILE_MODE, text->data,
			     text->len, err);
}

/* --- names --- */

static bool has_ending(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot && (text_equal_nocase(dot, ".ctl") ||
		       text_equal_nocase(dot, ".dat"));
}

int drop_is_taken(const struct drop *drop, const char *stem, bool *ret,
		  struct err *err)
{
	struct fsx_dir *dir = NULL;
	int r = fsx_dir_open(drop->dir, &dir, err);
	if (r < 0)
		return r;
	bool taken = false;
	while (!taken) {
		const char *name = NULL;
		char other[TEXT_NAME_SIZE];
		r = fsx_dir_next(dir, &name, err);
		if (r < 0 || !name)
			break;
		scan_stem(name, other);
		taken = has_ending(name) && strcmp(other, stem) == 0;
	}
	(void)fsx_dir_close(dir); /* always NULL */
	if (r == 0)
		*ret = taken;
	return r;
}

/* If we die after the data file's rename it waits for a control file that
 * never comes; it is not sent, and its owner still has the original. */
int drop_publish(struct drop *drop, const char *dat_name, const char *ctl_name,
		 struct err *err)
{
	int dir = drop->dir;
	int r = fsx_move(dir, drop->hidden_dat, dir, dat_name, err);
	if (r < 0)
		return r;
	r = fsx_sync_dir(dir, dat_name, err);
	if (r == 0)
		r = fsx_move(dir, drop->hidden_ctl, dir, ctl_name, err);
	if (r < 0) {
		if (fsx_move(dir, dat_name, dir, drop->hidden_dat, NULL) < 0)
			err_prefix(err,
				   "the data file '%s' stays in OUT, alone",
				   dat_name);
		return r;
	}
	/* from here on meshdropd may have taken the pair */
	return fsx_sync_dir(dir, ctl_name, err);
}

void drop_undo(const struct drop *drop, struct err *err)
{
	const char *const names[] = { drop->hidden_dat, drop->hidden_ctl };
	for (size_t i = 0; i < 2; i++)
		if (fsx_remove(drop->dir, names[i], NULL) < 0)
			err_prefix(err, "'%s' stays in OUT", names[i]);
}
