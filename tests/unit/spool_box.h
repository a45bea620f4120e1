/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * A mailbox in a directory of its own, and stories that are told again and
 * again while the teller is killed at each step.
 *
 * Everything here asserts that it worked, except what runs in a story.
 */
#ifndef MESHDROP_TESTS_SPOOL_BOX_H
#define MESHDROP_TESTS_SPOOL_BOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "scratch.h"
#include "spool/boxdir.h"
#include "spool/scan.h"

struct ctl;
struct err;

#define BOX_NOW (INT64_C(1795330800) * INT64_C(1000000000))
#define BOX_JOB "20261122070000000-0123abcd"
/* Into an array of characters; a text that is too long becomes "". */
#define SET(array, text) ((void)text_copy(array, sizeof(array), text))
#define BOX_MESSAGE "20261122065959123456_0A1B2C"

struct spool_box {
	struct scratch scratch;
	struct boxdir box;
};

void spool_box_make(struct spool_box *box);
void spool_box_remove(struct spool_box *box);
/* From here on each link, or each move, fails so; 0: no more. */
void spool_box_refuse_links(int sys);
void spool_box_refuse_moves(int sys);

void box_put(int dirfd, const char *name, const char *text);
void box_put_bytes(int dirfd, const char *name, const void *data, size_t len);
bool box_has(int dirfd, const char *name);
/* What box_put wrote, whole. */
void box_expect(int dirfd, const char *name, const char *text);
/* The content; the caller frees it. */
char *box_read(int dirfd, const char *name, size_t *ret_len);
/* Whether somebody has read it since it was put there. */
bool box_is_read(int dirfd, const char *name);
/* As a consumer does. The kernel's clock for files ticks, and a file that was
 * read in the tick in which it came is as good as unread: then once more. false:
 * its time does not move. */
bool box_read_later(int dirfd, const char *name);
/* By trying: below an overlay the mount's flags do not tell. */
bool box_keeps_atime(int dirfd);
void box_identity(int dirfd, const char *name, struct scan_identity *ret);
/* Names in a folder that do not begin with a dot. */
size_t box_count(int dirfd);
/* A control file; the caller releases it. */
void box_ctl(struct ctl *ret, const char *message_id);

struct spool_story {
	void (*set_up)(struct spool_box *box);
	/* Goes on from what is on disk, to the end; 0 when it got there. */
	int (*run)(struct spool_box *box, struct err *err);
	/* What others may do between two lives; may be NULL. */
	void (*between)(struct spool_box *box);
	void (*check)(struct spool_box *box);
};

/* Tells it with a death before each system call that changes a file, and for
 * each of these with a second death before each call of the next life; then
 * to the end, twice. In the second half of all cases a dying write writes its
 * first half. Returns the number of lives. */
size_t spool_story_tell(const struct spool_story *story);

#endif
