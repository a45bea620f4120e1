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
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/mailbox.h"
#include "agent/retention.h"
#include "agent/turn.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "spool/ledger.h"
#include "spool_box.h"

#define REPORT "letter_COLLECT_20261122070000.ctl"
#define OTHER_ID "20261122065959123456_FFFFFF"

static struct scratch scratch;
static char root[PATH_MAX];
static struct conf conf;
static struct conf_mailbox set;
static struct mailbox *mailbox;
static struct turn turn;
static bool going;
static struct err err;

/* The clock is ours: how far it is ahead of the system's. */
static time_t ahead_s;

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	long r = syscall(SYS_clock_gettime, clock, ret);
	if (r == 0 && clock == CLOCK_REALTIME)
		ret->tv_sec += ahead_s;
	return (int)r;
}

static bool go_on(void *ctx)
{
	(void)ctx;
	return going;
}

/* Everything that is settled goes, and the service has just been asked. */
static int set_up(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR - 1);
	scratch_make(&scratch);
	scratch_mkdir(&scratch, "state", 0700);
	scratch_path(&scratch, "root", root);
	set = (struct conf_mailbox){
		.id = "X26ABC1",
		.root = root,
		.keep_sent = { .size = 1 },
		.keep_failed = { .size = 1 },
		.keep_in = { .size = 1 },
	};
	AUTO_CLOSE int dirfd = openat(scratch.fd, "state",
				      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dirfd >= 0);
	err_clear(&err);
	if (mailbox_open(&conf, &set, dirfd, &mailbox, &err) < 0)
		fail_msg("%s", err.text);
	mailbox->now.last_contact_ns = clock_wall_ns();
	retention_hurry(mailbox->retention, clock_mono_ns());
	going = true;
	ahead_s = 0;
	turn = (struct turn){
		.conf = &conf,
		.mailbox = mailbox,
		.go_on = go_on,
	};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	mailbox = mailbox_close(mailbox);
	scratch_remove(&scratch);
	return 0;
}

static void put_sent(const char *stem)
{
	char name[TEXT_NAME_SIZE];
	(void)snprintf(name, sizeof(name), "%s.dat", stem);
	box_put(mailbox->dir.sent, name, "data");
	(void)snprintf(name, sizeof(name), "%s.ctl", stem);
	box_put(mailbox->dir.sent, name, "control");
}

/* A whole run, idle; how much went. */
static uint64_t run(void)
{
	uint64_t before = mailbox->now.removed;
	unsigned turns = 0;
	while (retention_run(&turn, true))
		assert_true(turns++ < 100);
	return mailbox->now.removed - before;
}

static uint64_t run_again(void)
{
	retention_hurry(mailbox->retention, clock_mono_ns());
	return run();
}

/* --- when --- */

static void test_when(void **state)
{
	(void)state;
	put_sent("a");
	mailbox->now.last_contact_ns = 0;
	assert_int_equal(run(), 0); /* no word of the service on our clock */
	mailbox->now.last_contact_ns = clock_wall_ns();
	assert_false(retention_run(&turn, false));
	assert_int_equal(box_count(mailbox->dir.sent), 2);
	assert_int_equal(run(), 1);
	put_sent("b");
	assert_int_equal(run(), 0); /* not again for an hour */
	retention_hurry(mailbox->retention,
			clock_mono_ns() - 3599 * CLOCK_SECOND);
	assert_false(retention_run(&turn, false));
	assert_int_equal(box_count(mailbox->dir.sent), 2);
	retention_hurry(mailbox->retention,
			clock_mono_ns() - 3600 * CLOCK_SECOND);
	while (retention_run(&turn, false))
		continue;
	assert_int_equal(box_count(mailbox->dir.sent), 0);
}

static void test_after_start(void **state)
{
	(void)state;
	put_sent("a");
	mailbox->retention = retention_free(mailbox->retention);
	mailbox->retention = retention_new(clock_mono_ns());
	assert_int_equal(run(), 0);
	mailbox->retention = retention_free(mailbox->retention);
	mailbox->retention = retention_new(clock_mono_ns() -
					   301 * CLOCK_SECOND);
	assert_int_equal(run(), 1);
}

/* A clock that was set says nothing until the service has seen it. */
static void test_clock_that_was_set(void **state)
{
	(void)state;
	set.keep_sent = (struct conf_retention){
		.age_ns = 30 * 86400 * CLOCK_SECOND,
	};
	put_sent("a");
	assert_int_equal(run(), 0);
	ahead_s = 31 * 86400;
	assert_int_equal(run_again(), 0);
	assert_int_equal(box_count(mailbox->dir.sent), 2);
	ahead_s = -31 * 86400;
	assert_int_equal(run_again(), 0);
	ahead_s = 31 * 86400;
	mailbox->now.last_contact_ns = clock_wall_ns();
	assert_int_equal(run_again(), 1);
	/* a correction is no setting */
	put_sent("b");
	ahead_s += 30 * 86400;
	mailbox->now.last_contact_ns = clock_wall_ns();
	assert_int_equal(run_again(), 1);
	put_sent("c");
	ahead_s -= 300;
	assert_int_equal(run_again(), 1);
}

static void test_off(void **state)
{
	(void)state;
	put_sent("a");
	box_put(mailbox->dir.failed, "b.dat", "data");
	set.keep_sent.size = 0;
	set.keep_in.size = 0;
	assert_int_equal(run(), 1);
	assert_int_equal(box_count(mailbox->dir.sent), 2);
	assert_int_equal(box_count(mailbox->dir.failed), 0);
	set.keep_failed.size = 0;
	box_put(mailbox->dir.failed, "b.dat", "data");
	assert_int_equal(run_again(), 0);
	assert_int_equal(box_count(mailbox->dir.failed), 1);
}

static void test_bounded(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1500; i++) {
		char name[TEXT_NAME_SIZE];
		(void)snprintf(name, sizeof(name), "n%u.dat", i);
		box_put(mailbox->dir.sent, name, "data");
	}
	assert_true(retention_run(&turn, true));
	size_t left = box_count(mailbox->dir.sent);
	assert_true(left >= 500 && left < 1500);
	going = false;
	assert_true(retention_run(&turn, true));
	assert_int_equal(box_count(mailbox->dir.sent), left);
	retention_cancel(mailbox->retention);
	assert_int_equal(box_count(mailbox->dir.sent), left);
	going = true;
	assert_int_equal(run_again(), left);
}

/* --- what is under way --- */

static struct outgoing *add_job(void)
{
	struct job job;
	job_init(&job);
	SET(job.id, BOX_JOB);
	SET(job.ctl_name, "own.ctl");
	SET(job.dat_name, "own.dat");
	assert_int_equal(job_create(&job, &mailbox->dir, BOX_NOW, &err), 0);
	SET(job.archive_stem, "archived");
	SET(job.collect_name, REPORT);
	return mailbox_add_job(mailbox, &job);
}

static void test_jobs(void **state)
{
	(void)state;
	struct outgoing *out = add_job();
	put_sent("own");
	put_sent("archived");
	put_sent("archived~" BOX_JOB);
	put_sent("archived~20261122070000000-ffffffff");
	put_sent("other");
	assert_int_equal(run(), 2);
	assert_int_equal(box_count(mailbox->dir.sent), 6);
	assert_int_equal(job_finish(&out->job, &mailbox->dir, &err), 0);
	mailbox_drop_job(mailbox, out);
	assert_int_equal(run_again(), 3);
}

static void test_records_that_nobody_read(void **state)
{
	(void)state;
	put_sent("a");
	mailbox->damaged = 1;
	assert_int_equal(run(), 0);
	mailbox_view_publish(mailbox);
	assert_non_null(strstr(mailbox->now.trouble, "cannot be read"));
	mailbox->damaged = 0;
	box_put(mailbox->dir.jobs, BOX_JOB ".job", "damaged");
	assert_int_equal(run_again(), 0);
	assert_int_equal(unlinkat(mailbox->dir.jobs, BOX_JOB ".job", 0), 0);
	assert_int_equal(run_again(), 1);
	mailbox_view_publish(mailbox);
	assert_string_equal(mailbox->now.trouble, "");
}

/* --- IN --- */

static void put_taken(int dirfd, const char *name)
{
	box_put(dirfd, name, "text");
	assert_true(box_read_later(dirfd, name));
}

static void deliver(const char *id)
{
	assert_int_equal(ledger_add_delivered(mailbox->ledger, id, 4, false,
					      clock_wall_ns(), &err),
			 0);
}

static void test_in(void **state)
{
	(void)state;
	int in = mailbox->dir.in;
	if (!box_keeps_atime(mailbox->dir.in))
		skip();
	put_taken(in, BOX_MESSAGE ".dat");
	put_taken(in, BOX_MESSAGE ".ctl");
	put_taken(in, "foreign.dat");
	put_taken(in, "foreign.ctl");
	box_put(in, OTHER_ID ".dat", "unread");
	deliver(OTHER_ID);
	assert_int_equal(run(), 0);
	deliver(BOX_MESSAGE);
	box_put(mailbox->dir.inbound, BOX_MESSAGE DELIVERY_SUFFIX, "x");
	assert_int_equal(run_again(), 0);
	assert_int_equal(unlinkat(mailbox->dir.inbound,
				  BOX_MESSAGE DELIVERY_SUFFIX, 0),
			 0);
	assert_int_equal(run_again(), 1);
	assert_int_equal(box_count(in), 3);
}

static void test_reports(void **state)
{
	(void)state;
	if (!box_keeps_atime(mailbox->dir.in))
		skip();
	struct outgoing *out = add_job();
	put_taken(mailbox->dir.in, REPORT);
	assert_int_equal(run(), 0);
	assert_int_equal(job_finish(&out->job, &mailbox->dir, &err), 0);
	mailbox_drop_job(mailbox, out);
	assert_int_equal(run_again(), 1);
	assert_int_equal(box_count(mailbox->dir.in), 0);
}

static void test_deliveries(void **state)
{
	(void)state;
	if (!box_keeps_atime(mailbox->dir.in))
		skip();
	struct conf_delivery deliveries[] = {
		{ .folder = (char[]){ "missing" } },
		{ .folder = (char[]){ "lab" } },
		{ .folder = (char[]){ "LAB" } },
	};
	set.deliveries = deliveries;
	set.delivery_count = 3;
	AUTO_CLOSE int lab = -1;
	assert_int_equal(boxdir_open_folder(&mailbox->dir, "lab", true, &lab,
					    &err),
			 0);
	put_taken(lab, BOX_MESSAGE ".dat");
	put_taken(lab, BOX_MESSAGE ".ctl");
	put_taken(lab, "foreign.dat");
	deliver(BOX_MESSAGE);
	size_t open = scratch_count_fds();
	assert_int_equal(run(), 1);
	assert_int_equal(scratch_count_fds(), open);
	assert_int_equal(box_count(lab), 1);
	assert_false(box_has(mailbox->dir.base, "missing"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_when),
		TEST(test_after_start),
		TEST(test_clock_that_was_set),
		TEST(test_off),
		TEST(test_bounded),
		TEST(test_jobs),
		TEST(test_records_that_nobody_read),
		TEST(test_in),
		TEST(test_reports),
		TEST(test_deliveries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
