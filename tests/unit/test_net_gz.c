/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/gz.h"

#define MOST ((uint64_t)1 << 30)

static FILE *file_of(const void *data, size_t len)
{
	FILE *file = tmpfile();
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fflush(file), 0);
	return file;
}

/* Text that compresses, and never the same twice. */
static char *sample(size_t len)
{
	char *data = xmalloc(len);
	uint32_t x = 1;
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		data[i] = (char)("abcdefgh"[(x >> 24) & 7]);
	}
	return data;
}

static void compress(const void *data, size_t len, struct buf *ret)
{
	FILE *from = file_of(data, len);
	FILE *to = tmpfile();
	assert_non_null(to);
	uint64_t length = 0;
	struct err err;
	assert_int_equal(gz_compress(fileno(from), "a", 0, len, fileno(to),
				     MOST, &length, &err),
			 0);
	char *out = xmalloc((size_t)length);
	assert_int_equal(pread(fileno(to), out, (size_t)length, 0), length);
	assert_true(buf_append(ret, out, (size_t)length));
	free(out);
	(void)fclose(from);
	(void)fclose(to);
}

static int collect(void *ctx, const void *data, size_t len, struct err *err)
{
	if (!buf_append(ctx, data, len))
		return err_set(err, ERR_IO, "the test's buffer is full");
	return 0;
}

static void round_trip(size_t len)
{
	char *data = sample(len);
	struct buf packed;
	struct buf plain;
	struct err err;
	buf_init(&packed, (size_t)1 << 28);
	buf_init(&plain, (size_t)1 << 28);
	compress(data, len, &packed);
	assert_true(len < 1000 || packed.len < len * 3 / 4);
	/* no time, no name: equal data gives equal bytes */
	assert_memory_equal(packed.data, "\x1f\x8b\x08\0\0\0\0\0", 8);
	struct gz_reader *gz = gz_reader_new(0);
	assert_int_equal(gz_reader_feed(gz, packed.data, packed.len, MOST,
					collect, &plain, &err),
			 0);
	assert_true(gz_reader_between(gz));
	gz_reader_free(gz);
	assert_int_equal(plain.len, len);
	assert_memory_equal(plain.data, data, len);
	buf_release(&packed);
	buf_release(&plain);
	free(data);
}

static void test_round_trips(void **state)
{
	(void)state;
	round_trip(1);
	round_trip(65536);
	round_trip(65537);
	round_trip(3000000);
}

/* Over GZ_BLOCK_MAX the other compressor works. */
static void test_stream(void **state)
{
	(void)state;
	round_trip((size_t)GZ_BLOCK_MAX + 1);
}

static void test_limit(void **state)
{
	(void)state;
	size_t sizes[] = { 100000, (size_t)GZ_BLOCK_MAX + 1 };
	for (size_t i = 0; i < 2; i++) {
		char *data = sample(sizes[i]);
		FILE *from = file_of(data, sizes[i]);
		FILE *to = tmpfile();
		uint64_t length = 7;
		struct err err;
		assert_non_null(to);
		assert_int_equal(gz_compress(fileno(from), "a", 0, sizes[i],
					     fileno(to), 1000, &length, &err),
				 -ERR_LIMIT);
		assert_int_equal(gz_compress(fileno(from), "a", 1, sizes[i],
					     fileno(to), MOST, &length, &err),
				 -ERR_CHANGED);
		assert_int_equal(length, 7);
		(void)fclose(from);
		(void)fclose(to);
		free(data);
	}
}

/* Two members and one byte at a time: what cut chunks look like. */
static void test_members(void **state)
{
	(void)state;
	struct buf packed;
	struct buf plain;
	struct err err;
	buf_init(&packed, 10000);
	buf_init(&plain, 10000);
	compress("hello ", 6, &packed);
	size_t first = packed.len;
	compress("world", 5, &packed);
	struct gz_reader *gz = gz_reader_new(0);
	assert_true(gz_reader_between(gz));
	for (size_t i = 0; i < packed.len; i++) {
		assert_int_equal(gz_reader_feed(gz, packed.data + i, 1, MOST,
						collect, &plain, &err),
				 0);
		bool between = i + 1 == first || i + 1 == packed.len;
		assert_int_equal(gz_reader_between(gz), between);
	}
	assert_string_equal(plain.data, "hello world");
	gz_reader_free(gz);
	buf_release(&packed);
	buf_release(&plain);
}

static int feed(const char *data, size_t len, uint64_t most, bool *ret_between)
{
	struct buf plain;
	struct err err;
	buf_init(&plain, (size_t)1 << 24);
	struct gz_reader *gz = gz_reader_new(0);
	int r = gz_reader_feed(gz, data, len, most, collect, &plain, &err);
	*ret_between = gz_reader_between(gz);
	gz_reader_free(gz);
	buf_release(&plain);
	return r;
}

static void test_corrupt(void **state)
{
	(void)state;
	struct buf packed;
	bool between;
	buf_init(&packed, 10000);
	compress("hello hello hello", 17, &packed);
	assert_int_equal(feed("plain text", 10, MOST, &between), -ERR_CORRUPT);
	/* cut anywhere: never complete */
	for (size_t len = 1; len < packed.len; len++) {
		assert_int_equal(feed(packed.data, len, MOST, &between), 0);
		assert_false(between);
	}
	packed.data[packed.len - 5] ^= 1; /* checksum */
	assert_int_equal(feed(packed.data, packed.len, MOST, &between),
			 -ERR_CORRUPT);
	packed.data[packed.len - 5] ^= 1;
	assert_true(buf_puts(&packed, "garbage"));
	assert_int_equal(feed(packed.data, packed.len, MOST, &between),
			 -ERR_CORRUPT);
	buf_release(&packed);
}

/* A small input may expand without end. */
static void test_bomb(void **state)
{
	(void)state;
	size_t len = (size_t)8 << 20;
	char *zeros = xcalloc(1, len);
	struct buf packed;
	bool between;
	buf_init(&packed, len);
	compress(zeros, len, &packed);
	assert_true(packed.len < len / 100);
	assert_int_equal(feed(packed.data, packed.len, 1000000, &between),
			 -ERR_LIMIT);
	assert_int_equal(feed(packed.data, packed.len, len - 1, &between),
			 -ERR_LIMIT);
	assert_int_equal(feed(packed.data, packed.len, len, &between), 0);
	assert_true(between);
	buf_release(&packed);
	free(zeros);
}

static void test_restore(void **state)
{
	(void)state;
	struct buf packed;
	struct buf plain;
	struct err err;
	buf_init(&packed, 10000);
	buf_init(&plain, 10000);
	compress("hello world", 11, &packed);
	struct gz_reader *gz = gz_reader_new(0);
	assert_int_equal(gz_reader_feed(gz, packed.data, 12, MOST, collect,
					&plain, &err),
			 0);
	size_t before = plain.len;
	struct gz_reader *copy = gz_reader_copy(gz);
	for (unsigned i = 0; i < 2; i++) {
		plain.len = before;
		assert_int_equal(gz_reader_feed(gz, packed.data + 12,
						packed.len - 12, MOST, collect,
						&plain, &err),
				 0);
		assert_true(gz_reader_between(gz));
		assert_int_equal(plain.len, 11);
		assert_memory_equal(plain.data, "hello world", 11);
		gz_reader_restore(gz, copy);
		assert_false(gz_reader_between(gz));
	}
	gz_reader_free(copy);
	gz_reader_free(gz);
	buf_release(&packed);
	buf_release(&plain);
}

static void test_pass_counts(void **state)
{
	(void)state;
	struct buf plain;
	struct err err;
	buf_init(&plain, 100);
	struct gz_reader *gz = gz_reader_new(0);
	assert_int_equal(gz_reader_pass(gz, "hello", 5, 8, collect, &plain,
					&err),
			 0);
	assert_int_equal(gz_reader_pass(gz, "hello", 5, 8, collect, &plain,
					&err),
			 -ERR_LIMIT);
	assert_string_equal(plain.data, "hello");
	gz_reader_free(gz);
	buf_release(&plain);
}

/* What is taken up again counts from where it was. */
static void test_counts_on(void **state)
{
	(void)state;
	struct buf packed;
	struct buf plain;
	struct err err;
	buf_init(&packed, 10000);
	buf_init(&plain, 100);
	compress("hello", 5, &packed);
	for (uint64_t total = 4; total <= 6; total++) {
		struct gz_reader *gz = gz_reader_new(total);
		int expected = total + 5 <= 10 ? 0 : -ERR_LIMIT;
		assert_int_equal(gz_reader_feed(gz, packed.data, packed.len, 10,
						collect, &plain, &err),
				 expected);
		gz_reader_free(gz);
	}
	struct gz_reader *gz = gz_reader_new(11); /* the limit was higher */
	assert_int_equal(gz_reader_pass(gz, "a", 1, 10, collect, &plain, &err),
			 -ERR_LIMIT);
	assert_string_equal(plain.data, "hellohello");
	gz_reader_free(gz);
	buf_release(&packed);
	buf_release(&plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_restore),
		cmocka_unit_test(test_pass_counts),
		cmocka_unit_test(test_counts_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
