/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The table of every setting: one source for both readers, the manual and
 * `meshdrop config`.
 *
 * A reader (conf/ini, conf/yaml) offers section, key and value with the place
 * where it found them; schema_apply finds the key, checks the value against
 * type and bounds and stores it into the struct the scope describes. Unknown
 * and duplicate keys, and values out of bounds, are errors that name the
 * place, the key and what would be right.
 */
#ifndef MESHDROP_CONF_SCHEMA_H
#define MESHDROP_CONF_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"

enum schema_scope {
	SCHEMA_DAEMON,	/* meshdrop.conf; target is struct conf */
	SCHEMA_MAILBOX, /* one mailbox file; target is struct conf_mailbox */
};

enum schema_type {
	SCHEMA_TEXT,	 /* char * */
	SCHEMA_PATH,	 /* char *, resolved against the file's folder */
	SCHEMA_ID,	 /* char[TEXT_MAILBOX_SIZE] */
	SCHEMA_BOOL,	 /* bool; choices, if any, name false and true */
	SCHEMA_NUMBER,	 /* uint64_t */
	SCHEMA_SIZE,	 /* uint64_t bytes */
	SCHEMA_DURATION, /* int64_t ns */
	SCHEMA_CHOICE,	 /* uint64_t index into choices */
};

struct schema_key {
	enum schema_scope scope;
	const char *section; /* INI section, or YAML parent; "" at top */
	const char *name;
	enum schema_type type;
	const char *preset; /* default as text; NULL: none */
	bool required;
	uint64_t min; /* numbers, sizes, durations (ns) */
	uint64_t max;
	const char *choices; /* "hold|resend|fail" */
	size_t offset;	     /* into the target */
	const char *summary; /* one line, for the manual and the tool */
};

#define SCHEMA_MAX 64

/* One file being read: what was seen, where complaints go. */
struct schema_load {
	enum schema_scope scope;
	void *target;
	const char *file;
	bool seen[SCHEMA_MAX];
	int line[SCHEMA_MAX]; /* where it was seen */
	bool failed;
	conf_report_fn *report;
	void *ctx;
};

/* The table; *ret_count is at most SCHEMA_MAX. */
const struct schema_key *schema_keys(size_t *ret_count);

/* Stores all presets of the scope into a zeroed target. A relative path stays
 * as it is until schema_finish, which knows the file. */
void schema_preset(enum schema_scope scope, void *target);
void schema_apply(struct schema_load *load, int line, const char *section,
		  const char *key, const char *value);
/* Complains about required keys that were not seen; resolves preset paths. */
void schema_finish(struct schema_load *load);
/* The index of the section's first key; -1 when no key has that section. */
int schema_section(enum schema_scope scope, const char *section);
/* The line that set the key; 0 when none did. */
int schema_line(const struct schema_load *load, const char *section,
		const char *name);

/* line 0: no line. Sets load->failed. */
void schema_complain(struct schema_load *load, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same, for what is worth saying but is not an error. */
void schema_warn(const struct schema_load *load, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The value as it would be written in a file, for `meshdrop config`. */
void schema_show(const struct schema_key *key, const void *target, char *ret,
		 size_t size);

#endif
