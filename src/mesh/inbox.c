/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "mesh/inbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "mesh/proto.h"
#include "mesh/session.h"
#include "net/gz.h"

#define VALUE_MAX 1000 /* bytes kept of a header */
#define WIRE_MARGIN (UINT64_C(1) << 20)

/* --- the list --- */

#define FILTER "workflow_filter"
#define FILTER_MAX 1000 /* escaped */

static int first_page(const struct session *session, char ret[PROTO_PATH_MAX],
		      struct err *err)
{
	const char *const parts[] = { session->mailbox, "inbox" };
	int r = proto_path(parts, 2, ret, err);
	if (r < 0)
		return r;
	size_t len = strlen(ret);
	int n = snprintf(ret + len, PROTO_PATH_MAX - len, "?max_results=%d",
			 INBOX_PAGE);
	if (n < 0 || (size_t)n >= PROTO_PATH_MAX - len)
		return err_set(err, ERR_INVALID,
			       "the mailbox id is too long for an address");
	return 0;
}

/* The service keeps the filter in its links; a link without one would give us
 * what is somebody else's, so that is not left to it. */
static int add_filter(const char *page, const char *filter, char **ret,
		      struct err *err)
{
	if (!filter || strstr(page, FILTER "=")) {
		*ret = xstrdup(page);
		return 0;
	}
	char escaped[FILTER_MAX];
	if (!text_url_encode(escaped, sizeof(escaped), filter))
		return err_set(err, ERR_INVALID,
			       FILTER " is too long for an address");
	*ret = xasprintf("%s%c" FILTER "=%s", page,
			 strchr(page, '?') ? '&' : '?', escaped);
	return 0;
}

static int page_path(const struct session *session, const char *next,
		     const char *filter, char **ret, struct err *err)
{
	if (next)
		return add_filter(next, filter, ret, err);
	char path[PROTO_PATH_MAX];
	int r = first_page(session, path, err);
	return r < 0 ? r : add_filter(path, filter, ret, err);
}

int inbox_list(const struct session *session, const char *next,
	       const char *filter, struct reply_page *ret, struct err *err)
{
	AUTO_FREE char *path = NULL;
	int r = page_path(session, next, filter, &path, err);
	if (r < 0)
		return r;
	const struct http_request request = {
		.method = HTTP_GET,
		.path = path,
	};
	struct http_reply reply;
	http_reply_init(&reply);
	r = session_exchange(session, &request, &reply, err);
	if (r == 0 && reply.status != 200)
		r = session_refused(session, "the list of the inbox", &reply,
				    err);
	if (r == 0)
		r = reply_page_read(reply.body.data, reply.body.len, ret, err);
	if (r == -ERR_PROTOCOL)
		err_widen(err, ERR_MAILBOX, ERR_LATER);
	http_reply_release(&reply);
	return r;
}

/* --- what the headers say --- */

#define TEXTS 15

/* Where each text is, with the header it comes from. */
struct text_at {
	char **at;
	const char *name;
};

static void list_texts(struct inbox_head *head, struct text_at ret[TEXTS])
{
	const struct text_at all[TEXTS] = {
		{ &head->from, "mex-from" },
		{ &head->to, "mex-to" },
		{ &head->workflow, "mex-workflowid" },
		{ &head->subject, "mex-subject" },
		{ &head->local_id, "mex-localid" },
		{ &head->file_name, "mex-filename" },
		{ &head->partner_id, "mex-partnerid" },
		{ &head->process_id, "mex-processid" },
		{ &head->checksum, "mex-content-checksum" },
		{ &head->linked_id, "mex-linkedmsgid" },
		{ &head->status_event, "mex-statusevent" },
		{ &head->status, "mex-statussuccess" },
		{ &head->status_code, "mex-statuscode" },
		{ &head->status_text, "mex-statusdescription" },
		{ &head->status_time, "mex-statustimestamp" },
	};
	memcpy(ret, all, sizeof(all));
}

static char *keep_text(const char *value)
{
	char text[VALUE_MAX + 1];
	text_escape(text, sizeof(text), value ? value : "");
	return xstrdup(text);
}

void inbox_head_init(struct inbox_head *head)
{
	*head = (struct inbox_head){ .chunk = 1, .count = 1 };
	struct text_at texts[TEXTS];
	list_texts(head, texts);
	for (size_t i = 0; i < TEXTS; i++)
		*texts[i].at = xstrdup("");
}

void inbox_head_release(struct inbox_head *head)
{
	if (!head)
		return;
	struct text_at texts[TEXTS];
	list_texts(head, texts);
	for (size_t i = 0; i < TEXTS; i++) {
		free(*texts[i].at);
		*texts[i].at = NULL;
	}
}

static bool flag(const struct http_reply *reply, const char *name)
{
	const char *value = http_reply_header(reply, name);
	bool set = false;
	return value && text_flag(value, &set) && set;
}

static int check_id(const struct http_reply *reply, const char *id,
		    struct err *err)
{
	const char *said = http_reply_header(reply, "mex-messageid");
	if (said && said[0] != '\0' && !text_equal_nocase(said, id))
		return err_set(err, ERR_PROTOCOL,
			       "asked for message %s, the service sent another "
			       "one",
			       id);
	return 0;
}

/* A log-in page of something on the way is no message. */
static int check_origin(const struct http_reply *reply, const char *id,
			struct err *err)
{
	static const char *const names[] = {
		"mex-messageid",
		"mex-messagetype",
		"mex-workflowid",
		"mex-chunk-range",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (http_reply_header(reply, names[i]))
			return 0;
	int r = err_set(err, ERR_PROTOCOL,
			"asked for message %s, but the answer does not come "
			"from MESH: it has no mex headers",
			id);
	if (err)
		err->http = reply->status;
	return r;
}

static int check_range(const struct http_reply *reply, const char *id,
		       unsigned chunk, unsigned *ret_count, struct err *err)
{
	unsigned got = 0;
	unsigned count = 0;
	if (!proto_range_parse(http_reply_header(reply, "mex-chunk-range"),
			       &got, &count))
		return err_set(err, ERR_PROTOCOL,
			       "message %s has a mex-chunk-range that cannot "
			       "be understood",
			       id);
	if (count > INBOX_CHUNKS_MAX)
		return err_set(err, ERR_PROTOCOL,
			       "message %s is said to have %u chunks; over %u "
			       "are not believed",
			       id, count, INBOX_CHUNKS_MAX);
	if (got != chunk)
		return err_set(err, chunk > 1 ? ERR_CHANGED : ERR_PROTOCOL,
			       "asked for chunk %u of message %s, the service "
			       "sent %u of %u",
			       chunk, id, got, count);
	if ((reply->status == 206) != (got < count))
		return err_set(err, ERR_PROTOCOL,
			       "chunk %u of %u of message %s came with status "
			       "%d",
			       got, count, id, reply->status);
	*ret_count = count;
	return 0;
}

int inbox_head_read(const struct http_reply *reply, const char *id,
		    unsigned chunk, struct inbox_head *ret, struct err *err)
{
	unsigned count = 0;
	int r = check_origin(reply, id, err);
	if (r == 0)
		r = check_id(reply, id, err);
	if (r == 0)
		r = check_range(reply, id, chunk, &count, err);
	if (r < 0) {
		err_widen(err, ERR_MESSAGE, ERR_LATER);
		return r;
	}
	inbox_head_release(ret);
	struct text_at texts[TEXTS];
	list_texts(ret, texts);
	for (size_t i = 0; i < TEXTS; i++)
		*texts[i].at = keep_text(
			http_reply_header(reply, texts[i].name));
	(void)text_copy(ret->id, sizeof(ret->id), id); /* checked when listed */
	const char *type = http_reply_header(reply, "mex-messagetype");
	ret->report = type && text_equal_nocase(type, "REPORT");
	ret->compressed = flag(reply, "mex-content-compressed");
	ret->encrypted = flag(reply, "mex-content-encrypted");
	ret->chunk = chunk;
	ret->count = count;
	return 0;
}

/* --- one chunk --- */

struct download {
	const struct inbox_fetch *fetch;
	struct inbox_head *head;
	bool gzip;     /* this answer is */
	bool any;      /* it has a body */
	uint64_t wire; /* bytes of it */
};

/* What is compressed to no advantage is a little longer; what expands to
 * nothing must end, too. */
static uint64_t wire_most(uint64_t most)
{
	uint64_t more = most / 64 + WIRE_MARGIN;
	return most > UINT64_MAX - more ? UINT64_MAX : most + more;
}

static int corrupt(const struct inbox_fetch *fetch, const char *why,
		   struct err *err)
{
	return err_set(err, ERR_CORRUPT,
		       "message %s cannot be decoded: chunk %u %s", fetch->id,
		       fetch->chunk, why);
}

static int check_encoding(struct download *download,
			  const struct http_reply *reply, struct err *err)
{
	const struct inbox_fetch *fetch = download->fetch;
	const char *encoding = http_reply_header(reply, "content-encoding");
	if (!encoding || encoding[0] == '\0')
		encoding = "identity";
	download->gzip = text_equal_nocase(encoding, "gzip") ||
			 text_equal_nocase(encoding, "x-gzip");
	if (download->gzip)
		return 0;
	if (!text_equal_nocase(encoding, "identity"))
		return corrupt(fetch, "has an unknown Content-Encoding", err);
	if (!gz_reader_between(fetch->gz))
		return corrupt(fetch,
			       "is not gzip, but the one before ends "
			       "inside a gzip stream",
			       err);
	return 0;
}

static int begin(void *ctx, const struct http_reply *reply, struct err *err)
{
	struct download *download = ctx;
	int r = inbox_head_read(reply, download->fetch->id,
				download->fetch->chunk, download->head, err);
	return r < 0 ? r : check_encoding(download, reply, err);
}

static int take(void *ctx, const void *data, size_t len, struct err *err)
{
	struct download *download = ctx;
	const struct inbox_fetch *fetch = download->fetch;
	download->any = true;
	download->wire += len;
	if (download->wire > wire_most(fetch->most))
		return err_set(err, ERR_LIMIT,
			       "chunk %u of message %s does not end within "
			       "%llu bytes",
			       fetch->chunk, fetch->id,
			       (unsigned long long)wire_most(fetch->most));
	int r = download->gzip ?
			gz_reader_feed(fetch->gz, data, len, fetch->most,
				       fetch->write, fetch->ctx, err) :
			gz_reader_pass(fetch->gz, data, len, fetch->most,
				       fetch->write, fetch->ctx, err);
	if (r == -ERR_CORRUPT)
		err_prefix(err, "message %s, chunk %u", fetch->id,
			   fetch->chunk);
	return r;
}

static int exchange(const struct session *session, const char *path,
		    struct download *download, struct http_reply *reply,
		    struct err *err)
{
	const struct http_field field = { "Accept-Encoding", "gzip" };
	const struct http_sink sink = {
		.begin = begin,
		.write = take,
		.ctx = download,
	};
	const struct http_request request = {
		.method = HTTP_GET,
		.path = path,
		.fields = &field,
		.field_count = 1,
		.sink = &sink,
	};
	int r = session_exchange(session, &request, reply, err);
	if (r < 0)
		return r;
	if (reply->status != 200 && reply->status != 206) {
		r = session_refused(session, "a download", reply, err);
		/* The service fails on this message only, as on stored gzip
		 * that is damaged: the others must not wait for it. */
		if (reply->status == 500)
			err_widen(err, ERR_MESSAGE, ERR_LATER);
		return r;
	}
	if (download->gzip && !download->any && !download->head->report)
		return corrupt(download->fetch,
			       "is said to be gzip and is empty", err);
	if (download->head->chunk == download->head->count &&
	    !gz_reader_between(download->fetch->gz))
		return corrupt(download->fetch,
			       "is the last and ends inside a gzip stream",
			       err);
	return 0;
}

int inbox_fetch(const struct session *session, const struct inbox_fetch *fetch,
		struct inbox_head *ret, struct err *err)
{
	char number[PROTO_RANGE_SIZE];
	char path[PROTO_PATH_MAX];
	const char *const parts[] = { session->mailbox, "inbox", fetch->id,
				      number };
	(void)snprintf(number, sizeof(number), "%u", fetch->chunk); /* fits */
	/* Chunk 1 is the message itself. */
	int r = proto_path(parts, fetch->chunk > 1 ? 4 : 3, path, err);
	if (r < 0)
		return r;
	struct inbox_head head;
	inbox_head_init(&head);
	struct download download = { .fetch = fetch, .head = &head };
	struct http_reply reply;
	http_reply_init(&reply);
	struct gz_reader *before = gz_reader_copy(fetch->gz);
	r = exchange(session, path, &download, &reply, err);
	if (r < 0)
		gz_reader_restore(fetch->gz, before);
	(void)gz_reader_free(before); /* always NULL */
	http_reply_release(&reply);
	if (r < 0) {
		inbox_head_release(&head);
		return r;
	}
	inbox_head_release(ret);
	*ret = head;
	return 0;
}

/* --- the end of a message --- */

int inbox_acknowledge(const struct session *session, const char *id,
		      struct err *err)
{
	char path[PROTO_PATH_MAX];
	const char *const parts[] = { session->mailbox, "inbox", id, "status",
				      "acknowledged" };
	int r = proto_path(parts, 5, path, err);
	if (r < 0)
		return r;
	const struct http_request request = {
		.method = HTTP_PUT,
		.path = path,
	};
	struct http_reply reply;
	http_reply_init(&reply);
	r = session_exchange(session, &request, &reply, err);
	/* Gone already is what we want. */
	if (r == 0 && reply.status != 200 && reply.status != 204 &&
	    reply.status != 404 && reply.status != 410)
		r = session_refused(session, "an acknowledgement", &reply, err);
	http_reply_release(&reply);
	return r;
}
