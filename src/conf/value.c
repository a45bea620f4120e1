/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "conf/value.h"

#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/schema.h"

#define MS ((uint64_t)CLOCK_MS)
#define SECOND ((uint64_t)CLOCK_SECOND)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

/* --- from text --- */

static bool has_only_text(const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		if (c < 0x20 || c == 0x7f)
			return false;
	}
	return true;
}

/* Drops empty and "." parts. ".." stays: before it may stand a link. */
static void squeeze(char *path)
{
	bool absolute = path[0] == '/';
	char *out = path;
	for (const char *in = path; *in != '\0';) {
		size_t n = strcspn(in, "/");
		if (n > 0 && !(n == 1 && in[0] == '.')) {
			if (absolute || out != path)
				*out++ = '/';
			memmove(out, in, n);
			out += n;
		}
		in += n;
		if (*in == '/')
			in++;
	}
	if (out == path)
		*out++ = absolute ? '/' : '.';
	*out = '\0';
}

static char *resolve(const char *file, const char *path)
{
	const char *slash = strrchr(file, '/');
	int head = slash && path[0] != '/' ? (int)(slash - file) + 1 : 0;
	char *whole = xasprintf("%.*s%s", head, file, path);
	squeeze(whole);
	return whole;
}

static bool store_text(const struct schema_key *key, const char *file,
		       const char *value, char **field)
{
	if (value[0] == '\0' || strlen(value) >= PATH_MAX ||
	    !has_only_text(value))
		return false;
	free(*field);
	*field = key->type == SCHEMA_PATH ? resolve(file, value) :
					    xstrdup(value);
	return true;
}

static bool store_number(const struct schema_key *key, const char *value,
			 uint64_t *field)
{
	uint64_t n = 0;
	bool good = key->type == SCHEMA_SIZE ? text_size(value, &n) :
					       text_u64(value, key->max, &n);
	if (!good || n < key->min || n > key->max)
		return false;
	*field = n;
	return true;
}

static bool store_duration(const struct schema_key *key, const char *value,
			   int64_t *field)
{
	int64_t ns = 0;
	if (!text_duration(value, &ns) || ns < 0 || (uint64_t)ns < key->min ||
	    (uint64_t)ns > key->max)
		return false;
	*field = ns;
	return true;
}

/* False when value is none of "a|b|c". */
static bool choose(const char *choices, const char *value, uint64_t *ret)
{
	size_t len = strlen(value);
	uint64_t index = 0;
	for (const char *word = choices;; index++) {
		size_t n = strcspn(word, "|");
		if (n == len && memcmp(word, value, n) == 0) {
			*ret = index;
			return true;
		}
		if (word[n] == '\0')
			return false;
		word += n + 1;
	}
}

static bool store_bool(const struct schema_key *key, const char *value,
		       bool *field)
{
	if (!key->choices)
		return text_bool(value, field);
	uint64_t index = 0;
	if (!choose(key->choices, value, &index))
		return false;
	*field = index > 0;
	return true;
}

static bool store_id(const char *value, char *field)
{
	return text_is_mailbox_id(value) &&
	       text_copy(field, TEXT_MAILBOX_SIZE, value);
}

bool value_store(const struct schema_key *key, const char *file,
		 const char *text, void *target)
{
	void *field = (char *)target + key->offset;
	switch (key->type) {
	case SCHEMA_TEXT:
	case SCHEMA_PATH:
		return store_text(key, file, text, field);
	case SCHEMA_ID:
		return store_id(text, field);
	case SCHEMA_BOOL:
		return store_bool(key, text, field);
	case SCHEMA_NUMBER:
	case SCHEMA_SIZE:
		return store_number(key, text, field);
	case SCHEMA_DURATION:
		return store_duration(key, text, field);
	case SCHEMA_CHOICE:
		return choose(key->choices, text, field);
	}
	return false;
}

/* --- to text --- */

static void show_size(uint64_t bytes, char *ret, size_t size)
{
	static const char units[] = { '\0', 'k', 'M', 'G', 'T' };
	size_t unit = 0;
	while (bytes > 0 && bytes % 1000 == 0 && unit + 1 < sizeof(units)) {
		bytes /= 1000;
		unit++;
	}
	/* The first unit is a NUL, which ends the text early. */
	(void)snprintf(ret, size, "%" PRIu64 "%c", bytes, units[unit]);
}

static void show_duration(uint64_t ns, char *ret, size_t size)
{
	const char *unit = "ms";
	uint64_t n = ns / MS;
	if (ns % HOUR == 0 && ns > 0) {
		unit = "h";
		n = ns / HOUR;
	} else if (ns % MINUTE == 0 && ns > 0) {
		unit = "m";
		n = ns / MINUTE;
	} else if (ns % SECOND == 0) {
		unit = "s";
		n = ns / SECOND;
	}
	(void)snprintf(ret, size, "%" PRIu64 "%s", n, unit); /* may be cut */
}

static void show_choice(const char *choices, uint64_t index, char *ret,
			size_t size)
{
	const char *word = choices;
	while (index > 0 && *word != '\0') {
		word += strcspn(word, "|");
		word += *word == '|' ? 1 : 0;
		index--;
	}
	(void)snprintf(ret, size, "%.*s", (int)strcspn(word, "|"), word);
}

/* A text that YAML would not read back as itself is quoted; control bytes,
 * which single quotes cannot hold, were refused when it was read. */
static void show_text(const struct schema_key *key, const char *s, char *ret,
		      size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._+-";
	if (!s)
		s = "";
	bool quote = key->scope == SCHEMA_MAILBOX &&
		     (s[strspn(s, plain)] != '\0' || s[0] == '\0' ||
		      s[0] == '-' || text_equal_nocase(s, "null"));
	if (!quote) {
		(void)snprintf(ret, size, "%s", s); /* may be cut */
		return;
	}
	AUTO_FREE char *doubled = xcalloc(2, strlen(s) + 1);
	char *out = doubled;
	for (; *s != '\0'; s++) {
		*out++ = *s;
		if (*s == '\'')
			*out++ = '\'';
	}
	(void)snprintf(ret, size, "'%s'", doubled); /* may be cut */
}

void value_show(const struct schema_key *key, const void *target, char *ret,
		size_t size)
{
	const void *field = (const char *)target + key->offset;
	switch (key->type) {
	case SCHEMA_TEXT:
	case SCHEMA_PATH:
		show_text(key, *(const char *const *)field, ret, size);
		return;
	case SCHEMA_ID:
		show_text(key, field, ret, size);
		return;
	case SCHEMA_BOOL:
		show_choice(key->choices ? key->choices : "false|true",
			    *(const bool *)field, ret, size);
		return;
	case SCHEMA_NUMBER:
		(void)snprintf(ret, size, "%" PRIu64, *(const uint64_t *)field);
		return;
	case SCHEMA_SIZE:
		show_size(*(const uint64_t *)field, ret, size);
		return;
	case SCHEMA_DURATION:
		show_duration((uint64_t) * (const int64_t *)field, ret, size);
		return;
	case SCHEMA_CHOICE:
		show_choice(key->choices, *(const uint64_t *)field, ret, size);
		return;
	}
}

void value_rule(const struct schema_key *key, char ret[VALUE_RULE_SIZE])
{
	char min[32];
	char max[32];
	switch (key->type) {
	case SCHEMA_TEXT:
	case SCHEMA_PATH:
		(void)snprintf(ret, VALUE_RULE_SIZE,
			       "1 to %d bytes without control characters",
			       PATH_MAX - 1);
		return;
	case SCHEMA_ID:
		(void)snprintf(ret, VALUE_RULE_SIZE,
			       "a mailbox id: 1 to %d letters, digits, '-' "
			       "or '_'",
			       TEXT_MAILBOX_SIZE - 1);
		return;
	case SCHEMA_BOOL:
	case SCHEMA_CHOICE:
		(void)snprintf(ret, VALUE_RULE_SIZE, "one of %s",
			       key->choices ? key->choices : "true|false");
		return;
	case SCHEMA_NUMBER:
		(void)snprintf(ret, VALUE_RULE_SIZE,
			       "a number from %" PRIu64 " to %" PRIu64,
			       key->min, key->max);
		return;
	case SCHEMA_SIZE:
		show_size(key->min, min, sizeof(min));
		show_size(key->max, max, sizeof(max));
		(void)snprintf(ret, VALUE_RULE_SIZE,
			       "a size from %s to %s, such as %s", min, max,
			       key->preset);
		return;
	case SCHEMA_DURATION:
		show_duration(key->min, min, sizeof(min));
		show_duration(key->max, max, sizeof(max));
		(void)snprintf(ret, VALUE_RULE_SIZE,
			       "a time from %s to %s, such as %s", min, max,
			       key->preset);
		return;
	}
}
