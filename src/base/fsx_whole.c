/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "base/fsx.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define LOAD_STEP ((size_t)16 << 10)

static int load_all(int fd, const char *label, struct buf *ret, struct err *err)
{
	char step[LOAD_STEP];
	size_t most = ret->max - ret->len;
	uint64_t offset = 0;
	size_t n = 0;
	int r;
	do {
		r = fsx_pread(fd, label, step, sizeof(step), offset, &n, err);
		if (r == 0 && !buf_append(ret, step, n))
			r = err_set(err, ERR_LIMIT,
				    "cannot read '%s': larger than %zu bytes",
				    label, most);
		offset += n;
	} while (r == 0 && n == sizeof(step));
	mem_wipe(step, sizeof(step)); /* it may have been a secret */
	return r;
}

int fsx_load_fd(int fd, const char *label, struct buf *ret, struct err *err)
{
	size_t start = ret->len;
	int r = load_all(fd, label, ret, err);
	if (r < 0) {
		mem_wipe(ret->data + start, ret->len - start);
		ret->len = start;
		ret->data[start] = '\0';
	}
	return r;
}

int fsx_load(int dirfd, const char *name, struct buf *ret, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	int r = fsx_open_read(dirfd, name, &fd, NULL, err);
	if (r < 0)
		return r;
	return fsx_load_fd(fd, name, ret, err);
}

static void undo(int dirfd, const char *name)
{
	int r = fsx_remove(dirfd, name, NULL);
	(void)r; /* the error that led here is the one to report */
}

static int write_all(int *fd, const char *name, const void *data, size_t len,
		     struct err *err)
{
	int r = fsx_pwrite(*fd, name, data, len, 0, err);
	if (r < 0)
		return r;
	r = fsx_sync(*fd, name, err);
	if (r < 0)
		return r;
	return fsx_close(fd, name, err);
}

int fsx_store_new(int dirfd, const char *name, mode_t mode, const void *data,
		  size_t len, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	int r = fsx_create(dirfd, name, mode, &fd, err);
	if (r < 0)
		return r;
	/* if we die here the file is there, empty or in part */
	r = write_all(&fd, name, data, len, err);
	if (r < 0)
		undo(dirfd, name);
	return r;
}

static int swap_in(int dirfd, const char *temp, const char *name, mode_t mode,
		   const void *data, size_t len, struct err *err)
{
	/* what a death left behind; nobody else uses this name */
	int r = fsx_remove(dirfd, temp, err);
	if (r < 0)
		return r;
	r = fsx_store_new(dirfd, temp, mode, data, len, err);
	if (r < 0)
		return r;
	/* if we die here the old content stands and temp is removed next time */
	r = fsx_replace(dirfd, temp, dirfd, name, err);
	if (r < 0)
		undo(dirfd, temp);
	return r;
}

int fsx_store(int dirfd, const char *name, mode_t mode, const void *data,
	      size_t len, bool durable, struct err *err)
{
	int r = fsx_check_name(name, err);
	if (r < 0)
		return r;
	AUTO_FREE char *temp = xasprintf(".%s.new", name);
	r = swap_in(dirfd, temp, name, mode, data, len, err);
	if (r < 0) {
		err_prefix(err, "cannot store '%s'", name);
		return r;
	}
	/* if we die here a reader has the new content; after a power cut it
	 * may be the old one again, but never a mixture */
	return durable ? fsx_sync_dir(dirfd, name, err) : 0;
}
