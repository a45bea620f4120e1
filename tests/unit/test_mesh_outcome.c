/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "mesh/outcome.h"
#include "net/http.h"
#include "net/http_reply.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define MESH_BODY                                                   \
	"{\"message_id\":\"M9\",\"internal_id\":\"I7\",\"detail\":" \
	"[{\"event\":\"SEND\",\"code\":\"12\",\"msg\":\"Unregistered\"}]}"
#define ID_BODY "{\"message_id\":\"M1\"}"

#define T OUTCOME_TAKEN
#define X OUTCOME_REFUSED
#define L OUTCOME_LATER
#define U OUTCOME_UNKNOWN
#define R OUTCOME_RESTART
#define C OUTCOME_CONFIRM

/* In the order of the steps: single, first, middle, last. */
struct answer_case {
	int status;
	const char *body;
	enum outcome_kind kinds[4];
	bool auth;
	bool silent; /* not the service that spoke */
};

static const struct answer_case answers[] = {
	{ 202, ID_BODY, { T, T, T, T }, false, false },
	{ 202, "{\"messageID\":\"M1\"}", { T, T, T, T }, false, false },
	{ 202, "null", { U, R, T, T }, false, false },
	{ 202, "", { U, R, T, T }, false, false },
	{ 202, "{\"message_id\":\"../M1\"}", { U, R, T, T }, false, false },
	{ 200, ID_BODY, { U, R, L, C }, false, false },
	{ 201, "", { U, R, L, C }, false, false },
	{ 204, "", { U, R, L, C }, false, false },
	{ 301, "", { U, R, L, C }, false, false },
	{ 307, "", { U, R, L, C }, false, false },
	{ 417, MESH_BODY, { X, X, X, X }, false, false },
	{ 417, "", { X, X, X, X }, false, false },
	{ 413, "<html>too large</html>", { X, X, X, X }, false, false },
	{ 422, MESH_BODY, { X, X, X, X }, false, false },
	{ 400, MESH_BODY, { X, X, X, X }, false, false },
	{ 400,
	  "{\"detail\":[{\"loc\":[\"header\",\"mex-to\"],\"msg\":\"m\"}]}",
	  { X, X, X, X },
	  false,
	  false },
	{ 400, "<html>Bad Request</html>", { L, L, L, L }, false, true },
	{ 400, "{\"message\":\"Bad Request\"}", { L, L, L, L }, false, true },
	{ 400, "", { L, L, L, L }, false, true },
	{ 401, "", { L, L, L, L }, true, false },
	{ 403, "", { U, L, L, L }, true, false },
	{ 403, MESH_BODY, { U, L, L, L }, true, false },
	{ 404, "{\"detail\":\"Not Found\"}", { L, L, R, C }, false, true },
	{ 404, MESH_BODY, { L, L, R, C }, false, false },
	{ 405, "", { L, L, L, L }, false, true },
	{ 406, "{\"message\":\"m\"}", { L, L, R, C }, false, false },
	{ 408, "", { U, R, L, C }, false, false },
	{ 410, MESH_BODY, { X, X, R, C }, false, false },
	{ 423, "{\"message\":\"m\"}", { L, L, C, C }, false, false },
	{ 425, "", { L, L, L, L }, false, false },
	{ 429, "", { L, L, L, L }, false, false },
	{ 500, MESH_BODY, { U, R, L, C }, false, false },
	{ 502, "<html>Bad Gateway</html>", { U, R, L, C }, false, false },
	{ 503, "", { U, R, L, C }, false, false },
	{ 504, "", { U, R, L, C }, false, false },
	{ 599, "", { U, R, L, C }, false, false },
};

static void judge_answer(enum outcome_step step, int status, const char *body,
			 struct outcome *ret)
{
	struct http_reply reply;
	http_reply_init(&reply);
	reply.status = status;
	reply.sent = HTTP_SENT_WHOLE;
	assert_true(buf_puts(&reply.body, body));
	const struct err err = { .code = ERR_NONE };
	outcome_judge(step, 0, &reply, &err, ret);
	http_reply_release(&reply);
}

static void check_answer(const struct answer_case *c, enum outcome_step step)
{
	struct outcome outcome;
	judge_answer(step, c->status, c->body, &outcome);
	bool silent = c->silent;
	if (c->status == 404 && step >= OUTCOME_MIDDLE)
		silent = false;
	if (outcome.kind != c->kinds[step] || outcome.auth != c->auth ||
	    outcome.answered == silent || outcome.http != c->status)
		fail_msg("%d '%s', step %d: kind %d, auth %d, answered %d",
			 c->status, c->body, (int)step, (int)outcome.kind,
			 outcome.auth, outcome.answered);
	if ((outcome.kind == OUTCOME_TAKEN) != (outcome.err.text[0] == '\0'))
		fail_msg("%d, step %d: '%s'", c->status, (int)step,
			 outcome.err.text);
	if (outcome.kind == OUTCOME_TAKEN && step <= OUTCOME_FIRST)
		assert_string_equal(outcome.message_id, "M1");
}

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		for (int step = OUTCOME_SINGLE; step <= OUTCOME_LAST; step++)
			check_answer(&answers[i], (enum outcome_step)step);
	}
}

static void test_reason(void **state)
{
	(void)state;
	struct outcome outcome;
	judge_answer(OUTCOME_SINGLE, 417, MESH_BODY, &outcome);
	assert_string_equal(outcome.error.event, "SEND");
	assert_string_equal(outcome.error.code, "12");
	assert_string_equal(outcome.error.text, "Unregistered");
	assert_string_equal(outcome.error.message_id, "M9");
	assert_string_equal(outcome.error.internal_id, "I7");
	assert_int_equal(outcome.err.code, ERR_REFUSED);
	assert_int_equal(outcome.err.http, 417);
	assert_non_null(strstr(outcome.err.text, "SEND 12: Unregistered"));
}

struct silence_case {
	int r;
	enum http_sent sent;
	int status;
	enum outcome_kind kinds[4];
};

static void test_silence(void **state)
{
	(void)state;
	static const struct silence_case cases[] = {
		{ -ERR_NETWORK, HTTP_SENT_NOTHING, 0, { L, L, L, L } },
		{ -ERR_TLS, HTTP_SENT_NOTHING, 0, { L, L, L, L } },
		{ -ERR_NETWORK, HTTP_SENT_PART, 0, { U, R, L, C } },
		{ -ERR_NETWORK, HTTP_SENT_WHOLE, 0, { U, R, L, C } },
		{ -ERR_STOPPED, HTTP_SENT_PART, 0, { U, R, L, C } },
		{ -ERR_STOPPED, HTTP_SENT_NOTHING, 0, { L, L, L, L } },
		{ -ERR_PROTOCOL, HTTP_SENT_WHOLE, 202, { U, R, L, C } },
		{ -ERR_PROTOCOL, HTTP_SENT_WHOLE, 417, { U, R, L, C } },
		{ -ERR_CHANGED, HTTP_SENT_PART, 0, { L, L, L, L } },
		{ -ERR_CHANGED, HTTP_SENT_WHOLE, 0, { U, R, L, C } },
		{ -ERR_IO, HTTP_SENT_PART, 0, { L, L, L, L } },
		{ -ERR_DENIED, HTTP_SENT_PART, 0, { L, L, L, L } },
		{ -ERR_IO, HTTP_SENT_WHOLE, 0, { U, R, L, C } },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct silence_case *c = &cases[i];
		for (int step = OUTCOME_SINGLE; step <= OUTCOME_LAST; step++) {
			struct http_reply reply;
			http_reply_init(&reply);
			reply.status = c->status;
			reply.sent = c->sent;
			struct err err;
			(void)err_set(&err, (enum err_code) - c->r, "why");
			struct outcome outcome;
			outcome_judge((enum outcome_step)step, c->r, &reply,
				      &err, &outcome);
			http_reply_release(&reply);
			if (outcome.kind != c->kinds[step] ||
			    outcome.answered != (c->status != 0))
				fail_msg("case %zu, step %d: kind %d", i, step,
					 (int)outcome.kind);
			assert_string_equal(outcome.err.text, "why");
			assert_false(outcome.auth);
			/* a status alone says nothing about an upload */
			assert_int_equal(outcome.http, 0);
		}
	}
}

static int64_t wait_of(int status, const char *value, const char *date)
{
	struct http_reply reply;
	struct outcome outcome;
	const struct err err = { .code = ERR_NONE };
	http_reply_init(&reply);
	reply.status = status;
	assert_true(http_reply_add(&reply, "retry-after", value));
	if (date)
		assert_true(http_reply_add(&reply, "date", date));
	outcome_judge(OUTCOME_SINGLE, 0, &reply, &err, &outcome);
	http_reply_release(&reply);
	return outcome.retry_after_ns;
}

static void test_retry_after(void **state)
{
	(void)state;
	static const char now[] = "Sun, 22 Nov 2026 06:00:00 GMT";
	static const char then[] = "Sun, 22 Nov 2026 06:02:00 GMT";
	assert_int_equal(wait_of(429, "120", NULL), 120 * CLOCK_SECOND);
	assert_int_equal(wait_of(503, "5", NULL), 5 * CLOCK_SECOND);
	assert_int_equal(wait_of(503, then, now), 120 * CLOCK_SECOND);
	assert_int_equal(wait_of(503, now, then), 0);
	assert_int_equal(wait_of(503, then, NULL), 0);
	assert_int_equal(wait_of(503, "-5", NULL), 0);
	assert_int_equal(wait_of(503, "soon", now), 0);
	assert_int_equal(wait_of(503, "4000000000", NULL),
			 86400 * CLOCK_SECOND);
	assert_int_equal(wait_of(417, "120", NULL), 0);
}

static void test_step_of(void **state)
{
	(void)state;
	assert_int_equal(outcome_step_of(1, 1), OUTCOME_SINGLE);
	assert_int_equal(outcome_step_of(1, 2), OUTCOME_FIRST);
	assert_int_equal(outcome_step_of(2, 2), OUTCOME_LAST);
	assert_int_equal(outcome_step_of(2, 3), OUTCOME_MIDDLE);
	assert_int_equal(outcome_step_of(3, 3), OUTCOME_LAST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_reason),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_step_of),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
