/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Threads that take turns from one schedule.
 *
 * A worker owns its connection to the service and holds one mailbox at a time;
 * what it runs knows nothing of threads. workers_pause waits until no turn
 * runs, so that settings can be changed under them.
 */
#ifndef MESHDROP_AGENT_WORKERS_H
#define MESHDROP_AGENT_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;
struct err;
struct mailbox;
struct workers;

/* What the main thread has to know; all from under one lock. */
struct workers_state {
	bool fatal;	   /* a sync failed: end the process */
	uint64_t turns;	   /* ended so far */
	int64_t oldest_ns; /* silence of the quietest running worker */
};

/* Written to (one byte or more) whenever a turn ends: main's alarm. */
int workers_start(const struct conf *conf, struct mailbox **mailboxes,
		  size_t count, int wake_fd, struct workers **ret,
		  struct err *err) __attribute__((warn_unused_result));
void workers_hint(struct workers *workers, size_t mailbox);
void workers_state(struct workers *workers, struct workers_state *ret);
/* Turns end at their next step; no new ones begin. */
void workers_stop_soon(struct workers *workers);
/* Requests under way are given up, too. */
void workers_stop_now(struct workers *workers);
/* Whether no turn is running. */
bool workers_idle(struct workers *workers);
/* Stops soon, waits for the threads, frees. NULL is fine. */
struct workers *workers_join(struct workers *workers);

#endif
