/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define BORDER "\n%%\n"

void fuzz_holds(bool holds, const char *what, const char *file, int line)
{
	if (holds)
		return;
	(void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = xmalloc(size + 1);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

bool fuzz_next(const uint8_t *data, size_t size, size_t *at,
	       struct fuzz_piece *ret)
{
	if (*at > size || size == 0)
		return false;
	const uint8_t *start = data + *at;
	size_t left = size - *at;
	const uint8_t *end = memmem(start, left, BORDER, strlen(BORDER));
	*ret = (struct fuzz_piece){
		.data = start,
		.size = end ? (size_t)(end - start) : left,
	};
	*at = end ? (size_t)(end - data) + strlen(BORDER) : size + 1;
	return true;
}

/* --- files --- */

static char directory[PATH_MAX];

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *where)
{
	(void)st; /* nftw's signature */
	(void)type;
	(void)where;
	return remove(path);
}

static void remove_directory(void)
{
	(void)nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_dir(void)
{
	if (directory[0] != '\0')
		return directory;
	const char *tmp = getenv("TMPDIR");
	const char *memory = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" :
								    "/tmp";
	(void)snprintf(directory, sizeof(directory), "%s/meshdrop-fuzz-XXXXXX",
		       tmp && tmp[0] == '/' ? tmp : memory);
	FUZZ_HOLDS(mkdtemp(directory) != NULL);
	FUZZ_HOLDS(atexit(remove_directory) == 0);
	return directory;
}

int fuzz_empty(const char *name)
{
	char path[PATH_MAX + 32];
	(void)snprintf(path, sizeof(path), "%s/%s", fuzz_dir(), name);
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	FUZZ_HOLDS(mkdir(path, 0700) == 0);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_HOLDS(fd >= 0);
	return fd;
}

int fuzz_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	FUZZ_HOLDS(fd >= 0);
	FUZZ_HOLDS(write(fd, data, size) == (ssize_t)size);
	FUZZ_HOLDS(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}
