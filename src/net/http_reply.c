/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "net/http_reply.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/http.h"

/* A length has at most 19 digits and so fits in 64 bits. */
#define LENGTH_MAX ((uint64_t)INT64_MAX)

void http_reply_init(struct http_reply *reply)
{
	*reply = (struct http_reply){ .status = 0 };
	buf_init(&reply->headers, HTTP_HEADERS_MAX);
	buf_init(&reply->body, HTTP_BODY_MAX);
}

void http_reply_release(struct http_reply *reply)
{
	buf_release(&reply->headers);
	buf_release(&reply->body);
}

const char *http_reply_header(const struct http_reply *reply, const char *name)
{
	size_t name_len = strlen(name);
	const char *p = reply->headers.data;
	const char *end = p + reply->headers.len;
	while (p < end) {
		if (strncmp(p, name, name_len) == 0 &&
		    strncmp(p + name_len, ": ", 2) == 0)
			return p + name_len + 2;
		p += strlen(p) + 1;
	}
	return NULL;
}

bool http_reply_add(struct http_reply *reply, const char *name,
		    const char *value)
{
	AUTO_FREE char *field = xasprintf("%s: %s", name, value);
	return buf_append(&reply->headers, field, strlen(field) + 1);
}

/* The number of a month's English name, from 0; negative if it is none. */
static int month_of(const char *name)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *at = strlen(name) == 3 ? strstr(months, name) : NULL;
	if (!at || (at - months) % 3 != 0)
		return -1;
	return (int)(at - months) / 3;
}

static bool in_range(const struct tm *tm)
{
	return tm->tm_mday >= 1 && tm->tm_mday <= 31 && tm->tm_mon >= 0 &&
	       tm->tm_hour >= 0 && tm->tm_hour <= 23 && tm->tm_min >= 0 &&
	       tm->tm_min <= 59 && tm->tm_sec >= 0 && tm->tm_sec <= 60 &&
	       tm->tm_year >= 70 && tm->tm_year <= 300;
}

bool http_date_read(const char *text, int64_t *ret_wall_ns)
{
	struct tm tm = { .tm_isdst = 0 };
	char month[4];
	int used = 0;
	/* NOLINTNEXTLINE(cert-err34-c): each width keeps it in range */
	if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d%n",
		   &tm.tm_mday, month, &tm.tm_year, &tm.tm_hour, &tm.tm_min,
		   &tm.tm_sec, &used) != 6)
		return false;
	const char *zone = text + used;
	if (strcmp(zone, " GMT") != 0 && strcmp(zone, " UTC") != 0)
		return false;
	tm.tm_mon = month_of(month);
	tm.tm_year -= 1900;
	if (!in_range(&tm))
		return false;
	*ret_wall_ns = (int64_t)timegm(&tm) * CLOCK_SECOND;
	return true;
}

void http_head_init(struct http_head *head, struct http_reply *reply)
{
	*head = (struct http_head){ .reply = reply };
}

bool http_head_framed(const struct http_head *head)
{
	return head->has_length != head->chunked;
}

static bool is_token(const char *s)
{
	static const char token[] =
		"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";
	return s[0] != '\0' && s[strspn(s, token)] == '\0';
}

/* Ours to understand, so nothing odd is let through. */
static bool matters(const char *name)
{
	return strncmp(name, "mex-", 4) == 0 ||
	       strncmp(name, "content-", 8) == 0 ||
	       strcmp(name, "transfer-encoding") == 0;
}

static bool has_control(const char *s)
{
	for (; s[0] != '\0'; s++) {
		if ((unsigned char)s[0] < 0x20 || s[0] == 0x7f)
			return true;
	}
	return false;
}

static int status_line(struct http_head *head, const char *line,
		       struct err *err)
{
	int major = 0;
	int status = 0;
	int used = 0;
	/* NOLINTNEXTLINE(cert-err34-c): each width keeps it in range */
	(void)sscanf(line, "HTTP/%1d.%*1d %3d%n", &major, &status, &used);
	if (used == 0 || major != 1 || status < 100 ||
	    (line[used] != ' ' && line[used] != '\0'))
		return err_set(err, ERR_PROTOCOL,
			       "the answer of the server (url) does not begin "
			       "with an HTTP/1.1 status line");
	*head = (struct http_head){
		.reply = head->reply,
		.state = HTTP_HEAD_FIELDS,
		.bytes = head->bytes,
		.lines = head->lines,
	};
	head->reply->status = status;
	buf_clear(&head->reply->headers);
	return 0;
}

static int content_length(struct http_head *head, const char *value,
			  struct err *err)
{
	uint64_t length;
	if (!text_u64(value, LENGTH_MAX, &length))
		return err_set(err, ERR_PROTOCOL,
			       "the answer has a Content-Length that is not a "
			       "number");
	if (head->has_length && head->length != length)
		return err_set(err, ERR_PROTOCOL,
			       "the answer has two different Content-Length "
			       "headers");
	head->has_length = true;
	head->length = length;
	return 0;
}

static int framing(struct http_head *head, const char *name, const char *value,
		   struct err *err)
{
	if (strcmp(name, "content-length") == 0)
		return content_length(head, value, err);
	if (strcmp(name, "transfer-encoding") == 0) {
		if (head->chunked || !text_equal_nocase(value, "chunked"))
			return err_set(err, ERR_PROTOCOL,
				       "the answer has a Transfer-Encoding "
				       "other than 'chunked'");
		head->chunked = true;
	}
	if (strcmp(name, "connection") == 0 &&
	    text_equal_nocase(value, "close"))
		head->close = true;
	return 0;
}

static int keep(struct http_head *head, const char *name, const char *value,
		struct err *err)
{
	const char *before = http_reply_header(head->reply, name);
	/* Two layers of gzip may be said by two equal lines. */
	if (before && matters(name) &&
	    (strcmp(before, value) != 0 ||
	     strcmp(name, "content-encoding") == 0))
		return err_set(err, ERR_PROTOCOL,
			       "the answer has the header %s twice", name);
	if (!before && !http_reply_add(head->reply, name, value))
		return err_set(err, ERR_PROTOCOL,
			       "the answer has more than %zu bytes of headers",
			       HTTP_HEADERS_MAX);
	return 0;
}

static void fold_name(char *name)
{
	for (; *name != '\0'; name++) {
		if (*name >= 'A' && *name <= 'Z')
			*name = (char)(*name - 'A' + 'a');
	}
}

/* Only what HTTP calls blanks: other control bytes are for has_control. */
static char *trim(char *s)
{
	s += strspn(s, " \t");
	size_t len = strlen(s);
	while (len > 0 && strchr(" \t", s[len - 1]))
		len--;
	s[len] = '\0';
	return s;
}

/* line is writable and ends before its line end; len tells whether it has
 * NUL bytes. */
static int field_line(struct http_head *head, char *line, size_t len,
		      struct err *err)
{
	char *colon = strchr(line, ':');
	if (line[0] == ' ' || line[0] == '\t' || !colon)
		return err_set(err, ERR_PROTOCOL,
			       "the answer has a folded or broken header line");
	*colon = '\0';
	fold_name(line);
	if (!is_token(line))
		return err_set(err, ERR_PROTOCOL,
			       "the answer has a header with a broken name");
	bool whole = strlen(line) + 1 + strlen(colon + 1) == len;
	const char *value = trim(colon + 1);
	if (!whole || has_control(value)) {
		if (!matters(line))
			return 0;
		return err_set(err, ERR_PROTOCOL,
			       "the answer has control bytes in the header %s",
			       line);
	}
	int r = framing(head, line, value, err);
	return r < 0 ? r : keep(head, line, value, err);
}

static int end_of_head(struct http_head *head, struct err *err)
{
	if (head->reply->status < 200) {
		head->state = HTTP_HEAD_STATUS;
		return 0;
	}
	head->state = HTTP_HEAD_DONE;
	if (head->has_length && head->chunked)
		return err_set(err, ERR_PROTOCOL,
			       "the answer has both a Content-Length and a "
			       "Transfer-Encoding");
	return 0;
}

int http_head_line(struct http_head *head, const char *line, size_t len,
		   struct err *err)
{
	head->bytes += len;
	head->lines++;
	if (head->bytes > HTTP_HEADERS_MAX ||
	    head->lines > HTTP_HEADER_LINES_MAX)
		return err_set(err, ERR_PROTOCOL,
			       "the answer has more headers than we take "
			       "(%d lines, %zu bytes)",
			       HTTP_HEADER_LINES_MAX, HTTP_HEADERS_MAX);
	while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		len--;
	AUTO_FREE char *copy = xmalloc(len + 1);
	memcpy(copy, line, len);
	copy[len] = '\0';
	switch (head->state) {
	case HTTP_HEAD_STATUS:
		return status_line(head, copy, err);
	case HTTP_HEAD_FIELDS:
		if (len == 0)
			return end_of_head(head, err);
		return field_line(head, copy, len, err);
	case HTTP_HEAD_DONE:
		break;
	}
	return 0; /* a trailer says nothing that we use */
}
