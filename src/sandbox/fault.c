/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/fault.h"

#include <string.h>

#include "base/json.h"
#include "sandbox/reply.h"

struct key {
	const char *name;
	json_type type; /* JSON_TRUE stands for both */
	json_int_t least;
	json_int_t most;
};

static const struct key keys[] = {
	{ "method", JSON_STRING, 0, 0 },
	{ "path", JSON_STRING, 0, 0 },
	{ "skip", JSON_INTEGER, 0, INT32_MAX },
	{ "count", JSON_INTEGER, 1, INT32_MAX },
	{ "status", JSON_INTEGER, 200, 599 },
	{ "body", JSON_STRING, 0, 0 },
	{ "content_type", JSON_STRING, 0, 0 },
	{ "headers", JSON_OBJECT, 0, 0 },
	{ "delay_ms", JSON_INTEGER, 0, 3600000 },
	{ "cut_after", JSON_INTEGER, 0, INT64_MAX },
	{ "drop_reply", JSON_TRUE, 0, 0 },
	{ "refuse", JSON_TRUE, 0, 0 },
	{ "after", JSON_TRUE, 0, 0 },
};

static bool fits(const struct key *key, const json_t *value)
{
	if (key->type == JSON_TRUE)
		return json_is_boolean(value);
	if (json_typeof(value) != key->type)
		return false;
	return key->type != JSON_INTEGER ||
	       (json_integer_value(value) >= key->least &&
		json_integer_value(value) <= key->most);
}

static bool is_known(const char *name, const json_t *value)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i].name, name) == 0)
			return fits(&keys[i], value);
	return false;
}

static bool are_headers(json_t *headers)
{
	const char *name;
	json_t *value;

	json_object_foreach(headers, name,
			    value) if (!json_is_string(value) &&
				       !json_is_null(value)) return false;
	return true;
}

const char *fault_check(json_t *fault)
{
	const char *name;
	json_t *value;

	if (!json_is_object(fault))
		return "a fault is an object";
	json_object_foreach(fault, name, value) if (
		!is_known(
			name,
			value)) return "unknown key, or a value it cannot have";
	if (!are_headers(json_object_get(fault, "headers")))
		return "headers are texts, or null to take one away";
	return NULL;
}

bool fault_is_set(const json_t *fault, const char *key)
{
	return json_is_true(json_object_get(fault, key));
}

int64_t fault_number(const json_t *fault, const char *key, int64_t otherwise)
{
	const json_t *value = json_object_get(fault, key);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static bool concerns(const json_t *fault, const char *method,
		     const char *target)
{
	const char *want_method = json_text(fault, "method");
	const char *want_path = json_text(fault, "path");

	return (!want_method || strcmp(want_method, method) == 0) &&
	       (!want_path || strstr(target, want_path));
}

json_t *fault_take(json_t *queue, const char *method, const char *target)
{
	for (size_t i = 0; i < json_array_size(queue); i++) {
		json_t *fault = json_array_get(queue, i);
		int64_t skip = fault_number(fault, "skip", 0);
		int64_t count = fault_number(fault, "count", 1);

		if (!concerns(fault, method, target))
			continue;
		if (skip > 0) {
			(void)json_object_set_new(fault, "skip",
						  json_integer(skip - 1));
			continue;
		}
		(void)json_object_set_new(fault, "count",
					  json_integer(count - 1));
		(void)json_incref(fault);
		if (count <= 1)
			(void)json_array_remove(queue, i);
		return fault;
	}
	return NULL;
}

bool fault_is_instead(const json_t *fault)
{
	return fault_number(fault, "status", 0) > 0 &&
	       !fault_is_set(fault, "after");
}

void fault_bend(const json_t *fault, struct reply *reply)
{
	const char *body = json_text(fault, "body");
	const char *type = json_text(fault, "content_type");
	json_t *headers = json_object_get(fault, "headers");
	int64_t status = fault_number(fault, "status", 0);
	const char *name;
	json_t *value;

	if (status > 0)
		reply_empty(reply, (unsigned)status);
	if (body)
		reply_text(reply, "application/json", body);
	if (type)
		reply_header(reply, "content-type", type);
	json_object_foreach(headers, name, value)
		reply_header(reply, name, json_string_value(value));
}
