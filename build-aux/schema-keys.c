/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* Prints the table of settings for check-docs: scope, section, name, preset. */
#include "config.h"

#include <stdio.h>

#include "conf/schema.h"

int main(void)
{
	static const char *const scopes[SCHEMA_SCOPE_COUNT] = {
		[SCHEMA_DAEMON] = "daemon",
		[SCHEMA_MAILBOX] = "mailbox",
		[SCHEMA_ROUTE] = "routes",
		[SCHEMA_DELIVERY] = "deliver",
	};
	for (unsigned scope = 0; scope < SCHEMA_SCOPE_COUNT; scope++) {
		size_t count;
		const struct schema_key *keys =
			schema_keys((enum schema_scope)scope, &count);
		for (size_t i = 0; i < count; i++)
			printf("%s\t%s\t%s\t%s\n", scopes[scope],
			       keys[i].section, keys[i].name,
			       keys[i].preset ? keys[i].preset : "");
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
