/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* Names in braces, and patterns for file names. */
#include "config.h"

#include "base/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct template_value values[] = {
	{ "filename", "a{b}.pdf" },
	{ "to", "GP0001" },
	{ "empty", "" },
};

static void checks_templates(void **state)
{
	(void)state;
	static const char *const good[] = {
		"",	  "plain",  "{to}",
		"{{",	  "{{to}",  "}",
		"{to}}",  "{{{to}", "{to}{filename}",
		"{{{{{{", "}{{}",   "{empty}",
	};
	static const char *const bad[] = {
		"{",	  "{to",     "{}",	 "{ to}", "{TO}",
		"{to{",	  "{{{",     "{toto}",	 "{t}",	  "{{{to",
		"x{to}{", "{to}{x}", "{{to}{y}",
	};
	for (size_t i = 0; i < COUNT(good); i++)
		assert_null(template_check(good[i], values, COUNT(values)));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_non_null(template_check(bad[i], values, COUNT(values)));
	assert_non_null(template_check("{to}", NULL, 0));
	assert_null(template_check("{{to}", NULL, 0));
}

static void fills_templates(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *filled;
	} rows[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "{to}", "GP0001" },
		{ "x{to}y", "xGP0001y" },
		{ "{to}{to}", "GP0001GP0001" },
		{ "{{to}", "{to}" },
		{ "{{{to}}", "{GP0001}" },
		{ "}{{}", "}{}" },
		{ "{{{{", "{{" },
		{ "{empty}", "" },
		/* What a value holds is not read again. */
		{ "{filename} x", "a{b}.pdf x" },
	};
	char ret[32];
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(template_fill(rows[i].text, values, COUNT(values),
					  ret, sizeof(ret)));
		assert_string_equal(ret, rows[i].filled);
	}
}

static void fills_no_more_than_fits(void **state)
{
	(void)state;
	static const char *const texts[] = { "abcGP0001", "abc{to}", "{to}abc",
					     "{{{{{{{to}" };
	for (size_t i = 0; i < COUNT(texts); i++) {
		char ret[11] = "##########";
		assert_true(template_fill(texts[i], values, COUNT(values), ret,
					  10));
		assert_int_equal(strlen(ret), 9);
		assert_int_equal(ret[10], '\0');
		memset(ret, '#', sizeof(ret));
		assert_false(
			template_fill(texts[i], values, COUNT(values), ret, 9));
		assert_string_equal(ret, "");
		assert_int_equal(ret[9], '#');
		assert_false(
			template_fill(texts[i], values, COUNT(values), ret, 1));
	}
}

static void checks_patterns(void **state)
{
	(void)state;
	static const char *const good[] = {
		"*",	 "?",	"{to}",	 "{to}_*.pdf", "*{to}.pdf",
		"{to}?", "a}b", "{to}}", "{to}?.x*",
	};
	static const char *const bad[] = {
		"",	 "a/b",		"a\nb",	    "\x7f",
		"{",	 "{}",		"{TO}",	    "{name}",
		"{{",	 "{to",		"{to}{to}", "{to}_{to}",
		"{to}*", "x{to}?*.pdf", "{to}_{x}", "a{to}.{",
	};
	for (size_t i = 0; i < COUNT(good); i++)
		assert_null(pattern_check(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_non_null(pattern_check(bad[i]));
	char is_long[258];
	memset(is_long, '*', sizeof(is_long));
	is_long[255] = '\0';
	assert_null(pattern_check(is_long));
	is_long[255] = '*';
	is_long[256] = '\0';
	assert_non_null(pattern_check(is_long));
	assert_true(pattern_has_capture("x{to}"));
	assert_false(pattern_has_capture("x{t}o"));
}

struct match {
	const char *pattern;
	const char *name;
	const char *to; /* NULL: no match */
};

static const struct match matches[] = {
	{ "*", "", "" },
	{ "*", "x", "" },
	{ "?", "", NULL },
	{ "?", "x", "" },
	{ "?", "xy", NULL },
	{ "", "x", NULL },
	{ "a.pdf", "a.pdf", "" },
	{ "a.pdf", "A.pdf", NULL },
	{ "a.pdf", "a.pdfx", NULL },
	{ "a.pdf", "xa.pdf", NULL },
	{ "a.pdf", "a_pdf", NULL },
	{ "*.pdf", "a.pdf", "" },
	{ "*.pdf", ".pdf", "" },
	{ "*.pdf", "a.pdf.pdf", "" },
	{ "*.pdf", "a.pdf.txt", NULL },
	{ "a*b*c", "axxbxxbxxc", "" },
	{ "a*b*c", "axxcxxb", NULL },
	{ "*a?b*", "xxaab", "" },
	{ "*a?b*", "xxab", NULL },
	{ "a**b", "ab", "" },
	{ "[ab]", "a", NULL },
	{ "\\*", "x", NULL },
	{ "\xc3\xa9*", "\xc3\xa9t\xc3\xa9", "" },
	{ "{to}_*.pdf", "GP0001_x.pdf", "GP0001" },
	{ "{to}_*.pdf", "GP0001_x_y_z.pdf", "GP0001" },
	{ "{to}_*.pdf", "_x.pdf", NULL },
	{ "{to}_*.pdf", "GP-1_x.pdf", NULL },
	{ "{to}_*.pdf", "GP 1_x.pdf", NULL },
	{ "{to}_*.pdf", "\xc3\xa9_x.pdf", NULL },
	{ "{to}", "aZ09", "aZ09" },
	{ "{to}", "a.b", NULL },
	{ "{to}", "", NULL },
	{ "{to}.pdf", "a.pdf", "a" },
	{ "{to}?", "abc", "ab" },
	{ "?{to}", "abc", "bc" },
	{ "{to}b*", "abab", "a" },
	{ "{to}bb*", "ababb", "aba" },
	/* As early as fits, not the shortest there is. */
	{ "*_{to}_*", "a_GP0001_x_1", "GP0001" },
	{ "*{to}.pdf", "letterGP0001.pdf", "letterGP0001" },
	{ "*{to}.pdf", "letter-GP0001.pdf", "GP0001" },
	{ "*-{to}.pdf", "a-b c-d-GP1.pdf", "GP1" },
	{ "*-{to}-?.pdf", "a-b-GP1-2.pdf", "GP1" },
	{ "x{to}{to}", "xa{to}", "a" }, /* never checked good, still safe */
};

static void matches_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(matches); i++) {
		const struct match *m = &matches[i];
		char to[32] = "before";
		bool fits = pattern_match(m->pattern, m->name, to, sizeof(to));
		assert_int_equal(fits, m->to ? 1 : 0);
		assert_string_equal(to, m->to ? m->to : "before");
	}
}

/* --- against a matcher too simple to be wrong --- */

/* Without "{to}"; the pattern is len bytes, the name ends at end. */
static bool fits(const char *p, size_t len, const char *s, const char *end)
{
	if (len == 0)
		return s == end;
	if (*p == '*')
		return fits(p + 1, len - 1, s, end) ||
		       (s < end && fits(p, len, s + 1, end));
	return s < end && (*p == '?' || *p == *s) &&
	       fits(p + 1, len - 1, s + 1, end);
}

/* Tries each part of the name, the first and shortest first. */
static bool fits_with_capture(const char *pattern, const char *name, char *to)
{
	const char *capture = strstr(pattern, "{to}");
	const char *end = name + strlen(name);
	to[0] = '\0';
	if (!capture)
		return fits(pattern, strlen(pattern), name, end);
	const char *rest = capture + strlen("{to}");
	for (const char *s = name; s < end; s++) {
		if (!fits(pattern, (size_t)(capture - pattern), name, s))
			continue;
		for (const char *e = s + 1; e <= end && e[-1] != '_'; e++) {
			if (!fits(rest, strlen(rest), e, end))
				continue;
			memcpy(to, s, (size_t)(e - s));
			to[e - s] = '\0';
			return true;
		}
	}
	return false;
}

/* The n-th text of those made of parts; false: n is over the last. */
static bool make(unsigned n, const char *const *parts, unsigned count,
		 unsigned most, char *ret)
{
	ret[0] = '\0';
	char *out = ret;
	for (unsigned len = 0; n > 0; len++) {
		if (len == most)
			return false;
		n--;
		size_t size = strlen(parts[n % count]);
		memcpy(out, parts[n % count], size + 1);
		out += size;
		n /= count;
	}
	return true;
}

static void matches_as_the_simple_one_does(void **state)
{
	(void)state;
	static const char *const tokens[] = { "a", "b", "*", "?", "{to}" };
	static const char *const letters[] = { "a", "b", "_" };
	char pattern[32];
	char name[8];
	unsigned matched = 0;
	for (unsigned i = 1; make(i, tokens, 5, 4, pattern); i++) {
		if (pattern_check(pattern))
			continue;
		for (unsigned k = 0; make(k, letters, 3, 5, name); k++) {
			char wanted[8];
			char to[8] = "";
			bool good = fits_with_capture(pattern, name, wanted);
			assert_int_equal(pattern_match(pattern, name, to, 8),
					 good);
			assert_string_equal(to, good ? wanted : "");
			matched += good;
		}
	}
	assert_in_range(matched, 1000, 1000000);
}

static void a_long_capture_is_no_match(void **state)
{
	(void)state;
	char to[5] = "x";
	assert_true(pattern_match("{to}.a", "abcd.a", to, sizeof(to)));
	assert_string_equal(to, "abcd");
	assert_false(pattern_match("{to}.a", "abcde.a", to, sizeof(to)));
	assert_string_equal(to, "abcd");
	assert_true(pattern_match("*", "abcde", to, 1));
	assert_string_equal(to, "");
}

/* The worst that backtracking could be given. */
static void long_names_take_no_time(void **state)
{
	(void)state;
	char pattern[256];
	char name[257];
	char to[256];
	for (size_t i = 0; i < 250; i += 2) {
		pattern[i] = 'a';
		pattern[i + 1] = '*';
	}
	memcpy(pattern + 250, "{to}b", 6);
	memset(name, 'a', sizeof(name));
	name[255] = '\0';
	clock_t before = clock();
	for (int i = 0; i < 100; i++)
		assert_false(pattern_match(pattern, name, to, sizeof(to)));
	assert_true(clock() - before < 20 * CLOCKS_PER_SEC);
	name[254] = 'b';
	assert_true(pattern_match(pattern, name, to, sizeof(to)));
	assert_int_equal(strlen(to), 254 - 125);
	assert_true(pattern_match("{to}", name, to, sizeof(to)));
	assert_int_equal(strlen(to), 255);
	name[255] = 'a';
	name[256] = '\0';
	assert_false(pattern_match("*", name, to, sizeof(to)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_templates),
		cmocka_unit_test(fills_templates),
		cmocka_unit_test(fills_no_more_than_fits),
		cmocka_unit_test(checks_patterns),
		cmocka_unit_test(matches_names),
		cmocka_unit_test(matches_as_the_simple_one_does),
		cmocka_unit_test(a_long_capture_is_no_match),
		cmocka_unit_test(long_names_take_no_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
