/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/second.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "spool/delivery.h"

#define ESCAPED_MAX 2048
#define EXTENSION_MAX ((size_t)16) /* with its dot */
#define HEX "0123456789abcdef"
#define DIGITS "0123456789"
#define ID_DIGITS 17 /* at the start of an id of the service, at least */

/* What text_escape makes of a byte: four characters, all for one. */
static bool is_escaped(const char *s)
{
	return s[0] == '\\' && s[1] == 'x' && s[2] != '\0' &&
	       strchr(HEX, s[2]) && s[3] != '\0' && strchr(HEX, s[3]);
}

/* Reads behind what it writes. */
static void replace_bytes(char *s)
{
	char *to = s;
	for (const char *from = s; *from != '\0'; from++) {
		bool escaped = is_escaped(from);
		if (escaped || strchr("/\\:*?\"<>|", *from))
			*to++ = '_';
		else
			*to++ = *from;
		if (escaped)
			from += strlen("\\xNN") - 1;
	}
	*to = '\0';
}

static void replace_ends(char *s)
{
	for (char *c = s; *c != '\0' && strchr(".- ", *c); c++)
		*c = '_';
	for (size_t i = strlen(s); i > 0 && strchr(". ", s[i - 1]); i--)
		s[i - 1] = '_';
}

/* From the last dot on, where that is short enough to be one; else "". */
static const char *extension(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot && strlen(dot) <= EXTENSION_MAX ? dot : name + strlen(name);
}

/* How much of the stem there is room for: whole characters. */
static size_t stem_length(const char *name, const char *ext, size_t room)
{
	size_t len = (size_t)(ext - name);
	if (len <= room)
		return len;
	len = room;
	while (len > 0 && ((unsigned char)name[len] & 0xc0) == 0x80)
		len--;
	return len;
}

static bool ends_in(const char *name, const char *ending)
{
	size_t len = strlen(name);
	size_t want = strlen(ending);
	return len >= want && text_equal_nocase(name + len - want, ending);
}

/* 20261122065959123456_0A1B2C.dat: in the same folder, that is somebody's. */
static bool is_like_data(const char *name)
{
	size_t digits = strspn(name, DIGITS);
	const char *c = name + digits;
	if (digits < ID_DIGITS || *c != '_' || !ends_in(name, ".dat"))
		return false;
	for (c++; isalnum((unsigned char)*c); c++)
		;
	return strlen(c) == strlen(".dat");
}

static bool is_own(const char *name, const char *id)
{
	char own[TEXT_NAME_SIZE];
	delivery_name(id, ".dat", own);
	if (text_equal_nocase(name, own))
		return true;
	delivery_name(id, ".ctl", own);
	return text_equal_nocase(name, own);
}

bool second_name(const char *file_name, const char *id,
		 char ret[TEXT_NAME_SIZE])
{
	char text[ESCAPED_MAX];
	text_escape(text, sizeof(text), file_name);
	replace_bytes(text);
	replace_ends(text);
	if (text[0] == '\0' || is_own(text, id))
		return false;
	const char *ext = extension(text);
	size_t stem = stem_length(text, ext, SECOND_MAX - strlen(ext));
	char name[TEXT_NAME_SIZE];
	(void)snprintf(name, sizeof(name), "%.*s%s", (int)stem, text, ext);
	bool taken_for_other = ends_in(name, ".ctl") || is_like_data(name);
	(void)snprintf(ret, TEXT_NAME_SIZE, "%.*s%s", SECOND_MAX, name,
		       taken_for_other ? "_" : "");
	return true;
}

void second_aside(const char *name, const char *id, char ret[TEXT_NAME_SIZE])
{
	const char *ext = extension(name);
	size_t room = TEXT_NAME_SIZE - 1 - strlen("~") - strlen(id) -
		      strlen(ext);
	size_t stem = stem_length(name, ext, room);
	(void)snprintf(ret, TEXT_NAME_SIZE, "%.*s~%s%s", (int)stem, name, id,
		       ext);
}
