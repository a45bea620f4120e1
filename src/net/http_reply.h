/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The head of an answer: lines in, framing and fields out.
 *
 * Takes the lines of an HTTP/1.x head as they come and refuses (ERR_PROTOCOL)
 * what could make a cut answer look whole or one field look like another:
 * folded lines, blanks in names, two lengths, length together with chunks,
 * unknown transfer codings, a second and different mex-* value, control bytes
 * in mex-* and content-*, and more than HTTP_HEADERS_MAX or
 * HTTP_HEADER_LINES_MAX. Interim (1xx) heads are forgotten, trailers ignored;
 * both count.
 * Pure.
 */
#ifndef MESHDROP_NET_HTTP_REPLY_H
#define MESHDROP_NET_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct http_reply;

enum http_head_state {
	HTTP_HEAD_STATUS, /* a status line must come */
	HTTP_HEAD_FIELDS,
	HTTP_HEAD_DONE, /* of the final answer */
};

struct http_head {
	struct http_reply *reply; /* borrowed */
	enum http_head_state state;
	size_t bytes;
	unsigned lines;
	bool has_length;
	bool chunked;
	bool close; /* the connection ends with this answer */
	uint64_t length;
};

void http_head_init(struct http_head *head, struct http_reply *reply);
/* One line with its line end. */
int http_head_line(struct http_head *head, const char *line, size_t len,
		   struct err *err) __attribute__((warn_unused_result));
/* Whether the end of the body is marked by more than the connection's end. */
bool http_head_framed(const struct http_head *head);

/* Keeps a field; name in lower case. False when there is no room. */
bool http_reply_add(struct http_reply *reply, const char *name,
		    const char *value) __attribute__((warn_unused_result));

#endif
