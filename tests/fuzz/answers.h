/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The network's door, replaced: http_exchange takes the next piece of the
 * input as the answer. For targets that run the agent as a whole.
 *
 * A piece is an answer as it comes over the wire, or a line that says how the
 * exchange fails and behind it as much of an answer as arrives:
 *
 *   NOTHING   no byte of the request left
 *   PART      the request was begun
 *   WHOLE     the request left, and no answer came
 *   CUT       the answer ends in the middle of its body
 *   KILL      the answer arrives, but nothing can be written from here on,
 *             until the target has started the mailbox again
 *   FULL      the same until the end of the turn, and the mailbox goes on
 *   STOP      the answer arrives, and the process is asked to end
 *
 * In an answer "@TIME@" stands for the present as tracking writes it, and
 * "@LOCAL@" for the local id that was sent last. When the input is at its end
 * nothing leaves any more.
 */
#ifndef MESHDROP_TESTS_FUZZ_ANSWERS_H
#define MESHDROP_TESTS_FUZZ_ANSWERS_H

#include "fuzz.h"
#include "net/http.h"

#define ANSWERS_MOST 100

struct http_client {
	const uint8_t *data;
	size_t size;
	size_t at;
	unsigned exchanges;
	bool at_end; /* an answer was asked for and none was left */
	bool killed;
	bool full;
	bool stopped;
	char local_id[304];
	/* The target's, both may be NULL. before: an answer that does not come
	 * from the input, or NULL. after: what came of the exchange, body as
	 * it was before any decoding. */
	const char *(*before)(void *ctx, const struct http_request *request);
	void (*after)(void *ctx, const struct http_request *request, int r,
		      const struct http_reply *reply,
		      const struct fuzz_piece *body);
	void *ctx;
};

/* For struct turn. */
bool answers_go_on(void *client);
/* Whether the request carries this header, and its value; NULL: it does not. */
const char *answers_field(const struct http_request *request, const char *name);
/* The mailbox starts again, or has its next turn: files can be written. */
void answers_revive(struct http_client *client);

#endif
