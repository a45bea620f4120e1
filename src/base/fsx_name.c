/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "base/fsx.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"

int fsx_stat_at(int dirfd, const char *name, struct stat *ret, struct err *err)
{
	int r = fsx_check_name(name, err);
	if (r < 0)
		return r;
	struct stat st;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "cannot look at '%s'", name);
	*ret = st;
	return 0;
}

int fsx_stat_path(const char *path, struct stat *ret, struct err *err)
{
	struct stat st;
	if (fstatat(AT_FDCWD, path, &st, 0) < 0)
		return err_sys(err, errno, "cannot look at '%s'", path);
	*ret = st;
	return 0;
}

int fsx_check_program(const char *path, struct err *err)
{
	struct stat st;
	if (fstatat(AT_FDCWD, path, &st, 0) < 0)
		return err_sys(err, errno, "cannot look at '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_UNSAFE,
			       "'%s' is not a program: it is not a regular file",
			       path);
	if ((st.st_mode & S_IWOTH) != 0)
		return err_set(err, ERR_UNSAFE,
			       "'%s' must not be run: everybody may write it; "
			       "chmod o-w it",
			       path);
	if (faccessat(AT_FDCWD, path, X_OK, 0) < 0)
		return err_sys(err, errno, "cannot run '%s'", path);
	return 0;
}

bool fsx_is_dir(const char *path)
{
	struct stat st;
	return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

int fsx_check_dir(int dirfd, struct err *err)
{
	if (faccessat(dirfd, ".", R_OK | W_OK | X_OK, AT_EACCESS) == 0)
		return 0;
	return err_sys(err, errno,
		       "this user cannot list it and change files in it");
}

struct rename {
	int from_dir;
	const char *from;
	int to_dir;
	const char *to;
	struct stat before; /* what was to be renamed */
};

static int rename_init(struct rename *op, struct err *err)
{
	int r = fsx_check_name(op->from, err);
	if (r < 0)
		return r;
	r = fsx_check_name(op->to, err);
	if (r < 0)
		return r;
	if (fstatat(op->from_dir, op->from, &op->before, AT_SYMLINK_NOFOLLOW) <
	    0)
		return err_sys(err, errno, "cannot rename '%s' to '%s'",
			       op->from, op->to);
	return 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_arrived(const struct rename *op)
{
	struct stat now;
	return fstatat(op->to_dir, op->to, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	       same_file(&now, &op->before);
}

static bool is_gone(const struct rename *op)
{
	struct stat now;
	return fstatat(op->from_dir, op->from, &now, AT_SYMLINK_NOFOLLOW) < 0 &&
	       errno == ENOENT;
}

/* An error is only believed after a look: when a network share loses its
 * answer, a rename that was done fails, also with ENOENT. */
static int rename_result(const struct rename *op, int sys, struct err *err)
{
	if (sys == 0 || (is_arrived(op) && is_gone(op)))
		return 0;
	return err_sys(err, sys, "cannot rename '%s' to '%s'", op->from,
		       op->to);
}

/* Whether both names could be one entry, so that removing one removes all. */
static bool is_one_entry(const struct rename *op)
{
	struct stat from;
	struct stat to;
	if (fstat(op->from_dir, &from) < 0 || fstat(op->to_dir, &to) < 0)
		return true;
	return same_file(&from, &to) && text_equal_nocase(op->from, op->to);
}

/* Both names are this file: a move by links that was cut off in the middle,
 * by death or by a lost answer. Nothing else may have two links here. */
static bool is_half_moved(const struct rename *op)
{
	struct stat now;
	return fstatat(op->from_dir, op->from, &now, AT_SYMLINK_NOFOLLOW) ==
		       0 &&
	       same_file(&now, &op->before) && S_ISREG(now.st_mode) &&
	       now.st_nlink == 2 && is_arrived(op) && !is_one_entry(op);
}

/* For file systems that cannot rename without overwriting, such as NFS.
 * 0 or an errno. */
static int link_names(const struct rename *op)
{
	int n = linkat(op->from_dir, op->from, op->to_dir, op->to, 0);
	return n < 0 ? errno : 0;
}

/* The new name is made durable before the old one goes: two steps, unlike a
 * rename, could reach the disk the other way round. */
static int finish_move(const struct rename *op, struct err *err)
{
	int r = fsx_sync_dir(op->to_dir, op->to, err);
	if (r < 0)
		return r;
	/* if we die here the file has both names; the next move ends it */
	int n = unlinkat(op->from_dir, op->from, 0);
	return rename_result(op, n < 0 ? errno : 0, err);
}

int fsx_move(int from_dir, const char *from, int to_dir, const char *to,
	     struct err *err)
{
	struct rename op = {
		.from_dir = from_dir, .from = from, .to_dir = to_dir, .to = to
	};
	int r = rename_init(&op, err);
	if (r < 0)
		return r;
	int n = renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE);
	int sys = n < 0 ? errno : 0;
	if (sys == EINVAL || sys == ENOSYS) {
		sys = link_names(&op);
		if (sys == 0)
			return finish_move(&op, err);
	}
	if (sys == EEXIST && is_half_moved(&op))
		return finish_move(&op, err);
	return rename_result(&op, sys, err);
}

static bool has_no_links(int sys)
{
	switch (sys) {
	case EPERM:
	case EOPNOTSUPP:
	case ENOSYS:
	case EMLINK:
	case EXDEV:
		return true;
	default:
		return false;
	}
}

/* Whether the other name is this file already: a network share does the work
 * and loses the answer. */
static bool is_linked(const struct rename *op)
{
	struct stat from;
	struct stat to;
	return fstatat(op->from_dir, op->from, &from, AT_SYMLINK_NOFOLLOW) ==
		       0 &&
	       fstatat(op->to_dir, op->to, &to, AT_SYMLINK_NOFOLLOW) == 0 &&
	       same_file(&from, &to);
}

int fsx_link(int from_dir, const char *from, int to_dir, const char *to,
	     bool *ret_able, struct err *err)
{
	const struct rename op = {
		.from_dir = from_dir, .from = from, .to_dir = to_dir, .to = to
	};
	int r = fsx_check_name(from, err);
	if (r == 0)
		r = fsx_check_name(to, err);
	if (r < 0)
		return r;
	int sys = link_names(&op);
	if (sys != 0 && is_linked(&op))
		sys = 0;
	if (sys != 0 && !has_no_links(sys))
		return err_sys(err, sys, "cannot link '%s' to '%s'", from, to);
	*ret_able = sys == 0;
	return 0;
}

int fsx_replace(int from_dir, const char *from, int to_dir, const char *to,
		struct err *err)
{
	struct rename op = {
		.from_dir = from_dir, .from = from, .to_dir = to_dir, .to = to
	};
	int r = rename_init(&op, err);
	if (r < 0)
		return r;
	int n = renameat(from_dir, from, to_dir, to);
	return rename_result(&op, n < 0 ? errno : 0, err);
}

int fsx_remove(int dirfd, const char *name, struct err *err)
{
	int r = fsx_check_name(name, err);
	if (r < 0)
		return r;
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return err_sys(err, errno, "cannot remove '%s'", name);
	return 0;
}
