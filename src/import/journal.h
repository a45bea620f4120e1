/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Renames that are about to be done, written down before the first of them, so
 * that whoever comes after a death can undo them.
 *
 * A line is "FROM TAB TO", paths below one folder. All lines are durable before
 * the first rename; what was done is seen by where the file is, so that undoing
 * may be cut off and repeated.
 */
#ifndef MESHDROP_IMPORT_JOURNAL_H
#define MESHDROP_IMPORT_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;

#define JOURNAL_NAME "journal"
#define JOURNAL_SIZE_MAX ((size_t)1 << 20)

/* False when the list is too long or a name cannot stand in a line. */
bool journal_add(struct buf *list, const char *from, const char *to)
	__attribute__((warn_unused_result));

/* Does the renames in their order, each durable before the next. dir is the
 * folder. */
int journal_do(int dir, const struct buf *list, struct err *err)
	__attribute__((warn_unused_result));
/* The other way round; passes over what was not done. */
int journal_undo(int dir, const struct buf *list, struct err *err)
	__attribute__((warn_unused_result));
/* Whether the last rename was done, and so all. */
bool journal_is_done(int dir, const struct buf *list);

#endif
