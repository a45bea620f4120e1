/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "conf/yaml.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <yaml.h>

#include "base/mem.h"
#include "conf/schema.h"

#define DEPTH_MAX 4
#define SHOWN_MAX 64

/* Works on libyaml's events, never on a composed tree, so nothing is expanded
 * and memory stays what the file's size allows. */
struct walk {
	struct schema_load *load;
	yaml_parser_t parser;
	yaml_event_t event; /* the current one, owned */
	int key_line;	    /* of the last name in a mapping */
	bool parent_seen[DEPTH_MAX + 1][SCHEMA_MAX];
};

static int line_of(const struct walk *w)
{
	return (int)w->event.start_mark.line + 1;
}

static void complain_syntax(struct walk *w)
{
	const char *problem = w->parser.problem;
	size_t line = w->parser.problem_mark.line;
	if (w->parser.error == YAML_READER_ERROR) /* sets no mark */
		line = w->parser.mark.line;
	schema_complain(w->load, (int)line + 1, "this is not YAML: %s",
			problem ? problem : "it cannot be read");
}

/* Complains about what we do not take on any node; the walk can go on. */
static void check_decoration(struct walk *w)
{
	const yaml_char_t *anchor = NULL;
	const yaml_char_t *tag = NULL;
	if (w->event.type == YAML_SCALAR_EVENT) {
		anchor = w->event.data.scalar.anchor;
		tag = w->event.data.scalar.tag;
	} else if (w->event.type == YAML_MAPPING_START_EVENT) {
		anchor = w->event.data.mapping_start.anchor;
		tag = w->event.data.mapping_start.tag;
	} else if (w->event.type == YAML_SEQUENCE_START_EVENT) {
		anchor = w->event.data.sequence_start.anchor;
		tag = w->event.data.sequence_start.tag;
	} else if (w->event.type == YAML_ALIAS_EVENT) {
		schema_complain(w->load, line_of(w),
				"an alias (*name) is not allowed; a text that "
				"begins with '*' needs quotes");
	}
	if (anchor)
		schema_complain(w->load, line_of(w),
				"an anchor (&name) is not allowed; a text that "
				"begins with '&' needs quotes");
	if (tag)
		schema_complain(w->load, line_of(w),
				"a tag (!name) is not allowed; a text that "
				"begins with '!' needs quotes");
}

/* False after a complaint: no more events. */
static bool next(struct walk *w)
{
	yaml_event_delete(&w->event);
	if (!yaml_parser_parse(&w->parser, &w->event)) {
		complain_syntax(w);
		return false;
	}
	check_decoration(w);
	return true;
}

static bool is_start(const struct walk *w)
{
	return w->event.type == YAML_MAPPING_START_EVENT ||
	       w->event.type == YAML_SEQUENCE_START_EVENT;
}

static bool is_end(const struct walk *w)
{
	return w->event.type == YAML_MAPPING_END_EVENT ||
	       w->event.type == YAML_SEQUENCE_END_EVENT;
}

/* Passes over the node that the current event starts; depth is that of the
 * mapping around it. */
static bool skip(struct walk *w, int depth)
{
	int inside = 0;
	for (;;) {
		if (is_start(w))
			inside++;
		else if (is_end(w))
			inside--;
		if (depth + inside > DEPTH_MAX) {
			schema_complain(w->load, line_of(w),
					"nested over %d deep", DEPTH_MAX);
			return false;
		}
		if (inside == 0)
			return true;
		if (!next(w))
			return false;
	}
}

/* NULL, after a complaint, when it holds a NUL byte. */
static const char *scalar_text(struct walk *w)
{
	const char *s = (const char *)w->event.data.scalar.value;
	if (strlen(s) == w->event.data.scalar.length)
		return s;
	schema_complain(w->load, line_of(w), "a NUL byte is not allowed");
	return NULL;
}

static bool is_null(const struct walk *w, const char *value)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	if (w->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < sizeof(nulls) / sizeof(*nulls); i++) {
		if (strcmp(value, nulls[i]) == 0)
			return true;
	}
	return false;
}

/* "hooks.on_receive", as the table has it. A name with a dot of its own is in
 * no place. */
static char *path_of(const char *parent, const char *key)
{
	if (strchr(key, '.'))
		return xstrdup("");
	return xasprintf("%s%s%s", parent, parent[0] != '\0' ? "." : "", key);
}

/* -1 when the table has no mapping of that name. */
static int section_of(const struct walk *w, const char *path)
{
	return path[0] != '\0' ? schema_section(w->load->scope, path) : -1;
}

static void take_scalar(struct walk *w, const char *parent, const char *key)
{
	const char *value = scalar_text(w);
	if (!value)
		return;
	int line = line_of(w);
	AUTO_FREE char *path = path_of(parent, key);
	if (section_of(w, path) >= 0)
		schema_complain(w->load, line,
				"'%s' takes a mapping, such as {name: value}",
				path);
	else if (is_null(w, value))
		schema_complain(w->load, line, "'%.*s' has no value", SHOWN_MAX,
				key);
	else
		schema_apply(w->load, line, parent, key, value);
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the table is */
static bool read_mapping(struct walk *w, const char *parent, int depth);

/* A mapping goes down one level where the table has one, once. */
static bool take_mapping(struct walk *w, const char *parent, const char *key,
			 int depth)
{
	AUTO_FREE char *path = path_of(parent, key);
	int section = section_of(w, path);
	if (section < 0) {
		schema_complain(w->load, line_of(w),
				"'%.*s' does not take a mapping", SHOWN_MAX,
				key);
		return skip(w, depth);
	}
	assert(depth <= DEPTH_MAX); /* the table is not that deep */
	if (w->parent_seen[depth][section])
		schema_complain(w->load, line_of(w),
				"'%s' is set a second time", path);
	w->parent_seen[depth][section] = true;
	return read_mapping(w, path, depth + 1);
}

/* One mapping of a list is read like a file of its own. */
static bool take_item(struct walk *w, const struct schema_key *key, int depth)
{
	struct schema_load *outer = w->load;
	struct schema_load item;
	schema_item_begin(outer, line_of(w), key, &item);
	w->load = &item;
	bool good = read_mapping(w, "", depth + 1);
	w->load = outer;
	if (good)
		schema_item_end(outer, key, &item);
	else
		outer->failed = true;
	return good;
}

static bool take_part(struct walk *w, const struct schema_key *key, int depth)
{
	bool is_scalar = w->event.type == YAML_SCALAR_EVENT;
	if (w->event.type == YAML_MAPPING_START_EVENT &&
	    key->type == SCHEMA_LIST)
		return take_item(w, key, depth);
	const char *text = is_scalar ? scalar_text(w) : NULL;
	if (is_scalar && !text)
		return true;
	if (is_scalar && is_null(w, text))
		schema_complain(w->load, line_of(w),
				"a part of '%s' has no value", key->name);
	else if (is_scalar && key->type == SCHEMA_TEXTS)
		schema_list_text(w->load, line_of(w), key, text);
	else if (w->event.type != YAML_ALIAS_EVENT) /* was complained about */
		schema_complain(w->load, line_of(w),
				"a part of '%s' must be a %s", key->name,
				key->type == SCHEMA_LIST ?
					"mapping, such as {name: value}" :
					"text");
	return skip(w, depth);
}

static bool take_list(struct walk *w, const char *parent, const char *name,
		      int depth)
{
	int line = w->key_line; /* a list begins where its first part does */
	const struct schema_key *key = schema_list_begin(w->load, line, parent,
							 name);
	if (!key)
		return skip(w, depth);
	size_t count = 0;
	for (;; count++) {
		if (!next(w))
			return false;
		if (w->event.type == YAML_SEQUENCE_END_EVENT)
			break;
		if (count == key->max)
			schema_complain(w->load, line_of(w),
					"'%s' has over %zu parts", name, count);
		if (!(count < key->max ? take_part(w, key, depth + 1) :
					 skip(w, depth + 1)))
			return false;
	}
	schema_list_end(w->load, line, key, count);
	return true;
}

static bool take_value(struct walk *w, const char *parent, const char *key,
		       int depth)
{
	if (w->event.type == YAML_SCALAR_EVENT)
		take_scalar(w, parent, key);
	else if (w->event.type == YAML_MAPPING_START_EVENT)
		return take_mapping(w, parent, key, depth);
	else if (w->event.type == YAML_SEQUENCE_START_EVENT)
		return take_list(w, parent, key, depth);
	return true;
}

/* The current event started the mapping; at the end it is the one that ends
 * it. Calls itself through take_value, as deep as the table is. */
static bool read_mapping(struct walk *w, const char *parent, int depth)
{
	for (;;) {
		if (!next(w))
			return false;
		if (w->event.type == YAML_MAPPING_END_EVENT)
			return true;
		AUTO_FREE char *key = NULL;
		w->key_line = line_of(w);
		if (w->event.type == YAML_SCALAR_EVENT) {
			const char *text = scalar_text(w);
			key = text ? xstrdup(text) : NULL;
		} else {
			schema_complain(w->load, line_of(w),
					"a setting's name must be plain text");
			if (!skip(w, depth))
				return false;
		}
		if (!next(w))
			return false;
		if (!(key ? take_value(w, parent, key, depth) : skip(w, depth)))
			return false;
	}
}
/* NOLINTEND(misc-no-recursion) */

static bool read_document(struct walk *w)
{
	if (!next(w))
		return false;
	if (w->event.type == YAML_STREAM_END_EVENT) {
		schema_complain(w->load, 0, "the file is empty");
		return false;
	}
	if (!next(w)) /* what the document start is followed by */
		return false;
	if (w->event.type != YAML_MAPPING_START_EVENT) {
		schema_complain(w->load, line_of(w),
				"a mailbox file is a list of 'setting: value'");
		return false;
	}
	return read_mapping(w, "", 1);
}

static void read_stream(struct walk *w)
{
	if (!next(w) || !read_document(w))
		return;
	if (!next(w)) /* the end of the document */
		return;
	if (!next(w)) /* what follows */
		return;
	if (w->event.type != YAML_STREAM_END_EVENT)
		schema_complain(w->load, line_of(w),
				"a file holds one mailbox: nothing may follow "
				"the first document");
}

void yaml_read(struct schema_load *load, const char *text, unsigned long len)
{
	struct walk w = { .load = load };
	if (!yaml_parser_initialize(&w.parser)) {
		schema_complain(load, 0, "not enough memory to read the file");
		return;
	}
	/* Told the encoding, libyaml no longer takes a byte order mark. */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	yaml_parser_set_encoding(&w.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&w.parser, (const unsigned char *)text,
				     len);
	read_stream(&w);
	yaml_event_delete(&w.event);
	yaml_parser_delete(&w.parser);
}
