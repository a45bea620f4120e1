/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/message.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

static const char *const text_keys[MESSAGE_TEXTS] = {
	[MESSAGE_FROM] = "sender",
	[MESSAGE_TO] = "recipient",
	[MESSAGE_WORKFLOW] = "workflow_id",
	[MESSAGE_LOCAL_ID] = "local_id",
	[MESSAGE_FILE_NAME] = "file_name",
	[MESSAGE_SUBJECT] = "subject",
	[MESSAGE_PARTNER_ID] = "partner_id",
	[MESSAGE_CHECKSUM] = "checksum",
	[MESSAGE_ENCRYPTED] = "encrypted",
	[MESSAGE_COMPRESSED] = "compressed",
	[MESSAGE_CONTENT_TYPE] = "content_type",
	[MESSAGE_ENCODING] = "content_encoding",
	[MESSAGE_LINKED] = "linked_message_id",
	[MESSAGE_CODE] = "status_code",
	[MESSAGE_EVENT] = "status_event",
	[MESSAGE_DESCRIPTION] = "status_description",
};

static const char *const status_names[] = {
	[MESSAGE_UPLOADING] = "uploading",
	[MESSAGE_ACCEPTED] = "accepted",
	[MESSAGE_ACKNOWLEDGED] = "acknowledged",
	[MESSAGE_UNDELIVERABLE] = "undeliverable",
	[MESSAGE_ERROR] = "error",
};

struct message *message_new(void)
{
	struct message *m = xcalloc(1, sizeof(*m));

	m->sizes = json_array();
	return m;
}

struct message *message_free(struct message *m)
{
	if (!m)
		return NULL;
	for (size_t i = 0; i < MESSAGE_TEXTS; i++)
		free(m->text[i]);
	json_decref(m->sizes);
	free(m);
	return NULL;
}

void message_set(struct message *m, enum message_text which, const char *value)
{
	char *copy = value && value[0] != '\0' ? xstrdup(value) : NULL;

	free(m->text[which]);
	m->text[which] = copy;
}

const char *message_get(const struct message *m, enum message_text which)
{
	return m->text[which] ? m->text[which] : "";
}

const char *message_text_key(enum message_text which)
{
	return text_keys[which];
}

const char *message_status_name(enum message_status status)
{
	return status_names[status];
}

bool message_status_parse(const char *name, enum message_status *ret)
{
	static const enum message_status all[] = {
		MESSAGE_UPLOADING,     MESSAGE_ACCEPTED, MESSAGE_ACKNOWLEDGED,
		MESSAGE_UNDELIVERABLE, MESSAGE_ERROR,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (name && strcmp(status_names[all[i]], name) == 0) {
			*ret = all[i];
			return true;
		}
	}
	return false;
}

int64_t message_chunk_size(const struct message *m, unsigned number)
{
	const json_t *size = json_array_get(m->sizes, number - 1);

	return json_is_integer(size) ? json_integer_value(size) : -1;
}

void message_set_chunk(struct message *m, unsigned number, int64_t size)
{
	while (json_array_size(m->sizes) < number)
		(void)json_array_append_new(m->sizes, json_null());
	(void)json_array_set_new(m->sizes, number - 1, json_integer(size));
}

bool message_has_up_to(const struct message *m, unsigned number)
{
	for (unsigned i = 1; i <= number; i++)
		if (message_chunk_size(m, i) < 0)
			return false;
	return true;
}

int64_t message_size(const struct message *m)
{
	int64_t sum = 0;

	for (unsigned i = 1; i <= m->total; i++) {
		int64_t size = message_chunk_size(m, i);

		sum += size > 0 ? size : 0;
	}
	return sum;
}

/* JSON has no place for bytes that are not UTF-8: those go as {"hex": ..}. */
static json_t *text_to_json(const char *s)
{
	static const char digits[] = "0123456789abcdef";
	json_t *plain = json_string(s);

	if (plain)
		return plain;

	size_t len = strlen(s);
	AUTO_FREE char *hex = xcalloc(len + 1, 2);

	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = digits[(unsigned char)s[i] >> 4];
		hex[2 * i + 1] = digits[(unsigned char)s[i] & 15];
	}
	return json_pack("{s:s}", "hex", hex);
}

/* -1 when it is none. */
static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* NULL when there is none, or it is not one of ours. */
static char *text_from_json(const json_t *json)
{
	const char *hex = json_text(json, "hex");

	if (json_is_string(json))
		return xstrdup(json_string_value(json));
	if (!hex)
		return NULL;

	size_t len = strlen(hex) / 2;
	char *s = xcalloc(len + 1, 1);

	for (size_t i = 0; i < len; i++) {
		int high = hex_value(hex[2 * i]);
		int low = hex_value(hex[2 * i + 1]);

		if (high < 0 || low < 0) {
			free(s);
			return NULL;
		}
		s[i] = (char)(high * 16 + low);
	}
	return s;
}

json_t *message_to_json(const struct message *m)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:O}",
				 "message_id", m->id, "status",
				 message_status_name(m->status), "message_type",
				 m->report ? "REPORT" : "DATA", "total_chunks",
				 (json_int_t)m->total, "created_ns",
				 (json_int_t)m->created_ns, "status_ns",
				 (json_int_t)m->status_ns, "visible_ns",
				 (json_int_t)m->visible_ns, "chunk_sizes",
				 m->sizes);

	for (size_t i = 0; i < MESSAGE_TEXTS; i++)
		if (m->text[i])
			(void)json_object_set_new(json, text_keys[i],
						  text_to_json(m->text[i]));
	return json;
}

static bool fixed_from_json(struct message *m, const json_t *json)
{
	const char *id = json_text(json, "message_id");
	const char *type = json_text(json, "message_type");
	json_int_t total = json_integer_value(
		json_object_get(json, "total_chunks"));

	if (!id || !type || !text_is_message_id(id) || total < 0 ||
	    total > MESSAGE_CHUNKS_MAX || !text_copy(m->id, sizeof(m->id), id))
		return false;
	m->report = strcmp(type, "REPORT") == 0;
	m->total = (unsigned)total;
	m->created_ns = json_integer_value(json_object_get(json, "created_ns"));
	m->status_ns = json_integer_value(json_object_get(json, "status_ns"));
	m->visible_ns = json_integer_value(json_object_get(json, "visible_ns"));
	return message_status_parse(json_text(json, "status"), &m->status);
}

struct message *message_from_json(const json_t *json)
{
	struct message *m = message_new();
	json_t *sizes = json_object_get(json, "chunk_sizes");

	if (!fixed_from_json(m, json) || !json_is_array(sizes))
		return message_free(m);
	json_decref(m->sizes);
	m->sizes = json_incref(sizes);
	for (size_t i = 0; i < MESSAGE_TEXTS; i++)
		m->text[i] = text_from_json(
			json_object_get(json, text_keys[i]));
	return m;
}
