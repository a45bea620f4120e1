/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "scratch.h"
#include "spool/record.h"

#define NOW (INT64_C(1795330800) * INT64_C(1000000000))
#define LINES 4

static struct scratch dir;
static struct record record;
static struct err err;

static int set_up(void **state)
{
	(void)state;
	scratch_make(&dir);
	record_init(&record);
	err_clear(&err);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	record_close(&record);
	scratch_remove(&dir);
	return 0;
}

/* --- text --- */

static void test_format(void **state)
{
	(void)state;
	AUTO_BUF struct buf text;
	buf_init(&text, 1000);
	const struct record_field fields[] = {
		{ "ctl", "a.ctl" },
		{ "text", "100% #1\n\x7f\xc3\xa9=" },
		{ "none", "" },
	};
	assert_true(
		record_format(&text, 7, NOW + 123456789, "CLAIMED", fields, 3));
	static const char wanted[] =
		"7 2026-11-22T07:00:00.123Z CLAIMED ctl=a.ctl "
		"text=100%25%20%231%0A%7F\xc3\xa9= none= #";
	assert_memory_equal(text.data, wanted, sizeof(wanted) - 1);
	assert_int_equal(text.len, sizeof(wanted) - 1 + 9);
	struct record_line line;
	size_t used = 0;
	assert_true(record_parse(text.data, text.len, 7, &line, &used));
	assert_int_equal(used, text.len);
	assert_int_equal(line.sequence, 7);
	assert_true(line.wall_ns == NOW + 123000000);
	assert_string_equal(line.state, "CLAIMED");
	assert_int_equal(line.field_count, 3);
	assert_string_equal(record_get(&line, "ctl"), "a.ctl");
	assert_string_equal(record_get(&line, "text"), fields[1].value);
	assert_string_equal(record_get(&line, "none"), "");
	assert_null(record_get(&line, "other"));
	record_line_release(&line);
	assert_false(record_parse(text.data, text.len, 8, &line, &used));
	assert_true(record_parse(text.data, text.len, 0, &line, &used));
	record_line_release(&line);
}

/* The sum that the world calls CRC-32, so that other tools can check it. */
static void test_sum(void **state)
{
	(void)state;
	static const char text[] =
		"1 2026-11-22T07:06:00.123Z CLAIMED ctl=a.ctl dat=a.dat"
		" #8c41f696\n";
	struct record_line line;
	size_t used = 0;
	assert_true(record_parse(text, sizeof(text) - 1, 1, &line, &used));
	record_line_release(&line);
}

static void test_numbers(void **state)
{
	(void)state;
	AUTO_BUF struct buf text;
	buf_init(&text, 1000);
	const struct record_field fields[] = {
		{ "big", "18446744073709551615" },
		{ "low", "-9223372036854775807" },
		{ "bad", "12x" },
	};
	assert_true(record_format(&text, 1, NOW, "A", fields, 3));
	struct record_line line;
	size_t used = 0;
	assert_true(record_parse(text.data, text.len, 1, &line, &used));
	assert_true(record_get_u64(&line, "big", 5) == UINT64_MAX);
	assert_true(record_get_u64(&line, "bad", 5) == 5);
	assert_true(record_get_u64(&line, "no", 5) == 5);
	assert_true(record_get_i64(&line, "low", 5) == -INT64_MAX);
	assert_true(record_get_i64(&line, "big", 5) == 5);
	assert_true(record_get_i64(&line, "bad", 5) == 5);
	assert_true(record_get_i64(&line, "no", 5) == 5);
	record_line_release(&line);
}

static void test_format_ceiling(void **state)
{
	(void)state;
	AUTO_BUF struct buf text;
	buf_init(&text, 60);
	assert_true(buf_puts(&text, "before"));
	const struct record_field field = { "key", "a value that is long" };
	assert_false(record_format(&text, 1, NOW, "CLAIMED", &field, 1));
	assert_string_equal(text.data, "before");
	assert_true(record_format(&text, 1, NOW, "A", NULL, 0));
}

/* --- files --- */

static int count_line(void *ctx, const struct record_line *line,
		      struct err *why)
{
	size_t *count = ctx;
	(void)why;
	assert_int_equal(line->sequence, ++*count);
	return 0;
}

/* Opens "r", counts its lines. */
static int open_counting(bool writable, size_t *ret_lines, bool *ret_torn)
{
	*ret_lines = 0;
	*ret_torn = false;
	return record_open(&record, dir.fd, "r", writable, count_line,
			   ret_lines, ret_torn, &err);
}

/* A record "r" of LINES lines; where each ends. */
static void make(size_t ends[LINES])
{
	static const char *const states[LINES] = { "CLAIMED", "OPENING", "OPEN",
						   "ACCEPTED" };
	const struct record_field fields[] = {
		{ "ctl", "a name.ctl" },
		{ "text", "50% #2" },
	};
	assert_int_equal(record_create(&record, dir.fd, "r", NOW, states[0],
				       fields, 2, &err),
			 0);
	ends[0] = record.end;
	for (size_t i = 1; i < LINES; i++) {
		assert_int_equal(record_append(&record, NOW, states[i], fields,
					       2, &err),
				 0);
		ends[i] = record.end;
	}
	record_close(&record);
}

static char *load(size_t *ret_len)
{
	struct stat st;
	assert_int_equal(fstatat(dir.fd, "r", &st, 0), 0);
	char *text = xcalloc(1, (size_t)st.st_size + 1);
	AUTO_CLOSE int fd = openat(dir.fd, "r", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
	*ret_len = (size_t)st.st_size;
	return text;
}

static void store(const char *text, size_t len)
{
	AUTO_CLOSE int fd = openat(dir.fd, "r",
				   O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
				   0600);
	assert_int_equal(write(fd, text, len), len);
}

static void test_create_and_append(void **state)
{
	(void)state;
	size_t ends[LINES];
	make(ends);
	struct stat st;
	assert_int_equal(fstatat(dir.fd, "r", &st, 0), 0);
	assert_int_equal(st.st_size, ends[LINES - 1]);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(record_create(&record, dir.fd, "r", NOW, "A", NULL, 0,
				       &err),
			 -ERR_EXISTS);
	size_t lines;
	bool torn;
	assert_int_equal(open_counting(true, &lines, &torn), 0);
	assert_int_equal(lines, LINES);
	assert_false(torn);
	assert_int_equal(record.sequence, LINES);
	assert_int_equal(record.end, ends[LINES - 1]);
}

static void test_missing(void **state)
{
	(void)state;
	size_t lines;
	bool torn;
	assert_int_equal(open_counting(true, &lines, &torn), -ERR_MISSING);
	assert_int_equal(record.fd, -1);
}

static int refuse(void *ctx, const struct record_line *line, struct err *why)
{
	(void)ctx;
	return line->sequence == 2 ? err_set(why, ERR_LIMIT, "enough") : 0;
}

static void test_reader_refuses(void **state)
{
	(void)state;
	size_t ends[LINES];
	make(ends);
	bool torn = false;
	size_t fds = scratch_count_fds();
	assert_int_equal(record_open(&record, dir.fd, "r", true, refuse, NULL,
				     &torn, &err),
			 -ERR_LIMIT);
	assert_int_equal(scratch_count_fds(), fds);
}

/* How many lines a file that was cut at len has. */
static size_t lines_before(const size_t ends[LINES], size_t len)
{
	size_t lines = 0;
	while (lines < LINES && ends[lines] <= len)
		lines++;
	return lines;
}

static void expect_torn(const size_t ends[LINES], size_t cut, size_t len)
{
	size_t whole = lines_before(ends, cut);
	size_t lines;
	bool torn;
	if (whole == 0) {
		assert_int_equal(open_counting(true, &lines, &torn),
				 -ERR_CORRUPT);
		return;
	}
	assert_int_equal(open_counting(false, &lines, &torn), 0);
	record_close(&record);
	assert_int_equal(open_counting(true, &lines, &torn), 0);
	assert_int_equal(lines, whole);
	assert_int_equal(torn, ends[whole - 1] < len);
	assert_int_equal(record_append(&record, NOW, "NEXT", NULL, 0, &err), 0);
	record_close(&record);
	assert_int_equal(open_counting(true, &lines, &torn), 0);
	assert_int_equal(lines, whole + 1);
	assert_false(torn);
	record_close(&record);
}

/* Cut off at every byte; and with NUL bytes where the rest should be. */
static void test_torn_at_each_byte(void **state)
{
	(void)state;
	size_t ends[LINES];
	make(ends);
	size_t len = 0;
	AUTO_FREE char *text = load(&len);
	AUTO_FREE char *holed = xcalloc(1, len);
	for (size_t cut = 0; cut <= len; cut++) {
		store(text, cut);
		expect_torn(ends, cut, cut);
		if (cut > 0)
			holed[cut - 1] = text[cut - 1];
		store(holed, len);
		expect_torn(ends, cut, len);
	}
}

/* A line that was durable and is damaged is never taken for a torn one. */
static void test_each_bit_flipped(void **state)
{
	(void)state;
	size_t ends[LINES];
	make(ends);
	size_t len = 0;
	AUTO_FREE char *text = load(&len);
	for (size_t bit = 0; bit < len * 8; bit++) {
		text[bit / 8] ^= (char)(1 << bit % 8);
		store(text, len);
		size_t lines;
		bool torn;
		assert_int_equal(open_counting(true, &lines, &torn),
				 -ERR_INVALID);
		assert_int_equal(lines, lines_before(ends, bit / 8));
		text[bit / 8] ^= (char)(1 << bit % 8);
	}
	struct stat st; /* nothing was cut */
	assert_int_equal(fstatat(dir.fd, "r", &st, 0), 0);
	assert_int_equal(st.st_size, len);
}

/* Also when it is the only line. */
static void test_only_line_flipped(void **state)
{
	(void)state;
	size_t ends[LINES];
	make(ends);
	size_t len = 0;
	AUTO_FREE char *text = load(&len);
	for (size_t bit = 0; bit < ends[0] * 8; bit++) {
		text[bit / 8] ^= (char)(1 << bit % 8);
		store(text, ends[0]);
		size_t lines;
		bool torn;
		assert_int_equal(open_counting(true, &lines, &torn),
				 -ERR_INVALID);
		text[bit / 8] ^= (char)(1 << bit % 8);
	}
}

static void test_out_of_sequence(void **state)
{
	(void)state;
	AUTO_BUF struct buf text;
	buf_init(&text, 1000);
	assert_true(record_format(&text, 1, NOW, "A", NULL, 0));
	assert_true(record_format(&text, 3, NOW, "B", NULL, 0));
	store(text.data, text.len);
	size_t lines;
	bool torn;
	assert_int_equal(open_counting(true, &lines, &torn), -ERR_INVALID);
	assert_int_equal(lines, 1);
}

/* A short line over a long one whose write failed. */
static void test_written_over_failed_line(void **state)
{
	(void)state;
	size_t ends[LINES];
	make(ends);
	size_t len = 0;
	AUTO_FREE char *text = load(&len);
	size_t part = ends[3] - ends[2] - 1;
	for (size_t n = 0; n <= part; n++) {
		store(text, ends[2] + n);
		size_t lines;
		bool torn;
		AUTO_CLOSE int fd = openat(dir.fd, "r", O_WRONLY | O_CLOEXEC);
		AUTO_BUF struct buf line;
		buf_init(&line, 1000);
		assert_true(record_format(&line, 4, NOW, "B", NULL, 0));
		assert_int_equal(pwrite(fd, line.data, line.len,
					(off_t)ends[2]),
				 line.len);
		assert_int_equal(open_counting(true, &lines, &torn), 0);
		assert_int_equal(lines, 4);
		assert_int_equal(torn, n > line.len);
		record_close(&record);
	}
}

static void test_link(void **state)
{
	(void)state;
	size_t ends[LINES];
	make(ends);
	assert_int_equal(symlinkat("r", dir.fd, "link"), 0);
	bool torn;
	assert_int_equal(record_open(&record, dir.fd, "link", true, NULL, NULL,
				     &torn, &err),
			 -ERR_UNSAFE);
}

static void test_full(void **state)
{
	(void)state;
	size_t ends[LINES];
	make(ends);
	size_t lines;
	bool torn;
	assert_int_equal(open_counting(true, &lines, &torn), 0);
	uint64_t end = record.end;
	record.end = RECORD_SIZE_MAX - 10;
	assert_int_equal(record_append(&record, NOW, "B", NULL, 0, &err),
			 -ERR_LIMIT);
	record.end = end;
	assert_int_equal(record_append(&record, NOW, "B", NULL, 0, &err), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_format),
		TEST(test_sum),
		TEST(test_numbers),
		TEST(test_format_ceiling),
		TEST(test_create_and_append),
		TEST(test_missing),
		TEST(test_reader_refuses),
		TEST(test_torn_at_each_byte),
		TEST(test_each_bit_flipped),
		TEST(test_only_line_flipped),
		TEST(test_out_of_sequence),
		TEST(test_written_over_failed_line),
		TEST(test_link),
		TEST(test_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
