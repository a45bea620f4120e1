/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * One request's life: head, body, work, answer.
 *
 * All checks that need only the head are made when it has arrived, and their
 * refusal is kept until the body was read to its end (and dropped), so that
 * the connection stays usable. A token is used up with the head, also when
 * the body never comes.
 */
#ifndef MESHDROP_SANDBOX_REQUEST_H
#define MESHDROP_SANDBOX_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "sandbox/reply.h"
#include "sandbox/upload.h"

#define REQUEST_ARGS 2

struct MHD_Connection;
struct err;
struct mailbox;
struct route;
struct sandbox;

enum request_state {
	REQUEST_NEW,
	REQUEST_BODY,
	REQUEST_DONE, /* the answer is ready */
};

struct request {
	struct sandbox *sandbox;
	struct MHD_Connection *connection; /* borrowed */
	enum request_state state;
	int64_t connection_number;
	int64_t now_ns;
	const char *method; /* borrowed from the connection */
	char *target;	    /* owned; path and query as they came */
	char *path;	    /* owned; cut into the parts below */
	const struct route *route;
	const char *box_id; /* from the path; NULL when it has none */
	const char *args[REQUEST_ARGS];
	const struct mailbox *box; /* whose token it was */
	struct upload upload;
	struct buf body; /* of admin requests */
	struct reply reply;
	json_t *fault; /* owned; NULL for none */
	json_t *entry; /* owned; in the journal */
	int64_t wake_ns;
	struct request *next_held;
};

struct request *request_new(struct sandbox *sb, const char *target);
struct request *request_free(struct request *rq);

/* False: close the connection without a word. */
bool request_begin(struct request *rq, const char *method, const char *url);
void request_take(struct request *rq, const char *data, size_t len);
/* Does the work. After it reply is ready, unless this is false: then the
 * connection is to be closed. */
bool request_finish(struct request *rq);

/* NULL when absent or empty; a header's name in any case of letters. */
const char *request_header(const struct request *rq, const char *name);
const char *request_query(const struct request *rq, const char *name);
/* The same, but "" when it is there without a value. */
const char *request_raw_header(const struct request *rq, const char *name);
const char *request_raw_query(const struct request *rq, const char *name);
bool request_takes_gzip(const struct request *rq);

/* Something on our side broke: logs it and answers 500. */
void request_broke(struct request *rq, const struct err *err);

#endif
