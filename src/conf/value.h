/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * One value of a setting between text and its place in a struct.
 *
 * value_store takes all of a text that fits the key's type and bounds, or
 * nothing; the target is then as it was. value_show is its opposite, and
 * value_rule says in words what value_store accepts.
 */
#ifndef MESHDROP_CONF_VALUE_H
#define MESHDROP_CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>

struct schema_key;

#define VALUE_RULE_SIZE 192

/* A relative path is resolved against the folder that file is in. Of a key
 * with several texts, this adds one. */
bool value_store(const struct schema_key *key, const char *file,
		 const char *text, void *target);
/* The caller frees. */
char *value_show(const struct schema_key *key, const void *target)
	__attribute__((malloc, returns_nonnull));
/* A text may be missing; a number is when it is 0 without a preset. */
bool value_is_set(const struct schema_key *key, const void *target);
/* Frees texts, which are then missing. */
void value_release(const struct schema_key *key, void *target);
/* "a number from 1 to 64" */
void value_rule(const struct schema_key *key, char ret[VALUE_RULE_SIZE]);

#endif
