/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Private to spool/ledger: a set of ids of several kinds, in memory.
 */
#ifndef MESHDROP_SPOOL_LEDGER_IDS_H
#define MESHDROP_SPOOL_LEDGER_IDS_H

#include <stdbool.h>

struct ledger_ids;

enum ledger_kind {
	LEDGER_DELIVERED,
	LEDGER_LOCAL,
	LEDGER_JOB,
};

struct ledger_ids *ledger_ids_new(void);
struct ledger_ids *ledger_ids_free(struct ledger_ids *ids);
bool ledger_ids_has(const struct ledger_ids *ids, enum ledger_kind kind,
		    const char *id);
/* What is there already is fine. */
void ledger_ids_add(struct ledger_ids *ids, enum ledger_kind kind,
		    const char *id);

#endif
