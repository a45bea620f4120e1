/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "base/text.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define BLANKS " \t\r\n\v\f"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* --- numbers --- */

/* Reads the digits at the start; NULL when there are none or too many. */
static const char *read_digits(const char *s, uint64_t *ret)
{
	uint64_t value = 0;
	size_t len = strspn(s, DIGITS);
	if (len == 0)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s[i] - '0'),
					   &value))
			return NULL;
	}
	*ret = value;
	return s + len;
}

bool text_u64(const char *s, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;
	const char *end = read_digits(s, &value);
	if (!end || *end || value > max)
		return false;
	*ret = value;
	return true;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{ "", 1 },
	{ "k", UINT64_C(1000) },
	{ "K", UINT64_C(1000) },
	{ "M", UINT64_C(1000000) },
	{ "G", UINT64_C(1000000000) },
	{ "T", UINT64_C(1000000000000) },
};

static const struct unit time_units[] = {
	{ "ms", UINT64_C(1000000) },
	{ "s", UINT64_C(1000000000) },
	{ "m", 60 * UINT64_C(1000000000) },
	{ "h", 3600 * UINT64_C(1000000000) },
	{ "d", 86400 * UINT64_C(1000000000) },
};

static bool read_units(const char *s, const struct unit *units, size_t count,
		       uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;
	const char *end = read_digits(s, &value);
	if (!end)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		if (value > max / units[i].factor)
			return false;
		*ret = value * units[i].factor;
		return true;
	}
	return false;
}

bool text_size(const char *s, uint64_t *ret)
{
	return read_units(s, size_units, COUNT(size_units), UINT64_MAX, ret);
}

bool text_duration(const char *s, int64_t *ret_ns)
{
	uint64_t ns = 0;
	if (!read_units(s, time_units, COUNT(time_units), INT64_MAX, &ns))
		return false;
	*ret_ns = (int64_t)ns;
	return true;
}

/* --- yes and no --- */

struct word {
	const char *text;
	bool value;
};

static const struct word bool_words[] = {
	{ "yes", true }, { "no", false },    { "true", true },
	{ "on", true },	 { "false", false }, { "off", false },
};

static const struct word flag_words[] = {
	{ "y", true },	  { "n", false },     { "yes", true }, { "no", false },
	{ "true", true }, { "false", false }, { "t", true },   { "f", false },
	{ "1", true },	  { "0", false },     { "on", true },  { "off", false },
};

static bool read_word(const char *s, const struct word *words, size_t count,
		      bool *ret)
{
	for (size_t i = 0; i < count; i++) {
		if (!text_equal_nocase(s, words[i].text))
			continue;
		*ret = words[i].value;
		return true;
	}
	return false;
}

bool text_bool(const char *s, bool *ret)
{
	return read_word(s, bool_words, COUNT(bool_words), ret);
}

bool text_flag(const char *s, bool *ret)
{
	return read_word(s, flag_words, COUNT(flag_words), ret);
}

/* --- alphabets --- */

static bool is_made_of(const char *s, const char *alphabet, size_t max)
{
	size_t len = strspn(s, alphabet);
	return s[len] == '\0' && len >= 1 && len <= max;
}

bool text_is_message_id(const char *s)
{
	return is_made_of(s, LETTERS DIGITS "_-", TEXT_ID_SIZE - 1);
}

bool text_is_mailbox_id(const char *s)
{
	return is_made_of(s, LETTERS DIGITS "_-", TEXT_MAILBOX_SIZE - 1);
}

bool text_is_event(const char *s)
{
	return is_made_of(s, LETTERS DIGITS, TEXT_EVENT_SIZE - 1);
}

bool text_is_code(const char *s)
{
	return is_made_of(s, LETTERS DIGITS " ._-", TEXT_CODE_SIZE - 1);
}

static bool is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

bool text_is_own_folder(const char *s)
{
	static const char *const own[] = { "IN", "OUT", "SENT", "FAILED",
					   "TEMP" };
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (text_equal_nocase(s, own[i]))
			return true;
	return false;
}

bool text_is_file_name(const char *s)
{
	size_t len = strnlen(s, TEXT_NAME_SIZE);
	if (len == 0 || len >= TEXT_NAME_SIZE)
		return false;
	if (strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '/' || is_control((unsigned char)s[i]))
			return false;
	}
	return true;
}

bool text_is_header_value(const char *s, size_t max)
{
	size_t len = 0;
	for (; s[len]; len++) {
		if (len == max || s[len] < 0x20 || s[len] > 0x7e)
			return false;
	}
	return true;
}

/* --- copying and comparing --- */

bool text_copy(char *dst, size_t size, const char *src)
{
	assert(size > 0);
	size_t len = strlen(src);
	if (len >= size) {
		dst[0] = '\0';
		return false;
	}
	memcpy(dst, src, len + 1);
	return true;
}

char *text_trim(char *s)
{
	s += strspn(s, BLANKS);
	size_t len = strlen(s);
	while (len > 0 && strchr(BLANKS, s[len - 1]))
		len--;
	s[len] = '\0';
	return s;
}

/* Not strcasecmp, which follows the locale. */
static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool text_equal_nocase(const char *a, const char *b)
{
	return text_starts_nocase(a, b) && strlen(a) == strlen(b);
}

bool text_starts_nocase(const char *s, const char *prefix)
{
	size_t i = 0;
	while (prefix[i] && lower(s[i]) == lower(prefix[i]))
		i++;
	return prefix[i] == '\0';
}

/* --- foreign text --- */

/* The smallest value that may be written with so many bytes (Unicode, table
 * 3-7): anything below is an overlong form. */
static const uint32_t least_value[] = { 0, 0, 0x80, 0x800, 0x10000 };

static size_t utf8_length(unsigned char first)
{
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return 0;
}

/* Length of the well-formed character of several bytes at s, else 0. */
static size_t utf8_character(const unsigned char *s, uint32_t *ret_value)
{
	size_t len = utf8_length(s[0]);
	if (len == 0)
		return 0;
	uint32_t value = s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0; /* also at the final NUL */
		value = value << 6 | (s[i] & 0x3fu);
	}
	bool surrogate = value >= 0xd800 && value <= 0xdfff;
	if (value < least_value[len] || value > 0x10ffff || surrogate)
		return 0;
	*ret_value = value;
	return len;
}

/* Characters that end a line, or show what follows in another order than it
 * has, so that a name looks like another one. */
static bool is_misleading(uint32_t value)
{
	return value == 0x061c || value == 0x200e || value == 0x200f ||
	       (value >= 0x2028 && value <= 0x202e) ||
	       (value >= 0x2066 && value <= 0x2069);
}

/* How many bytes at s may be shown as they are; 0: escape this byte. */
static size_t plain_length(const unsigned char *s)
{
	if (s[0] < 0x80)
		return is_control(s[0]) ? 0 : 1;
	uint32_t value = 0;
	size_t len = utf8_character(s, &value);
	if (value < 0xa0 || is_misleading(value))
		return 0; /* U+0080 to U+009F are controls */
	return len;
}

static void put_hex(char *dst, const char *prefix, unsigned char c,
		    const char *digits)
{
	size_t len = strlen(prefix);
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): goes on */
	memcpy(dst, prefix, len);
	dst[len] = digits[c >> 4];
	dst[len + 1] = digits[c & 15];
}

void text_escape(char *dst, size_t size, const char *src)
{
	assert(size > 0);
	const unsigned char *s = (const unsigned char *)src;
	size_t room = size - 1;
	while (*s) {
		size_t plain = plain_length(s);
		size_t need = plain > 0 ? plain : 4;
		if (need > room)
			break; /* cut between characters, never inside one */
		if (plain > 0)
			memcpy(dst, s, plain);
		else
			put_hex(dst, "\\x", *s, "0123456789abcdef");
		s += plain > 0 ? plain : 1;
		dst += need;
		room -= need;
	}
	*dst = '\0';
}

char *text_escaped(const char *src)
{
	size_t size = 4 * strlen(src) + 1;
	char *dst = xmalloc(size);
	text_escape(dst, size, src);
	return dst;
}

bool text_url_encode(char *dst, size_t size, const char *src)
{
	assert(size > 0);
	char *out = dst;
	size_t room = size - 1;
	for (; *src; src++) {
		bool plain = strchr(LETTERS DIGITS "-._~", *src);
		size_t need = plain ? 1 : 3;
		if (need > room) {
			*dst = '\0';
			return false;
		}
		if (plain)
			*out = *src;
		else
			put_hex(out, "%", (unsigned char)*src,
				"0123456789ABCDEF");
		out += need;
		room -= need;
	}
	*out = '\0';
	return true;
}
