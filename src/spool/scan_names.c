/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/scan_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/text.h"

#define FIRST_ROOM 64

/* --- what a name says --- */

size_t scan_names_stem(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot ? (size_t)(dot - name) : strlen(name);
}

static bool has_extension(const char *name, const char *extension)
{
	return text_equal_nocase(name + scan_names_stem(name), extension);
}

static bool is_control(const char *name)
{
	return has_extension(name, ".ctl");
}

static bool is_usable(const char *name)
{
	return *name != '.' && text_is_file_name(name);
}

static bool is_of_pair(const char *name)
{
	return is_control(name) || has_extension(name, ".dat");
}

bool scan_names_is_unfinished(const char *name)
{
	static const char *const extensions[] = { ".tmp", ".part", ".filepart",
						  ".crdownload" };
	for (size_t i = 0; i < sizeof(extensions) / sizeof(*extensions); i++)
		if (has_extension(name, extensions[i]))
			return true;
	/* "~$letter.docx" says who has letter.docx open */
	return name[strlen(name) - 1] == '~' || strncmp(name, "~$", 2) == 0;
}

static bool same_stem(const char *a, const char *b)
{
	size_t len = scan_names_stem(a);
	return len == scan_names_stem(b) && memcmp(a, b, len) == 0;
}

int scan_names_compare(const char *a, const char *b)
{
	size_t a_len = scan_names_stem(a);
	size_t b_len = scan_names_stem(b);
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
	if (order != 0)
		return order;
	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	if (is_control(a) != is_control(b))
		return is_control(a) ? -1 : 1;
	/* lower case is the greater one, and is wanted first */
	return strcmp(b + b_len, a + a_len);
}

static int compare_entries(const void *a, const void *b)
{
	return scan_names_compare(*(char *const *)a, *(char *const *)b);
}

/* --- the list --- */

void scan_names_init(struct scan_names *list)
{
	*list = (struct scan_names){ .names = NULL };
}

void scan_names_release(struct scan_names *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		free(list->names[i]);
	free(list->names);
	scan_names_init(list);
}

static void add(struct scan_names *list, const char *name)
{
	if (list->count == list->room) {
		list->room = list->room ? list->room * 2 : FIRST_ROOM;
		list->names = xreallocarray(list->names, list->room,
					    sizeof(*list->names));
	}
	list->names[list->count++] = xstrdup(name);
}

static void refuse(const struct scan_names *list, const char *name)
{
	if (list->unusable)
		list->unusable(list->ctx, name);
}

static int read_all(struct scan_names *list, struct fsx_dir *dir, bool alone,
		    size_t most, struct err *err)
{
	while (!list->cut) {
		const char *name = NULL;
		int r = fsx_dir_next(dir, &name, err);
		if (r < 0)
			return r;
		if (!name)
			return 0;
		if (!alone && !is_of_pair(name))
			continue;
		if (!is_usable(name))
			refuse(list, name);
		else if (list->count == most)
			list->cut = true;
		else
			add(list, name);
	}
	return 0;
}

int scan_names_read(struct scan_names *list, int dirfd, bool alone, size_t most,
		    struct err *err)
{
	struct fsx_dir *dir = NULL;
	int r = fsx_dir_open(dirfd, &dir, err);
	if (r < 0)
		return r;
	r = read_all(list, dir, alone, most, err);
	(void)fsx_dir_close(dir); /* always NULL */
	if (r == 0 && list->count > 0)
		qsort(list->names, list->count, sizeof(*list->names),
		      compare_entries);
	return r;
}

void scan_names_next(const struct scan_names *list, size_t *pos,
		     struct scan_group *ret)
{
	const char *first = list->names[*pos];
	struct scan_group group = { .ctl = NULL };
	for (; *pos < list->count; (*pos)++, group.files++) {
		const char *name = list->names[*pos];
		if (!same_stem(name, first))
			break;
		if (is_control(name) && !group.ctl)
			group.ctl = name;
		else if (!is_control(name) && !group.dat)
			group.dat = name;
	}
	*ret = group;
}
