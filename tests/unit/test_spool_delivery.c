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
#include "base/fsx.h"
#include "base/mem.h"
#include "spool/ctl.h"
#include "spool/delivery.h"
#include "spool/ledger.h"
#include "spool_box.h"

#define ID BOX_MESSAGE

static struct spool_box box;
static struct delivery delivery;
static struct err err;

static int set_up(void **state)
{
	(void)state;
	spool_box_make(&box);
	delivery_init(&delivery);
	err_clear(&err);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	delivery_release(&delivery);
	spool_box_remove(&box);
	return 0;
}

static void resume(void)
{
	delivery_release(&delivery);
	delivery_init(&delivery);
	if (delivery_resume(&delivery, &box.box, ID, &err) < 0)
		fail_msg("%s", err.text);
}

static void fetch(const char *text, unsigned count, bool between)
{
	assert_int_equal(delivery_write(&delivery, text, strlen(text), &err),
			 0);
	assert_int_equal(delivery_chunk_done(&delivery, &box.box, count,
					     between, BOX_NOW, &err),
			 0);
}

static void stage(void)
{
	struct ctl ctl;
	box_ctl(&ctl, ID);
	assert_int_equal(delivery_stage(&delivery, &box.box, &ctl, BOX_NOW,
					&err),
			 0);
	ctl_release(&ctl);
	assert_int_equal(delivery.state, DELIVERY_STAGED);
}

/* --- fetching --- */

static void test_one_chunk(void **state)
{
	(void)state;
	resume();
	assert_int_equal(delivery.state, DELIVERY_NEW);
	box_put(box.box.temp, ID ".part", "of an attempt without record");
	assert_int_equal(delivery_begin(&delivery, &box.box, &err), 0);
	fetch("hello", 1, true);
	assert_int_equal(box_count(box.box.inbound), 0);
	stage();
	assert_int_equal(box_count(box.box.inbound), 1);
	assert_int_equal(delivery_publish(&delivery, &box.box, &err), 0);
	box_expect(box.box.in, ID ".dat", "hello");
	assert_true(box_has(box.box.in, ID ".ctl"));
	assert_int_equal(delivery_publish(&delivery, &box.box, &err), 0);
	assert_int_equal(delivery_finish(&delivery, &box.box, &err), 0);
	assert_int_equal(delivery.state, DELIVERY_NEW);
	assert_int_equal(box_count(box.box.in), 2);
	assert_int_equal(box_count(box.box.temp), 0);
	assert_int_equal(box_count(box.box.inbound), 0);
}

static void test_empty_message(void **state)
{
	(void)state;
	resume();
	assert_int_equal(delivery_begin(&delivery, &box.box, &err), 0);
	fetch("", 1, true);
	stage();
	assert_int_equal(delivery_publish(&delivery, &box.box, &err), 0);
	box_expect(box.box.in, ID ".dat", "");
}

static void test_report(void **state)
{
	(void)state;
	resume();
	delivery.report = true;
	stage();
	resume();
	assert_true(delivery.report);
	assert_int_equal(delivery.state, DELIVERY_STAGED);
	assert_int_equal(delivery_publish(&delivery, &box.box, &err), 0);
	assert_int_equal(box_count(box.box.in), 1);
	assert_true(box_has(box.box.in, ID ".ctl"));
}

static void test_rewind(void **state)
{
	(void)state;
	resume();
	assert_int_equal(delivery_begin(&delivery, &box.box, &err), 0);
	fetch("one", 2, true);
	assert_int_equal(delivery_write(&delivery, "broken off", 10, &err), 0);
	assert_int_equal(delivery_rewind(&delivery, &err), 0);
	box_expect(box.box.temp, ID ".part", "one");
	fetch("two", 2, true);
	box_expect(box.box.temp, ID ".part", "onetwo");
	assert_int_equal(delivery.size, 6);
}

static void test_resume_behind_safe_chunk(void **state)
{
	(void)state;
	resume();
	assert_int_equal(delivery_begin(&delivery, &box.box, &err), 0);
	fetch("one,", 5, true);
	fetch("two,", 5, false);
	fetch("thr", 5, false);
	assert_int_equal(delivery_write(&delivery, "lost", 4, &err), 0);
	resume();
	assert_int_equal(delivery.state, DELIVERY_FETCHING);
	assert_int_equal(delivery.count, 5);
	assert_int_equal(delivery.done, 1);
	assert_int_equal(delivery.size, 4);
	box_expect(box.box.temp, ID ".part", "one,");
	fetch("2,", 5, true);
	resume();
	assert_int_equal(delivery.done, 2);
	box_expect(box.box.temp, ID ".part", "one,2,");
}

/* All chunks are there, but we die before the control file is made: the last
 * one is fetched again, because its headers are needed. */
static void test_resume_before_staged(void **state)
{
	(void)state;
	resume();
	assert_int_equal(delivery_begin(&delivery, &box.box, &err), 0);
	fetch("one", 2, true);
	fetch("two", 2, true);
	assert_int_equal(delivery.done, 2);
	resume();
	assert_int_equal(delivery.state, DELIVERY_FETCHING);
	assert_int_equal(delivery.done, 1);
	assert_int_equal(delivery.size, 3);
	fetch("two", 2, true);
	stage();
	assert_int_equal(delivery.state, DELIVERY_STAGED);
}

static void test_resume_from_no_safe_chunk(void **state)
{
	(void)state;
	resume();
	assert_int_equal(delivery_begin(&delivery, &box.box, &err), 0);
	fetch("one", 3, false);
	resume();
	assert_int_equal(delivery.state, DELIVERY_FETCHING);
	assert_int_equal(delivery.done, 0);
	assert_true(delivery.part >= 0);
	box_expect(box.box.temp, ID ".part", "");
}

static void test_part_missing_or_short(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		resume();
		assert_int_equal(delivery_begin(&delivery, &box.box, &err), 0);
		fetch("one", 2, true);
		if (i == 0)
			assert_int_equal(unlinkat(box.box.temp, ID ".part", 0),
					 0);
		else
			box_put(box.box.temp, ID ".part", "on");
		resume();
		assert_int_equal(delivery.state, DELIVERY_NEW);
		assert_int_equal(delivery.done, 0);
		assert_int_equal(delivery.part, -1);
		assert_int_equal(box_count(box.box.inbound), 0);
	}
}

static void test_chunk_count_changed(void **state)
{
	(void)state;
	resume();
	assert_int_equal(delivery_begin(&delivery, &box.box, &err), 0);
	fetch("one", 3, true);
	assert_int_equal(delivery_chunk_done(&delivery, &box.box, 4, true,
					     BOX_NOW, &err),
			 -ERR_CHANGED);
	assert_int_equal(delivery.done, 1);
	assert_int_equal(delivery_finish(&delivery, &box.box, &err), 0);
	assert_int_equal(delivery.count, 0);
	assert_string_equal(delivery.id, ID);
	assert_int_equal(delivery_begin(&delivery, &box.box, &err), 0);
	fetch("one", 4, true);
}

static void test_ids(void **state)
{
	(void)state;
	static const char *const bad[] = { "",	  "..",	 "../x",
					   "a/b", "a b", BOX_JOB };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(delivery_resume(&delivery, &box.box, bad[i],
						 &err),
				 -ERR_UNSAFE);
}

/* --- damage --- */

static void test_record_never_was(void **state)
{
	(void)state;
	box_put(box.box.inbound, ID DELIVERY_SUFFIX, "1 2026-11-22T0");
	resume();
	assert_int_equal(delivery.state, DELIVERY_NEW);
	assert_int_equal(box_count(box.box.inbound), 0);
}

static void damage_record(void)
{
	size_t len = 0;
	AUTO_FREE char *text = box_read(box.box.inbound, ID DELIVERY_SUFFIX,
					&len);
	text[30] ^= 1;
	box_put_bytes(box.box.inbound, ID DELIVERY_SUFFIX, text, len);
}

static void test_damaged_record(void **state)
{
	(void)state;
	resume();
	assert_int_equal(delivery_begin(&delivery, &box.box, &err), 0);
	fetch("one", 1, true);
	stage();
	damage_record();
	/* the data may be in IN, and somebody may have taken it */
	assert_int_equal(renameat(box.box.temp, ID ".part", box.box.in,
				  ID ".dat"),
			 0);
	struct delivery other;
	delivery_init(&other);
	assert_int_equal(delivery_resume(&other, &box.box, ID, &err),
			 -ERR_INVALID);
	assert_true(box_has(box.box.inbound, ID DELIVERY_SUFFIX));
	/* it is not: nothing was published */
	assert_int_equal(renameat(box.box.in, ID ".dat", box.box.temp,
				  ID ".part"),
			 0);
	resume();
	assert_int_equal(delivery.state, DELIVERY_NEW);
	assert_int_equal(box_count(box.box.inbound), 0);
}

/* --- publishing --- */

static void put_staged(void)
{
	resume();
	assert_int_equal(delivery_begin(&delivery, &box.box, &err), 0);
	fetch("hello", 1, true);
	stage();
}

static void test_publish_from_middle(void **state)
{
	(void)state;
	put_staged();
	assert_int_equal(renameat(box.box.temp, ID ".part", box.box.in,
				  ID ".dat"),
			 0);
	resume();
	assert_int_equal(delivery_publish(&delivery, &box.box, &err), 0);
	box_expect(box.box.in, ID ".dat", "hello");
	assert_int_equal(box_count(box.box.in), 2);
	/* a consumer took both before we could note it */
	assert_int_equal(unlinkat(box.box.in, ID ".dat", 0), 0);
	assert_int_equal(unlinkat(box.box.in, ID ".ctl", 0), 0);
	resume();
	assert_int_equal(delivery_publish(&delivery, &box.box, &err), 0);
	assert_int_equal(box_count(box.box.in), 0);
}

static void test_publish_name_taken(void **state)
{
	(void)state;
	put_staged();
	box_put(box.box.in, ID ".dat", "a stranger's");
	assert_int_equal(delivery_publish(&delivery, &box.box, &err),
			 -ERR_EXISTS);
	box_expect(box.box.in, ID ".dat", "a stranger's");
	assert_false(box_has(box.box.in, ID ".ctl"));
	box_expect(box.box.temp, ID ".part", "hello");
	/* the same size is taken for our own */
	box_put(box.box.in, ID ".dat", "HELLO");
	assert_int_equal(delivery_publish(&delivery, &box.box, &err), 0);
	box_expect(box.box.in, ID ".dat", "HELLO");
	assert_int_equal(box_count(box.box.temp), 0);
	assert_int_equal(box_count(box.box.in), 2);
}

/* Such a name would be an option for programs that are given it. */
static void test_publish_id_like_option(void **state)
{
	(void)state;
	assert_int_equal(delivery_resume(&delivery, &box.box, "-rf", &err), 0);
	assert_int_equal(delivery_begin(&delivery, &box.box, &err), 0);
	fetch("hello", 1, true);
	stage();
	assert_int_equal(delivery_publish(&delivery, &box.box, &err), 0);
	assert_int_equal(delivery_finish(&delivery, &box.box, &err), 0);
	box_expect(box.box.in, "~-rf.dat", "hello");
	assert_true(box_has(box.box.in, "~-rf.ctl"));
	assert_int_equal(box_count(box.box.in), 2);
	assert_int_equal(box_count(box.box.temp), 0);
	assert_string_equal(delivery_stem_id("~-rf"), "-rf");
	assert_string_equal(delivery_stem_id(ID), ID);
	assert_string_equal(delivery_stem_id("~rf"), "~rf");
	char name[TEXT_NAME_SIZE];
	delivery_name(ID, "", name);
	assert_string_equal(name, ID);
}

static void test_publish_link_in_the_way(void **state)
{
	(void)state;
	put_staged();
	assert_int_equal(symlinkat("12345", box.box.in, ID ".dat"), 0);
	assert_int_equal(delivery_publish(&delivery, &box.box, &err),
			 -ERR_EXISTS);
	box_expect(box.box.temp, ID ".part", "hello");
}

/* Nothing is thought to be published because IN is gone. */
static void test_publish_without_in(void **state)
{
	(void)state;
	put_staged();
	char path[PATH_MAX];
	scratch_path(&box.scratch, "root/IN", path);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(delivery_publish(&delivery, &box.box, &err), -ERR_IO);
	box_expect(box.box.temp, ID ".part", "hello");
	assert_true(box_has(box.box.temp, ID ".ctl"));
}

/* --- a whole life, with deaths --- */

static const char *const chunks[] = { "one,", "two,", "three" };
#define CHUNKS 3u

static int fetch_rest(struct delivery *mine, struct spool_box *to,
		      struct err *why)
{
	int r = 0;
	if (mine->state == DELIVERY_NEW)
		r = delivery_begin(mine, &to->box, why);
	while (r == 0 && mine->done < CHUNKS) {
		const char *text = chunks[mine->done];
		r = delivery_write(mine, text, strlen(text), why);
		if (r == 0) /* the second chunk ends inside a member */
			r = delivery_chunk_done(mine, &to->box, CHUNKS,
						mine->done != 1, BOX_NOW, why);
	}
	if (r < 0)
		return r;
	struct ctl ctl;
	box_ctl(&ctl, ID);
	r = delivery_stage(mine, &to->box, &ctl, BOX_NOW, why);
	ctl_release(&ctl);
	return r;
}

static int acknowledge(const struct spool_box *to, struct err *why)
{
	return fsx_store(to->scratch.fd, "acknowledged", 0600, "", 0, false,
			 why);
}

static int deliver(struct delivery *mine, struct spool_box *to,
		   struct ledger *ledger, struct err *why)
{
	int r = 0;
	if (!ledger_delivered(ledger, ID)) {
		if (mine->state != DELIVERY_STAGED)
			r = fetch_rest(mine, to, why);
		if (r == 0)
			r = delivery_publish(mine, &to->box, why);
		if (r == 0)
			r = ledger_add_delivered(ledger, ID, 13, false, BOX_NOW,
						 why);
	}
	if (r == 0)
		r = delivery_finish(mine, &to->box, why);
	return r < 0 ? r : acknowledge(to, why);
}

static int run(struct spool_box *to, struct err *why)
{
	if (box_has(to->scratch.fd, "acknowledged"))
		return 0;
	struct ledger *ledger = NULL;
	struct delivery mine;
	delivery_init(&mine);
	int r = ledger_open(to->box.ledger, BOX_NOW, &ledger, why);
	if (r == 0)
		r = delivery_resume(&mine, &to->box, ID, why);
	if (r == 0)
		r = deliver(&mine, to, ledger, why);
	delivery_release(&mine);
	(void)ledger_close(ledger);
	return r;
}

static void set_up_story(struct spool_box *to)
{
	scratch_mkdir(&to->scratch, "taken", 0700);
}

/* A consumer takes a pair as soon as there is a control file; a message that
 * comes a second time finds its name taken and fails the test. */
static void consume(struct spool_box *from)
{
	static const char *const names[] = { ID ".dat", ID ".ctl" };
	if (!box_has(from->box.in, ID ".ctl"))
		return;
	box_expect(from->box.in, ID ".dat", "one,two,three");
	AUTO_CLOSE int taken = openat(from->scratch.fd, "taken",
				      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(fsx_move(from->box.in, names[i], taken,
					  names[i], NULL),
				 0);
}

static void check_end(struct spool_box *at)
{
	consume(at);
	AUTO_CLOSE int taken = openat(at->scratch.fd, "taken",
				      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(box_count(taken), 2);
	assert_int_equal(box_count(at->box.in), 0);
	assert_int_equal(box_count(at->box.temp), 0);
	assert_int_equal(box_count(at->box.inbound), 0);
	assert_true(box_has(at->scratch.fd, "acknowledged"));
}

static void test_killed_at_each_step(void **state)
{
	(void)state;
	const struct spool_story story = {
		.set_up = set_up_story,
		.run = run,
		.between = consume,
		.check = check_end,
	};
	assert_true(spool_story_tell(&story) > 500);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_chunk),
		TEST(test_empty_message),
		TEST(test_report),
		TEST(test_rewind),
		TEST(test_resume_behind_safe_chunk),
		TEST(test_resume_before_staged),
		TEST(test_resume_from_no_safe_chunk),
		TEST(test_part_missing_or_short),
		TEST(test_chunk_count_changed),
		TEST(test_ids),
		TEST(test_record_never_was),
		TEST(test_damaged_record),
		TEST(test_publish_from_middle),
		TEST(test_publish_name_taken),
		TEST(test_publish_id_like_option),
		TEST(test_publish_link_in_the_way),
		TEST(test_publish_without_in),
		cmocka_unit_test(test_killed_at_each_step),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
