/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "spool/retain.h"

/* So many say that the folder is at fault, not a file. */
#define FAILURES_MOST 10

struct retain {
	int dirfd; /* borrowed */
	struct retain_rules rules;
	struct fsx_dir *dir; /* while it looks */
	struct retain_list list;
	bool chosen;
	struct retain_plan plan;
	size_t next; /* index into the plan */
	unsigned failures;
	struct err first; /* of the failures */
};

struct retain *retain_new(int dirfd, const struct retain_rules *rules)
{
	struct retain *retain = xcalloc(1, sizeof(*retain));
	retain->dirfd = dirfd;
	retain->rules = *rules;
	return retain;
}

struct retain *retain_free(struct retain *retain)
{
	if (!retain)
		return NULL;
	(void)fsx_dir_close(retain->dir); /* always NULL */
	retain_list_release(&retain->list);
	retain_plan_release(&retain->plan);
	free(retain);
	return NULL;
}

/* --- looking --- */

static void describe(const struct stat *st, struct retain_file *ret)
{
	*ret = (struct retain_file){
		.inode = (uint64_t)st->st_ino,
		.size = (uint64_t)st->st_size,
		.atime_ns = clock_ns(&st->st_atim),
		.ctime_ns = clock_ns(&st->st_ctim),
		.links = st->st_nlink > UINT32_MAX ? UINT32_MAX :
						     (uint32_t)st->st_nlink,
		.plain = S_ISREG(st->st_mode),
	};
}

/* What cannot be looked at has no facts, and so keeps its group. */
static void look_at(struct retain *retain, const char *name)
{
	struct stat st;
	struct err ignored;
	struct retain_file file = { .links = 0 };
	int r = fsx_stat_at(retain->dirfd, name, &st, &ignored);
	if (r == -ERR_MISSING)
		return;
	if (r == 0)
		describe(&st, &file);
	retain_list_add(&retain->list, retain->rules.kind, name, &file);
}

static void choose(struct retain *retain)
{
	retain->dir = fsx_dir_close(retain->dir);
	retain_choose(&retain->list, &retain->rules, &retain->plan);
	retain->chosen = true;
}

static int look(struct retain *retain, struct err *err)
{
	int r = retain->dir ? 0 :
			      fsx_dir_open(retain->dirfd, &retain->dir, err);
	for (size_t i = 0; i < RETAIN_LOOKS && r == 0; i++) {
		const char *name = NULL;
		r = fsx_dir_next(retain->dir, &name, err);
		if (r < 0)
			return r;
		retain->list.cut = name &&
				   retain->list.count == RETAIN_NAMES_MAX;
		if (!name || retain->list.cut) {
			choose(retain);
			return 0;
		}
		look_at(retain, name);
	}
	return r;
}

/* --- removing --- */

/* As it was when it was chosen: not written, linked or read since. */
static int is_same(const struct retain *retain, size_t index, bool *ret,
		   struct err *err)
{
	const struct retain_file *old = &retain->list.files[index];
	struct stat st;
	int r = fsx_stat_at(retain->dirfd, old->name, &st, err);
	if (r == -ERR_MISSING) {
		*ret = false;
		return 0;
	}
	if (r < 0)
		return r;
	struct retain_file now;
	describe(&st, &now);
	*ret = now.plain && now.inode == old->inode && now.size == old->size &&
	       now.links == old->links && now.ctime_ns == old->ctime_ns &&
	       (retain->rules.kind == RETAIN_ARCHIVE ||
		now.atime_ns == old->atime_ns);
	return 0;
}

static int all_same(const struct retain *retain,
		    const struct retain_group *group, bool *ret,
		    struct err *err)
{
	*ret = true;
	int r = 0;
	for (size_t i = 0; i < group->count && *ret && r == 0; i++)
		r = is_same(retain, group->first + i, ret, err);
	if (r == 0 && *ret && group->second != RETAIN_NONE)
		r = is_same(retain, group->second, ret, err);
	return r;
}

static int remove_file(const struct retain *retain, size_t index,
		       struct err *err)
{
	return fsx_remove(retain->dirfd, retain->list.files[index].name, err);
}

/* Nothing is synced: what a power cut brings back was removed for a reason
 * that still holds. */
static int remove_files(const struct retain *retain,
			const struct retain_group *group, struct err *err)
{
	for (size_t i = 0; i < group->count; i++) {
		size_t file = group->first + i;
		bool data = retain->list.files[file].role == RETAIN_DAT;
		int r = 0;
		if (data && group->second != RETAIN_NONE)
			r = remove_file(retain, group->second, err);
		/* if we die here the data is left under one name; losing the
		 * other made it look unread, so that it stays until somebody
		 * reads it */
		if (r == 0)
			r = remove_file(retain, file, err);
		if (r < 0)
			return r;
		/* if we die here the rest of the group is left, no control file
		 * without its data; it is a group and goes in the next run */
	}
	return 0;
}

static int remove_group(struct retain *retain, const struct retain_group *group,
			struct retain_count *count, struct err *err)
{
	bool same = false;
	int r = all_same(retain, group, &same, err);
	if (r < 0 || !same)
		return r;
	r = remove_files(retain, group, err);
	if (r == 0) {
		count->groups++;
		count->bytes += group->size;
	}
	return r;
}

static int finish(const struct retain *retain, bool *ret_done, struct err *err)
{
	*ret_done = true;
	if (retain->failures == 0)
		return 0;
	if (err)
		*err = retain->first;
	return -(int)retain->first.code;
}

static int remove_some(struct retain *retain, struct retain_count *count,
		       bool *ret_done, struct err *err)
{
	for (size_t i = 0; i < RETAIN_REMOVALS; i++) {
		if (retain->next == retain->plan.count ||
		    retain->failures == FAILURES_MOST)
			return finish(retain, ret_done, err);
		struct err why;
		err_clear(&why);
		if (remove_group(retain, &retain->plan.groups[retain->next],
				 count, &why) < 0) {
			if (retain->failures == 0)
				retain->first = why;
			retain->failures++;
		}
		retain->next++;
	}
	return 0;
}

int retain_step(struct retain *retain, struct retain_count *count,
		bool *ret_done, struct err *err)
{
	*ret_done = false;
	return retain->chosen ? remove_some(retain, count, ret_done, err) :
				look(retain, err);
}
