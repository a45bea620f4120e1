/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * inotify on the OUT folders and others: a hint that brings a turn forward. The periodic
 * scan is the truth; network shares send no events at all.
 */
#ifndef MESHDROP_AGENT_WATCH_H
#define MESHDROP_AGENT_WATCH_H

#include <stddef.h>

struct watch;

/* NULL when the system has no inotify to give: then there are no hints. */
struct watch *watch_new(void);
struct watch *watch_free(struct watch *watch);
/* To be polled for reading; -1 for NULL. */
int watch_fd(const struct watch *watch);
/* dirfd is looked at from now on, under the number slot; one slot may have
 * several folders. */
void watch_add(struct watch *watch, int dirfd, size_t slot);
/* Reads what happened and calls fn once for each slot that moved. */
void watch_drain(struct watch *watch, void (*fn)(void *ctx, size_t slot),
		 void *ctx);

#endif
