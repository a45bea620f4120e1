/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What TEMP holds of messages whose download was broken off: kept for the next
 * attempt, and given back as soon as nobody will go on with it or others need
 * the room.
 *
 * Nothing is lost by that: such a message was never acknowledged, and the
 * service still has it. Functions that remove answer 0 or -ERR_SYNC; what cannot
 * be removed now is tried again.
 */
#ifndef MESHDROP_AGENT_PARTS_H
#define MESHDROP_AGENT_PARTS_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct mailbox;
struct reply_page;

/* Whether the service has a message no more that was last worked on at that
 * time. */
bool parts_outdated(int64_t mtime_ns, int64_t wall_ns);

/* A poll: which parts are there; those that a page lists stay; after the last
 * page, the others go. */
int parts_poll_begins(struct mailbox *mailbox, struct err *err)
	__attribute__((warn_unused_result));
void parts_listed(struct mailbox *mailbox, const struct reply_page *page);
int parts_poll_ends(struct mailbox *mailbox, struct err *err)
	__attribute__((warn_unused_result));

/* Gives back all but the one that is being fetched. */
int parts_give_back(struct mailbox *mailbox, struct err *err)
	__attribute__((warn_unused_result));
/* Between turns: with less than twice the reserve free, what waits is given
 * back, so that it never stands in the way of a message that would fit; with
 * less than the reserve, what is being fetched is, too. */
int parts_keep_room(struct mailbox *mailbox, struct err *err)
	__attribute__((warn_unused_result));

#endif
