/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "fuzz_settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "fuzz.h"

static void count_complaint(void *ctx, bool fatal, const char *text)
{
	unsigned *count = ctx;
	if (fatal)
		(*count)++;
	for (const char *c = text; *c != '\0'; c++)
		FUZZ_HOLDS((unsigned char)*c >= 0x20 && *c != 0x7f);
}

void fuzz_loader(enum schema_scope scope, void *target, unsigned *count,
		 struct schema_load *ret)
{
	*count = 0;
	schema_preset(scope, target);
	*ret = (struct schema_load){
		.scope = scope,
		.target = target,
		.file = "/etc/meshdrop/fuzz",
		.report = count_complaint,
		.ctx = count,
	};
}

/* --- as `meshdrop config` writes them --- */

static void print_value(const struct schema_key *key, const void *target,
			struct buf *ret)
{
	char *value = schema_show(key, target);
	FUZZ_HOLDS(buf_printf(ret, "%s%s %s\n", key->name,
			      key->scope == SCHEMA_DAEMON ? " =" : ":", value));
	free(value);
}

static void print_items(const struct schema_key *key, const void *target,
			struct buf *ret)
{
	size_t count;
	const struct schema_key *keys = schema_keys(key->list->item, &count);
	FUZZ_HOLDS(buf_printf(ret, "%s:\n", key->name));
	for (size_t i = 0; i < schema_item_count(key, target); i++) {
		const void *item = schema_item(key, target, i);
		const char *lead = "  - ";
		for (size_t k = 0; k < count; k++) {
			if (!schema_is_set(&keys[k], item))
				continue;
			FUZZ_HOLDS(buf_puts(ret, lead));
			print_value(&keys[k], item, ret);
			lead = "    ";
		}
	}
}

/* The sections that begin here; how deep its keys are. */
static int print_section(enum schema_scope scope, const char *before,
			 const char *section, struct buf *ret)
{
	int depth = 0;
	bool common = true;
	if (scope == SCHEMA_DAEMON) {
		if (strcmp(before, section) != 0)
			FUZZ_HOLDS(buf_printf(ret, "[%s]\n", section));
		return 0;
	}
	for (; *section != '\0'; depth++) {
		size_t n = strcspn(section, ".");
		common = common && strncmp(before, section, n) == 0 &&
			 (before[n] == '.' || before[n] == '\0');
		if (!common)
			FUZZ_HOLDS(buf_printf(ret, "%*s%.*s:\n", depth * 2, "",
					      (int)n, section));
		section += n + (section[n] == '.' ? 1 : 0);
		if (common)
			before += n + (before[n] == '.' ? 1 : 0);
	}
	return depth;
}

void fuzz_print(enum schema_scope scope, const void *target, struct buf *ret)
{
	size_t count;
	const struct schema_key *keys = schema_keys(scope, &count);
	const char *section = "";
	for (size_t i = 0; i < count; i++) {
		if (!schema_is_set(&keys[i], target))
			continue;
		int depth = print_section(scope, section, keys[i].section, ret);
		section = keys[i].section;
		FUZZ_HOLDS(buf_printf(ret, "%*s", depth * 2, ""));
		if (keys[i].type == SCHEMA_LIST)
			print_items(&keys[i], target, ret);
		else
			print_value(&keys[i], target, ret);
	}
}
