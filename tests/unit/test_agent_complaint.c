/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/complaint.h"
#include "base/clock.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define MINUTE (60 * CLOCK_SECOND)
#define START (1000 * CLOCK_SECOND)

static void test_said_at_once(void **state)
{
	(void)state;
	struct complaint complaint = { .times = 0 };
	assert_true(complaint_raise(&complaint, ERR_NETWORK, "no route", 0));
	assert_string_equal(complaint.text, "no route");
	assert_int_equal(complaint.times, 1);
	assert_int_equal(complaint.said, 1);
}

static void test_then_silent_for_a_minute(void **state)
{
	(void)state;
	struct complaint complaint = { .times = 0 };
	assert_true(
		complaint_raise(&complaint, ERR_NETWORK, "no route", START));
	assert_false(
		complaint_raise(&complaint, ERR_NETWORK, "no route", START));
	assert_false(complaint_raise(&complaint, ERR_NETWORK, "no route",
				     START + MINUTE - 1));
	assert_true(complaint_raise(&complaint, ERR_NETWORK, "no route",
				    START + MINUTE));
	assert_int_equal(complaint.times, 4);
	assert_int_equal(complaint.said, 2);
}

static void test_silence_doubles_up_to_an_hour(void **state)
{
	(void)state;
	static const int64_t minutes[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };
	struct complaint complaint = { .times = 0 };
	int64_t now = START;
	assert_true(complaint_raise(&complaint, ERR_NETWORK, "no route", now));
	for (size_t i = 0; i < COUNT(minutes); i++) {
		int64_t until = now + minutes[i] * MINUTE;
		assert_false(complaint_raise(&complaint, ERR_NETWORK,
					     "no route", until - 1));
		assert_true(complaint_raise(&complaint, ERR_NETWORK, "no route",
					    until));
		now = until;
	}
	assert_int_equal(complaint.times, 1 + 2 * COUNT(minutes));
	assert_int_equal(complaint.said, 1 + COUNT(minutes));
}

/* An hour in which nobody raised it does not make up for anything. */
static void test_silence_counts_from_the_saying(void **state)
{
	(void)state;
	struct complaint complaint = { .times = 0 };
	assert_true(
		complaint_raise(&complaint, ERR_NETWORK, "no route", START));
	int64_t late = START + 60 * MINUTE;
	assert_true(complaint_raise(&complaint, ERR_NETWORK, "no route", late));
	assert_false(complaint_raise(&complaint, ERR_NETWORK, "no route",
				     late + 2 * MINUTE - 1));
	assert_true(complaint_raise(&complaint, ERR_NETWORK, "no route",
				    late + 2 * MINUTE));
}

static void test_other_text_is_new(void **state)
{
	(void)state;
	struct complaint complaint = { .times = 0 };
	for (int i = 0; i < 8; i++)
		(void)complaint_raise(&complaint, ERR_NETWORK, "no route",
				      START + i * 60 * MINUTE);
	int64_t now = START + 7 * 60 * MINUTE + 1;
	assert_true(complaint_raise(&complaint, ERR_AUTH, "refused", now));
	assert_string_equal(complaint.text, "refused");
	assert_int_equal(complaint.times, 1);
	assert_int_equal(complaint.said, 1);
	assert_false(complaint_raise(&complaint, ERR_AUTH, "refused",
				     now + MINUTE - 1));
	assert_true(
		complaint_raise(&complaint, ERR_AUTH, "refused", now + MINUTE));
	assert_true(complaint_raise(&complaint, ERR_NETWORK, "no route",
				    now + MINUTE));
	assert_int_equal(complaint.said, 1);
}

/* libcurl words one cause now so, now so: that alone is nothing new. */
static void test_other_words_are_nothing_new(void **state)
{
	(void)state;
	struct complaint complaint = { .times = 0 };
	assert_true(complaint_raise(&complaint, ERR_NETWORK, "send", START));
	assert_false(complaint_raise(&complaint, ERR_NETWORK, "recv", START));
	assert_string_equal(complaint.text, "recv");
	assert_int_equal(complaint.times, 2);
	assert_true(complaint_raise(&complaint, ERR_TLS, "recv", START));
	assert_int_equal(complaint.times, 1);
}

static void test_clear_is_told_once(void **state)
{
	(void)state;
	struct complaint complaint = { .times = 0 };
	assert_false(complaint_clear(&complaint));
	assert_true(
		complaint_raise(&complaint, ERR_NETWORK, "no route", START));
	assert_false(complaint_raise(&complaint, ERR_NETWORK, "no route",
				     START + 1));
	assert_true(complaint_clear(&complaint));
	assert_string_equal(complaint.text, "");
	assert_int_equal(complaint.times, 0);
	assert_int_equal(complaint.said, 0);
	assert_false(complaint_clear(&complaint));
}

static void test_after_clear_as_new(void **state)
{
	(void)state;
	struct complaint complaint = { .times = 0 };
	assert_true(
		complaint_raise(&complaint, ERR_NETWORK, "no route", START));
	assert_true(complaint_raise(&complaint, ERR_NETWORK, "no route",
				    START + MINUTE));
	assert_true(complaint_clear(&complaint));
	int64_t now = START + MINUTE + 1;
	assert_true(complaint_raise(&complaint, ERR_NETWORK, "no route", now));
	assert_false(complaint_raise(&complaint, ERR_NETWORK, "no route",
				     now + MINUTE - 1));
	assert_true(complaint_raise(&complaint, ERR_NETWORK, "no route",
				    now + MINUTE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_said_at_once),
		cmocka_unit_test(test_then_silent_for_a_minute),
		cmocka_unit_test(test_silence_doubles_up_to_an_hour),
		cmocka_unit_test(test_silence_counts_from_the_saying),
		cmocka_unit_test(test_other_text_is_new),
		cmocka_unit_test(test_other_words_are_nothing_new),
		cmocka_unit_test(test_clear_is_told_once),
		cmocka_unit_test(test_after_clear_as_new),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
