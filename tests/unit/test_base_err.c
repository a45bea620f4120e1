/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void test_set(void **state)
{
	(void)state;
	struct err err = { .code = ERR_IO,
			   .scope = ERR_SERVICE,
			   .retry = ERR_LATER,
			   .http = 500,
			   .sys = EIO,
			   .text = "old" };
	assert_int_equal(err_set(&err, ERR_LIMIT, "%s has %d", "a.dat", 7),
			 -(int)ERR_LIMIT);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(err.scope, ERR_MESSAGE);
	assert_int_equal(err.retry, ERR_NEVER);
	assert_int_equal(err.http, 0);
	assert_int_equal(err.sys, 0);
	assert_string_equal(err.text, "a.dat has 7");
	err_widen(&err, ERR_MAILBOX, ERR_LATER);
	assert_int_equal(err.scope, ERR_MAILBOX);
	assert_int_equal(err.retry, ERR_LATER);
	assert_string_equal(err.text, "a.dat has 7");
	err_clear(&err);
	assert_int_equal(err.code, ERR_NONE);
	assert_string_equal(err.text, "");
}

struct sys_case {
	int sys;
	enum err_code code;
	enum err_scope scope;
	enum err_retry retry;
};

static void test_sys(void **state)
{
	(void)state;
	static const struct sys_case cases[] = {
		{ ENOSPC, ERR_NOSPACE, ERR_MAILBOX, ERR_LATER },
		{ EDQUOT, ERR_NOSPACE, ERR_MAILBOX, ERR_LATER },
		{ EMFILE, ERR_NOSPACE, ERR_MAILBOX, ERR_LATER },
		{ ENFILE, ERR_NOSPACE, ERR_MAILBOX, ERR_LATER },
		{ ENOMEM, ERR_NOSPACE, ERR_MAILBOX, ERR_LATER },
		{ EIO, ERR_IO, ERR_MAILBOX, ERR_LATER },
		{ ESTALE, ERR_IO, ERR_MAILBOX, ERR_LATER },
		{ EACCES, ERR_DENIED, ERR_MESSAGE, ERR_NEVER },
		{ EPERM, ERR_DENIED, ERR_MESSAGE, ERR_NEVER },
		{ EROFS, ERR_DENIED, ERR_MESSAGE, ERR_NEVER },
		{ ENOENT, ERR_MISSING, ERR_MESSAGE, ERR_NEVER },
		{ ENOTDIR, ERR_MISSING, ERR_MESSAGE, ERR_NEVER },
		{ EEXIST, ERR_EXISTS, ERR_MESSAGE, ERR_NEVER },
		{ ELOOP, ERR_UNSAFE, ERR_MESSAGE, ERR_NEVER },
		{ EXDEV, ERR_UNSAFE, ERR_MESSAGE, ERR_NEVER },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err;
		int r = err_sys(&err, cases[i].sys, "cannot open '%s'", "x");
		assert_int_equal(r, -(int)cases[i].code);
		assert_int_equal(err.code, cases[i].code);
		assert_int_equal(err.sys, cases[i].sys);
		assert_int_equal(err.scope, cases[i].scope);
		assert_int_equal(err.retry, cases[i].retry);
		assert_non_null(strstr(err.text, "cannot open 'x': "));
		assert_non_null(strstr(err.text, strerror(cases[i].sys)));
	}
}

/* The result alone is enough for some callers. */
static void test_without_record(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, ERR_BUSY, "x"), -(int)ERR_BUSY);
	assert_int_equal(err_sys(NULL, ENOENT, "x"), -(int)ERR_MISSING);
	err_clear(NULL);
	err_prefix(NULL, "x");
	err_widen(NULL, ERR_SERVICE, ERR_LATER);
}

static void test_prefix(void **state)
{
	(void)state;
	struct err err;
	(void)err_sys(&err, ENOENT, "cannot open '%s'", "a.ctl");
	err_prefix(&err, "mailbox %s", "X26ABC1");
	assert_string_equal(err.text, "mailbox X26ABC1: cannot open 'a.ctl': "
				      "No such file or directory");
	assert_int_equal(err.code, ERR_MISSING);
	assert_int_equal(err.sys, ENOENT);
}

/* Cut, but always ended, and the front stays. */
static void test_long_texts(void **state)
{
	(void)state;
	char name[2 * ERR_TEXT_MAX];
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	struct err err;
	(void)err_sys(&err, EIO, "cannot read '%s'", name);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	assert_memory_equal(err.text, "cannot read 'nnn", 16);
	err_prefix(&err, "store");
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	assert_memory_equal(err.text, "store: cannot read", 18);
	err_prefix(&err, "%s", name);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	assert_non_null(strstr(err.text, "n: store: cannot"));
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(err_code_name(ERR_NONE), "none");
	assert_string_equal(err_code_name(ERR_NOSPACE), "no-space");
	assert_string_equal(err_code_name(ERR_STOPPED), "stopped");
	assert_string_equal(err_code_name((enum err_code)1000), "unknown");
	for (int i = ERR_NONE; i <= ERR_STOPPED; i++) {
		const char *name = err_code_name((enum err_code)i);
		assert_non_null(name);
		for (int j = ERR_NONE; j < i; j++)
			assert_string_not_equal(name, err_code_name((
							      enum err_code)j));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_sys),
		cmocka_unit_test(test_without_record),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_long_texts),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests_name("base_err", tests, NULL, NULL);
}
