/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
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

#include "agent/mailbox.h"
#include "agent/orders.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "spool/job.h"
#include "spool_box.h"

#define ORDER_FILE BOX_JOB ".order"

static struct scratch scratch;
static char root[PATH_MAX];
static struct conf conf;
static struct conf_mailbox set;
static struct mailbox *mailbox;
static struct err err;

/* --- one mailbox with one job --- */

static struct outgoing *add_job(const char *id)
{
	struct job job;
	job_init(&job);
	SET(job.id, id);
	SET(job.ctl_name, "a.ctl");
	SET(job.dat_name, "a.dat");
	assert_int_equal(job_create(&job, &mailbox->dir, BOX_NOW, &err), 0);
	struct outgoing *out = mailbox_add_job(mailbox, &job);
	out->claimed = true;
	return out;
}

static int set_up(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	scratch_make(&scratch);
	scratch_mkdir(&scratch, "state", 0700);
	scratch_path(&scratch, "root", root);
	set = (struct conf_mailbox){ .id = "X26ABC1", .root = root };
	AUTO_CLOSE int dirfd = openat(scratch.fd, "state",
				      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dirfd >= 0);
	err_clear(&err);
	if (mailbox_open(&conf, &set, dirfd, &mailbox, &err) < 0)
		fail_msg("%s", err.text);
	(void)add_job(BOX_JOB);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	mailbox = mailbox_close(mailbox);
	scratch_remove(&scratch);
	return 0;
}

static struct job *job(void)
{
	return &mailbox->out[0]->job;
}

static void move(enum job_state to)
{
	assert_int_equal(job_move(job(), to, BOX_NOW, &err), 0);
}

/* The ways into each state, as the daemon goes them. */
static void bring_to(enum job_state state)
{
	static const enum job_state ways[JOB_STATE_COUNT][3] = {
		[JOB_OPENING] = { JOB_OPENING },
		[JOB_OPEN] = { JOB_OPENING, JOB_OPEN },
		[JOB_ACCEPTED] = { JOB_OPENING, JOB_ACCEPTED },
		[JOB_REJECTED] = { JOB_REJECTED },
		[JOB_DEFERRED] = { JOB_DEFERRED },
		[JOB_UNKNOWN] = { JOB_OPENING, JOB_UNKNOWN },
		[JOB_HELD] = { JOB_OPENING, JOB_UNKNOWN, JOB_HELD },
		[JOB_ARCHIVING] = { JOB_REJECTED, JOB_ARCHIVING },
	};
	if (state == JOB_HELD)
		job()->resume = JOB_UNKNOWN;
	job()->chunk_count = 1;
	for (size_t i = 0; i < 3 && ways[state][i] != JOB_CLAIMED; i++)
		move(ways[state][i]);
	assert_int_equal(job()->state, state);
}

/* Leaves it and carries it out; the state afterwards is also that on disk. */
static enum job_state give(enum order_verb verb, const char *message_id)
{
	struct order order = { .verb = verb };
	SET(order.message_id, message_id);
	assert_int_equal(orders_leave(&mailbox->dir, BOX_JOB, &order, &err), 0);
	assert_true(box_has(mailbox->dir.orders, ORDER_FILE));
	if (orders_apply(mailbox, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(box_count(mailbox->dir.orders), 0);
	struct job found;
	bool torn = false;
	job_init(&found);
	assert_int_equal(job_load(&found, mailbox->dir.jobs, BOX_JOB, false,
				  &torn, &err),
			 0);
	assert_int_equal(found.state, job()->state);
	if (found.state == JOB_HELD || found.state == JOB_REJECTED)
		assert_string_equal(found.text, job()->text);
	job_release(&found);
	return job()->state;
}

/* --- text --- */

static void test_parse(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum order_verb verb;
		const char *id;
	} good[] = {
		{ "hold", ORDER_HOLD, "" },
		{ "release\n", ORDER_RELEASE, "" },
		{ " retry \n", ORDER_RETRY, "" },
		{ "resend", ORDER_RESEND, "" },
		{ "fail\r\n", ORDER_FAIL, "" },
		{ "adopt " BOX_MESSAGE "\n", ORDER_ADOPT, BOX_MESSAGE },
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct order order;
		assert_true(order_parse(good[i].text, &order));
		assert_int_equal(order.verb, good[i].verb);
		assert_string_equal(order.message_id, good[i].id);
	}
}

static void test_parse_refuses(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",	      "\n",	  "Hold",	  "holds",
		"hold now",   "adopt",	  "adopt ",	  "adopt a b",
		"adopt ../x", "fail\nx",  "resend ID",	  "adopt a/b",
		"adopt  ID",  "\x01hold", "hold\nfail\n",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct order order = { .verb = ORDER_FAIL };
		SET(order.message_id, "kept");
		if (order_parse(bad[i], &order))
			fail_msg("'%s' was taken", bad[i]);
		assert_string_equal(order.message_id, "kept");
	}
	char longest[400];
	memset(longest, 'A', sizeof(longest));
	memcpy(longest, "adopt ", 6);
	longest[sizeof(longest) - 1] = '\0';
	struct order order;
	assert_false(order_parse(longest, &order));
	longest[6 + TEXT_ID_SIZE] = '\0'; /* one more than an id may have */
	assert_false(order_parse(longest, &order));
}

/* --- what is allowed --- */

/* '1': allowed; '?': only while held in doubt. Verbs in order. */
static const char *const allowed[JOB_STATE_COUNT] = {
	[JOB_CLAIMED] = "100001",   [JOB_OPENING] = "000000",
	[JOB_OPEN] = "100001",	    [JOB_ACCEPTED] = "000000",
	[JOB_REJECTED] = "000000",  [JOB_DEFERRED] = "101001",
	[JOB_UNKNOWN] = "101111",   [JOB_HELD] = "111??1",
	[JOB_ARCHIVING] = "000000",
};

static void test_allowed(void **state)
{
	(void)state;
	for (size_t at = 0; at < JOB_STATE_COUNT; at++) {
		for (size_t verb = 0; verb <= ORDER_FAIL; verb++) {
			struct order order = { .verb = (enum order_verb)verb };
			struct job held = { .state = (enum job_state)at };
			const char *why = NULL;
			held.resume = JOB_UNKNOWN;
			bool wanted = allowed[at][verb] != '0';
			assert_int_equal(order_allowed(&order, &held, &why),
					 wanted);
			assert_true(wanted || why[0] != '\0');
			held.resume = JOB_CLAIMED;
			assert_int_equal(order_allowed(&order, &held, &why),
					 allowed[at][verb] == '1');
		}
	}
}

/* --- carrying out --- */

static void test_hold_and_release(void **state)
{
	(void)state;
	assert_int_equal(give(ORDER_HOLD, ""), JOB_HELD);
	assert_int_equal(job()->resume, JOB_CLAIMED);
	assert_non_null(strstr(job()->text, "operator"));
	uint64_t sequence = job()->record.sequence;
	assert_int_equal(give(ORDER_HOLD, ""), JOB_HELD);
	assert_int_equal(job()->record.sequence, sequence);
	assert_int_equal(give(ORDER_RELEASE, ""), JOB_CLAIMED);
	assert_int_equal(job()->not_before_ns, 0);
}

static void test_hold_keeps_what_is_behind(void **state)
{
	(void)state;
	job()->resume = JOB_CLAIMED;
	job()->not_before_ns = BOX_NOW;
	bring_to(JOB_DEFERRED);
	assert_int_equal(give(ORDER_HOLD, ""), JOB_HELD);
	assert_int_equal(job()->resume, JOB_CLAIMED);
	assert_int_equal(give(ORDER_RETRY, ""), JOB_CLAIMED);
	bring_to(JOB_UNKNOWN);
	assert_int_equal(give(ORDER_HOLD, ""), JOB_HELD);
	assert_int_equal(give(ORDER_RELEASE, ""), JOB_UNKNOWN);
}

static void test_retry(void **state)
{
	(void)state;
	job()->resume = JOB_CLAIMED;
	job()->not_before_ns = INT64_MAX;
	bring_to(JOB_DEFERRED);
	assert_int_equal(give(ORDER_RETRY, ""), JOB_CLAIMED);
	bring_to(JOB_UNKNOWN);
	job()->not_before_ns = INT64_MAX;
	assert_int_equal(give(ORDER_RETRY, ""), JOB_UNKNOWN);
	assert_int_equal(job()->not_before_ns, 0);
}

static void test_adopt(void **state)
{
	(void)state;
	bring_to(JOB_HELD);
	assert_int_equal(give(ORDER_ADOPT, BOX_MESSAGE), JOB_ACCEPTED);
	assert_string_equal(job()->message_id, BOX_MESSAGE);
	assert_int_equal(job()->chunks_done, 1);
	/* met once more, after a crash before its file was removed */
	assert_int_equal(give(ORDER_ADOPT, "ANOTHER"), JOB_ACCEPTED);
	assert_string_equal(job()->message_id, BOX_MESSAGE);
}

static void test_resend_twice_is_once(void **state)
{
	(void)state;
	bring_to(JOB_UNKNOWN);
	assert_int_equal(give(ORDER_RESEND, ""), JOB_CLAIMED);
	uint64_t sequence = job()->record.sequence;
	assert_int_equal(give(ORDER_RESEND, ""), JOB_CLAIMED);
	assert_int_equal(job()->record.sequence, sequence);
}

static void test_fail(void **state)
{
	(void)state;
	static const enum job_state from[] = { JOB_CLAIMED, JOB_DEFERRED,
					       JOB_OPEN, JOB_UNKNOWN,
					       JOB_HELD };
	for (size_t i = 0; i < sizeof(from) / sizeof(*from); i++) {
		if (i > 0)
			(void)set_up(NULL);
		bring_to(from[i]);
		assert_int_equal(give(ORDER_FAIL, ""), JOB_REJECTED);
		assert_string_equal(job()->event, "TRANSFER");
		assert_string_equal(job()->code, "06");
		if (i + 1 < sizeof(from) / sizeof(*from))
			(void)tear_down(NULL);
	}
}

/* --- what is not carried out --- */

static void test_too_early(void **state)
{
	(void)state;
	mailbox->out[0]->claimed = false;
	assert_int_equal(give(ORDER_HOLD, ""), JOB_CLAIMED);
	mailbox->out[0]->claimed = true;
	mailbox->out[0]->unwritten = true;
	assert_int_equal(give(ORDER_HOLD, ""), JOB_CLAIMED);
	mailbox->out[0]->unwritten = false;
	assert_int_equal(give(ORDER_HOLD, ""), JOB_HELD);
}

static void test_odd_files(void **state)
{
	(void)state;
	const int orders = mailbox->dir.orders;
	char large[300];
	memset(large, ' ', sizeof(large));
	memcpy(large, "hold", 4);
	box_put(orders, "20200101000000000-00000000.order", "fail\n");
	box_put(orders, "notes", "fail\n");
	box_put(orders, ORDER_FILE, "hold it\n");
	box_put_bytes(orders, BOX_JOB ".large", large, sizeof(large));
	box_put_bytes(orders, BOX_JOB ".nul", "fa\0il", 5);
	box_put(orders, ".hidden", "fail\n");
	assert_int_equal(orders_apply(mailbox, &err), 0);
	assert_int_equal(box_count(orders), 0);
	assert_true(box_has(orders, ".hidden"));
	assert_int_equal(job()->state, JOB_CLAIMED);
}

static void test_replaces_one_that_waits(void **state)
{
	(void)state;
	const struct order hold = { .verb = ORDER_HOLD };
	const struct boxdir *dir = &mailbox->dir;
	assert_int_equal(orders_leave(dir, BOX_JOB, &hold, &err), 0);
	box_expect(dir->orders, ORDER_FILE, "hold\n");
	assert_int_equal(give(ORDER_FAIL, ""), JOB_REJECTED);
}

static void test_each_job_has_its_own(void **state)
{
	(void)state;
	const struct outgoing *other = add_job("20261122070000001-0123abcd");
	const struct order hold = { .verb = ORDER_HOLD };
	assert_int_equal(orders_leave(&mailbox->dir, other->job.id, &hold,
				      &err),
			 0);
	assert_int_equal(give(ORDER_FAIL, ""), JOB_REJECTED);
	assert_int_equal(other->job.state, JOB_HELD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_allowed),
		TEST(test_hold_and_release),
		TEST(test_hold_keeps_what_is_behind),
		TEST(test_retry),
		TEST(test_adopt),
		TEST(test_resend_twice_is_once),
		TEST(test_fail),
		TEST(test_too_early),
		TEST(test_odd_files),
		TEST(test_replaces_one_that_waits),
		TEST(test_each_job_has_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
