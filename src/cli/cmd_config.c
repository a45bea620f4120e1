/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * meshdrop config: the settings in force, and which there are.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/show.h"
#include "conf/schema.h"

#define VALUE_SIZE 8192

/* --- the settings in force --- */

/* A text that was not set has no value to show. */
static bool is_unset(const struct schema_key *key, const void *target)
{
	const void *field = (const char *)target + key->offset;
	return (key->type == SCHEMA_TEXT || key->type == SCHEMA_PATH) &&
	       !*(const char *const *)field;
}

static void print_setting(const struct schema_key *key, const void *target)
{
	char value[VALUE_SIZE];
	char safe[2 * VALUE_SIZE];
	bool nested = key->scope == SCHEMA_MAILBOX && key->section[0] != '\0';
	const char *join = key->scope == SCHEMA_DAEMON ? " =" : ":";
	if (is_unset(key, target)) {
		(void)printf("# %s is not set\n", key->name);
		return;
	}
	schema_show(key, target, value, sizeof(value));
	text_escape(safe, sizeof(safe), value);
	(void)printf("%s%s%s %s\n", nested ? "  " : "", key->name, join, safe);
}

/* As the file itself could be. */
static void print_file(enum schema_scope scope, const char *file,
		       const void *target)
{
	size_t count;
	const struct schema_key *keys = schema_keys(&count);
	const char *section = "";
	char safe[2 * VALUE_SIZE];
	text_escape(safe, sizeof(safe), file);
	(void)printf("# %s\n", safe);
	for (size_t i = 0; i < count; i++) {
		if (keys[i].scope != scope)
			continue;
		if (strcmp(keys[i].section, section) != 0) {
			if (scope == SCHEMA_DAEMON && section[0] != '\0')
				(void)putchar('\n');
			section = keys[i].section;
			if (section[0] != '\0')
				(void)printf(scope == SCHEMA_DAEMON ? "[%s]\n" :
								      "%s:\n",
					     section);
		}
		print_setting(&keys[i], target);
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

/* Times, sizes and choices are in the form of the settings files. */
static void put_setting(json_t *object, const struct schema_key *key,
			const void *target)
{
	const void *field = (const char *)target + key->offset;
	char value[VALUE_SIZE];
	switch (key->type) {
	case SCHEMA_TEXT:
	case SCHEMA_PATH:
		if (is_unset(key, target))
			show_put(object, key->name, json_null());
		else
			show_put_text(object, key->name,
				      *(const char *const *)field);
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
	schema_show(key, target, value, sizeof(value));
	show_put_text(object, key->name, value);
}

/* The object of a section; borrowed. */
static json_t *section_of(json_t *object, const char *section)
{
	if (section[0] == '\0')
		return object;
	json_t *inner = json_object_get(object, section);
	if (inner)
		return inner;
	show_put(object, section, json_object());
	return json_object_get(object, section);
}

static json_t *describe_file(enum schema_scope scope, const char *file,
			     const void *target)
{
	size_t count;
	const struct schema_key *keys = schema_keys(&count);
	json_t *object = json_object();
	show_put_text(object, "file", file);
	for (size_t i = 0; i < count; i++)
		if (keys[i].scope == scope)
			put_setting(section_of(object, keys[i].section),
				    &keys[i], target);
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
		return "text";
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
	return key->scope == SCHEMA_DAEMON ? "meshdrop.conf" : "mailbox";
}

static char *label_of(const struct schema_key *key)
{
	return xasprintf("%s%s%s", key->section,
			 key->section[0] != '\0' ? "." : "", key->name);
}

static void print_keys(void)
{
	static const char *const head[] = { "FILE", "KEY", "TYPE", "DEFAULT",
					    "WHAT" };
	size_t count;
	const struct schema_key *keys = schema_keys(&count);
	struct show_table table;
	show_table_init(&table, head, 5, 0);
	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *label = label_of(&keys[i]);
		const char *const cells[] = {
			scope_of(&keys[i]),  label,	      type_of(&keys[i]),
			preset_of(&keys[i]), keys[i].summary,
		};
		show_table_add(&table, cells);
	}
	show_table_print(&table);
	show_table_release(&table);
}

static void print_keys_json(void)
{
	size_t count;
	const struct schema_key *keys = schema_keys(&count);
	AUTO_JSON json_t *list = json_array();
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
