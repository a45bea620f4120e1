/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "cli/verdict.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

#define TEXT_MAX 2048

static void say(const char *word, const char *subject, const char *fmt,
		va_list ap) __attribute__((format(printf, 3, 0)));

static void say(const char *word, const char *subject, const char *fmt,
		va_list ap)
{
	char text[TEXT_MAX];
	char safe[2 * TEXT_MAX];
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* may be cut */
	text_escape(safe, sizeof(safe), text);
	(void)printf("%-4s  %s: %s\n", word, subject, safe);
	(void)fflush(stdout); /* the next step may take its time */
}

void verdict_ok(struct verdict *verdict, const char *subject, const char *fmt,
		...)
{
	va_list ap;
	va_start(ap, fmt);
	say("ok", subject, fmt, ap);
	va_end(ap);
	verdict->good++;
}

void verdict_warn(struct verdict *verdict, const char *subject, const char *fmt,
		  ...)
{
	va_list ap;
	va_start(ap, fmt);
	say("warn", subject, fmt, ap);
	va_end(ap);
	verdict->warned++;
}

void verdict_fail(struct verdict *verdict, const char *subject, const char *fmt,
		  ...)
{
	va_list ap;
	va_start(ap, fmt);
	say("FAIL", subject, fmt, ap);
	va_end(ap);
	verdict->failed++;
}

void verdict_sum(const struct verdict *verdict)
{
	unsigned all = verdict->good + verdict->warned + verdict->failed;
	(void)printf("%u of %u checks failed, %u warned\n", verdict->failed,
		     all, verdict->warned);
}
