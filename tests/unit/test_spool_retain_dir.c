/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "spool/retain.h"
#include "spool_box.h"

#define HOUR (3600 * CLOCK_SECOND)
#define ID "20261122065959123456_0A1B2C"

static struct spool_box box;
static struct err err;

static int set_up(void **state)
{
	(void)state;
	spool_box_make(&box);
	err_clear(&err);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	spool_box_remove(&box);
	return 0;
}

static bool settled(void *ctx, const char *stem, bool report)
{
	const char *const *busy = ctx;
	return report || !*busy || strcmp(stem, *busy) != 0;
}

static const char *busy;

/* Times of files cannot be set back, but the clock is ours. */
static struct retain *start(int dirfd, enum retain_kind kind, int64_t ahead_ns)
{
	const struct retain_rules rules = {
		.kind = kind,
		.age_ns = HOUR,
		.wall_ns = (int64_t)time(NULL) * CLOCK_SECOND + ahead_ns,
		.settled = settled,
		.ctx = &busy,
	};
	return retain_new(dirfd, &rules);
}

/* Until it is done; the number of steps. */
static unsigned go_on(struct retain *retain, struct retain_count *count)
{
	unsigned steps = 0;
	bool done = false;
	for (; !done; steps++)
		if (retain_step(retain, count, &done, &err) < 0)
			fail_msg("%s", err.text);
	return steps;
}

static uint64_t run(int dirfd, enum retain_kind kind, int64_t ahead_ns)
{
	struct retain_count count = { .groups = 0 };
	struct retain *retain = start(dirfd, kind, ahead_ns);
	(void)go_on(retain, &count);
	assert_null(retain_free(retain));
	return count.groups;
}

static void put_pair(const char *stem)
{
	char name[TEXT_NAME_SIZE];
	(void)snprintf(name, sizeof(name), "%s.dat", stem);
	box_put(box.box.sent, name, "data");
	(void)snprintf(name, sizeof(name), "%s.ctl", stem);
	box_put(box.box.sent, name, "control");
}

/* --- SENT --- */

static void test_age(void **state)
{
	(void)state;
	int sent = box.box.sent;
	busy = "busy";
	put_pair("a");
	put_pair("busy");
	box_put(sent, "a.zip", "x");
	box_put(sent, ".a.ctl", "x");
	box_put(box.box.failed, "b.dat", "outside");
	assert_int_equal(symlinkat("../FAILED/b.dat", sent, "b.dat"), 0);
	assert_int_equal(mkdirat(sent, "c.dat", 0700), 0);
	box_put(sent, "d.dat", "x");
	assert_int_equal(linkat(sent, "d.dat", sent, "e", 0), 0);

	assert_int_equal(run(sent, RETAIN_ARCHIVE, HOUR / 2), 0);
	assert_int_equal(run(sent, RETAIN_ARCHIVE, -48 * HOUR), 0);
	assert_int_equal(run(sent, RETAIN_ARCHIVE, 2 * HOUR), 1);
	assert_false(box_has(sent, "a.ctl"));
	assert_false(box_has(sent, "a.dat"));
	static const char *const kept[] = { "busy.ctl", "busy.dat", "a.zip",
					    ".a.ctl",	"b.dat",    "c.dat",
					    "d.dat",	"e" };
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		assert_true(box_has(sent, kept[i]));
	box_expect(box.box.failed, "b.dat", "outside");
	busy = NULL;
	assert_int_equal(run(sent, RETAIN_ARCHIVE, 2 * HOUR), 1);
	assert_int_equal(run(sent, RETAIN_ARCHIVE, 2 * HOUR), 0);
}

static void test_many_take_steps(void **state)
{
	(void)state;
	char stem[TEXT_NAME_SIZE];
	busy = NULL;
	for (unsigned i = 0; i < 2 * RETAIN_REMOVALS + 1; i++) {
		(void)snprintf(stem, sizeof(stem), "n%u", i);
		put_pair(stem);
	}
	struct retain_count count = { .groups = 0 };
	struct retain *retain = start(box.box.sent, RETAIN_ARCHIVE, 2 * HOUR);
	bool done = true;
	assert_int_equal(retain_step(retain, &count, &done, &err), 0);
	assert_false(done); /* it has looked */
	assert_int_equal(count.groups, 0);
	assert_int_equal(retain_step(retain, &count, &done, &err), 0);
	assert_false(done);
	assert_int_equal(count.groups, RETAIN_REMOVALS);
	/* what changed since it was chosen stays, and so does what is new */
	assert_int_equal(fchmodat(box.box.sent, "n200.ctl", 0600, 0), 0);
	put_pair("new");
	(void)go_on(retain, &count);
	assert_null(retain_free(retain));
	assert_int_equal(count.groups, 2 * RETAIN_REMOVALS);
	assert_int_equal(count.bytes, count.groups * strlen("datacontrol"));
	assert_int_equal(box_count(box.box.sent), 4);
	assert_true(box_has(box.box.sent, "n200.dat"));
}

static void test_abandoned(void **state)
{
	(void)state;
	put_pair("a");
	struct retain *retain = start(box.box.sent, RETAIN_ARCHIVE, 2 * HOUR);
	assert_null(retain_free(retain));
	assert_null(retain_free(NULL));
	struct retain_count count = { .groups = 0 };
	bool done;
	retain = start(box.box.sent, RETAIN_ARCHIVE, 2 * HOUR);
	assert_int_equal(retain_step(retain, &count, &done, &err), 0);
	assert_null(retain_free(retain));
	assert_int_equal(box_count(box.box.sent), 2);
}

static void test_no_folder(void **state)
{
	(void)state;
	struct retain_count count = { .groups = 0 };
	struct retain *retain = start(-1, RETAIN_ARCHIVE, 0);
	bool done;
	assert_true(retain_step(retain, &count, &done, &err) < 0);
	assert_null(retain_free(retain));
}

/* --- a death at each step --- */

static void set_up_pairs(struct spool_box *told)
{
	box = *told;
	put_pair("a");
	put_pair("b");
	box_put(told->box.sent, "b.ctl.original", "odd");
}

static void between(struct spool_box *told)
{
	static const char *const stems[] = { "a", "b" };
	for (size_t i = 0; i < 2; i++) {
		char name[TEXT_NAME_SIZE];
		(void)snprintf(name, sizeof(name), "%s.ctl", stems[i]);
		bool ctl = box_has(told->box.sent, name);
		(void)snprintf(name, sizeof(name), "%s.dat", stems[i]);
		assert_true(!ctl || box_has(told->box.sent, name));
	}
}

static int remove_all(struct spool_box *told, struct err *why)
{
	struct retain_count count = { .groups = 0 };
	busy = NULL;
	struct retain *retain = start(told->box.sent, RETAIN_ARCHIVE, 2 * HOUR);
	bool done = false;
	int r = 0;
	while (r == 0 && !done)
		r = retain_step(retain, &count, &done, why);
	(void)retain_free(retain);
	return r;
}

static void check_gone(struct spool_box *told)
{
	assert_int_equal(box_count(told->box.sent), 0);
}

static void test_deaths(void **state)
{
	(void)state;
	const struct spool_story story = {
		.set_up = set_up_pairs,
		.run = remove_all,
		.between = between,
		.check = check_gone,
	};
	assert_true(spool_story_tell(&story) > 5);
}

/* --- IN --- */

static void read_it(int dirfd, const char *name)
{
	assert_true(box_read_later(dirfd, name));
}

static void skip_without_atime(void)
{
	if (!box_keeps_atime(box.box.in))
		skip();
}

static void test_taken(void **state)
{
	(void)state;
	skip_without_atime();
	int in = box.box.in;
	busy = NULL;
	box_put(in, ID ".dat", "data");
	box_put(in, ID ".ctl", "control");
	assert_int_equal(run(in, RETAIN_IN, 2 * HOUR), 0);
	read_it(in, ID ".ctl");
	assert_int_equal(run(in, RETAIN_IN, 2 * HOUR), 0);
	read_it(in, ID ".dat");
	/* our own look has not changed that */
	assert_int_equal(run(in, RETAIN_IN, HOUR / 2), 0);
	assert_int_equal(run(in, RETAIN_IN, 2 * HOUR), 1);
	assert_int_equal(box_count(in), 0);
}

static void test_empty_data(void **state)
{
	(void)state;
	skip_without_atime();
	busy = NULL;
	box_put(box.box.in, ID ".dat", "");
	assert_int_equal(run(box.box.in, RETAIN_IN, 2 * HOUR), 0);
	read_it(box.box.in, ID ".dat");
	assert_int_equal(run(box.box.in, RETAIN_IN, 2 * HOUR), 1);
}

static void test_renamed_in_is_unread(void **state)
{
	(void)state;
	skip_without_atime();
	busy = NULL;
	box_put(box.box.temp, "part", "data");
	read_it(box.box.temp, "part");
	assert_int_equal(renameat(box.box.temp, "part", box.box.in, ID ".dat"),
			 0);
	assert_false(box_is_read(box.box.in, ID ".dat"));
	assert_int_equal(run(box.box.in, RETAIN_IN, 2 * HOUR), 0);
}

static void test_second_name(void **state)
{
	(void)state;
	skip_without_atime();
	int in = box.box.in;
	busy = NULL;
	box_put(in, ID ".dat", "data");
	assert_int_equal(linkat(in, ID ".dat", in, "letter.pdf", 0), 0);
	box_put(in, ID ".ctl", "control");
	read_it(in, "letter.pdf");
	read_it(in, ID ".ctl");
	assert_int_equal(linkat(in, "letter.pdf", box.box.out, "kept", 0), 0);
	read_it(in, "letter.pdf");
	assert_int_equal(run(in, RETAIN_IN, 2 * HOUR), 0);
	assert_int_equal(unlinkat(box.box.out, "kept", 0), 0);
	read_it(in, "letter.pdf");
	assert_int_equal(run(in, RETAIN_IN, 2 * HOUR), 1);
	assert_int_equal(box_count(in), 0);
}

static void test_read_again_meanwhile(void **state)
{
	(void)state;
	skip_without_atime();
	int in = box.box.in;
	busy = NULL;
	box_put(in, ID ".dat", "data");
	read_it(in, ID ".dat");
	struct retain_count count = { .groups = 0 };
	struct retain *retain = start(in, RETAIN_IN, 2 * HOUR);
	bool done;
	assert_int_equal(retain_step(retain, &count, &done, &err), 0);
	/* relatime would hide a second reading so soon */
	struct timespec times[2] = { { .tv_nsec = UTIME_NOW },
				     { .tv_nsec = UTIME_OMIT } };
	assert_int_equal(utimensat(in, ID ".dat", times, 0), 0);
	(void)go_on(retain, &count);
	assert_null(retain_free(retain));
	assert_int_equal(count.groups, 0);
	assert_true(box_has(in, ID ".dat"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_age, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_take_steps, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_abandoned, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_no_folder, set_up,
						tear_down),
		cmocka_unit_test(test_deaths),
		cmocka_unit_test_setup_teardown(test_taken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_empty_data, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_renamed_in_is_unread,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_second_name, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_read_again_meanwhile,
						set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
