/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "net/token.h"

/* The expected values were computed by another implementation of HMAC. */
static void test_vectors(void **state)
{
	(void)state;
	char token[TOKEN_SIZE];
	struct err err;
	const struct token_parts first = {
		.mailbox = "X26ABC1",
		.password = "password",
		.shared_key = "TestKey",
		.nonce = "a74a2a85-4cbd-4d3e-94ab-25f2e4d0ea92",
		.count = 0,
		.minute = "202611220706",
	};
	assert_int_equal(token_make(&first, token, &err), 0);
	assert_string_equal(token, "NHSMESH X26ABC1:"
				   "a74a2a85-4cbd-4d3e-94ab-25f2e4d0ea92:0:"
				   "202611220706:"
				   "696654b0a785fb099b43983f18c4266c"
				   "37393d4e863ad828f4d9982445a6b80c");
	const struct token_parts second = {
		.mailbox = "X26ABC2",
		.password = "p:\303\244 w",
		.shared_key = "BackBone",
		.nonce = "00000000-0000-4000-8000-000000000000",
		.count = 17,
		.minute = "202412312359",
	};
	assert_int_equal(token_make(&second, token, &err), 0);
	assert_string_equal(token, "NHSMESH X26ABC2:"
				   "00000000-0000-4000-8000-000000000000:17:"
				   "202412312359:"
				   "8c2786317a253edbff2df8ecbd0a5dea"
				   "4d2917871d44391f9fdfd7aca31db437");
}

static struct token_parts usual(void)
{
	return (struct token_parts){
		.mailbox = "X26ABC1",
		.password = "hunter2",
		.shared_key = "TestKey",
		.nonce = "a74a2a85-4cbd-4d3e-94ab-25f2e4d0ea92",
		.minute = "202611220706",
	};
}

static void expect_failure(const struct token_parts *parts, int r)
{
	char token[TOKEN_SIZE] = "untouched";
	struct err err;
	assert_int_equal(token_make(parts, token, &err), r);
	assert_string_equal(token, "untouched");
	assert_null(strstr(err.text, "hunter2"));
	assert_null(strstr(err.text, "TestKey"));
}

static void test_refused(void **state)
{
	(void)state;
	char large[8000];
	memset(large, 'a', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	struct token_parts parts = usual();
	parts.mailbox = "X26:ABC1";
	expect_failure(&parts, -ERR_INVALID);
	parts = usual();
	parts.nonce = "a:b";
	expect_failure(&parts, -ERR_INVALID);
	parts = usual();
	parts.shared_key = "";
	expect_failure(&parts, -ERR_CONFIG);
	parts.shared_key = large;
	expect_failure(&parts, -ERR_CONFIG);
	parts = usual();
	parts.password = large;
	expect_failure(&parts, -ERR_CONFIG);
	parts = usual();
	large[300] = '\0';
	parts.mailbox = large;
	expect_failure(&parts, -ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
