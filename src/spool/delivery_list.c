/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/delivery.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "spool/boxdir.h"
#include "spool/scan.h"

/* The message id in the name of a record; false for other files. */
static bool record_id(const char *name, char ret[TEXT_ID_SIZE])
{
	char stem[TEXT_NAME_SIZE];
	scan_stem(name, stem);
	return strcmp(name + strlen(stem), DELIVERY_SUFFIX) == 0 &&
	       text_copy(ret, TEXT_ID_SIZE, stem) && text_is_message_id(ret);
}

static int add(struct delivery_list *list, const struct boxdir *box,
	       const char *name, struct err *err)
{
	struct delivery_found found = { .mtime_ns = 0 };
	if (!record_id(name, found.id))
		return 0;
	struct stat st;
	int r = fsx_stat_at(box->inbound, name, &st, err);
	if (r < 0)
		return r == -ERR_MISSING ? 0 : r;
	found.mtime_ns = clock_ns(&st.st_mtim);
	list->items = xreallocarray(list->items, list->count + 1,
				    sizeof(*list->items));
	list->items[list->count++] = found;
	return 0;
}

static int fill(struct delivery_list *list, const struct boxdir *box,
		struct fsx_dir *dir, struct err *err)
{
	for (;;) {
		const char *name = NULL;
		int r = fsx_dir_next(dir, &name, err);
		if (r < 0 || !name)
			return r;
		r = add(list, box, name, err);
		if (r < 0)
			return r;
	}
}

static int by_id(const void *a, const void *b)
{
	const struct delivery_found *left = a;
	const struct delivery_found *right = b;
	return strcmp(left->id, right->id);
}

int delivery_list_read(const struct boxdir *box, struct delivery_list *ret,
		       struct err *err)
{
	struct fsx_dir *dir = NULL;
	int r = fsx_dir_open(box->inbound, &dir, err);
	if (r < 0)
		return r;
	struct delivery_list list = { .items = NULL };
	r = fill(&list, box, dir, err);
	(void)fsx_dir_close(dir);
	if (r < 0) {
		delivery_list_release(&list);
		return r;
	}
	if (list.count > 0)
		qsort(list.items, list.count, sizeof(*list.items), by_id);
	*ret = list;
	return 0;
}

struct delivery_found *delivery_list_find(const struct delivery_list *list,
					  const char *id)
{
	struct delivery_found wanted = { .mtime_ns = 0 };
	if (list->count == 0 || !text_copy(wanted.id, sizeof(wanted.id), id))
		return NULL;
	return bsearch(&wanted, list->items, list->count, sizeof(*list->items),
		       by_id);
}

void delivery_list_release(struct delivery_list *list)
{
	if (!list)
		return;
	free(list->items);
	*list = (struct delivery_list){ .items = NULL };
}
