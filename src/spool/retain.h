/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Removing what is settled, when the settings ask for it. In doubt it stays.
 *
 * Files are seen in groups that share a stem. In SENT and FAILED a group is
 * STEM.ctl, STEM.dat and STEM.ctl.original, as old as its youngest ctime, which
 * is the move into the folder. In IN, and where deliveries go, it is ID.ctl and
 * ID.dat of a message, with a second name of that .dat, or one report of our
 * own; it counts only when each of its files was read after it came (atime
 * later than ctime, the one update that relatime always makes), and is as old
 * as its youngest atime. Everything else is foreign: other names, hidden ones,
 * links, folders, files with more links, and any group with such a file in it
 * are neither removed nor counted.
 *
 * A group goes when it is older than the age, and then, oldest first, as long
 * as what is left is over the size. One whose time is not before the run began
 * stays: that also keeps what a clock that went back makes look young.
 *
 * A run is as many calls as it takes: each looks at a bounded number of names,
 * or removes a bounded number of groups.
 */
#ifndef MESHDROP_SPOOL_RETAIN_H
#define MESHDROP_SPOOL_RETAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct retain;

/* Names looked at in one run. When there are more, a group of which only one
 * file was seen stays: the other may be among the rest. */
#define RETAIN_NAMES_MAX ((size_t)500000)
/* In one call of retain_step. */
#define RETAIN_LOOKS ((size_t)2000)
#define RETAIN_REMOVALS ((size_t)100) /* groups */

enum retain_kind {
	RETAIN_ARCHIVE, /* SENT, FAILED */
	RETAIN_IN,	/* IN and the folders of deliveries */
};

struct retain_rules {
	enum retain_kind kind;
	int64_t age_ns;	 /* 0: age is no reason */
	uint64_t size;	 /* 0: size is no reason */
	int64_t wall_ns; /* when the run began */
	/* False: something is under way about it, or it is not ours. report:
	 * the name has the form of a report of our own. */
	bool (*settled)(void *ctx, const char *stem, bool report);
	void *ctx;
};

struct retain_count {
	uint64_t groups;
	uint64_t bytes;
};

/* dirfd is borrowed; so is the rules' ctx, which each call of retain_step may
 * use. */
struct retain *retain_new(int dirfd, const struct retain_rules *rules);
struct retain *retain_free(struct retain *retain);
/* Adds to *count what was removed, whatever is returned. A file that cannot be
 * removed does not keep the others from it; the first failure is told at the
 * end of the run, or after ten of them. Any error is the end. */
int retain_step(struct retain *retain, struct retain_count *count,
		bool *ret_done, struct err *err)
	__attribute__((warn_unused_result));

/* --- the choice, pure --- */

/* In the order of removal; a second name goes before its data. */
enum retain_role {
	RETAIN_ORIGINAL,
	RETAIN_CTL,
	RETAIN_DAT,
	RETAIN_OTHER, /* only as a second name */
};

struct retain_file {
	char *name; /* owned by the list */
	uint64_t inode;
	uint64_t size;
	int64_t atime_ns;
	int64_t ctime_ns;
	uint32_t links;
	uint16_t stem; /* length of what the names of a group share */
	uint8_t role;  /* enum retain_role */
	bool plain;    /* a regular file */
};

struct retain_list {
	struct retain_file *files; /* owned */
	size_t count;
	size_t room;
	bool cut; /* there are more */
};

#define RETAIN_NONE ((size_t)-1)

struct retain_group {
	size_t first; /* index into the files */
	size_t count;
	size_t second; /* index of the second name, or RETAIN_NONE */
	int64_t since_ns;
	uint64_t size;
};

struct retain_plan {
	struct retain_group *groups; /* owned; in the order of removal */
	size_t count;
};

void retain_list_release(struct retain_list *list);
/* Takes the file's name (a copy of it) and facts; a name that can be in no
 * group is left out. file->stem and ->role are set here. */
void retain_list_add(struct retain_list *list, enum retain_kind kind,
		     const char *name, const struct retain_file *file);
/* Sorts the list; the plan's indices are of the sorted one. */
void retain_choose(struct retain_list *list, const struct retain_rules *rules,
		   struct retain_plan *ret);
void retain_plan_release(struct retain_plan *plan);

/* Whether a report of ours has that stem: STEM_EVENT_yyyyMMddHHmmss[_n]. */
bool retain_is_report(const char *stem);

#endif
