/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/ledger_ids.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_SLOTS ((size_t)256)

/* Open addressing with linear steps; never more than half full. */
struct ledger_ids {
	char **slots; /* owned; each a character for the kind and the id */
	size_t room;  /* a power of two */
	size_t count;
};

struct ledger_ids *ledger_ids_new(void)
{
	struct ledger_ids *ids = xcalloc(1, sizeof(*ids));
	ids->room = FIRST_SLOTS;
	ids->slots = xcalloc(ids->room, sizeof(*ids->slots));
	return ids;
}

struct ledger_ids *ledger_ids_free(struct ledger_ids *ids)
{
	if (!ids)
		return NULL;
	for (size_t i = 0; i < ids->room; i++)
		free(ids->slots[i]);
	free(ids->slots);
	free(ids);
	return NULL;
}

static char mark_of(enum ledger_kind kind)
{
	return (char)('a' + (int)kind);
}

/* FNV-1a. */
static uint64_t hash_of(char mark, const char *id)
{
	const uint64_t prime = UINT64_C(1099511628211);
	uint64_t hash = UINT64_C(14695981039346656037);
	hash = (hash ^ (unsigned char)mark) * prime;
	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * prime;
	return hash ^ hash >> 32;
}

/* Where it is, or the empty slot where it would go. */
static size_t find(const struct ledger_ids *ids, char mark, const char *id)
{
	size_t at = (size_t)hash_of(mark, id) & (ids->room - 1);
	while (ids->slots[at] &&
	       (*ids->slots[at] != mark || strcmp(ids->slots[at] + 1, id) != 0))
		at = (at + 1) & (ids->room - 1);
	return at;
}

bool ledger_ids_has(const struct ledger_ids *ids, enum ledger_kind kind,
		    const char *id)
{
	return ids->slots[find(ids, mark_of(kind), id)];
}

static void grow(struct ledger_ids *ids)
{
	struct ledger_ids old = *ids;
	ids->room *= 2;
	ids->slots = xcalloc(ids->room, sizeof(*ids->slots));
	for (size_t i = 0; i < old.room; i++) {
		char *slot = old.slots[i];
		if (slot)
			ids->slots[find(ids, *slot, slot + 1)] = slot;
	}
	free(old.slots);
}

void ledger_ids_add(struct ledger_ids *ids, enum ledger_kind kind,
		    const char *id)
{
	if (ledger_ids_has(ids, kind, id))
		return;
	if (ids->count * 2 >= ids->room)
		grow(ids);
	ids->slots[find(ids, mark_of(kind), id)] = xasprintf("%c%s",
							     mark_of(kind), id);
	ids->count++;
}
