/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "base/json.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

/* What a text would become, before any of it does: a value needs many times the
 * memory of its text. Strings are skipped as the grammar has them, so that
 * what is not JSON is at worst counted wrong, and then refused by jansson. */
struct shape {
	size_t values; /* or a little more */
	size_t depth;
};

/* Behind the string that begins at p. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
	}
	return p < end ? p + 1 : end;
}

static struct shape look(const char *data, size_t len)
{
	const char *end = data + len;
	struct shape shape = { .values = 1 };
	size_t depth = 0;
	for (const char *p = data; p < end;) {
		if (*p == '"') {
			p = skip_string(p, end);
			continue;
		}
		bool opens = *p == '[' || *p == '{';
		if (opens || *p == ',')
			shape.values++;
		if (opens)
			depth++;
		else if ((*p == ']' || *p == '}') && depth > 0)
			depth--;
		if (depth > shape.depth)
			shape.depth = depth;
		p++;
	}
	return shape;
}

static int check_shape(const char *data, size_t len, struct err *err)
{
	if (len > JSON_MAX_SIZE)
		return err_set(
			err, ERR_PROTOCOL,
			"not usable JSON: %zu bytes, at most %zu are read", len,
			JSON_MAX_SIZE);
	struct shape shape = look(data, len);
	if (shape.depth > JSON_MAX_DEPTH)
		return err_set(err, ERR_PROTOCOL,
			       "not usable JSON: nested deeper than %d levels",
			       JSON_MAX_DEPTH);
	if (shape.values > JSON_MAX_VALUES)
		return err_set(err, ERR_PROTOCOL,
			       "not usable JSON: over %d values",
			       JSON_MAX_VALUES);
	return 0;
}

/* jansson's own text quotes the content, which is not for a log. */
static int refuse(struct err *err, const json_error_t *why)
{
	if (json_error_code(why) == json_error_duplicate_key)
		return err_set(err, ERR_PROTOCOL,
			       "not usable JSON: a key is there twice "
			       "(line %d, column %d)",
			       why->line, why->column);
	return err_set(err, ERR_PROTOCOL, "not JSON (line %d, column %d)",
		       why->line, why->column);
}

int json_read(const char *data, size_t len, json_t **ret, struct err *err)
{
	int r = check_shape(data, len, err);
	if (r < 0)
		return r;
	json_error_t why;
	AUTO_JSON json_t *value = json_loadb(data, len, JSON_REJECT_DUPLICATES,
					     &why);
	if (!value)
		return refuse(err, &why);
	*ret = json_incref(value);
	return 0;
}

const char *json_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

json_t *json_shown(const char *text)
{
	AUTO_FREE char *safe = text_escaped(text);
	json_t *string = json_string(safe);
	if (!string)
		abort(); /* out of memory */
	return string;
}

void json_auto_free(json_t **json)
{
	json_decref(*json);
}
