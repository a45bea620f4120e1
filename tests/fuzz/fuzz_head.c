/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* The head of an answer, and what a download's head says. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "fuzz.h"
#include "mesh/inbox.h"
#include "mesh/proto.h"
#include "net/http.h"
#include "net/http_reply.h"

static bool read_lines(struct http_head *head, const uint8_t *data, size_t size)
{
	size_t at = 0;
	while (at < size) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		size_t len = end ? (size_t)(end - data) - at + 1 : size - at;
		struct err err;
		int r = http_head_line(head, (const char *)data + at, len,
				       &err);
		if (r < 0)
			return false;
		at += len;
	}
	return head->state == HTTP_HEAD_DONE;
}

static void read_download(const struct http_reply *reply)
{
	for (unsigned chunk = 1; chunk <= 2; chunk++) {
		struct inbox_head head;
		struct err err;
		inbox_head_init(&head);
		if (inbox_head_read(reply, "20261122101500000000_ABCDEF", chunk,
				    &head, &err) == 0) {
			FUZZ_HOLDS(head.chunk == chunk);
			FUZZ_HOLDS(head.chunk <= head.count);
			FUZZ_HOLDS(head.count <= INBOX_CHUNKS_MAX);
			FUZZ_HOLDS(!strpbrk(head.subject, "\r\n"));
		}
		inbox_head_release(&head);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_reply reply;
	struct http_head head;
	http_reply_init(&reply);
	http_head_init(&head, &reply);
	if (read_lines(&head, data, size)) {
		(void)http_head_framed(&head);
		FUZZ_HOLDS(reply.status >= 200 && reply.status <= 999);
		read_download(&reply);
	}
	http_reply_release(&reply);
	char *text = fuzz_text(data, size < 200 ? size : 200);
	unsigned chunk;
	unsigned count;
	int64_t wall_ns;
	if (proto_range_parse(text, &chunk, &count))
		FUZZ_HOLDS(chunk >= 1 && chunk <= count);
	(void)http_date_read(text, &wall_ns);
	free(text);
	return 0;
}
