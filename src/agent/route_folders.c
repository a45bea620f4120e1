/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/route_folders.h"

#include <assert.h>
#include <stdlib.h>

#include "agent/claim.h"
#include "agent/left_alone.h"
#include "agent/mailbox.h"
#include "agent/route.h"
#include "agent/turn.h"
#include "agent/withheld.h"
#include "base/clock.h"
#include "base/fsx.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "spool/pair.h"
#include "spool/scan.h"

struct route_folder {
	const struct conf_mailbox *set; /* borrowed */
	const char *name;		/* borrowed from set */
	char *path;			/* owned; for messages */
	int fd;
	struct scan *scan;
};

struct route_folders {
	struct route_folder *items; /* owned */
	size_t count;
};

/* --- open --- */

static bool has_folder(const struct route_folders *folders, const char *name)
{
	for (size_t i = 0; i < folders->count; i++)
		if (text_equal_nocase(folders->items[i].name, name))
			return true;
	return false;
}

static int open_one(struct route_folders *folders, const struct boxdir *dir,
		    const struct conf_mailbox *set, const char *name,
		    struct err *err)
{
	struct route_folder *folder = &folders->items[folders->count];
	*folder = (struct route_folder){ .set = set, .name = name, .fd = -1 };
	int r = boxdir_open_folder(dir, name, true, &folder->fd, err);
	if (r < 0) {
		if (err->scope == ERR_MESSAGE)
			err_widen(err, ERR_MAILBOX, err->retry);
		err_prefix(err, "%s: a route's folder cannot be used",
			   set->file);
		return r;
	}
	folder->path = xasprintf("%s/%s", dir->root, name);
	folder->scan = scan_new();
	folders->count++;
	return 0;
}

int route_folders_open(const struct boxdir *dir, const struct conf_mailbox *set,
		       struct route_folders **ret, struct err *err)
{
	struct route_folders *folders = xcalloc(1, sizeof(*folders));
	folders->items = xcalloc(set->route_count, sizeof(*folders->items));
	int r = 0;
	for (size_t i = 0; i < set->route_count && r == 0; i++)
		if (!has_folder(folders, set->routes[i].folder))
			r = open_one(folders, dir, set, set->routes[i].folder,
				     err);
	if (r < 0) {
		(void)route_folders_free(folders);
		return r;
	}
	*ret = folders;
	return 0;
}

struct route_folders *route_folders_free(struct route_folders *folders)
{
	if (!folders)
		return NULL;
	for (size_t i = 0; i < folders->count; i++) {
		struct route_folder *folder = &folders->items[i];
		mem_auto_close(&folder->fd);
		free(folder->path);
		folder->scan = scan_free(folder->scan);
	}
	free(folders->items);
	free(folders);
	return NULL;
}

size_t route_folders_count(const struct route_folders *folders)
{
	return folders->count;
}

int route_folders_fd(const struct route_folders *folders, size_t i)
{
	return folders->items[i].fd;
}

/* --- claim --- */

static bool is_wanted(const void *ctx, const char *name)
{
	const struct route_folder *folder = ctx;
	char to[TEXT_NAME_SIZE];
	return route_find(folder->set, folder->name, name, to);
}

static void make_control(const struct route_folder *folder, const char *name,
			 int64_t now, struct ctl *ret)
{
	char stamp[CLOCK_STAMP_SIZE];
	clock_stamp_local(now, stamp);
	char to[TEXT_NAME_SIZE];
	const struct conf_route *route = route_find(folder->set, folder->name,
						    name, to);
	assert(route); /* the scan asked is_wanted */
	const struct route_file file = {
		.name = name,
		.to = to,
		.stamp = stamp,
	};
	route_control(route, folder->set->id, &file, ret);
}

/* The control file comes first, so that a record always finds it. */
static int claim(struct turn *turn, const struct route_folder *folder,
		 const struct scan_pair *file, struct err *err)
{
	const struct boxdir *dir = &turn->mailbox->dir;
	int64_t now = clock_wall_ns();
	struct job job;
	job_init(&job);
	job_make_id(now, job.id);
	(void)text_copy(job.route, sizeof(job.route), folder->name);
	pair_name_alone(&job, file->dat_name);
	job.dat = file->dat;
	struct ctl ctl;
	make_control(folder, file->dat_name, now, &ctl);
	/* if we die in it, what is in TEMP belongs to no record */
	int r = pair_stage_alone(dir, &job, &ctl, err);
	if (r == 0)
		r = claim_begin(turn, &job, &ctl, now, err);
	ctl_release(&ctl);
	return r;
}

/* Somebody took it, or goes on with it: it is looked at anew. */
static bool has_moved(int r)
{
	return r == -ERR_MISSING || r == -ERR_CHANGED || r == -ERR_UNSAFE;
}

static int claim_file(struct turn *turn, struct route_folder *folder,
		      const struct scan_pair *file, struct err *err)
{
	if (claim_is_pending(turn->mailbox, folder->name, file->dat_name)) {
		withheld_behind(folder->scan, file->dat_name);
		return 0;
	}
	int r = pair_look(folder->fd, file->dat_name, &file->dat, err);
	if (r == 0)
		r = claim(turn, folder, file, err);
	else if (has_moved(r))
		r = 0;
	if (r == 0) {
		scan_forget(folder->scan, file->dat_name);
		return 0;
	}
	err_prefix(err, "folder '%s'", folder->path);
	if (!withheld_is(err))
		return r;
	turn->denied = true;
	withheld_pair(turn->mailbox, folder->scan, file, err);
	return 0;
}

static void note(struct turn *turn, const struct scan_result *result,
		 size_t room, int64_t now)
{
	struct mailbox *mailbox = turn->mailbox;
	mailbox->now.settling += result->settling;
	mailbox->now.waiting += result->waiting;
	if (result->put_off > 0)
		turn->denied = true;
	if (mailbox->now.oldest_s < result->oldest_s)
		mailbox->now.oldest_s = result->oldest_s;
	if (result->next_ns >= 0 &&
	    mailbox->scan_due_ns > now + result->next_ns)
		mailbox->scan_due_ns = now + result->next_ns;
	if (room > 0 && result->count == room)
		mailbox->scan_due_ns = 0; /* there may be more */
}

/* What is dropped into a folder that another has replaced is seen by nobody:
 * an application may put its folder aside and make a new one for each run. */
static int renew(const struct turn *turn, struct route_folder *folder,
		 struct err *err)
{
	bool other = false;
	int r = boxdir_renew_folder(&turn->mailbox->dir, folder->name,
				    &folder->fd, &other, err);
	if (r < 0) {
		err_prefix(err, "a route's folder cannot be used");
		return r;
	}
	if (!other)
		return 0;
	log_event(LOG_LEVEL_NOTICE, "folder-replaced", turn->mailbox->set->id,
		  "folder=\"%s\" result=\"files are taken from the new one\"",
		  folder->path);
	folder->scan = scan_free(folder->scan);
	folder->scan = scan_new();
	return 0;
}

/* Without that right no claim would end well. */
static int may_change(const struct route_folder *folder, struct err *err)
{
	int r = fsx_check_dir(folder->fd, err);
	if (r < 0)
		err_prefix(err, "folder '%s'", folder->path);
	return r;
}

static int look_at(struct turn *turn, struct route_folder *folder,
		   struct err *err)
{
	int r = renew(turn, folder, err);
	if (r == 0)
		r = may_change(folder, err);
	if (r < 0)
		return r;
	const struct scan_folder where = {
		.fd = folder->fd,
		.path = folder->path,
		.wanted = is_wanted,
		.ctx = folder,
	};
	const struct scan_rules rules = {
		.processing_delay_ns = turn->conf->processing_delay_ns,
	};
	size_t room = claim_room(turn->mailbox);
	struct scan_result result;
	r = scan_run_files(folder->scan, &where, &rules, clock_mono_ns(),
			   clock_wall_ns(), room, &result, err);
	if (r < 0)
		return r;
	int64_t now = clock_mono_ns();
	scan_looked(folder->scan, now);
	note(turn, &result, room, now);
	for (size_t i = 0; i < result.count && r == 0; i++)
		r = claim_file(turn, folder, &result.ready[i], err);
	left_alone_tell(turn->mailbox, folder->scan, folder->name, &result);
	scan_result_release(&result);
	return r;
}

int route_folders_claim(struct turn *turn, struct err *err)
{
	struct route_folders *folders = turn->mailbox->routes;
	int first = 0;
	for (size_t i = 0; i < folders->count; i++) {
		struct err why;
		int r = look_at(turn, &folders->items[i], &why);
		if (r < 0 && (first == 0 || r == -ERR_SYNC)) {
			first = r;
			*err = why;
		}
		if (r == -ERR_SYNC)
			break;
	}
	return first;
}
