/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/personal.h"

#include <string.h>
#include <strings.h>

#include "agent/mailbox.h"
#include "base/buf.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "spool/ctl.h"
#include "spool/job.h"
#include "spool/pair.h"

#define MASK "***"
#define MASK_LEN (sizeof(MASK) - 1)
/* A value that the end of a text cuts is known by so many bytes. */
#define CUT_LEAST 8

struct field {
	enum ctl_field field;
	const char *name;
};

static const struct field fields[] = {
	{ CTL_TO_DTS, "to" },
	{ CTL_SUBJECT, "subject" },
	{ CTL_LOCAL_ID, "local_id" },
};

#define FIELDS (sizeof(fields) / sizeof(*fields))

/* One that cannot be read was not sent, and so nobody speaks of it. */
static void read_claimed(const struct mailbox *mailbox, const struct job *job,
			 struct ctl *ctl)
{
	int r = pair_read_claimed(&mailbox->dir, job, ctl, NULL);
	(void)r; /* it stays empty then */
}

/* --- shown --- */

/* A quote would end the value early and so could forge the next fact. */
static void put_fact(struct buf *line, const char *name, const char *value)
{
	AUTO_FREE char *safe = xstrdup(value);
	for (char *at = strchr(safe, '"'); at; at = strchr(at, '"'))
		*at = '\'';
	bool fits = buf_printf(line, " %s=\"%s\"", name, safe);
	(void)fits; /* what is over the ceiling of a log line is left out */
}

char *personal_facts(const struct mailbox *mailbox, const struct ctl *ctl)
{
	AUTO_BUF struct buf line;
	buf_init(&line, 4096);
	for (size_t i = 0; i < FIELDS && mailbox->conf->log_personal_data;
	     i++) {
		const char *value = ctl_get(ctl, fields[i].field);
		if (value[0] != '\0')
			put_fact(&line, fields[i].name, value);
	}
	return xstrdup(line.data);
}

char *personal_facts_claimed(const struct mailbox *mailbox,
			     const struct job *job)
{
	struct ctl ctl;
	ctl_init(&ctl);
	if (mailbox->conf->log_personal_data)
		read_claimed(mailbox, job, &ctl);
	char *line = personal_facts(mailbox, &ctl);
	ctl_release(&ctl);
	return line;
}

char *personal_facts_staged(const struct mailbox *mailbox, const char *stem,
			    const char *suffix)
{
	struct ctl ctl;
	AUTO_BUF struct buf text;
	AUTO_FREE char *name = xasprintf("%s%s", stem, suffix);
	buf_init(&text, CTL_SIZE_MAX);
	if (!mailbox->conf->log_personal_data ||
	    fsx_load(mailbox->dir.temp, name, &text, NULL) < 0 ||
	    ctl_read(text.data, text.len, &ctl, NULL) < 0)
		return xstrdup("");
	char *line = personal_facts(mailbox, &ctl);
	ctl_release(&ctl);
	return line;
}

/* --- hidden --- */

/* How many bytes of value stand at the start of text; 0: it is not there. The
 * end of text may have cut it. */
static size_t match(const char *text, const char *value)
{
	size_t len = strlen(value);
	size_t left = strlen(text);
	if (len < MASK_LEN)
		return 0;
	if (left >= len)
		return strncasecmp(text, value, len) == 0 ? len : 0;
	return left >= CUT_LEAST && strncasecmp(text, value, left) == 0 ? left :
									  0;
}

static void mark(bool *hidden, const char *text, const char *value)
{
	for (size_t i = 0; text[i] != '\0'; i++) {
		size_t len = match(text + i, value);
		for (size_t j = 0; j < len; j++)
			hidden[i + j] = true;
	}
}

/* What is hidden has MASK_LEN bytes at least, so it only becomes shorter. */
static void replace(char *text, const bool *hidden)
{
	size_t to = 0;
	for (size_t i = 0; text[i] != '\0'; i++) {
		if (!hidden[i]) {
			text[to++] = text[i];
		} else if (i == 0 || !hidden[i - 1]) {
			memcpy(text + to, MASK, MASK_LEN);
			to += MASK_LEN;
		}
	}
	text[to] = '\0';
}

void personal_mask(char *text, const char *const *values, size_t count)
{
	AUTO_FREE bool *hidden = xcalloc(strlen(text) + 1, sizeof(*hidden));
	for (size_t i = 0; i < count; i++)
		mark(hidden, text, values[i]);
	replace(text, hidden);
}

void personal_hide(const struct mailbox *mailbox, const struct job *job,
		   char *text)
{
	if (mailbox->conf->log_personal_data || text[0] == '\0')
		return;
	struct ctl ctl;
	ctl_init(&ctl);
	read_claimed(mailbox, job, &ctl);
	const char *values[FIELDS + 1];
	for (size_t i = 0; i < FIELDS; i++)
		values[i] = ctl_get(&ctl, fields[i].field);
	values[FIELDS] = job->local_id_made ? "" : job->local_id;
	personal_mask(text, values, FIELDS + 1);
	ctl_release(&ctl);
}
