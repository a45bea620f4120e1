/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Data files in OUT without a control file: since when, and whether somebody
 * was told. Pure.
 *
 * A run of the scan makes a new list from the old one; names come in the order
 * of scan_names.
 */
#ifndef MESHDROP_SPOOL_SCAN_LONE_H
#define MESHDROP_SPOOL_SCAN_LONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool/scan.h"

struct scan_lone_file {
	char *name; /* owned */
	struct scan_identity identity;
	int64_t since_ns; /* monotonic: alone and unchanged for this long */
	bool told;
};

/* All zeros is empty. */
struct scan_lone {
	struct scan_lone_file *items; /* owned */
	size_t count;
	size_t room;
};

void scan_lone_release(struct scan_lone *lone);
/* Adds a file that was seen at mono_ns, with what old knows of it. One that is
 * still written to was told of if its beginnings were. */
void scan_lone_observe(struct scan_lone *lone, const struct scan_lone *old,
		       const char *name, const struct scan_identity *identity,
		       int64_t mono_ns);
/* NULL when it is not there. */
struct scan_lone_file *scan_lone_find(const struct scan_lone *lone,
				      const char *name);

#endif
