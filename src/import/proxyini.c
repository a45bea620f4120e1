/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "import/proxyini.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define NAME_SIZE 64
#define UNKNOWN_MAX 400

static const char *const said[PROXYINI_COUNT] = {
	[PROXYINI_HOST] = "host",	[PROXYINI_PORT] = "port",
	[PROXYINI_USER] = "user",	[PROXYINI_PASSWORD] = "password",
	[PROXYINI_ENABLED] = "enabled",
};

static const struct {
	const char *word;
	enum proxyini_field field;
} words[] = {
	{ "", PROXYINI_HOST }, /* "proxy = host:port" */
	{ "host", PROXYINI_HOST },	{ "hostname", PROXYINI_HOST },
	{ "server", PROXYINI_HOST },	{ "address", PROXYINI_HOST },
	{ "ip", PROXYINI_HOST },	{ "url", PROXYINI_HOST },
	{ "port", PROXYINI_PORT },	{ "user", PROXYINI_USER },
	{ "username", PROXYINI_USER },	{ "userid", PROXYINI_USER },
	{ "login", PROXYINI_USER },	{ "password", PROXYINI_PASSWORD },
	{ "pass", PROXYINI_PASSWORD },	{ "passwd", PROXYINI_PASSWORD },
	{ "pwd", PROXYINI_PASSWORD },	{ "enabled", PROXYINI_ENABLED },
	{ "enable", PROXYINI_ENABLED }, { "use", PROXYINI_ENABLED },
	{ "set", PROXYINI_ENABLED },
};

struct reader {
	struct proxyini ini;
	bool seen[PROXYINI_COUNT];
	bool for_https[PROXYINI_COUNT]; /* said for https alone */
	int line;
	struct err *err;
};

void proxyini_init(struct proxyini *ini)
{
	*ini = (struct proxyini){ .used = false };
	buf_init(&ini->unknown, UNKNOWN_MAX);
}

void proxyini_release(struct proxyini *ini)
{
	buf_release(&ini->unknown);
	mem_wipe(ini->values, sizeof(ini->values));
}

/* --- names --- */

/* Letters only, and in lower case; what has more than fits is no known word. */
static bool squeeze(const char *name, char ret[NAME_SIZE])
{
	size_t len = 0;
	for (; *name; name++) {
		bool upper = *name >= 'A' && *name <= 'Z';
		char c = (char)(upper ? *name - 'A' + 'a' : *name);
		if (strchr("._- ", c))
			continue;
		if (len + 1 == NAME_SIZE)
			return false;
		ret[len++] = c;
	}
	ret[len] = '\0';
	return true;
}

static bool drop_front(const char **word, const char *front)
{
	size_t len = strlen(front);
	if (strncmp(*word, front, len) != 0)
		return false;
	*word += len;
	return true;
}

static bool find_field(const char *name, enum proxyini_field *ret,
		       bool *ret_https)
{
	char squeezed[NAME_SIZE];
	if (!squeeze(name, squeezed))
		return false;
	const char *word = squeezed;
	bool https = drop_front(&word, "https");
	if (!https)
		(void)drop_front(&word, "http"); /* or it has none */
	/* "useproxy" has the word behind, "proxyuser" in front */
	size_t len = strlen(word);
	if (!drop_front(&word, "proxy") && len > 5 &&
	    strcmp(word + len - 5, "proxy") == 0)
		squeezed[word - squeezed + (ptrdiff_t)len - 5] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(word, words[i].word) != 0)
			continue;
		*ret = words[i].field;
		*ret_https = https;
		return true;
	}
	return false;
}

/* --- lines --- */

static int complain(const struct reader *reader, const char *what)
{
	return err_set(reader->err, ERR_INVALID, "line %d: %s", reader->line,
		       what);
}

static void note_unknown(struct reader *reader, const char *name)
{
	char safe[2 * NAME_SIZE];
	text_escape(safe, sizeof(safe), name);
	if (!buf_printf(&reader->ini.unknown, "%s%.*s",
			reader->ini.unknown.len > 0 ? ", " : "", NAME_SIZE,
			safe))
		return; /* there are many: the first are enough */
}

static int take_pair(struct reader *reader, const char *name, const char *value)
{
	enum proxyini_field field = PROXYINI_HOST;
	bool https = false;
	if (!find_field(name, &field, &https)) {
		note_unknown(reader, name);
		return 0;
	}
	if (*value == '\0')
		return 0;
	if (reader->seen[field] && reader->for_https[field] == https)
		return err_set(reader->err, ERR_INVALID,
			       "line %d: the proxy's %s is there twice",
			       reader->line, said[field]);
	if (reader->seen[field] && reader->for_https[field])
		return 0; /* goes before what is said for http */
	if (!text_copy(reader->ini.values[field], PROXYINI_VALUE_SIZE, value))
		return complain(reader, "the value is too long");
	reader->seen[field] = true;
	reader->for_https[field] = https;
	return 0;
}

static int take_line(struct reader *reader, char *line)
{
	line = text_trim(line);
	if (*line == '\0' || *line == '#' || *line == ';' || *line == '!')
		return 0;
	if (*line == '[') {
		reader->ini.had_sections = true;
		return 0;
	}
	size_t at = strcspn(line, "=:");
	if (line[at] == '\0')
		return complain(reader, "this is not 'name = value'");
	line[at] = '\0';
	return take_pair(reader, text_trim(line), text_trim(line + at + 1));
}

static int take_lines(struct reader *reader, char *text)
{
	char *rest = text;
	int r = 0;
	while (rest && r == 0) {
		char *line = rest;
		rest = strchr(line, '\n');
		if (rest)
			*rest++ = '\0';
		reader->line++;
		r = take_line(reader, line);
	}
	return r;
}

/* --- what it all means --- */

/* "http://host:port/" is a host and a port. */
static int split_host(struct reader *reader)
{
	char *host = reader->ini.values[PROXYINI_HOST];
	char *port = reader->ini.values[PROXYINI_PORT];
	if (text_starts_nocase(host, "https://"))
		return err_set(reader->err, ERR_INVALID,
			       "the proxy is itself spoken to with https, "
			       "which meshdrop does not do");
	if (text_starts_nocase(host, "http://"))
		memmove(host, host + 7, strlen(host + 7) + 1);
	size_t len = strlen(host);
	if (len > 0 && host[len - 1] == '/')
		host[len - 1] = '\0';
	char *colon = strrchr(host, ':');
	if (!colon)
		return 0;
	/* an IPv6 address has colons of its own, inside brackets */
	bool bracket = colon > host && colon[-1] == ']';
	if (strchr(host, ':') != colon && !bracket)
		return 0;
	if (*port == '\0' && !text_copy(port, PROXYINI_VALUE_SIZE, colon + 1))
		return complain(reader, "the value is too long");
	*colon = '\0';
	return 0;
}

static int check(struct reader *reader)
{
	struct proxyini *ini = &reader->ini;
	uint64_t port = 0;
	bool enabled = true;
	const char *switched = ini->values[PROXYINI_ENABLED];
	if (*switched && !text_flag(switched, &enabled))
		return err_set(reader->err, ERR_INVALID,
			       "whether the proxy is enabled is neither yes "
			       "nor no");
	int r = split_host(reader);
	if (r < 0 || !enabled || ini->values[PROXYINI_HOST][0] == '\0')
		return r;
	if (ini->values[PROXYINI_PORT][0] == '\0')
		return err_set(reader->err, ERR_INVALID,
			       "names a proxy, but no port of it");
	if (!text_u64(ini->values[PROXYINI_PORT], 65535, &port) || port == 0)
		return err_set(reader->err, ERR_INVALID,
			       "the proxy's port is not a number from 1 to "
			       "65535");
	ini->used = true;
	return 0;
}

int proxyini_read(const char *text, size_t len, struct proxyini *ret,
		  struct err *err)
{
	struct reader reader = { .err = err };
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	if (memchr(text, '\0', len))
		return err_set(err, ERR_INVALID,
			       "is not plain text: save it as UTF-8");
	proxyini_init(&reader.ini);
	char *copy = xstrndup(text, len);
	int r = take_lines(&reader, copy);
	mem_wipe(copy, len);
	mem_auto_free(&copy);
	if (r == 0)
		r = check(&reader);
	if (r < 0) {
		proxyini_release(&reader.ini);
		return r;
	}
	*ret = reader.ini;
	mem_wipe(&reader, sizeof(reader));
	return 0;
}
