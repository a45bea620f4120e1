/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The first POST of a message: everything that is looked at before a byte
 * leaves, the intent, and the request.
 */
#ifndef MESHDROP_AGENT_OPEN_H
#define MESHDROP_AGENT_OPEN_H

#include <stddef.h>

struct err;
struct job;
struct outgoing;
struct payload;
struct turn;

/* From CLAIMED. What is wrong with the pair itself ends in REJECTED. */
int open_message(struct turn *turn, struct outgoing *out, struct err *err)
	__attribute__((warn_unused_result));

/* The name that the recipient is told: the pair's, with a lower-case extension,
 * or that of a route's file; and '_' for what a header cannot carry. */
void open_file_name(const struct job *job, char *ret, size_t size);

/* The body of one chunk of an opened message; out->fd is open. */
int open_chunk_payload(struct turn *turn, struct outgoing *out, unsigned chunk,
		       struct payload *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
