/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* Names, ids, small values, templates and patterns. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/template.h"
#include "base/text.h"
#include "fuzz.h"
#include "spool/scan.h"

static const struct template_value values[] = {
	{ "filename", "a_b.pdf" },
	{ "stem", "a_b" },
	{ "to", "X26ABC2" },
};

static void look_at_names(const char *s)
{
	char clean[4096];
	if (text_is_file_name(s)) {
		char stem[TEXT_NAME_SIZE];
		FUZZ_HOLDS(!strchr(s, '/') && strlen(s) < TEXT_NAME_SIZE);
		scan_stem(s, stem);
		FUZZ_HOLDS(strncmp(s, stem, strlen(stem)) == 0);
	}
	if (text_is_message_id(s))
		FUZZ_HOLDS(text_is_file_name(s));
	text_escape(clean, sizeof(clean), s);
	for (const char *c = clean; *c != '\0'; c++)
		FUZZ_HOLDS((unsigned char)*c >= 0x20 && *c != 0x7f);
	if (text_url_encode(clean, sizeof(clean), s))
		FUZZ_HOLDS(!strpbrk(clean, "/?#& \r\n"));
}

static void look_at_values(const char *s)
{
	uint64_t number;
	int64_t time_ns;
	bool flag;
	if (text_u64(s, 65535, &number))
		FUZZ_HOLDS(number <= 65535);
	(void)text_size(s, &number);
	if (text_duration(s, &time_ns))
		FUZZ_HOLDS(time_ns >= 0);
	(void)text_bool(s, &flag);
	(void)text_flag(s, &flag);
}

/* The plain definition of a pattern without "{to}", slow and obvious. */
static bool matches(const char *pattern, const char *name)
{
	if (*pattern == '\0')
		return *name == '\0';
	if (*pattern == '*')
		return matches(pattern + 1, name) ||
		       (*name != '\0' && matches(pattern, name + 1));
	return *name != '\0' && (*pattern == '?' || *pattern == *name) &&
	       matches(pattern + 1, name + 1);
}

static void look_at_pattern(const char *pattern, const char *name)
{
	char to[64] = "";
	if (pattern_check(pattern))
		return;
	bool fits = pattern_match(pattern, name, to, sizeof(to));
	if (fits && pattern_has_capture(pattern))
		FUZZ_HOLDS(to[0] != '\0' && strstr(name, to));
	if (!pattern_has_capture(pattern) && strlen(pattern) < 12 &&
	    strlen(name) < 24)
		FUZZ_HOLDS(fits == matches(pattern, name));
}

static void look_at_template(const char *text)
{
	char filled[512];
	const size_t count = sizeof(values) / sizeof(*values);
	if (!template_check(text, values, count))
		(void)template_fill(text, values, count, filled,
				    sizeof(filled));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *whole = fuzz_text(data, size);
	look_at_names(whole);
	look_at_values(whole);
	look_at_template(whole);
	size_t at = 0;
	struct fuzz_piece piece;
	char *first = NULL;
	while (fuzz_next(data, size, &at, &piece)) {
		char *text = fuzz_text(piece.data, piece.size);
		if (first)
			look_at_pattern(first, text);
		free(first);
		first = text;
	}
	free(first);
	free(whole);
	return 0;
}
