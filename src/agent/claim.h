/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * From a ready pair to a job: the record comes first, then the renames into
 * TEMP. From then on the pair is ours (agent/outgoing).
 */
#ifndef MESHDROP_AGENT_CLAIM_H
#define MESHDROP_AGENT_CLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl;
struct err;
struct job;
struct mailbox;
struct outgoing;
struct scan_pair;
struct turn;

/* How many more pairs may be claimed in this turn. */
size_t claim_room(const struct mailbox *mailbox);

/* Makes a job of a ready pair: record, then renames. A pair that somebody took
 * away meanwhile is no error, nor one that is kept from us (agent/withheld). */
int claim_pair(struct turn *turn, const struct scan_pair *pair, struct err *err)
	__attribute__((warn_unused_result));

/* The claim itself: reports, record, renames. The job has its names and
 * identities, and is taken over whatever happens; ctl is what is sent with. */
int claim_begin(struct turn *turn, struct job *job, const struct ctl *ctl,
		int64_t now, struct err *err)
	__attribute__((warn_unused_result));

/* Whether what was said about a control file will never change: it cannot be
 * used, now or later. Other failures may pass. */
bool claim_is_unusable(int r);

/* Finishes the renames of a claim. As long as it fails, OUT must not be looked
 * at again: the pair would be found a second time. What we may not move is no
 * such failure: withheld_is(err) says that nothing was moved and the job is gone;
 * where one of two was moved, 0 is the answer and the job waits for the other,
 * unclaimed. */
int claim_take(struct mailbox *mailbox, struct outgoing *out, struct err *err)
	__attribute__((warn_unused_result));
/* The same for a claim of before: one that is gone now is said, and 0. */
int claim_take_again(struct mailbox *mailbox, struct outgoing *out,
		     struct err *err) __attribute__((warn_unused_result));
/* Whether a file of that name belongs to a claim that waits; route: its folder,
 * "" for OUT. */
bool claim_is_pending(const struct mailbox *mailbox, const char *route,
		      const char *name);

#endif
