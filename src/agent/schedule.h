/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Whose turn it is. Pure: the caller gives the time and guards it.
 *
 * Each mailbox is a slot: due at a time, or running. The most overdue goes
 * first, so that no mailbox starves; one that runs is never picked.
 */
#ifndef MESHDROP_AGENT_SCHEDULE_H
#define MESHDROP_AGENT_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct schedule_slot {
	int64_t due_ns; /* monotonic */
	bool running;
	bool hinted; /* wanted at once when it has ended */
};

struct schedule {
	struct schedule_slot *slots; /* owned */
	size_t count;
};

#define SCHEDULE_NONE ((size_t)-1)

void schedule_init(struct schedule *schedule, size_t count);
void schedule_release(struct schedule *schedule);
/* Takes the slot whose turn it is at now, or SCHEDULE_NONE. */
size_t schedule_take(struct schedule *schedule, int64_t now_ns);
/* Ends a turn; due_ns is when the next is wanted. */
void schedule_give(struct schedule *schedule, size_t slot, int64_t due_ns,
		   int64_t now_ns);
/* Brings a slot forward. */
void schedule_hint(struct schedule *schedule, size_t slot, int64_t now_ns);
/* When the next slot that is not running is due; INT64_MAX: none. */
int64_t schedule_next(const struct schedule *schedule);
bool schedule_idle(const struct schedule *schedule);

#endif
