/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* Prints the table of settings for check-docs: scope, section, name, preset. */
#include "config.h"

#include <stdio.h>

#include "conf/schema.h"

int main(void)
{
	size_t count;
	const struct schema_key *keys = schema_keys(&count);
	for (size_t i = 0; i < count; i++)
		printf("%s\t%s\t%s\t%s\n",
		       keys[i].scope == SCHEMA_DAEMON ? "daemon" : "mailbox",
		       keys[i].section, keys[i].name,
		       keys[i].preset ? keys[i].preset : "");
	return fflush(stdout) == 0 ? 0 : 1;
}
