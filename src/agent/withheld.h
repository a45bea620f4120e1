/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Files that we may not have, or not have now: their owner took the right to
 * read or move them away, or holds them.
 *
 * That is their own trouble and nobody else's: a pair stays where it was
 * dropped, a job waits by itself, each is named in the log and tried again after
 * a growing while, and all others go on. Nothing of it is on disk: a restart
 * tries at once.
 */
#ifndef MESHDROP_AGENT_WITHHELD_H
#define MESHDROP_AGENT_WITHHELD_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct mailbox;
struct outgoing;
struct scan;
struct scan_pair;

/* Whether an error is of this kind. Pure. */
bool withheld_is(const struct err *err);

/* A pair that was not claimed, or a file of a route; the scan is the one that
 * handed it out. It is named when it is first met, up to a number an hour, and
 * the trouble as mailbox_complain has it. */
void withheld_pair(struct mailbox *mailbox, struct scan *scan,
		   const struct scan_pair *pair, const struct err *err);
/* The same where no scan knows of it, such as at a start. */
void withheld_claim(struct mailbox *mailbox, const struct err *err);
/* What shares a name with a claim that waits comes after it. */
void withheld_behind(struct scan *scan, const char *name);

/* A job waits alone from now on; it has its files, or its claim goes on. */
void withheld_job(struct mailbox *mailbox, struct outgoing *out,
		  const struct err *err);
/* It has gone on; says so if that is news. */
void withheld_over(struct mailbox *mailbox, struct outgoing *out);
/* How many jobs wait so. */
size_t withheld_count(const struct mailbox *mailbox);

#endif
