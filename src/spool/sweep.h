/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Housekeeping: what no record knows.
 */
#ifndef MESHDROP_SPOOL_SWEEP_H
#define MESHDROP_SPOOL_SWEEP_H

#include <stddef.h>
#include <stdint.h>

struct boxdir;
struct err;

/* Removes files of our own making in TEMP (names as spool/pair and
 * spool/delivery give them) that belong to no record and are older than
 * age_ns: an attempt that died before its record was written. A claimed pair
 * (ID.ctl, ID.dat) is never removed: without a record it is put back into OUT
 * at once, as ID.ctl and ID.dat or a free name like it; so is a file of a route
 * (ID.dat) with the control file that was written for it (ID.route), because
 * only the lost record knew its name and folder. Foreign files are left
 * alone: the control file of a message counts as ours only by what is in it. */
int sweep_temp(const struct boxdir *box, int64_t wall_ns, int64_t age_ns,
	       size_t *ret_removed, size_t *ret_returned, struct err *err)
	__attribute__((warn_unused_result));

#endif
