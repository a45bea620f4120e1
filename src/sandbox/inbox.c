/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <microhttpd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/content.h"
#include "sandbox/handlers.h"
#include "sandbox/message.h"
#include "sandbox/reply.h"
#include "sandbox/request.h"
#include "sandbox/sandbox.h"

static const struct refusal missing = { 404, "RECEIVE", "20",
					"Message does not exist" };
static const struct refusal forbidden = { 403, "", "", "Forbidden" };
static const struct refusal gone = {
	410, "SEND", "Message already accepted",
	"Message no longer available for download"
};

struct header_text {
	const char *name;
	enum message_text which;
};

static const struct header_text header_texts[] = {
	{ "mex-from", MESSAGE_FROM },
	{ "mex-to", MESSAGE_TO },
	{ "mex-workflowid", MESSAGE_WORKFLOW },
	{ "mex-localid", MESSAGE_LOCAL_ID },
	{ "mex-partnerid", MESSAGE_PARTNER_ID },
	{ "mex-filename", MESSAGE_FILE_NAME },
	{ "mex-subject", MESSAGE_SUBJECT },
	{ "mex-linkedmsgid", MESSAGE_LINKED },
	{ "mex-content-checksum", MESSAGE_CHECKSUM },
	{ "mex-content-type", MESSAGE_CONTENT_TYPE },
};

static bool is_sender(const struct request *rq, const struct message *m)
{
	return !m->report &&
	       strcmp(message_get(m, MESSAGE_FROM), rq->box->id) == 0;
}

static bool is_reader(const struct request *rq, const struct message *m)
{
	return strcmp(message_get(m, MESSAGE_TO), rq->box->id) == 0;
}

/* NULL when the caller may read it now. */
static const struct refusal *refusal_to_read(const struct request *rq,
					     const struct message *m)
{
	if (!m)
		return &missing;
	if (!is_reader(rq, m))
		return &forbidden;
	if (m->status != MESSAGE_ACCEPTED)
		return &gone;
	return m->visible_ns <= rq->now_ns ? NULL : &missing;
}

static void put_status(struct reply *re, const struct message *m)
{
	char stamp[CLOCK_STAMP_SIZE];
	const char *code = m->report ? message_get(m, MESSAGE_CODE) : "00";
	const char *event = m->report ? message_get(m, MESSAGE_EVENT) :
					"TRANSFER";
	const char *text = m->report ? message_get(m, MESSAGE_DESCRIPTION) :
				       "Transferred to recipient mailbox";

	clock_stamp_utc(m->status_ns, stamp);
	reply_header(re, "mex-statuscode", code);
	reply_header(re, "mex-statusevent", event);
	reply_header(re, "mex-statusdescription", text);
	reply_header(re, "mex-statussuccess", m->report ? "ERROR" : "SUCCESS");
	reply_header(re, "mex-statustimestamp", stamp);
}

static void put_date(struct reply *re, int64_t wall_ns)
{
	char text[64];
	time_t seconds = (time_t)(wall_ns / CLOCK_SECOND);
	struct tm tm;

	if (gmtime_r(&seconds, &tm) &&
	    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0)
		reply_header(re, "last-modified", text);
}

/* Only a yes is passed on: mesh-api 3.4. */
static void put_flag(struct reply *re, const char *name,
		     const struct message *m, enum message_text which)
{
	bool flag = false;

	if (text_flag(message_get(m, which), &flag) && flag)
		reply_header(re, name, "Y");
}

static void put_headers(struct reply *re, const struct message *m,
			unsigned number)
{
	const size_t count = sizeof(header_texts) / sizeof(header_texts[0]);
	char text[64];

	for (size_t i = 0; i < count; i++)
		reply_header(re, header_texts[i].name,
			     message_get(m, header_texts[i].which));
	if (message_get(m, MESSAGE_FILE_NAME)[0] == '\0') {
		(void)snprintf(text, sizeof(text), "%s.dat", m->id);
		reply_header(re, "mex-filename", text);
	}
	(void)snprintf(text, sizeof(text), "%u:%u", number, m->total);
	reply_header(re, "mex-chunk-range", text);
	(void)snprintf(text, sizeof(text), "%u", m->total);
	reply_header(re, "mex-total-chunks", text);
	reply_header(re, "mex-addresstype", "ALL");
	reply_header(re, "mex-version", "1.0");
	reply_header(re, "mex-messagetype", m->report ? "REPORT" : "DATA");
	reply_header(re, "mex-messageid", m->id);
	put_flag(re, "mex-content-encrypted", m, MESSAGE_ENCRYPTED);
	put_flag(re, "mex-content-compressed", m, MESSAGE_COMPRESSED);
	put_status(re, m);
	put_date(re, m->visible_ns);
}

static void put_gzip(struct reply *re)
{
	reply_header(re, "content-encoding", "gzip");
	/* Says "compressed" of our own doing too: mesh-api 3.4. */
	reply_header(re, "mex-content-compressed", "Y");
}

/* Version 2 gives the sender's type, but not for parts of a whole. */
static void put_type(struct request *rq, const struct message *m)
{
	const char *type = message_get(m, MESSAGE_CONTENT_TYPE);
	bool own = rq->reply.version >= 2 && m->total == 1 && type[0] != '\0';

	reply_header(&rq->reply, "content-type",
		     own ? type : "application/octet-stream");
}

static void give_chunk(struct request *rq, const struct message *m,
		       unsigned number)
{
	bool takes_gzip = request_takes_gzip(rq);
	struct content content = { .fd = -1 };
	struct err err;

	if (content_open(rq->sandbox, m, number, takes_gzip,
			 rq->reply.version >= 2, &content, &err) < 0) {
		request_broke(rq, &err);
		return;
	}
	put_headers(&rq->reply, m, number);
	put_type(rq, m);
	if (content.gzip)
		put_gzip(&rq->reply);
	reply_file(&rq->reply,
		   number < m->total ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK,
		   content.fd, content.len);
}

static bool read_number(struct request *rq, uint64_t *ret)
{
	const char *text = rq->args[1];

	*ret = 1;
	if (!text || (text_u64(text, UINT32_MAX, ret) && *ret >= 1))
		return true;

	json_t *problems = json_array();

	(void)json_array_append_new(
		problems,
		reply_problem("path", "chunk_num",
			      "Input should be a number from 1", "number"));
	reply_problems(&rq->reply, problems);
	return false;
}

void inbox_get(struct request *rq)
{
	const struct message *m = store_find(&rq->sandbox->store, rq->args[0]);
	const struct refusal *refusal = refusal_to_read(rq, m);
	uint64_t number = 0;

	if (!read_number(rq, &number))
		return;
	if (!refusal && number > (m->report ? 1 : m->total))
		refusal = &missing;
	/* A hole can only be there when order is not enforced. */
	if (!refusal && !m->report &&
	    message_chunk_size(m, (unsigned)number) < 0)
		refusal = &missing;
	if (refusal) {
		reply_refuse(&rq->reply, refusal, NULL);
	} else if (m->report) {
		put_headers(&rq->reply, m, 1);
		reply_empty(&rq->reply, MHD_HTTP_OK);
	} else {
		give_chunk(rq, m, (unsigned)number);
	}
}

/* The length is 0 and not that of the body: mesh-api 3.5. */
void inbox_head(struct request *rq)
{
	const struct message *m = store_find(&rq->sandbox->store, rq->args[0]);
	const struct refusal *refusal = refusal_to_read(rq, m);

	if (refusal && !(m && is_sender(rq, m))) {
		reply_empty(&rq->reply, refusal->status);
		return;
	}
	put_headers(&rq->reply, m, 1);
	reply_header(&rq->reply, "content-encoding",
		     message_get(m, MESSAGE_ENCODING));
	reply_empty(&rq->reply, MHD_HTTP_OK);
}

static int acknowledge(struct request *rq, struct message *m, struct err *err)
{
	struct store *store = &rq->sandbox->store;

	if (m->status != MESSAGE_ACCEPTED || m->visible_ns > rq->now_ns)
		return 0;
	m->status = MESSAGE_ACKNOWLEDGED;
	m->status_ns = rq->now_ns;
	if (store_save(store, m, err) < 0) {
		m->status = MESSAGE_ACCEPTED;
		return -(int)err->code;
	}
	return 0;
}

void inbox_acknowledge(struct request *rq)
{
	struct message *m = store_find(&rq->sandbox->store, rq->args[0]);
	struct err err;

	if (!m)
		reply_refuse(&rq->reply, &missing, NULL);
	else if (!is_reader(rq, m))
		reply_refuse(&rq->reply, &forbidden, NULL);
	else if (acknowledge(rq, m, &err) < 0)
		request_broke(rq, &err);
	else if (rq->reply.version >= 2)
		reply_empty(&rq->reply, MHD_HTTP_OK);
	else
		reply_json(&rq->reply, MHD_HTTP_OK,
			   json_pack("{s:s}", "messageId", m->id));
}
