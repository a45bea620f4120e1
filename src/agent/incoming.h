/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Taking messages from the server to their folders: list, fetch, stage, publish,
 * remember, acknowledge - in this order, each durable before the next.
 */
#ifndef MESHDROP_AGENT_INCOMING_H
#define MESHDROP_AGENT_INCOMING_H

#include <stdbool.h>

struct err;
struct mailbox;
struct turn;

/* Receives until the turn's share is used up or nothing is listed. *ret_more:
 * there is more to do at once. An error means that the mailbox cannot go on
 * now; a message that cannot be taken is put aside and is no error. */
int incoming_run(struct turn *turn, bool *ret_more, struct err *err)
	__attribute__((warn_unused_result));

/* Publishes a delivery that is STAGED and notes it; then it only has to be
 * acknowledged. Also for recovery. */
int incoming_deliver(struct mailbox *mailbox, struct err *err)
	__attribute__((warn_unused_result));

/* The list that is known is not the one that the settings ask for any more. */
void incoming_forget(struct mailbox *mailbox);

#endif
