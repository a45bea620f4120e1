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
#include "base/fsx.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/schema.h"

#define MS ((uint64_t)CLOCK_MS)
#define SECOND ((uint64_t)CLOCK_SECOND)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define SHOWN_SIZE 32

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

static bool is_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && (slash[1] == '\0' || strcmp(slash, "/.") == 0);
}

/* Drops empty and "." parts. ".." stays: before it may stand a link. A slash
 * stays behind a blank, which would else be lost at the end of a line. */
static void squeeze(char *path)
{
	bool absolute = path[0] == '/';
	bool folder = is_folder(path);
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
	else if (folder && out[-1] == ' ')
		*out++ = '/';
	*out = '\0';
}

/* Takes a ".." and the folder before it away, which is right unless that is a
 * link: people read these paths in messages. */
static bool go_up(char *folder, const char **path)
{
	char *slash = strrchr(folder, '/');
	if (!slash || slash == folder || strncmp(*path, "../", 3) != 0 ||
	    strcmp(slash, "/..") == 0 || !fsx_is_dir(folder))
		return false;
	*slash = '\0';
	*path += strlen("../");
	return true;
}

static char *resolve(const char *file, const char *path)
{
	const char *slash = strrchr(file, '/');
	if (!slash || path[0] == '/') {
		char *whole = xstrdup(path);
		squeeze(whole);
		return whole;
	}
	AUTO_FREE char *folder = xstrndup(file, (size_t)(slash - file) + 1);
	squeeze(folder);
	while (go_up(folder, &path))
		;
	char *whole = xasprintf("%s/%s", folder, path);
	squeeze(whole);
	return whole;
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

static bool is_good_text(const struct schema_key *key, const char *value)
{
	uint64_t index;
	if (key->choices)
		return choose(key->choices, value, &index);
	return (value[0] != '\0' || key->empty) && strlen(value) < PATH_MAX &&
	       has_only_text(value);
}

static bool store_text(const struct schema_key *key, const char *file,
		       const char *value, char **field)
{
	if (!is_good_text(key, value))
		return false;
	free(*field);
	*field = key->type == SCHEMA_PATH ? resolve(file, value) :
					    xstrdup(value);
	return true;
}

static bool add_text(const struct schema_key *key, const char *value,
		     struct conf_texts *field)
{
	if (!is_good_text(key, value))
		return false;
	field->items = xreallocarray(field->items, field->count + 1,
				     sizeof(*field->items));
	field->items[field->count++] = xstrdup(value);
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
	case SCHEMA_TEXTS:
		return add_text(key, text, field);
	case SCHEMA_LIST:
		return false; /* no text is a mapping */
	}
	return false;
}

void value_release(const struct schema_key *key, void *target)
{
	void *field = (char *)target + key->offset;
	if (key->type == SCHEMA_TEXTS) {
		struct conf_texts *texts = field;
		for (size_t i = 0; i < texts->count; i++)
			free(texts->items[i]);
		free(texts->items);
		*texts = (struct conf_texts){ .count = 0 };
	} else if (key->type == SCHEMA_TEXT || key->type == SCHEMA_PATH) {
		char **text = field;
		free(*text);
		*text = NULL;
	}
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
	if (ns % DAY == 0 && ns > DAY) {
		unit = "d";
		n = ns / DAY;
	} else if (ns % HOUR == 0 && ns > 0) {
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
static char *quote(const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._+-";
	if (s[strspn(s, plain)] == '\0' && s[0] != '\0' && s[0] != '-' &&
	    !text_equal_nocase(s, "null"))
		return xstrdup(s);
	AUTO_FREE char *doubled = xcalloc(2, strlen(s) + 1);
	char *out = doubled;
	for (; *s != '\0'; s++) {
		*out++ = *s;
		if (*s == '\'')
			*out++ = '\'';
	}
	return xasprintf("'%s'", doubled);
}

static char *show_text(const struct schema_key *key, const char *s)
{
	if (!s)
		s = "";
	return key->scope == SCHEMA_DAEMON ? xstrdup(s) : quote(s);
}

static char *show_texts(const struct conf_texts *texts)
{
	char *shown = xstrdup("[");
	for (size_t i = 0; i < texts->count; i++) {
		AUTO_FREE char *before = shown;
		AUTO_FREE char *text = quote(texts->items[i]);
		shown = xasprintf("%s%s%s", before, i > 0 ? ", " : "", text);
	}
	AUTO_FREE char *open = shown;
	return xasprintf("%s]", open);
}

static void show_number(const struct schema_key *key, uint64_t n, char *ret,
			size_t size)
{
	if (key->type == SCHEMA_SIZE)
		show_size(n, ret, size);
	else if (key->type == SCHEMA_DURATION)
		show_duration(n, ret, size);
	else if (key->type == SCHEMA_CHOICE)
		show_choice(key->choices, n, ret, size);
	else
		(void)snprintf(ret, size, "%" PRIu64, n); /* fits */
}

char *value_show(const struct schema_key *key, const void *target)
{
	const void *field = (const char *)target + key->offset;
	char shown[SHOWN_SIZE];
	switch (key->type) {
	case SCHEMA_TEXT:
	case SCHEMA_PATH:
		return show_text(key, *(const char *const *)field);
	case SCHEMA_ID:
		return show_text(key, field);
	case SCHEMA_TEXTS:
		return show_texts(field);
	case SCHEMA_LIST:
		return xstrdup("");
	case SCHEMA_BOOL:
		show_choice(key->choices ? key->choices : "false|true",
			    *(const bool *)field, shown, sizeof(shown));
		break;
	case SCHEMA_NUMBER:
	case SCHEMA_SIZE:
	case SCHEMA_DURATION: /* never negative */
	case SCHEMA_CHOICE:
		show_number(key, *(const uint64_t *)field, shown,
			    sizeof(shown));
		break;
	}
	return xstrdup(shown);
}

bool value_is_set(const struct schema_key *key, const void *target)
{
	const void *field = (const char *)target + key->offset;
	switch (key->type) {
	case SCHEMA_TEXT:
	case SCHEMA_PATH:
		return *(const char *const *)field;
	case SCHEMA_TEXTS:
		return ((const struct conf_texts *)field)->count > 0;
	case SCHEMA_NUMBER:
	case SCHEMA_SIZE:
	case SCHEMA_DURATION:
	case SCHEMA_CHOICE:
		return key->preset || *(const uint64_t *)field > 0;
	case SCHEMA_ID:
	case SCHEMA_BOOL:
		return true;
	case SCHEMA_LIST:
		return false;
	}
	return false;
}

/* --- in words --- */

/* "1 to 64 texts, each of 0 to 4095 bytes without control characters" */
static void rule_of_texts(const struct schema_key *key,
			  char ret[VALUE_RULE_SIZE])
{
	int least = key->empty ? 0 : 1;
	if (key->choices)
		(void)snprintf(ret, VALUE_RULE_SIZE, "one of %s", key->choices);
	else if (key->type == SCHEMA_TEXTS)
		(void)snprintf(ret, VALUE_RULE_SIZE,
			       "a text, or a list of %" PRIu64 " to %" PRIu64
			       ", each of %d to %d bytes without control "
			       "characters",
			       key->min, key->max, least, PATH_MAX - 1);
	else
		(void)snprintf(ret, VALUE_RULE_SIZE,
			       "%d to %d bytes without control characters",
			       least, PATH_MAX - 1);
}

static void rule_of_units(const struct schema_key *key,
			  char ret[VALUE_RULE_SIZE])
{
	char min[SHOWN_SIZE];
	char max[SHOWN_SIZE];
	bool is_size = key->type == SCHEMA_SIZE;
	const char *example = is_size ? "10G" : "30d";
	show_number(key, key->min, min, sizeof(min));
	show_number(key, key->max, max, sizeof(max));
	(void)snprintf(ret, VALUE_RULE_SIZE, "a %s from %s to %s, such as %s",
		       is_size ? "size" : "time", min, max,
		       key->preset ? key->preset : example);
}

void value_rule(const struct schema_key *key, char ret[VALUE_RULE_SIZE])
{
	switch (key->type) {
	case SCHEMA_TEXT:
	case SCHEMA_PATH:
	case SCHEMA_TEXTS:
		rule_of_texts(key, ret);
		return;
	case SCHEMA_LIST:
		(void)snprintf(ret, VALUE_RULE_SIZE,
			       "a list; each part begins with '- '");
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
	case SCHEMA_DURATION:
		rule_of_units(key, ret);
		return;
	}
}
