/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"

static void test_empty(void **state)
{
	(void)state;
	AUTO_BUF struct buf buf;
	buf_init(&buf, 10);
	assert_non_null(buf.data);
	assert_int_equal(buf.len, 0);
	assert_string_equal(buf.data, "");
	assert_true(buf_append(&buf, NULL, 0));
	assert_int_equal(buf.len, 0);
}

static void test_append(void **state)
{
	(void)state;
	AUTO_BUF struct buf buf;
	buf_init(&buf, 100);
	assert_true(buf_append(&buf, "a\0b", 3));
	assert_true(buf_puts(&buf, "cd"));
	assert_true(buf_printf(&buf, "-%d-%s", 42, "x"));
	assert_int_equal(buf.len, 10);
	assert_memory_equal(buf.data, "a\0bcd-42-x", 11);
	buf_clear(&buf);
	assert_int_equal(buf.len, 0);
	assert_string_equal(buf.data, "");
	assert_true(buf_puts(&buf, "again"));
	assert_string_equal(buf.data, "again");
}

/* Over the ceiling: false, and the content stays as it was. */
static void test_ceiling(void **state)
{
	(void)state;
	AUTO_BUF struct buf buf;
	buf_init(&buf, 4);
	assert_true(buf_puts(&buf, "abc"));
	assert_false(buf_puts(&buf, "de"));
	assert_false(buf_printf(&buf, "%d", 12));
	assert_false(buf_append(&buf, "x", SIZE_MAX));
	assert_string_equal(buf.data, "abc");
	assert_int_equal(buf.len, 3);
	assert_true(buf_puts(&buf, "d"));
	assert_string_equal(buf.data, "abcd");
	assert_false(buf_puts(&buf, "e"));
	assert_true(buf_puts(&buf, ""));
}

static void test_no_room_at_all(void **state)
{
	(void)state;
	AUTO_BUF struct buf buf;
	buf_init(&buf, 0);
	assert_false(buf_puts(&buf, "a"));
	assert_true(buf_puts(&buf, ""));
	assert_string_equal(buf.data, "");
}

/* Every size around the steps in which the room grows. */
static void test_growth(void **state)
{
	(void)state;
	AUTO_BUF struct buf buf;
	buf_init(&buf, 5000);
	for (size_t i = 0; i < 5000; i++) {
		char c = (char)('a' + i % 26);
		assert_true(buf_append(&buf, &c, 1));
		assert_int_equal(buf.len, i + 1);
		assert_true(buf.room > buf.len);
		assert_int_equal(buf.data[buf.len], 0);
	}
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(buf.data[i], 'a' + (int)(i % 26));
	assert_false(buf_puts(&buf, "x"));
	buf_clear(&buf);
	char large[4000];
	memset(large, 'z', sizeof(large));
	assert_true(buf_append(&buf, large, sizeof(large)));
	assert_memory_equal(buf.data, large, sizeof(large));
}

/* The library's own formatting into memory grows by copies. */
static void test_printf_leaves_no_copy(void **state)
{
	(void)state;
	char secret[151];
	/* where malloc has small blocks; a sanitizer's or valgrind's has none */
	size_t arena = mallinfo2().arena;
	const char *heap = (const char *)sbrk(0) - arena;
	if (arena == 0)
		skip();
	memset(secret, 'q', sizeof(secret) - 1);
	secret[sizeof(secret) - 1] = '\0';
	struct buf buf;
	buf_init(&buf, 1000);
	assert_true(buf_printf(&buf, "%s:%s:%d", secret, secret, 7));
	assert_int_equal(buf.len, 303);
	assert_non_null(memmem(heap, arena, secret, 20));
	buf_release(&buf);
	assert_null(memmem(heap, arena, secret, 20));
}

static void test_release(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 10);
	assert_true(buf_puts(&buf, "secret"));
	buf_release(&buf);
	assert_null(buf.data);
	assert_int_equal(buf.len, 0);
	buf_release(&buf);
	buf_release(NULL);
	buf_init(&buf, 10);
	assert_true(buf_puts(&buf, "new"));
	buf_release(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_no_room_at_all),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_printf_leaves_no_copy),
		cmocka_unit_test(test_release),
	};
	return cmocka_run_group_tests_name("base_buf", tests, NULL, NULL);
}
