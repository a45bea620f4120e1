/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/signalfile.h"
#include "agent/watch.h"
#include "base/mem.h"
#include "scratch.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define NAME "sig/mexclient.sig"
#define NOBODY 65534

struct place {
	struct scratch scratch;
	char path[PATH_MAX];
	struct signalfile *file;
};

static int setup(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));
	scratch_make(&p->scratch);
	scratch_mkdir(&p->scratch, "sig", 0770);
	scratch_path(&p->scratch, NAME, p->path);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	(void)signalfile_free(p->file);
	scratch_remove(&p->scratch);
	free(p);
	return 0;
}

static void begin(struct place *p)
{
	p->file = signalfile_new(p->path);
	assert_non_null(p->file);
}

static void put(const struct place *p, const char *text)
{
	scratch_write(&p->scratch, NAME, text);
}

static long size_of(const struct place *p)
{
	struct stat st;
	return lstat(p->path, &st) < 0 ? -1 : (long)st.st_size;
}

#define assert_look(p, order) \
	assert_int_equal(signalfile_look((p)->file), SIGNALFILE_##order)

static void test_meaning(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum signalfile_order order;
	} cases[] = {
		{ "", SIGNALFILE_NONE },
		{ " \r\n\t", SIGNALFILE_NONE },
		{ "1", SIGNALFILE_STOP },
		{ "1\n", SIGNALFILE_STOP },
		{ "\r\n 1\r\n", SIGNALFILE_STOP },
		{ "2\n", SIGNALFILE_RELOAD },
		{ "0", SIGNALFILE_UNKNOWN },
		{ "3", SIGNALFILE_UNKNOWN },
		{ "stop 1", SIGNALFILE_UNKNOWN },
		{ "\"1\"", SIGNALFILE_UNKNOWN },
		{ "\xff\xfe"
		  "1",
		  SIGNALFILE_UNKNOWN },
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(signalfile_read(cases[i].text,
						 strlen(cases[i].text)),
				 cases[i].order);
	assert_int_equal(signalfile_read("\0001", 2), SIGNALFILE_UNKNOWN);
}

/* Each order once; the file stays, empty. */
static void test_orders(void **state)
{
	struct place *p = *state;
	begin(p);
	assert_look(p, NONE);
	put(p, "");
	assert_look(p, NONE);
	put(p, "1\n");
	assert_look(p, STOP);
	assert_int_equal(size_of(p), 0);
	assert_look(p, NONE);
	put(p, "2");
	assert_look(p, RELOAD);
	put(p, "2");
	assert_look(p, RELOAD);
	assert_look(p, NONE);
	assert_int_equal(size_of(p), 0);
}

static void test_old_order(void **state)
{
	struct place *p = *state;
	put(p, "1");
	begin(p);
	assert_int_equal(size_of(p), 0);
	assert_look(p, NONE);
	put(p, "1");
	assert_look(p, STOP);
}

/* What is not an order is not ours to touch. */
static void test_left_alone(void **state)
{
	struct place *p = *state;
	put(p, "hello");
	begin(p);
	assert_look(p, NONE);
	assert_int_equal(size_of(p), 5);
	char large[101];
	memset(large, '1', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	put(p, large);
	assert_look(p, NONE);
	assert_look(p, NONE);
	assert_int_equal(size_of(p), 100);
	put(p, "1");
	assert_look(p, STOP);
}

/* Links could point anywhere. */
static void test_links(void **state)
{
	struct place *p = *state;
	char other[PATH_MAX];
	scratch_path(&p->scratch, "other", other);
	scratch_write(&p->scratch, "other", "1");
	assert_int_equal(symlink("../other", p->path), 0);
	begin(p);
	assert_look(p, NONE);
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(link(other, p->path), 0);
	assert_look(p, NONE);
	assert_int_equal(size_of(p), 1);
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(mkdir(p->path, 0770), 0);
	assert_look(p, NONE);
	assert_int_equal(rmdir(p->path), 0);
	assert_int_equal(mkfifo(p->path, 0660), 0);
	assert_look(p, NONE);
}

/* A share that goes and comes back. */
static void test_folder_away(void **state)
{
	struct place *p = *state;
	char folder[PATH_MAX];
	scratch_path(&p->scratch, "sig", folder);
	assert_int_equal(rmdir(folder), 0);
	begin(p);
	assert_look(p, NONE);
	assert_look(p, NONE);
	assert_int_equal(mkdir(folder, 0770), 0);
	put(p, "1");
	assert_look(p, STOP);
}

static void rights(struct place *p, mode_t folder, mode_t file, bool ours)
{
	char path[PATH_MAX];
	scratch_path(&p->scratch, "sig", path);
	bool root = getuid() == 0;
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(p->scratch.path, 0755), 0);
	assert_int_equal(chmod(path, folder), 0);
	if (file != 0)
		assert_int_equal(chmod(p->path, file), 0);
	if (root && !ours)
		assert_int_equal(seteuid(NOBODY), 0);
}

/* The order is obeyed once, though it stays where it is. */
static void test_cannot_take_away(void **state)
{
	struct place *p = *state;
	put(p, "1");
	rights(p, 0555, 0444, false);
	begin(p);
	assert_look(p, NONE);
	rights(p, 0755, 0644, true);
	assert_int_equal(size_of(p), 1);
	put(p, "2\n");
	rights(p, 0555, 0444, false);
	assert_look(p, RELOAD);
	assert_look(p, NONE);
	rights(p, 0755, 0644, true);
	assert_int_equal(size_of(p), 2);
}

/* A file that we may only remove. */
static void test_removed(void **state)
{
	struct place *p = *state;
	begin(p);
	put(p, "1");
	rights(p, 0777, 0444, false);
	assert_look(p, STOP);
	rights(p, 0755, 0, true);
	assert_int_equal(size_of(p), -1);
}

static void test_same_path(void **state)
{
	struct place *p = *state;
	assert_null(signalfile_new(NULL));
	assert_null(signalfile_free(NULL));
	begin(p);
	assert_true(signalfile_is(p->file, p->path));
	assert_false(signalfile_is(p->file, "/elsewhere"));
	assert_false(signalfile_is(p->file, NULL));
	assert_false(signalfile_is(NULL, p->path));
	assert_true(signalfile_is(NULL, NULL));
}

static void count_slot(void *ctx, size_t slot)
{
	assert_int_equal(slot, 3);
	(*(int *)ctx)++;
}

static void test_hint(void **state)
{
	struct place *p = *state;
	struct watch *watch = watch_new();
	assert_non_null(watch);
	begin(p);
	signalfile_watch(p->file, watch, 3);
	signalfile_watch(NULL, watch, 4);
	put(p, "1");
	struct pollfd fd = { .fd = watch_fd(watch), .events = POLLIN };
	assert_int_equal(poll(&fd, 1, 10000), 1);
	int hints = 0;
	watch_drain(watch, count_slot, &hints);
	assert_int_equal(hints, 1);
	(void)watch_free(watch);
}

static void test_descriptors(void **state)
{
	struct place *p = *state;
	begin(p);
	size_t before = scratch_count_fds();
	for (int i = 0; i < 10; i++) {
		put(p, i % 2 == 0 ? "2" : "what?");
		(void)signalfile_look(p->file);
	}
	assert_int_equal(scratch_count_fds(), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meaning),
		TEST(test_orders),
		TEST(test_old_order),
		TEST(test_left_alone),
		TEST(test_links),
		TEST(test_folder_away),
		TEST(test_cannot_take_away),
		TEST(test_removed),
		TEST(test_same_path),
		TEST(test_hint),
		TEST(test_descriptors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
