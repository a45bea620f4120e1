/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define UNTOUCHED 4711

struct number_case {
	const char *text;
	bool ok;
	uint64_t value;
};

static void check_number(const struct number_case *c, bool ok, uint64_t value)
{
	if (ok != c->ok || value != (c->ok ? c->value : UNTOUCHED))
		fail_msg("'%s': %s %llu", c->text, ok ? "read as" : "refused",
			 (unsigned long long)value);
}

static void test_u64(void **state)
{
	(void)state;
	static const struct number_case cases[] = {
		{ "0", true, 0 },
		{ "007", true, 7 },
		{ "1000", true, 1000 },
		{ "1001", false, 0 },
		{ "18446744073709551616", false, 0 },
		{ "99999999999999999999999999", false, 0 },
		{ "", false, 0 },
		{ " 1", false, 0 },
		{ "1 ", false, 0 },
		{ "+1", false, 0 },
		{ "-1", false, 0 },
		{ "0x10", false, 0 },
		{ "1\n", false, 0 },
		{ "1.0", false, 0 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t value = UNTOUCHED;
		bool ok = text_u64(cases[i].text, 1000, &value);
		check_number(&cases[i], ok, value);
	}
}

static void test_u64_largest(void **state)
{
	(void)state;
	uint64_t value = 0;
	assert_true(text_u64("18446744073709551615", UINT64_MAX, &value));
	assert_true(value == UINT64_MAX);
	assert_false(text_u64("18446744073709551615", UINT64_MAX - 1, &value));
}

static void test_size(void **state)
{
	(void)state;
	static const struct number_case cases[] = {
		{ "0", true, 0 },
		{ "100", true, 100 },
		{ "4k", true, 4000 },
		{ "4K", true, 4000 },
		{ "20M", true, UINT64_C(20000000) },
		{ "100G", true, UINT64_C(100000000000) },
		{ "3T", true, UINT64_C(3000000000000) },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18446744T", true, UINT64_C(18446744000000000000) },
		{ "18446745T", false, 0 },
		{ "18446744073709551616", false, 0 },
		{ "20m", false, 0 },
		{ "20MB", false, 0 },
		{ "20 M", false, 0 },
		{ "M", false, 0 },
		{ "1.5M", false, 0 },
		{ "-1M", false, 0 },
		{ "", false, 0 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t value = UNTOUCHED;
		bool ok = text_size(cases[i].text, &value);
		check_number(&cases[i], ok, value);
	}
}

static void test_duration(void **state)
{
	(void)state;
	static const struct number_case cases[] = {
		{ "0s", true, 0 },
		{ "500ms", true, UINT64_C(500000000) },
		{ "10s", true, UINT64_C(10000000000) },
		{ "5m", true, UINT64_C(300000000000) },
		{ "24h", true, UINT64_C(86400000000000) },
		{ "35d", true, UINT64_C(3024000000000000) },
		{ "106751d", true, UINT64_C(9223286400000000000) },
		{ "106752d", false, 0 },
		{ "9223372036s", true, UINT64_C(9223372036000000000) },
		{ "9223372037s", false, 0 },
		{ "18446744073709551615d", false, 0 },
		{ "10", false, 0 },
		{ "0", false, 0 },
		{ "10S", false, 0 },
		{ "10sec", false, 0 },
		{ "1h30m", false, 0 },
		{ "-1s", false, 0 },
		{ " 1s", false, 0 },
		{ "s", false, 0 },
		{ "", false, 0 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t value = UNTOUCHED;
		bool ok = text_duration(cases[i].text, &value);
		check_number(&cases[i], ok, (uint64_t)value);
	}
}

struct word_case {
	const char *text;
	bool as_bool; /* text_bool takes it */
	bool as_flag; /* text_flag takes it */
	bool value;
};

static void test_words(void **state)
{
	(void)state;
	static const struct word_case cases[] = {
		{ "yes", true, true, true },   { "No", true, true, false },
		{ "TRUE", true, true, true },  { "False", true, true, false },
		{ "on", true, true, true },    { "OFF", true, true, false },
		{ "Y", false, true, true },    { "n", false, true, false },
		{ "1", false, true, true },    { "0", false, true, false },
		{ "", false, false, false },   { "yes ", false, false, false },
		{ "ye", false, false, false }, { "yess", false, false, false },
		{ "2", false, false, false },  { "maybe", false, false, false },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct word_case *c = &cases[i];
		bool b = !c->value;
		bool f = !c->value;
		if (text_bool(c->text, &b) != c->as_bool ||
		    text_flag(c->text, &f) != c->as_flag)
			fail_msg("'%s' taken or not", c->text);
		assert_int_equal(b, c->as_bool ? c->value : !c->value);
		assert_int_equal(f, c->as_flag ? c->value : !c->value);
	}
}

static void test_ids(void **state)
{
	(void)state;
	char id[TEXT_ID_SIZE + 1];
	memset(id, 'a', sizeof(id));
	id[TEXT_ID_SIZE] = '\0';
	assert_false(text_is_message_id(id));
	id[TEXT_ID_SIZE - 1] = '\0';
	assert_true(text_is_message_id(id));
	id[TEXT_MAILBOX_SIZE] = '\0';
	assert_false(text_is_mailbox_id(id));
	id[TEXT_MAILBOX_SIZE - 1] = '\0';
	assert_true(text_is_mailbox_id(id));

	assert_true(text_is_message_id("20231124101605283253_EC7D79"));
	assert_true(text_is_mailbox_id("X26-ABC_1"));
	static const char *const bad[] = { "",	   ".",	       "a/b",
					   "a.b",  "a b",      "a\n",
					   "../x", "\xc3\xa9", "a%2f" };
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(text_is_message_id(bad[i]));
		assert_false(text_is_mailbox_id(bad[i]));
	}
}

static void test_events_and_codes(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "../x", "A/B", "S\"", "S=", "S\n", "S%", "S\xc3\xa9", "S#",
	};
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(text_is_event(bad[i]));
		assert_false(text_is_code(bad[i]));
	}
	assert_true(text_is_event("SEND"));
	assert_true(text_is_event("FIFTEENLETTERSX"));
	assert_false(text_is_event("SIXTEENLETTERSXX"));
	assert_false(text_is_event("SEND job"));
	assert_false(text_is_event("."));
	static const char *const codes[] = {
		"00",
		"EPL-151",
		"Message already accepted",
		"v1.2_x",
	};
	for (size_t i = 0; i < COUNT(codes); i++)
		assert_true(text_is_code(codes[i]));
	char code[TEXT_CODE_SIZE + 1];
	memset(code, '1', sizeof(code));
	code[TEXT_CODE_SIZE] = '\0';
	assert_false(text_is_code(code));
	code[TEXT_CODE_SIZE - 1] = '\0';
	assert_true(text_is_code(code));
}

static void test_file_names(void **state)
{
	(void)state;
	char name[TEXT_NAME_SIZE + 1];
	memset(name, 'n', sizeof(name));
	name[TEXT_NAME_SIZE] = '\0';
	assert_false(text_is_file_name(name));
	name[TEXT_NAME_SIZE - 1] = '\0';
	assert_true(text_is_file_name(name));

	static const char *const good[] = { "a",	  "a b.dat", "...",
					    ".hidden",	  "-rf",     "\xe9.dat",
					    "caf\xc3\xa9" };
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(text_is_file_name(good[i]));
	static const char *const bad[] = { "",	  ".",	     "..",   "a/b", "/",
					   "a\n", "\x1b[2J", "a\tb", "\x7f" };
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(text_is_file_name(bad[i]));
}

static void test_own_folders(void **state)
{
	(void)state;
	static const char *const own[] = { "IN",   "OUT", "SENT", "FAILED",
					   "TEMP", "in",  "Sent" };
	static const char *const others[] = { "", "INN", "lab", "OUT ", "I" };
	for (size_t i = 0; i < COUNT(own); i++)
		assert_true(text_is_own_folder(own[i]));
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(text_is_own_folder(others[i]));
}

static void test_header_values(void **state)
{
	(void)state;
	assert_true(text_is_header_value("", 0));
	assert_true(text_is_header_value("a ~", 3));
	assert_false(text_is_header_value("a ~", 2));
	static const char *const bad[] = { "a\r\nX: y",	  "\n",	  "\t",	 "\x7f",
					   "caf\xc3\xa9", "\x80", "\x1f" };
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(text_is_header_value(bad[i], 100));
}

static void test_copy(void **state)
{
	(void)state;
	char dst[4] = "xyz";
	assert_true(text_copy(dst, sizeof(dst), "abc"));
	assert_string_equal(dst, "abc");
	assert_false(text_copy(dst, sizeof(dst), "abcd"));
	assert_string_equal(dst, "");
	assert_true(text_copy(dst, 1, ""));
	assert_string_equal(dst, "");
}

static void test_trim(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{ "", "" },    { " \t\r\n\v\f", "" },
		{ "a", "a" },  { " a b\r\n", "a b" },
		{ "a ", "a" }, { "\ta", "a" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char s[16];
		assert_true(text_copy(s, sizeof(s), cases[i][0]));
		assert_string_equal(text_trim(s), cases[i][1]);
	}
}

static void test_nocase(void **state)
{
	(void)state;
	assert_true(text_equal_nocase("Content-Type", "content-tYPE"));
	assert_true(text_equal_nocase("", ""));
	assert_false(text_equal_nocase("a", "ab"));
	assert_false(text_equal_nocase("ab", "a"));
	assert_false(text_equal_nocase("[", "{")); /* 0x20 apart, no letters */
	assert_false(text_equal_nocase("\xc9", "\xe9"));
	assert_true(text_starts_nocase("REP.x", "rep."));
	assert_true(text_starts_nocase("x", ""));
	assert_false(text_starts_nocase("RE", "rep"));
}

struct escape_case {
	const char *text;
	const char *want;
};

static const struct escape_case escape_cases[] = {
	{ "", "" },
	{ "plain \\ \"text\" ~", "plain \\ \"text\" ~" },
	{ "a\nb\r\t", "a\\x0ab\\x0d\\x09" },
	{ "\x1b[31m\x7f", "\\x1b[31m\\x7f" },
	{ "caf\xc3\xa9", "caf\xc3\xa9" },
	{ "\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80" },
	{ "\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80" },
	{ "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
	{ "\xc2\xa0", "\xc2\xa0" },
	/* C1 controls: U+0080, U+009B (CSI), U+009F */
	{ "\xc2\x80", "\\xc2\\x80" },
	{ "\xc2\x9b", "\\xc2\\x9b" },
	{ "\xc2\x9f", "\\xc2\\x9f" },
	/* raw bytes, and forms that are cut */
	{ "\x9b\xe9", "\\x9b\\xe9" },
	{ "\xc3", "\\xc3" },
	{ "\xc3z", "\\xc3z" },
	{ "\xe2\x82", "\\xe2\\x82" },
	{ "\xe2\x82\n", "\\xe2\\x82\\x0a" },
	{ "\xf0\x9f\x98", "\\xf0\\x9f\\x98" },
	/* overlong: '/', NUL, U+07FF, U+FFFF */
	{ "\xc0\xaf", "\\xc0\\xaf" },
	{ "\xc1\xbf", "\\xc1\\xbf" },
	{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },
	{ "\xe0\x9f\xbf", "\\xe0\\x9f\\xbf" },
	{ "\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf" },
	/* surrogates, and over U+10FFFF */
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
	{ "\xed\xbf\xbf", "\\xed\\xbf\\xbf" },
	{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
	{ "\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80" },
	{ "\xff\xfe", "\\xff\\xfe" },
	/* line ends, and what turns the order round */
	{ "a\xe2\x80\xa8z", "a\\xe2\\x80\\xa8z" },
	{ "\xe2\x80\xae", "\\xe2\\x80\\xae" },
	{ "\xe2\x81\xa9", "\\xe2\\x81\\xa9" },
	{ "\xe2\x80\x8f", "\\xe2\\x80\\x8f" },
	{ "\xd8\x9c", "\\xd8\\x9c" },
	{ "\xe2\x80\xaf", "\xe2\x80\xaf" },
	{ "\xe2\x80\xa7", "\xe2\x80\xa7" },
};

static void test_escape(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(escape_cases); i++) {
		char dst[64];
		text_escape(dst, sizeof(dst), escape_cases[i].text);
		assert_string_equal(dst, escape_cases[i].want);
	}
}

static void test_escape_is_cut_whole(void **state)
{
	(void)state;
	char dst[8];
	text_escape(dst, sizeof(dst), "abcdefghij");
	assert_string_equal(dst, "abcdefg");
	text_escape(dst, sizeof(dst), "abcd\nx");
	assert_string_equal(dst, "abcd");
	text_escape(dst, sizeof(dst), "abc\nx");
	assert_string_equal(dst, "abc\\x0a");
	text_escape(dst, sizeof(dst), "abcdef\xc3\xa9");
	assert_string_equal(dst, "abcdef");
	text_escape(dst, sizeof(dst), "abcde\xc3\xa9");
	assert_string_equal(dst, "abcde\xc3\xa9");
	text_escape(dst, 1, "a");
	assert_string_equal(dst, "");
}

static void test_url_encode(void **state)
{
	(void)state;
	char dst[32];
	assert_true(text_url_encode(dst, sizeof(dst), "aZ09-._~"));
	assert_string_equal(dst, "aZ09-._~");
	assert_true(text_url_encode(dst, sizeof(dst), "a/b ?%\xe9&"));
	assert_string_equal(dst, "a%2Fb%20%3F%25%E9%26");
	assert_true(text_url_encode(dst, 4, "/"));
	assert_string_equal(dst, "%2F");
	assert_false(text_url_encode(dst, 3, "/"));
	assert_string_equal(dst, "");
	assert_false(text_url_encode(dst, 3, "abc"));
	assert_true(text_url_encode(dst, 1, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64),
		cmocka_unit_test(test_u64_largest),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_events_and_codes),
		cmocka_unit_test(test_file_names),
		cmocka_unit_test(test_own_folders),
		cmocka_unit_test(test_header_values),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_nocase),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_escape_is_cut_whole),
		cmocka_unit_test(test_url_encode),
	};
	return cmocka_run_group_tests_name("base_text", tests, NULL, NULL);
}
