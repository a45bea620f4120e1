/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Messages that go to a folder of their own, and have a second name there.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
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
#include "spool/verify.h"
#include "spool_box.h"

#define ID BOX_MESSAGE
#define SECOND "letter.pdf"
#define ASIDE "letter~" ID ".pdf"

static struct spool_box box;
static struct delivery delivery;
static struct err err;
static int lab = -1; /* root/lab */

static int set_up(void **state)
{
	(void)state;
	spool_box_make(&box);
	delivery_init(&delivery);
	err_clear(&err);
	return boxdir_open_folder(&box.box, "lab", true, &lab, &err);
}

static int tear_down(void **state)
{
	(void)state;
	spool_box_refuse_links(0);
	delivery_release(&delivery);
	(void)close(lab); /* only read */
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

static int stage(void)
{
	struct ctl ctl;
	box_ctl(&ctl, ID);
	int r = delivery_stage(&delivery, &box.box, &ctl, BOX_NOW, &err);
	ctl_release(&ctl);
	return r;
}

static void fetch(const char *folder, const char *second)
{
	resume();
	assert_int_equal(delivery_begin(&delivery, &box.box, &err), 0);
	assert_int_equal(delivery_write(&delivery, "hello", 5, &err), 0);
	assert_int_equal(delivery_chunk_done(&delivery, &box.box, 1, true,
					     BOX_NOW, &err),
			 0);
	SET(delivery.folder, folder);
	SET(delivery.second, second);
}

static void put_staged(const char *folder, const char *second)
{
	fetch(folder, second);
	assert_int_equal(stage(), 0);
	resume(); /* as after a death: from the record alone */
	assert_int_equal(delivery.state, DELIVERY_STAGED);
	assert_string_equal(delivery.folder, folder);
}

static void publish(void)
{
	if (delivery_publish(&delivery, &box.box, &err) < 0)
		fail_msg("%s", err.text);
}

static bool is_one_file(int dirfd, const char *a, const char *b)
{
	struct stat first;
	struct stat second;
	assert_int_equal(fstatat(dirfd, a, &first, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(fstatat(dirfd, b, &second, AT_SYMLINK_NOFOLLOW), 0);
	return first.st_ino == second.st_ino;
}

static void expect_settled(size_t names)
{
	assert_int_equal(box_count(lab), names);
	assert_int_equal(box_count(box.box.temp), 0);
	assert_int_equal(box_count(box.box.in), 0);
}

/* --- the folder --- */

static void test_folder(void **state)
{
	(void)state;
	put_staged("lab", "");
	publish();
	box_expect(lab, ID ".dat", "hello");
	assert_true(box_has(lab, ID ".ctl"));
	publish();
	expect_settled(2);
	assert_int_equal(delivery_finish(&delivery, &box.box, &err), 0);
	assert_string_equal(delivery.folder, "");
	assert_int_equal(box_count(box.box.inbound), 0);
}

/* It went meanwhile, or the settings do not name it any more. */
static void test_folder_made_again(void **state)
{
	(void)state;
	put_staged("ward 7", "");
	publish();
	AUTO_CLOSE int made = openat(box.box.base, "ward 7",
				     O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(box_count(made), 2);
}

static void test_folder_refused(void **state)
{
	(void)state;
	assert_int_equal(symlinkat("IN", box.box.base, "link"), 0);
	put_staged("link", SECOND);
	assert_int_equal(delivery_publish(&delivery, &box.box, &err),
			 -ERR_UNSAFE);
	assert_non_null(strstr(err.text, "/link': "));
	SET(delivery.folder, "Temp");
	assert_int_equal(delivery_publish(&delivery, &box.box, &err),
			 -ERR_CONFIG);
	box_expect(box.box.temp, ID ".part", "hello");
	assert_int_equal(box_count(box.box.in), 0);
}

static void test_folder_name_taken(void **state)
{
	(void)state;
	put_staged("lab", SECOND);
	box_put(lab, ID ".dat", "a stranger's");
	assert_int_equal(delivery_publish(&delivery, &box.box, &err),
			 -ERR_EXISTS);
	assert_non_null(strstr(err.text, "lab has another file"));
	assert_int_equal(box_count(lab), 1); /* and no second name yet */
	assert_int_equal(unlinkat(lab, ID ".dat", 0), 0);
	publish();
	expect_settled(3);
}

/* As it was before there were folders. */
static void test_record_without_fields(void **state)
{
	(void)state;
	put_staged("", "");
	size_t len = 0;
	AUTO_FREE char *text = box_read(box.box.inbound, ID DELIVERY_SUFFIX,
					&len);
	assert_null(strstr(text, "folder="));
	assert_null(strstr(text, "second="));
	publish();
	assert_int_equal(box_count(box.box.in), 2);
}

static void test_record_with_bad_names(void **state)
{
	(void)state;
	static const char *const bad[] = { "a/b", "..", "a\nb" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		fetch("lab", "");
		SET(delivery.folder, bad[i]);
		assert_int_equal(stage(), 0);
		/* nothing was published, so it is fetched again */
		resume();
		assert_int_equal(delivery.state, DELIVERY_NEW);
	}
}

/* --- the second name --- */

static void test_second(void **state)
{
	(void)state;
	put_staged("lab", SECOND);
	assert_true(is_one_file(box.box.temp, ID ".part", ID DELIVERY_SECOND));
	publish();
	assert_true(is_one_file(lab, ID ".dat", SECOND));
	box_expect(lab, SECOND, "hello");
	publish();
	expect_settled(3);
	assert_false(delivery.second_lost);
}

static void test_second_taken(void **state)
{
	(void)state;
	box_put(lab, SECOND, "hello");
	put_staged("lab", SECOND);
	publish();
	box_expect(lab, ASIDE, "hello");
	assert_true(is_one_file(lab, ID ".dat", ASIDE));
	assert_false(is_one_file(lab, ID ".dat", SECOND));
	expect_settled(4);
	/* the first name became free: ours has one already */
	assert_int_equal(unlinkat(lab, SECOND, 0), 0);
	publish();
	expect_settled(3);
}

static void test_both_taken(void **state)
{
	(void)state;
	box_put(lab, SECOND, "1");
	assert_int_equal(symlinkat("x", lab, ASIDE), 0);
	put_staged("lab", SECOND);
	publish();
	assert_true(delivery.second_lost);
	box_expect(lab, ID ".dat", "hello");
	box_expect(lab, SECOND, "1");
	expect_settled(4);
}

/* Consumers took it, or all, before we could note it. */
static void test_second_consumed(void **state)
{
	(void)state;
	put_staged("lab", SECOND);
	publish();
	assert_int_equal(unlinkat(lab, SECOND, 0), 0);
	resume();
	publish();
	expect_settled(2);
	assert_int_equal(unlinkat(lab, ID ".dat", 0), 0);
	assert_int_equal(unlinkat(lab, ID ".ctl", 0), 0);
	resume();
	publish();
	expect_settled(0);
}

/* A power cut may leave both names of a rename, on btrfs for example. */
static void test_half_moved(void **state)
{
	(void)state;
	static const char *const names[] = { SECOND, ASIDE };
	for (size_t i = 0; i < 2; i++) {
		put_staged("lab", SECOND);
		int temp = box.box.temp;
		assert_int_equal(linkat(temp, ID ".part", lab, ID ".dat", 0),
				 0);
		assert_int_equal(linkat(temp, ID DELIVERY_SECOND, lab, names[i],
					0),
				 0);
		publish();
		expect_settled(3);
		assert_true(is_one_file(lab, ID ".dat", names[i]));
		assert_int_equal(delivery_finish(&delivery, &box.box, &err), 0);
		assert_int_equal(unlinkat(lab, names[i], 0), 0);
		assert_int_equal(unlinkat(lab, ID ".dat", 0), 0);
		assert_int_equal(unlinkat(lab, ID ".ctl", 0), 0);
	}
}

static void test_no_hard_links(void **state)
{
	(void)state;
	spool_box_refuse_links(EPERM);
	fetch("lab", SECOND);
	assert_int_equal(stage(), 0);
	assert_true(delivery.second_lost);
	resume();
	assert_string_equal(delivery.second, "");
	publish();
	expect_settled(2);
}

static void test_link_fails(void **state)
{
	(void)state;
	fetch("lab", SECOND);
	spool_box_refuse_links(ENOSPC);
	assert_int_equal(stage(), -ERR_NOSPACE);
	assert_int_equal(box_count(box.box.inbound), 0);
	spool_box_refuse_links(0);
	assert_int_equal(stage(), 0);
	publish();
	expect_settled(3);
}

/* What the sender called it is not for the log. */
static void test_name_is_not_said(void **state)
{
	(void)state;
	put_staged("lab", SECOND);
	assert_int_equal(fsx_move(box.box.temp, ID ".part", lab, ID ".dat",
				  &err),
			 0);
	spool_box_refuse_moves(EIO);
	assert_int_equal(delivery_publish(&delivery, &box.box, &err), -ERR_IO);
	spool_box_refuse_moves(0);
	assert_null(strstr(err.text, "letter"));
	assert_non_null(strstr(err.text, "second name of message " ID));
	assert_int_equal(err.scope, ERR_MAILBOX);
	publish();
	expect_settled(3);
}

/* Died behind the link, before STAGED: the part has two names, and goes on. */
static void test_link_without_record(void **state)
{
	(void)state;
	resume();
	assert_int_equal(delivery_begin(&delivery, &box.box, &err), 0);
	assert_int_equal(delivery_write(&delivery, "one,", 4, &err), 0);
	assert_int_equal(delivery_chunk_done(&delivery, &box.box, 2, true,
					     BOX_NOW, &err),
			 0);
	assert_int_equal(linkat(box.box.temp, ID ".part", box.box.temp,
				ID DELIVERY_SECOND, 0),
			 0);
	resume();
	assert_int_equal(delivery.state, DELIVERY_FETCHING);
	assert_int_equal(delivery.done, 1);
	assert_false(box_has(box.box.temp, ID DELIVERY_SECOND));
	assert_int_equal(delivery_finish(&delivery, &box.box, &err), 0);
	/* in one chunk there is no record at all */
	box_put(box.box.temp, ID DELIVERY_SECOND, "old");
	put_staged("lab", SECOND);
	publish();
	box_expect(lab, SECOND, "hello");
	expect_settled(3);
}

/* Given up, or no second name is wanted any more. */
static void test_finish_removes_it(void **state)
{
	(void)state;
	box_put(box.box.temp, ID DELIVERY_SECOND, "old");
	put_staged("lab", "");
	publish();
	assert_true(box_has(box.box.temp, ID DELIVERY_SECOND));
	assert_int_equal(delivery_finish(&delivery, &box.box, &err), 0);
	expect_settled(2);
}

static void say(void *ctx, const char *text)
{
	(void)ctx;
	fail_msg("%s", text);
}

static void test_verify(void **state)
{
	(void)state;
	struct verify_count count;
	put_staged("lab", SECOND);
	assert_int_equal(verify_mailbox(&box.box, say, NULL, &count, &err), 0);
	assert_int_equal(count.deliveries, 1);
	publish();
	assert_int_equal(verify_mailbox(&box.box, say, NULL, &count, &err), 0);
}

/* --- a whole life, with deaths --- */

static int run_stage(struct delivery *mine, struct spool_box *to,
		     struct err *why)
{
	int r = delivery_begin(mine, &to->box, why);
	if (r == 0)
		r = delivery_write(mine, "hello", 5, why);
	if (r == 0)
		r = delivery_chunk_done(mine, &to->box, 1, true, BOX_NOW, why);
	if (r < 0)
		return r;
	SET(mine->folder, "lab");
	SET(mine->second, SECOND);
	struct ctl ctl;
	box_ctl(&ctl, ID);
	r = delivery_stage(mine, &to->box, &ctl, BOX_NOW, why);
	ctl_release(&ctl);
	return r;
}

static int run_all(struct delivery *mine, struct spool_box *to,
		   struct ledger *ledger, struct err *why)
{
	int r = 0;
	if (!ledger_delivered(ledger, ID)) {
		if (mine->state != DELIVERY_STAGED)
			r = run_stage(mine, to, why);
		if (r == 0)
			r = delivery_publish(mine, &to->box, why);
		if (r == 0)
			r = ledger_add_delivered(ledger, ID, 5, false, BOX_NOW,
						 why);
	}
	return r < 0 ? r : delivery_finish(mine, &to->box, why);
}

static int run(struct spool_box *to, struct err *why)
{
	struct ledger *ledger = NULL;
	struct delivery mine;
	delivery_init(&mine);
	int r = ledger_open(to->box.ledger, BOX_NOW, &ledger, why);
	if (r == 0)
		r = delivery_resume(&mine, &to->box, ID, why);
	if (r == 0)
		r = run_all(&mine, to, ledger, why);
	delivery_release(&mine);
	(void)ledger_close(ledger);
	return r;
}

static void set_up_story(struct spool_box *to)
{
	scratch_mkdir(&to->scratch, "taken", 0700);
}

/* A consumer takes all three; what comes a second time finds its name taken
 * and fails the test. */
static void consume(struct spool_box *from)
{
	static const char *const names[] = { SECOND, ID ".dat", ID ".ctl" };
	AUTO_CLOSE int folder = openat(from->box.base, "lab",
				       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 || !box_has(folder, ID ".ctl"))
		return;
	AUTO_CLOSE int taken = openat(from->scratch.fd, "taken",
				      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	box_expect(folder, ID ".dat", "hello");
	assert_true(is_one_file(folder, ID ".dat", SECOND));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_int_equal(fsx_move(folder, names[i], taken, names[i],
					  NULL),
				 0);
}

static void check_end(struct spool_box *at)
{
	consume(at);
	AUTO_CLOSE int folder = openat(at->box.base, "lab",
				       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int taken = openat(at->scratch.fd, "taken",
				      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(box_count(taken), 3);
	assert_int_equal(box_count(folder), 0);
	assert_int_equal(box_count(at->box.in), 0);
	assert_int_equal(box_count(at->box.temp), 0);
	assert_int_equal(box_count(at->box.inbound), 0);
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
	assert_true(spool_story_tell(&story) > 300);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_folder),
		TEST(test_folder_made_again),
		TEST(test_folder_refused),
		TEST(test_folder_name_taken),
		TEST(test_record_without_fields),
		TEST(test_record_with_bad_names),
		TEST(test_second),
		TEST(test_second_taken),
		TEST(test_both_taken),
		TEST(test_second_consumed),
		TEST(test_half_moved),
		TEST(test_no_hard_links),
		TEST(test_link_fails),
		TEST(test_name_is_not_said),
		TEST(test_link_without_record),
		TEST(test_finish_removes_it),
		TEST(test_verify),
		cmocka_unit_test(test_killed_at_each_step),
	};
	return cmocka_run_group_tests_name("spool_delivery_publish", tests,
					   NULL, NULL);
}
