/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "mesh/reply.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

struct error_case {
	const char *body;
	bool from_mesh;
	const char *event;
	const char *code;
	const char *text;
	const char *message_id;
	const char *internal_id;
	const char *shown; /* with HTTP 417 */
};

static const struct error_case errors[] = {
	{ "{\"messageID\":\"M1\",\"errorEvent\":\"SEND\",\"errorCode\":\"12\","
	  "\"errorDescription\":\"Unregistered to address\"}",
	  true, "SEND", "12", "Unregistered to address", "M1", "",
	  "SEND 12: Unregistered to address" },
	{ "{\"message_id\":\"20240821092056779321_E37F1A\","
	  "\"internal_id\":\"20240821092056761_487199b9\",\"detail\":"
	  "[{\"event\":\"SEND\",\"code\":\"EPL-151\",\"msg\":\"No match\"}]}",
	  true, "SEND", "EPL-151", "No match", "20240821092056779321_E37F1A",
	  "20240821092056761_487199b9",
	  "SEND EPL-151: No match (internal id 20240821092056761_487199b9)" },
	{ "{\"errorEvent\":\"\",\"errorCode\":\"\",\"errorDescription\":"
	  "\"Not Found\"}",
	  true, "", "", "Not Found", "", "", "HTTP 417: Not Found" },
	{ "{\"detail\":[{\"event\":\"\",\"code\":\"\",\"msg\":\"Forbidden\"}]}",
	  true, "", "", "Forbidden", "", "", "HTTP 417: Forbidden" },
	{ "{\"detail\":[{\"loc\":[\"header\",\"mex-to\"],\"msg\":"
	  "\"field required\",\"type\":\"missing\"},{\"loc\":[]}]}",
	  true, "", "", "header mex-to field required", "", "",
	  "HTTP 417: header mex-to field required" },
	/* The words of a body that is not MESH's are not kept. */
	{ "{\"detail\":\"Not Found\"}", false, "", "", "", "", "", "HTTP 417" },
	{ "{\"message\":\"An internal error occurred.\\n\\nPlease contact "
	  "support.\"}",
	  false, "", "", "", "", "", "HTTP 417" },
	{ "<?xml version=\"1.0\"?><a:Envelope>\r\n <b>Service  down</b>"
	  "<c/></a:Envelope>",
	  false, "", "", "", "", "", "HTTP 417" },
	{ "<html><head><title>502 Bad Gateway</title></head></html>", false, "",
	  "", "", "", "", "HTTP 417" },
	{ "", false, "", "", "", "", "", "HTTP 417" },
	{ "null", false, "", "", "", "", "", "HTTP 417" },
	{ "[]", false, "", "", "", "", "", "HTTP 417" },
	{ "\"text\"", false, "", "", "", "", "", "HTTP 417" },
	{ "{}", false, "", "", "", "", "", "HTTP 417" },
	{ "{\"detail\":[]}", false, "", "", "", "", "", "HTTP 417" },
	{ "{\"detail\":[7]}", false, "", "", "", "", "", "HTTP 417" },
	{ "{\"detail\":[{\"event\":7,\"code\":null}]}", true, "", "", "", "",
	  "", "HTTP 417" },
	{ "{\"messageID\":\"../../etc\",\"errorCode\":\"1\"}", true, "", "1",
	  "", "", "", "1" },
	/* An event or a code that is none is not kept: they become a name. */
	{ "{\"errorEvent\":\"../x\",\"errorCode\":\"1\\\"\"}", true, "", "", "",
	  "", "", "HTTP 417" },
	{ "{\"errorEvent\":\"A/B\",\"errorCode\":\"Invalid checksum\"}", true,
	  "", "Invalid checksum", "", "", "", "Invalid checksum" },
	{ "{\"detail\":[{\"event\":\"SEND job=1\",\"code\":\"a/b\"}]}", true,
	  "", "", "", "", "", "HTTP 417" },
	{ "{\"detail\":[{\"event\":\"SIXTEENLETTERSXX\",\"code\":\"12\"}]}",
	  true, "", "12", "", "", "", "12" },
	{ "Invalid HTTP request received.", false, "", "", "", "", "",
	  "HTTP 417" },
	{ "\033[31m\377", false, "", "", "", "", "", "HTTP 417" },
	{ "{\"errorDescription\":\"\\u001b[31m\"}", true, "", "", "\\x1b[31m",
	  "", "", "HTTP 417: \\x1b[31m" },
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(errors); i++) {
		const struct error_case *c = &errors[i];
		struct reply_error error;
		char shown[512];
		reply_error_read(c->body, strlen(c->body), &error);
		reply_error_show(&error, 417, shown, sizeof(shown));
		if (error.from_mesh != c->from_mesh)
			fail_msg("%s: from_mesh", c->body);
		assert_string_equal(error.event, c->event);
		assert_string_equal(error.code, c->code);
		assert_string_equal(error.text, c->text);
		assert_string_equal(error.message_id, c->message_id);
		assert_string_equal(error.internal_id, c->internal_id);
		assert_string_equal(shown, c->shown);
	}
}

/* Cut anywhere, every body is read without a complaint. */
static void test_cut_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(errors); i++) {
		for (size_t len = 0; len < strlen(errors[i].body); len++) {
			struct reply_error error;
			reply_error_read(errors[i].body, len, &error);
			assert_false(error.from_mesh);
		}
	}
}

static void test_long_error(void **state)
{
	(void)state;
	struct buf body;
	struct reply_error error;
	char shown[40];
	buf_init(&body, 10000);
	assert_true(buf_puts(&body, "{\"errorCode\":\"1\","
				    "\"errorDescription\":\""));
	for (unsigned i = 0; i < 1000; i++)
		assert_true(buf_puts(&body, "long "));
	assert_true(buf_puts(&body, "\"}"));
	reply_error_read(body.data, body.len, &error);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
	reply_error_show(&error, 400, shown, sizeof(shown));
	assert_int_equal(strlen(shown), sizeof(shown) - 1);
	buf_release(&body);
}

static void test_message_id(void **state)
{
	(void)state;
	static const struct {
		const char *body;
		const char *id; /* NULL: none */
	} cases[] = {
		{ "{\"messageID\":\"A1\"}", "A1" },
		{ "{\"message_id\":\"A_1-b\"}", "A_1-b" },
		{ "{\"messageId\":\"A1\"}", "A1" },
		{ "{\"messageID\":\"a/b\"}", NULL },
		{ "{\"messageID\":\"\"}", NULL },
		{ "{\"messageID\":12}", NULL },
		{ "{\"messageID\":\"A1\"", NULL },
		{ "{\"messageID\":\"A1\"}}", NULL },
		{ "null", NULL },
		{ "", NULL },
		{ "A1", NULL },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char id[TEXT_ID_SIZE] = "untouched";
		bool ok = reply_message_id(cases[i].body, strlen(cases[i].body),
					   id);
		if (ok != (cases[i].id != NULL))
			fail_msg("%s: %d", cases[i].body, ok);
		assert_string_equal(id, ok ? cases[i].id : "untouched");
	}
}

static int page(const char *body, struct reply_page *ret)
{
	struct err err;
	return reply_page_read(body, strlen(body), ret, &err);
}

static void test_page(void **state)
{
	(void)state;
	struct reply_page p;
	assert_int_equal(page("{\"messages\":[\"A\",\"../B\",7,\"C\"],\"links\":"
			      "{\"self\":\"x\",\"next\":\"/messageexchange/X/"
			      "inbox?max_results=10&continue_from=gA%3D%3D\"},"
			      "\"approx_inbox_count\":17}",
			      &p),
			 0);
	assert_int_equal(p.count, 2);
	assert_int_equal(p.refused, 2);
	assert_string_equal(p.ids[0], "A");
	assert_string_equal(p.ids[1], "C");
	assert_string_equal(p.next, "/messageexchange/X/inbox?max_results=10"
				    "&continue_from=gA%3D%3D");
	assert_int_equal(p.approximate, 17);
	reply_page_release(&p);
	assert_int_equal(page("{\"messages\":[]}", &p), 0);
	assert_int_equal(p.count, 0);
	assert_null(p.next);
	assert_int_equal(p.approximate, -1);
	reply_page_release(&p);
	assert_int_equal(
		page("{\"messages\":[\"A\"],\"links\":{\"next\":null}}", &p),
		0);
	assert_null(p.next);
	reply_page_release(&p);
}

static void test_bad_pages(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"null",
		"[]",
		"{}",
		"{\"messages\":{}}",
		"{\"messages\":[\"A\"",
		"{\"messages\":[],\"messages\":[]}",
	};
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct reply_page p = { .count = 4711 };
		if (page(bad[i], &p) != -ERR_PROTOCOL || p.count != 4711)
			fail_msg("%s was taken", bad[i]);
	}
}

/* The list stands, the link does not. */
static void test_bad_links(void **state)
{
	(void)state;
#define NEXT(link) "{\"messages\":[\"A\"],\"links\":{\"next\":" link "}}"
	static const char *const bad[] = {
		NEXT("7"),
		NEXT("\"\""),
		NEXT("\"http://evil/\""),
		NEXT("\"//evil/messageexchange/\""),
		NEXT("\"/other/\""),
		NEXT("\"/messageexchange/a b\""),
		NEXT("\"/messageexchange/a\\r\\nX: y\""),
		NEXT("\"/messageexchange/#a\""),
		NEXT("\"/messageexchange/\\u00e4\""),
	};
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct reply_page p;
		assert_int_equal(page(bad[i], &p), 0);
		if (p.count != 1 || p.next || !p.odd_next)
			fail_msg("%s was taken", bad[i]);
		reply_page_release(&p);
	}
}

static void test_large_page(void **state)
{
	(void)state;
	struct buf body;
	struct reply_page p;
	buf_init(&body, (size_t)1 << 20);
	assert_true(buf_puts(&body, "{\"messages\":[\"A\""));
	for (unsigned i = 0; i < REPLY_PAGE_MAX - 1; i++)
		assert_true(buf_puts(&body, ",\"A\""));
	size_t len = body.len;
	assert_true(buf_puts(&body, "]}"));
	assert_int_equal(page(body.data, &p), 0);
	assert_int_equal(p.count, REPLY_PAGE_MAX);
	reply_page_release(&p);
	body.len = len;
	assert_true(buf_puts(&body, ",\"A\"]}"));
	assert_int_equal(page(body.data, &p), -ERR_PROTOCOL);
	buf_release(&body);
}

static int track(const char *body, struct reply_track *ret)
{
	struct err err;
	return reply_track_read(body, strlen(body), ret, &err);
}

static void test_track(void **state)
{
	(void)state;
	struct reply_track t;
	assert_int_equal(track("{\"messageId\":\"M1\",\"localId\":\"L1\","
			       "\"recipient\":\"X26ABC2\",\"workflowId\":\"WF\","
			       "\"fileName\":\"a.dat\",\"fileSize\":5,"
			       "\"uploadTimestamp\":\"20261122062816\","
			       "\"expiryTime\":null,\"failureDiagnostic\":"
			       "\"Unregistered\",\"status\":\"Error\"}",
			       &t),
			 0);
	assert_string_equal(t.message_id, "M1");
	assert_string_equal(t.local_id, "L1");
	assert_string_equal(t.recipient, "X26ABC2");
	assert_string_equal(t.workflow, "WF");
	assert_string_equal(t.file_name, "a.dat");
	assert_int_equal(t.file_size, 5);
	assert_int_equal(t.uploaded_ns, 1795328896 * CLOCK_SECOND);
	assert_string_equal(t.upload_time, "20261122062816");
	assert_string_equal(t.expiry_time, "");
	assert_string_equal(t.failure, "Unregistered");
	assert_string_equal(t.status_text, "Error");
	assert_int_equal(t.status, REPLY_STATUS_ERROR);
	assert_int_equal(track("{\"message_id\":\"M2\",\"local_id\":\"\","
			       "\"workflow_id\":\"WF_A\",\"filename\":\"b\","
			       "\"upload_timestamp\":"
			       "\"2026-11-22T06:28:16.362783\","
			       "\"status\":\"accepted\"}",
			       &t),
			 0);
	assert_string_equal(t.message_id, "M2");
	assert_string_equal(t.workflow, "WF_A");
	assert_string_equal(t.file_name, "b");
	assert_int_equal(t.file_size, -1);
	assert_int_equal(t.uploaded_ns / CLOCK_SECOND, 1795328896);
	assert_int_equal(t.status, REPLY_STATUS_ACCEPTED);
	assert_int_equal(track("{\"messageId\":\"M3\",\"fileSize\":\"12\","
			       "\"status\":\"Teleported\"}",
			       &t),
			 0);
	assert_int_equal(t.file_size, 12);
	assert_int_equal(t.uploaded_ns, 0);
	assert_int_equal(t.status, REPLY_STATUS_UNKNOWN);
	assert_string_equal(t.status_text, "Teleported");
}

/* A value that does not fit must not look equal to one that does. */
static void test_track_long(void **state)
{
	(void)state;
	struct buf body;
	struct reply_track t;
	buf_init(&body, 10000);
	assert_true(buf_puts(&body, "{\"messageId\":\"M1\",\"localId\":\""));
	for (unsigned i = 0; i < 301; i++)
		assert_true(buf_puts(&body, "a"));
	assert_true(buf_puts(&body, "\"}"));
	assert_int_equal(track(body.data, &t), 0);
	assert_string_equal(t.local_id, "");
	buf_release(&body);
}

static void test_bad_tracks(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"null",
		"[]",
		"{}",
		"{\"status\":\"Accepted\"}",
		"{\"messageId\":\"a/b\"}",
		"{\"messageId\":\"M1\"",
	};
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct reply_track t = { .file_size = 4711 };
		if (track(bad[i], &t) != -ERR_PROTOCOL || t.file_size != 4711)
			fail_msg("%s was taken", bad[i]);
	}
}

static void test_lookup(void **state)
{
	(void)state;
	static const char v1[] =
		"{\"query_id\":\"q\",\"results\":[{\"address\":\"X26ABC2\","
		"\"description\":\"TESTMB2\",\"endpoint_type\":\"MESH\"}]}";
	static const char v2[] =
		"{\"results\":[{\"mailbox_id\":\"A\",\"mailbox_name\":\"n\"},"
		"{\"mailbox_name\":\"no id\"},7,{\"mailbox_id\":\"B\"}]}";
	struct reply_lookup l;
	struct err err;
	assert_int_equal(reply_lookup_read(v1, strlen(v1), &l, &err), 0);
	assert_int_equal(l.count, 1);
	assert_string_equal(l.entries[0].mailbox, "X26ABC2");
	assert_string_equal(l.entries[0].name, "TESTMB2");
	reply_lookup_release(&l);
	assert_int_equal(reply_lookup_read(v2, strlen(v2), &l, &err), 0);
	assert_int_equal(l.count, 2);
	assert_string_equal(l.entries[1].mailbox, "B");
	assert_string_equal(l.entries[1].name, "");
	reply_lookup_release(&l);
	assert_int_equal(reply_lookup_read("{}", 2, &l, &err), -ERR_PROTOCOL);
	assert_int_equal(reply_lookup_read("", 0, &l, &err), -ERR_PROTOCOL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_cut_errors),
		cmocka_unit_test(test_long_error),
		cmocka_unit_test(test_message_id),
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_bad_pages),
		cmocka_unit_test(test_bad_links),
		cmocka_unit_test(test_large_page),
		cmocka_unit_test(test_track),
		cmocka_unit_test(test_track_long),
		cmocka_unit_test(test_bad_tracks),
		cmocka_unit_test(test_lookup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
