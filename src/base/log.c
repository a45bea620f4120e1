/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

/* The longest line, with its line feed. */
#define LINE_MAX_BYTES 4096
#define MORE "..."
/* Stands for a quote of the format; see quote(). */
#define MARK '\x01'
/* Room for a time and a level, or a priority. */
#define HEAD_SIZE 64

static atomic_int level_limit = LOG_LEVEL_INFO;
static pthread_mutex_t write_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t journal_once = PTHREAD_ONCE_INIT;
static bool to_journal; /* constant after journal_once */

void log_set_level(enum log_level most)
{
	atomic_store(&level_limit, (int)most);
}

static void look_for_journal(void)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): once, at the start */
	to_journal = getenv("JOURNAL_STREAM");
}

static const char *level_word(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error";
	case LOG_LEVEL_WARNING:
		return "warn";
	case LOG_LEVEL_NOTICE:
		return "notice";
	case LOG_LEVEL_INFO:
		return "info";
	case LOG_LEVEL_DEBUG:
		return "debug";
	}
	return "unknown";
}

static void make_head(char head[HEAD_SIZE], enum log_level level)
{
	(void)pthread_once(&journal_once, look_for_journal); /* cannot fail */
	if (to_journal) {
		(void)snprintf(head, HEAD_SIZE, "<%d>", (int)level); /* fits */
		return;
	}
	char now[CLOCK_ISO_SIZE];
	clock_iso(clock_wall_ns(), now);
	(void)snprintf(head, HEAD_SIZE, "%s %-6s ", now,
		       level_word(level)); /* fits */
}

/* Copies text, with the quotes that come from an argument as \x22 where they
 * would end a value early and so could forge the next fact. marked is the same
 * text made from a format with MARK for each quote: there the two differ. */
static void quote(char *dst, size_t size, const char *text, const char *marked)
{
	const char *end = dst + size - 1;
	bool inside = false;
	for (; *text; text++, marked++) {
		bool ours = *text != *marked;
		bool foreign = inside && !ours && *text == '"';
		const char *as = foreign ? "\\x22" : text;
		size_t len = foreign ? 4 : 1;
		if (len > (size_t)(end - dst))
			break;
		memcpy(dst, as, len);
		dst += len;
		inside = inside != ours;
	}
	*dst = '\0';
}

static void put_facts(char *dst, size_t size, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

static void put_facts(char *dst, size_t size, const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES + 1];
	char marked[LINE_MAX_BYTES + 1];
	char other[LINE_MAX_BYTES + 1];
	(void)text_copy(other, sizeof(other), fmt); /* ours, and short */
	for (char *at = strchr(other, '"'); at; at = strchr(at, '"'))
		*at = MARK;
	va_list again;
	va_copy(again, ap);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* fmt, but for quotes */
	(void)vsnprintf(marked, sizeof(marked), other, again);
#pragma GCC diagnostic pop
	va_end(again);
	quote(dst, size, text, marked);
}

static void make_body(char *body, size_t size, const char *event,
		      const char *mailbox, const char *fmt, va_list ap)
	__attribute__((format(printf, 5, 0)));

/* What is longer than the buffer is cut again when it is escaped. */
static void make_body(char *body, size_t size, const char *event,
		      const char *mailbox, const char *fmt, va_list ap)
{
	(void)snprintf(body, size, "%s%s%s ", event, mailbox ? " mailbox=" : "",
		       mailbox ? mailbox : "");
	size_t len = strlen(body);
	put_facts(body + len, size - len, fmt, ap);
	len = strlen(body);
	if (body[len - 1] == ' ')
		body[len - 1] = '\0';
}

/* A log that cannot be written must not stop the work, so errors end here. */
static void write_line(const char *line, size_t len)
{
	(void)pthread_mutex_lock(&write_lock); /* an ordinary one cannot fail */
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, line, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		line += n;
		len -= (size_t)n;
	}
	(void)pthread_mutex_unlock(&write_lock); /* held */
}

static void write_parts(const char *head, const char *body)
{
	/* every byte may become four */
	char safe[4 * LINE_MAX_BYTES + 1];
	char line[LINE_MAX_BYTES + 1];
	size_t room = LINE_MAX_BYTES - strlen(head) - 1;
	text_escape(safe, sizeof(safe), body);
	const char *end = "\n";
	if (strlen(safe) > room) {
		text_escape(safe, room - strlen(MORE) + 1, body);
		end = MORE "\n";
	}
	int n = snprintf(line, sizeof(line), "%s%s%s", head, safe, end);
	if (n > 0)
		write_line(line, (size_t)n);
}

void log_event(enum log_level level, const char *event, const char *mailbox,
	       const char *fmt, ...)
{
	if ((int)level > atomic_load(&level_limit))
		return;
	int saved = errno; /* callers may log between a failure and its use */
	char head[HEAD_SIZE];
	char body[LINE_MAX_BYTES + 1];
	make_head(head, level);
	va_list ap;
	va_start(ap, fmt);
	make_body(body, sizeof(body), event, mailbox, fmt, ap);
	va_end(ap);
	write_parts(head, body);
	errno = saved;
}
