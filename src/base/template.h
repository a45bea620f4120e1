/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Texts with names in braces, and patterns for file names. Pure.
 *
 * A template holds "{name}" for a value that is put in and "{{" for an opening
 * brace; a closing one is itself. What a name may be is the caller's. A pattern
 * matches a whole file name: '*' any bytes, '?' one byte, "{to}" (at most once)
 * one or more ASCII letters and digits; all else is itself, letter case counts.
 * Where "{to}" could stand for several parts of a name, it begins as early as
 * fits, and takes as few as fit from there.
 */
#ifndef MESHDROP_BASE_TEMPLATE_H
#define MESHDROP_BASE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

struct template_value {
	const char *name;
	const char *value;
};

/* NULL when every name is one of those given, else what is wrong. */
const char *template_check(const char *text, const struct template_value *known,
			   size_t count);
/* False, and an empty text, when it does not fit; the text was checked before. */
bool template_fill(const char *text, const struct template_value *values,
		   size_t count, char *ret, size_t size);

/* NULL, or what is wrong with a pattern: a byte no file name has, a brace that
 * does not begin "{to}" ('?' fits one in a name), "{to}" twice, or right before
 * a '*', where it would always stand for a single byte. */
const char *pattern_check(const char *pattern);
bool pattern_has_capture(const char *pattern);
/* Takes time as the product of both lengths, whatever they hold. ret_to gets
 * what "{to}" stood for, "" without one; it has room for size bytes, and a part
 * of the name that is longer is no match. Untouched when it does not match. */
bool pattern_match(const char *pattern, const char *name, char *ret_to,
		   size_t size);

#endif
