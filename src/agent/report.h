/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Reports of our own in IN that belong to no job's end: poll, delay, an outage,
 * a data file alone.
 *
 * Written to TEMP, synced, renamed. A crash in between loses the report, never
 * a message; reports about a message's fate go with its job instead
 * (agent/settle), and are written exactly once.
 */
#ifndef MESHDROP_AGENT_REPORT_H
#define MESHDROP_AGENT_REPORT_H

#include "base/err.h"

struct mailbox;
struct outgoing;

/* RECEIVE 00, when reports.poll is on. */
int report_poll(struct mailbox *mailbox, struct err *err)
	__attribute__((warn_unused_result));
/* TRANSFER 05, when reports.delay is on. */
int report_delay(struct mailbox *mailbox, const struct outgoing *out,
		 struct err *err) __attribute__((warn_unused_result));

/* The code of RECEIVE for a handshake or poll that failed so: "15", "16" or
 * "17". Pure. */
const char *report_outage_code(enum err_code code);
/* RECEIVE 15, 16 or 17: why the inbox cannot be asked. */
int report_outage(struct mailbox *mailbox, const struct err *why,
		  struct err *err) __attribute__((warn_unused_result));
/* TRANSFER 03 or 04: why a message waits; nothing for another cause than TLS or
 * credentials. */
int report_barred(struct mailbox *mailbox, const struct outgoing *out,
		  const struct err *why, struct err *err)
	__attribute__((warn_unused_result));
/* COLLECT 01: a data file that nobody says anything about. */
int report_lone(struct mailbox *mailbox, const char *dat_name, struct err *err)
	__attribute__((warn_unused_result));

#endif
