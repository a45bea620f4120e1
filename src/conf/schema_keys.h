/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The tables of settings themselves, one a scope; conf/schema reads them.
 */
#ifndef MESHDROP_CONF_SCHEMA_KEYS_H
#define MESHDROP_CONF_SCHEMA_KEYS_H

#include "conf/schema.h"

struct schema_table {
	const struct schema_key *keys;
	size_t count;
};

#define SCHEMA_TABLE(array)                                                 \
	{                                                                   \
		.keys = (array), .count = sizeof(array) / sizeof(*(array)), \
	}

extern const struct schema_table schema_daemon;
extern const struct schema_table schema_mailbox;
extern const struct schema_table schema_route;
extern const struct schema_table schema_delivery;

#endif
