/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "import/journal.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"

#define DEPTH_MAX 3

/* One end of a rename, with the folder it is in held open. */
struct end {
	int held;	  /* to be closed; -1: it is the folder itself */
	int dir;	  /* the same or the folder */
	const char *name; /* into the line */
};

bool journal_add(struct buf *list, const char *from, const char *to)
{
	if (strpbrk(from, "\t\n") || strpbrk(to, "\t\n"))
		return false;
	return buf_printf(list, "%s\t%s\n", from, to);
}

/* Opens the folders of a path below dir, which is changed. */
static int open_end(int dir, char *path, struct end *ret, struct err *err)
{
	AUTO_CLOSE int at = -1;
	for (int depth = 1;; depth++) {
		char *slash = strchr(path, '/');
		if (!slash || depth == DEPTH_MAX)
			break;
		*slash = '\0';
		int next = -1;
		int r = fsx_open_dir(at < 0 ? dir : at, path, &next, err);
		if (r < 0)
			return r;
		mem_auto_close(&at);
		at = next;
		path = slash + 1;
	}
	*ret = (struct end){
		.held = at,
		.dir = at < 0 ? dir : at,
		.name = path,
	};
	at = -1;
	return 0;
}

static bool is_there(const struct end *end)
{
	struct stat st;
	return fsx_stat_at(end->dir, end->name, &st, NULL) == 0;
}

static int move(const struct end *from, const struct end *to, struct err *err)
{
	int r = fsx_move(from->dir, from->name, to->dir, to->name, err);
	if (r == 0)
		r = fsx_sync_dir(to->dir, to->name, err);
	if (r == 0)
		r = fsx_sync_dir(from->dir, from->name, err);
	return r;
}

enum wish {
	WISH_DO,
	WISH_UNDO,
	WISH_LOOK,
};

/* line is taken apart. */
static int act(int dir, char *line, enum wish wish, bool *ret_done,
	       struct err *err)
{
	struct end from = { .held = -1 };
	struct end to = { .held = -1 };
	char *tab = strchr(line, '\t');
	if (!tab)
		return err_set(err, ERR_CORRUPT, "'%s' is damaged",
			       JOURNAL_NAME);
	*tab = '\0';
	int r = open_end(dir, line, &from, err);
	if (r == 0)
		r = open_end(dir, tab + 1, &to, err);
	bool done = r == 0 && is_there(&to) && !is_there(&from);
	if (r == 0 && wish == WISH_DO)
		r = move(&from, &to, err);
	else if (done && wish == WISH_UNDO)
		r = move(&to, &from, err);
	mem_auto_close(&from.held);
	mem_auto_close(&to.held);
	*ret_done = done;
	/* a folder that was never made holds nothing to be moved back */
	return wish != WISH_DO && r == -(int)ERR_MISSING ? 0 : r;
}

/* The lines of a list, in its own copy. */
struct lines {
	char *text;
	char **at;
	size_t count;
};

static void split(const struct buf *list, struct lines *ret)
{
	*ret = (struct lines){ .text = xstrndup(list->data, list->len) };
	char *rest = ret->text;
	while (*rest) {
		char *end = strchr(rest, '\n');
		if (!end)
			break; /* torn: nothing was begun yet */
		*end = '\0';
		ret->at = xreallocarray(ret->at, ret->count + 1,
					sizeof(*ret->at));
		ret->at[ret->count++] = rest;
		rest = end + 1;
	}
}

static void release(struct lines *lines)
{
	free(lines->at);
	free(lines->text);
}

int journal_do(int dir, const struct buf *list, struct err *err)
{
	struct lines lines;
	bool done = false;
	int r = 0;
	split(list, &lines);
	for (size_t i = 0; i < lines.count && r == 0; i++)
		r = act(dir, lines.at[i], WISH_DO, &done, err);
	release(&lines);
	return r;
}

int journal_undo(int dir, const struct buf *list, struct err *err)
{
	struct lines lines;
	bool done = false;
	int r = 0;
	split(list, &lines);
	for (size_t i = lines.count; i > 0 && r == 0; i--)
		r = act(dir, lines.at[i - 1], WISH_UNDO, &done, err);
	release(&lines);
	return r;
}

bool journal_is_done(int dir, const struct buf *list)
{
	struct lines lines;
	bool done = false;
	split(list, &lines);
	if (lines.count > 0 &&
	    act(dir, lines.at[lines.count - 1], WISH_LOOK, &done, NULL) < 0)
		done = false;
	release(&lines);
	return done;
}
