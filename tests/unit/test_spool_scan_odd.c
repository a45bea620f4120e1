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
#include "spool/scan_odd.h"

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

static void run(struct fixture *f, int64_t mono_ns)
{
	struct err err;
	scan_result_release(&f->result);
	if (scan_run(f->scan, &f->box, &f->rules, mono_ns, clock_wall_ns(),
		     SIZE_MAX, &f->result, &err) < 0)
		fail_msg("%s", err.text);
}

static void assert_odd(const struct fixture *f, size_t seen, size_t named)
{
	assert_int_equal(f->result.odd_seen, seen);
	assert_int_equal(f->result.odd_count, named);
	assert_int_equal(!f->result.odd, named == 0);
}

static void assert_one(const struct fixture *f, const char *name,
		       const char *why)
{
	assert_odd(f, 1, 1);
	assert_string_equal(f->result.odd[0].text, name);
	assert_string_equal(f->result.odd[0].why, why);
}

static void make_link(const struct fixture *f, const char *name)
{
	assert_int_equal(symlinkat("/etc/passwd", f->out.fd, name), 0);
}

static void test_plain_files_are_not_odd(void **state)
{
	struct fixture *f = *state;
	put(f, "a.ctl");
	put(f, "a.dat");
	put(f, "lone.dat");
	put(f, "other.txt");
	put(f, ".hidden.txt");
	put(f, ".meshdrop-send-1.dat");
	make_link(f, "link.txt");
	run(f, START);
	assert_odd(f, 0, 0);
	assert_int_equal(f->result.count, 1);
	assert_false(f->result.cut);
}

static void test_named_until_told(void **state)
{
	struct fixture *f = *state;
	make_link(f, "a.dat");
	run(f, START);
	assert_one(f, "a.dat", "is a symbolic link");
	run(f, START + 1);
	assert_one(f, "a.dat", "is a symbolic link");
	scan_told_odd(f->scan, "a.dat");
	scan_told_odd(f->scan, "another.dat");
	run(f, START + 2);
	assert_odd(f, 1, 0);
	/* gone, and there again: a new one */
	assert_int_equal(unlinkat(f->out.fd, "a.dat", 0), 0);
	run(f, START + 3);
	assert_odd(f, 0, 0);
	make_link(f, "a.dat");
	run(f, START + 4);
	assert_one(f, "a.dat", "is a symbolic link");
}

static void test_named_again_as_something_else(void **state)
{
	struct fixture *f = *state;
	make_link(f, "a.ctl");
	run(f, START);
	scan_told_odd(f->scan, "a.ctl");
	assert_int_equal(unlinkat(f->out.fd, "a.ctl", 0), 0);
	assert_int_equal(mkfifoat(f->out.fd, "a.ctl", 0600), 0);
	run(f, START);
	assert_one(f, "a.ctl", "is a FIFO");
}

static void test_both_members(void **state)
{
	struct fixture *f = *state;
	make_link(f, "a.ctl");
	scratch_mkdir(&f->out, "a.dat", 0700);
	run(f, START);
	assert_odd(f, 2, 2);
	assert_string_equal(f->result.odd[0].text, "a.ctl");
	assert_string_equal(f->result.odd[1].text, "a.dat");
	assert_string_equal(f->result.odd[1].why, "is a directory");
}

static void test_names(void **state)
{
	struct fixture *f = *state;
	put(f, "a\nb.ctl");
	put(f, ".b.dat");
	run(f, START);
	assert_odd(f, 2, 2);
	assert_string_equal(f->result.odd[0].text, ".b.dat");
	assert_string_equal(f->result.odd[0].why, "its name begins with a dot");
	assert_string_equal(f->result.odd[1].text, "a\nb.ctl");
	assert_string_equal(f->result.odd[1].why, "its name has control bytes");
}

/* What may be well soon has its time; a second link makes others wait for it,
 * a hidden name does not. */
static void test_second_link_and_hidden_name_have_time(void **state)
{
	struct fixture *f = *state;
	f->rules.processing_delay_ns = 10 * SECOND;
	put(f, "a.dat");
	assert_int_equal(linkat(f->out.fd, "a.dat", f->out.fd, "b", 0), 0);
	run(f, START);
	assert_odd(f, 1, 0);
	assert_int_equal(f->result.settling, 1);
	assert_true(f->result.next_ns == 10 * SECOND);
	run(f, START + 10 * SECOND);
	assert_one(f, "a.dat", "has more than one link");
	assert_int_equal(f->result.settling, 0);

	assert_int_equal(unlinkat(f->out.fd, "b", 0), 0);
	put(f, ".h.ctl");
	run(f, START);
	scan_looked(f->scan, START + SECOND);
	assert_odd(f, 1, 0);
	assert_int_equal(f->result.settling, 0);
	run(f, START + 10 * SECOND);
	assert_odd(f, 1, 0);
	run(f, START + 11 * SECOND);
	assert_one(f, ".h.ctl", "its name begins with a dot");
}

static void test_all_kinds(void **state)
{
	(void)state;
	static const struct {
		mode_t mode;
		nlink_t links;
		bool odd;
		enum scan_why why;
	} cases[] = {
		{ S_IFREG, 1, false, SCAN_LINKS },
		{ S_IFREG, 2, true, SCAN_LINKS },
		{ S_IFREG, 0, true, SCAN_LINKS },
		{ S_IFLNK, 1, true, SCAN_SYMLINK },
		{ S_IFDIR, 2, true, SCAN_DIRECTORY },
		{ S_IFIFO, 1, true, SCAN_FIFO },
		{ S_IFSOCK, 1, true, SCAN_SOCKET },
		{ S_IFCHR, 1, true, SCAN_DEVICE },
		{ S_IFBLK, 1, true, SCAN_DEVICE },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct stat st = {
			.st_mode = cases[i].mode | 0600,
			.st_nlink = cases[i].links,
		};
		enum scan_why why;
		assert_int_equal(scan_odd_is(&st, &why), cases[i].odd);
		if (cases[i].odd)
			assert_int_equal(why, cases[i].why);
	}
}

static void make_many(struct fixture *f, unsigned from, unsigned to)
{
	char name[32];
	for (unsigned i = from; i < to; i++) {
		(void)snprintf(name, sizeof(name), "link%04u.dat", i);
		make_link(f, name);
	}
}

/* Those that were told of are remembered however many come to them. */
static void test_no_more_than_the_limit(void **state)
{
	struct fixture *f = *state;
	make_many(f, 500, 500 + SCAN_ODD_MAX - 1);
	run(f, START);
	assert_odd(f, SCAN_ODD_MAX - 1, SCAN_ODD_MAX - 1);
	for (size_t i = 0; i < f->result.odd_count; i++)
		scan_told_odd(f->scan, f->result.odd[i].text);
	make_many(f, 0, 300);
	make_many(f, 800, 1000);
	run(f, START);
	assert_odd(f, SCAN_ODD_MAX - 1 + 500, 1);
	scan_told_odd(f->scan, f->result.odd[0].text);
	run(f, START);
	assert_odd(f, SCAN_ODD_MAX - 1 + 500, 0);
	/* there is room again */
	assert_int_equal(unlinkat(f->out.fd, "link0500.dat", 0), 0);
	run(f, START);
	assert_odd(f, SCAN_ODD_MAX - 2 + 500, 1);
}

static bool want_all(const void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return true;
}

static void test_folder_of_files_that_stand_alone(void **state)
{
	struct fixture *f = *state;
	const struct scan_folder folder = {
		.fd = f->out.fd,
		.path = "folder",
		.wanted = want_all,
	};
	struct err err;
	put(f, "good.pdf");
	put(f, ".hidden");
	put(f, "a\tb");
	scratch_mkdir(&f->out, "folder", 0700);
	make_link(f, "link.pdf");
	assert_int_equal(scan_run_files(f->scan, &folder, &f->rules, START,
					clock_wall_ns(), SIZE_MAX, &f->result,
					&err),
			 0);
	assert_int_equal(f->result.count, 1);
	assert_odd(f, 2, 2);
	assert_string_equal(f->result.odd[0].text, "a\tb");
	assert_string_equal(f->result.odd[1].text, "link.pdf");
}

static void observe_many(struct scan_odd *odd, const struct scan_odd *old,
			 char kind)
{
	for (unsigned i = 0; i < SCAN_ODD_MAX; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "%c%03u.ctl", kind, i);
		scan_odd_observe(odd, old, name, SCAN_HIDDEN, START);
	}
}

/* Some file systems give a name twice while others change the folder: what was
 * known may come more often than there is room. */
static void test_names_that_come_twice(void **state)
{
	(void)state;
	struct scan_odd old = { .items = NULL };
	struct scan_odd odd = { .items = NULL };
	observe_many(&old, &odd, 'k');
	scan_odd_finish(&old);
	observe_many(&odd, &old, 'n');
	observe_many(&odd, &old, 'k');
	observe_many(&odd, &old, 'k');
	assert_int_equal(odd.count, 2 * SCAN_ODD_MAX);
	assert_int_equal(odd.known, SCAN_ODD_MAX);
	scan_odd_finish(&odd);
	assert_int_equal(odd.count, SCAN_ODD_MAX);
	assert_non_null(scan_odd_find(&odd, "k000.ctl"));
	scan_odd_release(&old);
	scan_odd_release(&odd);
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(test_plain_files_are_not_odd),
		WITH_FOLDER(test_named_until_told),
		WITH_FOLDER(test_named_again_as_something_else),
		WITH_FOLDER(test_both_members),
		WITH_FOLDER(test_names),
		WITH_FOLDER(test_second_link_and_hidden_name_have_time),
		WITH_FOLDER(test_no_more_than_the_limit),
		WITH_FOLDER(test_folder_of_files_that_stand_alone),
		cmocka_unit_test(test_names_that_come_twice),
		cmocka_unit_test(test_all_kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
