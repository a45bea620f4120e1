/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The names in OUT, matched.
 *
 * Reads a directory and sorts the names of control and data files, so that
 * those with the same stem stand together: control files before data files,
 * and of several spellings of an extension the lower-case one first. Hidden
 * files, names that cannot be used and other extensions are left out. For a
 * folder whose files stand alone, all names that can be used are taken.
 */
#ifndef MESHDROP_SPOOL_SCAN_NAMES_H
#define MESHDROP_SPOOL_SCAN_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct err;

struct scan_names {
	/* told of each name that would be taken but for its form; or NULL */
	void (*unusable)(void *ctx, const char *name);
	void *ctx;
	char **names; /* owned */
	size_t count;
	size_t room;
	bool cut; /* there may be more */
};

/* One stem. Either name may be NULL, not both; borrowed from the list. */
struct scan_group {
	const char *ctl;
	const char *dat;
	size_t files; /* with this stem */
};

void scan_names_init(struct scan_names *list);
void scan_names_release(struct scan_names *list);
/* At most most names are kept; alone: whatever their extensions. */
int scan_names_read(struct scan_names *list, int dirfd, bool alone, size_t most,
		    struct err *err) __attribute__((warn_unused_result));
/* The group at *pos, which is moved behind it; for *pos < count. */
void scan_names_next(const struct scan_names *list, size_t *pos,
		     struct scan_group *ret);

/* Whether programs give such a name to a file that is not finished, or that
 * is only there while another one is open. */
bool scan_names_is_unfinished(const char *name);
/* The order of the list, for names of its kind. */
int scan_names_compare(const char *a, const char *b);
/* The length of the part before the last dot. */
size_t scan_names_stem(const char *name);

#endif
