/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void test_reads(void **state)
{
	(void)state;
	static const char text[] =
		"{\"a\": \"x\", \"empty\": \"\", \"n\": 1, \"null\": null}";
	AUTO_JSON json_t *value = NULL;
	struct err err;
	err_clear(&err);
	assert_int_equal(json_read(text, strlen(text), &value, &err), 0);
	assert_int_equal(err.code, ERR_NONE);
	assert_string_equal(json_text(value, "a"), "x");
	assert_string_equal(json_text(value, "empty"), "");
	assert_null(json_text(value, "n"));
	assert_null(json_text(value, "null"));
	assert_null(json_text(value, "missing"));
	assert_null(json_text(json_object_get(value, "a"), "a"));
	assert_null(json_text(NULL, "a"));
	assert_int_equal(value->refcount, 1);
}

/* The length counts, not a NUL byte. */
static void test_reads_the_length(void **state)
{
	(void)state;
	AUTO_JSON json_t *value = NULL;
	assert_int_equal(json_read("[1]xyz", 3, &value, NULL), 0);
	assert_int_equal(json_array_size(value), 1);
}

struct refusal {
	const char *text;
	size_t len;
	const char *says;
};

#define BYTES(s) (s), sizeof(s) - 1

static void test_refuses(void **state)
{
	(void)state;
	static const struct refusal cases[] = {
		{ BYTES(""), "not JSON" },
		{ BYTES(" "), "not JSON" },
		{ BYTES("{"), "not JSON" },
		{ BYTES("{} x"), "not JSON" },
		{ BYTES("{}{}"), "not JSON" },
		{ BYTES("\"text\""), "not JSON" },
		{ BYTES("{\"a\": 1, }"), "not JSON" },
		{ BYTES("<html>"), "not JSON" },
		{ BYTES("[\"\xff\"]"), "not JSON" },
		{ BYTES("[\"\\u0000\"]"), "not JSON" },
		{ BYTES("[1]\0"), "not JSON" },
		{ BYTES("{\"a\": 1,\n \"a\": 2}"), "twice (line 2" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *value = NULL;
		struct err err;
		int r = json_read(cases[i].text, cases[i].len, &value, &err);
		assert_int_equal(r, -(int)ERR_PROTOCOL);
		assert_int_equal(err.code, ERR_PROTOCOL);
		assert_non_null(strstr(err.text, cases[i].says));
		assert_null(value);
	}
}

/* What a record or a log shows must not quote a message. */
static void test_does_not_quote(void **state)
{
	(void)state;
	static const char text[] = "{\"subject\": \"Smith\", Smith}";
	json_t *value = NULL;
	struct err err;
	assert_true(json_read(text, strlen(text), &value, &err) < 0);
	assert_null(strstr(err.text, "Smith"));
	assert_non_null(strstr(err.text, "line 1"));
}

static void nest(struct buf *buf, const char *open, const char *close,
		 size_t levels)
{
	buf_clear(buf);
	for (size_t i = 0; i < levels; i++)
		assert_true(buf_puts(buf, open));
	assert_true(buf_puts(buf, "1"));
	for (size_t i = 0; i < levels; i++)
		assert_true(buf_puts(buf, close));
}

static void check_depth(const char *open, const char *close)
{
	AUTO_BUF struct buf buf;
	buf_init(&buf, 1 << 20);
	struct err err;
	AUTO_JSON json_t *value = NULL;
	nest(&buf, open, close, JSON_MAX_DEPTH / 2);
	assert_int_equal(json_read(buf.data, buf.len, &value, &err), 0);

	/* one level more, around the same */
	json_t *other = NULL;
	AUTO_BUF struct buf outer;
	buf_init(&outer, 1 << 20);
	assert_true(buf_printf(&outer, "[%s]", buf.data));
	assert_int_equal(json_read(outer.data, outer.len, &other, &err),
			 -(int)ERR_PROTOCOL);
	assert_non_null(strstr(err.text, "deeper than 16 levels"));
	nest(&buf, open, close, JSON_MAX_DEPTH / 2 + 1);
	assert_int_equal(json_read(buf.data, buf.len, &other, &err),
			 -(int)ERR_PROTOCOL);
	assert_non_null(strstr(err.text, "deeper than 16 levels"));
	nest(&buf, open, close, 50000);
	assert_int_equal(json_read(buf.data, buf.len, &other, &err),
			 -(int)ERR_PROTOCOL);
	assert_non_null(strstr(err.text, "deeper than 16 levels"));
	assert_null(other);
}

/* Two levels at a time. */
static void test_depth(void **state)
{
	(void)state;
	check_depth("[[", "]]");
	check_depth("{\"a\":{\"b\":", "}}");
	check_depth("[0,{\"a\":", "}]");
}

static void test_size(void **state)
{
	(void)state;
	AUTO_FREE char *text = xmalloc(JSON_MAX_SIZE + 1);
	memset(text, ' ', JSON_MAX_SIZE + 1);
	text[0] = '[';
	text[1] = ']';
	AUTO_JSON json_t *value = NULL;
	assert_int_equal(json_read(text, JSON_MAX_SIZE, &value, NULL), 0);
	json_t *other = NULL;
	struct err err;
	assert_int_equal(json_read(text, JSON_MAX_SIZE + 1, &other, &err),
			 -(int)ERR_PROTOCOL);
	assert_non_null(strstr(err.text, "4194305 bytes"));
	assert_null(other);
}

/* An array of so many times piece; a string does not count for what is in it. */
static int read_many(const char *piece, size_t times, struct err *err)
{
	AUTO_BUF struct buf buf;
	buf_init(&buf, JSON_MAX_SIZE);
	assert_true(buf_puts(&buf, "[\",[{\\\",,[\""));
	for (size_t i = 0; i < times; i++)
		assert_true(buf_puts(&buf, ",") && buf_puts(&buf, piece));
	assert_true(buf_puts(&buf, "]"));
	AUTO_JSON json_t *value = NULL;
	return json_read(buf.data, buf.len, &value, err);
}

static void test_number_of_values(void **state)
{
	(void)state;
	struct err err;
	assert_int_equal(read_many("1", JSON_MAX_VALUES - 2, &err), 0);
	assert_int_equal(read_many("1", JSON_MAX_VALUES - 1, &err),
			 -(int)ERR_PROTOCOL);
	assert_non_null(strstr(err.text, "over 100000 values"));
	assert_int_equal(read_many("{}", JSON_MAX_VALUES / 2, &err),
			 -(int)ERR_PROTOCOL);
	assert_int_equal(read_many("\"a,b,[c\"", 50000, &err), 0);
}

/* A file name may have any bytes; what is written must be JSON all the same. */
static void test_shown(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *shown;
	} rows[] = {
		{ "", "" },
		{ "caf\xc3\xa9 \"x\"", "caf\xc3\xa9 \"x\"" },
		{ "p\xff.ctl", "p\\xff.ctl" },
		{ "cut \xc3", "cut \\xc3" },
		{ "a\nb\x1b", "a\\x0ab\\x1b" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		AUTO_JSON json_t *string = json_shown(rows[i].text);
		assert_non_null(string);
		assert_string_equal(json_string_value(string), rows[i].shown);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_reads_the_length),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_does_not_quote),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_number_of_values),
		cmocka_unit_test(test_shown),
	};
	return cmocka_run_group_tests_name("base_json", tests, NULL, NULL);
}
