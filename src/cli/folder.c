/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "cli/folder.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/uuid.h"
#include "spool/boxdir.h"

#define FOLDER_MODE 0770
#define TRY_PREFIX ".meshdrop-check-"
#define TRY_DIGITS 16

/* --- opening --- */

int folder_open(int root, const char *wanted, int *ret_fd, struct err *err)
{
	char name[TEXT_NAME_SIZE];
	int r = boxdir_find(root, wanted, name, err);
	if (r < 0)
		return r;
	if (name[0] == '\0')
		return err_set(err, ERR_MISSING, "there is no folder %s",
			       wanted);
	return fsx_open_dir(root, name, ret_fd, err);
}

static int open_or_make(int root, const char *wanted, int *ret_fd,
			struct err *err)
{
	int r = folder_open(root, wanted, ret_fd, err);
	if (r != -(int)ERR_MISSING)
		return r;
	r = fsx_make_dir(root, wanted, FOLDER_MODE, err);
	return r < 0 ? r : fsx_open_dir(root, wanted, ret_fd, err);
}

int folder_make(const char *root_path, const char *wanted, int *ret_fd,
		struct err *err)
{
	AUTO_CLOSE int root = -1;
	int r = fsx_make_path(root_path, FOLDER_MODE, err);
	if (r == 0)
		r = fsx_open_root(root_path, &root, err);
	if (r == 0)
		r = open_or_make(root, wanted, ret_fd, err);
	if (r < 0)
		err_prefix(err, "folder '%s/%s'", root_path, wanted);
	return r;
}

/* --- what may be done in it --- */

/* Leaves nothing behind that it can remove. */
static int try_names(int dirfd, int *fd, const char *first, const char *second,
		     struct err *err)
{
	int r = fsx_sync(*fd, first, err);
	if (r == 0)
		r = fsx_close(fd, first, err);
	if (r == 0)
		r = fsx_move(dirfd, first, dirfd, second, err);
	if (r < 0) {
		if (fsx_remove(dirfd, first, NULL) < 0)
			return r; /* it stays, hidden; the first error counts */
		return r;
	}
	return fsx_remove(dirfd, second, err);
}

int folder_try(int dirfd, struct err *err)
{
	char hex[TRY_DIGITS + 1];
	char first[sizeof(TRY_PREFIX) + TRY_DIGITS];
	char second[sizeof(first) + 2];
	uuid_hex(hex, TRY_DIGITS);
	(void)snprintf(first, sizeof(first), "%s%s", TRY_PREFIX, hex);
	(void)snprintf(second, sizeof(second), "%s-2", first);
	AUTO_CLOSE int fd = -1;
	int r = fsx_create(dirfd, first, 0600, &fd, err);
	return r < 0 ? r : try_names(dirfd, &fd, first, second, err);
}
