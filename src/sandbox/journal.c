/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/journal.h"

#include "base/text.h"
#include "sandbox/auth.h"

/* Older ones are forgotten. */
#define ENTRIES_MAX 20000

void journal_init(struct journal *journal)
{
	*journal = (struct journal){ .entries = json_array() };
}

void journal_release(struct journal *journal)
{
	json_decref(journal->entries);
	*journal = (struct journal){ .entries = NULL };
}

void journal_clear(struct journal *journal)
{
	(void)json_array_clear(journal->entries);
	journal->count = 0;
}

json_t *journal_add(struct journal *journal, const char *method,
		    const char *target, const char *authorization,
		    int64_t connection)
{
	struct auth_token token;
	char clean[4096];
	const char *nonce = "";

	if (auth_parse(authorization, &token))
		nonce = token.nonce;
	text_escape(clean, sizeof(clean), target);
	journal->count++;

	json_t *entry = json_pack("{s:I, s:s, s:s, s:i, s:i, s:s, s:I, s:b}",
				  "n", (json_int_t)journal->count, "method",
				  method, "path", clean, "status", 0,
				  "body_bytes", 0, "nonce", nonce, "connection",
				  (json_int_t)connection, "complete", 0);

	if (json_array_size(journal->entries) >= ENTRIES_MAX)
		(void)json_array_remove(journal->entries, 0);
	(void)json_array_append(journal->entries, entry);
	return entry;
}

void journal_set(json_t *entry, const char *key, int64_t value)
{
	(void)json_object_set_new(entry, key, json_integer(value));
}
