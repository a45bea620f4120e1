/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The table of every setting: one source for both readers, the manual and
 * `meshdrop config`. The entries are in conf/keys_*.c.
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

struct schema_load;

enum schema_scope {
	SCHEMA_DAEMON,	 /* meshdrop.conf; target is struct conf */
	SCHEMA_MAILBOX,	 /* one mailbox file; target is struct conf_mailbox */
	SCHEMA_ROUTE,	 /* one of its routes; target is struct conf_route */
	SCHEMA_DELIVERY, /* one of deliver; target is struct conf_delivery */
	SCHEMA_SCOPE_COUNT,
};

enum schema_type {
	SCHEMA_TEXT,	 /* char *; one of choices, if there are any */
	SCHEMA_PATH,	 /* char *, resolved against the file's folder */
	SCHEMA_ID,	 /* char[TEXT_MAILBOX_SIZE] */
	SCHEMA_BOOL,	 /* bool; choices, if any, name false and true */
	SCHEMA_NUMBER,	 /* uint64_t */
	SCHEMA_SIZE,	 /* uint64_t bytes */
	SCHEMA_DURATION, /* int64_t ns */
	SCHEMA_CHOICE,	 /* uint64_t index into choices */
	SCHEMA_TEXTS,	 /* struct conf_texts; min to max of them */
	SCHEMA_LIST,	 /* array of structs, as list says; at most max */
};

/* Mappings in a list: each is read as if it were a file of its own. */
struct schema_list {
	enum schema_scope item; /* has no lists of mappings of its own */
	size_t size;		/* of one item */
	size_t count_offset;	/* of a size_t in the target with the list */
	/* What the table cannot say about one item; only complains, and puts
	 * in what follows from other values. */
	void (*check)(struct schema_load *item);
};

struct schema_key {
	enum schema_scope scope;
	const char *section; /* INI section, or YAML parents "a.b"; "" at top */
	const char *name;
	enum schema_type type;
	const char *preset; /* default as text; NULL: none */
	bool required;
	bool empty;   /* a text of no bytes is one, too */
	uint64_t min; /* numbers, sizes, durations (ns), how many texts */
	uint64_t max;
	const char *choices; /* "hold|resend|fail" */
	const struct schema_list *list;
	size_t offset;	     /* into the target */
	const char *summary; /* one line, for the manual and the tool */
};

#define SCHEMA_MAX 64

/* One file, or one item of a list in it, being read: what was seen, where
 * complaints go. */
struct schema_load {
	enum schema_scope scope;
	void *target;
	const char *file;
	char within[24]; /* "routes #2"; "" for a file */
	int start;	 /* where the item begins; 0 for a file */
	bool seen[SCHEMA_MAX];
	int line[SCHEMA_MAX]; /* where it was seen */
	bool failed;
	conf_report_fn *report;
	void *ctx;
};

/* The keys of a scope in the order of the manual; at most SCHEMA_MAX. */
const struct schema_key *schema_keys(enum schema_scope scope,
				     size_t *ret_count);

/* Stores all presets of the scope into a zeroed target. A relative path stays
 * as it is until schema_finish, which knows the file. */
void schema_preset(enum schema_scope scope, void *target);
/* Frees what the presets and a reader stored, all NULL and 0 then. */
void schema_release(enum schema_scope scope, void *target);
void schema_apply(struct schema_load *load, int line, const char *section,
		  const char *key, const char *value);
/* Complains about required keys that were not seen; resolves preset paths. */
void schema_finish(struct schema_load *load);

/* A value that is a list: its key, or NULL after a complaint. What follows
 * offers its parts, each text or each mapping, then says that it is at its
 * end. The caller offers at most key->max of them. */
const struct schema_key *schema_list_begin(struct schema_load *load, int line,
					   const char *section,
					   const char *key);
void schema_list_text(struct schema_load *load, int line,
		      const struct schema_key *key, const char *value);
/* ret is a load of its own, valid until the next item begins. */
void schema_item_begin(struct schema_load *load, int line,
		       const struct schema_key *key, struct schema_load *ret);
void schema_item_end(struct schema_load *load, const struct schema_key *key,
		     struct schema_load *item);
void schema_list_end(struct schema_load *load, int line,
		     const struct schema_key *key, size_t count);

/* NULL when there is none. */
const struct schema_key *schema_find(enum schema_scope scope,
				     const char *section, const char *name);
/* The index of the first key in the section or below it; -1 when there is
 * none. */
int schema_section(enum schema_scope scope, const char *section);
/* The line that set the key; 0 when none did. */
int schema_line(const struct schema_load *load, const char *section,
		const char *name);

/* line 0: that of the item, or no line. Sets load->failed. */
void schema_complain(struct schema_load *load, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same, for what is worth saying but is not an error. */
void schema_warn(const struct schema_load *load, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The value as it would be written in a file, for `meshdrop config`; the
 * caller frees. That of a list of mappings is empty: its items have keys. */
char *schema_show(const struct schema_key *key, const void *target)
	__attribute__((malloc, returns_nonnull));
/* Whether there is a value to show: a text that was not set has none, nor has
 * a number without a preset. */
bool schema_is_set(const struct schema_key *key, const void *target);
/* What a list of mappings holds. */
size_t schema_item_count(const struct schema_key *key, const void *target);
const void *schema_item(const struct schema_key *key, const void *target,
			size_t i);

#endif
