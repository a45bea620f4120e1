/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/left_alone.h"
#include "base/clock.h"

#define HOUR (3600 * CLOCK_SECOND)
#define START (1000 * CLOCK_SECOND)

static void use_up(struct left_alone *state, int64_t now)
{
	for (unsigned i = 1; i <= LEFT_ALONE_MOST; i++) {
		bool last = true;
		assert_true(left_alone_may_say(state, now + i, &last));
		assert_int_equal(last, i == LEFT_ALONE_MOST);
	}
}

static void test_a_measure_an_hour(void **state)
{
	(void)state;
	struct left_alone alone = { .said = 0 };
	bool last = false;
	use_up(&alone, START);
	assert_false(left_alone_may_say(&alone, START + HOUR / 2, &last));
	assert_false(left_alone_may_say(&alone, START + HOUR, &last));
	use_up(&alone, START + HOUR);
	assert_false(left_alone_may_say(&alone, START + 2 * HOUR, &last));
	assert_false(last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_measure_an_hour),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
