/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What became of a POST: the rules that keep a message from being lost or
 * sent twice. Pure.
 *
 * Only the single POST (n = 1) can double a message; an upload that was begun
 * in chunks is invisible until its last chunk arrives, and chunks may be
 * repeated.
 *
 *   nothing left            LATER    the server never saw it
 *   last bytes kept by us   LATER    the last look found the data changed
 *   202 with an id          TAKEN
 *   refused with a reason   REFUSED  417, 413, 422; 400 with a MESH body
 *   bare 400, any other 4xx LATER    something between us and MESH answered
 *   (with a MESH body       REFUSED  but 404 and 405 stay LATER)
 *   401; 403 on a chunk     LATER    and the handshake must be done again
 *   425, 429                LATER    not processed; Retry-After is kept
 *   403 on a single POST    UNKNOWN  may be the replay of a taken token
 *   408, 5xx, odd 2xx, 3xx,
 *   no or unreadable answer UNKNOWN  for a single POST
 *                           RESTART  for the first of n: start again
 *                           LATER    for chunk 2..n-1: send it again
 *                           CONFIRM  for the last chunk: ask tracking
 *   chunk: 404, 406, 410    RESTART  the upload is not known (any more), or
 *                                    with another count; for the last chunk
 *                           CONFIRM  it may be complete and gone
 *   chunk: 423              CONFIRM  it was complete already: ask tracking
 */
#ifndef MESHDROP_MESH_OUTCOME_H
#define MESHDROP_MESH_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "mesh/reply.h"

struct http_reply;

enum outcome_step {
	OUTCOME_SINGLE, /* the only POST */
	OUTCOME_FIRST,	/* chunk 1 of n > 1 */
	OUTCOME_MIDDLE, /* chunk 2..n-1 */
	OUTCOME_LAST,	/* chunk n > 1 */
};

enum outcome_kind {
	OUTCOME_TAKEN,
	OUTCOME_REFUSED,
	OUTCOME_LATER,
	OUTCOME_UNKNOWN,
	OUTCOME_RESTART,
	OUTCOME_CONFIRM,
};

struct outcome {
	enum outcome_kind kind;
	bool auth;		       /* credentials are in doubt */
	bool answered;		       /* the service itself spoke: counts as
					* an attempt; a dead network does not */
	char message_id[TEXT_ID_SIZE]; /* TAKEN of single and first */
	struct reply_error error;      /* REFUSED: event, code, text */
	int http;		       /* of a complete answer; else 0 */
	int64_t retry_after_ns;	       /* 0: not said */
	struct err err;		       /* why, for all but TAKEN; never empty */
};

enum outcome_step outcome_step_of(unsigned chunk, unsigned count);

/* r and err are the result of the exchange. */
void outcome_judge(enum outcome_step step, int r,
		   const struct http_reply *reply, const struct err *err,
		   struct outcome *ret);

#endif
