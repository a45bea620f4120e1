/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Reports of our own in IN that belong to no job's end: poll and delay.
 *
 * Written to TEMP, synced, renamed. A crash in between loses the report, never
 * a message; reports about a message's fate go with its job instead
 * (agent/settle), and are written exactly once.
 */
#ifndef MESHDROP_AGENT_REPORT_H
#define MESHDROP_AGENT_REPORT_H

struct err;
struct mailbox;
struct outgoing;

/* RECEIVE 00, when reports.poll is on. */
int report_poll(struct mailbox *mailbox, struct err *err)
	__attribute__((warn_unused_result));
/* TRANSFER 05, when reports.delay is on. */
int report_delay(struct mailbox *mailbox, const struct outgoing *out,
		 struct err *err) __attribute__((warn_unused_result));

#endif
