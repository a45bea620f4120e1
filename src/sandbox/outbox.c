/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <microhttpd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/handlers.h"
#include "sandbox/message.h"
#include "sandbox/reply.h"
#include "sandbox/report.h"
#include "sandbox/request.h"
#include "sandbox/sandbox.h"

static const struct refusal bad_checksum = { 400, "SEND", "Invalid checksum",
					     "Invalid checksum" };
static const struct refusal malformed = { 400, "TRANSFER", "06",
					  "MalformedControlFile" };
static const struct refusal no_address = { 400, "SEND", "08",
					   "TO_DTS missing" };
static const struct refusal bad_encoding = { 422, "SEND",
					     "UnsupportedContentEncoding",
					     "Unsupported content encoding" };
static const struct refusal bad_range = {
	417, "SEND", "InvalidHeaderChunks",
	"Invalid chunk values sent in mex-Chunk-Range header"
};
static const struct refusal wrong_sender = {
	417, "SEND", "07", "Invalid From address, does not match authorization"
};
static const struct refusal wrong_type = {
	417, "SEND", "11", "Invalid message type, should be DATA"
};
static const struct refusal unregistered = { 417, "SEND", "12",
					     "Unregistered to address" };
static const struct refusal no_workflow = {
	417, "SEND", "17", "Workflow ID not registered for mailbox"
};
static const struct refusal no_body = {
	417, "COLLECT", "02", "Data file is missing or inaccessible."
};
static const struct refusal changed_encoding = {
	417, "", "", "cannot change content encoding"
};
static const struct refusal not_found = { 404, "", "", "Not Found" };
static const struct refusal forbidden = { 403, "", "", "Forbidden" };

struct header_rule {
	const char *name;
	size_t most;
	enum message_text which;
	bool required;
	bool no_url;
};

/* mesh-api 3.7 */
static const struct header_rule rules[] = {
	{ "mex-to", 100, MESSAGE_TO, true, true },
	{ "mex-workflowid", 300, MESSAGE_WORKFLOW, true, true },
	{ "mex-chunk-range", 20, MESSAGE_TEXTS, false, false },
	{ "mex-subject", 500, MESSAGE_SUBJECT, false, false },
	{ "mex-localid", 300, MESSAGE_LOCAL_ID, false, false },
	{ "mex-filename", 300, MESSAGE_FILE_NAME, false, false },
	{ "mex-partnerid", 500, MESSAGE_PARTNER_ID, false, false },
	{ "mex-content-checksum", 100, MESSAGE_CHECKSUM, false, true },
	{ "mex-content-encrypted", 20, MESSAGE_ENCRYPTED, false, false },
	{ "mex-content-compressed", 20, MESSAGE_COMPRESSED, false, false },
	{ "mex-content-type", 100, MESSAGE_CONTENT_TYPE, false, false },
};

#define RULES (sizeof(rules) / sizeof(rules[0]))

struct range {
	unsigned number;
	unsigned total;
};

/* " 1 : 2 "; NULL is a single message. */
static bool read_range(const char *text, struct range *ret)
{
	char copy[64];
	char *colon = NULL;
	uint64_t number = 0;
	uint64_t total = 0;

	if (!text) {
		*ret = (struct range){ 1, 1 };
		return true;
	}
	if (!text_copy(copy, sizeof(copy), text))
		return false;
	colon = strchr(copy, ':');
	if (!colon)
		return false;
	*colon = '\0';
	if (!text_u64(text_trim(copy), MESSAGE_CHUNKS_MAX, &number) ||
	    !text_u64(text_trim(colon + 1), MESSAGE_CHUNKS_MAX, &total) ||
	    number < 1 || number > total)
		return false;
	*ret = (struct range){ (unsigned)number, (unsigned)total };
	return true;
}

static json_t *find_problems(const struct request *rq)
{
	json_t *problems = json_array();
	char text[80];

	for (size_t i = 0; i < RULES; i++) {
		const char *value = request_raw_header(rq, rules[i].name);

		if (!value && rules[i].required) {
			(void)json_array_append_new(
				problems,
				reply_problem("header", rules[i].name,
					      "Field required", "missing"));
		} else if (value && strlen(value) > rules[i].most) {
			(void)snprintf(text, sizeof(text),
				       "String should have at most %zu "
				       "characters",
				       rules[i].most);
			(void)json_array_append_new(
				problems,
				reply_problem("header", rules[i].name, text,
					      "string_too_long"));
		}
	}
	return problems;
}

static bool is_checksum(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789 \t:-/",
			    *p))
			return false;
	return true;
}

/* 8-bit bytes pass, as they do on the service. */
static bool is_well_formed(const char *value, bool no_url)
{
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return !no_url ||
	       (!strstr(value, "http://") && !strstr(value, "https://"));
}

static bool are_well_formed(const struct request *rq)
{
	for (size_t i = 0; i < RULES; i++) {
		const char *value = request_header(rq, rules[i].name);

		if (value && !is_well_formed(value, rules[i].no_url))
			return false;
	}
	return true;
}

static bool is_gzip(const struct request *rq)
{
	const char *encoding = request_header(rq, "Content-Encoding");

	return encoding && text_equal_nocase(encoding, "gzip");
}

/* The headers, in the order in which the service looks at them. */
static const struct refusal *check_form(const struct request *rq,
					struct range *ret)
{
	const char *checksum = request_header(rq, "mex-content-checksum");

	if (checksum && !is_checksum(checksum))
		return &bad_checksum;
	if (!are_well_formed(rq))
		return &malformed;
	if (!request_header(rq, "mex-to"))
		return &no_address;
	if (request_header(rq, "Content-Encoding") && !is_gzip(rq))
		return &bad_encoding;
	if (!read_range(request_header(rq, "mex-chunk-range"), ret) ||
	    ret->number != 1)
		return &bad_range;
	return NULL;
}

static const struct refusal *check_identity(const struct request *rq)
{
	const char *from = request_header(rq, "mex-from");
	const char *type = request_header(rq, "mex-messagetype");

	if (rq->sandbox->options->lenient)
		return NULL;
	if (from && !text_equal_nocase(from, rq->box->id))
		return &wrong_sender;
	if (type && !text_equal_nocase(type, "DATA"))
		return &wrong_type;
	return NULL;
}

/* These refusals make a report as well. */
static const struct refusal *check_addressee(const struct request *rq)
{
	const struct mailbox *to = mailboxes_find(&rq->sandbox->boxes,
						  request_header(rq, "mex-to"));
	const char *workflow = request_header(rq, "mex-workflowid");

	if (!to)
		return &unregistered;
	if (!workflow || !mailbox_allows(rq->box, workflow) ||
	    !mailbox_allows(to, workflow))
		return &no_workflow;
	return NULL;
}

static struct message *make_message(const struct request *rq, unsigned total)
{
	struct store *store = &rq->sandbox->store;
	const struct mailbox *to = mailboxes_find(&rq->sandbox->boxes,
						  request_header(rq, "mex-to"));
	struct message *m = message_new();

	for (size_t i = 0; i < RULES; i++)
		if (rules[i].which != MESSAGE_TEXTS)
			message_set(m, rules[i].which,
				    request_header(rq, rules[i].name));
	if (to)
		message_set(m, MESSAGE_TO, to->id);
	message_set(m, MESSAGE_FROM, rq->box->id);
	if (!request_header(rq, "mex-content-type"))
		message_set(m, MESSAGE_CONTENT_TYPE,
			    request_header(rq, "Content-Type"));
	if (is_gzip(rq))
		message_set(m, MESSAGE_ENCODING, "gzip");
	m->total = total;
	store_name(store, m, rq->now_ns);
	m->status_ns = rq->now_ns;
	return m;
}

static void answer(struct request *rq, const char *id, unsigned number)
{
	json_t *json = NULL;

	if (rq->reply.version >= 2)
		json = json_pack("{s:s}", "message_id", id);
	else
		json = json_pack("{s:s}", "messageID", id);
	if (number > 1 && rq->reply.version < 2)
		(void)json_object_set_new(json, "blockID",
					  json_integer((json_int_t)number));
	reply_json(&rq->reply, MHD_HTTP_ACCEPTED, json);
}

/* The message is recorded as failed, and a report tells its sender. */
static void refuse_and_report(struct request *rq, const struct refusal *why)
{
	struct sandbox *sb = rq->sandbox;
	struct message *m = make_message(rq, 1);
	struct err err;

	m->status = MESSAGE_ERROR;
	message_set(m, MESSAGE_CODE, why->code);
	message_set(m, MESSAGE_EVENT, why->event);
	message_set(m, MESSAGE_DESCRIPTION, why->text);

	char id[MESSAGE_ID_SIZE];

	(void)text_copy(id, sizeof(id), m->id);
	/* If we die between the two: a report on a message without a record,
	 * and the sender had no answer. */
	if (report_failure(sb, m, why, rq->now_ns, &err) < 0) {
		(void)message_free(m);
		request_broke(rq, &err);
	} else if (store_add(&sb->store, m, &err) < 0) {
		request_broke(rq, &err);
	} else {
		reply_refuse(&rq->reply, why, id);
	}
}

static void accept_now(struct request *rq, struct message *m)
{
	m->status = MESSAGE_ACCEPTED;
	m->status_ns = rq->now_ns;
	m->visible_ns = rq->now_ns +
			rq->sandbox->settings.async_delay_s * CLOCK_SECOND;
}

static void take_message(struct request *rq, unsigned total)
{
	struct store *store = &rq->sandbox->store;
	struct message *m = make_message(rq, total);
	struct err err;

	message_set_chunk(m, 1, (int64_t)rq->upload.size);
	if (total == 1)
		accept_now(rq, m);
	/* If we die after this: a chunk without a record, swept at start. */
	if (store_put_chunk(store, m, 1, rq->upload.dirfd, rq->upload.name,
			    &err) < 0) {
		(void)message_free(m);
		request_broke(rq, &err);
		return;
	}
	/* After this the message is ours for good. */
	if (store_add(store, m, &err) < 0)
		request_broke(rq, &err);
	else
		answer(rq, m->id, 1);
}

void outbox_send(struct request *rq)
{
	json_t *problems = find_problems(rq);
	const struct refusal *refusal = NULL;
	struct range range = { 0, 0 };

	if (json_array_size(problems) > 0) {
		reply_problems(&rq->reply, problems);
		return;
	}
	json_decref(problems);
	refusal = check_form(rq, &range);
	if (!refusal)
		refusal = check_identity(rq);
	if (refusal) {
		reply_refuse(&rq->reply, refusal, NULL);
		return;
	}
	refusal = check_addressee(rq);
	if (refusal)
		refuse_and_report(rq, refusal);
	else if (rq->upload.size == 0)
		reply_refuse(&rq->reply, &no_body, NULL);
	else
		take_message(rq, range.total);
}

/* NULL when the chunk may come now. */
static const struct refusal *
check_chunk(const struct request *rq, const struct message *m, uint64_t number)
{
	const char *text = request_header(rq, "mex-chunk-range");
	bool strict = !rq->sandbox->options->lenient;
	bool was_gzip = message_get(m, MESSAGE_ENCODING)[0] != '\0';
	const char *encoding = request_header(rq, "Content-Encoding");
	struct range range = { 0, 0 };

	if (!text || !read_range(text, &range) || range.number != number)
		return &bad_range;
	if (is_gzip(rq) != was_gzip || (encoding && !is_gzip(rq)))
		return &changed_encoding;
	if (strict && number <= m->total && range.total != m->total)
		return &bad_range;
	/* Chunk k comes after k-1, and so the last after all others. */
	if (strict && number > 1 && number <= m->total &&
	    !message_has_up_to(m, (unsigned)number - 1))
		return &bad_range;
	return NULL;
}

static void take_chunk(struct request *rq, struct message *m, unsigned number)
{
	struct store *store = &rq->sandbox->store;
	int64_t before = message_chunk_size(m, number);
	struct err err;

	/* If we die after this: the chunk is there but does not count yet; it
	 * had no answer and will be sent again. */
	if (store_put_chunk(store, m, number, rq->upload.dirfd, rq->upload.name,
			    &err) < 0) {
		request_broke(rq, &err);
		return;
	}
	message_set_chunk(m, number, (int64_t)rq->upload.size);
	if (number == m->total)
		accept_now(rq, m);
	/* After this the chunk is ours; with the last one, the message. */
	if (store_save(store, m, &err) == 0) {
		answer(rq, m->id, number);
		return;
	}
	m->status = MESSAGE_UPLOADING;
	message_set_chunk(m, number, before);
	request_broke(rq, &err);
}

void outbox_chunk(struct request *rq)
{
	struct message *m = store_find(&rq->sandbox->store, rq->args[0]);
	uint64_t number = 0;
	const struct refusal *refusal = NULL;

	if (!m || m->report) {
		reply_refuse(&rq->reply, &not_found, NULL);
		return;
	}
	if (strcmp(message_get(m, MESSAGE_FROM), rq->box->id) != 0) {
		reply_refuse(&rq->reply, &forbidden, NULL);
		return;
	}
	if (m->status != MESSAGE_UPLOADING) {
		reply_unexplained(&rq->reply, MHD_HTTP_LOCKED);
		return;
	}
	if (!text_u64(rq->args[1], UINT32_MAX, &number) || number < 1)
		refusal = &bad_range;
	else
		refusal = check_chunk(rq, m, number);
	if (refusal)
		reply_refuse(&rq->reply, refusal, m->id);
	else if (number > m->total)
		reply_unexplained(&rq->reply, MHD_HTTP_NOT_ACCEPTABLE);
	else
		take_chunk(rq, m, (unsigned)number);
}
