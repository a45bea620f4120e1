/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * One answer: built by a handler, bent by a fault, sent by the server.
 *
 * The forms of bodies in version 1 and 2 of the API are known only here.
 * Every answer has a Content-Length. Nothing here fails: an answer that cannot
 * be built becomes a 500.
 */
#ifndef MESHDROP_SANDBOX_REPLY_H
#define MESHDROP_SANDBOX_REPLY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct MHD_Connection;

struct reply_header {
	char *name;  /* owned */
	char *value; /* owned */
};

struct reply {
	unsigned status;  /* 0 until it is decided */
	unsigned version; /* of the API: 1 or 2 */
	struct reply_header *headers;
	size_t count;
	char *body; /* owned; NULL when there is none */
	size_t body_len;
	int fd; /* owned; the body when not -1 */
	uint64_t fd_len;
};

/* A refusal in the words of the API. */
struct refusal {
	unsigned status;
	const char *event;
	const char *code;
	const char *text;
};

void reply_init(struct reply *reply);
void reply_release(struct reply *reply);

/* Replaces one of the same name; a NULL or empty value takes it away. */
void reply_header(struct reply *reply, const char *name, const char *value);
void reply_text(struct reply *reply, const char *content_type,
		const char *text);
void reply_empty(struct reply *reply, unsigned status);
/* Takes the descriptor. */
void reply_file(struct reply *reply, unsigned status, int fd, uint64_t len);
/* Takes the reference to json. */
void reply_json(struct reply *reply, unsigned status, json_t *json);
/* The same with the content type of version 2 where that was asked for. */
void reply_json_versioned(struct reply *reply, unsigned status, json_t *json);

/* message_id may be NULL. */
void reply_refuse(struct reply *reply, const struct refusal *refusal,
		  const char *message_id);
/* {"detail":"Not Found"}: no such route, or not with this method. */
void reply_detail(struct reply *reply, unsigned status, const char *text);
/* The body without a word of explanation that 406, 423 and 500 have. */
void reply_unexplained(struct reply *reply, unsigned status);
/* One entry for reply_problems; where is "header", "path" or "query". */
json_t *reply_problem(const char *where, const char *name, const char *text,
		      const char *type);
/* 400 with all of them; takes the reference. */
void reply_problems(struct reply *reply, json_t *problems);

/* Hands the answer to the connection and leaves it without a body. With
 * cut_after >= 0 only so many bytes of the body are sent under the full
 * Content-Length, and then the connection is closed. */
bool reply_send(struct reply *reply, struct MHD_Connection *connection,
		int64_t cut_after);

#endif
