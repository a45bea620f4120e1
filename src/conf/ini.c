/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "conf/ini.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <ini.h>

#include "conf/schema.h"

/* inih keeps 49 bytes of a section's name and drops the rest. */
#define SECTION_MAX 49
#define SHOWN_MAX 64

/*
 * inih asks for one line at a time. It sees only lines that it reads as we do:
 * of a line that is refused, or that says nothing, it is given an empty one, so
 * that the complaints about the lines after it come in the same run.
 */
struct reader {
	struct schema_load *load;
	const char *text;
	size_t len;
	size_t pos;
	int line;
	bool in_section;
	bool skip; /* the section is refused, and so not its keys */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static const char *trim_front(const char *s, const char *end)
{
	while (s < end && is_blank(*s))
		s++;
	return s;
}

/* Never NULL: end when there is none. */
static const char *find(const char *s, const char *end, const char *any)
{
	while (s < end && !strchr(any, *s))
		s++;
	return s;
}

static bool has_inline_comment(const char *s, const char *end)
{
	/* right behind the sign it is none for inih, but is as soon as we write
	 * the line */
	const char *sign = find(s, end, "=:");
	if (sign + 1 < end && sign[1] == ';')
		return true;
	for (; s + 1 < end; s++) {
		if (is_blank(s[0]) && s[1] == ';')
			return true;
	}
	return false;
}

/* True when inih may see "[name]"; *end then is where that stops. */
static bool accept_section(struct reader *r, const char *s, const char **end)
{
	r->in_section = true;
	r->skip = true;
	const char *close = find(s, *end, "]");
	if (close == *end) {
		schema_complain(r->load, r->line, "a section needs a ']'");
		return false;
	}
	char name[SECTION_MAX + 1];
	size_t len = (size_t)(close - s) - 1;
	if (len > SECTION_MAX) {
		schema_complain(r->load, r->line,
				"the section's name is longer than %d bytes",
				SECTION_MAX);
		return false;
	}
	memcpy(name, s + 1, len);
	name[len] = '\0';
	if (len == 0 || schema_section(r->load->scope, name) < 0) {
		schema_complain(r->load, r->line, "unknown section [%s]", name);
		return false;
	}
	if (trim_front(close + 1, *end) != *end)
		schema_complain(r->load, r->line, "only blanks may follow [%s]",
				name);
	*end = close + 1;
	r->skip = false;
	return true;
}

static bool accept_key(struct reader *r, const char *s, const char *end)
{
	const char *sign = find(s, end, "=:");
	if (sign == end) {
		schema_complain(r->load, r->line,
				"this is neither a [section] nor "
				"'setting = value'");
		return false;
	}
	if (sign == s) {
		schema_complain(r->load, r->line,
				"the setting's name is missing before '%c'",
				*sign);
		return false;
	}
	if (!r->in_section) {
		const char *stop = sign;
		while (is_blank(stop[-1])) /* s is no blank */
			stop--;
		ptrdiff_t len = stop - s < SHOWN_MAX ? stop - s : SHOWN_MAX;
		schema_complain(r->load, r->line,
				"'%.*s' stands before the first [section]",
				(int)len, s);
		return false;
	}
	return !r->skip;
}

/* True when inih may see the line from *s to *end, which may have shrunk. A
 * line may be complained about and shown: the object is dropped anyhow, and
 * what the line most likely means keeps further complaints to the point. */
static bool accept_line(struct reader *r, const char **s, const char **end,
			size_t room)
{
	for (const char *c = *s; c < *end; c++) {
		if (!is_control(*c))
			continue;
		schema_complain(r->load, r->line,
				"a control character (byte 0x%02x) is in this "
				"line",
				(unsigned)(unsigned char)*c);
		return false;
	}
	const char *start = trim_front(*s, *end);
	if (start == *end || *start == ';' || *start == '#')
		return false;
	if (start != *s)
		schema_complain(r->load, r->line,
				"a setting must not be indented");
	if (has_inline_comment(start, *end))
		schema_complain(r->load, r->line,
				"a comment needs a line of its own (' ;')");
	*s = start;
	bool accepted = *start == '[' ? accept_section(r, start, end) :
					accept_key(r, start, *end);
	if (!accepted)
		return false;
	/* inih wants room for a line end and a NUL. */
	if ((size_t)(*end - *s) + 2 > room) {
		schema_complain(r->load, r->line,
				"the line is longer than %zu bytes", room - 2);
		return false;
	}
	return true;
}

static char *next_line(char *str, int num, void *stream)
{
	struct reader *r = stream;
	if (r->pos >= r->len || num < 3)
		return NULL;
	const char *s = r->text + r->pos;
	const char *stop = memchr(s, '\n', r->len - r->pos);
	const char *end = stop ? stop : r->text + r->len;
	r->pos = (size_t)(end - r->text) + 1;
	r->line++;
	if (end > s && end[-1] == '\r')
		end--;
	if (r->line == 1 && end - s >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)
		s += 3;
	size_t len = 0;
	if (accept_line(r, &s, &end, (size_t)num)) {
		len = (size_t)(end - s);
		memcpy(str, s, len);
	}
	str[len] = '\n';
	str[len + 1] = '\0';
	return str;
}

static int offer(void *user, const char *section, const char *name,
		 const char *value)
{
	struct reader *r = user;
	schema_apply(r->load, r->line, section, name, value);
	return 1;
}

void ini_read(struct schema_load *load, const char *text, unsigned long len)
{
	struct reader r = { .load = load, .text = text, .len = len };
	int failed = ini_parse_stream(next_line, &r, offer, &r);
	/* inih must not refuse what we accepted, nor stop early. */
	if (failed != 0 && !load->failed)
		schema_complain(load, failed > 0 ? failed : 0,
				"this cannot be read as a settings file");
	else if (r.pos < r.len)
		schema_complain(load, r.line,
				"the file was not read to its end");
}
