/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * One bounded turn for one mailbox.
 *
 * A turn does the handshake if it is due, sends what is ready up to a number
 * of small messages and one chunk of a large one, receives what is listed up
 * to a number of messages or one chunk, and ends. Sending that fails does not
 * keep from receiving as long as the service answers. Every step of it is
 * durable: the next turn and a restart are the same code.
 */
#ifndef MESHDROP_AGENT_TURN_H
#define MESHDROP_AGENT_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/session.h"

struct conf;
struct http_client;
struct mailbox;

struct turn {
	const struct conf *conf;
	struct mailbox *mailbox;
	struct session session;
	/* Asked between steps: false ends the turn early. */
	bool (*go_on)(void *ctx);
	void *ctx;
	bool asking;  /* for access or for the list: what fails is a poll */
	bool heard;   /* the service answered a handshake */
	bool unsent;  /* the service failed our sending; the inbox went on */
	bool denied;  /* a pair in OUT could not be read */
	bool trouble; /* something could not be done */
	bool fatal;   /* a sync failed: the process must end */
};

struct turn_result {
	bool more;	/* work is left that can go on at once */
	bool settling;	/* pairs in OUT are not steady yet */
	bool trouble;	/* the mailbox could not be served */
	bool fatal;	/* a sync failed: end the process */
	int64_t due_ns; /* monotonic: when the next turn is wanted */
};

/* http is borrowed for the turn. */
void turn_run(struct mailbox *mailbox, struct http_client *http,
	      bool (*go_on)(void *ctx), void *ctx, struct turn_result *ret);

#endif
