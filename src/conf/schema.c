/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "conf/schema.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "conf/schema_keys.h"
#include "conf/value.h"

#define LABEL_SIZE 96
#define SHOWN_MAX 64 /* of a wrong value, in a complaint */

const struct schema_key *schema_keys(enum schema_scope scope, size_t *ret_count)
{
	static const struct schema_table *const tables[SCHEMA_SCOPE_COUNT] = {
		[SCHEMA_DAEMON] = &schema_daemon,
		[SCHEMA_MAILBOX] = &schema_mailbox,
		[SCHEMA_ROUTE] = &schema_route,
		[SCHEMA_DELIVERY] = &schema_delivery,
	};
	assert(tables[scope]->count <= SCHEMA_MAX);
	*ret_count = tables[scope]->count;
	return tables[scope]->keys;
}

static void vreport(const struct schema_load *load, int line, bool fatal,
		    const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));

static void vreport(const struct schema_load *load, int line, bool fatal,
		    const char *fmt, va_list ap)
{
	AUTO_FREE char *said = NULL;
	if (line == 0)
		line = load->start;
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
static void label_of(const struct schema_load *load,
		     const struct schema_key *key, char ret[LABEL_SIZE])
{
	const char *section = key->section;
	int n;
	if (key->scope == SCHEMA_DAEMON)
		n = snprintf(ret, LABEL_SIZE, "[%s] %s", section, key->name);
	else if (load->within[0] != '\0')
		n = snprintf(ret, LABEL_SIZE, "%s: %s", load->within,
			     key->name);
	else if (section[0] != '\0')
		n = snprintf(ret, LABEL_SIZE, "%s.%s", section, key->name);
	else
		n = snprintf(ret, LABEL_SIZE, "%s", key->name);
	assert(n < LABEL_SIZE);
}

const struct schema_key *schema_find(enum schema_scope scope,
				     const char *section, const char *name)
{
	size_t count;
	const struct schema_key *keys = schema_keys(scope, &count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(keys[i].section, section) == 0 &&
		    strcmp(keys[i].name, name) == 0)
			return &keys[i];
	}
	return NULL;
}

static size_t index_of(const struct schema_key *key)
{
	size_t count;
	return (size_t)(key - schema_keys(key->scope, &count));
}

static bool is_in_section(const char *section, const char *wanted)
{
	size_t len = strlen(wanted);
	return strncmp(section, wanted, len) == 0 &&
	       (section[len] == '\0' || section[len] == '.');
}

int schema_section(enum schema_scope scope, const char *section)
{
	size_t count;
	const struct schema_key *keys = schema_keys(scope, &count);
	for (size_t i = 0; i < count; i++) {
		if (is_in_section(keys[i].section, section))
			return (int)i;
	}
	return -1;
}

int schema_line(const struct schema_load *load, const char *section,
		const char *name)
{
	const struct schema_key *key = schema_find(load->scope, section, name);
	return key && load->seen[index_of(key)] ? load->line[index_of(key)] : 0;
}

void schema_preset(enum schema_scope scope, void *target)
{
	size_t count;
	const struct schema_key *keys = schema_keys(scope, &count);
	for (size_t i = 0; i < count; i++) {
		if (!keys[i].preset)
			continue;
		bool good = value_store(&keys[i], "", keys[i].preset, target);
		assert(good); /* a preset breaks its own rule: our bug */
	}
}

/* --- lists of mappings --- */

static void **items_of(const struct schema_key *key, void *target)
{
	void *field = (char *)target + key->offset;
	return field;
}

static size_t *count_of(const struct schema_key *key, void *target)
{
	void *field = (char *)target + key->list->count_offset;
	return field;
}

size_t schema_item_count(const struct schema_key *key, const void *target)
{
	const void *field = (const char *)target + key->list->count_offset;
	return *(const size_t *)field;
}

const void *schema_item(const struct schema_key *key, const void *target,
			size_t i)
{
	const void *field = (const char *)target + key->offset;
	const char *items = *(const void *const *)field;
	return items + i * key->list->size;
}

/* NOLINTBEGIN(misc-no-recursion): one level */
static void release_value(const struct schema_key *key, void *target)
{
	if (key->type != SCHEMA_LIST) {
		value_release(key, target);
		return;
	}
	void **items = items_of(key, target);
	size_t *count = count_of(key, target);
	/* One level: an item has no lists of mappings. */
	for (size_t i = 0; i < *count; i++)
		schema_release(key->list->item,
			       (char *)*items + i * key->list->size);
	free(*items);
	*items = NULL;
	*count = 0;
}

void schema_release(enum schema_scope scope, void *target)
{
	size_t count;
	const struct schema_key *keys = schema_keys(scope, &count);
	for (size_t i = 0; i < count; i++)
		release_value(&keys[i], target);
}
/* NOLINTEND(misc-no-recursion) */

/* --- taking values --- */

static void complain_unknown(struct schema_load *load, int line,
			     const char *section, const char *key)
{
	size_t count;
	const struct schema_key *keys = schema_keys(load->scope, &count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(keys[i].name, key) != 0)
			continue;
		char label[LABEL_SIZE];
		label_of(load, &keys[i], label);
		schema_complain(load, line,
				"'%.*s' is in the wrong place: it is known as "
				"%s",
				SHOWN_MAX, key, label);
		return;
	}
	if (section[0] == '\0')
		section = load->within;
	if (section[0] != '\0')
		schema_complain(load, line, "unknown setting '%.*s' in '%.*s'",
				SHOWN_MAX, key, SHOWN_MAX, section);
	else
		schema_complain(load, line, "unknown setting '%.*s'", SHOWN_MAX,
				key);
}

static bool may_be_secret(const struct schema_key *key)
{
	switch (key->type) {
	case SCHEMA_TEXT:
	case SCHEMA_PATH:
	case SCHEMA_TEXTS:
	case SCHEMA_LIST:
		return !key->choices;
	case SCHEMA_ID:
	case SCHEMA_BOOL:
	case SCHEMA_NUMBER:
	case SCHEMA_SIZE:
	case SCHEMA_DURATION:
	case SCHEMA_CHOICE:
		return false;
	}
	return true;
}

static void complain_value(struct schema_load *load, int line,
			   const struct schema_key *key, const char *value)
{
	char label[LABEL_SIZE];
	char rule[VALUE_RULE_SIZE];
	label_of(load, key, label);
	value_rule(key, rule);
	/* A text may be an address with a password in it: never shown. */
	if (may_be_secret(key))
		schema_complain(load, line, "%s must be %s", label, rule);
	else
		schema_complain(load, line, "%s must be %s, not '%.*s'", label,
				rule, SHOWN_MAX, value);
}

/* NULL after a complaint. */
static const struct schema_key *take_key(struct schema_load *load, int line,
					 const char *section, const char *name)
{
	const struct schema_key *key = schema_find(load->scope, section, name);
	if (!key) {
		complain_unknown(load, line, section, name);
		return NULL;
	}
	size_t i = index_of(key);
	if (load->seen[i]) {
		char label[LABEL_SIZE];
		label_of(load, key, label);
		schema_complain(load, line,
				"%s is set a second time (first in line %d)",
				label, load->line[i]);
		return NULL;
	}
	load->seen[i] = true;
	load->line[i] = line;
	return key;
}

void schema_apply(struct schema_load *load, int line, const char *section,
		  const char *key, const char *value)
{
	const struct schema_key *found = take_key(load, line, section, key);
	if (found && !value_store(found, load->file, value, load->target))
		complain_value(load, line, found, value);
}

const struct schema_key *schema_list_begin(struct schema_load *load, int line,
					   const char *section, const char *key)
{
	const struct schema_key *found = schema_find(load->scope, section, key);
	if (!found ||
	    (found->type != SCHEMA_TEXTS && found->type != SCHEMA_LIST)) {
		schema_complain(load, line, "'%.*s' does not take a list",
				SHOWN_MAX, key);
		return NULL;
	}
	return take_key(load, line, section, key);
}

void schema_list_text(struct schema_load *load, int line,
		      const struct schema_key *key, const char *value)
{
	if (!value_store(key, load->file, value, load->target))
		complain_value(load, line, key, value);
}

void schema_item_begin(struct schema_load *load, int line,
		       const struct schema_key *key, struct schema_load *ret)
{
	void **items = items_of(key, load->target);
	size_t *count = count_of(key, load->target);
	size_t size = key->list->size;
	*items = xreallocarray(*items, *count + 1, size);
	void *item = (char *)*items + *count * size;
	memset(item, 0, size);
	(*count)++;
	schema_preset(key->list->item, item);
	*ret = (struct schema_load){
		.scope = key->list->item,
		.target = item,
		.file = load->file,
		.start = line,
		.report = load->report,
		.ctx = load->ctx,
	};
	(void)snprintf(ret->within, sizeof(ret->within), "%s #%zu", key->name,
		       *count); /* a name of ours and a small number: fits */
}

void schema_item_end(struct schema_load *load, const struct schema_key *key,
		     struct schema_load *item)
{
	schema_finish(item);
	key->list->check(item);
	if (item->failed)
		load->failed = true;
}

void schema_list_end(struct schema_load *load, int line,
		     const struct schema_key *key, size_t count)
{
	if (key->type == SCHEMA_TEXTS && count < key->min)
		complain_value(load, line, key, "");
}

void schema_finish(struct schema_load *load)
{
	size_t count;
	const struct schema_key *keys = schema_keys(load->scope, &count);
	for (size_t i = 0; i < count; i++) {
		if (load->seen[i])
			continue;
		if (keys[i].required) {
			char label[LABEL_SIZE];
			label_of(load, &keys[i], label);
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

/* --- showing them --- */

bool schema_is_set(const struct schema_key *key, const void *target)
{
	return key->type == SCHEMA_LIST ? schema_item_count(key, target) > 0 :
					  value_is_set(key, target);
}

char *schema_show(const struct schema_key *key, const void *target)
{
	return value_show(key, target);
}
