/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "cli/show.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#define MINUTE 60LL
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define DATE_LEN 10 /* of an ISO time */
#define FACT_WIDTH 14

/* --- texts --- */

void show_age(int64_t seconds, char ret[SHOW_SIZE])
{
	long long s = seconds;
	if (s < 0)
		(void)snprintf(ret, SHOW_SIZE, "?");
	else if (s < 2 * MINUTE)
		(void)snprintf(ret, SHOW_SIZE, "%llds", s);
	else if (s < 2 * HOUR)
		(void)snprintf(ret, SHOW_SIZE, "%lldm", s / MINUTE);
	else if (s < 2 * DAY)
		(void)snprintf(ret, SHOW_SIZE, "%lldh", s / HOUR);
	else
		(void)snprintf(ret, SHOW_SIZE, "%lldd", s / DAY);
}

void show_bytes(uint64_t bytes, char ret[SHOW_SIZE])
{
	static const char units[] = "kMGTPE";
	if (bytes < 1000) {
		(void)snprintf(ret, SHOW_SIZE, "%u", (unsigned)bytes);
		return;
	}
	uint64_t unit = 1000;
	size_t i = 0;
	while (bytes / unit >= 1000 && units[i + 1] != '\0') {
		unit *= 1000;
		i++;
	}
	(void)snprintf(ret, SHOW_SIZE, "%llu.%llu%c",
		       (unsigned long long)(bytes / unit),
		       (unsigned long long)(bytes % unit / (unit / 10)),
		       units[i]);
}

void show_date(int64_t wall_ns, char ret[SHOW_SIZE])
{
	char iso[CLOCK_ISO_SIZE];
	clock_iso(wall_ns, iso);
	(void)snprintf(ret, SHOW_SIZE, "%.*s", DATE_LEN, iso);
}

void show_fact(const char *name, const char *text)
{
	if (text[0] == '\0')
		return;
	AUTO_FREE char *safe = text_escaped(text);
	(void)printf("%-*s%s\n", FACT_WIDTH, name, safe);
}

/* --- tables --- */

void show_table_init(struct show_table *table, const char *const *head,
		     size_t columns, unsigned right)
{
	*table = (struct show_table){ .columns = columns, .right = right };
	show_table_add(table, head);
}

void show_table_add(struct show_table *table, const char *const *cells)
{
	table->cells = xreallocarray(table->cells,
				     table->count + table->columns,
				     sizeof(*table->cells));
	for (size_t i = 0; i < table->columns; i++)
		table->cells[table->count++] = text_escaped(cells[i]);
}

/* Characters, not bytes. */
static size_t width_of(const char *text)
{
	size_t width = 0;
	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0u) != 0x80u;
	return width;
}

static size_t column_width(const struct show_table *table, size_t column)
{
	size_t most = 0;
	for (size_t i = column; i < table->count; i += table->columns) {
		size_t width = width_of(table->cells[i]);
		if (width > most)
			most = width;
	}
	return most;
}

static void print_cell(const struct show_table *table, size_t index,
		       size_t width)
{
	size_t column = index % table->columns;
	bool last = column + 1 == table->columns;
	const char *text = table->cells[index];
	int pad = (int)(width - width_of(text));
	if (column > 0)
		(void)fputs("  ", stdout);
	if ((table->right >> column & 1u) != 0)
		(void)printf("%*s%s", pad, "", text);
	else
		(void)printf("%s%*s", text, last ? 0 : pad, "");
	if (last)
		(void)putchar('\n');
}

void show_table_print(const struct show_table *table)
{
	assert(table->columns > 0);
	AUTO_FREE size_t *widths = xcalloc(table->columns, sizeof(*widths));
	for (size_t i = 0; i < table->columns; i++)
		widths[i] = column_width(table, i);
	for (size_t i = 0; i < table->count; i++)
		print_cell(table, i, widths[i % table->columns]);
}

void show_table_release(struct show_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct show_table){ .columns = 0 };
}

/* --- JSON --- */

void show_put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		abort(); /* out of memory */
}

void show_put_text(json_t *object, const char *key, const char *value)
{
	show_put(object, key, json_shown(value));
}

void show_put_number(json_t *object, const char *key, uint64_t value)
{
	show_put(object, key, json_integer((json_int_t)value));
}

void show_append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) < 0)
		abort(); /* out of memory */
}

void show_json(const json_t *value)
{
	AUTO_FREE char *text = json_dumps(value, JSON_INDENT(1));
	if (!text)
		abort(); /* out of memory */
	(void)puts(text);
}
