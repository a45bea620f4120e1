/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/reply.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <microhttpd.h>

#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/text.h"

#define TYPE_JSON "application/json"
#define TYPE_V2 "application/vnd.mesh.v2+json"
#define BLOCK_SIZE 65536

void reply_init(struct reply *re)
{
	*re = (struct reply){ .fd = -1, .version = 1 };
}

static void drop_body(struct reply *re)
{
	free(re->body);
	re->body = NULL;
	re->body_len = 0;
	mem_auto_close(&re->fd);
	re->fd = -1;
	re->fd_len = 0;
}

void reply_release(struct reply *re)
{
	drop_body(re);
	for (size_t i = 0; i < re->count; i++) {
		free(re->headers[i].name);
		free(re->headers[i].value);
	}
	free(re->headers);
	reply_init(re);
}

static void remove_header(struct reply *re, const char *name)
{
	for (size_t i = 0; i < re->count; i++) {
		if (!text_equal_nocase(re->headers[i].name, name))
			continue;
		free(re->headers[i].name);
		free(re->headers[i].value);
		re->headers[i] = re->headers[re->count - 1];
		re->count--;
		return;
	}
}

void reply_header(struct reply *re, const char *name, const char *value)
{
	remove_header(re, name);
	if (!value || value[0] == '\0')
		return;
	re->headers = xreallocarray(re->headers, re->count + 1,
				    sizeof(struct reply_header));
	re->headers[re->count].name = xstrdup(name);
	re->headers[re->count].value = xstrdup(value);
	re->count++;
}

void reply_text(struct reply *re, const char *content_type, const char *text)
{
	drop_body(re);
	re->body = xstrdup(text);
	re->body_len = strlen(text);
	reply_header(re, "content-type", content_type);
}

void reply_empty(struct reply *re, unsigned status)
{
	drop_body(re);
	re->status = status;
}

void reply_file(struct reply *re, unsigned status, int fd, uint64_t len)
{
	drop_body(re);
	re->status = status;
	re->fd = fd;
	re->fd_len = len;
}

static void put_json(struct reply *re, unsigned status, const char *type,
		     json_t *json)
{
	AUTO_FREE char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

	json_decref(json);
	if (!text) {
		reply_unexplained(re, MHD_HTTP_INTERNAL_SERVER_ERROR);
		return;
	}
	re->status = status;
	reply_text(re, type, text);
}

void reply_json(struct reply *re, unsigned status, json_t *json)
{
	put_json(re, status, TYPE_JSON, json);
}

void reply_json_versioned(struct reply *re, unsigned status, json_t *json)
{
	put_json(re, status, re->version >= 2 ? TYPE_V2 : TYPE_JSON, json);
}

void reply_refuse(struct reply *re, const struct refusal *refusal,
		  const char *message_id)
{
	json_t *json = NULL;

	if (re->version >= 2) {
		json = json_pack("{s:[{s:s, s:s, s:s}]}", "detail", "event",
				 refusal->event, "code", refusal->code, "msg",
				 refusal->text);
		if (message_id)
			(void)json_object_set_new(json, "message_id",
						  json_string(message_id));
	} else {
		json = json_pack("{s:s, s:s, s:s}", "errorEvent",
				 refusal->event, "errorCode", refusal->code,
				 "errorDescription", refusal->text);
		if (message_id)
			(void)json_object_set_new(json, "messageID",
						  json_string(message_id));
	}
	reply_json_versioned(re, refusal->status, json);
}

void reply_detail(struct reply *re, unsigned status, const char *text)
{
	reply_json(re, status, json_pack("{s:s}", "detail", text));
}

void reply_unexplained(struct reply *re, unsigned status)
{
	re->status = status;
	reply_text(re, TYPE_JSON,
		   "{\"message\":\"An internal error occurred.\\n\\n"
		   "Please contact support.\"}");
}

json_t *reply_problem(const char *where, const char *name, const char *text,
		      const char *type)
{
	return json_pack("{s:[s,s], s:s, s:s}", "loc", where, name, "msg", text,
			 "type", type);
}

void reply_problems(struct reply *re, json_t *problems)
{
	reply_json(re, MHD_HTTP_BAD_REQUEST,
		   json_pack("{s:o}", "detail", problems));
}

/* The body on its way; outlives the request. */
struct source {
	char *data; /* owned */
	int fd;	    /* owned */
	uint64_t len;
	uint64_t stop;
	bool cut;
};

static ssize_t source_read(void *cls, uint64_t at, char *ret_data, size_t max)
{
	struct source *source = cls;
	size_t got = 0;

	if (at >= source->stop)
		return source->cut ? MHD_CONTENT_READER_END_WITH_ERROR :
				     MHD_CONTENT_READER_END_OF_STREAM;
	if (max > source->stop - at)
		max = (size_t)(source->stop - at);
	if (source->fd < 0) {
		memcpy(ret_data, source->data + at, max);
		return (ssize_t)max;
	}
	/* An error, or a file that shrank: the reply must not look whole. */
	if (fsx_pread(source->fd, "chunk", ret_data, max, at, &got, NULL) < 0 ||
	    got == 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	return (ssize_t)got;
}

static void source_free(void *cls)
{
	struct source *source = cls;

	free(source->data);
	mem_auto_close(&source->fd);
	free(source);
}

static struct source *source_new(struct reply *re, int64_t cut_after)
{
	struct source *source = xcalloc(1, sizeof(*source));

	source->data = re->body;
	source->fd = re->fd;
	source->len = re->fd >= 0 ? re->fd_len : re->body_len;
	source->stop = source->len;
	if (cut_after >= 0 && (uint64_t)cut_after < source->len) {
		source->stop = (uint64_t)cut_after;
		source->cut = true;
	}
	re->body = NULL;
	re->fd = -1;
	return source;
}

bool reply_send(struct reply *re, struct MHD_Connection *connection,
		int64_t cut_after)
{
	struct source *source = source_new(re, cut_after);
	struct MHD_Response *response = MHD_create_response_from_callback(
		source->len, BLOCK_SIZE, source_read, source, source_free);

	if (!response) {
		source_free(source);
		return false;
	}

	enum MHD_Result result = MHD_YES;

	for (size_t i = 0; i < re->count && result == MHD_YES; i++)
		result = MHD_add_response_header(response, re->headers[i].name,
						 re->headers[i].value);
	if (result == MHD_YES)
		result = MHD_queue_response(connection, re->status, response);
	MHD_destroy_response(response);
	return result == MHD_YES;
}
