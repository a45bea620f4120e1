/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "import/cfg.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <expat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define ROOT "MESHConfig"
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
	XML_Parser parser;
	struct cfg cfg;
	struct buf text; /* of the leaf so far */
	unsigned depth;	 /* the root is 1 */
	bool in_client;	 /* in the last one */
	enum cfg_field leaf;
	int result;
	struct err *err;
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

static int line_of(const struct reader *reader)
{
	return (int)XML_GetCurrentLineNumber(reader->parser);
}

/* Says it once; expat may call a handler or two after it was stopped. */
__attribute__((format(printf, 3, 4))) static void
refuse(struct reader *reader, enum err_code code, const char *fmt, ...)
{
	if (reader->result < 0)
		return;
	va_list ap;
	va_start(ap, fmt);
	reader->result = err_vset(reader->err, code, fmt, ap);
	va_end(ap);
	err_prefix(reader->err, "line %d", line_of(reader));
	(void)XML_StopParser(reader->parser, XML_FALSE); /* result is set */
}

/* --- what expat tells --- */

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

static void start_client(struct reader *reader)
{
	struct cfg *cfg = &reader->cfg;
	if (cfg->client_count == CFG_CLIENTS_MAX) {
		refuse(reader, ERR_LIMIT, "more than %d <" CLIENT "> blocks",
		       CFG_CLIENTS_MAX);
		return;
	}
	cfg->clients = xreallocarray(cfg->clients, cfg->client_count + 1,
				     sizeof(*cfg->clients));
	cfg->clients[cfg->client_count++] = (struct cfg_part){
		.line = line_of(reader)
	};
	reader->in_client = true;
}

static void start_leaf(struct reader *reader, const char *name)
{
	enum cfg_field field = find_field(name);
	if (field == CFG_FIELD_COUNT) {
		refuse(reader, ERR_INVALID,
		       "<%.*s> is not known as an element of a MESH client's "
		       "configuration; if it has no meaning for you, take it "
		       "out of a copy of the file and import that",
		       SHOWN_MAX, name);
		return;
	}
	bool of_client = field >= CFG_CLIENT_IDENTITY;
	if (of_client != reader->in_client) {
		refuse(reader, ERR_INVALID, "<%s> belongs %s <" CLIENT ">",
		       name, of_client ? "inside a" : "outside of");
		return;
	}
	if (part_of(reader)->values[field].text) {
		refuse(reader, ERR_INVALID,
		       "<%s> is there twice; it was already on line %d", name,
		       part_of(reader)->values[field].line);
		return;
	}
	reader->leaf = field;
	part_of(reader)->values[field].line = line_of(reader);
	buf_clear(&reader->text);
}

static void on_start(void *ctx, const XML_Char *name,
		     const XML_Char **attributes)
{
	struct reader *reader = ctx;
	if (reader->result < 0)
		return;
	reader->depth++;
	if (reader->depth == 1) {
		if (strcmp(name, ROOT) != 0)
			refuse(reader, ERR_INVALID,
			       "the root element is <%.*s> and not <" ROOT
			       ">: is this a meshclient.cfg?",
			       SHOWN_MAX, name);
	} else if (reader->leaf != CFG_FIELD_COUNT) {
		refuse(reader, ERR_INVALID, "<%s> has an element inside",
		       names[reader->leaf]);
	} else if (attributes[0]) {
		refuse(reader, ERR_INVALID,
		       "attribute '%.*s' of <%.*s> is not known", SHOWN_MAX,
		       attributes[0], SHOWN_MAX, name);
	} else if (reader->depth == 2 && strcmp(name, CLIENT) == 0) {
		start_client(reader);
	} else {
		start_leaf(reader, name);
	}
}

static void on_end(void *ctx, const XML_Char *name)
{
	struct reader *reader = ctx;
	(void)name; /* expat has compared it with that of the start */
	if (reader->result < 0)
		return;
	if (reader->leaf != CFG_FIELD_COUNT) {
		struct cfg_value *value = &part_of(reader)->values[reader->leaf];
		cfg_set(value, text_trim(reader->text.data), value->line);
		reader->leaf = CFG_FIELD_COUNT;
	} else if (reader->depth == 2) {
		reader->in_client = false;
	}
	reader->depth--;
}

static bool is_blank(const char *s, int len)
{
	for (int i = 0; i < len; i++)
		if (!strchr(" \t\r\n", s[i]))
			return false;
	return true;
}

static void on_text(void *ctx, const XML_Char *s, int len)
{
	struct reader *reader = ctx;
	if (reader->result < 0)
		return;
	if (reader->leaf == CFG_FIELD_COUNT) {
		if (!is_blank(s, len))
			refuse(reader, ERR_INVALID,
			       "there is text between two elements");
		return;
	}
	if (!buf_append(&reader->text, s, (size_t)len))
		refuse(reader, ERR_LIMIT, "<%s> has more than %zu bytes",
		       names[reader->leaf], CFG_VALUE_MAX);
}

/* With it go all entities of a file's own, inside and outside. */
static void on_doctype(void *ctx, const XML_Char *name, const XML_Char *system,
		       const XML_Char *public, int has_subset)
{
	(void)name;
	(void)system;
	(void)public;
	(void)has_subset;
	refuse(ctx, ERR_INVALID, "has a DOCTYPE, which is not allowed");
}

/* --- one parse --- */

static void *grow(void *old, size_t size)
{
	return xreallocarray(old, 1, size);
}

static XML_Parser new_parser(struct reader *reader)
{
	static const XML_Memory_Handling_Suite memory = {
		.malloc_fcn = xmalloc,
		.realloc_fcn = grow,
		.free_fcn = free,
	};
	XML_Parser parser = XML_ParserCreate_MM(NULL, &memory, NULL);
	if (!parser)
		abort();
	XML_SetUserData(parser, reader);
	XML_SetElementHandler(parser, on_start, on_end);
	XML_SetCharacterDataHandler(parser, on_text);
	XML_SetStartDoctypeDeclHandler(parser, on_doctype);
	return parser;
}

static const char *explain(enum XML_Error code)
{
	static const struct {
		enum XML_Error code;
		const char *text;
	} texts[] = {
		{ XML_ERROR_NO_ELEMENTS, "ends too early: is it complete?" },
		{ XML_ERROR_UNCLOSED_TOKEN, "ends too early: is it complete?" },
		{ XML_ERROR_PARTIAL_CHAR, "ends too early: is it complete?" },
		{ XML_ERROR_SYNTAX, "this is not XML" },
		{ XML_ERROR_INVALID_TOKEN,
		  "has a character that is not allowed there: is one of & < > "
		  "not escaped, or is the file not saved as UTF-8?" },
		{ XML_ERROR_UNKNOWN_ENCODING,
		  "is in an encoding that is not known here: save it as UTF-8" },
		{ XML_ERROR_INCORRECT_ENCODING,
		  "is not in the encoding that its declaration names" },
		{ XML_ERROR_TAG_MISMATCH,
		  "an element is ended by another one's end tag" },
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i].code == code)
			return texts[i].text;
	return XML_ErrorString(code);
}

static void parse(struct reader *reader, const char *text, size_t len)
{
	reader->parser = new_parser(reader);
	if (XML_Parse(reader->parser, text, (int)len, 1) != XML_STATUS_OK)
		refuse(reader, ERR_INVALID, "%s",
		       explain(XML_GetErrorCode(reader->parser)));
	XML_ParserFree(reader->parser);
}

int cfg_read(const char *text, size_t len, struct cfg *ret, struct err *err)
{
	if (len > CFG_SIZE_MAX)
		return err_set(err, ERR_LIMIT,
			       "line 1: more than %zu bytes, which no "
			       "meshclient.cfg has",
			       CFG_SIZE_MAX);
	struct reader reader = {
		.cfg = { .common = { .line = 1 } },
		.leaf = CFG_FIELD_COUNT,
		.err = err,
	};
	buf_init(&reader.text, CFG_VALUE_MAX);
	parse(&reader, text, len);
	buf_release(&reader.text);
	if (reader.result < 0) {
		cfg_release(&reader.cfg);
		return reader.result;
	}
	*ret = reader.cfg;
	return 0;
}
