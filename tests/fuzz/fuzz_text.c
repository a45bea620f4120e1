/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* Names, ids, small values, templates and patterns; what is to become a header,
 * an address or a file name. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/template.h"
#include "base/text.h"
#include "fuzz.h"
#include "mesh/proto.h"
#include "spool/scan.h"
#include "spool/second.h"

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

/* What is to be sent: what passes the check can stand in a header and in an
 * address. */
static void look_at_message(const char *s)
{
	const struct proto_message message = {
		.to = s,
		.workflow = "LAB",
		.subject = s,
		.local_id = s,
		.file_name = s,
		.partner_id = s,
		.process_id = s,
		.checksum = s,
	};
	const char *const parts[] = { "X26ABC1", "outbox", s };
	char path[PROTO_PATH_MAX];
	struct err err;
	if (proto_check(&message, &err) == 0)
		FUZZ_HOLDS(strlen(s) <= PROTO_TO_MAX && !strpbrk(s, "\r\n"));
	else
		FUZZ_HOLDS(err.text[0] != '\0');
	if (proto_path(parts, 3, path, &err) == 0)
		FUZZ_HOLDS(!strpbrk(path, "?#& \r\n") &&
			   !strstr(path + 1, "//"));
	if (text_is_header_value(s, 100))
		FUZZ_HOLDS(strlen(s) <= 100 && !strpbrk(s, "\r\n\t"));
	(void)text_is_mailbox_id(s);
}

/* The sender's name of a file is one harmless component. */
static void look_at_second(const char *s)
{
	static const char id[] = "20261122101500000000_ABCDEF";
	char name[TEXT_NAME_SIZE];
	char aside[TEXT_NAME_SIZE];
	if (!second_name(s, id, name))
		return;
	FUZZ_HOLDS(text_is_file_name(name) && strlen(name) <= SECOND_MAX + 1);
	FUZZ_HOLDS(name[0] != '.' && name[0] != '-');
	FUZZ_HOLDS(!strpbrk(name, "/\\:*?\"<>|\r\n\t"));
	FUZZ_HOLDS(strcmp(name, "20261122101500000000_ABCDEF.dat") != 0);
	size_t len = strlen(name);
	FUZZ_HOLDS(len < 4 || !text_equal_nocase(name + len - 4, ".ctl"));
	second_aside(name, id, aside);
	FUZZ_HOLDS(text_is_file_name(aside) && strcmp(aside, name) != 0);
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
	look_at_message(whole);
	look_at_second(whole);
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
