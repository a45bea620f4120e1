/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/watch.h"

#include <limits.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/mem.h"

#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO)

struct watch_mark {
	int mark;
	size_t slot;
};

struct watch {
	int fd;
	struct watch_mark *marks;
	size_t count;
	size_t slots; /* one more than the highest */
};

struct watch *watch_new(void)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd < 0)
		return NULL;
	struct watch *watch = xcalloc(1, sizeof(*watch));
	watch->fd = fd;
	return watch;
}

struct watch *watch_free(struct watch *watch)
{
	if (!watch)
		return NULL;
	mem_auto_close(&watch->fd);
	free(watch->marks);
	free(watch);
	return NULL;
}

int watch_fd(const struct watch *watch)
{
	return watch ? watch->fd : -1;
}

void watch_add(struct watch *watch, int dirfd, size_t slot)
{
	if (!watch)
		return;
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d",
		       dirfd); /* fits */
	int mark = inotify_add_watch(watch->fd, path, EVENTS);
	if (mark < 0)
		return; /* the periodic scan will do */
	watch->marks = xreallocarray(watch->marks, watch->count + 1,
				     sizeof(*watch->marks));
	watch->marks[watch->count++] = (struct watch_mark){ .mark = mark,
							    .slot = slot };
	if (slot >= watch->slots)
		watch->slots = slot + 1;
}

static void mark_moved(const struct watch *watch, int mark, bool *moved)
{
	for (size_t i = 0; i < watch->count; i++)
		if (mark < 0 || watch->marks[i].mark == mark)
			moved[watch->marks[i].slot] = true;
}

static void read_events(const struct watch *watch, bool *moved)
{
	alignas(struct inotify_event) char events[16384];
	for (;;) {
		ssize_t n = read(watch->fd, events, sizeof(events));
		if (n <= 0)
			return; /* all read; an error only loses hints */
		for (size_t at = 0; at < (size_t)n;) {
			const struct inotify_event *event =
				(const void *)(events + at);
			/* An overflow (mark -1) means: anything. */
			mark_moved(watch, event->wd, moved);
			at += sizeof(*event) + event->len;
		}
	}
}

void watch_drain(struct watch *watch, void (*fn)(void *ctx, size_t slot),
		 void *ctx)
{
	if (!watch || watch->count == 0)
		return;
	AUTO_FREE bool *moved = xcalloc(watch->slots, sizeof(*moved));
	read_events(watch, moved);
	for (size_t i = 0; i < watch->slots; i++)
		if (moved[i])
			fn(ctx, i);
}
