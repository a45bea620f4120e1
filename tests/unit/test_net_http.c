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
#include "net/http.h"
#include "net_server.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define LARGE ((uint64_t)2 << 20)
#define BURST_NS (HTTP_BURST_MS * CLOCK_MS)
#define TRIES_MOST 20

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define ACCEPTED                                              \
	"HTTP/1.1 202 Accepted\r\nContent-Length: 19\r\n\r\n" \
	"{\"message_id\":\"M1\"}"
#define REFUSED_BODY "{\"errorEvent\":\"SEND\",\"errorCode\":\"12\"}"
#define REFUSED \
	"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 38\r\n\r\n" REFUSED_BODY

struct fixture {
	struct net_server *server;
	struct http_client *client;
	struct http_reply reply;
	struct err err;
	FILE *file;
	bool go_on;
	int64_t stall_ns;
};

static bool ask_go_on(void *ctx)
{
	const struct fixture *f = ctx;
	return f->go_on;
}

static void connect_to(struct fixture *f, const char *url)
{
	const struct http_settings settings = {
		.url = url,
		.connect_timeout_ns = 10 * CLOCK_SECOND,
		.stall_timeout_ns = f->stall_ns ? f->stall_ns :
						  30 * CLOCK_SECOND,
		.go_on = ask_go_on,
		.ctx = f,
	};
	assert_int_equal(http_client_new(&settings, &f->client, &f->err), 0);
}

static void serve(struct fixture *f, const struct net_step *steps, size_t count)
{
	f->server = net_server_start(steps, count);
	connect_to(f, net_server_url(f->server));
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	f->go_on = true;
	http_reply_init(&f->reply);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	f->client = http_client_free(f->client);
	net_server_free(f->server);
	http_reply_release(&f->reply);
	if (f->file)
		(void)fclose(f->file); /* only read from */
	free(f);
	return 0;
}

static int get(struct fixture *f, const struct http_sink *sink)
{
	const struct http_request request = {
		.method = HTTP_GET,
		.path = "/x",
		.sink = sink,
	};
	return http_exchange(f->client, &request, &f->reply, &f->err);
}

/* length bytes of a file that has length bytes. */
static struct http_source source(struct fixture *f, uint64_t length)
{
	f->file = tmpfile();
	assert_non_null(f->file);
	assert_int_equal(ftruncate(fileno(f->file), (off_t)length), 0);
	return (struct http_source){
		.fd = fileno(f->file),
		.label = "a.dat",
		.length = length,
	};
}

static int post(struct fixture *f, const struct http_source *from)
{
	const struct http_field field = { "Content-Type",
					  "application/octet-stream" };
	const struct http_request request = {
		.method = HTTP_POST,
		.path = "/outbox",
		.fields = &field,
		.field_count = 1,
		.source = from,
	};
	return http_exchange(f->client, &request, &f->reply, &f->err);
}

/* --- one POST --- */

static void hang_up(struct fixture *f)
{
	f->client = http_client_free(f->client);
	net_server_free(f->server);
	f->server = NULL;
	if (f->file)
		(void)fclose(f->file); /* only read from */
	f->file = NULL;
}

/* A kept connection takes the POST and dies: libcurl alone would send the
 * POST again on a new connection and report success. false: we were not let go
 * on for so long that it was no burst, and the connection was not used again. */
static bool once_in_a_burst(struct fixture *f, uint64_t length, bool unread)
{
	const struct net_step steps[] = {
		{ .answer = OK_EMPTY },
		{ .close = true, .unread = unread },
		{ .answer = ACCEPTED },
	};
	serve(f, steps, COUNT(steps));
	int64_t begin = clock_mono_ns();
	assert_int_equal(get(f, NULL), 0);
	const struct http_source from = source(f, length);
	int r = post(f, &from);
	bool burst = clock_mono_ns() - begin < BURST_NS;
	net_server_stop(f->server);
	assert_int_equal(net_server_count(f->server, "POST"), 1);
	assert_int_equal(r, -ERR_NETWORK);
	assert_int_equal(f->err.code, ERR_NETWORK);
	assert_int_equal(f->reply.status, 0);
	const struct net_seen *seen = net_server_seen(f->server, 1);
	/* Only a body may take a connection that was used before. */
	if (length > 0 && seen->connection != 1 && !burst)
		return false;
	assert_int_equal(seen->connection, length > 0 ? 1 : 2);
	if (unread) {
		assert_int_not_equal(f->reply.sent, HTTP_SENT_NOTHING);
		return true;
	}
	assert_int_equal(f->reply.sent, HTTP_SENT_WHOLE);
	assert_true(seen->whole);
	assert_int_equal(seen->body, length);
	return true;
}

static void once(struct fixture *f, uint64_t length, bool unread)
{
	for (unsigned tries = 1; !once_in_a_burst(f, length, unread); tries++) {
		assert_true(tries < TRIES_MOST);
		hang_up(f);
	}
}

static void test_once_small(void **state)
{
	once(*state, 100, false);
}

static void test_once_one_byte(void **state)
{
	once(*state, 1, false);
}

static void test_once_large(void **state)
{
	once(*state, LARGE, false);
}

static void test_once_empty(void **state)
{
	once(*state, 0, false);
}

static void test_once_head_only(void **state)
{
	once(*state, 100, true);
}

static void test_once_head_only_large(void **state)
{
	once(*state, LARGE, true);
}

/* 417 is what libcurl takes for a refused Expect. */
static void test_once_417(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = {
		{ .answer = REFUSED, .early = true, .close = true },
	};
	serve(f, steps, COUNT(steps));
	const struct http_source from = source(f, LARGE);
	assert_int_equal(post(f, &from), 0);
	net_server_stop(f->server);
	assert_int_equal(net_server_count(f->server, "POST"), 1);
	assert_int_equal(f->reply.status, 417);
	assert_string_equal(f->reply.body.data, REFUSED_BODY);
	const char *head = net_server_seen(f->server, 0)->head;
	assert_null(strcasestr(head, "expect:"));
	assert_non_null(strstr(head, "Content-Length: 2097152\r\n"));
}

static void test_redirect_is_an_answer(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = {
		{ .answer = "HTTP/1.1 307 Temporary Redirect\r\n"
			    "Location: /other\r\nContent-Length: 0\r\n\r\n" },
	};
	serve(f, steps, COUNT(steps));
	const struct http_source from = source(f, 5);
	assert_int_equal(post(f, &from), 0);
	net_server_stop(f->server);
	assert_int_equal(f->reply.status, 307);
	assert_int_equal(net_server_count(f->server, "POST"), 1);
}

/* A burst shares a connection; what failed or was closed is not used. */
static bool reused_in_a_burst(struct fixture *f)
{
	static const struct net_step steps[] = {
		{ .answer = ACCEPTED },
		{ .answer = ACCEPTED },
		{ .answer = "HTTP/1.1 202 Accepted\r\nConnection: close\r\n"
			    "Content-Length: 0\r\n\r\n" },
		{ .answer = ACCEPTED },
	};
	serve(f, steps, COUNT(steps));
	const struct http_source from = source(f, 5);
	int64_t begin = clock_mono_ns();
	for (size_t i = 0; i < COUNT(steps); i++) {
		assert_int_equal(post(f, &from), 0);
		assert_int_equal(f->reply.status, 202);
		assert_int_equal(f->reply.sent, HTTP_SENT_WHOLE);
	}
	bool burst = clock_mono_ns() - begin < BURST_NS;
	net_server_stop(f->server);
	assert_int_equal(net_server_count(f->server, "POST"), 4);
	static const unsigned connections[] = { 1, 1, 1, 2 };
	for (size_t i = 0; i < COUNT(connections); i++) {
		unsigned used = net_server_seen(f->server, i)->connection;
		if (used != connections[i] && !burst)
			return false;
		assert_int_equal(used, connections[i]);
	}
	return true;
}

static void test_reuse(void **state)
{
	struct fixture *f = *state;
	for (unsigned tries = 1; !reused_in_a_burst(f); tries++) {
		assert_true(tries < TRIES_MOST);
		hang_up(f);
	}
}

/* A GET is not repeated either: its token serves once. It says that it may
 * be. */
static void test_stale(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = {
		{ .answer = OK_EMPTY },
		{ .close = true },
		{ .answer = OK_EMPTY },
	};
	serve(f, steps, COUNT(steps));
	assert_int_equal(get(f, NULL), 0);
	assert_int_equal(get(f, NULL), -ERR_NETWORK);
	assert_true(f->reply.stale);
	assert_int_equal(get(f, NULL), 0);
	assert_false(f->reply.stale);
	net_server_stop(f->server);
	assert_int_equal(net_server_count(f->server, "GET"), 3);
}

/* --- what has left --- */

static void test_nothing_left(void **state)
{
	struct fixture *f = *state;
	char url[NET_SERVER_URL_SIZE];
	AUTO_CLOSE int nobody = net_server_nobody(url);
	connect_to(f, url);
	const struct http_source from = source(f, 5);
	assert_int_equal(post(f, &from), -ERR_NETWORK);
	assert_int_equal(f->reply.sent, HTTP_SENT_NOTHING);
	assert_int_equal(f->err.scope, ERR_SERVICE);
	assert_int_equal(f->err.retry, ERR_LATER);
	assert_non_null(strstr(f->err.text, url + strlen("http://")));
	assert_non_null(strstr(f->err.text, "(url in meshdrop.conf)"));
	assert_true(nobody >= 0);
}

static int refuse_last(void *ctx, struct err *err)
{
	(*(int *)ctx)++;
	return err_set(err, ERR_CHANGED, "a.dat has changed");
}

static void test_last_look(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = { { .answer = ACCEPTED } };
	serve(f, steps, COUNT(steps));
	int looks = 0;
	struct http_source from = source(f, LARGE);
	from.last_look = refuse_last;
	from.ctx = &looks;
	assert_int_equal(post(f, &from), -ERR_CHANGED);
	assert_string_equal(f->err.text, "a.dat has changed");
	assert_int_equal(f->reply.sent, HTTP_SENT_PART);
	assert_int_equal(looks, 1);
	net_server_stop(f->server);
	const struct net_seen *seen = net_server_seen(f->server, 0);
	assert_true(!seen || !seen->whole);
}

static void test_short_source(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = { { .answer = ACCEPTED } };
	serve(f, steps, COUNT(steps));
	struct http_source from = source(f, 100);
	from.offset = 1;
	assert_int_equal(post(f, &from), -ERR_CHANGED);
	assert_non_null(strstr(f->err.text, "a.dat"));
	assert_int_equal(f->reply.sent, HTTP_SENT_PART);
}

static void test_stop(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = { { .answer = NULL } };
	serve(f, steps, COUNT(steps));
	f->go_on = false;
	assert_int_equal(get(f, NULL), -ERR_STOPPED);
}

static void test_stall(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = { { .answer = NULL } };
	f->stall_ns = CLOCK_SECOND;
	serve(f, steps, COUNT(steps));
	const struct http_source from = source(f, 5);
	assert_int_equal(post(f, &from), -ERR_NETWORK);
	assert_int_equal(f->reply.sent, HTTP_SENT_WHOLE);
	assert_non_null(strstr(f->err.text, "stall_timeout"));
}

static void test_bad_value(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = { { .answer = OK_EMPTY } };
	serve(f, steps, COUNT(steps));
	const struct http_field field = { "Mex-Subject", "a\r\nMex-To: EVIL" };
	const struct http_request request = {
		.method = HTTP_GET,
		.path = "/x",
		.fields = &field,
		.field_count = 1,
	};
	assert_int_equal(http_exchange(f->client, &request, &f->reply, &f->err),
			 -ERR_INVALID);
	assert_int_equal(f->reply.sent, HTTP_SENT_NOTHING);
	net_server_stop(f->server);
	assert_int_equal(net_server_count(f->server, ""), 0);
}

/* --- framing --- */

struct taken {
	unsigned begun;
	size_t len;
	char data[256];
};

static int begin(void *ctx, const struct http_reply *reply, struct err *err)
{
	struct taken *taken = ctx;
	(void)reply;
	(void)err;
	taken->begun++;
	return 0;
}

static int take(void *ctx, const void *data, size_t len, struct err *err)
{
	struct taken *taken = ctx;
	(void)err;
	assert_int_equal(taken->begun, 1);
	assert_true(taken->len + len < sizeof(taken->data));
	memcpy(taken->data + taken->len, data, len);
	taken->len += len;
	return 0;
}

struct framing_case {
	const char *name;
	const char *answer; /* after the status line */
	int r;
	bool begun;
	const char *body; /* when r is 0 */
};

#define START "HTTP/1.1 200 OK\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

static const struct framing_case framing[] = {
	{ "length", START "Content-Length: 3\r\n\r\nabc", 0, true, "abc" },
	{ "nothing", START "Content-Length: 0\r\n\r\n", 0, true, "" },
	{ "same twice",
	  START "Content-Length: 3\r\ncontent-length: 3\r\n\r\nabc", 0, true,
	  "abc" },
	{ "chunks", START CHUNKED "\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 0,
	  true, "abcde" },
	{ "trailer", START CHUNKED "\r\n3\r\nabc\r\n0\r\nMex-To: X\r\n\r\n", 0,
	  true, "abc" },
	{ "interim",
	  "HTTP/1.1 100 Continue\r\nContent-Length: 9\r\n\r\n" START
	  "Content-Length: 3\r\n\r\nabc",
	  0, true, "abc" },
	{ "neither", START "\r\nabc", -ERR_PROTOCOL, false, NULL },
	{ "HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nabc", -ERR_PROTOCOL, false,
	  NULL },
	{ "both",
	  START CHUNKED "Content-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	  -ERR_PROTOCOL, false, NULL },
	{ "two lengths",
	  START "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
	  -ERR_PROTOCOL, false, NULL },
	{ "list of lengths", START "Content-Length: 3, 3\r\n\r\nabc",
	  -ERR_PROTOCOL, false, NULL },
	{ "signed length", START "Content-Length: +3\r\n\r\nabc", -ERR_PROTOCOL,
	  false, NULL },
	{ "gzip coding",
	  START "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
	  -ERR_PROTOCOL, false, NULL },
	{ "blank in name", START "Content-Length : 3\r\n\r\nabc", -ERR_PROTOCOL,
	  false, NULL },
	{ "folded", START "X-A: b\r\n c\r\nContent-Length: 3\r\n\r\nabc",
	  -ERR_PROTOCOL, false, NULL },
	{ "no colon", START "Broken\r\nContent-Length: 3\r\n\r\nabc",
	  -ERR_PROTOCOL, false, NULL },
	{ "mex twice",
	  START "mex-to: A\r\nMex-To: B\r\nContent-Length: 3\r\n\r\nabc",
	  -ERR_PROTOCOL, false, NULL },
	{ "mex twice the same",
	  START "mex-to: A\r\nMex-To: A\r\nContent-Length: 3\r\n\r\nabc", 0,
	  true, "abc" },
	{ "gzip twice",
	  START "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n"
		"Content-Length: 3\r\n\r\nabc",
	  -ERR_PROTOCOL, false, NULL },
	{ "control in mex",
	  START "mex-subject: a\001b\r\nContent-Length: 3\r\n\r\nabc",
	  -ERR_PROTOCOL, false, NULL },
	{ "control before the value",
	  START "Transfer-Encoding: \013chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	  -ERR_PROTOCOL, false, NULL },
	{ "control elsewhere",
	  START "x-any: a\001b\r\nContent-Length: 3\r\n\r\nabc", 0, true,
	  "abc" },
	{ "cut", START "Content-Length: 4\r\n\r\nabc", -ERR_NETWORK, true,
	  NULL },
	{ "cut chunks", START CHUNKED "\r\n3\r\nabc\r\n", -ERR_NETWORK, true,
	  NULL },
	{ "cut in a chunk", START CHUNKED "\r\n5\r\nabc", -ERR_NETWORK, true,
	  NULL },
	{ "HTTP/0.9", "abc", -ERR_PROTOCOL, false, NULL },
};

static void test_framing(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < COUNT(framing); i++) {
		const struct framing_case *c = &framing[i];
		const struct net_step step = { .answer = c->answer,
					       .close = true };
		serve(f, &step, 1);
		struct taken taken = { .begun = 0 };
		const struct http_sink sink = {
			.begin = begin,
			.write = take,
			.ctx = &taken,
		};
		int r = get(f, &sink);
		if (r != c->r || (taken.begun > 0) != c->begun ||
		    (c->body && strcmp(taken.data, c->body) != 0))
			fail_msg("%s: %d (%s), begun %u, '%s'", c->name, r,
				 r < 0 ? f->err.text : "", taken.begun,
				 taken.data);
		f->client = http_client_free(f->client);
		net_server_free(f->server);
		f->server = NULL;
	}
}

/* Bodies of other statuses are for people: they never reach the sink. */
static void test_sink_only_for_success(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = {
		{ .answer = "HTTP/1.1 404 Not Found\r\n"
			    "Content-Length: 2\r\n\r\n{}" },
	};
	serve(f, steps, COUNT(steps));
	struct taken taken = { .begun = 0 };
	const struct http_sink sink = {
		.begin = begin,
		.write = take,
		.ctx = &taken,
	};
	assert_int_equal(get(f, &sink), 0);
	assert_int_equal(taken.begun, 0);
	assert_string_equal(f->reply.body.data, "{}");
}

static void test_headers(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = {
		{ .answer = START "Mex-To:\t X26ABC1 \r\nMEX-EMPTY:\r\n"
				  "Content-Encoding: gzip\r\n"
				  "Content-Length: 3\r\n\r\nabc" },
	};
	serve(f, steps, COUNT(steps));
	/* A proxy from the environment is not taken. */
	assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	int r = get(f, NULL);
	assert_int_equal(unsetenv("http_proxy"), 0);
	assert_int_equal(r, 0);
	assert_string_equal(http_reply_header(&f->reply, "mex-to"), "X26ABC1");
	assert_string_equal(http_reply_header(&f->reply, "mex-empty"), "");
	assert_null(http_reply_header(&f->reply, "mex"));
	assert_null(http_reply_header(&f->reply, "to"));
	/* Not decoded. */
	assert_string_equal(f->reply.body.data, "abc");
}

static void limit_headers(struct fixture *f, const char *line, size_t count)
{
	struct buf answer;
	buf_init(&answer, (size_t)1 << 20);
	assert_true(buf_puts(&answer, START "Content-Length: 0\r\n"));
	for (size_t i = 0; i < count; i++)
		assert_true(buf_printf(&answer, "X-%zu: %s\r\n", i, line));
	assert_true(buf_puts(&answer, "\r\n"));
	const struct net_step step = { .answer = answer.data, .close = true };
	serve(f, &step, 1);
	assert_int_equal(get(f, NULL), -ERR_PROTOCOL);
	net_server_stop(f->server);
	buf_release(&answer);
}

static void test_many_headers(void **state)
{
	limit_headers(*state, "a", HTTP_HEADER_LINES_MAX + 1);
}

static void test_large_headers(void **state)
{
	char line[2000];
	memset(line, 'a', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	limit_headers(*state, line, HTTP_HEADERS_MAX / sizeof(line) + 1);
}

static void test_large_body(void **state)
{
	struct fixture *f = *state;
	struct buf answer;
	buf_init(&answer, HTTP_BODY_MAX + 200);
	assert_true(buf_printf(&answer, START "Content-Length: %zu\r\n\r\n",
			       HTTP_BODY_MAX + 1));
	char *body = xcalloc(1, HTTP_BODY_MAX + 1);
	assert_true(buf_append(&answer, body, HTTP_BODY_MAX + 1));
	free(body);
	const struct net_step step = { .answer = answer.data,
				       .len = answer.len,
				       .close = true };
	serve(f, &step, 1);
	assert_int_equal(get(f, NULL), -ERR_PROTOCOL);
	net_server_stop(f->server);
	buf_release(&answer);
}

static void test_date(void **state)
{
	(void)state;
	int64_t ns = 7;
	assert_true(http_date_read("Sun, 22 Nov 2026 06:26:16 GMT", &ns));
	assert_int_equal(ns / CLOCK_SECOND, 1795328776);
	assert_true(http_date_read("Thu, 01 Jan 1970 00:00:00 UTC", &ns));
	assert_int_equal(ns, 0);
	static const char *const bad[] = {
		"",
		"now",
		"Sun, 22 Nov 2026 06:26:16",
		"22 Nov 2026",
		"Sun, 22 Nob 2026 06:26:16 GMT",
		"Sun, 22 ovD 2026 06:26:16 GMT",
		"Sun, 32 Nov 2026 06:26:16 GMT",
		"Sun, 22 Nov 2026 06:26:16 GMT x",
	};
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(http_date_read(bad[i], &ns));
	assert_int_equal(ns, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_once_small),
		TEST(test_once_one_byte),
		TEST(test_once_large),
		TEST(test_once_empty),
		TEST(test_once_head_only),
		TEST(test_once_head_only_large),
		TEST(test_once_417),
		TEST(test_redirect_is_an_answer),
		TEST(test_reuse),
		TEST(test_stale),
		TEST(test_nothing_left),
		TEST(test_last_look),
		TEST(test_short_source),
		TEST(test_stop),
		TEST(test_stall),
		TEST(test_bad_value),
		TEST(test_framing),
		TEST(test_sink_only_for_success),
		TEST(test_headers),
		TEST(test_many_headers),
		TEST(test_large_headers),
		TEST(test_large_body),
		cmocka_unit_test(test_date),
	};
	struct err err;
	if (http_global_init(&err) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
