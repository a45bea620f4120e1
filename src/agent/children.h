/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Programs that run, each with a time limit.
 *
 * At its limit the process group of a child gets SIGTERM; the child is not
 * reaped for CHILDREN_MERCY then, even if it has ended, so that the SIGKILL
 * which follows can reach what is left of its group and nobody else. A process
 * that not even that ends is kept, and given up when all are to stop.
 */
#ifndef MESHDROP_AGENT_CHILDREN_H
#define MESHDROP_AGENT_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/proc.h"

struct err;
struct pollfd;

#define CHILDREN_MERCY (5 * CLOCK_SECOND)
/* After SIGKILL only a process that hangs in the kernel is still there. */
#define CHILDREN_GIVE_UP (2 * CLOCK_SECOND)

enum child_stage {
	CHILD_RUNS,
	CHILD_TERMED,
	CHILD_KILLED,
	CHILD_STUCK,
};

struct child {
	void *owner; /* the caller's */
	struct proc proc;
	enum child_stage stage;
	bool stopped; /* not at its limit, but because all are to stop */
	int64_t started_ns;
	int64_t limit_ns;
	int64_t due_ns; /* monotonic: of the next stage */
};

struct children {
	struct child *list; /* owned */
	size_t count;
};

#define CHILD_REASON_SIZE 128

struct child_over {
	void *owner;
	int64_t took_ns;
	char reason[CHILD_REASON_SIZE]; /* key=value; "": it ended well */
};

/* Takes in a child that was started just now. */
void children_add(struct children *children, void *owner,
		  const struct proc *proc, int64_t now_ns, int64_t limit_ns);
/* Takes out one that is over, and signals those whose time has come; with stop
 * all that run. False: there is none (any more). */
bool children_take(struct children *children, int64_t now_ns, bool stop,
		   struct child_over *ret);
/* What to poll, one entry a child; answers until when. */
int64_t children_poll(const struct children *children, int64_t now_ns,
		      struct pollfd *fds);
void children_kill(const struct children *children);
/* There must be none left. */
void children_release(struct children *children);

#endif
