/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "mesh/reply.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "mesh/proto.h"

/* --- values --- */

/* A member under the first of two names that has it. */
static const char *either(const json_t *object, const char *a, const char *b)
{
	const char *value = json_text(object, a);
	return value ? value : json_text(object, b);
}

/* For people: escaped and perhaps cut. */
static void show(char *dst, size_t size, const char *src)
{
	text_escape(dst, size, src ? src : "");
}

/* For comparison: whole or nothing. */
static void take(char *dst, size_t size, const char *src)
{
	if (!text_copy(dst, size, src ? src : ""))
		dst[0] = '\0';
}

static void take_id(char dst[TEXT_ID_SIZE], const char *src)
{
	take(dst, TEXT_ID_SIZE, src && text_is_message_id(src) ? src : "");
}

/* An event becomes a part of a file's name. */
static void take_event(char dst[TEXT_EVENT_SIZE], const char *src)
{
	take(dst, TEXT_EVENT_SIZE, src && text_is_event(src) ? src : "");
}

static void take_code(char dst[TEXT_CODE_SIZE], const char *src)
{
	take(dst, TEXT_CODE_SIZE, src && text_is_code(src) ? src : "");
}

/* --- errors --- */

static void read_v1(const json_t *body, struct reply_error *ret)
{
	ret->from_mesh = true;
	take_event(ret->event, json_text(body, "errorEvent"));
	take_code(ret->code, json_text(body, "errorCode"));
	show(ret->text, sizeof(ret->text), json_text(body, "errorDescription"));
}

/* {"loc": ["header", "mex-to"], "msg": "field required", "type": ".."}: the
 * place first, it says most. */
static void read_validation(const json_t *detail, const json_t *loc,
			    struct reply_error *ret)
{
	AUTO_BUF struct buf text;
	buf_init(&text, sizeof(ret->text) * 2);
	bool fits = true;
	for (size_t i = 0; i < json_array_size(loc) && fits; i++) {
		const char *part = json_string_value(json_array_get(loc, i));
		fits = buf_printf(&text, "%s ", part ? part : "?");
	}
	const char *msg = json_text(detail, "msg");
	fits = fits && buf_puts(&text, msg ? msg : "is not valid");
	show(ret->text, sizeof(ret->text),
	     fits ? text.data : "a header or parameter is not valid");
}

static void read_v2(const json_t *details, struct reply_error *ret)
{
	const json_t *detail = json_array_get(details, 0);
	if (!json_is_object(detail))
		return;
	const json_t *loc = json_object_get(detail, "loc");
	ret->from_mesh = true;
	if (json_is_array(loc)) {
		read_validation(detail, loc, ret);
		return;
	}
	take_event(ret->event, json_text(detail, "event"));
	take_code(ret->code, json_text(detail, "code"));
	show(ret->text, sizeof(ret->text), json_text(detail, "msg"));
}

static void read_object(const json_t *body, struct reply_error *ret)
{
	const json_t *details = json_object_get(body, "detail");
	if (json_text(body, "errorDescription") ||
	    json_text(body, "errorCode") || json_text(body, "errorEvent"))
		read_v1(body, ret);
	else if (json_is_array(details))
		read_v2(details, ret);
	take_id(ret->message_id, either(body, "messageID", "message_id"));
	take_id(ret->internal_id, either(body, "internal_id", "internalID"));
}

void reply_error_read(const char *body, size_t len, struct reply_error *ret)
{
	*ret = (struct reply_error){ .from_mesh = false };
	AUTO_JSON json_t *json = NULL;
	if (len > 0 && json_read(body, len, &json, NULL) == 0 &&
	    json_is_object(json))
		read_object(json, ret);
}

void reply_error_show(const struct reply_error *error, int http, char *ret,
		      size_t size)
{
	char head[128];
	if (error->event[0] != '\0' || error->code[0] != '\0')
		/* both fit */
		(void)snprintf(head, sizeof(head), "%s%s%s", error->event,
			       error->event[0] != '\0' &&
					       error->code[0] != '\0' ?
				       " " :
				       "",
			       error->code);
	else
		(void)snprintf(head, sizeof(head), "HTTP %d", http);
	bool id = error->internal_id[0] != '\0';
	/* may be cut: it is for people */
	(void)snprintf(ret, size, "%s%s%s%s%s%s", head,
		       error->text[0] != '\0' ? ": " : "", error->text,
		       id ? " (internal id " : "", error->internal_id,
		       id ? ")" : "");
}

/* --- ids and pages --- */

bool reply_message_id(const char *body, size_t len, char ret[TEXT_ID_SIZE])
{
	AUTO_JSON json_t *json = NULL;
	if (json_read(body, len, &json, NULL) < 0)
		return false;
	const char *id = either(json, "messageID", "message_id");
	if (!id)
		id = json_text(json, "messageId");
	return id && text_is_message_id(id) && text_copy(ret, TEXT_ID_SIZE, id);
}

static bool is_next(const char *path)
{
	static const char safe[] = "/?&=%:@!$'()*+,;~-._";
	const char *p = path;
	while (isalnum((unsigned char)*p) || (*p != '\0' && strchr(safe, *p)))
		p++;
	return *p == '\0' && (size_t)(p - path) < PROTO_PATH_MAX &&
	       strncmp(path, PROTO_PATH_START, strlen(PROTO_PATH_START)) == 0;
}

static void read_next(const json_t *body, struct reply_page *page)
{
	const json_t *next = json_object_get(json_object_get(body, "links"),
					     "next");
	if (!next || json_is_null(next))
		return;
	const char *path = json_string_value(next);
	page->odd_next = !path || !is_next(path);
	if (!page->odd_next)
		page->next = xstrdup(path);
}

static int read_ids(const json_t *body, struct reply_page *page,
		    struct err *err)
{
	const json_t *messages = json_object_get(body, "messages");
	size_t size = json_array_size(messages);
	if (!json_is_array(messages))
		return err_set(err, ERR_PROTOCOL,
			       "the list of the inbox has no 'messages'");
	if (size > REPLY_PAGE_MAX)
		return err_set(err, ERR_PROTOCOL,
			       "the list of the inbox has more than %d "
			       "messages on one page",
			       REPLY_PAGE_MAX);
	page->ids = xcalloc(size + 1, sizeof(*page->ids));
	for (size_t i = 0; i < size; i++) {
		const char *id = json_string_value(json_array_get(messages, i));
		if (id && text_is_message_id(id) &&
		    text_copy(page->ids[page->count], TEXT_ID_SIZE, id))
			page->count++;
		else
			page->refused++;
	}
	return 0;
}

int reply_page_read(const char *body, size_t len, struct reply_page *ret,
		    struct err *err)
{
	AUTO_JSON json_t *json = NULL;
	struct reply_page page = { .approximate = -1 };
	int r = json_read(body, len, &json, err);
	if (r < 0) {
		err_prefix(err, "the list of the inbox");
		return r;
	}
	r = read_ids(json, &page, err);
	if (r < 0) {
		reply_page_release(&page);
		return r;
	}
	read_next(json, &page);
	const json_t *count = json_object_get(json, "approx_inbox_count");
	if (json_is_integer(count))
		page.approximate = json_integer_value(count);
	*ret = page;
	return 0;
}

void reply_page_release(struct reply_page *page)
{
	if (!page)
		return;
	free(page->ids);
	free(page->next);
	*page = (struct reply_page){ .approximate = -1 };
}

/* --- tracking --- */

static enum reply_status read_status(const char *text)
{
	static const struct {
		const char *text;
		enum reply_status status;
	} words[] = {
		{ "uploading", REPLY_STATUS_UPLOADING },
		{ "accepted", REPLY_STATUS_ACCEPTED },
		{ "acknowledged", REPLY_STATUS_ACKNOWLEDGED },
		{ "undeliverable", REPLY_STATUS_UNDELIVERABLE },
		{ "error", REPLY_STATUS_ERROR },
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (text && text_equal_nocase(text, words[i].text))
			return words[i].status;
	}
	return REPLY_STATUS_UNKNOWN;
}

/* A number, or digits in a string. */
static int64_t read_size(const json_t *value)
{
	uint64_t size;
	const char *text = json_string_value(value);
	if (text && text_u64(text, INT64_MAX, &size))
		return (int64_t)size;
	if (json_is_integer(value) && json_integer_value(value) >= 0)
		return json_integer_value(value);
	return -1;
}

static void read_track(const json_t *json, struct reply_track *track)
{
	const char *status = json_text(json, "status");
	take_id(track->message_id, either(json, "messageId", "message_id"));
	take(track->local_id, sizeof(track->local_id),
	     either(json, "localId", "local_id"));
	take(track->recipient, sizeof(track->recipient),
	     json_text(json, "recipient"));
	take(track->workflow, sizeof(track->workflow),
	     either(json, "workflowId", "workflow_id"));
	take(track->file_name, sizeof(track->file_name),
	     either(json, "fileName", "filename"));
	show(track->status_text, sizeof(track->status_text), status);
	track->status = read_status(status);
	const char *failure = json_text(json, "failureDiagnostic");
	if (!failure || failure[0] == '\0')
		failure = either(json, "statusDescription",
				 "status_description");
	show(track->failure, sizeof(track->failure), failure);
	track->file_size = read_size(json_object_get(json, "fileSize"));
	const char *uploaded = either(json, "uploadTimestamp",
				      "upload_timestamp");
	show(track->upload_time, sizeof(track->upload_time), uploaded);
	if (uploaded)
		(void)clock_parse(uploaded, &track->uploaded_ns); /* or 0 */
	show(track->expiry_time, sizeof(track->expiry_time),
	     either(json, "expiryTime", "expiry_time"));
}

int reply_track_read(const char *body, size_t len, struct reply_track *ret,
		     struct err *err)
{
	AUTO_JSON json_t *json = NULL;
	int r = json_read(body, len, &json, err);
	if (r < 0) {
		err_prefix(err, "the answer to tracking");
		return r;
	}
	struct reply_track track = { .file_size = -1 };
	read_track(json, &track);
	if (track.message_id[0] == '\0')
		return err_set(err, ERR_PROTOCOL,
			       "the answer to tracking has no message id");
	*ret = track;
	return 0;
}

/* --- look-ups --- */

int reply_lookup_read(const char *body, size_t len, struct reply_lookup *ret,
		      struct err *err)
{
	AUTO_JSON json_t *json = NULL;
	int r = json_read(body, len, &json, err);
	if (r < 0) {
		err_prefix(err, "the answer to the look-up");
		return r;
	}
	const json_t *results = json_object_get(json, "results");
	size_t size = json_array_size(results);
	if (!json_is_array(results) || size > REPLY_LOOKUP_MAX)
		return err_set(err, ERR_PROTOCOL,
			       "the answer to the look-up has no 'results' "
			       "or more than %d",
			       REPLY_LOOKUP_MAX);
	struct reply_lookup lookup = {
		.entries = xcalloc(size + 1, sizeof(*lookup.entries)),
	};
	for (size_t i = 0; i < size; i++) {
		const json_t *result = json_array_get(results, i);
		const char *mailbox = either(result, "mailbox_id", "address");
		if (!mailbox)
			continue;
		struct reply_lookup_entry *entry =
			&lookup.entries[lookup.count++];
		show(entry->mailbox, sizeof(entry->mailbox), mailbox);
		show(entry->name, sizeof(entry->name),
		     either(result, "mailbox_name", "description"));
	}
	*ret = lookup;
	return 0;
}

void reply_lookup_release(struct reply_lookup *lookup)
{
	if (!lookup)
		return;
	free(lookup->entries);
	*lookup = (struct reply_lookup){ .count = 0 };
}
