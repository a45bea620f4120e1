/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "base/fsx.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

struct fsx_dir {
	DIR *stream; /* owned */
};

static int open_at(int dirfd, const char *path, int flags)
{
	int fd;
	do {
		fd = openat(dirfd, path, flags | O_DIRECTORY | O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	return fd;
}

int fsx_make_dir(int dirfd, const char *name, mode_t mode, struct err *err)
{
	int r = fsx_check_name(name, err);
	if (r < 0)
		return r;
	if (mkdirat(dirfd, name, mode) == 0)
		return fsx_sync_dir(dirfd, name, err);
	if (errno != EEXIST)
		return err_sys(err, errno, "cannot make directory '%s'", name);
	struct stat st;
	r = fsx_stat_at(dirfd, name, &st, err);
	if (r < 0)
		return r;
	if (S_ISDIR(st.st_mode))
		return 0;
	return err_set(err, ERR_UNSAFE,
		       "cannot make directory '%s': something else has the name",
		       name);
}

int fsx_remove_dir(int dirfd, const char *name, struct err *err)
{
	int r = fsx_check_name(name, err);
	if (r < 0)
		return r;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0)
		return fsx_sync_dir(dirfd, name, err);
	if (errno == ENOENT)
		return 0;
	return err_sys(err, errno, "cannot remove directory '%s'", name);
}

/* dirfd may be open for walking only, so it is opened again for the sync. */
static int make_step(int dirfd, const char *step, mode_t mode, const char *path,
		     struct err *err)
{
	if (mkdirat(dirfd, step, mode) < 0)
		return err_sys(err, errno, "cannot make directory '%s'", path);
	AUTO_CLOSE int parent = open_at(dirfd, ".", O_RDONLY);
	if (parent < 0)
		return err_sys(err, errno, "cannot open the parent of '%s'",
			       path);
	return fsx_sync_dir(parent, path, err);
}

static int walk_step(int *dirfd, const char *step, mode_t mode,
		     const char *path, struct err *err)
{
	int fd = open_at(*dirfd, step, O_PATH);
	if (fd < 0 && errno == ENOENT) {
		int r = make_step(*dirfd, step, mode, path, err);
		if (r < 0 && r != -(int)ERR_EXISTS)
			return r;
		fd = open_at(*dirfd, step, O_PATH);
	}
	if (fd < 0)
		return err_sys(err, errno, "cannot make directory '%s'", path);
	(void)close(*dirfd); /* nothing can be written through it */
	*dirfd = fd;
	return 0;
}

int fsx_make_path(const char *path, mode_t mode, struct err *err)
{
	if (!*path)
		return err_set(err, ERR_INVALID,
			       "cannot make a directory without a name");
	AUTO_CLOSE int dirfd = open_at(AT_FDCWD, *path == '/' ? "/" : ".",
				       O_PATH);
	if (dirfd < 0)
		return err_sys(err, errno, "cannot make directory '%s'", path);
	AUTO_FREE char *steps = xstrdup(path);
	char *rest = NULL;
	for (const char *step = strtok_r(steps, "/", &rest); step;
	     step = strtok_r(NULL, "/", &rest)) {
		int r = walk_step(&dirfd, step, mode, path, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* "." is opened anew, because a duplicate would share dirfd's position. */
int fsx_dir_open(int dirfd, struct fsx_dir **ret, struct err *err)
{
	int fd = open_at(dirfd, ".", O_RDONLY);
	if (fd < 0)
		return err_sys(err, errno, "cannot read the directory");
	DIR *stream = fdopendir(fd);
	if (!stream) {
		int sys = errno;
		(void)close(fd); /* nothing was written through it */
		return err_sys(err, sys, "cannot read the directory");
	}
	struct fsx_dir *dir = xmalloc(sizeof(*dir));
	dir->stream = stream;
	*ret = dir;
	return 0;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

int fsx_dir_next(struct fsx_dir *dir, const char **ret_name, struct err *err)
{
	const struct dirent *entry;
	do {
		errno = 0;
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): a stream has one user */
		entry = readdir(dir->stream);
	} while (entry && is_dots(entry->d_name));
	if (!entry && errno != 0)
		return err_sys(err, errno, "cannot read the directory");
	*ret_name = entry ? entry->d_name : NULL;
	return 0;
}

struct fsx_dir *fsx_dir_close(struct fsx_dir *dir)
{
	if (dir)
		(void)closedir(dir->stream); /* nothing was written */
	free(dir);
	return NULL;
}
