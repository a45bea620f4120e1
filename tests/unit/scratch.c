/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "scratch.h"

#include <dirent.h>
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

void scratch_make(struct scratch *scratch)
{
	const char *base = getenv("TMPDIR");
	int n = snprintf(scratch->path, sizeof(scratch->path),
			 "%s/meshdrop-unit-XXXXXX", base ? base : "/tmp");
	assert_in_range(n, 1, sizeof(scratch->path) - 1);
	assert_non_null(mkdtemp(scratch->path));
	scratch->fd = open(scratch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(scratch->fd >= 0);
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

void scratch_remove(struct scratch *scratch)
{
	assert_int_equal(close(scratch->fd), 0);
	assert_int_equal(nftw(scratch->path, remove_one, 16,
			      FTW_DEPTH | FTW_PHYS),
			 0);
}

void scratch_write(const struct scratch *scratch, const char *name,
		   const char *text)
{
	int fd = openat(scratch->fd, name,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0660);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

void scratch_mkdir(const struct scratch *scratch, const char *name, mode_t mode)
{
	assert_int_equal(mkdirat(scratch->fd, name, mode), 0);
	assert_int_equal(fchmodat(scratch->fd, name, mode, 0), 0);
}

void scratch_path(const struct scratch *scratch, const char *name,
		  char ret[PATH_MAX])
{
	int n = snprintf(ret, PATH_MAX, "%s/%s", scratch->path, name);
	assert_in_range(n, 1, PATH_MAX - 1);
}

size_t scratch_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	size_t count = 0;
	while (readdir(dir))
		count++;
	assert_int_equal(closedir(dir), 0);
	return count;
}

bool scratch_on_valgrind(void)
{
	return getenv("MESHDROP_VALGRIND");
}
