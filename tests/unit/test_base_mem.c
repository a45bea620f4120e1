/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static void test_wipe(void **state)
{
	(void)state;
	char secret[] = "secret";
	mem_wipe(secret, sizeof(secret));
	static const char nothing[sizeof(secret)];
	assert_memory_equal(secret, nothing, sizeof(secret));
	mem_wipe(NULL, 0);
}

static void test_resize(void **state)
{
	(void)state;
	char *p = mem_realloc_wiped(NULL, 7);
	assert_non_null(p);
	memcpy(p, "secret", 7);
	p = mem_realloc_wiped(p, 100000);
	assert_non_null(p);
	assert_string_equal(p, "secret");
	memset(p + 6, 'x', 100000 - 6);
	p = mem_realloc_wiped(p, 3);
	assert_non_null(p);
	assert_memory_equal(p, "sec", 3);
	p = mem_realloc_wiped(p, 0);
	assert_non_null(p);
	mem_free_wiped(p);
	mem_free_wiped(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wipe),
		cmocka_unit_test(test_resize),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
