/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/schedule.h"
#include "base/mem.h"

#define SLOTS ((size_t)4)
#define FAR INT64_C(1000000)

static int setup(void **state)
{
	struct schedule *schedule = xcalloc(1, sizeof(*schedule));
	schedule_init(schedule, SLOTS);
	*state = schedule;
	return 0;
}

static int teardown(void **state)
{
	struct schedule *schedule = *state;
	schedule_release(schedule);
	assert_null(schedule->slots);
	schedule_release(schedule);
	free(schedule);
	return 0;
}

static void assert_takes(struct schedule *schedule, int64_t now, size_t slot)
{
	assert_int_equal(schedule_take(schedule, now), slot);
}

static void assert_nothing(struct schedule *schedule, int64_t now)
{
	assert_takes(schedule, now, SCHEDULE_NONE);
}

/* Gives each slot its turn and these dues. */
static void set_dues(struct schedule *schedule, const int64_t dues[SLOTS])
{
	for (size_t i = 0; i < SLOTS; i++)
		assert_takes(schedule, 0, i);
	for (size_t i = 0; i < SLOTS; i++)
		schedule_give(schedule, i, dues[i], 0);
}

/* --- whose turn --- */

static void test_at_start_all_in_order(void **state)
{
	struct schedule *schedule = *state;
	assert_int_equal(schedule_next(schedule), 0);
	assert_true(schedule_idle(schedule));
	for (size_t i = 0; i < SLOTS; i++) {
		assert_takes(schedule, 0, i);
		assert_false(schedule_idle(schedule));
	}
	assert_nothing(schedule, INT64_MAX);
	assert_int_equal(schedule_next(schedule), INT64_MAX);
}

static void test_nothing_due(void **state)
{
	struct schedule *schedule = *state;
	set_dues(schedule, (const int64_t[SLOTS]){ 400, 300, 200, 500 });
	assert_int_equal(schedule_next(schedule), 200);
	assert_nothing(schedule, 0);
	assert_nothing(schedule, 199);
	assert_true(schedule_idle(schedule));
	assert_int_equal(schedule_next(schedule), 200);
	assert_takes(schedule, 200, 2);
	assert_int_equal(schedule_next(schedule), 300);
	assert_nothing(schedule, 200);
}

static void test_most_overdue_first(void **state)
{
	struct schedule *schedule = *state;
	set_dues(schedule, (const int64_t[SLOTS]){ 400, 300, 200, 500 });
	assert_takes(schedule, 450, 2);
	assert_takes(schedule, 450, 1);
	assert_takes(schedule, 450, 0);
	assert_nothing(schedule, 450);
	assert_int_equal(schedule_next(schedule), 500);
}

static void test_ties_go_to_the_first(void **state)
{
	struct schedule *schedule = *state;
	set_dues(schedule, (const int64_t[SLOTS]){ 300, 200, 200, 200 });
	assert_takes(schedule, 300, 1);
	assert_takes(schedule, 300, 2);
	assert_takes(schedule, 300, 3);
	assert_takes(schedule, 300, 0);
}

static void test_running_is_never_taken(void **state)
{
	struct schedule *schedule = *state;
	set_dues(schedule, (const int64_t[SLOTS]){ 100, FAR, FAR, FAR });
	assert_takes(schedule, 100, 0);
	assert_nothing(schedule, FAR - 1);
	assert_int_equal(schedule_next(schedule), FAR);
	schedule_hint(schedule, 0, 200);
	assert_nothing(schedule, FAR - 1);
	assert_int_equal(schedule_next(schedule), FAR);
	assert_false(schedule_idle(schedule));
	schedule_give(schedule, 0, 300, 250);
	assert_true(schedule_idle(schedule));
	assert_takes(schedule, 250, 0);
}

static void test_no_slots(void **state)
{
	(void)state;
	struct schedule schedule;
	schedule_init(&schedule, 0);
	assert_nothing(&schedule, INT64_MAX);
	assert_int_equal(schedule_next(&schedule), INT64_MAX);
	assert_true(schedule_idle(&schedule));
	schedule_release(&schedule);
}

/* --- hints --- */

static void test_hint_brings_forward(void **state)
{
	struct schedule *schedule = *state;
	set_dues(schedule, (const int64_t[SLOTS]){ FAR, FAR, FAR, FAR });
	schedule_hint(schedule, 2, 100);
	assert_int_equal(schedule_next(schedule), 100);
	assert_takes(schedule, 100, 2);
	assert_nothing(schedule, 100);
	schedule_give(schedule, 2, FAR, 150);
	assert_nothing(schedule, FAR - 1); /* the hint is used up */
}

static void test_hint_never_puts_off(void **state)
{
	struct schedule *schedule = *state;
	set_dues(schedule, (const int64_t[SLOTS]){ 100, 110, FAR, FAR });
	schedule_hint(schedule, 0, 200); /* overdue: keeps its place */
	assert_int_equal(schedule_next(schedule), 100);
	assert_takes(schedule, 200, 0);
	assert_takes(schedule, 200, 1);
	schedule_hint(schedule, 2, 300);
	schedule_hint(schedule, 2, 400);
	assert_int_equal(schedule_next(schedule), 300);
}

static void test_hint_while_running(void **state)
{
	struct schedule *schedule = *state;
	set_dues(schedule, (const int64_t[SLOTS]){ 100, FAR, FAR, FAR });
	assert_takes(schedule, 100, 0);
	schedule_hint(schedule, 0, 110);
	schedule_hint(schedule, 0, 120);
	schedule_give(schedule, 0, FAR, 200);
	assert_int_equal(schedule_next(schedule), 200);
	assert_takes(schedule, 200, 0);
	schedule_give(schedule, 0, FAR, 210);
	assert_nothing(schedule, FAR - 1); /* two hints, one turn */
}

/* What it saw of OUT is newer than the hint. */
static void test_hint_before_the_turn_is_used_up(void **state)
{
	struct schedule *schedule = *state;
	set_dues(schedule, (const int64_t[SLOTS]){ FAR, FAR, FAR, FAR });
	schedule_hint(schedule, 1, 100);
	schedule_hint(schedule, 1, 110);
	assert_takes(schedule, 120, 1);
	schedule_give(schedule, 1, 500, 200);
	assert_int_equal(schedule_next(schedule), 500);
}

static void test_hint_is_for_one_slot(void **state)
{
	struct schedule *schedule = *state;
	set_dues(schedule, (const int64_t[SLOTS]){ 100, 100, FAR, FAR });
	assert_takes(schedule, 100, 0);
	assert_takes(schedule, 100, 1);
	schedule_hint(schedule, 1, 110);
	schedule_give(schedule, 0, 400, 200);
	schedule_give(schedule, 1, 400, 200);
	assert_takes(schedule, 200, 1);
	assert_nothing(schedule, 200);
	assert_takes(schedule, 400, 0);
}

/* --- fairness --- */

static void test_all_busy_take_turns(void **state)
{
	struct schedule *schedule = *state;
	int64_t now = 0;
	for (size_t turn = 0; turn < 10 * SLOTS; turn++) {
		assert_takes(schedule, now, turn % SLOTS);
		now += 7;
		schedule_give(schedule, turn % SLOTS, now, now);
	}
}

static void test_two_workers_share(void **state)
{
	struct schedule *schedule = *state;
	size_t turns[SLOTS] = { 0 };
	size_t other = schedule_take(schedule, 0);
	for (int64_t now = 1; now <= 400; now++) {
		size_t slot = schedule_take(schedule, now);
		assert_int_not_equal(slot, SCHEDULE_NONE);
		assert_int_not_equal(slot, other);
		turns[slot]++;
		schedule_give(schedule, other, now, now);
		other = slot;
	}
	for (size_t i = 0; i < SLOTS; i++)
		assert_int_equal(turns[i], 400 / SLOTS);
}

/* A hint puts a mailbox behind those who wait already. */
static void test_hints_do_not_overtake(void **state)
{
	struct schedule *schedule = *state;
	set_dues(schedule, (const int64_t[SLOTS]){ FAR, 100, 110, 120 });
	for (int64_t now = 130; now < 160; now++)
		schedule_hint(schedule, 0, now);
	assert_takes(schedule, 160, 1);
	assert_takes(schedule, 160, 2);
	assert_takes(schedule, 160, 3);
	assert_takes(schedule, 160, 0);
}

/* One that always has more gets every turn that nobody else is due for. */
static void test_busy_one_fills_the_gaps(void **state)
{
	struct schedule *schedule = *state;
	set_dues(schedule, (const int64_t[SLOTS]){ 0, 55, FAR, FAR });
	for (int64_t now = 0; now < 50; now += 10) {
		assert_takes(schedule, now, 0);
		schedule_give(schedule, 0, now + 10, now + 10);
	}
	assert_takes(schedule, 50, 0);
	schedule_give(schedule, 0, 60, 60);
	assert_takes(schedule, 60, 1);
	schedule_give(schedule, 1, FAR, 70);
	assert_takes(schedule, 70, 0);
}

/* "At once" (0, or any time before now) is not a right to be first for ever:
 * who has just had a turn comes after who has waited. */
static void test_at_once_does_not_starve(void **state)
{
	struct schedule *schedule = *state;
	static const int64_t at_once[] = { 0, 1, 99 };
	int64_t now = 100;
	for (size_t i = 0; i < sizeof(at_once) / sizeof(*at_once); i++) {
		for (size_t slot = 0; slot < SLOTS; slot++) {
			assert_takes(schedule, now, slot);
			now += 10;
			schedule_give(schedule, slot, at_once[i], now);
		}
	}
	assert_int_equal(schedule_next(schedule),
			 now - 10 * (int64_t)SLOTS + 10);
}

/* The same with a hint that came meanwhile. */
static void test_hinted_at_once_does_not_starve(void **state)
{
	struct schedule *schedule = *state;
	set_dues(schedule, (const int64_t[SLOTS]){ 100, 150, FAR, FAR });
	assert_takes(schedule, 200, 0);
	schedule_hint(schedule, 0, 210);
	schedule_give(schedule, 0, 0, 220);
	assert_takes(schedule, 220, 1);
	assert_takes(schedule, 220, 0);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_at_start_all_in_order),
		TEST(test_nothing_due),
		TEST(test_most_overdue_first),
		TEST(test_ties_go_to_the_first),
		TEST(test_running_is_never_taken),
		cmocka_unit_test(test_no_slots),
		TEST(test_hint_brings_forward),
		TEST(test_hint_never_puts_off),
		TEST(test_hint_while_running),
		TEST(test_hint_before_the_turn_is_used_up),
		TEST(test_hint_is_for_one_slot),
		TEST(test_all_busy_take_turns),
		TEST(test_two_workers_share),
		TEST(test_hints_do_not_overtake),
		TEST(test_busy_one_fills_the_gaps),
		TEST(test_at_once_does_not_starve),
		TEST(test_hinted_at_once_does_not_starve),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
