/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "mesh/send.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "mesh/session.h"

struct fields {
	struct http_field list[SESSION_FIELDS_MAX];
	size_t count;
	bool broken; /* a value that no header can carry */
};

/* A value that is missing or blank is not said. */
static void add(struct fields *fields, const char *name, const char *value)
{
	if (!value || value[strspn(value, " ")] == '\0')
		return;
	if (!text_is_header_value(value, PROTO_SUBJECT_MAX))
		fields->broken = true;
	assert(fields->count < SESSION_FIELDS_MAX);
	fields->list[fields->count++] = (struct http_field){ name, value };
}

static void add_message(struct fields *fields, const char *mailbox,
			const struct proto_message *message)
{
	add(fields, "Mex-From", mailbox);
	add(fields, "Mex-To", message->to);
	add(fields, "Mex-WorkflowID", message->workflow);
	add(fields, "Mex-FileName", message->file_name);
	add(fields, "Mex-LocalID", message->local_id);
	add(fields, "Mex-Subject", message->subject);
	add(fields, "Mex-PartnerID", message->partner_id);
	add(fields, "Mex-ProcessID", message->process_id);
	add(fields, "Mex-Content-Checksum", message->checksum);
	add(fields, "Mex-Content-Encrypted", message->encrypted ? "Y" : NULL);
	add(fields, "Mex-Content-Compressed", message->compressed ? "Y" : NULL);
	add(fields, "Mex-MessageType", "DATA");
	add(fields, "Mex-Version", "1.0");
}

static void add_body(struct fields *fields, const struct payload *payload,
		     const char *range)
{
	add(fields, "Mex-Chunk-Range", range);
	add(fields, "Content-Encoding", payload->gzip ? "gzip" : NULL);
	add(fields, "Content-Type", "application/octet-stream");
}

/* Nothing has left: the caller's data is at fault, and stays so. */
static void refuse(const struct err *err, struct outcome *ret)
{
	*ret = (struct outcome){ .kind = OUTCOME_REFUSED, .err = *err };
	/* may be cut: it is for people */
	(void)snprintf(ret->error.text, sizeof(ret->error.text), "%.*s",
		       (int)sizeof(ret->error.text) - 1, err->text);
}

static void post(const struct session *session, const char *path,
		 const struct fields *fields, const struct payload *payload,
		 enum outcome_step step, struct outcome *ret)
{
	const struct http_request request = {
		.method = HTTP_POST,
		.path = path,
		.fields = fields->list,
		.field_count = fields->count,
		.source = &payload->source,
	};
	struct err err = { .code = ERR_NONE };
	struct http_reply reply;
	http_reply_init(&reply);
	int r = session_exchange(session, &request, &reply, &err);
	outcome_judge(step, r, &reply, &err, ret);
	http_reply_release(&reply);
}

/* The rules again, next to the wire: what breaks them is never sent. */
static int check_open(const struct proto_message *message,
		      const struct fields *fields, struct err *err)
{
	int r = proto_check(message, err);
	if (r == 0 && fields->broken)
		r = err_set(err, ERR_INVALID,
			    "a value has a character that MESH headers cannot "
			    "carry");
	return r;
}

void send_open(const struct session *session,
	       const struct proto_message *message,
	       const struct payload *payload, unsigned count,
	       struct outcome *ret)
{
	struct err err = { .code = ERR_NONE };
	struct fields fields = { .count = 0 };
	char range[PROTO_RANGE_SIZE];
	char path[PROTO_PATH_MAX];
	const char *const parts[] = { session->mailbox, "outbox" };
	proto_range(1, count, range);
	add_message(&fields, session->mailbox, message);
	add_body(&fields, payload, count > 1 ? range : NULL);
	int r = check_open(message, &fields, &err);
	if (r == 0)
		r = proto_path(parts, 2, path, &err);
	if (r < 0)
		refuse(&err, ret);
	else
		post(session, path, &fields, payload, outcome_step_of(1, count),
		     ret);
}

void send_chunk(const struct session *session, const char *message_id,
		const struct payload *payload, unsigned chunk, unsigned count,
		struct outcome *ret)
{
	assert(chunk >= 2 && chunk <= count);
	struct err err = { .code = ERR_NONE };
	struct fields fields = { .count = 0 };
	char range[PROTO_RANGE_SIZE];
	char number[PROTO_RANGE_SIZE];
	char path[PROTO_PATH_MAX];
	const char *const parts[] = { session->mailbox, "outbox", message_id,
				      number };
	proto_range(chunk, count, range);
	(void)snprintf(number, sizeof(number), "%u", chunk); /* ten digits */
	add(&fields, "Mex-From", session->mailbox);
	add_body(&fields, payload, range);
	if (proto_path(parts, 4, path, &err) < 0)
		refuse(&err, ret);
	else
		post(session, path, &fields, payload,
		     outcome_step_of(chunk, count), ret);
}
