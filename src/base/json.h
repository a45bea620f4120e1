/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * JSON from strangers: jansson, with limits.
 *
 * Refuses more than JSON_MAX_SIZE bytes or JSON_MAX_VALUES values, nesting over
 * JSON_MAX_DEPTH levels (all before memory is spent on it), duplicate keys and
 * anything after the value; all of it is ERR_PROTOCOL. The
 * accessors take NULL and values of the wrong type and then answer "not
 * there", because any key may be missing or null.
 */
#ifndef MESHDROP_BASE_JSON_H
#define MESHDROP_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct err;

#define JSON_MAX_SIZE ((size_t)4 << 20)
#define JSON_MAX_DEPTH 16
#define JSON_MAX_VALUES 100000

/* The caller owns the result and gives it to json_decref. */
int json_read(const char *data, size_t len, json_t **ret, struct err *err)
	__attribute__((warn_unused_result));

/* Text of a string member, or NULL; borrowed from the object. */
const char *json_text(const json_t *object, const char *key);

/* A string to be shown, of text that others chose and that need not be UTF-8:
 * escaped as in a log. The caller owns it; never NULL. */
json_t *json_shown(const char *text);

void json_auto_free(json_t **json);
#define AUTO_JSON __attribute__((cleanup(json_auto_free)))

#endif
