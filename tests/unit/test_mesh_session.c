/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* session, send and track against a scripted server. */
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
#include "mesh/send.h"
#include "mesh/session.h"
#include "mesh/track.h"
#include "net_server.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define EMPTY "Content-Length: 0\r\n\r\n"
#define OK_EMPTY "HTTP/1.1 200 OK\r\n" EMPTY
#define ACCEPTED                                              \
	"HTTP/1.1 202 Accepted\r\nContent-Length: 19\r\n\r\n" \
	"{\"message_id\":\"M1\"}"

struct fixture {
	struct net_server *server;
	struct http_client *client;
	struct session session;
	struct err err;
	FILE *file;
	char *answer; /* owned */
	struct net_step step;
};

/* 2026-11-22 12:00:00 UTC */
static int64_t noon(void)
{
	return 1795348800 * CLOCK_SECOND;
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	f->client = http_client_free(f->client);
	net_server_free(f->server);
	if (f->file)
		(void)fclose(f->file); /* only read from */
	free(f->answer);
	free(f);
	return 0;
}

static void serve(struct fixture *f, const struct net_step *steps, size_t count)
{
	f->server = net_server_start(steps, count);
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
		.password = "hunter2",
		.shared_key = "TestKey",
		.wall_ns = noon,
	};
}

/* One step that answers with this status line, headers and body. */
static void serve_one(struct fixture *f, const char *head, const char *body)
{
	f->answer = xasprintf("HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s",
			      head, strlen(body), body);
	f->step = (struct net_step){ .answer = f->answer };
	serve(f, &f->step, 1);
}

static const char *seen(const struct fixture *f, size_t at)
{
	const struct net_seen *request = net_server_seen(f->server, at);
	assert_non_null(request);
	return request->head;
}

/* The header's value, for this test to compare; "" if there is none. */
static void header(const char *head, const char *name, char ret[200])
{
	char start[64];
	(void)snprintf(start, sizeof(start), "\r\n%s: ", name);
	const char *at = strstr(head, start);
	ret[0] = '\0';
	if (at)
		(void)snprintf(ret, 200, "%.*s",
			       (int)strcspn(at + strlen(start), "\r"),
			       at + strlen(start));
}

static void expect_header(const char *head, const char *name, const char *value)
{
	char got[200];
	header(head, name, got);
	if (strcmp(got, value) != 0)
		fail_msg("%s: '%s' instead of '%s'", name, got, value);
}

/* --- the handshake --- */

static void test_handshake(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = { { .answer = OK_EMPTY } };
	char value[200];
	serve(f, steps, 1);
	assert_int_equal(session_handshake(&f->session, &f->err), 0);
	net_server_stop(f->server);
	const char *head = seen(f, 0);
	assert_ptr_equal(strstr(head, "POST /messageexchange/X26ABC1 "
				      "HTTP/1.1\r\n"),
			 head);
	expect_header(head, "Content-Length", "0");
	expect_header(head, "Content-Type", "");
	expect_header(head, "Accept", "application/vnd.mesh.v2+json");
	expect_header(head, "User-Agent", "meshdrop/" PACKAGE_VERSION);
	expect_header(head, "Mex-ClientVersion", "meshdrop/" PACKAGE_VERSION);
	static const char *const said[] = { "Mex-OSName", "Mex-OSVersion",
					    "Mex-OSArchitecture" };
	for (size_t i = 0; i < COUNT(said); i++) {
		header(head, said[i], value);
		assert_true(value[0] != '\0');
	}
	header(head, "Authorization", value);
	assert_ptr_equal(strstr(value, "NHSMESH X26ABC1:"), value);
	assert_non_null(strstr(value, ":0:202611221200:"));
	assert_null(strstr(head, "hunter2"));
}

static void refused(struct fixture *f, const char *head, const char *body,
		    const char *const *words, size_t count)
{
	serve_one(f, head, body);
	assert_int_equal(session_handshake(&f->session, &f->err), -ERR_AUTH);
	assert_int_equal(f->err.code, ERR_AUTH);
	assert_int_equal(f->err.scope, ERR_MAILBOX);
	for (size_t i = 0; i < count; i++) {
		if (!strstr(f->err.text, words[i]))
			fail_msg("'%s' lacks '%s'", f->err.text, words[i]);
	}
	assert_null(strstr(f->err.text, "hunter2"));
}

static void test_refused(void **state)
{
	static const char *const words[] = { "X26ABC1", "box.password",
					     "[service] shared_key_file",
					     "shared.key", "Invalid Auth" };
	refused(*state, "403 Forbidden\r\nDate: Sun, 22 Nov 2026 12:04:00 GMT",
		"{\"detail\":[{\"event\":\"\",\"code\":\"\","
		"\"msg\":\"Invalid Authentication Token\"}]}",
		words, COUNT(words));
	struct fixture *f = *state;
	assert_null(strstr(f->err.text, "clock"));
}

static void test_refused_clock_ahead(void **state)
{
	static const char *const words[] = { "box.password",
					     "clock, which is 120 minutes "
					     "ahead of the server's" };
	refused(*state, "403 Forbidden\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT",
		"", words, COUNT(words));
}

static void test_refused_clock_behind(void **state)
{
	static const char *const words[] = { "clock, which is 6 minutes behind "
					     "the server's" };
	refused(*state, "401 No\r\nDate: Sun, 22 Nov 2026 12:06:00 GMT", "",
		words, COUNT(words));
}

static void test_unknown_mailbox(void **state)
{
	static const char *const words[] = { "X26ABC1", "mailbox in box.yaml" };
	refused(*state, "403 Forbidden",
		"{\"detail\":[{\"event\":\"SEND\",\"code\":\"EPL-151\","
		"\"msg\":\"No mailbox matched\"}]}",
		words, COUNT(words));
}

static void test_unknown_mailbox_with_200(void **state)
{
	static const char *const words[] = { "mailbox in box.yaml" };
	refused(*state, "200 OK",
		"{\"errorEvent\":\"SEND\",\"errorCode\":\"EPL-151\","
		"\"errorDescription\":\"No mailbox matched\"}",
		words, COUNT(words));
}

static void test_handshake_later(void **state)
{
	struct fixture *f = *state;
	serve_one(f, "503 Service Unavailable", "<p>Busy</p>");
	assert_int_equal(session_handshake(&f->session, &f->err), -ERR_NETWORK);
	assert_int_equal(f->err.retry, ERR_LATER);
	assert_int_equal(f->err.http, 503);
	assert_non_null(strstr(f->err.text, "HTTP 503"));
	assert_null(strstr(f->err.text, "Busy"));
}

/* --- tokens --- */

/* A used connection dies under a GET: once more, with another token. */
static void test_one_retry(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = {
		{ .answer = OK_EMPTY },
		{ .close = true },
		{ .answer = OK_EMPTY },
	};
	serve(f, steps, COUNT(steps));
	const struct http_request request = { .method = HTTP_GET,
					      .path = "/x" };
	struct http_reply reply;
	http_reply_init(&reply);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(session_exchange(&f->session, &request, &reply,
						  &f->err),
				 0);
		assert_int_equal(reply.status, 200);
	}
	http_reply_release(&reply);
	net_server_stop(f->server);
	assert_int_equal(net_server_count(f->server, "GET"), 3);
	char tokens[3][200];
	for (size_t i = 0; i < 3; i++)
		header(seen(f, i), "Authorization", tokens[i]);
	assert_string_not_equal(tokens[0], tokens[1]);
	assert_string_not_equal(tokens[1], tokens[2]);
}

/* --- sending --- */

static const struct proto_message message = {
	.to = "X26ABC2",
	.workflow = "WF",
	.subject = "a subject",
	.local_id = "L1",
	.file_name = "a.csv",
	.partner_id = "",
	.process_id = " ",
	.checksum = "abc 123",
	.encrypted = true,
};

static void make_payload(struct fixture *f, bool gzip, struct payload *ret)
{
	f->file = tmpfile();
	assert_non_null(f->file);
	assert_true(fputs("hello world", f->file) >= 0);
	assert_int_equal(fflush(f->file), 0);
	int temp = dup(fileno(f->file));
	*ret = (struct payload){
		.source = { .fd = fileno(f->file),
			    .label = "a.dat",
			    .length = 11 },
		.gzip = gzip,
		.own_fd = temp,
	};
}

static void test_send_open(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = { { .answer = ACCEPTED } };
	struct payload payload;
	struct outcome outcome;
	serve(f, steps, 1);
	make_payload(f, false, &payload);
	send_open(&f->session, &message, &payload, 1, &outcome);
	assert_int_equal(outcome.kind, OUTCOME_TAKEN);
	assert_string_equal(outcome.message_id, "M1");
	net_server_stop(f->server);
	const char *head = seen(f, 0);
	assert_ptr_equal(strstr(head, "POST /messageexchange/X26ABC1/outbox "
				      "HTTP/1.1\r\n"),
			 head);
	static const char *const fields[][2] = {
		{ "Mex-From", "X26ABC1" },
		{ "Mex-To", "X26ABC2" },
		{ "Mex-WorkflowID", "WF" },
		{ "Mex-FileName", "a.csv" },
		{ "Mex-LocalID", "L1" },
		{ "Mex-Subject", "a subject" },
		{ "Mex-Content-Checksum", "abc 123" },
		{ "Mex-Content-Encrypted", "Y" },
		{ "Mex-MessageType", "DATA" },
		{ "Mex-Version", "1.0" },
		{ "Content-Type", "application/octet-stream" },
		{ "Content-Length", "11" },
		{ "Accept", "application/vnd.mesh.v2+json" },
	};
	for (size_t i = 0; i < COUNT(fields); i++)
		expect_header(head, fields[i][0], fields[i][1]);
	static const char *const absent[] = {
		"Mex-PartnerID",	  "Mex-ProcessID",
		"Mex-Content-Compressed", "Mex-Chunk-Range",
		"Content-Encoding",	  "Expect",
		"Transfer-Encoding",
	};
	for (size_t i = 0; i < COUNT(absent); i++)
		assert_null(strcasestr(head, absent[i]));
	assert_int_equal(net_server_seen(f->server, 0)->body, 11);
	payload_release(&payload);
}

static void test_send_chunks(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = {
		{ .answer = ACCEPTED },
		{ .answer = "HTTP/1.1 202 Accepted\r\nContent-Length: 4\r\n"
			    "\r\nnull" },
		{ .answer = "HTTP/1.1 423 Locked\r\n" EMPTY },
	};
	struct payload payload;
	struct outcome outcome;
	serve(f, steps, COUNT(steps));
	make_payload(f, true, &payload);
	send_open(&f->session, &message, &payload, 3, &outcome);
	assert_int_equal(outcome.kind, OUTCOME_TAKEN);
	send_chunk(&f->session, "M1", &payload, 2, 3, &outcome);
	assert_int_equal(outcome.kind, OUTCOME_TAKEN);
	send_chunk(&f->session, "M1", &payload, 3, 3, &outcome);
	assert_int_equal(outcome.kind, OUTCOME_CONFIRM);
	net_server_stop(f->server);
	expect_header(seen(f, 0), "Mex-Chunk-Range", "1:3");
	expect_header(seen(f, 1), "Mex-Chunk-Range", "2:3");
	expect_header(seen(f, 2), "Mex-Chunk-Range", "3:3");
	for (size_t i = 0; i < 3; i++)
		expect_header(seen(f, i), "Content-Encoding", "gzip");
	assert_non_null(strstr(seen(f, 2), "/X26ABC1/outbox/M1/3 HTTP/1.1"));
	payload_release(&payload);
}

static void test_send_refuses_locally(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = { { .answer = ACCEPTED } };
	struct payload payload;
	struct outcome outcome;
	struct proto_message bad = message;
	bad.subject = "SMITH\r\nMex-To: EVIL";
	serve(f, steps, 1);
	make_payload(f, false, &payload);
	send_open(&f->session, &bad, &payload, 1, &outcome);
	assert_int_equal(outcome.kind, OUTCOME_REFUSED);
	assert_int_equal(outcome.err.code, ERR_INVALID);
	assert_non_null(strstr(outcome.error.text, "Subject"));
	assert_null(strstr(outcome.error.text, "SMITH"));
	net_server_stop(f->server);
	assert_int_equal(net_server_count(f->server, ""), 0);
	payload_release(&payload);
}

static void test_lost_answer(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = {
		{ .answer = OK_EMPTY },
		{ .close = true },
		{ .answer = ACCEPTED },
	};
	struct payload payload;
	struct outcome outcome;
	serve(f, steps, COUNT(steps));
	make_payload(f, false, &payload);
	assert_int_equal(session_handshake(&f->session, &f->err), 0);
	send_open(&f->session, &message, &payload, 1, &outcome);
	assert_int_equal(outcome.kind, OUTCOME_UNKNOWN);
	assert_true(outcome.err.text[0] != '\0');
	net_server_stop(f->server);
	assert_int_equal(net_server_count(f->server, "POST"), 2);
	payload_release(&payload);
}

/* --- tracking --- */

static void ask_local(struct fixture *f, const char *head, const char *body,
		      int r, enum track_found found)
{
	struct reply_track track;
	enum track_found got = TRACK_ONE;
	serve_one(f, head, body);
	assert_int_equal(track_local(&f->session, "L 1", &got, &track, &f->err),
			 r);
	if (r == 0)
		assert_int_equal(got, found);
	net_server_stop(f->server);
	assert_non_null(strstr(seen(f, 0), "GET /messageexchange/X26ABC1/"
					   "outbox/tracking/L%201 "));
	expect_header(seen(f, 0), "Accept", "application/vnd.mesh.v1+json");
}

static void test_track_one(void **state)
{
	ask_local(*state, "200 OK", "{\"messageId\":\"M1\"}", 0, TRACK_ONE);
}

static void test_track_several(void **state)
{
	ask_local(*state, "300 Multiple Choices", "", 0, TRACK_SEVERAL);
}

static void test_track_none(void **state)
{
	ask_local(*state, "404 Not Found",
		  "{\"errorEvent\":\"\",\"errorCode\":\"\","
		  "\"errorDescription\":\"Not Found\"}",
		  0, TRACK_NONE);
}

/* "Not there" from a box between is no reason to send again. */
static void test_track_foreign_404(void **state)
{
	ask_local(*state, "404 Not Found", "<html>Not Found</html>",
		  -ERR_PROTOCOL, TRACK_NONE);
}

static void test_track_unreadable(void **state)
{
	ask_local(*state, "200 OK", "{\"messageId\":", -ERR_PROTOCOL,
		  TRACK_NONE);
}

static void test_track_busy(void **state)
{
	ask_local(*state, "503 Busy", "", -ERR_NETWORK, TRACK_NONE);
}

static void test_track_bad_ids(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = { { .answer = OK_EMPTY } };
	static const char *const bad[] = { "", "a/b", "..", "." };
	struct reply_track track;
	enum track_found found;
	serve(f, steps, 1);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(track_local(&f->session, bad[i], &found,
					     &track, &f->err),
				 -ERR_INVALID);
	assert_int_equal(track_message(&f->session, "a b", &found, &track,
				       &f->err),
			 -ERR_INVALID);
	net_server_stop(f->server);
	assert_int_equal(net_server_count(f->server, ""), 0);
}

static void test_track_message(void **state)
{
	struct fixture *f = *state;
	struct reply_track track;
	enum track_found found;
	serve_one(f, "200 OK",
		  "{\"messageId\":\"M1\",\"status\":\"Accepted\"}");
	assert_int_equal(track_message(&f->session, "M1", &found, &track,
				       &f->err),
			 0);
	assert_int_equal(track.status, REPLY_STATUS_ACCEPTED);
	net_server_stop(f->server);
	assert_non_null(strstr(seen(f, 0), "/outbox/tracking?messageID=M1 "));
}

static void test_track_other_message(void **state)
{
	struct fixture *f = *state;
	struct reply_track track = { .file_size = -1 };
	enum track_found found = TRACK_SEVERAL;
	serve_one(f, "200 OK",
		  "{\"messageId\":\"M2\",\"status\":\"Accepted\"}");
	assert_int_equal(track_message(&f->session, "M1", &found, &track,
				       &f->err),
			 -ERR_PROTOCOL);
	assert_int_equal(f->err.retry, ERR_LATER);
	assert_non_null(strstr(f->err.text, "M2"));
	assert_int_equal(found, TRACK_SEVERAL);
	assert_string_equal(track.message_id, "");
	net_server_stop(f->server);
}

static void test_lookups(void **state)
{
	struct fixture *f = *state;
	struct reply_lookup lookup;
	serve_one(f, "200 OK", "{\"results\":[{\"mailbox_id\":\"A\"}]}");
	assert_int_equal(track_endpoint(&f->session, "Y/1", "W F", &lookup,
					&f->err),
			 0);
	assert_int_equal(lookup.count, 1);
	reply_lookup_release(&lookup);
	assert_int_equal(track_workflow(&f->session, "WF", &lookup, &f->err),
			 0);
	reply_lookup_release(&lookup);
	net_server_stop(f->server);
	assert_non_null(strstr(seen(f, 0), "GET /messageexchange/"
					   "endpointlookup/Y%2F1/W%20F "));
	assert_non_null(strstr(seen(f, 1), "GET /messageexchange/"
					   "workflowsearch/WF "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_handshake),
		TEST(test_refused),
		TEST(test_refused_clock_ahead),
		TEST(test_refused_clock_behind),
		TEST(test_unknown_mailbox),
		TEST(test_unknown_mailbox_with_200),
		TEST(test_handshake_later),
		TEST(test_one_retry),
		TEST(test_send_open),
		TEST(test_send_chunks),
		TEST(test_send_refuses_locally),
		TEST(test_lost_answer),
		TEST(test_track_one),
		TEST(test_track_several),
		TEST(test_track_none),
		TEST(test_track_foreign_404),
		TEST(test_track_unreadable),
		TEST(test_track_busy),
		TEST(test_track_bad_ids),
		TEST(test_track_message),
		TEST(test_track_other_message),
		TEST(test_lookups),
	};
	struct err err;
	if (http_global_init(&err) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
