/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Receiving: list, fetch one chunk, acknowledge.
 */
#ifndef MESHDROP_MESH_INBOX_H
#define MESHDROP_MESH_INBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "mesh/reply.h"

struct err;
struct gz_reader;
struct http_reply;
struct session;

#define INBOX_PAGE 500
/* No sender needs more, and the record of a delivery has room for so many. */
#define INBOX_CHUNKS_MAX 100000u

/* The first page (next NULL) or a following one (next as the page before gave
 * it). filter: of workflows, as the API has it; NULL for all messages. An error
 * with next means: start again from the first page. */
int inbox_list(const struct session *session, const char *next,
	       const char *filter, struct reply_page *ret, struct err *err)
	__attribute__((warn_unused_result));

/* What the headers of a download say. Texts are owned, never NULL, escaped of
 * control bytes and cut at 1,000 bytes; "" where nothing was said. */
struct inbox_head {
	char id[TEXT_ID_SIZE]; /* what we asked for */
	char *from;
	char *to;
	char *workflow;
	char *subject;
	char *local_id;
	char *file_name; /* from the sender: never a path */
	char *partner_id;
	char *process_id;
	char *checksum;
	char *linked_id; /* of a report: the message it is about */
	char *status_event;
	char *status;
	char *status_code;
	char *status_text;
	char *status_time;
	bool report; /* mex-messagetype: REPORT */
	bool compressed;
	bool encrypted;
	unsigned chunk;
	unsigned count;
};

void inbox_head_init(struct inbox_head *head);
void inbox_head_release(struct inbox_head *head);
/* Checks the headers of the answer to a request for chunk of id: right id when
 * given, range as asked, status 206 exactly while more follow. ERR_CHANGED: it
 * is not cut into the chunks any more of which some were taken. */
int inbox_head_read(const struct http_reply *reply, const char *id,
		    unsigned chunk, struct inbox_head *ret, struct err *err)
	__attribute__((warn_unused_result));

/* Gets decoded payload bytes; a negative answer ends the download. */
typedef int inbox_write_fn(void *ctx, const void *data, size_t len,
			   struct err *err);

/* Downloads chunk 1.. of a message. gz carries the state from chunk to chunk:
 * a chunk may end inside a gzip stream only if another follows, and the last
 * one must end it. After a failure gz is as it was before the call, so that
 * the chunk can be asked for again once what was written is taken back. Total
 * output over most, and an answer that is much longer, is ERR_LIMIT. ret was
 * given to inbox_head_init. Codes: ERR_MISSING (404, 410), ERR_CORRUPT (this
 * message cannot be decoded), ERR_CHANGED (begin again with chunk 1),
 * ERR_PROTOCOL, ERR_NETWORK, ERR_AUTH, or what write said. */
struct inbox_fetch {
	const char *id;
	unsigned chunk;
	struct gz_reader *gz;
	uint64_t most;
	inbox_write_fn *write;
	void *ctx;
};
int inbox_fetch(const struct session *session, const struct inbox_fetch *fetch,
		struct inbox_head *ret, struct err *err)
	__attribute__((warn_unused_result));

/* Once it is durable here, and never before. 404 and 410 are success: it is
 * gone already. */
int inbox_acknowledge(const struct session *session, const char *id,
		      struct err *err) __attribute__((warn_unused_result));

#endif
