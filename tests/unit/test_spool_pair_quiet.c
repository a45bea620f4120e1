/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The claimed data file of an upload: changes that leave size and mtime alone.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
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
	box_put(box.box.out, "a.ctl", "<DTSControl/>");
	box_put(box.box.out, "a.dat", "payload");
	job_init(&job);
	SET(job.id, BOX_JOB);
	SET(job.ctl_name, "a.ctl");
	SET(job.dat_name, "a.dat");
	box_identity(box.box.out, "a.ctl", &job.ctl);
	box_identity(box.box.out, "a.dat", &job.dat);
	err_clear(&err);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	job_release(&job);
	spool_box_remove(&box);
	return 0;
}

/* Other content of the same size, with mtime as it was: only ctime knows. The
 * clock behind it is a coarse one. */
static void overwrite_quietly(const char *name, const char *text)
{
	AUTO_CLOSE int fd = openat(box.box.temp, name, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	struct stat before;
	struct stat now;
	assert_int_equal(fstat(fd, &before), 0);
	const struct timespec times[] = { before.st_atim, before.st_mtim };
	ssize_t len = (ssize_t)strlen(text);
	do {
		assert_int_equal(pwrite(fd, text, (size_t)len, 0), len);
		assert_int_equal(futimens(fd, times), 0);
		assert_int_equal(fstat(fd, &now), 0);
	} while (now.st_ctim.tv_sec == before.st_ctim.tv_sec &&
		 now.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
	struct scan_identity was;
	struct scan_identity is;
	pair_identity(&before, &was);
	pair_identity(&now, &is);
	assert_true(pair_same(&was, &is));
}

/* What happens before the first byte is read makes no mixture. */
static void test_quiet_before_upload(void **state)
{
	(void)state;
	assert_int_equal(pair_claim(&box.box, &job, &err), 0);
	AUTO_CLOSE int first = -1;
	assert_int_equal(pair_begin_data(&box.box, &job, &first, &err), 0);
	overwrite_quietly(BOX_JOB ".dat", "PAYLOAD");
	AUTO_CLOSE int second = -1;
	assert_int_equal(pair_begin_data(&box.box, &job, &second, &err), 0);
	assert_int_equal(pair_still_same(second, &job, &err), 0);
}

static void test_quiet_in_upload(void **state)
{
	(void)state;
	assert_int_equal(pair_claim(&box.box, &job, &err), 0);
	AUTO_CLOSE int fd = -1;
	assert_int_equal(pair_begin_data(&box.box, &job, &fd, &err), 0);
	AUTO_CLOSE int again = -1;
	assert_int_equal(pair_open_data(&box.box, &job, &again, &err), 0);
	overwrite_quietly(BOX_JOB ".dat", "PAYLOAD");
	assert_int_equal(pair_still_same(fd, &job, &err), -ERR_CHANGED);
	int other = -1;
	assert_int_equal(pair_open_data(&box.box, &job, &other, &err),
			 -ERR_CHANGED);
	/* a record of an earlier version has no ctime */
	job.dat_ctime_ns = 0;
	assert_int_equal(pair_still_same(fd, &job, &err), 0);
}

static void test_nothing_to_begin(void **state)
{
	(void)state;
	int fd = -1;
	job.dat_ctime_ns = 5;
	assert_int_equal(pair_begin_data(&box.box, &job, &fd, &err),
			 -ERR_MISSING);
	assert_true(job.dat_ctime_ns == 0);
	*job.dat_name = '\0';
	assert_int_equal(pair_begin_data(&box.box, &job, &fd, &err),
			 -ERR_MISSING);
	assert_int_equal(fd, -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_quiet_before_upload),
		TEST(test_quiet_in_upload),
		TEST(test_nothing_to_begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
