/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "scratch.h"
#include "spool/boxdir.h"
#include "spool/scan.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define SECOND CLOCK_SECOND
#define START (1000 * SECOND) /* of monotonic time */

/* A folder to scan, and what the last run said. */
struct fixture {
	struct scratch out;
	struct boxdir box;
	struct scan *scan;
	struct scan_rules rules;
	struct scan_result result;
};

static int setup(void **state)
{
	static struct fixture fixture;
	fixture = (struct fixture){ .rules = { .processing_delay_ns = 0 } };
	scratch_make(&fixture.out);
	boxdir_init(&fixture.box);
	fixture.box.out = fixture.out.fd;
	fixture.scan = scan_new();
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	scan_result_release(&f->result);
	f->scan = scan_free(f->scan);
	f->box.out = -1;
	boxdir_release(&f->box);
	scratch_remove(&f->out);
	return 0;
}

static void put(struct fixture *f, const char *name)
{
	scratch_write(&f->out, name, name);
}

static void run_most(struct fixture *f, int64_t mono_ns, size_t most)
{
	struct err err;
	scan_result_release(&f->result);
	if (scan_run(f->scan, &f->box, &f->rules, mono_ns, clock_wall_ns(),
		     most, &f->result, &err) < 0)
		fail_msg("%s", err.text);
}

static void run(struct fixture *f, int64_t mono_ns)
{
	run_most(f, mono_ns, SIZE_MAX);
}

static void assert_counts(const struct fixture *f, size_t ready,
			  size_t settling, size_t waiting)
{
	assert_int_equal(f->result.count, ready);
	assert_int_equal(!f->result.ready, ready == 0);
	assert_int_equal(f->result.settling, settling);
	assert_int_equal(f->result.waiting, waiting);
}

static void assert_pair(const struct fixture *f, size_t i, const char *ctl,
			const char *dat)
{
	assert_in_range(i + 1, 1, f->result.count);
	assert_string_equal(f->result.ready[i].ctl_name, ctl);
	assert_string_equal(f->result.ready[i].dat_name, dat);
}

static struct stat look(const struct fixture *f, const char *name)
{
	struct stat st;
	assert_int_equal(fstatat(f->out.fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

static int64_t ns_of(const struct timespec *ts)
{
	return (int64_t)ts->tv_sec * SECOND + ts->tv_nsec;
}

/* Lets ctime, which has a coarse clock, pass that of another file. */
static void touch_later(const struct fixture *f, const char *name,
			const struct timespec *than)
{
	struct stat st;
	do {
		assert_int_equal(fchmodat(f->out.fd, name, 0640, 0), 0);
		st = look(f, name);
	} while (ns_of(&st.st_ctim) <= ns_of(than));
}

/* --- readiness --- */

static void test_empty_folder(void **state)
{
	struct fixture *f = *state;
	run(f, START);
	assert_counts(f, 0, 0, 0);
	assert_int_equal(f->result.next_ns, -1);
	assert_int_equal(f->result.oldest_s, -1);
}

static void test_without_delay_ready_at_first_sight(void **state)
{
	struct fixture *f = *state;
	put(f, "a.dat");
	put(f, "a.ctl");
	run(f, START);
	assert_counts(f, 1, 0, 0);
	assert_pair(f, 0, "a.ctl", "a.dat");
	assert_int_equal(f->result.next_ns, -1);
	assert_in_range(f->result.oldest_s, 0, 600);

	const struct scan_pair *pair = f->result.ready;
	struct stat ctl = look(f, "a.ctl");
	struct stat dat = look(f, "a.dat");
	assert_int_equal(pair->steady_ns, 0);
	assert_int_equal(pair->ctl.inode, ctl.st_ino);
	assert_int_equal(pair->ctl.size, 5);
	assert_int_equal(pair->dat.inode, dat.st_ino);
	assert_int_equal(pair->dat.mtime_ns, ns_of(&dat.st_mtim));
	assert_int_equal(pair->dat.ctime_ns, ns_of(&dat.st_ctim));
}

static void test_delay_counts_from_first_sight(void **state)
{
	struct fixture *f = *state;
	f->rules.processing_delay_ns = 10 * SECOND;
	put(f, "a.dat");
	put(f, "a.ctl");
	/* old times, as a copy carries them, are not believed */
	const struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	assert_int_equal(utimensat(f->out.fd, "a.ctl", old, 0), 0);
	assert_int_equal(utimensat(f->out.fd, "a.dat", old, 0), 0);
	run(f, START);
	assert_counts(f, 0, 1, 0);
	assert_int_equal(f->result.next_ns, 10 * SECOND);
	run(f, START + 4 * SECOND);
	assert_counts(f, 0, 1, 0);
	assert_int_equal(f->result.next_ns, 6 * SECOND);
	run(f, START + 10 * SECOND - 1);
	assert_counts(f, 0, 1, 0);
	assert_int_equal(f->result.next_ns, 1);
	run(f, START + 10 * SECOND);
	assert_counts(f, 1, 0, 0);
	assert_int_equal(f->result.ready[0].steady_ns, 10 * SECOND);
	assert_int_equal(f->result.next_ns, -1);
	run(f, START + 25 * SECOND);
	assert_int_equal(f->result.ready[0].steady_ns, 25 * SECOND);
}

static void test_next_is_that_of_the_first(void **state)
{
	struct fixture *f = *state;
	f->rules.processing_delay_ns = 10 * SECOND;
	put(f, "b.dat");
	put(f, "b.ctl");
	run(f, START);
	put(f, "a.dat");
	put(f, "a.ctl");
	put(f, "c.dat");
	put(f, "c.ctl");
	run(f, START + 3 * SECOND);
	assert_counts(f, 0, 3, 0);
	assert_int_equal(f->result.next_ns, 7 * SECOND);
	run(f, START + 10 * SECOND);
	assert_counts(f, 1, 2, 0);
	assert_pair(f, 0, "b.ctl", "b.dat");
	assert_int_equal(f->result.next_ns, 3 * SECOND);
}

static void grow(struct fixture *f, const char *name)
{
	struct stat st = look(f, name);
	scratch_write(&f->out, name, "something longer than before");
	const struct timespec times[2] = { st.st_atim, st.st_mtim };
	assert_int_equal(utimensat(f->out.fd, name, times, 0), 0);
}

static void age(struct fixture *f, const char *name)
{
	const struct timespec times[2] = { { .tv_sec = 7 }, { .tv_sec = 7 } };
	assert_int_equal(utimensat(f->out.fd, name, times, 0), 0);
}

static void change_mode(struct fixture *f, const char *name)
{
	struct stat st = look(f, name);
	touch_later(f, name, &st.st_ctim);
}

static void swap(struct fixture *f, const char *name)
{
	scratch_write(&f->out, "other", name);
	struct stat st = look(f, name);
	const struct timespec times[2] = { st.st_atim, st.st_mtim };
	assert_int_equal(utimensat(f->out.fd, "other", times, 0), 0);
	assert_int_equal(renameat(f->out.fd, "other", f->out.fd, name), 0);
}

static void test_every_change_starts_anew(void **state)
{
	struct fixture *f = *state;
	static void (*const changes[])(struct fixture *, const char *) = {
		grow,
		age,
		change_mode,
		swap,
	};
	static const char *const names[] = { "a.ctl", "a.dat" };
	f->rules.processing_delay_ns = 10 * SECOND;
	put(f, "a.dat");
	put(f, "a.ctl");
	int64_t now = START;
	for (size_t i = 0; i < COUNT(changes) * 2; i++) {
		run(f, now);
		run(f, now += 9 * SECOND);
		assert_counts(f, 0, 1, 0);
		changes[i / 2](f, names[i % 2]);
		run(f, now += 9 * SECOND);
		assert_counts(f, 0, 1, 0);
		assert_int_equal(f->result.next_ns, 10 * SECOND);
		run(f, now += 10 * SECOND);
		assert_counts(f, 1, 0, 0);
		change_mode(f, "a.ctl");
	}
}

static void test_what_was_away_starts_anew(void **state)
{
	struct fixture *f = *state;
	f->rules.processing_delay_ns = 10 * SECOND;
	put(f, "a.dat");
	put(f, "a.ctl");
	run(f, START);
	assert_int_equal(renameat(f->out.fd, "a.ctl", f->out.fd, "away"), 0);
	run(f, START + 5 * SECOND);
	assert_counts(f, 0, 0, 1);
	assert_int_equal(renameat(f->out.fd, "away", f->out.fd, "a.ctl"), 0);
	run(f, START + 11 * SECOND);
	assert_counts(f, 0, 1, 0);
	assert_int_equal(f->result.next_ns, 10 * SECOND);
}

static void test_forget(void **state)
{
	struct fixture *f = *state;
	scan_forget(f->scan, "a.ctl");
	f->rules.processing_delay_ns = 10 * SECOND;
	put(f, "a.dat");
	put(f, "a.ctl");
	put(f, "b.dat");
	put(f, "b.ctl");
	run(f, START);
	scan_forget(f->scan, "a.ctl");
	scan_forget(f->scan, "c.ctl");
	run(f, START + 10 * SECOND);
	assert_counts(f, 1, 1, 0);
	assert_pair(f, 0, "b.ctl", "b.dat");
	run(f, START + 20 * SECOND);
	assert_counts(f, 2, 0, 0);
}

/* --- names --- */

static void put_all(struct fixture *f, const char *const *names)
{
	for (; *names; names++)
		put(f, *names);
}

static void test_names_that_pair(void **state)
{
	struct fixture *f = *state;
	char longest[TEXT_NAME_SIZE];
	memset(longest, 'l', sizeof(longest));
	memcpy(longest + sizeof(longest) - 5, ".ctl", 5);
	char longest_dat[TEXT_NAME_SIZE];
	memcpy(longest_dat, longest, sizeof(longest));
	memcpy(longest_dat + sizeof(longest) - 5, ".dat", 5);
	const char *const names[] = {
		"x.csv.ctl", "x.csv.dat", "Y.CTL",    "Y.dat",	 "z.ctl",
		"z.Dat",     "-n.ctl",	  "-n.dat",   "a b.ctl", "a b.dat",
		"a.ctl",     "a.dat",	  "a-b.ctl",  "a-b.dat", "a.b.ctl",
		"a.b.dat",   "\xff.ctl",  "\xff.dat", longest,	 longest_dat,
		"aa.ctl",    "aa.dat",	  NULL,
	};
	put_all(f, names);
	run(f, START);
	assert_counts(f, 11, 0, 0);
	for (size_t i = 0; i < f->result.count; i++) {
		char ctl[TEXT_NAME_SIZE];
		char dat[TEXT_NAME_SIZE];
		scan_stem(f->result.ready[i].ctl_name, ctl);
		scan_stem(f->result.ready[i].dat_name, dat);
		assert_string_equal(ctl, dat);
	}
}

static void test_names_that_do_not_pair(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {
		/* waiting */
		"one.ctl",
		"two.dat",
		"Case.ctl",
		"case.dat",
		"p.q.ctl",
		"p.dat",
		/* left alone */
		".hidden.ctl",
		".hidden.dat",
		".ctl",
		".dat",
		"plain",
		"x.tmp",
		"x.ctl.part",
		"x.dat~",
		"ctl",
		"dat",
		"new\nline.ctl",
		"new\nline.dat",
		"esc\x1b.ctl",
		"esc\x1b.dat",
		"y.ctlx",
		"y.dat.",
		NULL,
	};
	put_all(f, names);
	run(f, START);
	assert_counts(f, 0, 0, 6);
}

static void test_lower_case_extension_is_taken(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {
		"a.CTL", "a.ctl", "a.Ctl", "a.DAT", "a.dat",
		"b.CTL", "b.Ctl", "b.dat", NULL,
	};
	put_all(f, names);
	run(f, START);
	assert_counts(f, 2, 0, 4);
	bool a_first = strcmp(f->result.ready[0].dat_name, "a.dat") == 0;
	assert_pair(f, a_first ? 0 : 1, "a.ctl", "a.dat");
	assert_pair(f, a_first ? 1 : 0, "b.Ctl", "b.dat");
}

static void test_other_spelling_of_data_starts_anew(void **state)
{
	struct fixture *f = *state;
	f->rules.processing_delay_ns = 10 * SECOND;
	put(f, "a.ctl");
	put(f, "a.DAT");
	run(f, START);
	put(f, "a.dat");
	run(f, START + 10 * SECOND);
	assert_counts(f, 0, 1, 1);
	assert_int_equal(f->result.next_ns, 10 * SECOND);
}

/* --- what is no pair --- */

static void make_link(struct fixture *f, const char *name)
{
	put(f, "target");
	assert_int_equal(symlinkat("target", f->out.fd, name), 0);
}

static void make_second_link(struct fixture *f, const char *name)
{
	put(f, "target");
	assert_int_equal(linkat(f->out.fd, "target", f->out.fd, name, 0), 0);
}

static void make_fifo(struct fixture *f, const char *name)
{
	assert_int_equal(mkfifoat(f->out.fd, name, 0660), 0);
}

static void make_directory(struct fixture *f, const char *name)
{
	scratch_mkdir(&f->out, name, 0770);
}

static void make_dangling_link(struct fixture *f, const char *name)
{
	assert_int_equal(symlinkat("nowhere", f->out.fd, name), 0);
}

static void test_irregular_files_are_left_waiting(void **state)
{
	struct fixture *f = *state;
	static void (*const makers[])(struct fixture *, const char *) = {
		make_link,	make_second_link,   make_fifo,
		make_directory, make_dangling_link,
	};
	f->rules.orphan_delay_ns = 1;
	for (size_t i = 0; i < COUNT(makers) * 2; i++) {
		const char *odd = i % 2 == 0 ? "a.ctl" : "a.dat";
		makers[i / 2](f, odd);
		put(f, i % 2 == 0 ? "a.dat" : "a.ctl");
		run(f, START);
		assert_counts(f, 0, 0, 2);
		run(f, START + 1000 * SECOND);
		assert_counts(f, 0, 0, 2);
		int how = makers[i / 2] == make_directory ? AT_REMOVEDIR : 0;
		assert_int_equal(unlinkat(f->out.fd, odd, how), 0);
		assert_int_equal(unlinkat(f->out.fd,
					  i % 2 == 0 ? "a.dat" : "a.ctl", 0),
				 0);
	}
}

static void test_irregular_control_file_alone(void **state)
{
	struct fixture *f = *state;
	f->rules.orphan_delay_ns = 1;
	make_link(f, "a.ctl");
	run(f, START);
	run(f, START + 1000 * SECOND);
	assert_counts(f, 0, 0, 1);
}

static void test_orphan(void **state)
{
	struct fixture *f = *state;
	f->rules.processing_delay_ns = 10 * SECOND;
	f->rules.orphan_delay_ns = 60 * SECOND;
	put(f, "a.ctl");
	put(f, "b.dat");
	run(f, START);
	assert_counts(f, 0, 0, 2);
	assert_int_equal(f->result.next_ns, -1);
	run(f, START + 60 * SECOND - 1);
	assert_counts(f, 0, 0, 2);
	run(f, START + 60 * SECOND);
	assert_counts(f, 1, 0, 1);
	assert_pair(f, 0, "a.ctl", "");
	assert_int_equal(f->result.ready[0].dat.inode, 0);
	assert_int_equal(f->result.ready[0].steady_ns, 60 * SECOND);
}

static void test_orphan_whose_data_comes_late(void **state)
{
	struct fixture *f = *state;
	f->rules.processing_delay_ns = 10 * SECOND;
	f->rules.orphan_delay_ns = 60 * SECOND;
	put(f, "a.ctl");
	run(f, START);
	put(f, "a.dat");
	run(f, START + 59 * SECOND);
	assert_counts(f, 0, 1, 0);
	assert_int_equal(f->result.next_ns, 10 * SECOND);
	/* and the other way round */
	assert_int_equal(unlinkat(f->out.fd, "a.dat", 0), 0);
	run(f, START + 69 * SECOND);
	assert_counts(f, 0, 0, 1);
	run(f, START + 129 * SECOND);
	assert_counts(f, 1, 0, 0);
	assert_pair(f, 0, "a.ctl", "");
}

static void test_forgotten_orphan(void **state)
{
	struct fixture *f = *state;
	f->rules.orphan_delay_ns = 60 * SECOND;
	put(f, "a.ctl");
	run(f, START);
	scan_forget(f->scan, "a.ctl");
	run(f, START + 60 * SECOND);
	assert_counts(f, 0, 0, 1);
	run(f, START + 120 * SECOND);
	assert_counts(f, 1, 0, 0);
}

static void test_orphans_never(void **state)
{
	struct fixture *f = *state;
	put(f, "a.ctl");
	run(f, START);
	run(f, START + 1000000 * SECOND);
	assert_counts(f, 0, 0, 1);
}

/* --- order and amount --- */

static void test_oldest_first(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = { "m", "c", "x", "a" };
	struct timespec last = { .tv_sec = 0 };
	for (size_t i = 0; i < COUNT(names); i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "%s.dat", names[i]);
		put(f, name);
		(void)snprintf(name, sizeof(name), "%s.ctl", names[i]);
		put(f, name);
		touch_later(f, name, &last);
		last = look(f, name).st_ctim;
	}
	run(f, START);
	assert_counts(f, 4, 0, 0);
	assert_pair(f, 0, "m.ctl", "m.dat");
	assert_pair(f, 1, "c.ctl", "c.dat");
	assert_pair(f, 2, "x.ctl", "x.dat");
	assert_pair(f, 3, "a.ctl", "a.dat");
	run_most(f, START, 2);
	assert_counts(f, 2, 0, 0);
	assert_pair(f, 0, "m.ctl", "m.dat");
	assert_pair(f, 1, "c.ctl", "c.dat");
	run_most(f, START, 0);
	assert_counts(f, 0, 0, 0);
}

static void test_most_limits_only_what_is_handed_out(void **state)
{
	struct fixture *f = *state;
	f->rules.processing_delay_ns = 10 * SECOND;
	put(f, "a.dat");
	put(f, "a.ctl");
	put(f, "b.dat");
	put(f, "b.ctl");
	run_most(f, START, 1);
	assert_counts(f, 0, 2, 0);
	put(f, "c.dat");
	put(f, "c.ctl");
	put(f, "d.dat");
	run_most(f, START + 10 * SECOND, 1);
	assert_counts(f, 1, 1, 1);
}

static void test_many_pairs(void **state)
{
	struct fixture *f = *state;
	enum {
		PAIRS = 2000
	};
	for (unsigned i = 0; i < PAIRS; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "%u.dat", i * 7919 % PAIRS);
		put(f, name);
		(void)snprintf(name, sizeof(name), "%u.ctl", i * 7919 % PAIRS);
		put(f, name);
	}
	f->rules.processing_delay_ns = SECOND;
	run(f, START);
	assert_counts(f, 0, PAIRS, 0);
	run(f, START + SECOND);
	assert_counts(f, PAIRS, 0, 0);
	static bool seen[PAIRS];
	memset(seen, 0, sizeof(seen));
	for (size_t i = 0; i < PAIRS; i++) {
		char stem[TEXT_NAME_SIZE];
		uint64_t number = 0;
		scan_stem(f->result.ready[i].ctl_name, stem);
		assert_true(text_u64(stem, PAIRS - 1, &number));
		assert_false(seen[number]);
		seen[number] = true;
	}
}

static void test_age_of_the_oldest(void **state)
{
	struct fixture *f = *state;
	put(f, "a.ctl");
	put(f, "b.ctl");
	struct stat st = look(f, "a.ctl");
	struct err err;
	assert_int_equal(scan_run(f->scan, &f->box, &f->rules, START,
				  (st.st_ctim.tv_sec + 100) * SECOND, 1,
				  &f->result, &err),
			 0);
	assert_int_equal(f->result.oldest_s, 100);
	/* a clock that is behind that of the file server */
	assert_int_equal(scan_run(f->scan, &f->box, &f->rules, START,
				  (st.st_ctim.tv_sec - 100) * SECOND, 1,
				  &f->result, &err),
			 0);
	assert_int_equal(f->result.oldest_s, 0);
}

static void test_put_off(void **state)
{
	struct fixture *f = *state;
	put(f, "a.ctl");
	put(f, "a.dat");
	run(f, START);
	scan_put_off(f->scan, "a.ctl", START + 9 * SECOND);
	run(f, START + SECOND);
	assert_counts(f, 0, 0, 0);
	assert_int_equal(f->result.put_off, 1);
	assert_int_equal(f->result.next_ns, 8 * SECOND);
	put(f, "b.dat");
	put(f, "b.ctl");
	run_most(f, START + 9 * SECOND, 1);
	assert_pair(f, 0, "b.ctl", "b.dat"); /* younger */
}

/* --- failure --- */

static void test_failure_changes_nothing(void **state)
{
	struct fixture *f = *state;
	f->rules.processing_delay_ns = 10 * SECOND;
	put(f, "a.dat");
	put(f, "a.ctl");
	run(f, START);
	struct err err;
	struct scan_result result = { .count = 77 };
	f->box.out = -1;
	assert_true(scan_run(f->scan, &f->box, &f->rules, START + SECOND, 0, 1,
			     &result, &err) < 0);
	assert_non_null(strstr(err.text, "OUT"));
	assert_int_equal(err.scope, ERR_MAILBOX);
	assert_int_equal(result.count, 77);
	assert_true(scan_run(f->scan, &f->box, &f->rules, START + SECOND, 0, 1,
			     &result, NULL) < 0);
	f->box.out = f->out.fd;
	run(f, START + 10 * SECOND);
	assert_counts(f, 1, 0, 0);
}

static void test_no_descriptor_is_left(void **state)
{
	struct fixture *f = *state;
	put(f, "a.dat");
	put(f, "a.ctl");
	size_t before = scratch_count_fds();
	run(f, START);
	run(f, START + SECOND);
	assert_int_equal(scratch_count_fds(), before);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_empty_folder),
		TEST(test_without_delay_ready_at_first_sight),
		TEST(test_delay_counts_from_first_sight),
		TEST(test_next_is_that_of_the_first),
		TEST(test_every_change_starts_anew),
		TEST(test_what_was_away_starts_anew),
		TEST(test_forget),
		TEST(test_names_that_pair),
		TEST(test_names_that_do_not_pair),
		TEST(test_lower_case_extension_is_taken),
		TEST(test_other_spelling_of_data_starts_anew),
		TEST(test_irregular_files_are_left_waiting),
		TEST(test_irregular_control_file_alone),
		TEST(test_orphan),
		TEST(test_orphan_whose_data_comes_late),
		TEST(test_forgotten_orphan),
		TEST(test_orphans_never),
		TEST(test_oldest_first),
		TEST(test_most_limits_only_what_is_handed_out),
		TEST(test_many_pairs),
		TEST(test_age_of_the_oldest),
		TEST(test_put_off),
		TEST(test_failure_changes_nothing),
		TEST(test_no_descriptor_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
