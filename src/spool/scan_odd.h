/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What lies in a folder and can never be taken: since when, why, and whether
 * somebody was told. Pure.
 *
 * A run of the scan makes a new list from the old one. All are counted, but at
 * most SCAN_ODD_MAX are remembered: those that were before, then new ones as
 * long as there is room.
 */
#ifndef MESHDROP_SPOOL_SCAN_ODD_H
#define MESHDROP_SPOOL_SCAN_ODD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "spool/scan.h"

enum scan_why {
	SCAN_HIDDEN,
	SCAN_BAD_NAME,
	SCAN_SYMLINK,
	SCAN_LINKS, /* may be one link soon */
	SCAN_DIRECTORY,
	SCAN_FIFO,
	SCAN_SOCKET,
	SCAN_DEVICE,
};

struct scan_odd_file {
	char *name; /* owned; NULL: none */
	enum scan_why why;
	int64_t since_ns; /* monotonic: so for this long */
	bool told;
};

/* All zeros is empty. In the order of their names; while a run goes on, those
 * that are known come first. */
struct scan_odd {
	struct scan_odd_file *items; /* owned; room for twice SCAN_ODD_MAX */
	size_t count;
	size_t known; /* of these */
	size_t seen;  /* with those that are not in the list */
};

void scan_odd_release(struct scan_odd *odd);
/* Whether a file of this kind is never taken; *ret_why, then. */
bool scan_odd_is(const struct stat *st, enum scan_why *ret_why);
/* Adds what was seen at mono_ns, with what old knows of it. */
void scan_odd_observe(struct scan_odd *odd, const struct scan_odd *old,
		      const char *name, enum scan_why why, int64_t mono_ns);
/* At the end of a run. */
void scan_odd_finish(struct scan_odd *odd);
/* In a finished list; NULL when it is not there. */
struct scan_odd_file *scan_odd_find(const struct scan_odd *odd,
				    const char *name);
/* For people. */
const char *scan_odd_text(enum scan_why why);

#endif
