/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Reports: what the service tells a sender about a message that failed.
 */
#ifndef MESHDROP_SANDBOX_REPORT_H
#define MESHDROP_SANDBOX_REPORT_H

#include <stdint.h>

struct err;
struct message;
struct refusal;
struct sandbox;

/* Puts a report about failed, which must have an id, into its sender's inbox
 * and links the two. */
int report_failure(struct sandbox *sb, struct message *failed,
		   const struct refusal *why, int64_t now_ns, struct err *err)
	__attribute__((warn_unused_result));

/* Takes messages that nobody collected in time out of their inboxes. Tries
 * again with the next request when the disk refuses; logs that. */
void report_expired(struct sandbox *sb, int64_t now_ns);

#endif
