/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* A mailbox file, with the checks across its settings. What is accepted holds
 * the rules that the agent relies on, and can be written and read as the same. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/template.h"
#include "base/text.h"
#include "conf/check_mailbox.h"
#include "conf/conf.h"
#include "conf/yaml.h"
#include "fuzz.h"
#include "fuzz_settings.h"

static void look(const struct conf_mailbox *box)
{
	FUZZ_HOLDS(text_is_mailbox_id(box->id));
	FUZZ_HOLDS(box->max_messages >= 1 && box->hooks_parallel >= 1);
	for (size_t i = 0; i < box->route_count; i++) {
		const struct conf_route *route = &box->routes[i];
		FUZZ_HOLDS(text_is_file_name(route->folder));
		FUZZ_HOLDS(!pattern_check(route->match));
		FUZZ_HOLDS(route->to && route->workflow);
	}
	for (size_t i = 0; i < box->delivery_count; i++) {
		FUZZ_HOLDS(text_is_file_name(box->deliveries[i].folder));
		FUZZ_HOLDS(box->deliveries[i].workflows.count > 0);
	}
}

static void write_and_read(const struct conf_mailbox *box)
{
	struct buf first;
	struct buf second;
	struct schema_load load;
	unsigned count;
	struct conf_mailbox again = { .file = NULL };
	buf_init(&first, (size_t)4 << 20);
	buf_init(&second, (size_t)4 << 20);
	fuzz_print(SCHEMA_MAILBOX, box, &first);
	fuzz_loader(SCHEMA_MAILBOX, &again, &count, &load);
	yaml_read(&load, first.data, first.len);
	schema_finish(&load);
	FUZZ_HOLDS(!load.failed);
	fuzz_print(SCHEMA_MAILBOX, &again, &second);
	FUZZ_HOLDS(first.len == second.len &&
		   memcmp(first.data, second.data, first.len) == 0);
	schema_release(SCHEMA_MAILBOX, &again);
	buf_release(&first);
	buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_mailbox box = { .file = NULL };
	struct schema_load load;
	unsigned count;
	fuzz_loader(SCHEMA_MAILBOX, &box, &count, &load);
	char *text = fuzz_text(data, size);
	yaml_read(&load, text, size);
	schema_finish(&load);
	check_mailbox(&load);
	FUZZ_HOLDS(load.failed == (count > 0));
	if (!load.failed) {
		look(&box);
		write_and_read(&box);
	}
	free(text);
	schema_release(SCHEMA_MAILBOX, &box);
	return 0;
}
