/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "conf/schema.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/value.h"

#define MS ((uint64_t)CLOCK_MS)
#define SECOND ((uint64_t)CLOCK_SECOND)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define MEGA UINT64_C(1000000)
/* Far over anything real, far under what arithmetic can hold. */
#define MOST_BYTES UINT64_C(1000000000000000)

#define LABEL_SIZE 96
#define SHOWN_MAX 64 /* of a wrong value, in a complaint */

static const struct schema_key keys[] = {
	{
		.scope = SCHEMA_DAEMON,
		.section = "service",
		.name = "url",
		.type = SCHEMA_TEXT,
		.required = true,
		.offset = offsetof(struct conf, url),
		.summary = "address of the MESH service: https://host[:port]",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "service",
		.name = "shared_key_file",
		.type = SCHEMA_PATH,
		.required = true,
		.offset = offsetof(struct conf, shared_key_file),
		.summary = "file with the environment's shared key",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "service",
		.name = "ca_file",
		.type = SCHEMA_PATH,
		.offset = offsetof(struct conf, ca_file),
		.summary = "certificates that the service's must lead to (PEM)",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "service",
		.name = "certificate",
		.type = SCHEMA_PATH,
		.offset = offsetof(struct conf, certificate),
		.summary = "our client certificate (PEM)",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "service",
		.name = "private_key",
		.type = SCHEMA_PATH,
		.offset = offsetof(struct conf, private_key),
		.summary = "key of our client certificate (PEM)",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "service",
		.name = "connect_timeout",
		.type = SCHEMA_DURATION,
		.preset = "30s",
		.min = SECOND,
		.max = 10 * MINUTE,
		.offset = offsetof(struct conf, connect_timeout_ns),
		.summary = "longest wait for a connection",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "service",
		.name = "stall_timeout",
		.type = SCHEMA_DURATION,
		.preset = "60s",
		.min = SECOND,
		.max = HOUR,
		.offset = offsetof(struct conf, stall_timeout_ns),
		.summary = "longest wait while no bytes move",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "daemon",
		.name = "state_dir",
		.type = SCHEMA_PATH,
		.preset = "/var/lib/meshdrop",
		.offset = offsetof(struct conf, state_dir),
		.summary = "directory of the daemon's own records",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "daemon",
		.name = "mailboxes",
		.type = SCHEMA_PATH,
		.preset = "mailboxes.d",
		.offset = offsetof(struct conf, mailboxes_dir),
		.summary = "directory of the mailbox files",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "daemon",
		.name = "poll_interval",
		.type = SCHEMA_DURATION,
		.preset = "5m",
		.min = SECOND,
		.max = 24 * HOUR,
		.offset = offsetof(struct conf, poll_interval_ns),
		.summary = "how often an inbox is asked for messages",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "daemon",
		.name = "scan_interval",
		.type = SCHEMA_DURATION,
		.preset = "10s",
		.min = 100 * MS,
		.max = HOUR,
		.offset = offsetof(struct conf, scan_interval_ns),
		.summary = "how often an OUT folder is looked at",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "daemon",
		.name = "processing_delay",
		.type = SCHEMA_DURATION,
		.preset = "10s",
		.max = HOUR,
		.offset = offsetof(struct conf, processing_delay_ns),
		.summary = "how long a pair must stay unchanged to be sent",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "daemon",
		.name = "connections",
		.type = SCHEMA_NUMBER,
		.preset = "4",
		.min = 1,
		.max = 64,
		.offset = offsetof(struct conf, connections),
		.summary = "mailboxes served at the same time",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "daemon",
		.name = "chunk_size",
		.type = SCHEMA_SIZE,
		.preset = "20M",
		.min = 1,
		.max = 99 * MEGA,
		.offset = offsetof(struct conf, chunk_size),
		.summary = "part size of a large message",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "daemon",
		.name = "request_limit",
		.type = SCHEMA_SIZE,
		.preset = "75M",
		.min = 1,
		.max = 99 * MEGA,
		.offset = offsetof(struct conf, request_limit),
		.summary = "largest body of one request",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "daemon",
		.name = "max_message",
		.type = SCHEMA_SIZE,
		.preset = "100G",
		.min = 1,
		.max = MOST_BYTES,
		.offset = offsetof(struct conf, max_message),
		.summary = "largest message that is received",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "daemon",
		.name = "reserve",
		.type = SCHEMA_SIZE,
		.preset = "100M",
		.max = MOST_BYTES,
		.offset = offsetof(struct conf, reserve),
		.summary = "free space below which no work is taken",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "daemon",
		.name = "resolve_after",
		.type = SCHEMA_DURATION,
		.preset = "60s",
		.max = 24 * HOUR,
		.offset = offsetof(struct conf, resolve_after_ns),
		.summary = "wait before asking what became of a message",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "daemon",
		.name = "resolve_gap",
		.type = SCHEMA_DURATION,
		.preset = "5m",
		.max = 24 * HOUR,
		.offset = offsetof(struct conf, resolve_gap_ns),
		.summary = "wait between the two answers that allow a resend",
	},
	{
		.scope = SCHEMA_DAEMON,
		.section = "daemon",
		.name = "timezone",
		.type = SCHEMA_TEXT,
		.preset = "Europe/London",
		.offset = offsetof(struct conf, timezone),
		.summary = "zone of the times in control files",
	},
	{
		.scope = SCHEMA_MAILBOX,
		.section = "",
		.name = "mailbox",
		.type = SCHEMA_ID,
		.required = true,
		.offset = offsetof(struct conf_mailbox, id),
		.summary = "the mailbox's id",
	},
	{
		.scope = SCHEMA_MAILBOX,
		.section = "",
		.name = "password_file",
		.type = SCHEMA_PATH,
		.required = true,
		.offset = offsetof(struct conf_mailbox, password_file),
		.summary = "file with the mailbox's password",
	},
	{
		.scope = SCHEMA_MAILBOX,
		.section = "",
		.name = "root",
		.type = SCHEMA_PATH,
		.required = true,
		.offset = offsetof(struct conf_mailbox, root),
		.summary = "directory that holds IN OUT SENT FAILED TEMP",
	},
	{
		.scope = SCHEMA_MAILBOX,
		.section = "reports",
		.name = "collect",
		.type = SCHEMA_BOOL,
		.preset = "true",
		.offset = offsetof(struct conf_mailbox, report_collect),
		.summary = "report each pair that was taken from OUT",
	},
	{
		.scope = SCHEMA_MAILBOX,
		.section = "reports",
		.name = "transfer",
		.type = SCHEMA_BOOL,
		.preset = "false",
		.offset = offsetof(struct conf_mailbox, report_transfer),
		.summary = "report each message that was sent",
	},
	{
		.scope = SCHEMA_MAILBOX,
		.section = "reports",
		.name = "poll",
		.type = SCHEMA_BOOL,
		.preset = "false",
		.offset = offsetof(struct conf_mailbox, report_poll),
		.summary = "report each look into the inbox",
	},
	{
		.scope = SCHEMA_MAILBOX,
		.section = "reports",
		.name = "delay",
		.type = SCHEMA_BOOL,
		.preset = "false",
		.offset = offsetof(struct conf_mailbox, report_delay),
		.summary = "report each message that is tried again later",
	},
	{
		.scope = SCHEMA_MAILBOX,
		.section = "",
		.name = "save_sent",
		.type = SCHEMA_BOOL,
		.preset = "true",
		.offset = offsetof(struct conf_mailbox, save_sent),
		.summary = "keep sent messages in SENT",
	},
	{
		.scope = SCHEMA_MAILBOX,
		.section = "",
		.name = "max_messages",
		.type = SCHEMA_NUMBER,
		.preset = "100",
		.min = 1,
		.max = 5000,
		.offset = offsetof(struct conf_mailbox, max_messages),
		.summary = "messages received, and sent, in one turn",
	},
	{
		.scope = SCHEMA_MAILBOX,
		.section = "",
		.name = "server_retry",
		.type = SCHEMA_NUMBER,
		.preset = "3",
		.max = 1000,
		.offset = offsetof(struct conf_mailbox, server_retry),
		.summary = "times a refused first attempt is repeated",
	},
	{
		.scope = SCHEMA_MAILBOX,
		.section = "",
		.name = "on_ambiguous",
		.type = SCHEMA_CHOICE,
		.preset = "hold",
		.choices = "hold|resend|fail", /* as enum conf_ambiguous */
		.offset = offsetof(struct conf_mailbox, on_ambiguous),
		.summary = "what to do when a message may have been sent",
	},
	{
		.scope = SCHEMA_MAILBOX,
		.section = "",
		.name = "local_id_when_empty",
		.type = SCHEMA_BOOL,
		.preset = "generate",
		.choices = "none|generate",
		.offset = offsetof(struct conf_mailbox, local_id_generate),
		.summary = "whether a message without LocalId is given one",
	},
};

#define KEY_COUNT (sizeof(keys) / sizeof(*keys))

_Static_assert(KEY_COUNT <= SCHEMA_MAX, "struct schema_load is too small");

const struct schema_key *schema_keys(size_t *ret_count)
{
	*ret_count = KEY_COUNT;
	return keys;
}

static void vreport(const struct schema_load *load, int line, bool fatal,
		    const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));

static void vreport(const struct schema_load *load, int line, bool fatal,
		    const char *fmt, va_list ap)
{
	AUTO_FREE char *said = NULL;
	if (vasprintf(&said, fmt, ap) < 0)
		abort();
	AUTO_FREE char *raw = line > 0 ? xasprintf("%s:%d: %s", load->file,
						   line, said) :
					 xasprintf("%s: %s", load->file, said);
	/* Names and values come from files: they must not drive a terminal. */
	size_t size = 4 * strlen(raw) + 1;
	AUTO_FREE char *clean = xmalloc(size);
	text_escape(clean, size, raw);
	if (load->report)
		load->report(load->ctx, fatal, clean);
}

void schema_complain(struct schema_load *load, int line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vreport(load, line, true, fmt, ap);
	va_end(ap);
	load->failed = true;
}

void schema_warn(const struct schema_load *load, int line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vreport(load, line, false, fmt, ap);
	va_end(ap);
}

/* The key as a reader of the file would call it. */
static void label_of(const struct schema_key *key, char ret[LABEL_SIZE])
{
	const char *section = key->section;
	int n;
	if (key->scope == SCHEMA_DAEMON)
		n = snprintf(ret, LABEL_SIZE, "[%s] %s", section, key->name);
	else if (section[0] != '\0')
		n = snprintf(ret, LABEL_SIZE, "%s.%s", section, key->name);
	else
		n = snprintf(ret, LABEL_SIZE, "%s", key->name);
	assert(n < LABEL_SIZE);
}

static int find(enum schema_scope scope, const char *section, const char *name)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (keys[i].scope == scope &&
		    strcmp(keys[i].section, section) == 0 &&
		    strcmp(keys[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

int schema_section(enum schema_scope scope, const char *section)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (keys[i].scope == scope &&
		    strcmp(keys[i].section, section) == 0)
			return (int)i;
	}
	return -1;
}

int schema_line(const struct schema_load *load, const char *section,
		const char *name)
{
	int i = find(load->scope, section, name);
	return i >= 0 && load->seen[i] ? load->line[i] : 0;
}

void schema_preset(enum schema_scope scope, void *target)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (keys[i].scope != scope || !keys[i].preset)
			continue;
		bool good = value_store(&keys[i], "", keys[i].preset, target);
		assert(good); /* a preset breaks its own rule: our bug */
	}
}

static void complain_unknown(struct schema_load *load, int line,
			     const char *section, const char *key)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (keys[i].scope != load->scope ||
		    strcmp(keys[i].name, key) != 0)
			continue;
		char label[LABEL_SIZE];
		label_of(&keys[i], label);
		schema_complain(load, line,
				"'%.*s' is in the wrong place: it is known as "
				"%s",
				SHOWN_MAX, key, label);
		return;
	}
	if (section[0] != '\0')
		schema_complain(load, line, "unknown setting '%.*s' in '%.*s'",
				SHOWN_MAX, key, SHOWN_MAX, section);
	else
		schema_complain(load, line, "unknown setting '%.*s'", SHOWN_MAX,
				key);
}

static void complain_value(struct schema_load *load, int line,
			   const struct schema_key *key, const char *value)
{
	char label[LABEL_SIZE];
	char rule[VALUE_RULE_SIZE];
	label_of(key, label);
	value_rule(key, rule);
	/* A text may be an address with a password in it: never shown. */
	if (key->type == SCHEMA_TEXT || key->type == SCHEMA_PATH)
		schema_complain(load, line, "%s must be %s", label, rule);
	else
		schema_complain(load, line, "%s must be %s, not '%.*s'", label,
				rule, SHOWN_MAX, value);
}

void schema_apply(struct schema_load *load, int line, const char *section,
		  const char *key, const char *value)
{
	int i = find(load->scope, section, key);
	if (i < 0) {
		complain_unknown(load, line, section, key);
		return;
	}
	if (load->seen[i]) {
		char label[LABEL_SIZE];
		label_of(&keys[i], label);
		schema_complain(load, line,
				"%s is set a second time (first in line %d)",
				label, load->line[i]);
		return;
	}
	load->seen[i] = true;
	load->line[i] = line;
	if (!value_store(&keys[i], load->file, value, load->target))
		complain_value(load, line, &keys[i], value);
}

void schema_finish(struct schema_load *load)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (keys[i].scope != load->scope || load->seen[i])
			continue;
		if (keys[i].required) {
			char label[LABEL_SIZE];
			label_of(&keys[i], label);
			schema_complain(load, 0, "%s is missing (%s)", label,
					keys[i].summary);
		}
		if (keys[i].type == SCHEMA_PATH && keys[i].preset) {
			bool good = value_store(&keys[i], load->file,
						keys[i].preset, load->target);
			assert(good);
		}
	}
}

void schema_show(const struct schema_key *key, const void *target, char *ret,
		 size_t size)
{
	value_show(key, target, ret, size);
}
