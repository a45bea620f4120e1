/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "scratch.h"
#include "spool/boxdir.h"
#include "spool/scan.h"

#define SECOND CLOCK_SECOND
#define START (1000 * SECOND) /* of monotonic time */

/* A folder to scan, and what the last run said. */
struct fixture {
	struct scratch out;
	struct boxdir box;
	struct scan *scan;
	struct scan_rules rules;
	struct scan_result result;
};

static int setup(void **state)
{
	static struct fixture fixture;
	fixture = (struct fixture){ .rules = { .processing_delay_ns = 0 } };
	scratch_make(&fixture.out);
	boxdir_init(&fixture.box);
	fixture.box.out = fixture.out.fd;
	fixture.scan = scan_new();
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	scan_result_release(&f->result);
	f->scan = scan_free(f->scan);
	f->box.out = -1;
	boxdir_release(&f->box);
	scratch_remove(&f->out);
	return 0;
}

static void put(struct fixture *f, const char *name)
{
	scratch_write(&f->out, name, name);
}

static void run(struct fixture *f, int64_t mono_ns)
{
	struct err err;
	scan_result_release(&f->result);
	if (scan_run(f->scan, &f->box, &f->rules, mono_ns, clock_wall_ns(),
		     SIZE_MAX, &f->result, &err) < 0)
		fail_msg("%s", err.text);
}

static void assert_lone(const struct fixture *f, const char *name)
{
	assert_int_equal(f->result.lone_count, name ? 1 : 0);
	assert_int_equal(!f->result.lone, !name);
	if (name)
		assert_string_equal(f->result.lone[0].text, name);
}

static void test_lone_data(void **state)
{
	struct fixture *f = *state;
	f->rules.lone_delay_ns = 60 * SECOND;
	put(f, "a.dat");
	put(f, "b.dat");
	put(f, "b.ctl");
	assert_int_equal(symlinkat("a.dat", f->out.fd, "c.dat"), 0);
	run(f, START);
	assert_lone(f, NULL);
	run(f, START + 60 * SECOND - 1);
	assert_lone(f, NULL);
	run(f, START + 60 * SECOND);
	assert_lone(f, "a.dat");
	assert_int_equal(f->result.count, 1);
	assert_int_equal(f->result.waiting, 2);
	/* until somebody was told */
	run(f, START + 61 * SECOND);
	assert_lone(f, "a.dat");
	scan_told(f->scan, "a.dat");
	scan_told(f->scan, "x.dat");
	run(f, START + 1000 * SECOND);
	assert_lone(f, NULL);
}

static void test_lone_since_the_end_of_a_run(void **state)
{
	struct fixture *f = *state;
	f->rules.lone_delay_ns = 60 * SECOND;
	put(f, "a.dat");
	run(f, START);
	scan_looked(f->scan, START + 5 * SECOND);
	run(f, START + 64 * SECOND);
	assert_lone(f, NULL);
	run(f, START + 65 * SECOND);
	assert_lone(f, "a.dat");
}

static void test_lone_data_that_changes(void **state)
{
	struct fixture *f = *state;
	f->rules.lone_delay_ns = 60 * SECOND;
	put(f, "a.dat");
	run(f, START);
	scratch_write(&f->out, "a.dat", "longer than before");
	run(f, START + 30 * SECOND);
	run(f, START + 60 * SECOND);
	assert_lone(f, NULL);
	run(f, START + 90 * SECOND);
	assert_lone(f, "a.dat");
	scan_told(f->scan, "a.dat");
	/* it grows on: still the same one */
	scratch_write(&f->out, "a.dat", "longer than ever before");
	run(f, START + 100 * SECOND);
	run(f, START + 200 * SECOND);
	assert_lone(f, NULL);
	/* it was a pair in between: what is left is another matter */
	put(f, "a.ctl");
	run(f, START + 201 * SECOND);
	assert_int_equal(unlinkat(f->out.fd, "a.ctl", 0), 0);
	run(f, START + 202 * SECOND);
	run(f, START + 262 * SECOND);
	assert_lone(f, "a.dat");
}

static void test_lone_data_never(void **state)
{
	struct fixture *f = *state;
	put(f, "a.dat");
	run(f, START);
	run(f, START + 1000000 * SECOND);
	assert_lone(f, NULL);
}

static void test_much_lone_data(void **state)
{
	struct fixture *f = *state;
	f->rules.lone_delay_ns = 1;
	for (unsigned i = 0; i < SCAN_LONE_MAX + 10; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "%u.dat", i);
		put(f, name);
	}
	run(f, START);
	run(f, START + 1);
	assert_int_equal(f->result.lone_count, SCAN_LONE_MAX);
	for (size_t i = 0; i < f->result.lone_count; i++)
		scan_told(f->scan, f->result.lone[i].text);
	run(f, START + 2);
	assert_int_equal(f->result.lone_count, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lone_data),
		TEST(test_lone_since_the_end_of_a_run),
		TEST(test_lone_data_that_changes),
		TEST(test_lone_data_never),
		TEST(test_much_lone_data),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
