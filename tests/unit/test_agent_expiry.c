/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/expiry.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define END INT64_C(1795334181)
#define HOUR INT64_C(3600)

static void test_which_warning(void **state)
{
	(void)state;
	static const struct {
		int64_t left_s;
		int mark;
	} cases[] = {
		{ 10000 * EXPIRY_DAY, EXPIRY_NONE },
		{ 60 * EXPIRY_DAY + 1, EXPIRY_NONE },
		{ 60 * EXPIRY_DAY, 60 },
		{ 45 * EXPIRY_DAY, 60 },
		{ 30 * EXPIRY_DAY + 1, 60 },
		{ 30 * EXPIRY_DAY, 30 },
		{ 14 * EXPIRY_DAY + 1, 30 },
		{ 14 * EXPIRY_DAY, 14 },
		{ 8 * EXPIRY_DAY, 14 },
		{ 7 * EXPIRY_DAY + 1, 14 },
		{ 7 * EXPIRY_DAY, 7 },
		{ 6 * EXPIRY_DAY + 1, 7 },
		{ 6 * EXPIRY_DAY, 6 },
		{ 2 * EXPIRY_DAY, 2 },
		{ EXPIRY_DAY, 1 },
		{ 1, 1 },
		{ 0, 0 },
		{ -EXPIRY_DAY + 1, 0 },
		{ -EXPIRY_DAY, -1 },
		{ -400 * EXPIRY_DAY, -400 },
		{ INT64_MIN / 2, INT_MIN },
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(expiry_mark(END, END - cases[i].left_s),
				 cases[i].mark);
}

/* Looked at every hour for 70 days: what a process says that runs so long. */
static void test_each_once(void **state)
{
	(void)state;
	static const int wanted[] = { 60, 30, 14, 7,  6,  5,  4, 3,
				      2,  1,  0,  -1, -2, -3, -4 };
	int said = EXPIRY_NONE;
	size_t times = 0;
	for (int64_t hour = -65 * 24; hour < 5 * 24; hour++) {
		int mark = expiry_mark(END, END + hour * HOUR);
		if (mark >= said)
			continue;
		said = mark;
		assert_true(times < COUNT(wanted));
		assert_int_equal(mark, wanted[times]);
		times++;
	}
	assert_int_equal(times, COUNT(wanted));
}

static void test_days(void **state)
{
	(void)state;
	assert_int_equal(expiry_days(END, END - 60 * EXPIRY_DAY), 60);
	assert_int_equal(expiry_days(END, END - 60 * EXPIRY_DAY + 1), 59);
	assert_int_equal(expiry_days(END, END - 1), 0);
	assert_int_equal(expiry_days(END, END + 3 * EXPIRY_DAY), -3);
}

static void test_state(void **state)
{
	(void)state;
	static const struct {
		int64_t now_s;
		enum expiry expiry;
		const char *name;
	} cases[] = {
		{ END - 1001 * EXPIRY_DAY, EXPIRY_EARLY, "not-yet-valid" },
		{ END - 1000 * EXPIRY_DAY, EXPIRY_GOOD, "good" },
		{ END - 60 * EXPIRY_DAY - 1, EXPIRY_GOOD, "good" },
		{ END - 60 * EXPIRY_DAY, EXPIRY_SOON, "expires" },
		{ END - 1, EXPIRY_SOON, "expires" },
		{ END, EXPIRY_OVER, "expired" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum expiry got = expiry_of(END - 1000 * EXPIRY_DAY, END,
					    cases[i].now_s);
		assert_int_equal(got, cases[i].expiry);
		assert_string_equal(expiry_name(got), cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_warning),
		cmocka_unit_test(test_each_once),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
