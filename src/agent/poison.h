/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Messages that could not be taken: put aside for a growing while, so that
 * they are never in the way of the others, and shouted about, because after
 * five days the service takes them away.
 */
#ifndef MESHDROP_AGENT_POISON_H
#define MESHDROP_AGENT_POISON_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct mailbox;
struct reply_page;

/* Whether a message has to wait. */
bool poison_waits(const struct mailbox *mailbox, const char *id,
		  int64_t mono_ns);
/* It failed (again): says so, with the days that are left. */
void poison_note(struct mailbox *mailbox, const char *id,
		 const struct err *err);
/* It was taken after all, or is gone. */
void poison_forget(struct mailbox *mailbox, const char *id);
/* A poll: what no page of it lists is gone, too. */
void poison_poll_begins(struct mailbox *mailbox);
void poison_listed(struct mailbox *mailbox, const struct reply_page *page);
void poison_poll_ends(struct mailbox *mailbox);

#endif
