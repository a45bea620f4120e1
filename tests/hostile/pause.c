/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Loaded into a program under test (LD_PRELOAD), so that something can be done
 * between two of its system calls, and so that it meets a kernel without
 * openat2.
 *
 * HOSTILE_PAUSE=CALL:N:NAME stops before the N-th CALL (counted from 1) of a
 * name that the pattern NAME matches, connects to the socket HOSTILE_SOCKET, and goes on
 * when that is closed. HOSTILE_OPENAT2=NUMBER lets openat2 fail with this error.
 * HOSTILE_TRACE=FILE writes "CALL NAME" of each call into a file.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned seen;

static void *real(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);
	if (!found)
		abort();
	return found;
}

static void stop_here(void)
{
	struct sockaddr_un where = { .sun_family = AF_UNIX };
	const char *path = getenv("HOSTILE_SOCKET");
	if (!path || strlen(path) >= sizeof(where.sun_path))
		abort();
	memcpy(where.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (const struct sockaddr *)&where, sizeof(where)) < 0)
		abort();
	char byte;
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	(void)close(fd);
}

static void trace(const char *call, const char *name)
{
	const char *path = getenv("HOSTILE_TRACE");
	if (!path)
		return;
	FILE *file = fopen(path, "ae");
	if (!file)
		abort();
	(void)fprintf(file, "%s %s\n", call, name);
	(void)fclose(file);
}

static bool is_wanted(const char *call, const char *name)
{
	const char *want = getenv("HOSTILE_PAUSE");
	char wanted[64];
	unsigned count = 0;
	int at = 0;
	if (!want || sscanf(want, "%63[^:]:%u:%n", wanted, &count, &at) < 2)
		return false;
	if (strcmp(wanted, call) != 0 || fnmatch(want + at, name, 0) != 0)
		return false;
	return ++seen == count;
}

static void before(const char *call, const char *name)
{
	int saved = errno;
	(void)pthread_mutex_lock(&lock);
	trace(call, name);
	bool stop = is_wanted(call, name);
	(void)pthread_mutex_unlock(&lock);
	if (stop)
		stop_here();
	errno = saved;
}

static void before_fd(const char *call, int fd)
{
	char link[64];
	char name[4096];
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, name, sizeof(name) - 1);
	name[n > 0 ? n : 0] = '\0';
	before(call, name);
}

static bool lacks_openat2(void)
{
	const char *number = getenv("HOSTILE_OPENAT2");
	unsigned error = 0;
	if (!number || sscanf(number, "%u", &error) != 1)
		return false;
	errno = (int)error;
	return true;
}

long syscall(long number, ...)
{
	long (*next)(long, ...) = (long (*)(long, ...))real("syscall");
	long args[6];
	va_list ap;
	va_start(ap, number);
	for (size_t i = 0; i < 6; i++)
		args[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_openat2) {
		before("openat2", (const char *)args[1]);
		if (lacks_openat2())
			return -1;
	}
	return next(number, args[0], args[1], args[2], args[3], args[4],
		    args[5]);
}

int openat(int dirfd, const char *name, int flags, ...)
{
	int (*next)(int, const char *, int,
		    ...) = (int (*)(int, const char *, int, ...))real("openat");
	va_list ap;
	va_start(ap, flags);
	mode_t mode = va_arg(ap, mode_t);
	va_end(ap);
	before("openat", name);
	return next(dirfd, name, flags, mode);
}

int fstatat(int dirfd, const char *name, struct stat *st, int flags)
{
	int (*next)(int, const char *, struct stat *,
		    int) = (int (*)(int, const char *, struct stat *,
				    int))real("fstatat");
	before("fstatat", name);
	return next(dirfd, name, st, flags);
}

int fstat(int fd, struct stat *st)
{
	int (*next)(int,
		    struct stat *) = (int (*)(int, struct stat *))real("fstat");
	before_fd("fstat", fd);
	return next(fd, st);
}

ssize_t pread(int fd, void *data, size_t len, off_t offset)
{
	ssize_t (*next)(int, void *, size_t,
			off_t) = (ssize_t(*)(int, void *, size_t,
					     off_t))real("pread");
	before_fd("pread", fd);
	return next(fd, data, len, offset);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to,
	      unsigned flags)
{
	int (*next)(int, const char *, int, const char *,
		    unsigned) = (int (*)(int, const char *, int, const char *,
					 unsigned))real("renameat2");
	before("renameat2", from);
	return next(from_dir, from, to_dir, to, flags);
}

int unlinkat(int dirfd, const char *name, int flags)
{
	int (*next)(int, const char *,
		    int) = (int (*)(int, const char *, int))real("unlinkat");
	before("unlinkat", name);
	return next(dirfd, name, flags);
}
