/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/scan_odd.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void scan_odd_release(struct scan_odd *odd)
{
	if (!odd)
		return;
	for (size_t i = 0; i < odd->count; i++)
		free(odd->items[i].name);
	free(odd->items);
	*odd = (struct scan_odd){ .items = NULL };
}

/* A link may lead anywhere, a second name lets others write on, and the rest
 * has no content of its own. */
bool scan_odd_is(const struct stat *st, enum scan_why *ret_why)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFREG:
		*ret_why = SCAN_LINKS;
		return st->st_nlink != 1;
	case S_IFLNK:
		*ret_why = SCAN_SYMLINK;
		return true;
	case S_IFDIR:
		*ret_why = SCAN_DIRECTORY;
		return true;
	case S_IFIFO:
		*ret_why = SCAN_FIFO;
		return true;
	case S_IFSOCK:
		*ret_why = SCAN_SOCKET;
		return true;
	default:
		*ret_why = SCAN_DEVICE;
		return true;
	}
}

static int compare_to_name(const void *name, const void *item)
{
	const struct scan_odd_file *file = item;
	return strcmp(name, file->name);
}

struct scan_odd_file *scan_odd_find(const struct scan_odd *odd,
				    const char *name)
{
	if (odd->count == 0)
		return NULL;
	return bsearch(name, odd->items, odd->count, sizeof(*odd->items),
		       compare_to_name);
}

/* Those that are known stand before those that are new. */
static struct scan_odd_file *add(struct scan_odd *odd, bool known)
{
	if (!odd->items)
		odd->items = xcalloc((size_t)2 * SCAN_ODD_MAX,
				     sizeof(*odd->items));
	/* some file systems give a name twice while the folder changes */
	if (known && odd->known == SCAN_ODD_MAX)
		return NULL;
	if (known) {
		odd->items[odd->count++] = odd->items[odd->known];
		return &odd->items[odd->known++];
	}
	if (odd->count - odd->known == SCAN_ODD_MAX)
		return NULL;
	return &odd->items[odd->count++];
}

void scan_odd_observe(struct scan_odd *odd, const struct scan_odd *old,
		      const char *name, enum scan_why why, int64_t mono_ns)
{
	const struct scan_odd_file *before = scan_odd_find(old, name);
	if (before && before->why != why)
		before = NULL;
	odd->seen++;
	struct scan_odd_file *file = add(odd, before != NULL);
	if (!file)
		return;
	*file = (struct scan_odd_file){
		.name = xstrdup(name),
		.why = why,
		.since_ns = before ? before->since_ns : mono_ns,
		.told = before && before->told,
	};
}

static int compare_files(const void *a, const void *b)
{
	const struct scan_odd_file *x = a;
	const struct scan_odd_file *y = b;
	return strcmp(x->name, y->name);
}

void scan_odd_finish(struct scan_odd *odd)
{
	while (odd->count > SCAN_ODD_MAX)
		free(odd->items[--odd->count].name);
	if (odd->count > 0)
		qsort(odd->items, odd->count, sizeof(*odd->items),
		      compare_files);
}

const char *scan_odd_text(enum scan_why why)
{
	switch (why) {
	case SCAN_HIDDEN:
		return "its name begins with a dot";
	case SCAN_BAD_NAME:
		return "its name has control bytes";
	case SCAN_SYMLINK:
		return "is a symbolic link";
	case SCAN_LINKS:
		return "has more than one link";
	case SCAN_DIRECTORY:
		return "is a directory";
	case SCAN_FIFO:
		return "is a FIFO";
	case SCAN_SOCKET:
		return "is a socket";
	case SCAN_DEVICE:
		return "is a device";
	}
	assert(false);
	return "";
}
