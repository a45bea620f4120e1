/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Another time of day for one process (LD_PRELOAD): the seconds in the file
 * named by CLOCK_SHIFT_FILE, with or without a minus, are added to it, and are
 * read anew each time. With CLOCK_SHIFT_ALL the monotonic clock goes with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *ret);
time_t time(time_t *ret);
int gettimeofday(struct timeval *restrict ret, void *restrict zone);

static time_t shift(void)
{
	char text[32] = "";
	const char *path = getenv("CLOCK_SHIFT_FILE");
	int saved = errno;
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
	if (fd >= 0)
		(void)close(fd); /* it was only read */
	errno = saved;
	time_t sum = 0;
	for (ssize_t i = 0; i < n; i++)
		if (text[i] >= '0' && text[i] <= '9')
			sum = sum * 10 + (text[i] - '0');
	return text[0] == '-' ? -sum : sum;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
	bool too = clock == CLOCK_MONOTONIC && getenv("CLOCK_SHIFT_ALL");
	int r = (int)syscall(SYS_clock_gettime, clock, ret);
	if (r == 0 && (wall || too))
		ret->tv_sec += shift();
	return r;
}

time_t time(time_t *ret)
{
	struct timespec now = { .tv_sec = 0 };
	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	(void)zone;
	struct timespec now = { .tv_sec = 0 };
	int r = clock_gettime(CLOCK_REALTIME, &now);
	ret->tv_sec = now.tv_sec;
	ret->tv_usec = now.tv_nsec / 1000;
	return r;
}
