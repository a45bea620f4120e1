/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "answers.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "net/http_reply.h"

#define ANSWER_MAX ((size_t)1 << 20)

/* --- dying, as far as the disk is concerned --- */

static void allow_writing(bool allowed)
{
	const struct rlimit limit = {
		.rlim_cur = allowed ? RLIM_INFINITY : 0,
		.rlim_max = RLIM_INFINITY,
	};
	/* Writing fails then, and does not end the process. */
	FUZZ_HOLDS(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	FUZZ_HOLDS(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

void answers_revive(struct http_client *client)
{
	allow_writing(true);
	client->killed = false;
	client->full = false;
	client->stopped = false;
}

bool answers_go_on(void *client)
{
	const struct http_client *self = client;
	return !self->killed && !self->stopped && !self->at_end;
}

/* --- what was asked --- */

const char *answers_field(const struct http_request *request, const char *name)
{
	for (size_t i = 0; i < request->field_count; i++)
		if (text_equal_nocase(request->fields[i].name, name))
			return request->fields[i].value;
	return NULL;
}

/* As the real one does it: the body is read, then looked at once more. */
static int take_source(const struct http_request *request, struct err *err)
{
	const struct http_source *source = request->source;
	if (!source || !source->last_look)
		return 0;
	return source->last_look(source->ctx, err);
}

/* --- what is answered --- */

static void put(struct buf *ret, const void *data, size_t len)
{
	FUZZ_HOLDS(buf_append(ret, data, len));
}

static void put_time(struct buf *ret)
{
	char text[32];
	time_t now = time(NULL);
	struct tm tm;
	FUZZ_HOLDS(gmtime_r(&now, &tm) != NULL);
	size_t len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	put(ret, text, len);
}

static void fill_in(const struct http_client *client,
		    const struct fuzz_piece *piece, struct buf *ret)
{
	static const char time_mark[] = "@TIME@";
	static const char local_mark[] = "@LOCAL@";
	const char *at = (const char *)piece->data;
	const char *end = at + piece->size;
	while (at < end) {
		size_t left = (size_t)(end - at);
		if (left >= strlen(time_mark) && ret->len < ANSWER_MAX / 2 &&
		    memcmp(at, time_mark, strlen(time_mark)) == 0) {
			put_time(ret);
			at += strlen(time_mark);
		} else if (left >= strlen(local_mark) &&
			   ret->len < ANSWER_MAX / 2 &&
			   memcmp(at, local_mark, strlen(local_mark)) == 0) {
			put(ret, client->local_id, strlen(client->local_id));
			at += strlen(local_mark);
		} else {
			put(ret, at, 1);
			at++;
		}
	}
}

/* Cuts the line that is the word off. */
static bool begins_with(struct fuzz_piece *piece, const char *word)
{
	size_t len = strlen(word);
	if (piece->size < len || memcmp(piece->data, word, len) != 0)
		return false;
	if (piece->size > len && piece->data[len] == '\n')
		len++;
	piece->data += len;
	piece->size -= len;
	return true;
}

static int fail(struct http_reply *reply, enum http_sent sent, const char *why,
		struct err *err)
{
	reply->sent = sent;
	int r = err_set(err, ERR_NETWORK, "%s", why);
	err_widen(err, ERR_SERVICE, ERR_LATER);
	return r;
}

static int read_head(struct http_head *head, struct fuzz_piece *piece,
		     struct err *err)
{
	while (piece->size > 0 && head->state != HTTP_HEAD_DONE) {
		const uint8_t *end = memchr(piece->data, '\n', piece->size);
		size_t len = end ? (size_t)(end - piece->data) + 1 :
				   piece->size;
		int r = http_head_line(head, (const char *)piece->data, len,
				       err);
		if (r < 0)
			return r;
		piece->data += len;
		piece->size -= len;
	}
	if (head->state != HTTP_HEAD_DONE)
		return err_set(err, ERR_NETWORK, "the answer ends in its head");
	return 0;
}

/* In two parts, as a network would. */
static int pour(const struct http_sink *sink, const struct http_reply *reply,
		const struct fuzz_piece *body, struct err *err)
{
	size_t half = body->size / 2;
	int r = sink->begin ? sink->begin(sink->ctx, reply, err) : 0;
	if (r == 0 && half > 0)
		r = sink->write(sink->ctx, body->data, half, err);
	if (r == 0 && body->size > half)
		r = sink->write(sink->ctx, body->data + half, body->size - half,
				err);
	return r;
}

static int hand_over(const struct http_request *request,
		     struct http_reply *reply, const struct fuzz_piece *whole,
		     bool cut, struct err *err)
{
	const struct fuzz_piece body = {
		.data = whole->data,
		.size = cut ? whole->size / 2 : whole->size,
	};
	int r = 0;
	if (request->sink && (reply->status == 200 || reply->status == 206))
		r = pour(request->sink, reply, &body, err);
	else if (!buf_append(&reply->body, body.data, body.size))
		r = err_set(err, ERR_PROTOCOL, "too long a body");
	if (r == 0 && cut)
		r = fail(reply, HTTP_SENT_WHOLE, "the answer was cut", err);
	return r;
}

static int answer(const struct http_request *request, struct fuzz_piece *piece,
		  struct http_reply *reply, struct err *err)
{
	struct http_head head;
	if (begins_with(piece, "PART"))
		return fail(reply, HTTP_SENT_PART, "it broke", err);
	bool cut = begins_with(piece, "CUT");
	int r = take_source(request, err);
	reply->sent = r < 0 ? HTTP_SENT_PART : HTTP_SENT_WHOLE;
	if (r < 0)
		return r;
	if (begins_with(piece, "WHOLE"))
		return fail(reply, HTTP_SENT_WHOLE, "no answer came", err);
	http_head_init(&head, reply);
	r = read_head(&head, piece, err);
	if (r < 0)
		return r;
	return hand_over(request, reply, piece, cut, err);
}

static int take_next(struct http_client *client,
		     const struct http_request *request,
		     struct http_reply *reply, struct buf *text,
		     struct fuzz_piece *ret_body, struct err *err)
{
	struct fuzz_piece piece;
	if (client->exchanges > ANSWERS_MOST ||
	    !fuzz_next(client->data, client->size, &client->at, &piece)) {
		client->at_end = true;
		return fail(reply, HTTP_SENT_NOTHING, "no answer is left", err);
	}
	if (begins_with(&piece, "KILL"))
		client->killed = true;
	if (begins_with(&piece, "FULL"))
		client->full = true;
	if (begins_with(&piece, "STOP"))
		client->stopped = true;
	if (begins_with(&piece, "NOTHING"))
		return fail(reply, HTTP_SENT_NOTHING, "it is away", err);
	fill_in(client, &piece, text);
	*ret_body = (struct fuzz_piece){ .data = (const uint8_t *)text->data,
					 .size = text->len };
	return answer(request, ret_body, reply, err);
}

int http_exchange(struct http_client *client,
		  const struct http_request *request, struct http_reply *reply,
		  struct err *err)
{
	struct buf text;
	struct fuzz_piece body = { .size = 0 };
	buf_init(&text, ANSWER_MAX);
	const char *local_id = answers_field(request, "Mex-LocalID");
	if (local_id)
		(void)text_copy(client->local_id, sizeof(client->local_id),
				local_id); /* proto_check: it fits */
	const char *own = client->before ?
				  client->before(client->ctx, request) :
				  NULL;
	int r;
	if (own) {
		body.data = (const uint8_t *)own;
		body.size = strlen(own);
		r = answer(request, &body, reply, err);
	} else {
		client->exchanges++;
		r = take_next(client, request, reply, &text, &body, err);
	}
	if (client->after && !own)
		client->after(client->ctx, request, r, reply, &body);
	if (client->killed || client->full)
		allow_writing(false);
	buf_release(&text);
	return r;
}

int http_client_new(const struct http_settings *settings,
		    struct http_client **ret, struct err *err)
{
	(void)settings;
	(void)ret;
	return err_set(err, ERR_NETWORK, "there is no network here");
}

struct http_client *http_client_free(struct http_client *client)
{
	(void)client;
	return NULL;
}

int http_global_init(struct err *err)
{
	return err_set(err, ERR_NETWORK, "there is no network here");
}
