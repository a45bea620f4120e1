/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "conf/schema_keys.h"

static const struct schema_key route_keys[] = {
	{
		.scope = SCHEMA_ROUTE,
		.section = "",
		.name = "folder",
		.type = SCHEMA_TEXT,
		.required = true,
		.offset = offsetof(struct conf_route, folder),
		.summary = "folder below the root in which files are dropped",
	},
	{
		.scope = SCHEMA_ROUTE,
		.section = "",
		.name = "match",
		.type = SCHEMA_TEXT,
		.preset = "*",
		.offset = offsetof(struct conf_route, match),
		.summary = "the files of this route; * ? and one {to}",
	},
	{
		.scope = SCHEMA_ROUTE,
		.section = "",
		.name = "to",
		.type = SCHEMA_TEXT,
		.offset = offsetof(struct conf_route, to),
		.summary = "mailbox that the message goes to",
	},
	{
		.scope = SCHEMA_ROUTE,
		.section = "",
		.name = "workflow",
		.type = SCHEMA_TEXT,
		.required = true,
		.offset = offsetof(struct conf_route, workflow),
		.summary = "workflow of the message",
	},
	{
		.scope = SCHEMA_ROUTE,
		.section = "",
		.name = "subject",
		.type = SCHEMA_TEXT,
		.preset = "",
		.empty = true,
		.offset = offsetof(struct conf_route, subject),
		.summary = "subject of the message",
	},
	{
		.scope = SCHEMA_ROUTE,
		.section = "",
		.name = "local_id",
		.type = SCHEMA_TEXT,
		.preset = "",
		.empty = true,
		.offset = offsetof(struct conf_route, local_id),
		.summary = "local id of the message",
	},
	{
		.scope = SCHEMA_ROUTE,
		.section = "",
		.name = "compress",
		.type = SCHEMA_BOOL,
		.preset = "true",
		.offset = offsetof(struct conf_route, compress),
		.summary = "compress the content on the way",
	},
	{
		.scope = SCHEMA_ROUTE,
		.section = "",
		.name = "encrypted",
		.type = SCHEMA_BOOL,
		.preset = "false",
		.offset = offsetof(struct conf_route, encrypted),
		.summary = "say that the content is encrypted",
	},
	{
		.scope = SCHEMA_ROUTE,
		.section = "",
		.name = "allow_chunking",
		.type = SCHEMA_BOOL,
		.preset = "true",
		.offset = offsetof(struct conf_route, allow_chunking),
		.summary = "send a large file in chunks",
	},
};

const struct schema_table schema_route = SCHEMA_TABLE(route_keys);

static const struct schema_key delivery_keys[] = {
	{
		.scope = SCHEMA_DELIVERY,
		.section = "",
		.name = "workflows",
		.type = SCHEMA_TEXTS,
		.required = true,
		.min = 1,
		.max = 64,
		.offset = offsetof(struct conf_delivery, workflows),
		.summary = "workflows: NAME, or START* for all that begin so",
	},
	{
		.scope = SCHEMA_DELIVERY,
		.section = "",
		.name = "folder",
		.type = SCHEMA_TEXT,
		.required = true,
		.offset = offsetof(struct conf_delivery, folder),
		.summary = "folder below the root that the messages go to",
	},
	{
		.scope = SCHEMA_DELIVERY,
		.section = "",
		.name = "second_name",
		.type = SCHEMA_BOOL,
		.preset = "false",
		.offset = offsetof(struct conf_delivery, second_name),
		.summary = "also under the sender's file name",
	},
};

const struct schema_table schema_delivery = SCHEMA_TABLE(delivery_keys);
