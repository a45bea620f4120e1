/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What was asked: one entry a request, for tests to read.
 *
 * An entry is made when the head of a request has arrived, and completed as
 * the request goes on; a status of 0 means that no answer was given, and
 * complete tells if the whole body came.
 */
#ifndef MESHDROP_SANDBOX_JOURNAL_H
#define MESHDROP_SANDBOX_JOURNAL_H

#include <jansson.h>
#include <stdint.h>

struct journal {
	json_t *entries; /* owned */
	int64_t count;
};

void journal_init(struct journal *journal);
void journal_release(struct journal *journal);
void journal_clear(struct journal *journal);
/* The caller owns its reference; authorization may be NULL. */
json_t *journal_add(struct journal *journal, const char *method,
		    const char *target, const char *authorization,
		    int64_t connection);
void journal_set(json_t *entry, const char *key, int64_t value);

#endif
