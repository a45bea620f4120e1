/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * At start: what does each thing that an earlier life left behind need?
 *
 * Local and repeatable: no network, and killed at any point it can simply run
 * again. Jobs are read back; renames that a record announced are finished;
 * an intent without outcome becomes UNKNOWN (or starts again when it was the
 * first of several chunks); staged deliveries are published; what no record
 * knows is swept up.
 */
#ifndef MESHDROP_AGENT_RECOVER_H
#define MESHDROP_AGENT_RECOVER_H

struct err;
struct mailbox;

/* Of a mailbox that mailbox_open_parts opened; then it is ready. */
int recover_mailbox(struct mailbox *mailbox, struct err *err)
	__attribute__((warn_unused_result));
/* The same with the opening. On failure nothing of it stays open, and it may be
 * tried again at any time; ERR_DENIED: when the rights are back. */
int recover_open(struct mailbox *mailbox, struct err *err)
	__attribute__((warn_unused_result));

#endif
