/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <fcntl.h>
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

#include "agent/watch.h"
#include "base/mem.h"
#include "scratch.h"

#define FOLDERS ((size_t)3)
#define CALLS_MOST 16

/* Three OUT folders, watched as slots 0 to 2, and one that is not. */
struct place {
	struct scratch scratch;
	int out[FOLDERS];
	struct watch *watch;
};

static const char *const names[FOLDERS] = { "a", "b", "c" };

static int open_folder(const struct place *p, const char *name)
{
	int fd = openat(p->scratch.fd, name,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static int setup(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));
	scratch_make(&p->scratch);
	scratch_mkdir(&p->scratch, "other", 0770);
	p->watch = watch_new();
	assert_non_null(p->watch);
	for (size_t i = 0; i < FOLDERS; i++) {
		scratch_mkdir(&p->scratch, names[i], 0770);
		p->out[i] = open_folder(p, names[i]);
		watch_add(p->watch, p->out[i], i);
	}
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	p->watch = watch_free(p->watch);
	assert_null(p->watch);
	for (size_t i = 0; i < FOLDERS; i++)
		assert_int_equal(close(p->out[i]), 0);
	scratch_remove(&p->scratch);
	free(p);
	return 0;
}

/* --- what was told --- */

/* The slots in the order of the calls, a digit each. */
struct calls {
	char slots[CALLS_MOST + 1];
	size_t count;
};

static void note(void *ctx, size_t slot)
{
	struct calls *calls = ctx;
	assert_in_range(slot, 0, 9);
	assert_in_range(calls->count, 0, CALLS_MOST - 1);
	calls->slots[calls->count++] = (char)('0' + (int)slot);
}

/* Events are there when the call that caused them returns. */
static bool is_readable(const struct watch *watch)
{
	struct pollfd fd = { .fd = watch_fd(watch), .events = POLLIN };
	int n = poll(&fd, 1, 0);
	assert_true(n >= 0);
	return n == 1;
}

static void assert_moved_in(struct watch *watch, const char *slots)
{
	struct calls calls = { .count = 0 };
	assert_int_equal(is_readable(watch), slots[0] != '\0');
	watch_drain(watch, note, &calls);
	assert_string_equal(calls.slots, slots);
	assert_false(is_readable(watch));
}

static void assert_moved(const struct place *p, const char *slots)
{
	assert_moved_in(p->watch, slots);
}

static void move(const struct place *p, const char *from, const char *to)
{
	assert_int_equal(renameat(p->scratch.fd, from, p->scratch.fd, to), 0);
}

/* --- what is a hint --- */

static void test_at_first_nothing(void **state)
{
	struct place *p = *state;
	assert_moved(p, "");
	assert_moved(p, "");
}

static void test_file_written_in_place(void **state)
{
	struct place *p = *state;
	scratch_write(&p->scratch, "b/one.dat", "data");
	assert_moved(p, "1");
	assert_moved(p, "");
	scratch_write(&p->scratch, "b/one.dat", "data again");
	assert_moved(p, "1");
}

/* A writer that has not closed has not finished. */
static void test_only_when_it_is_closed(void **state)
{
	struct place *p = *state;
	int fd = openat(p->out[0], "one.dat", O_WRONLY | O_CREAT | O_CLOEXEC,
			0660);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "data", 4), 4);
	assert_moved(p, "");
	assert_int_equal(close(fd), 0);
	assert_moved(p, "0");
}

static void test_file_renamed_into_place(void **state)
{
	struct place *p = *state;
	scratch_write(&p->scratch, "other/one.tmp", "data");
	assert_moved(p, "");
	move(p, "other/one.tmp", "c/one.dat");
	assert_moved(p, "2");
	move(p, "c/one.dat", "c/two.dat");
	assert_moved(p, "2");
}

/* Our own doings in OUT (taking files away, looking) wake nobody. */
static void test_what_is_no_hint(void **state)
{
	struct place *p = *state;
	scratch_write(&p->scratch, "a/one.dat", "data");
	scratch_write(&p->scratch, "a/two.dat", "data");
	assert_moved(p, "0");
	int fd = openat(p->out[0], "one.dat", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	char byte;
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(close(fd), 0);
	assert_int_equal(fchmodat(p->out[0], "one.dat", 0600, 0), 0);
	move(p, "a/one.dat", "other/one.dat");
	assert_int_equal(unlinkat(p->out[0], "two.dat", 0), 0);
	assert_int_equal(fsync(p->out[0]), 0);
	assert_moved(p, "");
}

/* --- which slots --- */

static void test_each_slot_once_in_order(void **state)
{
	struct place *p = *state;
	scratch_write(&p->scratch, "c/one.dat", "data");
	scratch_write(&p->scratch, "a/one.dat", "data");
	scratch_write(&p->scratch, "c/one.ctl", "data");
	scratch_write(&p->scratch, "a/one.ctl", "data");
	assert_moved(p, "02");
}

/* From one folder to the other: a hint only for where it went. */
static void test_move_between_two(void **state)
{
	struct place *p = *state;
	scratch_write(&p->scratch, "a/one.dat", "data");
	assert_moved(p, "0");
	move(p, "a/one.dat", "b/one.dat");
	assert_moved(p, "1");
}

/* More events than one read takes. */
static void test_many_events(void **state)
{
	struct place *p = *state;
	for (int i = 0; i < 400; i++) {
		char name[128];
		int n = snprintf(name, sizeof(name), "b/%090d.dat", i);
		assert_in_range(n, 1, sizeof(name) - 1);
		scratch_write(&p->scratch, name, "");
	}
	scratch_write(&p->scratch, "c/last.dat", "");
	assert_moved(p, "12");
}

/* Slots are numbered as mailboxes are; not each of them has to be there. */
static void test_slots_with_gaps(void **state)
{
	struct place *p = *state;
	struct watch *watch = watch_new();
	assert_non_null(watch);
	watch_add(watch, p->out[1], 7);
	watch_add(watch, p->out[0], 3);
	scratch_write(&p->scratch, "b/one.dat", "data");
	assert_moved_in(watch, "7");
	scratch_write(&p->scratch, "a/one.dat", "data");
	scratch_write(&p->scratch, "b/two.dat", "data");
	scratch_write(&p->scratch, "c/one.dat", "data");
	assert_moved_in(watch, "37");
	assert_null(watch_free(watch));
}

static void test_two_slots_on_one_folder(void **state)
{
	struct place *p = *state;
	watch_add(p->watch, p->out[0], 4);
	scratch_write(&p->scratch, "a/one.dat", "data");
	assert_moved(p, "04");
}

/* One mailbox may have several folders to look at. */
static void test_two_folders_in_one_slot(void **state)
{
	struct place *p = *state;
	AUTO_CLOSE int other = open_folder(p, "other");
	watch_add(p->watch, other, 1);
	scratch_write(&p->scratch, "other/one.dat", "data");
	assert_moved(p, "1");
	scratch_write(&p->scratch, "b/one.dat", "data");
	assert_moved(p, "1");
	scratch_write(&p->scratch, "b/two.dat", "data");
	scratch_write(&p->scratch, "other/two.dat", "data");
	scratch_write(&p->scratch, "a/one.dat", "data");
	assert_moved(p, "01");
}

/* It is the folder that is watched, not its name. */
static void test_folder_under_another_name(void **state)
{
	struct place *p = *state;
	move(p, "a", "a-before");
	scratch_mkdir(&p->scratch, "a", 0770);
	scratch_write(&p->scratch, "a/one.dat", "data");
	assert_moved(p, "");
	scratch_write(&p->scratch, "a-before/one.dat", "data");
	assert_moved(p, "0");
}

static void test_folder_that_is_removed(void **state)
{
	struct place *p = *state;
	assert_int_equal(unlinkat(p->scratch.fd, "b", AT_REMOVEDIR), 0);
	struct calls calls = { .count = 0 };
	watch_drain(p->watch, note, &calls); /* whatever it tells of that */
	scratch_write(&p->scratch, "c/one.dat", "data");
	assert_moved(p, "2");
}

/* --- without --- */

static void test_what_cannot_be_watched(void **state)
{
	struct place *p = *state;
	int closed = open_folder(p, "other");
	assert_int_equal(close(closed), 0);
	watch_add(p->watch, closed, 4);
	watch_add(p->watch, -1, 5);
	scratch_write(&p->scratch, "other/one.dat", "data");
	assert_moved(p, "");
	scratch_write(&p->scratch, "c/one.dat", "data");
	assert_moved(p, "2");
}

static void test_nothing_added(void **state)
{
	(void)state;
	struct watch *watch = watch_new();
	assert_non_null(watch);
	assert_moved_in(watch, "");
	assert_null(watch_free(watch));
}

static void test_no_inotify(void **state)
{
	struct place *p = *state;
	struct calls calls = { .count = 0 };
	assert_int_equal(watch_fd(NULL), -1);
	watch_add(NULL, p->out[0], 0);
	scratch_write(&p->scratch, "a/one.dat", "data");
	watch_drain(NULL, note, &calls);
	assert_int_equal(calls.count, 0);
	assert_null(watch_free(NULL));
}

static void test_descriptors(void **state)
{
	struct place *p = *state;
	size_t before = scratch_count_fds();
	struct watch *watch = watch_new();
	assert_non_null(watch);
	int fd = watch_fd(watch);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	watch_add(watch, p->out[0], 0);
	watch_add(watch, p->out[0], 0);
	assert_int_equal(scratch_count_fds(), before + 1);
	assert_null(watch_free(watch));
	assert_int_equal(scratch_count_fds(), before);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_at_first_nothing),
		TEST(test_file_written_in_place),
		TEST(test_only_when_it_is_closed),
		TEST(test_file_renamed_into_place),
		TEST(test_what_is_no_hint),
		TEST(test_each_slot_once_in_order),
		TEST(test_move_between_two),
		TEST(test_many_events),
		TEST(test_slots_with_gaps),
		TEST(test_two_slots_on_one_folder),
		TEST(test_two_folders_in_one_slot),
		TEST(test_folder_under_another_name),
		TEST(test_folder_that_is_removed),
		TEST(test_what_cannot_be_watched),
		cmocka_unit_test(test_nothing_added),
		TEST(test_no_inotify),
		TEST(test_descriptors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
