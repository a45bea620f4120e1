/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define UNTOUCHED 4711

/* 2026-11-22T07:06:00Z */
#define BASE (INT64_C(1795331160) * CLOCK_SECOND)

struct form_case {
	int64_t ns;
	const char *minute;
	const char *stamp;
	const char *iso;
};

static void test_forms(void **state)
{
	(void)state;
	static const struct form_case cases[] = {
		{ 0, "197001010000", "19700101000000",
		  "1970-01-01T00:00:00.000Z" },
		{ -1, "196912312359", "19691231235959",
		  "1969-12-31T23:59:59.999Z" },
		{ -CLOCK_SECOND, "196912312359", "19691231235959",
		  "1969-12-31T23:59:59.000Z" },
		{ BASE + 123 * CLOCK_MS + 999999, "202611220706",
		  "20261122070600", "2026-11-22T07:06:00.123Z" },
		{ INT64_MAX, "226204112347", "22620411234716",
		  "2262-04-11T23:47:16.854Z" },
		{ INT64_MIN, "167709210012", "16770921001243",
		  "1677-09-21T00:12:43.145Z" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char minute[CLOCK_MINUTE_SIZE];
		char stamp[CLOCK_STAMP_SIZE];
		char iso[CLOCK_ISO_SIZE];
		clock_minute_utc(cases[i].ns, minute);
		clock_stamp_utc(cases[i].ns, stamp);
		clock_iso(cases[i].ns, iso);
		assert_string_equal(minute, cases[i].minute);
		assert_string_equal(stamp, cases[i].stamp);
		assert_string_equal(iso, cases[i].iso);
	}
}

/* A rule in full, so that no table of zones is needed. */
static void test_local(void **state)
{
	(void)state;
	assert_int_equal(setenv("TZ", "GMT0BST,M3.5.0/1,M10.5.0", 1), 0);
	tzset();
	char stamp[CLOCK_STAMP_SIZE];
	clock_stamp_local(BASE, stamp);
	assert_string_equal(stamp, "20261122070600"); /* winter */
	int64_t summer = 0;
	assert_true(clock_parse("20260701120000", &summer));
	clock_stamp_local(summer, stamp);
	assert_string_equal(stamp, "20260701130000");
	clock_stamp_utc(summer, stamp);
	assert_string_equal(stamp, "20260701120000");
}

struct parse_case {
	const char *text;
	int64_t ns;
};

static void test_parse(void **state)
{
	(void)state;
	static const struct parse_case cases[] = {
		{ "20261122070600", BASE },
		{ "19700101000000", 0 },
		{ "2026-11-22T07:06:00", BASE },
		{ "2026-11-22 07:06:00", BASE },
		{ "2026-11-22T07:06:00Z", BASE },
		{ "2026-11-22T07:06:00+00:00", BASE },
		{ "2026-11-22T08:06:00+0100", BASE },
		{ "2026-11-22T08:06:00+01:00", BASE },
		{ "2026-11-22T08:06:00+01", BASE },
		{ "2026-11-22T01:36:00-05:30", BASE },
		{ "2026-11-22T07:06:00.5", BASE + 500 * CLOCK_MS },
		{ "2026-11-22T07:06:00.123Z", BASE + 123 * CLOCK_MS },
		{ "2026-11-22T07:06:00.203279", BASE + 203279000 },
		{ "2026-11-22T07:06:00.123456789987654321+00:00",
		  BASE + 123456789 },
		{ "2026-11-22T07:05:60Z", BASE },
		{ "1970-01-01T00:00:00+01:00", -3600 * CLOCK_SECOND },
		{ "2024-02-29T00:00:00Z", INT64_C(1709164800) * CLOCK_SECOND },
		{ "2000-02-29T00:00:00Z", INT64_C(951782400) * CLOCK_SECOND },
		{ "2261-12-31T23:59:59Z", INT64_C(9214646399) * CLOCK_SECOND },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t ns = UNTOUCHED;
		if (!clock_parse(cases[i].text, &ns) || ns != cases[i].ns)
			fail_msg("'%s' gave %lld", cases[i].text,
				 (long long)ns);
	}
}

static void test_parse_refuses(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",
		"2026",
		"-",
		"2026-",
		"2026112207060",
		"202611220706001",
		"20261122070600Z",
		"20261122070600.5",
		"20261322070600",
		"20261100070600",
		"20261131070600",
		"20261122240000",
		"20261122076000",
		"20261122070661",
		"20260229000000",
		"21000229000000",
		"19691231235959",
		"22620101000000",
		"2026-11-22",
		"2026-11-22T07:06",
		"2026-11-22T07:06:0",
		"2026-11-22T07:06:00.",
		"2026-11-22T07:06:00.Z",
		"2026-11-22T07:06:00z ",
		"2026-11-22T07:06:00Z ",
		" 2026-11-22T07:06:00Z",
		"2026-11-22X07:06:00Z",
		"2026-11-22T07:06:00+",
		"2026-11-22T07:06:00+1",
		"2026-11-22T07:06:00+01:",
		"2026-11-22T07:06:00+01:60",
		"2026-11-22T07:06:00+24:00",
		"2026-11-22T07:06:00+010",
		"2026-11-22T07:06:00Z+01",
		"2026-1122T07:06:00Z",
		"2026-11-22T0706:00Z",
		"+026-11-22T07:06:00Z",
		"Sun, 22 Nov 2026 07:06:00 GMT",
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t ns = UNTOUCHED;
		if (clock_parse(cases[i], &ns))
			fail_msg("'%s' gave %lld", cases[i], (long long)ns);
		assert_true(ns == UNTOUCHED);
	}
}

static void test_parse_reads_what_is_written(void **state)
{
	(void)state;
	for (int64_t ns = 0; ns < INT64_C(9000000000) * CLOCK_SECOND;
	     ns += INT64_C(12345678) * CLOCK_SECOND + 7 * CLOCK_MS) {
		char iso[CLOCK_ISO_SIZE];
		int64_t back = -1;
		clock_iso(ns, iso);
		assert_true(clock_parse(iso, &back));
		assert_true(back == ns);
	}
}

struct backoff_case {
	unsigned failures;
	int64_t first;
	int64_t most;
	int64_t want;
};

static void test_backoff(void **state)
{
	(void)state;
	static const struct backoff_case cases[] = {
		{ 0, 10, 100, 10 },
		{ 1, 10, 100, 20 },
		{ 3, 10, 100, 80 },
		{ 4, 10, 100, 100 },
		{ 4000000000u, 10, 100, 100 },
		{ 0, 200, 100, 100 },
		{ 4000000000u, 0, 100, 0 },
		{ 62, 1, INT64_MAX, INT64_C(1) << 62 },
		{ 63, 1, INT64_MAX, INT64_MAX },
		{ 1, 50, 100, 100 },
		{ 1, 51, 101, 101 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct backoff_case *c = &cases[i];
		int64_t got = clock_backoff_ns(c->failures, c->first, c->most);
		if (got != c->want)
			fail_msg("case %zu gave %lld", i, (long long)got);
	}
}

static void test_clocks(void **state)
{
	(void)state;
	/* later than this file was written, earlier than the types end */
	int64_t written = 0;
	int64_t end = 0;
	assert_true(clock_parse("20240101000000", &written));
	assert_true(clock_parse("22000101000000", &end));
	int64_t wall = clock_wall_ns();
	assert_true(wall > written && wall < end);
	int64_t before = clock_mono_ns();
	assert_true(before >= 0);
	assert_true(clock_mono_ns() >= before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_parse_reads_what_is_written),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_clocks),
	};
	return cmocka_run_group_tests_name("base_clock", tests, NULL, NULL);
}
