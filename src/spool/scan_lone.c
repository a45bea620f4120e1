/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/scan_lone.h"

#include <stdlib.h>

#include "base/mem.h"
#include "spool/scan_names.h"

#define FIRST_ROOM 16

void scan_lone_release(struct scan_lone *lone)
{
	if (!lone)
		return;
	for (size_t i = 0; i < lone->count; i++)
		free(lone->items[i].name);
	free(lone->items);
	*lone = (struct scan_lone){ .items = NULL };
}

static struct scan_lone_file *add(struct scan_lone *lone)
{
	if (lone->count == lone->room) {
		lone->room = lone->room > 0 ? lone->room * 2 : FIRST_ROOM;
		lone->items = xreallocarray(lone->items, lone->room,
					    sizeof(*lone->items));
	}
	return &lone->items[lone->count++];
}

static int compare_to_name(const void *name, const void *item)
{
	const struct scan_lone_file *file = item;
	return scan_names_compare(name, file->name);
}

struct scan_lone_file *scan_lone_find(const struct scan_lone *lone,
				      const char *name)
{
	if (lone->count == 0)
		return NULL;
	return bsearch(name, lone->items, lone->count, sizeof(*lone->items),
		       compare_to_name);
}

static bool is_unchanged(const struct scan_identity *a,
			 const struct scan_identity *b)
{
	return a->inode == b->inode && a->size == b->size &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

void scan_lone_observe(struct scan_lone *lone, const struct scan_lone *old,
		       const char *name, const struct scan_identity *identity,
		       int64_t mono_ns)
{
	const struct scan_lone_file *before = scan_lone_find(old, name);
	bool same = before && before->identity.inode == identity->inode;
	bool unchanged = same && is_unchanged(&before->identity, identity);
	struct scan_lone_file *file = add(lone);
	*file = (struct scan_lone_file){
		.name = xstrdup(name),
		.identity = *identity,
		.since_ns = unchanged ? before->since_ns : mono_ns,
		.told = same && before->told,
	};
}
