/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "base/template.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

#define CAPTURE "{to}"
#define CAPTURE_LEN (sizeof(CAPTURE) - 1)

/* --- templates --- */

/* The value of the name between s and the brace at its end; NULL: unknown. */
static const struct template_value *
find_value(const char *s, size_t len, const struct template_value *values,
	   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(values[i].name) == len &&
		    memcmp(values[i].name, s, len) == 0)
			return &values[i];
	}
	return NULL;
}

const char *template_check(const char *text, const struct template_value *known,
			   size_t count)
{
	for (const char *s = strchr(text, '{'); s; s = strchr(s, '{')) {
		s++;
		if (*s == '{') {
			s++;
			continue;
		}
		size_t len = strcspn(s, "{}");
		if (s[len] != '}')
			return "a '{' is not closed; write '{{' for a brace "
			       "itself";
		if (!find_value(s, len, known, count))
			return "a name in braces is not known; write '{{' for "
			       "a brace itself";
		s += len + 1;
	}
	return NULL;
}

/* Puts len bytes at *at, which moves on. */
static bool put(char *ret, size_t size, size_t *at, const char *s, size_t len)
{
	if (len >= size - *at)
		return false;
	memcpy(ret + *at, s, len);
	*at += len;
	return true;
}

bool template_fill(const char *text, const struct template_value *values,
		   size_t count, char *ret, size_t size)
{
	assert(size > 0);
	size_t at = 0;
	bool fits = true;
	while (*text != '\0' && fits) {
		size_t len = strcspn(text, "{");
		if (len > 0 || text[1] == '{') {
			fits = put(ret, size, &at, text, len > 0 ? len : 1);
			text += len > 0 ? len : 2;
			continue;
		}
		text++;
		len = strcspn(text, "}");
		const struct template_value *found = find_value(text, len,
								values, count);
		assert(found && text[len] == '}'); /* template_check passed */
		fits = put(ret, size, &at, found->value, strlen(found->value));
		text += len + 1;
	}
	ret[fits ? at : 0] = '\0';
	return fits;
}

/* --- patterns --- */

static const char *check_brace(const char *s)
{
	if (strncmp(s, CAPTURE, CAPTURE_LEN) != 0)
		return "'{' must begin {to}; '?' stands for a brace in a name";
	s += CAPTURE_LEN;
	if (memchr(s, '*', strspn(s, "*?")))
		return "{to} right before '*' would stand for one byte";
	if (strstr(s, CAPTURE))
		return "{to} is in it more than once";
	return NULL;
}

const char *pattern_check(const char *pattern)
{
	if (pattern[0] == '\0')
		return "it is empty";
	if (strlen(pattern) >= TEXT_NAME_SIZE)
		return "it is over 255 bytes";
	for (const char *s = pattern; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '/' || c < 0x20 || c == 0x7f)
			return "no file name holds '/' or a control byte";
		const char *wrong = c == '{' ? check_brace(s) : NULL;
		if (wrong)
			return wrong;
	}
	return NULL;
}

bool pattern_has_capture(const char *pattern)
{
	return strstr(pattern, CAPTURE);
}

/*
 * All ways to match are followed at once. ways[i] says whether the part of the
 * pattern so far can match the first i bytes of the name and, once "{to}" was
 * passed, where the best capture of all ways to do so lies: as start * 1000 +
 * end, so that the smallest is the one that begins first and then ends first.
 */
#define NO_WAY UINT32_MAX
#define PLACES 1000u
_Static_assert(TEXT_NAME_SIZE < PLACES, "a place in a name must fit");

struct ways {
	uint32_t at[TEXT_NAME_SIZE];
	const char *name;
	size_t len;
};

static bool is_capturable(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z');
}

static void pass_star(struct ways *w)
{
	for (size_t i = 1; i <= w->len; i++) {
		if (w->at[i - 1] < w->at[i])
			w->at[i] = w->at[i - 1];
	}
}

/* any: '?', which is any byte. */
static void pass_byte(struct ways *w, char c, bool any)
{
	for (size_t i = w->len; i > 0; i--)
		w->at[i] = any || w->name[i - 1] == c ? w->at[i - 1] : NO_WAY;
	w->at[0] = NO_WAY;
}

static void pass_capture(struct ways *w)
{
	uint32_t start = NO_WAY; /* the first in this run of letters */
	for (size_t i = 0; i <= w->len; i++) {
		bool begins = w->at[i] != NO_WAY;
		if (i > 0 && !is_capturable(w->name[i - 1]))
			start = NO_WAY;
		w->at[i] = start == NO_WAY ? NO_WAY :
					     start * PLACES + (uint32_t)i;
		if (begins && start == NO_WAY)
			start = (uint32_t)i;
	}
}

static uint32_t best_way(const char *pattern, const char *name, size_t len)
{
	struct ways w = { .name = name, .len = len };
	bool captured = false;
	for (size_t i = 1; i <= len; i++)
		w.at[i] = NO_WAY;
	for (const char *s = pattern; *s != '\0'; s++) {
		if (!captured && strncmp(s, CAPTURE, CAPTURE_LEN) == 0) {
			captured = true;
			pass_capture(&w);
			s += CAPTURE_LEN - 1;
		} else if (*s == '*') {
			pass_star(&w);
		} else {
			pass_byte(&w, *s, *s == '?');
		}
	}
	return w.at[len];
}

bool pattern_match(const char *pattern, const char *name, char *ret_to,
		   size_t size)
{
	assert(size > 0);
	size_t len = strnlen(name, TEXT_NAME_SIZE);
	if (len >= TEXT_NAME_SIZE)
		return false;
	uint32_t way = best_way(pattern, name, len);
	if (way == NO_WAY)
		return false;
	size_t start = way / PLACES;
	size_t captured = way % PLACES - start;
	if (captured >= size)
		return false;
	memcpy(ret_to, name + start, captured);
	ret_to[captured] = '\0';
	return true;
}
