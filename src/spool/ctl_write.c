/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/ctl.h"

#include <assert.h>
#include <stdint.h>

#include "base/buf.h"

/* What the first byte of a UTF-8 character promises; 0: cannot be one. */
static size_t char_len(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* False when the len bytes at s are not a character; stops at a NUL. */
static bool decode(const char *s, size_t len, uint32_t *ret)
{
	static const unsigned char first_mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t code = (unsigned char)*s & first_mask[len];
	for (size_t i = 1; i < len; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return false;
		code = code << 6 | ((unsigned char)s[i] & 0x3f);
	}
	*ret = code;
	return code >= least[len];
}

/* Char of XML 1.0. */
static bool is_xml_char(uint32_t code)
{
	if (code < 0x20)
		return code == '\t' || code == '\n' || code == '\r';
	return code < 0xd800 || (code >= 0xe000 && code < 0xfffe) ||
	       (code >= 0x10000 && code <= 0x10ffff);
}

/* Bytes of the character at s, or 0 when XML cannot carry its first byte. */
static size_t usable_len(const char *s)
{
	size_t len = char_len((unsigned char)*s);
	uint32_t code;
	if (len == 0 || !decode(s, len, &code) || !is_xml_char(code))
		return 0;
	return len;
}

/* A bare CR would be read back as LF. */
static const char *reference_for(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '\r':
		return "&#13;";
	default:
		return NULL;
	}
}

/* A value from elsewhere is cut to what ctl_read takes, between characters. */
static bool put_value(struct buf *ret, const char *value)
{
	size_t left = CTL_TEXT_MAX;
	bool fits = true;
	while (fits && *value) {
		size_t len = usable_len(value);
		if (len == 0) {
			value++;
			continue;
		}
		if (len > left)
			break;
		const char *reference = reference_for(*value);
		fits = reference ? buf_puts(ret, reference) :
				   buf_append(ret, value, len);
		left -= len;
		value += len;
	}
	return fits;
}

static bool put_element(struct buf *ret, const char *indent,
			const struct ctl *ctl, enum ctl_field field)
{
	const char *name = ctl_field_name(field);
	return buf_printf(ret, "%s<%s>", indent, name) &&
	       put_value(ret, ctl_get(ctl, field)) &&
	       buf_printf(ret, "</%s>\n", name);
}

static bool put_elements(struct buf *ret, const struct ctl *ctl)
{
	for (size_t i = 0; i < CTL_STATUS_TIME; i++)
		if (ctl->value[i] &&
		    !put_element(ret, "  ", ctl, (enum ctl_field)i))
			return false;
	return true;
}

/* A StatusRecord is whole or not there. */
static bool put_status(struct buf *ret, const struct ctl *ctl)
{
	if (!ctl->value[CTL_STATUS_EVENT])
		return true;
	bool fits = buf_puts(ret, "  <StatusRecord>\n");
	for (size_t i = CTL_STATUS_TIME; fits && i < CTL_COUNT; i++)
		fits = put_element(ret, "    ", ctl, (enum ctl_field)i);
	return fits && buf_puts(ret, "  </StatusRecord>\n");
}

void ctl_write(const struct ctl *ctl, struct buf *ret)
{
	bool fits = buf_puts(ret, "<DTSControl>\n") && put_elements(ret, ctl) &&
		    put_status(ret, ctl) && buf_puts(ret, "</DTSControl>\n");
	/* at most CTL_COUNT * CTL_TEXT_MAX characters of 5 bytes */
	assert(fits);
	(void)fits; /* with assert compiled out */
}
