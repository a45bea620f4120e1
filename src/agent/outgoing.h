/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Taking claimed pairs to the server: open, chunk, wait.
 *
 * Each job goes through its states one durable step at a time; a function here
 * is one arrow of the table in doc/ARCHITECTURE.md. What the answer of a POST
 * means is decided in mesh/outcome, what an unknown one becomes in
 * agent/resolve, what happens to the files at the end in agent/settle.
 */
#ifndef MESHDROP_AGENT_OUTGOING_H
#define MESHDROP_AGENT_OUTGOING_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct mailbox;
struct outgoing;
struct turn;

/* What the job wants after a step. */
enum outgoing_next {
	OUTGOING_GO,	/* another step, now */
	OUTGOING_YIELD, /* a chunk of a large message went: others first */
	OUTGOING_WAIT,	/* nothing to do before its time, or an operator */
	OUTGOING_DONE,	/* finished; the job is gone from the mailbox */
};

/* One step. An error means that the mailbox cannot go on now; what is wrong
 * with the message itself is in the job's record. */
int outgoing_step(struct turn *turn, struct outgoing *out,
		  enum outgoing_next *ret, struct err *err)
	__attribute__((warn_unused_result));

/* Wall time before which nothing can happen to the job; 0: now; -1: not by
 * itself (held, or its claim is not finished). */
int64_t outgoing_due(const struct outgoing *out);

/* Whether the job waits for a time that nothing ever asked for: the clock was
 * wrong when it was written. */
bool outgoing_strayed(const struct outgoing *out);

/* Writes what the answer of a POST (out->outcome) leads to. An error also
 * where others should not be sent now. */
int outgoing_outcome(struct turn *turn, struct outgoing *out, struct err *err)
	__attribute__((warn_unused_result));

/* An intent without outcome: the answer is lost. */
int outgoing_lost(struct outgoing *out, int64_t resolve_after_ns,
		  struct err *err) __attribute__((warn_unused_result));

void outgoing_close_data(struct outgoing *out);

/* Moves to REJECTED with a StatusRecord's event and code. */
int outgoing_reject(struct mailbox *mailbox, struct outgoing *out,
		    const char *event, const char *code, const char *text,
		    struct err *err) __attribute__((warn_unused_result));

#endif
