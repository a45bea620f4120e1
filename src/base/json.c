/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "base/json.h"

#include <jansson.h>

#include "base/err.h"

static bool is_deeper(json_t *value, int levels);

static bool is_object_deeper(json_t *object, int levels)
{
	for (void *at = json_object_iter(object); at;
	     at = json_object_iter_next(object, at)) {
		if (is_deeper(json_object_iter_value(at), levels))
			return true;
	}
	return false;
}

static bool is_array_deeper(const json_t *array, int levels)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (is_deeper(json_array_get(array, i), levels))
			return true;
	}
	return false;
}

/* Whether value has more than so many levels of nesting; never goes further
 * down than that. */
static bool is_deeper(json_t *value, int levels)
{
	if (!json_is_object(value) && !json_is_array(value))
		return false;
	if (levels == 0)
		return true;
	return json_is_object(value) ? is_object_deeper(value, levels - 1) :
				       is_array_deeper(value, levels - 1);
}

/* jansson's own text quotes the content, which is not for a log. */
static int refuse(struct err *err, const json_error_t *why)
{
	if (json_error_code(why) == json_error_duplicate_key)
		return err_set(err, ERR_PROTOCOL,
			       "not usable JSON: a key is there twice "
			       "(line %d, column %d)",
			       why->line, why->column);
	if (json_error_code(why) == json_error_stack_overflow)
		return err_set(err, ERR_PROTOCOL,
			       "not usable JSON: nested too deeply "
			       "(line %d, column %d)",
			       why->line, why->column);
	return err_set(err, ERR_PROTOCOL, "not JSON (line %d, column %d)",
		       why->line, why->column);
}

int json_read(const char *data, size_t len, json_t **ret, struct err *err)
{
	if (len > JSON_MAX_SIZE)
		return err_set(
			err, ERR_PROTOCOL,
			"not usable JSON: %zu bytes, at most %zu are read", len,
			JSON_MAX_SIZE);
	json_error_t why;
	AUTO_JSON json_t *value = json_loadb(data, len, JSON_REJECT_DUPLICATES,
					     &why);
	if (!value)
		return refuse(err, &why);
	if (is_deeper(value, JSON_MAX_DEPTH))
		return err_set(err, ERR_PROTOCOL,
			       "not usable JSON: nested deeper than %d levels",
			       JSON_MAX_DEPTH);
	*ret = json_incref(value);
	return 0;
}

const char *json_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

void json_auto_free(json_t **json)
{
	json_decref(*json);
}
