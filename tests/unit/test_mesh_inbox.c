/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "mesh/inbox.h"
#include "mesh/session.h"
#include "net/gz.h"
#include "net/http_reply.h"
#include "net_server.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* --- heads --- */

struct head_case {
	int status;
	const char *range; /* NULL: no header */
	const char *id;	   /* NULL: no header */
	unsigned chunk;
	int r;
	unsigned count;
};

static int read_head(const struct head_case *c, struct inbox_head *ret)
{
	struct http_reply reply;
	struct err err;
	http_reply_init(&reply);
	reply.status = c->status;
	if (c->range)
		assert_true(
			http_reply_add(&reply, "mex-chunk-range", c->range));
	if (c->id)
		assert_true(http_reply_add(&reply, "mex-messageid", c->id));
	int r = inbox_head_read(&reply, "M1", c->chunk, ret, &err);
	http_reply_release(&reply);
	return r;
}

static void test_heads(void **state)
{
	(void)state;
	static const struct head_case cases[] = {
		{ 200, "1:1", "M1", 1, 0, 1 },
		{ 200, NULL, "", 1, 0, 1 },
		/* A page of something on the way: no mex header. */
		{ 200, NULL, NULL, 1, -ERR_PROTOCOL, 0 },
		{ 200, "1:0", "m1", 1, 0, 1 },
		{ 206, "1:3", "M1", 1, 0, 3 },
		{ 206, "{2:3}", "M1", 2, 0, 3 },
		{ 200, "3:3", "", 3, 0, 3 },
		{ 200, "1:1", "M2", 1, -ERR_PROTOCOL, 0 },
		{ 200, "1:3", "M1", 1, -ERR_PROTOCOL, 0 },
		{ 206, "3:3", "M1", 3, -ERR_PROTOCOL, 0 },
		{ 206, NULL, "M1", 1, -ERR_PROTOCOL, 0 },
		{ 200, NULL, "M1", 2, -ERR_CHANGED, 0 },
		{ 206, "1:3", "M1", 2, -ERR_CHANGED, 0 },
		{ 206, "4:3", "M1", 4, -ERR_PROTOCOL, 0 },
		{ 206, "x", "M1", 1, -ERR_PROTOCOL, 0 },
		{ 206, "1:100000", "M1", 1, 0, 100000 },
		{ 206, "1:100001", "M1", 1, -ERR_PROTOCOL, 0 },
		{ 206, "1:4294967295", "M1", 1, -ERR_PROTOCOL, 0 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct inbox_head head;
		inbox_head_init(&head);
		int r = read_head(&cases[i], &head);
		if (r != cases[i].r)
			fail_msg("case %zu: %d", i, r);
		if (r == 0) {
			assert_int_equal(head.count, cases[i].count);
			assert_int_equal(head.chunk, cases[i].chunk);
			assert_string_equal(head.id, "M1");
		}
		inbox_head_release(&head);
	}
}

static void test_head_texts(void **state)
{
	(void)state;
	static const char *const fields[][2] = {
		{ "mex-from", "X26ABC2" },
		{ "mex-to", "X26ABC1" },
		{ "mex-filename", "../../etc/passwd" },
		{ "mex-subject", "B\303\244r \377" },
		{ "mex-messagetype", "Report" },
		{ "mex-linkedmsgid", "L" },
		{ "mex-statussuccess", "ERROR" },
		{ "mex-statuscode", "14" },
		{ "mex-content-compressed", "N" },
		{ "mex-content-encrypted", "TRUE" },
	};
	struct http_reply reply;
	struct inbox_head head;
	struct err err;
	http_reply_init(&reply);
	inbox_head_init(&head);
	reply.status = 200;
	char *large = xcalloc(1, 5000);
	memset(large, 'a', 4999);
	assert_true(http_reply_add(&reply, "mex-localid", large));
	free(large);
	for (size_t i = 0; i < COUNT(fields); i++)
		assert_true(http_reply_add(&reply, fields[i][0], fields[i][1]));
	assert_int_equal(inbox_head_read(&reply, "M1", 1, &head, &err), 0);
	assert_string_equal(head.from, "X26ABC2");
	assert_string_equal(head.to, "X26ABC1");
	assert_string_equal(head.file_name, "../../etc/passwd");
	assert_string_equal(head.subject, "B\303\244r \\xff");
	assert_string_equal(head.linked_id, "L");
	assert_string_equal(head.status, "ERROR");
	assert_string_equal(head.status_code, "14");
	assert_string_equal(head.workflow, "");
	assert_int_equal(strlen(head.local_id), 1000);
	assert_true(head.report);
	assert_false(head.compressed);
	assert_true(head.encrypted);
	inbox_head_release(&head);
	http_reply_release(&reply);
}

/* --- downloads --- */

static int64_t noon(void)
{
	return 1795348800 * CLOCK_SECOND;
}

struct fixture {
	struct net_server *server;
	struct http_client *client;
	struct session session;
	struct gz_reader *gz;
	struct inbox_head head;
	struct buf got;
	struct err err;
	char *answers[8]; /* owned */
	struct net_step steps[8];
	size_t count;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	buf_init(&f->got, 100000);
	inbox_head_init(&f->head);
	f->gz = gz_reader_new(0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	f->client = http_client_free(f->client);
	net_server_free(f->server);
	gz_reader_free(f->gz);
	inbox_head_release(&f->head);
	buf_release(&f->got);
	for (size_t i = 0; i < f->count; i++)
		free(f->answers[i]);
	free(f);
	return 0;
}

static void add_answer(struct fixture *f, const char *head, const void *body,
		       size_t len)
{
	char *start = xasprintf("HTTP/1.1 %s\r\nMex-MessageID: M1\r\n"
				"Content-Length: %zu\r\n\r\n",
				head, len);
	size_t start_len = strlen(start);
	char *answer = xmalloc(start_len + len);
	memcpy(answer, start, start_len);
	memcpy(answer + start_len, body, len);
	free(start);
	f->answers[f->count] = answer;
	f->steps[f->count++] = (struct net_step){ .answer = answer,
						  .len = start_len + len };
}

static void serve(struct fixture *f)
{
	f->server = net_server_start(f->steps, f->count);
	const struct http_settings settings = {
		.url = net_server_url(f->server),
		.connect_timeout_ns = 10 * CLOCK_SECOND,
		.stall_timeout_ns = 30 * CLOCK_SECOND,
	};
	assert_int_equal(http_client_new(&settings, &f->client, &f->err), 0);
	f->session = (struct session){
		.http = f->client,
		.mailbox = "X26ABC1",
		.mailbox_file = "box.yaml",
		.password_file = "box.password",
		.shared_key_file = "shared.key",
		.password = "password",
		.shared_key = "TestKey",
		.wall_ns = noon,
	};
}

static int collect(void *ctx, const void *data, size_t len, struct err *err)
{
	if (!buf_append(ctx, data, len))
		return err_set(err, ERR_IO, "the test's buffer is full");
	return 0;
}

static int fetch(struct fixture *f, unsigned chunk)
{
	const struct inbox_fetch what = {
		.id = "M1",
		.chunk = chunk,
		.gz = f->gz,
		.most = 50000,
		.write = collect,
		.ctx = &f->got,
	};
	return inbox_fetch(&f->session, &what, &f->head, &f->err);
}

static size_t pack(const char *text, char *ret, size_t size)
{
	FILE *from = tmpfile();
	FILE *to = tmpfile();
	uint64_t len = 0;
	struct err err;
	assert_non_null(from);
	assert_non_null(to);
	assert_true(fputs(text, from) >= 0);
	assert_int_equal(fflush(from), 0);
	assert_int_equal(gz_compress(fileno(from), "a", 0, strlen(text),
				     fileno(to), size, &len, &err),
			 0);
	assert_int_equal(pread(fileno(to), ret, size, 0), len);
	(void)fclose(from);
	(void)fclose(to);
	return (size_t)len;
}

#define GZIP "\r\nContent-Encoding: GZIP"
#define RANGE(k, n) "\r\nMex-Chunk-Range: " #k ":" #n

static void test_plain_and_gzip(void **state)
{
	struct fixture *f = *state;
	char packed[200];
	size_t len = pack("world", packed, sizeof(packed));
	add_answer(f, "206 Partial Content" RANGE(1, 2), "hello ", 6);
	add_answer(f, "200 OK" RANGE(2, 2) GZIP, packed, len);
	serve(f);
	assert_int_equal(fetch(f, 1), 0);
	assert_int_equal(f->head.count, 2);
	assert_int_equal(fetch(f, 2), 0);
	assert_string_equal(f->got.data, "hello world");
	net_server_stop(f->server);
	const char *first = net_server_seen(f->server, 0)->head;
	assert_non_null(strstr(first, "GET /messageexchange/X26ABC1/inbox/M1 "
				      "HTTP/1.1\r\n"));
	assert_non_null(strstr(first, "\r\nAccept-Encoding: gzip\r\n"));
	assert_non_null(strstr(first, "\r\nAccept: application/vnd.mesh.v2+"
				      "json\r\n"));
	assert_non_null(strstr(net_server_seen(f->server, 1)->head,
			       "GET /messageexchange/X26ABC1/inbox/M1/2 "));
}

/* One stream cut in two, as some senders do; the first part asked twice. */
static void test_cut_stream(void **state)
{
	struct fixture *f = *state;
	char packed[200];
	size_t len = pack("hello world", packed, sizeof(packed));
	add_answer(f, "206 Partial Content" RANGE(1, 2) GZIP, packed, 14);
	add_answer(f, "503 Service Unavailable", "", 0);
	add_answer(f, "200 OK" RANGE(2, 2) GZIP, packed + 14, len - 14);
	serve(f);
	assert_int_equal(fetch(f, 1), 0);
	assert_false(gz_reader_between(f->gz));
	assert_int_equal(fetch(f, 2), -ERR_NETWORK);
	assert_int_equal(fetch(f, 2), 0);
	assert_string_equal(f->got.data, "hello world");
}

static void test_failure_restores(void **state)
{
	struct fixture *f = *state;
	char packed[200];
	size_t len = pack("hello world", packed, sizeof(packed));
	add_answer(f, "200 OK" GZIP, packed, len - 3);
	add_answer(f, "200 OK" GZIP, packed, len);
	serve(f);
	assert_int_equal(fetch(f, 1), -ERR_CORRUPT);
	assert_true(gz_reader_between(f->gz));
	buf_clear(&f->got);
	assert_int_equal(fetch(f, 1), 0);
	assert_string_equal(f->got.data, "hello world");
}

static void test_undecodable(void **state)
{
	struct fixture *f = *state;
	char packed[200];
	size_t len = pack("hello world", packed, sizeof(packed));
	add_answer(f, "200 OK\r\nContent-Encoding: br", "abc", 3);
	add_answer(f, "200 OK" GZIP, "no gzip at all", 14);
	add_answer(f, "206 Partial Content" RANGE(1, 2) GZIP, packed, len - 1);
	add_answer(f, "200 OK" RANGE(2, 2), "plain", 5);
	serve(f);
	assert_int_equal(fetch(f, 1), -ERR_CORRUPT);
	assert_int_equal(f->err.scope, ERR_MESSAGE);
	assert_int_equal(fetch(f, 1), -ERR_CORRUPT);
	assert_int_equal(f->got.len, 0);
	assert_int_equal(fetch(f, 1), 0);
	buf_clear(&f->got);
	assert_int_equal(fetch(f, 2), -ERR_CORRUPT);
	assert_int_equal(f->got.len, 0);
}

static void test_limits(void **state)
{
	struct fixture *f = *state;
	char *large = xcalloc(1, 60000);
	add_answer(f, "206 Partial Content" RANGE(1, 2), large, 30000);
	add_answer(f, "200 OK" RANGE(2, 2), large, 30000);
	free(large);
	serve(f);
	assert_int_equal(fetch(f, 1), 0);
	assert_int_equal(fetch(f, 2), -ERR_LIMIT);
}

static void test_refusals(void **state)
{
	struct fixture *f = *state;
	add_answer(f, "404 Not Found", "", 0);
	add_answer(f, "410 Gone", "", 0);
	add_answer(f, "403 Forbidden", "", 0);
	add_answer(f, "500 Internal Server Error", "", 0);
	add_answer(f, "302 Found", "", 0);
	add_answer(f, "200 OK\r\nMex-MessageID: OTHER", "abc", 3);
	serve(f);
	assert_int_equal(fetch(f, 1), -ERR_MISSING);
	assert_int_equal(fetch(f, 1), -ERR_MISSING);
	assert_int_equal(fetch(f, 1), -ERR_AUTH);
	assert_int_equal(fetch(f, 1), -ERR_NETWORK);
	assert_int_equal(f->err.scope, ERR_MESSAGE);
	assert_int_equal(fetch(f, 1), -ERR_PROTOCOL);
	assert_int_equal(fetch(f, 1), -ERR_PROTOCOL);
	assert_int_equal(f->got.len, 0);
}

static void test_report(void **state)
{
	struct fixture *f = *state;
	add_answer(f, "200 OK" RANGE(1, 0) "\r\nMex-MessageType: REPORT", "",
		   0);
	serve(f);
	assert_int_equal(fetch(f, 1), 0);
	assert_true(f->head.report);
	assert_int_equal(f->got.len, 0);
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	static const char body[] =
		"{\"messages\":[\"M1\"],\"links\":{\"next\":"
		"\"/messageexchange/X26ABC1/inbox?continue_from=a\"}}";
	struct reply_page page;
	add_answer(f, "200 OK", body, strlen(body));
	add_answer(f, "500 Internal Server Error", "", 0);
	serve(f);
	assert_int_equal(inbox_list(&f->session, NULL, NULL, &page, &f->err),
			 0);
	assert_int_equal(page.count, 1);
	struct reply_page other = { .count = 0 };
	assert_int_equal(inbox_list(&f->session, page.next, NULL, &other,
				    &f->err),
			 -ERR_NETWORK);
	reply_page_release(&page);
	net_server_stop(f->server);
	assert_non_null(strstr(net_server_seen(f->server, 0)->head,
			       "GET /messageexchange/X26ABC1/inbox?"
			       "max_results=500 HTTP/1.1\r\n"));
	assert_non_null(strstr(net_server_seen(f->server, 1)->head,
			       "GET /messageexchange/X26ABC1/inbox?"
			       "continue_from=a HTTP/1.1\r\n"));
}

/* A link that forgets the filter would give us what is somebody else's. */
static void test_list_filter(void **state)
{
	struct fixture *f = *state;
	static const char *const pages[] = {
		NULL,
		"/messageexchange/X26ABC1/inbox?workflow_filter=%21W&x=1",
		"/messageexchange/X26ABC1/inbox?continue_from=a",
		"/messageexchange/X26ABC1/inbox",
	};
	static const char *const asked[] = {
		"GET /messageexchange/X26ABC1/inbox?max_results=500&"
		"workflow_filter=%21W%20F%2A HTTP/1.1\r\n",
		"GET /messageexchange/X26ABC1/inbox?workflow_filter=%21W&x=1 "
		"HTTP/1.1\r\n",
		"GET /messageexchange/X26ABC1/inbox?continue_from=a&"
		"workflow_filter=%21W%20F%2A HTTP/1.1\r\n",
		"GET /messageexchange/X26ABC1/inbox?"
		"workflow_filter=%21W%20F%2A HTTP/1.1\r\n",
	};
	for (size_t i = 0; i < COUNT(pages); i++)
		add_answer(f, "200 OK", "{\"messages\":[]}", 15);
	serve(f);
	for (size_t i = 0; i < COUNT(pages); i++) {
		struct reply_page page;
		assert_int_equal(inbox_list(&f->session, pages[i], "!W F*",
					    &page, &f->err),
				 0);
		reply_page_release(&page);
	}
	net_server_stop(f->server);
	for (size_t i = 0; i < COUNT(pages); i++)
		assert_non_null(
			strstr(net_server_seen(f->server, i)->head, asked[i]));
}

static void test_acknowledge(void **state)
{
	struct fixture *f = *state;
	add_answer(f, "200 OK", "", 0);
	add_answer(f, "404 Not Found", "", 0);
	add_answer(f, "410 Gone", "", 0);
	add_answer(f, "403 Forbidden", "", 0);
	add_answer(f, "503 Service Unavailable", "", 0);
	serve(f);
	static const int expected[] = { 0, 0, 0, -ERR_AUTH, -ERR_NETWORK };
	for (size_t i = 0; i < COUNT(expected); i++)
		assert_int_equal(inbox_acknowledge(&f->session, "M1", &f->err),
				 expected[i]);
	net_server_stop(f->server);
	const char *head = net_server_seen(f->server, 0)->head;
	assert_non_null(strstr(head, "PUT /messageexchange/X26ABC1/inbox/M1/"
				     "status/acknowledged HTTP/1.1\r\n"));
	assert_non_null(strstr(head, "\r\nContent-Length: 0\r\n"));
	assert_null(strcasestr(head, "\r\nContent-Type:"));
	assert_null(strcasestr(head, "\r\nTransfer-Encoding:"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_head_texts),
		TEST(test_plain_and_gzip),
		TEST(test_cut_stream),
		TEST(test_failure_restores),
		TEST(test_undecodable),
		TEST(test_limits),
		TEST(test_refusals),
		TEST(test_report),
		TEST(test_list),
		TEST(test_list_filter),
		TEST(test_acknowledge),
	};
	struct err err;
	if (http_global_init(&err) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
