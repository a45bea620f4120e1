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

#define VALUE_RULE_SIZE 160

/* A relative path is resolved against the folder that file is in. */
bool value_store(const struct schema_key *key, const char *file,
		 const char *text, void *target);
/* Cut when it does not fit; always ends with a NUL unless size is 0. */
void value_show(const struct schema_key *key, const void *target, char *ret,
		size_t size);
/* "a number from 1 to 64" */
void value_rule(const struct schema_key *key, char ret[VALUE_RULE_SIZE]);

#endif
