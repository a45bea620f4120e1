/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* A mailbox file, with the checks across its settings. What is accepted holds
 * the rules that the agent relies on. */
#include "config.h"

#include <stdlib.h>

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
	if (!load.failed)
		look(&box);
	free(text);
	schema_release(SCHEMA_MAILBOX, &box);
	return 0;
}
