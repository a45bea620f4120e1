/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "spool/ctl.h"
#include "spool/delivery.h"
#include "spool/job.h"
#include "spool/sweep.h"
#include "spool_box.h"

#define DAY (INT64_C(86400) * INT64_C(1000000000))

static struct spool_box box;
static struct err err;
static size_t removed;
static size_t returned;

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

/* As if the files were put there two days ago: their times cannot be set
 * back, but the clock is ours. */
static void sweep_at(int64_t days)
{
	if (sweep_temp(&box.box, (int64_t)time(NULL) * 1000000000 + days * DAY,
		       DAY, &removed, &returned, &err) < 0)
		fail_msg("%s", err.text);
}

static void put_message_ctl(const char *name, const char *message_id)
{
	struct ctl ctl;
	box_ctl(&ctl, message_id);
	AUTO_BUF struct buf text;
	buf_init(&text, 10000);
	ctl_write(&ctl, &text);
	ctl_release(&ctl);
	box_put(box.box.temp, name, text.data);
}

static const char *const ours[] = {
	BOX_JOB ".new",		  BOX_JOB ".report",
	BOX_JOB ".collect",	  BOX_JOB ".route",
	BOX_MESSAGE ".part",	  BOX_MESSAGE ".second",
	"." BOX_JOB ".new.new",	  "." BOX_JOB ".report.new",
	"." BOX_JOB ".route.new", "." BOX_MESSAGE ".ctl.new",
};
#define OURS (sizeof(ours) / sizeof(*ours))

static void put_ours(void)
{
	for (size_t i = 0; i < OURS; i++)
		box_put(box.box.temp, ours[i], "x");
	put_message_ctl(BOX_MESSAGE ".ctl", BOX_MESSAGE);
}

static bool all_there(void)
{
	bool all = box_has(box.box.temp, BOX_MESSAGE ".ctl");
	for (size_t i = 0; i < OURS; i++)
		all = all && box_has(box.box.temp, ours[i]);
	return all;
}

static void test_old_leftovers(void **state)
{
	(void)state;
	put_ours();
	sweep_at(0);
	assert_int_equal(removed, 0);
	assert_true(all_there());
	sweep_at(2);
	assert_int_equal(removed, OURS + 1);
	assert_int_equal(returned, 0);
	for (size_t i = 0; i < OURS; i++)
		assert_false(box_has(box.box.temp, ours[i]));
	assert_int_equal(box_count(box.box.temp), 0);
	sweep_at(2);
	assert_int_equal(removed, 0);
}

static void test_with_record(void **state)
{
	(void)state;
	put_ours();
	box_put(box.box.temp, BOX_JOB ".ctl", "control");
	box_put(box.box.temp, BOX_JOB ".dat", "data");
	/* a damaged record is one too */
	box_put(box.box.jobs, BOX_JOB JOB_SUFFIX, "damaged");
	box_put(box.box.inbound, BOX_MESSAGE DELIVERY_SUFFIX, "damaged");
	sweep_at(2);
	assert_int_equal(removed, 0);
	assert_int_equal(returned, 0);
	assert_true(all_there());
	box_expect(box.box.temp, BOX_JOB ".dat", "data");
}

static void test_folders_stay(void **state)
{
	(void)state;
	static const char *const names[] = { BOX_JOB ".ctl", BOX_JOB ".dat",
					     BOX_JOB ".new",
					     BOX_MESSAGE ".part" };
	const size_t count = sizeof(names) / sizeof(*names);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(mkdirat(box.box.temp, names[i], 0700), 0);
	sweep_at(2);
	assert_int_equal(removed, 0);
	assert_int_equal(returned, 0);
	assert_int_equal(box_count(box.box.temp), count);
	assert_int_equal(box_count(box.box.out), 0);
}

static void test_foreign(void **state)
{
	(void)state;
	static const char *const foreign[] = {
		"invoice.part.old", "a.dat",	"notes",
		".hidden",	    "a b.part", BOX_JOB ".old",
		BOX_JOB "x.dat",    ".new",	BOX_JOB ".ctl.new",
	};
	const size_t count = sizeof(foreign) / sizeof(*foreign);
	for (size_t i = 0; i < count; i++)
		box_put(box.box.temp, foreign[i], "x");
	put_message_ctl("invoice.ctl", "ANOTHER");
	box_put(box.box.temp, "broken.ctl", "no control file");
	assert_int_equal(mkdirat(box.box.temp, BOX_MESSAGE ".part", 0700), 0);
	sweep_at(2);
	assert_int_equal(removed, 0);
	assert_int_equal(returned, 0);
	for (size_t i = 0; i < count; i++)
		assert_true(box_has(box.box.temp, foreign[i]));
	assert_true(box_has(box.box.temp, "invoice.ctl"));
	assert_true(box_has(box.box.temp, "broken.ctl"));
}

static void test_pair_without_record(void **state)
{
	(void)state;
	box_put(box.box.temp, BOX_JOB ".ctl", "control");
	box_put(box.box.temp, BOX_JOB ".dat", "data");
	sweep_at(0); /* at once: it has waited long enough */
	assert_int_equal(returned, 2);
	assert_int_equal(removed, 0);
	box_expect(box.box.out, BOX_JOB ".ctl", "control");
	box_expect(box.box.out, BOX_JOB ".dat", "data");
	assert_int_equal(box_count(box.box.temp), 0);
}

/* A death between the two does not part them. */
static void test_pair_half_returned(void **state)
{
	(void)state;
	box_put(box.box.out, BOX_JOB ".dat", "data");
	box_put(box.box.temp, BOX_JOB ".ctl", "control");
	sweep_at(0);
	box_expect(box.box.out, BOX_JOB ".ctl", "control");
	box_expect(box.box.out, BOX_JOB ".dat", "data");
}

static void test_return_name_taken(void **state)
{
	(void)state;
	box_put(box.box.out, BOX_JOB ".ctl", "a stranger's");
	box_put(box.box.temp, BOX_JOB ".ctl", "control");
	sweep_at(0);
	assert_int_equal(returned, 1);
	box_expect(box.box.out, BOX_JOB ".ctl", "a stranger's");
	box_expect(box.box.out, BOX_JOB "~1.ctl", "control");
}

static void put_story(struct spool_box *to)
{
	box_put(to->box.temp, BOX_JOB ".ctl", "control");
	box_put(to->box.temp, BOX_JOB ".dat", "data");
	box_put(to->box.temp, BOX_JOB ".new", "rewritten");
}

static int run(struct spool_box *at, struct err *why)
{
	size_t one;
	size_t two;
	return sweep_temp(&at->box, (int64_t)time(NULL) * 1000000000 + 2 * DAY,
			  DAY, &one, &two, why);
}

static void check_end(struct spool_box *at)
{
	assert_int_equal(box_count(at->box.temp), 0);
	assert_int_equal(box_count(at->box.out), 2);
	box_expect(at->box.out, BOX_JOB ".ctl", "control");
	box_expect(at->box.out, BOX_JOB ".dat", "data");
}

static void test_killed_at_each_step(void **state)
{
	(void)state;
	const struct spool_story story = {
		.set_up = put_story,
		.run = run,
		.check = check_end,
	};
	assert_true(spool_story_tell(&story) > 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_old_leftovers),
		TEST(test_with_record),
		TEST(test_folders_stay),
		TEST(test_foreign),
		TEST(test_pair_without_record),
		TEST(test_pair_half_returned),
		TEST(test_return_name_taken),
		cmocka_unit_test(test_killed_at_each_step),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
