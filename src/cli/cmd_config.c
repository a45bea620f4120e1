/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * meshdrop config: the settings in force, and which there are.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/show.h"
#include "conf/schema.h"

#define FILE_SIZE 16384

/* --- the settings in force --- */

/* The address follows from the environment, and both together are refused. */
static bool is_implied(const struct schema_key *key, const void *target)
{
	if (key->scope != SCHEMA_DAEMON || strcmp(key->name, "url") != 0)
		return false;
	const struct conf *conf = target;
	return conf->environment;
}

static char *label_of(const struct schema_key *key)
{
	return xasprintf("%s%s%s", key->section,
			 key->section[0] != '\0' ? "." : "", key->name);
}

static void print_indent(unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		(void)printf("  ");
}

/* How many parents of the two are the same. */
static unsigned count_common(const char *a, const char *b)
{
	unsigned common = 0;
	for (;;) {
		size_t n = strcspn(a, ".");
		if (n == 0 || n != strcspn(b, ".") || memcmp(a, b, n) != 0)
			return common;
		common++;
		a += n + (a[n] == '.' ? 1 : 0);
		b += n + (b[n] == '.' ? 1 : 0);
	}
}

/* Says where the next setting belongs, unless the one before is there, too.
 * Returns how deep that is. */
static unsigned print_section(enum schema_scope scope, const char *before,
			      const char *section)
{
	unsigned common = count_common(before, section);
	unsigned depth = 0;
	for (; *section != '\0'; depth++) {
		size_t n = strcspn(section, ".");
		if (depth >= common && scope == SCHEMA_DAEMON) {
			(void)printf("%s[%.*s]\n",
				     before[0] != '\0' ? "\n" : "", (int)n,
				     section);
		} else if (depth >= common) {
			print_indent(depth);
			(void)printf("%.*s:\n", (int)n, section);
		}
		section += n + (section[n] == '.' ? 1 : 0);
	}
	return scope == SCHEMA_DAEMON ? 0 : depth;
}

static void print_value(const struct schema_key *key, const void *target)
{
	AUTO_FREE char *value = schema_show(key, target);
	size_t size = 4 * strlen(value) + 1;
	AUTO_FREE char *safe = xmalloc(size);
	text_escape(safe, size, value);
	(void)printf("%s%s %s\n", key->name,
		     key->scope == SCHEMA_DAEMON ? " =" : ":", safe);
}

/* Only lists of plain settings are in the table. */
static void print_items(const struct schema_key *key, const void *target)
{
	size_t count;
	const struct schema_key *keys = schema_keys(key->list->item, &count);
	(void)printf("%s:\n", key->name);
	for (size_t i = 0; i < schema_item_count(key, target); i++) {
		const void *item = schema_item(key, target, i);
		const char *lead = "  - ";
		for (size_t k = 0; k < count; k++) {
			if (!schema_is_set(&keys[k], item))
				continue;
			(void)printf("%s", lead);
			print_value(&keys[k], item);
			lead = "    ";
		}
	}
}

/* As the file itself could be. */
static void print_file(enum schema_scope scope, const char *file,
		       const void *target)
{
	size_t count;
	const struct schema_key *keys = schema_keys(scope, &count);
	const char *section = "";
	char safe[FILE_SIZE];
	text_escape(safe, sizeof(safe), file);
	(void)printf("# %s\n", safe);
	for (size_t i = 0; i < count; i++) {
		if (!schema_is_set(&keys[i], target)) {
			AUTO_FREE char *label = label_of(&keys[i]);
			(void)printf("# %s is not set\n", label);
			continue;
		}
		unsigned depth = print_section(scope, section, keys[i].section);
		section = keys[i].section;
		print_indent(depth);
		if (is_implied(&keys[i], target))
			(void)printf("# as environment says: ");
		if (keys[i].type == SCHEMA_LIST)
			print_items(&keys[i], target);
		else
			print_value(&keys[i], target);
	}
}

static void print_conf(const struct conf *conf)
{
	print_file(SCHEMA_DAEMON, conf->file, conf);
	for (size_t i = 0; i < conf->mailbox_count; i++) {
		(void)putchar('\n');
		print_file(SCHEMA_MAILBOX, conf->mailboxes[i].file,
			   &conf->mailboxes[i]);
	}
}

/* --- the same as JSON --- */

static json_t *describe(enum schema_scope scope, const void *target);

static json_t *describe_texts(const struct conf_texts *texts)
{
	json_t *list = json_array();
	for (size_t i = 0; i < texts->count; i++)
		show_append(list, json_shown(texts->items[i]));
	return list;
}

/* NOLINTBEGIN(misc-no-recursion): one level */
/* One level: an item has no lists of mappings. */
static json_t *describe_items(const struct schema_key *key, const void *target)
{
	json_t *list = json_array();
	for (size_t i = 0; i < schema_item_count(key, target); i++)
		show_append(list, describe(key->list->item,
					   schema_item(key, target, i)));
	return list;
}

/* Times, sizes and choices are in the form of the settings files. */
static void put_setting(json_t *object, const struct schema_key *key,
			const void *target)
{
	const void *field = (const char *)target + key->offset;
	switch (key->type) {
	case SCHEMA_LIST:
		show_put(object, key->name, describe_items(key, target));
		return;
	case SCHEMA_TEXTS:
		show_put(object, key->name, describe_texts(field));
		return;
	case SCHEMA_TEXT:
	case SCHEMA_PATH:
		if (schema_is_set(key, target))
			show_put_text(object, key->name,
				      *(const char *const *)field);
		else
			show_put(object, key->name, json_null());
		return;
	case SCHEMA_ID:
		show_put_text(object, key->name, field);
		return;
	case SCHEMA_NUMBER:
		show_put_number(object, key->name, *(const uint64_t *)field);
		return;
	case SCHEMA_BOOL:
		if (!key->choices) {
			show_put(object, key->name,
				 json_boolean(*(const bool *)field));
			return;
		}
		break;
	case SCHEMA_SIZE:
	case SCHEMA_DURATION:
	case SCHEMA_CHOICE:
		break;
	}
	if (!schema_is_set(key, target)) {
		show_put(object, key->name, json_null());
		return;
	}
	AUTO_FREE char *value = schema_show(key, target);
	show_put_text(object, key->name, value);
}

/* The object of a section below another; borrowed. */
static json_t *section_of(json_t *object, const char *section)
{
	while (*section != '\0') {
		size_t n = strcspn(section, ".");
		AUTO_FREE char *name = xstrndup(section, n);
		if (!json_object_get(object, name))
			show_put(object, name, json_object());
		object = json_object_get(object, name);
		section += n + (section[n] == '.' ? 1 : 0);
	}
	return object;
}

static json_t *describe(enum schema_scope scope, const void *target)
{
	size_t count;
	const struct schema_key *keys = schema_keys(scope, &count);
	json_t *object = json_object();
	for (size_t i = 0; i < count; i++)
		put_setting(section_of(object, keys[i].section), &keys[i],
			    target);
	return object;
}
/* NOLINTEND(misc-no-recursion) */

static json_t *describe_file(enum schema_scope scope, const char *file,
			     const void *target)
{
	json_t *object = describe(scope, target);
	show_put_text(object, "file", file);
	return object;
}

static void print_conf_json(const struct conf *conf)
{
	AUTO_JSON json_t *object = describe_file(SCHEMA_DAEMON, conf->file,
						 conf);
	json_t *list = json_array();
	for (size_t i = 0; i < conf->mailbox_count; i++)
		show_append(list, describe_file(SCHEMA_MAILBOX,
						conf->mailboxes[i].file,
						&conf->mailboxes[i]));
	show_put(object, "mailboxes", list);
	show_json(object);
}

/* --- which settings there are --- */

static const char *type_of(const struct schema_key *key)
{
	switch (key->type) {
	case SCHEMA_TEXT:
		return key->choices ? key->choices : "text";
	case SCHEMA_PATH:
		return "path";
	case SCHEMA_ID:
		return "mailbox id";
	case SCHEMA_NUMBER:
		return "number";
	case SCHEMA_SIZE:
		return "size";
	case SCHEMA_DURATION:
		return "time";
	case SCHEMA_TEXTS:
		return "texts";
	case SCHEMA_LIST:
		return "list";
	case SCHEMA_BOOL:
	case SCHEMA_CHOICE:
		break;
	}
	return key->choices ? key->choices : "true|false";
}

static const char *preset_of(const struct schema_key *key)
{
	if (key->preset)
		return key->preset;
	return key->required ? "(required)" : "";
}

static const char *scope_of(const struct schema_key *key)
{
	switch (key->scope) {
	case SCHEMA_DAEMON:
		return "meshdrop.conf";
	case SCHEMA_MAILBOX:
		return "mailbox";
	case SCHEMA_ROUTE:
		return "routes";
	case SCHEMA_DELIVERY:
		return "deliver";
	case SCHEMA_SCOPE_COUNT:
		break;
	}
	return "";
}

static void add_keys(struct show_table *table, enum schema_scope scope)
{
	size_t count;
	const struct schema_key *keys = schema_keys(scope, &count);
	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *label = label_of(&keys[i]);
		const char *const cells[] = {
			scope_of(&keys[i]),  label,	      type_of(&keys[i]),
			preset_of(&keys[i]), keys[i].summary,
		};
		show_table_add(table, cells);
	}
}

static void print_keys(void)
{
	static const char *const head[] = { "FILE", "KEY", "TYPE", "DEFAULT",
					    "WHAT" };
	struct show_table table;
	show_table_init(&table, head, 5, 0);
	for (unsigned scope = 0; scope < SCHEMA_SCOPE_COUNT; scope++)
		add_keys(&table, (enum schema_scope)scope);
	show_table_print(&table);
	show_table_release(&table);
}

static void append_keys(json_t *list, enum schema_scope scope)
{
	size_t count;
	const struct schema_key *keys = schema_keys(scope, &count);
	for (size_t i = 0; i < count; i++) {
		json_t *object = json_object();
		show_put_text(object, "file", scope_of(&keys[i]));
		show_put_text(object, "section", keys[i].section);
		show_put_text(object, "name", keys[i].name);
		show_put_text(object, "type", type_of(&keys[i]));
		show_put(object, "required", json_boolean(keys[i].required));
		if (keys[i].preset)
			show_put_text(object, "default", keys[i].preset);
		else
			show_put(object, "default", json_null());
		show_put_text(object, "summary", keys[i].summary);
		show_append(list, object);
	}
}

static void print_keys_json(void)
{
	AUTO_JSON json_t *list = json_array();
	for (unsigned scope = 0; scope < SCHEMA_SCOPE_COUNT; scope++)
		append_keys(list, (enum schema_scope)scope);
	show_json(list);
}

/* --- the command --- */

static enum cmd_exit config_run(struct cmd_run *run)
{
	bool json = false;
	bool keys = false;
	const struct cmd_option options[] = {
		{ .name = "json", .flag = &json },
		{ .name = "keys", .flag = &keys },
	};
	if (!cmd_options(run, options, 2, 0, 0))
		return run->exit;
	if (keys) {
		if (json)
			print_keys_json();
		else
			print_keys();
		return CMD_OK;
	}
	struct conf *conf = cmd_conf(run);
	if (!conf)
		return run->exit;
	if (json)
		print_conf_json(conf);
	else
		print_conf(conf);
	(void)conf_free(conf);
	return CMD_OK;
}

const struct cmd cmd_config = {
	.name = "config",
	.summary = "Shows the settings in force",
	.arguments = "[--json] [--keys]",
	.help = "Presets included, in the form of the settings files. Of a "
		"secret, the name of\n"
		"its file is all that is shown.\n"
		"\n"
		"      --json  one object\n"
		"      --keys  which settings there are: type, default and "
		"meaning\n",
	.function = config_run,
};
