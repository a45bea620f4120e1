/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/text.h"
#include "spool/job.h"
#include "spool/pair.h"
#include "spool_box.h"

static struct spool_box box;
static struct job job;
static struct err err;

static int set_up(void **state)
{
	(void)state;
	spool_box_make(&box);
	box_put(box.box.out, "a.ctl", "control");
	box_put(box.box.out, "a.dat", "payload");
	job_init(&job);
	(void)text_copy(job.id, sizeof(job.id), BOX_JOB);
	(void)text_copy(job.ctl_name, sizeof(job.ctl_name), "a.ctl");
	(void)text_copy(job.dat_name, sizeof(job.dat_name), "a.dat");
	box_identity(box.box.out, "a.ctl", &job.ctl);
	box_identity(box.box.out, "a.dat", &job.dat);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	job_release(&job);
	spool_box_remove(&box);
	return 0;
}

static void keep_both_names(const char *name, const char *temp)
{
	assert_int_equal(linkat(box.box.out, name, box.box.temp, temp, 0), 0);
}

/* After a power cut btrfs may have both names of a file: TEMP was synced, OUT
 * was not. It is one file, and its name in OUT goes. */
static void test_both_names(void **state)
{
	(void)state;
	keep_both_names("a.ctl", BOX_JOB ".ctl");
	keep_both_names("a.dat", BOX_JOB ".dat");
	assert_int_equal(pair_claim(&box.box, &job, &err), 0);
	assert_int_equal(box_count(box.box.out), 0);
	box_expect(box.box.temp, BOX_JOB ".ctl", "control");
	box_expect(box.box.temp, BOX_JOB ".dat", "payload");
}

/* Somebody dropped the next pair by the same names: it is another one. */
static void test_next_pair(void **state)
{
	(void)state;
	assert_int_equal(pair_claim(&box.box, &job, &err), 0);
	box_put(box.box.out, "a.ctl", "next control");
	box_put(box.box.out, "a.dat", "next payload");
	assert_int_equal(pair_claim(&box.box, &job, &err), 0);
	box_expect(box.box.out, "a.ctl", "next control");
	box_expect(box.box.out, "a.dat", "next payload");
	box_expect(box.box.temp, BOX_JOB ".dat", "payload");
}

/* Only when nothing was moved, a claim may be given up. */
static void test_untouched(void **state)
{
	(void)state;
	assert_true(pair_is_untouched(&box.box, &job));
	box_put(box.box.temp, BOX_JOB ".dat", "payload");
	assert_false(pair_is_untouched(&box.box, &job));
	assert_int_equal(unlinkat(box.box.temp, BOX_JOB ".dat", 0), 0);
	box_put(box.box.temp, BOX_JOB ".ctl", "control");
	assert_false(pair_is_untouched(&box.box, &job));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_both_names, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_next_pair, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_untouched, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
