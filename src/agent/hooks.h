/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Running the operator's programs, beside the work.
 *
 * One runner a process, with a thread of its own that exists only once there
 * was something to run. Each mailbox has a lane: its hooks are started in the
 * order in which they came, so many at a time as its settings say, and those
 * of others do not wait for them. hooks_add never waits; a lane that is full
 * takes no more, says so and counts. Whatever becomes of a hook changes nothing
 * in the delivery of messages; it is logged and counted.
 *
 * At its time limit a hook is ended as agent/children has it; until then its
 * place in the lane is taken.
 *
 * Safe from any thread. A NULL runner takes nothing and is idle.
 */
#ifndef MESHDROP_AGENT_HOOKS_H
#define MESHDROP_AGENT_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct hooks;

#define HOOKS_QUEUED_MOST ((size_t)1000) /* of one mailbox */

/* One run, with the settings of the moment it was made. */
struct hook {
	char mailbox[TEXT_MAILBOX_SIZE];
	const char *event; /* for the log, such as "on_report"; static */
	char *about;	   /* owned; key=value of what it is about */
	char **argv;	   /* owned, with its texts; ends with NULL */
	char **env;	   /* the same */
	int64_t timeout_ns;
	uint64_t parallel; /* of this mailbox, at a time */
	struct hook *next; /* the runner's */
};

struct hook *hook_free(struct hook *hook);

struct hooks_counts {
	uint64_t run;	  /* came to an end, or could not be started */
	uint64_t failed;  /* those of them that did not end well */
	uint64_t dropped; /* never tried: the lane was full, or we stopped */
	uint64_t waiting; /* queued, or running */
};

struct hooks *hooks_new(void);
/* Stops now and waits for the thread. NULL is fine; returns NULL. */
struct hooks *hooks_free(struct hooks *hooks);

/* Starts the thread now, so that it has the rights that the caller still has.
 * False: it cannot be started. */
bool hooks_prepare(struct hooks *hooks);

/* Takes over the hook. */
void hooks_add(struct hooks *hooks, struct hook *hook);

void hooks_counts(struct hooks *hooks, const char *mailbox,
		  struct hooks_counts *ret);
/* Of all mailboxes: how many came to an end. */
uint64_t hooks_ended(struct hooks *hooks);
/* An eventfd that is written to when a hook ends; -1: none. */
void hooks_wake(struct hooks *hooks, int wake_fd);

/* Nothing runs, and nothing is going to. */
bool hooks_idle(struct hooks *hooks);
/* Starts no more; what is queued is dropped. */
void hooks_stop_soon(struct hooks *hooks);
/* Ends what runs as at its time limit; idle within seconds. */
void hooks_stop_now(struct hooks *hooks);
/* SIGKILL to all that runs or is being started, and nothing is started any
 * more; for a process that is about to end. */
void hooks_abandon(struct hooks *hooks);

#endif
