/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What became of a message whose answer was lost.
 *
 * Delivery is asynchronous, so the first look-up waits resolve_after, and one
 * "not there" proves nothing: two, resolve_gap apart, do. An answer is adopted
 * only if recipient, workflow, file name, size and time all agree and it is
 * not the message that tracking knew before we began. Anything else is HELD,
 * or what on_ambiguous says.
 */
#ifndef MESHDROP_AGENT_RESOLVE_H
#define MESHDROP_AGENT_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/reply.h"
#include "mesh/track.h"
#include "spool/job.h"

struct err;
struct inbox_head;
struct mailbox;
struct outgoing;
struct proto_message;
struct turn;

enum resolve_verdict {
	RESOLVE_ADOPT,	/* it is there: take its id */
	RESOLVE_AGAIN,	/* not there: ask once more, later */
	RESOLVE_RESEND, /* not there, for certain */
	RESOLVE_REJECT, /* it arrived, and was refused */
	RESOLVE_HOLD,	/* the evidence does not decide */
};

/* What is known about the message and what tracking answered. */
struct resolve_case {
	const char *to;
	const char *workflow;
	const char *file_name;
	uint64_t size;	    /* of the payload */
	uint64_t body_size; /* as it went over the wire */
	int64_t opening_ns; /* wall time of the intent */
	int64_t now_ns;
	bool unique;	      /* we made the local id */
	bool shared;	      /* another job of ours has it, or had it */
	const char *baseline; /* see struct job */
	unsigned absent;      /* look-ups before this one that found nothing */
	enum track_found found;
	const struct reply_track *track; /* for TRACK_ONE */
};

/* Pure; *ret_why is a sentence for the record. */
enum resolve_verdict resolve_decide(const struct resolve_case *facts,
				    const char **ret_why);

/* One look-up for a job in UNKNOWN whose time has come, and its consequence. */
int resolve_step(struct turn *turn, struct outgoing *out, struct err *err)
	__attribute__((warn_unused_result));

/* Leaves the job to an operator; a release takes it to resume. */
int resolve_hold(struct turn *turn, struct outgoing *out, enum job_state resume,
		 const char *why, struct err *err)
	__attribute__((warn_unused_result));

/* Before the first POST of a local id that is not ours: what does tracking
 * know already? Writes job.baseline. */
int resolve_baseline(struct turn *turn, struct outgoing *out, struct err *err)
	__attribute__((warn_unused_result));

/* A report of the service that says ERROR of a message that can only be ours
 * settles a job that waits in UNKNOWN or HELD: the service had it. */
int resolve_by_report(struct mailbox *mailbox, const struct inbox_head *head,
		      struct err *err) __attribute__((warn_unused_result));

#endif
