/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "import/cfg.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/xml.h"

#define CLIENT "Client"
#define SHOWN_MAX 64

static const char *const names[CFG_FIELD_COUNT] = {
	[CFG_PRIMARY_URL] = "PrimaryURL",
	[CFG_LOG_PATH] = "LogPath",
	[CFG_KEYSTORE_PATH] = "KeyStorePath",
	[CFG_KEYSTORE_PASSWORD] = "KeyStorePassword",
	[CFG_WORK_PATH] = "WorkPath",
	[CFG_PROXY_PATH] = "ProxyPath",
	[CFG_SIGNAL_PATH] = "SignalPath",
	[CFG_POLL_PERIOD] = "PollPeriod",
	[CFG_SERVER_RETRY] = "ServerRetry",
	[CFG_MAX_MESSAGES] = "MaxMessages",
	[CFG_MAX_CONNECTIONS] = "MaxConnections",
	[CFG_AUTO_UPGRADE] = "AutoUpgrade",
	[CFG_AUTHENTICATION_KEY] = "AuthenticationKey",
	[CFG_PROCESSING_DELAY] = "ProcessingDelay",
	[CFG_CLIENT_IDENTITY] = "ClientIdentity",
	[CFG_CLIENT_AUTHENTICATION] = "ClientAuthentication",
	[CFG_MAILBOX_TYPE] = "MailboxType",
	[CFG_INTERFACE_ROOT] = "InterfaceRoot",
	[CFG_CLIENT_LOG_LEVEL] = "ClientLogLevel",
	[CFG_COLLECT_REPORT] = "CollectReport",
	[CFG_DELAY_REPORT] = "DelayReport",
	[CFG_TRANSFER_REPORT] = "TransferReport",
	[CFG_POLL_REPORT] = "PollReport",
	[CFG_SAVE_SENT] = "SaveSent",
};

struct reader {
	struct cfg cfg;
	struct buf text; /* of the leaf so far */
	bool in_client;	 /* in the last one */
	enum cfg_field leaf;
};

const char *cfg_name(enum cfg_field field)
{
	return names[field];
}

const char *cfg_text(const struct cfg_part *part, enum cfg_field field)
{
	const char *text = part->values[field].text;
	return text && text[0] ? text : NULL;
}

static void forget(struct cfg_value *value)
{
	mem_wipe(value->text, value->text ? strlen(value->text) : 0);
	free(value->text);
	*value = (struct cfg_value){ .text = NULL };
}

void cfg_set(struct cfg_value *value, const char *text, int line)
{
	char *copy = xstrdup(text);
	forget(value);
	*value = (struct cfg_value){ .text = copy, .line = line };
}

static void release_part(struct cfg_part *part)
{
	for (size_t i = 0; i < CFG_FIELD_COUNT; i++)
		forget(&part->values[i]);
}

void cfg_release(struct cfg *cfg)
{
	if (!cfg)
		return;
	release_part(&cfg->common);
	for (size_t i = 0; i < cfg->client_count; i++)
		release_part(&cfg->clients[i]);
	free(cfg->clients);
	*cfg = (struct cfg){ .clients = NULL };
}

static enum cfg_field find_field(const char *name)
{
	for (size_t i = 0; i < CFG_FIELD_COUNT; i++)
		if (strcmp(name, names[i]) == 0)
			return (enum cfg_field)i;
	return CFG_FIELD_COUNT;
}

static struct cfg_part *part_of(struct reader *reader)
{
	if (!reader->in_client)
		return &reader->cfg.common;
	return &reader->cfg.clients[reader->cfg.client_count - 1];
}

static void start_client(struct xml *xml, struct reader *reader)
{
	struct cfg *cfg = &reader->cfg;
	if (cfg->client_count == CFG_CLIENTS_MAX) {
		xml_refuse(xml, ERR_LIMIT, "more than %d <" CLIENT "> blocks",
			   CFG_CLIENTS_MAX);
		return;
	}
	cfg->clients = xreallocarray(cfg->clients, cfg->client_count + 1,
				     sizeof(*cfg->clients));
	cfg->clients[cfg->client_count++] = (struct cfg_part){ .line = xml_line(
								       xml) };
	reader->in_client = true;
}

static void start_leaf(struct xml *xml, struct reader *reader, const char *name)
{
	enum cfg_field field = find_field(name);
	if (field == CFG_FIELD_COUNT) {
		xml_refuse(
			xml, ERR_INVALID,
			"<%.*s> is not known as an element of a MESH client's "
			"configuration; if it has no meaning for you, take it "
			"out of a copy of the file and import that",
			SHOWN_MAX, name);
		return;
	}
	bool of_client = field >= CFG_CLIENT_IDENTITY;
	if (of_client != reader->in_client) {
		xml_refuse(xml, ERR_INVALID, "<%s> belongs %s <" CLIENT ">",
			   name, of_client ? "inside a" : "outside of");
		return;
	}
	if (part_of(reader)->values[field].text) {
		xml_refuse(xml, ERR_INVALID,
			   "<%s> is there twice; it was already on line %d",
			   name, part_of(reader)->values[field].line);
		return;
	}
	reader->leaf = field;
	part_of(reader)->values[field].line = xml_line(xml);
	buf_clear(&reader->text);
}

static void on_start(struct xml *xml, void *ctx, const char *name,
		     const char *const *attributes)
{
	struct reader *reader = ctx;
	if (xml_depth(xml) == 1)
		return;
	if (reader->leaf != CFG_FIELD_COUNT)
		xml_refuse(xml, ERR_INVALID, "<%s> has an element inside",
			   names[reader->leaf]);
	else if (attributes[0])
		xml_refuse(xml, ERR_INVALID,
			   "attribute '%.*s' of <%.*s> is not known", SHOWN_MAX,
			   attributes[0], SHOWN_MAX, name);
	else if (xml_depth(xml) == 2 && strcmp(name, CLIENT) == 0)
		start_client(xml, reader);
	else
		start_leaf(xml, reader, name);
}

static void on_end(struct xml *xml, void *ctx)
{
	struct reader *reader = ctx;
	if (reader->leaf != CFG_FIELD_COUNT) {
		struct cfg_value *value = &part_of(reader)->values[reader->leaf];
		cfg_set(value, text_trim(reader->text.data), value->line);
		reader->leaf = CFG_FIELD_COUNT;
	} else if (xml_depth(xml) == 2) {
		reader->in_client = false;
	}
}

static bool is_blank(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r\n", s[i]))
			return false;
	return true;
}

static void on_text(struct xml *xml, void *ctx, const char *s, size_t len)
{
	struct reader *reader = ctx;
	if (reader->leaf == CFG_FIELD_COUNT) {
		if (!is_blank(s, len))
			xml_refuse(xml, ERR_INVALID,
				   "there is text between two elements");
		return;
	}
	if (!buf_append(&reader->text, s, len))
		xml_refuse(xml, ERR_LIMIT, "<%s> has more than %zu bytes",
			   names[reader->leaf], CFG_VALUE_MAX);
}

int cfg_read(const char *text, size_t len, struct cfg *ret, struct err *err)
{
	struct reader reader = {
		.cfg = { .common = { .line = 1 } },
		.leaf = CFG_FIELD_COUNT,
	};
	const struct xml_rules rules = {
		.what = "a meshclient.cfg",
		.root = "MESHConfig",
		.most = CFG_SIZE_MAX,
		.start = on_start,
		.end = on_end,
		.text = on_text,
		.ctx = &reader,
	};
	buf_init(&reader.text, CFG_VALUE_MAX);
	int r = xml_read(text, len, &rules, err);
	buf_release(&reader.text);
	if (r < 0) {
		cfg_release(&reader.cfg);
		return r;
	}
	*ret = reader.cfg;
	return 0;
}
