/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* Folders whose files stand alone. */
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
#include "spool/scan.h"
#include "spool/scan_names.h"

#define SECOND CLOCK_SECOND
#define START (1000 * SECOND)
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct scratch dir;
static struct scan *scan;
static struct scan_result result;
static struct scan_rules rules;

static int set_up(void **state)
{
	(void)state;
	scratch_make(&dir);
	scan = scan_new();
	rules = (struct scan_rules){ .processing_delay_ns = 10 * SECOND };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scan_result_release(&result);
	scan = scan_free(scan);
	scratch_remove(&dir);
	return 0;
}

/* All but what has "no" in its name. */
static bool is_wanted(const void *ctx, const char *name)
{
	assert_ptr_equal(ctx, &rules);
	return !strstr(name, "no");
}

static void run_most(int64_t mono_ns, size_t most)
{
	const struct scan_folder folder = {
		.fd = dir.fd,
		.path = "/somewhere/letters",
		.wanted = is_wanted,
		.ctx = &rules,
	};
	struct err err;
	scan_result_release(&result);
	if (scan_run_files(scan, &folder, &rules, mono_ns, clock_wall_ns(),
			   most, &result, &err) < 0)
		fail_msg("%s", err.text);
}

static void run(int64_t mono_ns)
{
	run_most(mono_ns, SIZE_MAX);
}

static void expect(size_t ready, size_t settling, size_t waiting)
{
	assert_int_equal(result.count, ready);
	assert_int_equal(result.settling, settling);
	assert_int_equal(result.waiting, waiting);
}

static void test_settles_as_a_pair_does(void **state)
{
	(void)state;
	scratch_write(&dir, "a.pdf", "content");
	run(START);
	expect(0, 1, 0);
	assert_true(result.next_ns == 10 * SECOND);
	run(START + 9 * SECOND);
	expect(0, 1, 0);
	assert_true(result.next_ns == SECOND);
	scratch_write(&dir, "a.pdf", "more content");
	run(START + 10 * SECOND);
	expect(0, 1, 0); /* somebody writes it */
	run(START + 20 * SECOND);
	expect(1, 0, 0);
	assert_string_equal(result.ready[0].ctl_name, "");
	assert_string_equal(result.ready[0].dat_name, "a.pdf");
	assert_int_equal(result.ready[0].dat.size, 12);
	assert_true(result.ready[0].steady_ns == 10 * SECOND);
	assert_in_range(result.oldest_s, 0, 600);
	scan_forget(scan, "a.pdf");
	run(START + 21 * SECOND);
	expect(0, 1, 0);
}

/* The file may have changed for as long as the folder was looked at. */
static void test_a_slow_folder_does_not_shorten_the_delay(void **state)
{
	(void)state;
	scratch_write(&dir, "a.pdf", "content");
	run(START);
	scan_looked(scan, START + 4 * SECOND);
	run(START + 13 * SECOND);
	scan_looked(scan, START + 20 * SECOND);
	expect(0, 1, 0);
	assert_true(result.next_ns == SECOND);
	/* what was known before is not younger for that */
	run(START + 21 * SECOND);
	expect(1, 0, 0);
	assert_true(result.ready[0].steady_ns == 17 * SECOND);
}

static void test_without_delay(void **state)
{
	(void)state;
	rules.processing_delay_ns = 0;
	scratch_write(&dir, "a", "x");
	scratch_write(&dir, "a.ctl", "x"); /* is a file like any other */
	scratch_write(&dir, "a.dat", "x");
	run(START);
	expect(3, 0, 0);
}

/* Replaced by another file of the same size: its delay starts anew. */
static void test_replaced(void **state)
{
	(void)state;
	scratch_write(&dir, "a.pdf", "content");
	run(START);
	scratch_write(&dir, ".new", "CONTENT");
	assert_int_equal(renameat(dir.fd, ".new", dir.fd, "a.pdf"), 0);
	run(START + 11 * SECOND);
	expect(0, 1, 0);
	run(START + 21 * SECOND);
	expect(1, 0, 0);
}

static void test_what_is_no_plain_file(void **state)
{
	(void)state;
	rules.processing_delay_ns = 0;
	scratch_mkdir(&dir, "folder", 0700);
	scratch_write(&dir, "folder/inside", "x");
	scratch_mkdir(&dir, "no-folder", 0700);
	assert_int_equal(symlinkat("/etc/passwd", dir.fd, "link"), 0);
	assert_int_equal(symlinkat("folder", dir.fd, "folder-link"), 0);
	assert_int_equal(mkfifoat(dir.fd, "fifo", 0600), 0);
	scratch_write(&dir, "one", "x");
	assert_int_equal(linkat(dir.fd, "one", dir.fd, "two", 0), 0);
	scratch_write(&dir, ".hidden", "x");
	scratch_write(&dir, "bell\a", "x");
	run(START);
	/* folders are nobody's business; the others are no files of ours */
	expect(0, 0, 5);
	assert_int_equal(result.oldest_s, -1);
}

static void test_not_wanted_waits(void **state)
{
	(void)state;
	rules.processing_delay_ns = 0;
	scratch_write(&dir, "notes.txt", "x");
	scratch_write(&dir, "letter.txt", "x");
	scratch_write(&dir, "letter.txt.part", "x");
	run(START);
	expect(1, 0, 2);
	assert_string_equal(result.ready[0].dat_name, "letter.txt");
	run(START + 3600 * SECOND);
	expect(1, 0, 2); /* however long */
}

static void test_oldest_first(void **state)
{
	(void)state;
	rules.processing_delay_ns = 0;
	struct stat st;
	struct stat later;
	scratch_write(&dir, "z", "x");
	scratch_write(&dir, "a", "x");
	assert_int_equal(fstatat(dir.fd, "z", &st, 0), 0);
	do { /* the clock of files is coarse */
		assert_int_equal(fchmodat(dir.fd, "a", 0640, 0), 0);
		assert_int_equal(fstatat(dir.fd, "a", &later, 0), 0);
	} while (later.st_ctim.tv_sec == st.st_ctim.tv_sec &&
		 later.st_ctim.tv_nsec == st.st_ctim.tv_nsec);
	run_most(START, 1);
	expect(1, 0, 0);
	assert_string_equal(result.ready[0].dat_name, "z");
}

static void test_failure_names_the_folder(void **state)
{
	(void)state;
	const struct scan_folder folder = {
		.fd = -1,
		.path = "/somewhere/letters",
		.wanted = is_wanted,
		.ctx = &rules,
	};
	struct err err;
	assert_true(scan_run_files(scan, &folder, &rules, START, START, 1,
				   &result, &err) < 0);
	assert_non_null(strstr(err.text, "/somewhere/letters"));
	assert_int_equal(err.scope, ERR_MAILBOX);
}

static void test_unfinished_names(void **state)
{
	(void)state;
	static const char *const unfinished[] = {
		"a.tmp",
		"a.TMP",
		"a.pdf.part",
		"a.filepart",
		"a~",
		"~",
		"Unconfirmed.crdownload",
		"~$a.docx",
	};
	static const char *const finished[] = {
		"a", "part", "a.partial", "a.tmp.pdf", "~a", "$~a.docx",
	};
	for (size_t i = 0; i < COUNT(unfinished); i++)
		assert_true(scan_names_is_unfinished(unfinished[i]));
	for (size_t i = 0; i < COUNT(finished); i++)
		assert_false(scan_names_is_unfinished(finished[i]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_settles_as_a_pair_does),
		TEST(test_a_slow_folder_does_not_shorten_the_delay),
		TEST(test_without_delay),
		TEST(test_replaced),
		TEST(test_what_is_no_plain_file),
		TEST(test_not_wanted_waits),
		TEST(test_oldest_first),
		TEST(test_failure_names_the_folder),
		TEST(test_unfinished_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
