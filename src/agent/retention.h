/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * When a mailbox's folders are rid of what is settled, and what is not.
 *
 * Off unless a mailbox's retention setting says otherwise. A run goes through
 * SENT, FAILED, IN and the folders of deliveries, by spool/retain, a bounded
 * piece at the end of each good turn. It begins an hour after the last one
 * ended, some minutes after a start, and when nothing else is due; an hour
 * later also when something is.
 *
 * Nothing is removed while a record of the mailbox cannot be read, nor unless
 * the service took our clock for right and nobody has set it since: each of
 * our requests says what time it is, and the service refuses a wrong one.
 */
#ifndef MESHDROP_AGENT_RETENTION_H
#define MESHDROP_AGENT_RETENTION_H

#include <stdbool.h>
#include <stdint.h>

struct retention;
struct turn;

struct retention *retention_new(int64_t mono_ns);
struct retention *retention_free(struct retention *retention);
/* The next run may begin at that time already. */
void retention_hurry(struct retention *retention, int64_t mono_ns);
/* Ends a run that is under way: its settings are gone. */
void retention_cancel(struct retention *retention);
/* At the end of a good turn; idle: nothing else is due. True: go on soon. */
bool retention_run(struct turn *turn, bool idle);

#endif
