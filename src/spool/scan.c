/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/scan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/text.h"
#include "spool/boxdir.h"
#include "spool/scan_lone.h"
#include "spool/scan_names.h"
#include "spool/scan_odd.h"

#define FIRST_ROOM 64

/* What was seen of one control file and its data file. */
struct seen {
	char *ctl_name; /* owned */
	char *dat_name; /* owned; NULL: an orphan so far */
	struct scan_identity ctl;
	struct scan_identity dat;
	int64_t since_ns; /* monotonic: so for this long */
	int64_t until_ns; /* monotonic: not handed out before */
	unsigned put_off; /* times */
};

struct table {
	struct seen *items; /* owned; in the order of their ctl_name */
	size_t count;
	size_t room;
};

struct scan {
	struct table table; /* of the last run */
	struct scan_lone lone;
	struct scan_odd odd;
	int64_t begun_ns; /* monotonic: the last run */
};

/* A run that is going on. */
struct run {
	const struct table *old;
	const struct scan_lone *old_lone;
	const struct scan_odd *old_odd;
	struct table table;
	struct scan_lone lone;
	struct scan_odd odd;
	struct scan_rules rules;
	int64_t mono_ns;
	int64_t wall_ns;
	int dir;
	const struct scan_folder *folder; /* of files that stand alone; NULL:
					   * of pairs */
	struct scan_result result;	  /* without the pairs */
	size_t *ready;			  /* owned; places in table */
	size_t ready_count;
};

/* --- the table --- */

static void table_release(struct table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		free(table->items[i].ctl_name);
		free(table->items[i].dat_name);
	}
	free(table->items);
	*table = (struct table){ .items = NULL };
}

static struct seen *table_add(struct table *table)
{
	if (table->count == table->room) {
		table->room = table->room ? table->room * 2 : FIRST_ROOM;
		table->items = xreallocarray(table->items, table->room,
					     sizeof(*table->items));
	}
	struct seen *seen = &table->items[table->count++];
	*seen = (struct seen){ .ctl_name = NULL };
	return seen;
}

static int compare_to_name(const void *name, const void *item)
{
	const struct seen *seen = item;
	return scan_names_compare(name, seen->ctl_name);
}

static struct seen *table_find(const struct table *table, const char *ctl_name)
{
	if (table->count == 0)
		return NULL;
	return bsearch(ctl_name, table->items, table->count,
		       sizeof(*table->items), compare_to_name);
}

struct scan *scan_new(void)
{
	return xcalloc(1, sizeof(struct scan));
}

struct scan *scan_free(struct scan *scan)
{
	if (!scan)
		return NULL;
	table_release(&scan->table);
	scan_lone_release(&scan->lone);
	scan_odd_release(&scan->odd);
	free(scan);
	return NULL;
}

void scan_forget(struct scan *scan, const char *ctl_name)
{
	struct seen *seen = table_find(&scan->table, ctl_name);
	if (!seen)
		return;
	/* the name stays, for the order; no file is like this one */
	seen->ctl = (struct scan_identity){ .inode = 0 };
	free(seen->dat_name);
	seen->dat_name = NULL;
}

void scan_put_off(struct scan *scan, const char *name, int64_t mono_ns)
{
	struct seen *seen = table_find(&scan->table, name);
	if (!seen)
		return;
	seen->until_ns = mono_ns;
	seen->put_off++;
}

void scan_told(struct scan *scan, const char *dat_name)
{
	struct scan_lone_file *file = scan_lone_find(&scan->lone, dat_name);
	if (file)
		file->told = true;
}

void scan_told_odd(struct scan *scan, const char *name)
{
	struct scan_odd_file *file = scan_odd_find(&scan->odd, name);
	if (file)
		file->told = true;
}

/* --- what was seen: pure --- */

static struct scan_identity identity_of(const struct stat *st)
{
	return (struct scan_identity){
		.inode = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_ns = clock_ns(&st->st_mtim),
		.ctime_ns = clock_ns(&st->st_ctim),
	};
}

static bool same_identity(const struct scan_identity *a,
			  const struct scan_identity *b)
{
	return a->inode == b->inode && a->size == b->size &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

static bool same_seen(const struct seen *a, const struct seen *b)
{
	if (!same_identity(&a->ctl, &b->ctl) || !a->dat_name != !b->dat_name)
		return false;
	return !a->dat_name || (strcmp(a->dat_name, b->dat_name) == 0 &&
				same_identity(&a->dat, &b->dat));
}

/* --- one run --- */

/* Nothing has to come yet. */
static bool is_whole(const struct run *run, const struct seen *seen)
{
	return run->folder || seen->dat_name;
}

static bool is_ready(const struct run *run, const struct seen *seen)
{
	const struct scan_rules *rules = &run->rules;
	int64_t steady_ns = run->mono_ns - seen->since_ns;
	if (is_whole(run, seen))
		return steady_ns >= rules->processing_delay_ns;
	return rules->orphan_delay_ns > 0 &&
	       steady_ns >= rules->orphan_delay_ns;
}

static void note_age(struct run *run, const struct stat *ctl)
{
	int64_t age_s = run->wall_ns / CLOCK_SECOND -
			(int64_t)ctl->st_ctim.tv_sec;
	if (age_s < 0)
		age_s = 0; /* from the clock of another machine */
	if (age_s > run->result.oldest_s)
		run->result.oldest_s = age_s;
}

static void note_next(struct run *run, int64_t left_ns)
{
	if (run->result.next_ns < 0 || left_ns < run->result.next_ns)
		run->result.next_ns = left_ns;
}

static void note_settling(struct run *run, int64_t since_ns)
{
	run->result.settling++;
	note_next(run,
		  run->rules.processing_delay_ns - (run->mono_ns - since_ns));
}

static void note_ready(struct run *run, const struct seen *seen, size_t place)
{
	if (run->mono_ns >= seen->until_ns) {
		run->ready[run->ready_count++] = place;
		return;
	}
	run->result.put_off++;
	note_next(run, seen->until_ns - run->mono_ns);
}

static bool is_plain(struct run *run, const char *name, const struct stat *st)
{
	enum scan_why why;
	if (!scan_odd_is(st, &why))
		return true;
	scan_odd_observe(&run->odd, run->old_odd, name, why, run->mono_ns);
	return false;
}

/* Where files stand alone, hidden ones are their owners' business. What the
 * tool is about to drop is ours. */
static void note_unusable(void *ctx, const char *name)
{
	struct run *run = ctx;
	if (*name != '.')
		scan_odd_observe(&run->odd, run->old_odd, name, SCAN_BAD_NAME,
				 run->mono_ns);
	else if (!run->folder && !text_starts_nocase(name, ".meshdrop-"))
		scan_odd_observe(&run->odd, run->old_odd, name, SCAN_HIDDEN,
				 run->mono_ns);
}

/* dat is NULL for an orphan, and for a file that stands alone, which has the
 * place of a control file here. */
static void observe(struct run *run, const struct scan_group *group,
		    const struct stat *ctl, const struct stat *dat)
{
	struct seen *seen = table_add(&run->table);
	seen->ctl_name = xstrdup(group->ctl);
	seen->ctl = identity_of(ctl);
	if (dat) {
		seen->dat_name = xstrdup(group->dat);
		seen->dat = identity_of(dat);
	}
	const struct seen *before = table_find(run->old, group->ctl);
	bool steady = before && same_seen(before, seen);
	seen->since_ns = steady ? before->since_ns : run->mono_ns;
	seen->until_ns = steady ? before->until_ns : run->mono_ns;
	seen->put_off = steady ? before->put_off : 0;

	size_t files = dat ? 2 : 1;
	if (is_ready(run, seen))
		note_ready(run, seen, run->table.count - 1);
	else if (is_whole(run, seen))
		note_settling(run, seen->since_ns);
	else
		files = 0;
	run->result.waiting += group->files - files;
}

/* False when it is not there, or no longer. */
static int look(int dir, const char *name, struct stat *ret, bool *ret_there,
		struct err *err)
{
	*ret_there = false;
	if (!name)
		return 0;
	struct err why;
	int r = fsx_stat_at(dir, name, ret, &why);
	if (r == -(int)ERR_MISSING)
		return 0;
	if (r < 0 && err)
		*err = why;
	*ret_there = r == 0;
	return r;
}

static int look_at_lone(struct run *run, const char *dat_name, struct err *err)
{
	struct stat dat;
	bool has_dat = false;
	int r = look(run->dir, dat_name, &dat, &has_dat, err);
	if (r < 0 || !has_dat || !is_plain(run, dat_name, &dat) ||
	    run->rules.lone_delay_ns == 0)
		return r;
	struct scan_identity identity = identity_of(&dat);
	scan_lone_observe(&run->lone, run->old_lone, dat_name, &identity,
			  run->mono_ns);
	return 0;
}

static int look_at_group(struct run *run, const struct scan_group *group,
			 struct err *err)
{
	if (!group->ctl) {
		run->result.waiting += group->files;
		return look_at_lone(run, group->dat, err);
	}
	struct stat ctl;
	struct stat dat;
	bool has_ctl = false;
	bool has_dat = false;
	int r = look(run->dir, group->ctl, &ctl, &has_ctl, err);
	if (r == 0 && has_ctl)
		r = look(run->dir, group->dat, &dat, &has_dat, err);
	if (r < 0)
		return r;
	if (has_ctl)
		note_age(run, &ctl);
	has_ctl = has_ctl && is_plain(run, group->ctl, &ctl);
	bool plain = !has_dat || is_plain(run, group->dat, &dat);
	if (has_ctl && plain)
		observe(run, group, &ctl, has_dat ? &dat : NULL);
	else
		run->result.waiting += group->files;
	return 0;
}

static bool is_wanted(const struct scan_folder *folder, const char *name)
{
	return !scan_names_is_unfinished(name) &&
	       folder->wanted(folder->ctx, name);
}

static int look_at_file(struct run *run, const char *name, struct err *err)
{
	struct stat st;
	bool there = false;
	int r = look(run->dir, name, &st, &there, err);
	if (r < 0 || !there || S_ISDIR(st.st_mode))
		return r;
	if (!is_plain(run, name, &st) || !is_wanted(run->folder, name)) {
		run->result.waiting++;
		return 0;
	}
	note_age(run, &st);
	const struct scan_group alone = { .ctl = name, .files = 1 };
	observe(run, &alone, &st, NULL);
	return 0;
}

static int look_at_all(struct run *run, struct err *err)
{
	struct scan_names list;
	scan_names_init(&list);
	list.unusable = note_unusable;
	list.ctx = run;
	int r = scan_names_read(&list, run->dir, run->folder != NULL,
				SCAN_NAMES_MAX, err);
	if (r == 0)
		run->ready = xcalloc(list.count, sizeof(*run->ready));
	if (list.cut) { /* a partner may be among the names left out */
		run->rules.orphan_delay_ns = 0;
		run->rules.lone_delay_ns = 0;
		run->result.cut = true;
	}
	size_t pos = 0;
	while (r == 0 && run->folder && pos < list.count)
		r = look_at_file(run, list.names[pos++], err);
	while (r == 0 && pos < list.count) {
		struct scan_group group;
		scan_names_next(&list, &pos, &group);
		r = look_at_group(run, &group, err);
	}
	scan_names_release(&list);
	return r;
}

/* --- what is handed out --- */

static int compare_age(const void *a, const void *b, void *ctx)
{
	const struct table *table = ctx;
	const struct seen *x = &table->items[*(const size_t *)a];
	const struct seen *y = &table->items[*(const size_t *)b];
	/* those that nobody can have must not stand before the others */
	if ((x->put_off == 0) != (y->put_off == 0))
		return x->put_off == 0 ? -1 : 1;
	if (x->ctl.ctime_ns != y->ctl.ctime_ns)
		return x->ctl.ctime_ns < y->ctl.ctime_ns ? -1 : 1;
	return scan_names_compare(x->ctl_name, y->ctl_name);
}

static void fill_file(const struct seen *seen, int64_t mono_ns,
		      struct scan_pair *ret)
{
	*ret = (struct scan_pair){
		.dat = seen->ctl,
		.steady_ns = mono_ns - seen->since_ns,
		.put_off = seen->put_off,
	};
	(void)text_copy(ret->dat_name, sizeof(ret->dat_name), seen->ctl_name);
}

static void fill_pair(const struct seen *seen, int64_t mono_ns,
		      struct scan_pair *ret)
{
	*ret = (struct scan_pair){
		.ctl = seen->ctl,
		.dat = seen->dat,
		.steady_ns = mono_ns - seen->since_ns,
		.put_off = seen->put_off,
	};
	/* names of directory entries always fit */
	(void)text_copy(ret->ctl_name, sizeof(ret->ctl_name), seen->ctl_name);
	(void)text_copy(ret->dat_name, sizeof(ret->dat_name),
			seen->dat_name ? seen->dat_name : "");
}

static void hand_out(struct run *run, size_t most)
{
	size_t count = run->ready_count < most ? run->ready_count : most;
	if (count == 0)
		return;
	qsort_r(run->ready, run->ready_count, sizeof(*run->ready), compare_age,
		&run->table);
	run->result.ready = xcalloc(count, sizeof(*run->result.ready));
	run->result.count = count;
	for (size_t i = 0; i < count; i++) {
		const struct seen *seen = &run->table.items[run->ready[i]];
		if (run->folder)
			fill_file(seen, run->mono_ns, &run->result.ready[i]);
		else
			fill_pair(seen, run->mono_ns, &run->result.ready[i]);
	}
}

static void name_lone(struct run *run)
{
	const struct scan_lone *lone = &run->lone;
	struct scan_result *result = &run->result;
	for (size_t i = 0;
	     i < lone->count && result->lone_count < SCAN_LONE_MAX; i++) {
		const struct scan_lone_file *file = &lone->items[i];
		if (file->told ||
		    run->mono_ns - file->since_ns < run->rules.lone_delay_ns)
			continue;
		if (!result->lone)
			result->lone = xcalloc(SCAN_LONE_MAX,
					       sizeof(*result->lone));
		struct scan_name *name = &result->lone[result->lone_count++];
		/* names of directory entries always fit */
		(void)text_copy(name->text, sizeof(name->text), file->name);
	}
}

/* A second link may be on its way from one folder to another, and a hidden
 * file may get its own name when it is complete. */
static bool is_due(const struct run *run, const struct scan_odd_file *file)
{
	bool may_change = file->why == SCAN_LINKS || file->why == SCAN_HIDDEN;
	return !may_change ||
	       run->mono_ns - file->since_ns >= run->rules.processing_delay_ns;
}

static void name_odd(struct run *run)
{
	struct scan_odd *odd = &run->odd;
	struct scan_result *result = &run->result;
	scan_odd_finish(odd);
	result->odd_seen = odd->seen;
	for (size_t i = 0; i < odd->count; i++) {
		const struct scan_odd_file *file = &odd->items[i];
		bool due = is_due(run, file);
		if (!due && file->why == SCAN_LINKS)
			note_settling(run, file->since_ns);
		if (!due || file->told)
			continue;
		if (!result->odd)
			result->odd = xcalloc(SCAN_ODD_MAX,
					      sizeof(*result->odd));
		struct scan_oddity *name = &result->odd[result->odd_count++];
		/* names of directory entries always fit */
		(void)text_copy(name->text, sizeof(name->text), file->name);
		name->why = scan_odd_text(file->why);
	}
}

/* The run has its rules, times and folder; the rest is set here. */
static int run_once(struct scan *scan, struct run *run, size_t most,
		    struct scan_result *ret, struct err *err)
{
	run->old = &scan->table;
	run->old_lone = &scan->lone;
	run->old_odd = &scan->odd;
	run->result = (struct scan_result){ .next_ns = -1, .oldest_s = -1 };
	int r = look_at_all(run, err);
	if (r == 0) {
		hand_out(run, most);
		name_lone(run);
		name_odd(run);
		table_release(&scan->table);
		scan_lone_release(&scan->lone);
		scan_odd_release(&scan->odd);
		scan->table = run->table;
		scan->lone = run->lone;
		scan->odd = run->odd;
		scan->begun_ns = run->mono_ns;
		*ret = run->result;
	} else {
		table_release(&run->table);
		scan_lone_release(&run->lone);
		scan_odd_release(&run->odd);
		if (err && err->scope == ERR_MESSAGE)
			err_widen(err, ERR_MAILBOX, err->retry);
	}
	free(run->ready);
	return r;
}

int scan_run(struct scan *scan, const struct boxdir *box,
	     const struct scan_rules *rules, int64_t mono_ns, int64_t wall_ns,
	     size_t most, struct scan_result *ret, struct err *err)
{
	struct run run = {
		.rules = *rules,
		.mono_ns = mono_ns,
		.wall_ns = wall_ns,
		.dir = box->out,
	};
	int r = run_once(scan, &run, most, ret, err);
	if (r < 0)
		err_prefix(err, "folder '%s/OUT'", box->root ? box->root : "");
	return r;
}

int scan_run_files(struct scan *scan, const struct scan_folder *folder,
		   const struct scan_rules *rules, int64_t mono_ns,
		   int64_t wall_ns, size_t most, struct scan_result *ret,
		   struct err *err)
{
	struct run run = {
		.rules = *rules,
		.mono_ns = mono_ns,
		.wall_ns = wall_ns,
		.dir = folder->fd,
		.folder = folder,
	};
	int r = run_once(scan, &run, most, ret, err);
	if (r < 0)
		err_prefix(err, "folder '%s'", folder->path);
	return r;
}

void scan_looked(struct scan *scan, int64_t mono_ns)
{
	int64_t begun_ns = scan->begun_ns;
	for (size_t i = 0; i < scan->table.count; i++)
		if (scan->table.items[i].since_ns == begun_ns)
			scan->table.items[i].since_ns = mono_ns;
	for (size_t i = 0; i < scan->lone.count; i++)
		if (scan->lone.items[i].since_ns == begun_ns)
			scan->lone.items[i].since_ns = mono_ns;
	for (size_t i = 0; i < scan->odd.count; i++)
		if (scan->odd.items[i].since_ns == begun_ns)
			scan->odd.items[i].since_ns = mono_ns;
}

void scan_result_release(struct scan_result *result)
{
	if (!result)
		return;
	free(result->ready);
	free(result->lone);
	free(result->odd);
	*result = (struct scan_result){ .next_ns = -1, .oldest_s = -1 };
}

void scan_stem(const char *name, char ret[TEXT_NAME_SIZE])
{
	size_t len = scan_names_stem(name);
	if (len > TEXT_NAME_SIZE - 1)
		len = TEXT_NAME_SIZE - 1;
	memcpy(ret, name, len);
	ret[len] = '\0';
}
