/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "spool/delivery.h"
#include "spool/job.h"
#include "spool/ledger.h"
#include "spool/verify.h"
#include "spool_box.h"

#define RECORD BOX_JOB JOB_SUFFIX
#define MONTH "2026-11.log"

static struct spool_box box;
static struct job job;
static struct err err;
static struct verify_count count;
static struct buf said;

static int set_up(void **state)
{
	(void)state;
	spool_box_make(&box);
	job_init(&job);
	buf_init(&said, 10000);
	err_clear(&err);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	job_release(&job);
	buf_release(&said);
	spool_box_remove(&box);
	return 0;
}

static void say(void *ctx, const char *text)
{
	assert_ptr_equal(ctx, &said);
	assert_true(buf_printf(&said, "%s\n", text));
}

/* One line for each thing that is wrong. */
static void verify(const char *wanted)
{
	buf_clear(&said);
	if (verify_mailbox(&box.box, say, &said, &count, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(said.data, wanted);
}

/* As many, and each has the text. */
static void verify_says(size_t wanted, const char *text)
{
	buf_clear(&said);
	assert_int_equal(verify_mailbox(&box.box, say, &said, &count, &err), 0);
	size_t lines = 0;
	for (size_t i = 0; i < said.len; i++)
		if (said.data[i] == '\n')
			lines++;
	assert_int_equal(lines, wanted);
	assert_non_null(strstr(said.data, text));
}

/* Changes one byte. */
static void damage(int dirfd, const char *name, size_t at)
{
	size_t len = 0;
	AUTO_FREE char *text = box_read(dirfd, name, &len);
	assert_true(at < len);
	text[at] ^= 1;
	box_put_bytes(dirfd, name, text, len);
}

/* --- jobs --- */

static void make_job(void)
{
	SET(job.id, BOX_JOB);
	SET(job.ctl_name, "a.ctl");
	SET(job.dat_name, "a.dat");
	assert_int_equal(job_create(&job, &box.box, BOX_NOW, &err), 0);
	box_put(box.box.temp, BOX_JOB ".ctl", "control");
	box_put(box.box.temp, BOX_JOB ".dat", "data");
}

static void move(enum job_state to)
{
	assert_int_equal(job_move(&job, to, BOX_NOW, &err), 0);
}

static void take(int dirfd, const char *name)
{
	assert_int_equal(unlinkat(dirfd, name, 0), 0);
}

static void test_empty(void **state)
{
	(void)state;
	verify("");
	assert_int_equal(count.jobs, 0);
	assert_int_equal(count.deliveries, 0);
	assert_int_equal(count.ledger_lines, 0);
}

static void test_good_job(void **state)
{
	(void)state;
	make_job();
	verify("");
	move(JOB_OPENING);
	verify("");
	assert_int_equal(count.jobs, 1);
}

static void test_claim_under_way(void **state)
{
	(void)state;
	make_job();
	take(box.box.temp, BOX_JOB ".ctl");
	box_put(box.box.out, "a.ctl", "control");
	verify("");
	take(box.box.out, "a.ctl");
	verify("job " BOX_JOB " is CLAIMED, but 'a.ctl' is neither in OUT nor "
	       "in TEMP\n");
}

static void test_claim_of_a_route(void **state)
{
	(void)state;
	AUTO_CLOSE int folder = -1;
	assert_int_equal(boxdir_open_folder(&box.box, "letters", true, &folder,
					    &err),
			 0);
	SET(job.route, "letters");
	make_job();
	verify("");
	take(box.box.temp, BOX_JOB ".dat");
	take(box.box.temp, BOX_JOB ".ctl");
	box_put(folder, "a.dat", "data");
	box_put(box.box.temp, BOX_JOB ".route", "control");
	verify("");
	take(folder, "a.dat");
	take(box.box.temp, BOX_JOB ".route");
	verify("job " BOX_JOB " is CLAIMED, but 'a.dat' is neither in letters "
	       "nor in TEMP\n"
	       "job " BOX_JOB " is CLAIMED, but neither TEMP/" BOX_JOB
	       ".ctl nor TEMP/" BOX_JOB ".route is there\n");
}

static void test_missing_pair(void **state)
{
	(void)state;
	make_job();
	move(JOB_DEFERRED);
	take(box.box.temp, BOX_JOB ".dat");
	verify("job " BOX_JOB " is DEFERRED, but TEMP/" BOX_JOB
	       ".dat is missing\n");
	take(box.box.temp, BOX_JOB ".ctl");
	verify("job " BOX_JOB " is DEFERRED, but TEMP/" BOX_JOB
	       ".ctl is missing\n"
	       "job " BOX_JOB " is DEFERRED, but TEMP/" BOX_JOB
	       ".dat is missing\n");
}

static void test_pair_on_its_way_out(void **state)
{
	(void)state;
	make_job();
	move(JOB_REJECTED);
	move(JOB_ARCHIVING);
	take(box.box.temp, BOX_JOB ".dat");
	take(box.box.temp, BOX_JOB ".ctl");
	verify("");
}

static void test_damaged_record(void **state)
{
	(void)state;
	make_job();
	move(JOB_OPENING);
	damage(box.box.jobs, RECORD, 5);
	verify_says(1, BOX_JOB);
	assert_int_equal(count.jobs, 1);
	/* it is not healed by looking */
	verify_says(1, BOX_JOB);
}

static void test_torn_record(void **state)
{
	(void)state;
	make_job();
	move(JOB_OPENING);
	size_t len = 0;
	AUTO_FREE char *text = box_read(box.box.jobs, RECORD, &len);
	size_t end = strlen(text); /* NUL bytes may follow */
	assert_true(end > 3 && end <= len);
	box_put_bytes(box.box.jobs, RECORD, text, end - 3);
	verify(""); /* CLAIMED again, and normal after a power cut */
	box_expect(box.box.temp, BOX_JOB ".dat", "data");
}

/* A running daemon may be about to write the first line. */
static void test_records_without_a_line(void **state)
{
	(void)state;
	static const char name[] = BOX_MESSAGE DELIVERY_SUFFIX;
	make_job();
	take(box.box.temp, BOX_JOB ".ctl");
	take(box.box.temp, BOX_JOB ".dat");
	size_t len = 0;
	AUTO_FREE char *text = box_read(box.box.jobs, RECORD, &len);
	size_t half = strlen(text) / 2;
	for (size_t size = 0; size <= half; size += half) {
		box_put_bytes(box.box.jobs, RECORD, text, size);
		box_put_bytes(box.box.inbound, name, text, size);
		verify("");
		assert_int_equal(count.jobs, 0);
		assert_int_equal(count.deliveries, 0);
	}
}

static void test_pair_without_record(void **state)
{
	(void)state;
	box_put(box.box.temp, BOX_JOB ".dat", "data");
	box_put(box.box.temp, "foreign.dat", "data");
	box_put(box.box.temp, ".meshdrop.lock", "");
	verify("TEMP/" BOX_JOB ".dat belongs to no job: the next start puts it "
	       "back into OUT\n");
}

/* --- deliveries --- */

static void test_delivery(void **state)
{
	(void)state;
	struct delivery delivery;
	delivery_init(&delivery);
	assert_int_equal(delivery_resume(&delivery, &box.box, BOX_MESSAGE,
					 &err),
			 0);
	assert_int_equal(delivery_begin(&delivery, &box.box, &err), 0);
	assert_int_equal(delivery_write(&delivery, "data", 4, &err), 0);
	assert_int_equal(delivery_chunk_done(&delivery, &box.box, 2, true,
					     BOX_NOW, &err),
			 0);
	delivery_release(&delivery);
	verify("");
	assert_int_equal(count.deliveries, 1);
	take(box.box.temp, BOX_MESSAGE ".part");
	verify("message " BOX_MESSAGE " is being fetched, but "
	       "TEMP/" BOX_MESSAGE ".part is missing\n");
}

static void test_damaged_delivery(void **state)
{
	(void)state;
	static const char name[] = BOX_MESSAGE DELIVERY_SUFFIX;
	box_put(box.box.inbound, name,
		"1 2026-11-22T07:06:00.123Z FETCHING #00000000\n"
		"2 2026-11-22T07:06:00.123Z FETCHING #00000000\n");
	verify_says(1, BOX_MESSAGE);
	assert_int_equal(count.deliveries, 1);
}

/* --- ledger --- */

static void fill_ledger(void)
{
	static const char *const ids[] = { "M1", "M2", "M3" };
	struct ledger *ledger = NULL;
	assert_int_equal(ledger_open(box.box.ledger, BOX_NOW, &ledger, &err),
			 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(ledger_add_delivered(ledger, ids[i], 1, false,
						      BOX_NOW, &err),
				 0);
	(void)ledger_close(ledger);
}

static void test_ledger(void **state)
{
	(void)state;
	fill_ledger();
	verify("");
	assert_int_equal(count.ledger_lines, 3);
	size_t len = 0;
	AUTO_FREE char *text = box_read(box.box.ledger, MONTH, &len);
	const char *second = strchr(text, '\n') + 1;
	damage(box.box.ledger, MONTH, (size_t)(second - text) + 3);
	verify("ledger/" MONTH ": line 2 is damaged\n");
	assert_int_equal(count.ledger_lines, 2);
}

static void test_torn_ledger(void **state)
{
	(void)state;
	fill_ledger();
	size_t len = 0;
	AUTO_FREE char *text = box_read(box.box.ledger, MONTH, &len);
	box_put_bytes(box.box.ledger, MONTH, text, len - 4);
	verify("");
	assert_int_equal(count.ledger_lines, 2);
}

/* --- together --- */

static void test_all_at_once(void **state)
{
	(void)state;
	make_job();
	move(JOB_DEFERRED);
	take(box.box.temp, BOX_JOB ".dat");
	box_put(box.box.temp, "20261122070000001-0123abcd.ctl", "control");
	fill_ledger();
	damage(box.box.ledger, MONTH, 3);
	verify_says(3, "line 1 is damaged");
	/* nothing was changed */
	verify_says(3, "line 1 is damaged");
	assert_int_equal(box_count(box.box.temp), 2);
	assert_int_equal(box_count(box.box.jobs), 1);
}

static void test_cannot_look(void **state)
{
	(void)state;
	make_job();
	count = (struct verify_count){ .jobs = 77 };
	const int jobs = box.box.jobs;
	box.box.jobs = -1;
	assert_true(verify_mailbox(&box.box, say, &said, &count, &err) < 0);
	assert_string_not_equal(err.text, "");
	assert_int_equal(count.jobs, 77);
	box.box.jobs = jobs;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_empty),
		TEST(test_good_job),
		TEST(test_claim_under_way),
		TEST(test_claim_of_a_route),
		TEST(test_missing_pair),
		TEST(test_pair_on_its_way_out),
		TEST(test_damaged_record),
		TEST(test_torn_record),
		TEST(test_records_without_a_line),
		TEST(test_pair_without_record),
		TEST(test_delivery),
		TEST(test_damaged_delivery),
		TEST(test_ledger),
		TEST(test_torn_ledger),
		TEST(test_all_at_once),
		TEST(test_cannot_look),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
