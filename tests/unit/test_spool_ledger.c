/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "spool/job.h"
#include "spool/ledger.h"
#include "spool_box.h"

#define DAY (INT64_C(86400) * INT64_C(1000000000))
#define MONTH "2026-11.log"

static struct spool_box box;
static struct ledger *ledger;
static struct err err;

static int set_up(void **state)
{
	(void)state;
	spool_box_make(&box);
	ledger = NULL;
	err_clear(&err);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ledger = ledger_close(ledger);
	spool_box_remove(&box);
	return 0;
}

static void reopen(int64_t wall_ns)
{
	ledger = ledger_close(ledger);
	if (ledger_open(box.box.ledger, wall_ns, &ledger, &err) < 0)
		fail_msg("%s", err.text);
}

static void deliver(const char *id, int64_t wall_ns)
{
	assert_int_equal(ledger_add_delivered(ledger, id, 5, false, wall_ns,
					      &err),
			 0);
}

static void make_job(struct job *job, const char *id, const char *local_id)
{
	job_init(job);
	SET(job->id, id);
	SET(job->local_id, local_id);
	SET(job->ctl_name, "a.ctl");
	SET(job->message_id, "SENT1");
	job->state = JOB_ACCEPTED;
	job->opening_ns = BOX_NOW;
}

static void test_delivered(void **state)
{
	(void)state;
	reopen(BOX_NOW);
	assert_false(ledger_delivered(ledger, "M1"));
	deliver("M1", BOX_NOW);
	deliver("M1", BOX_NOW);
	deliver("M2", BOX_NOW);
	for (int i = 0; i < 2; i++) {
		assert_true(ledger_delivered(ledger, "M1"));
		assert_true(ledger_delivered(ledger, "M2"));
		assert_false(ledger_delivered(ledger, "M"));
		assert_false(ledger_delivered(ledger, "M11"));
		assert_false(ledger_sent_local(ledger, "M1"));
		assert_false(ledger_has_job(ledger, "M1"));
		reopen(BOX_NOW);
	}
	size_t len = 0;
	AUTO_FREE char *text = box_read(box.box.ledger, MONTH, &len);
	assert_memory_equal(text,
			    "1 2026-11-22T07:00:00.000Z DELIVERED id=M1 "
			    "size=5 report=no #",
			    60);
	assert_non_null(strstr(text, "\n2 "));
	assert_null(strstr(text, "\n3 "));
}

static void test_sent(void **state)
{
	(void)state;
	reopen(BOX_NOW);
	struct job job;
	make_job(&job, "J1", "local 1");
	assert_int_equal(ledger_add_sent(ledger, &job, BOX_NOW, &err), 0);
	assert_int_equal(ledger_add_sent(ledger, &job, BOX_NOW, &err), 0);
	make_job(&job, "J2", "local 2");
	job.state = JOB_REJECTED;
	job.opening_ns = 0; /* never left us */
	assert_int_equal(ledger_add_sent(ledger, &job, BOX_NOW, &err), 0);
	for (int i = 0; i < 2; i++) {
		assert_true(ledger_has_job(ledger, "J1"));
		assert_true(ledger_has_job(ledger, "J2"));
		assert_true(ledger_sent_local(ledger, "local 1"));
		assert_false(ledger_sent_local(ledger, "local 2"));
		assert_false(ledger_sent_local(ledger, ""));
		assert_string_equal(ledger_last_local(ledger), "local 1");
		/* our own message's id is not one that was delivered here */
		assert_false(ledger_delivered(ledger, "SENT1"));
		reopen(BOX_NOW);
	}
	/* a local id is free again after LEDGER_DAYS */
	reopen(BOX_NOW + LEDGER_DAYS * DAY);
	assert_true(ledger_sent_local(ledger, "local 1"));
	reopen(BOX_NOW + (LEDGER_DAYS + 1) * DAY);
	assert_false(ledger_sent_local(ledger, "local 1"));
	assert_string_equal(ledger_last_local(ledger), "");
	assert_true(ledger_has_job(ledger, "J1"));
}

/* --- months --- */

static void test_months(void **state)
{
	(void)state;
	reopen(BOX_NOW);
	deliver("NOV", BOX_NOW);
	deliver("DEC", BOX_NOW + 30 * DAY);
	deliver("DEC2", BOX_NOW); /* the clock went back: no new old month */
	deliver("JAN", BOX_NOW + 45 * DAY);
	assert_int_equal(box_count(box.box.ledger), 3);
	assert_true(ledger_delivered(ledger, "NOV"));
	deliver("FEB", BOX_NOW + 75 * DAY);
	/* 2026-11 was over 67 days ago */
	assert_int_equal(box_count(box.box.ledger), 3);
	assert_false(box_has(box.box.ledger, MONTH));
	assert_false(ledger_delivered(ledger, "NOV"));
	for (int i = 0; i < 2; i++) {
		assert_true(ledger_delivered(ledger, "DEC"));
		assert_true(ledger_delivered(ledger, "DEC2"));
		assert_true(ledger_delivered(ledger, "JAN"));
		assert_true(ledger_delivered(ledger, "FEB"));
		reopen(BOX_NOW + 75 * DAY);
	}
}

/* What was delivered is known for LEDGER_DAYS at the least, on any day. */
static void test_long_enough(void **state)
{
	(void)state;
	for (int day = 0; day < 62; day++) {
		int64_t then = BOX_NOW + day * DAY;
		char id[16];
		(void)snprintf(id, sizeof(id), "M%d", day);
		reopen(then);
		deliver(id, then);
		reopen(then + LEDGER_DAYS * DAY);
		assert_true(ledger_delivered(ledger, id));
	}
}

static void test_wrong_clock(void **state)
{
	(void)state;
	reopen(BOX_NOW);
	deliver("M1", BOX_NOW);
	reopen(BOX_NOW + 20000 * DAY);
	assert_true(ledger_delivered(ledger, "M1"));
	reopen(BOX_NOW - 20000 * DAY);
	assert_true(ledger_delivered(ledger, "M1"));
	deliver("M2", BOX_NOW - 20000 * DAY);
	assert_int_equal(box_count(box.box.ledger), 1);
	reopen(BOX_NOW);
	assert_true(ledger_delivered(ledger, "M2"));
	deliver("M3", BOX_NOW + 30 * DAY);
	deliver("M4", BOX_NOW + 60 * DAY);
	reopen(BOX_NOW + 20000 * DAY);
	assert_int_equal(box_count(box.box.ledger), LEDGER_KEEP);
	assert_true(ledger_delivered(ledger, "M1"));
	assert_true(ledger_delivered(ledger, "M3"));
	assert_true(ledger_delivered(ledger, "M4"));
}

static void test_foreign_names(void **state)
{
	(void)state;
	static const char *const names[] = { "1999-01.log~", "1999-01.txt",
					     "x999-01.log", "README" };
	for (size_t i = 0; i < 4; i++)
		box_put(box.box.ledger, names[i], "text\n");
	reopen(BOX_NOW);
	assert_int_equal(box_count(box.box.ledger), 4);
}

/* --- damage --- */

#define LINES 4

/* Four lines; the text and where each ends. */
static char *make(size_t ends[LINES], size_t *ret_len)
{
	reopen(BOX_NOW);
	for (size_t i = 0; i < LINES; i++) {
		char id[16];
		(void)snprintf(id, sizeof(id), "M%zu", i);
		deliver(id, BOX_NOW);
		struct stat st;
		assert_int_equal(fstatat(box.box.ledger, MONTH, &st, 0), 0);
		ends[i] = (size_t)st.st_size;
	}
	ledger = ledger_close(ledger);
	return box_read(box.box.ledger, MONTH, ret_len);
}

static bool knows(size_t i)
{
	char id[16];
	(void)snprintf(id, sizeof(id), "M%zu", i);
	return ledger_delivered(ledger, id);
}

/* A flipped bit costs the line that has it, and no other. */
static void test_each_bit_flipped(void **state)
{
	(void)state;
	size_t ends[LINES];
	size_t len = 0;
	AUTO_FREE char *text = make(ends, &len);
	for (size_t bit = 0; bit < len * 8; bit++) {
		text[bit / 8] ^= (char)(1 << bit % 8);
		box_put_bytes(box.box.ledger, MONTH, text, len);
		text[bit / 8] ^= (char)(1 << bit % 8);
		reopen(BOX_NOW);
		for (size_t i = 0; i < LINES; i++) {
			bool hit = bit / 8 < ends[i] &&
				   (i == 0 || bit / 8 >= ends[i - 1]);
			assert_int_equal(knows(i), !hit);
		}
		deliver("NEXT", BOX_NOW);
		reopen(BOX_NOW);
		assert_true(ledger_delivered(ledger, "NEXT"));
	}
}

static void test_torn_at_each_byte(void **state)
{
	(void)state;
	size_t ends[LINES];
	size_t len = 0;
	AUTO_FREE char *text = make(ends, &len);
	AUTO_FREE char *holed = xcalloc(1, len);
	for (size_t cut = 0; cut <= len * 2; cut++) {
		if (cut <= len) {
			box_put_bytes(box.box.ledger, MONTH, text, cut);
		} else {
			holed[cut - len - 1] = text[cut - len - 1];
			box_put_bytes(box.box.ledger, MONTH, holed, len);
		}
		size_t there = cut <= len ? cut : cut - len;
		reopen(BOX_NOW);
		size_t whole = 0;
		for (size_t i = 0; i < LINES; i++) {
			assert_int_equal(knows(i), ends[i] <= there);
			whole = ends[i] <= there ? ends[i] : whole;
		}
		struct stat st; /* the torn line is cut off */
		assert_int_equal(fstatat(box.box.ledger, MONTH, &st, 0), 0);
		assert_int_equal(st.st_size, whole);
		deliver("NEXT", BOX_NOW);
		reopen(BOX_NOW);
		assert_true(ledger_delivered(ledger, "NEXT"));
		for (size_t i = 0; i < LINES; i++)
			assert_int_equal(knows(i), ends[i] <= there);
	}
}

/* More than one window, and more ids than the set has room for at first. */
static void test_many(void **state)
{
	(void)state;
	reopen(BOX_NOW);
	const unsigned count = 3000;
	char id[TEXT_ID_SIZE];
	for (unsigned i = 0; i < count; i++) {
		(void)snprintf(id, sizeof(id), "M%u_%0*u", i,
			       (int)(i % 100) + 1, 0u);
		deliver(id, BOX_NOW);
	}
	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < count; i++) {
			(void)snprintf(id, sizeof(id), "M%u_%0*u", i,
				       (int)(i % 100) + 1, 0u);
			assert_true(ledger_delivered(ledger, id));
		}
		assert_false(ledger_delivered(ledger, "M3000_0"));
		reopen(BOX_NOW);
	}
}

/* Garbage without end, and good lines behind it. */
static void test_garbage_in_front(void **state)
{
	(void)state;
	size_t ends[LINES];
	size_t len = 0;
	AUTO_FREE char *text = make(ends, &len);
	const size_t garbage = 200000;
	AUTO_FREE char *whole = xcalloc(1, garbage + 1 + len);
	memset(whole, 'x', garbage);
	whole[garbage] = '\n';
	memcpy(whole + garbage + 1, text, len);
	box_put_bytes(box.box.ledger, MONTH, whole, garbage + 1 + len);
	reopen(BOX_NOW);
	for (size_t i = 0; i < LINES; i++)
		assert_true(knows(i));
}

static void test_unsafe_file(void **state)
{
	(void)state;
	assert_int_equal(symlinkat("elsewhere", box.box.ledger, MONTH), 0);
	assert_int_equal(ledger_open(box.box.ledger, BOX_NOW, &ledger, &err),
			 -ERR_UNSAFE);
	assert_null(ledger);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_delivered),
		TEST(test_sent),
		TEST(test_months),
		TEST(test_long_enough),
		TEST(test_wrong_clock),
		TEST(test_foreign_names),
		TEST(test_each_bit_flipped),
		TEST(test_torn_at_each_byte),
		TEST(test_many),
		TEST(test_garbage_in_front),
		TEST(test_unsafe_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
