/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The new files into their folder: all of them, or none.
 *
 * place_open takes the folder (and makes it, not its parents) and ends what an
 * import that died there has left. place_stage writes the files into a hidden
 * folder inside it, synced, where the reader of settings can try them.
 * place_commit moves them to their names; the settings file goes first of the
 * old ones and comes last of the new ones, so that there is never a mixture
 * that a daemon would read. place_close undoes everything that was not
 * committed. A journal in the hidden folder, locked while we live, lets the
 * next import do the same after a death.
 */
#ifndef MESHDROP_IMPORT_PLACE_H
#define MESHDROP_IMPORT_PLACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/clock.h"

struct buf;
struct err;
struct fileset;

#define PLACE_STAGE ".meshdrop-import"

struct place {
	char *path; /* of the folder; owned */
	int dir;
	int stage;   /* -1: not made yet */
	int journal; /* in it, locked */
	bool made_dir;
	bool made_boxes;
	bool for_other; /* the files are for this user, and not for us */
	uid_t uid;
	gid_t gid;
	char stamp[CLOCK_STAMP_SIZE];
};

/* As place_close leaves it, which takes it in that form, too. */
void place_init(struct place *place);

/* stamp goes into the names of old files that are kept. */
int place_open(struct place *place, const char *path, const char *stamp,
	       struct err *err) __attribute__((warn_unused_result));

/* Who the daemon is; everything that is staged from now on is for it. */
int place_for(struct place *place, uid_t uid, gid_t gid, struct err *err)
	__attribute__((warn_unused_result));

/* Back to ourselves. */
void place_for_us(struct place *place);

/* The content of a file that is there; ERR_MISSING. */
int place_load(const struct place *place, const char *name, struct buf *ret,
	       struct err *err) __attribute__((warn_unused_result));

/* ERR_EXISTS names what is in the way of the set: files of its names, and
 * other mailbox files. */
int place_check(const struct place *place, const struct fileset *set,
		struct err *err) __attribute__((warn_unused_result));

int place_stage(struct place *place, const struct fileset *set, struct err *err)
	__attribute__((warn_unused_result));

/* What is in the way is renamed to NAME.old-STAMP in the folder, and a note
 * says so. */
int place_commit(struct place *place, struct fileset *set, struct err *err)
	__attribute__((warn_unused_result));

/* Whatever happened, nothing of ours is left but what was committed. */
void place_close(struct place *place);

#endif
