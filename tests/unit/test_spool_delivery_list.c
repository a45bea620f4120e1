/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fsx.h"
#include "spool/ctl.h"
#include "spool/delivery.h"
#include "spool_box.h"

#define ID BOX_MESSAGE
#define OTHER "20261122065959123457_0A1B2C"

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

/* Two chunks of three, the second of which ends inside a gzip member. */
static void fetch_some(const struct spool_box *to, const char *id,
		       struct delivery *ret)
{
	delivery_init(ret);
	assert_int_equal(delivery_resume(ret, &to->box, id, &err), 0);
	assert_int_equal(delivery_begin(ret, &to->box, &err), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(delivery_write(ret, "hello", 5, &err), 0);
		assert_int_equal(delivery_chunk_done(ret, &to->box, 3, i == 0,
						     BOX_NOW, &err),
				 0);
	}
}

static void put_fetching(const struct spool_box *to, const char *id)
{
	struct delivery delivery;
	fetch_some(to, id, &delivery);
	delivery_release(&delivery);
}

static void put_staged(void)
{
	struct delivery delivery;
	fetch_some(&box, ID, &delivery);
	assert_int_equal(delivery_chunk_done(&delivery, &box.box, 3, true,
					     BOX_NOW, &err),
			 0);
	struct ctl ctl;
	box_ctl(&ctl, ID);
	assert_int_equal(delivery_stage(&delivery, &box.box, &ctl, BOX_NOW,
					&err),
			 0);
	ctl_release(&ctl);
	delivery_release(&delivery);
}

/* --- the list --- */

static void test_list(void **state)
{
	(void)state;
	struct delivery_list list;
	assert_int_equal(delivery_list_read(&box.box, &list, &err), 0);
	assert_int_equal(list.count, 0);
	assert_null(delivery_list_find(&list, ID));
	delivery_list_release(&list);
	put_fetching(&box, OTHER);
	put_fetching(&box, ID);
	box_put(box.box.inbound, "note.txt", "");
	box_put(box.box.inbound, "a b" DELIVERY_SUFFIX, "");
	box_put(box.box.inbound, "." ID DELIVERY_SUFFIX ".new", "");
	const struct timespec times[] = { { .tv_sec = 7 }, { .tv_sec = 1234 } };
	assert_int_equal(utimensat(box.box.inbound, ID DELIVERY_SUFFIX, times,
				   0),
			 0);
	assert_int_equal(delivery_list_read(&box.box, &list, &err), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].id, ID);
	assert_string_equal(list.items[1].id, OTHER);
	assert_int_equal(list.items[0].mtime_ns, 1234 * INT64_C(1000000000));
	assert_false(list.items[0].marked);
	assert_ptr_equal(delivery_list_find(&list, OTHER), &list.items[1]);
	assert_null(delivery_list_find(&list, "20261122065959123458_0A1B2C"));
	delivery_list_release(&list);
}

/* --- giving up --- */

static void test_drop_fetching(void **state)
{
	(void)state;
	put_fetching(&box, OTHER);
	put_fetching(&box, ID);
	bool dropped = false;
	assert_int_equal(delivery_drop(&box.box, ID, &dropped, &err), 0);
	assert_true(dropped);
	assert_true(box_has(box.box.inbound, OTHER DELIVERY_SUFFIX));
	box_expect(box.box.temp, OTHER ".part", "hellohello");
	assert_int_equal(box_count(box.box.inbound), 1);
	assert_int_equal(box_count(box.box.temp), 1);
}

/* Some of it may be in IN: it is finished, never dropped. */
static void test_drop_staged(void **state)
{
	(void)state;
	put_staged();
	for (int i = 0; i < 2; i++) {
		bool dropped = true;
		assert_int_equal(delivery_drop(&box.box, ID, &dropped, &err),
				 0);
		assert_false(dropped);
		assert_true(box_has(box.box.inbound, ID DELIVERY_SUFFIX));
		assert_true(box_has(box.box.temp, ID ".ctl"));
		assert_int_equal(box_has(box.box.temp, ID ".part"), i == 0);
		if (i == 0) /* published as far as that */
			assert_int_equal(fsx_move(box.box.temp, ID ".part",
						  box.box.in, ID ".dat", &err),
					 0);
	}
}

static void test_drop_damaged(void **state)
{
	(void)state;
	put_fetching(&box, ID);
	size_t len = 0;
	char *text = box_read(box.box.inbound, ID DELIVERY_SUFFIX, &len);
	text[10] ^= 1; /* the first line, and a good one follows */
	box_put_bytes(box.box.inbound, ID DELIVERY_SUFFIX, text, len);
	free(text);
	assert_int_equal(unlinkat(box.box.temp, ID ".part", 0), 0);
	bool dropped = false;
	assert_int_equal(delivery_drop(&box.box, ID, &dropped, &err),
			 -ERR_INVALID);
	assert_false(dropped);
	assert_true(box_has(box.box.inbound, ID DELIVERY_SUFFIX));
}

static void set_up_story(struct spool_box *to)
{
	put_fetching(to, ID);
}

static int run(struct spool_box *to, struct err *why)
{
	bool dropped = false;
	return delivery_drop(&to->box, ID, &dropped, why);
}

static void check_end(struct spool_box *at)
{
	assert_int_equal(box_count(at->box.inbound), 0);
	assert_int_equal(box_count(at->box.temp), 0);
	assert_int_equal(box_count(at->box.in), 0);
}

static void test_killed_at_each_step(void **state)
{
	(void)state;
	const struct spool_story story = {
		.set_up = set_up_story,
		.run = run,
		.check = check_end,
	};
	assert_true(spool_story_tell(&story) > 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_list),
		TEST(test_drop_fetching),
		TEST(test_drop_staged),
		TEST(test_drop_damaged),
		cmocka_unit_test(test_killed_at_each_step),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
