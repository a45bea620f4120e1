/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The new files of an import, and what is to be said about it, in memory.
 *
 * Names are those below the folder of the new settings, with FILESET_BOXES in
 * front for a mailbox file. All texts are wiped at the end.
 */
#ifndef MESHDROP_IMPORT_FILESET_H
#define MESHDROP_IMPORT_FILESET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define FILESET_CONF "meshdrop.conf"
#define FILESET_BOXES "mailboxes.d"
#define FILESET_SHARED_KEY "shared.key"
#define FILESET_TEXT_MAX ((size_t)8 << 20)

struct fileset_file {
	char *name; /* "client.key", "mailboxes.d/X26ABC1.yaml"; owned */
	struct buf text;
	bool secret;
	bool kept; /* a copy of one that is there and stays */
};

/* What became of something old; both owned. */
struct fileset_note {
	char *old;
	char *now;
};

struct fileset {
	struct fileset_file *files;
	size_t file_count;
	struct fileset_note *notes;
	size_t note_count;
};

void fileset_release(struct fileset *set);

/* An empty one of that name; borrowed until the next is added. */
struct fileset_file *fileset_add(struct fileset *set, const char *name,
				 bool secret);
/* The same with a text; false when it does not fit. */
bool fileset_put(struct fileset *set, const char *name, bool secret,
		 const char *text) __attribute__((warn_unused_result));
void fileset_note(struct fileset *set, const char *old, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
