/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Answers for people and for programs: aligned columns, ages, sizes, JSON.
 *
 * Everything goes to standard output; foreign text is escaped on its way.
 * Whether it all arrived there is asked once, at the end of main.
 */
#ifndef MESHDROP_CLI_SHOW_H
#define MESHDROP_CLI_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

#define SHOW_SIZE 32

/* "45s", "12m", "3h", "9d"; "?" for a time in the future. */
void show_age(int64_t seconds, char ret[SHOW_SIZE]);
/* "999", "12.3k", "4.5G": decimal, as sizes in the settings. */
void show_bytes(uint64_t bytes, char ret[SHOW_SIZE]);
/* "2026-11-22", UTC. */
void show_date(int64_t wall_ns, char ret[SHOW_SIZE]);
/* "name  text", for a list of facts; nothing for an empty text. */
void show_fact(const char *name, const char *text);

/* Rows under a head; columns are as wide as they have to be. */
struct show_table {
	size_t columns;
	unsigned right; /* bit n: column n stands at its right edge */
	char **cells;	/* owned; rows one after the other, the head first */
	size_t count;
};

void show_table_init(struct show_table *table, const char *const *head,
		     size_t columns, unsigned right);
/* columns cells, copied. */
void show_table_add(struct show_table *table, const char *const *cells);
void show_table_print(const struct show_table *table);
void show_table_release(struct show_table *table);

/* JSON objects that cannot fail: texts are escaped, out of memory aborts.
 * show_put takes over value. */
void show_put(json_t *object, const char *key, json_t *value);
void show_put_text(json_t *object, const char *key, const char *value);
void show_put_number(json_t *object, const char *key, uint64_t value);
void show_append(json_t *array, json_t *value);
void show_json(const json_t *value);

#endif
