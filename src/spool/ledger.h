/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What was delivered and what was sent, remembered for at least LEDGER_DAYS.
 *
 * Append-only text, a file a month (2026-11.log) in the mailbox's state
 * folder; lines as in spool/record. It is what turns a message that is listed
 * again into an acknowledge and nothing else: an id is DELIVERED exactly when
 * its line is durable here. Known ids are kept in memory. Other than in a job
 * record a damaged line hides no other: reading goes on behind it.
 */
#ifndef MESHDROP_SPOOL_LEDGER_H
#define MESHDROP_SPOOL_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct job;
struct ledger;

#define LEDGER_DAYS 35
#define LEDGER_KEEP 3 /* files */

/* Reads all months that can matter, cuts a torn tail off the newest, removes
 * months that are over by more than LEDGER_DAYS and 31 days, but none of the
 * newest LEDGER_KEEP: a clock that is wrong must not make us forget. dirfd is
 * borrowed. For whoever holds the mailbox's lock. */
int ledger_open(int dirfd, int64_t wall_ns, struct ledger **ret,
		struct err *err) __attribute__((warn_unused_result));
struct ledger *ledger_close(struct ledger *ledger);

bool ledger_delivered(const struct ledger *ledger, const char *message_id);
/* Whether this mailbox sent this local id in the last LEDGER_DAYS. */
bool ledger_sent_local(const struct ledger *ledger, const char *local_id);
/* The local id of the newest message that was sent in that time, "" if none:
 * tracking must know it. */
const char *ledger_last_local(const struct ledger *ledger);
/* Whether the job's end is noted already. */
bool ledger_has_job(const struct ledger *ledger, const char *job_id);

/* Durable when it returns 0; what is noted already is not noted twice. */
int ledger_add_delivered(struct ledger *ledger, const char *message_id,
			 uint64_t size, bool report, int64_t wall_ns,
			 struct err *err) __attribute__((warn_unused_result));
int ledger_add_sent(struct ledger *ledger, const struct job *job,
		    int64_t wall_ns, struct err *err)
	__attribute__((warn_unused_result));

#endif
