/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What an operator wants done with a job, without racing the daemon.
 *
 * An order is a file in STATE_DIR/ID/orders, named after the job, with one
 * line. Whoever holds the mailbox's lock carries orders out: the daemon at the
 * start of its next turn (inotify brings it forward), or the tool itself when
 * no daemon runs. An order is removed once it was carried out or cannot be;
 * the job's record tells what became of it. An order that is met twice, after
 * a crash, does nothing the second time.
 */
#ifndef MESHDROP_AGENT_ORDERS_H
#define MESHDROP_AGENT_ORDERS_H

#include <stdbool.h>

#include "base/text.h"

struct boxdir;
struct err;
struct job;
struct mailbox;

enum order_verb {
	ORDER_HOLD,    /* nothing is done with it until it is released */
	ORDER_RELEASE, /* go on where it was held */
	ORDER_RETRY,   /* do not wait any longer */
	ORDER_ADOPT,   /* the service has it, under this id */
	ORDER_RESEND,  /* the service does not have it */
	ORDER_FAIL,    /* give up: to FAILED */
};

struct order {
	enum order_verb verb;
	char message_id[TEXT_ID_SIZE]; /* ADOPT */
};

/* Pure: whether the job's state allows it; *ret_why is a sentence if not. */
bool order_allowed(const struct order *order, const struct job *job,
		   const char **ret_why);
bool order_parse(const char *text, struct order *ret);

/* Leaves an order for a job; replaces one that waits. */
int orders_leave(const struct boxdir *dir, const char *job_id,
		 const struct order *order, struct err *err)
	__attribute__((warn_unused_result));
/* Carries out all that wait. The mailbox is locked by this process. */
int orders_apply(struct mailbox *mailbox, struct err *err)
	__attribute__((warn_unused_result));

#endif
