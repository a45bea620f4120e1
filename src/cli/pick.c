/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "cli/pick.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "conf/conf.h"
#include "spool/boxdir.h"
#include "spool/scan.h"

#define NAMES_MAX 512

struct search {
	const char *name;
	struct pick found; /* the first */
	size_t count;
	bool exact;	   /* found has that id: nothing else is meant */
	struct buf *names; /* for a complaint */
	bool cut;	   /* there was no room for all */
};

static void add(struct search *search, const struct conf_mailbox *set,
		const char id[JOB_ID_SIZE])
{
	search->exact = strcmp(id, search->name) == 0;
	if (search->count == 0 || search->exact) {
		search->found.set = set;
		memcpy(search->found.id, id, JOB_ID_SIZE);
	}
	if (!buf_printf(search->names, "%s%s (%s)",
			search->count == 0 ? "" : ", ", id, set->id))
		search->cut = true;
	search->count++;
}

static bool has_stem(const struct job *job, const char *stem)
{
	char own[TEXT_NAME_SIZE];
	scan_stem(job->ctl_name, own);
	return strcmp(own, stem) == 0;
}

static int look_at(struct search *search, const struct boxdir *box,
		   const struct conf_mailbox *set, const char id[JOB_ID_SIZE],
		   struct err *err)
{
	if (strncmp(id, search->name, strlen(search->name)) == 0) {
		add(search, set, id);
		return 0;
	}
	struct job job;
	bool torn;
	job_init(&job);
	int r = job_load(&job, box->jobs, id, false, &torn, err);
	if (r == -(int)ERR_MISSING || r == -(int)ERR_CORRUPT ||
	    r == -(int)ERR_INVALID || r == -(int)ERR_UNSAFE)
		return 0; /* gone, or it does not tell its files' name */
	if (r < 0)
		return r;
	if (has_stem(&job, search->name))
		add(search, set, id);
	job_release(&job);
	return 0;
}

static int search_box(struct search *search, int state_dir,
		      const struct conf_mailbox *set, struct err *err)
{
	struct boxdir box;
	boxdir_init(&box);
	int r = boxdir_open_state(&box, set->id, state_dir, err);
	if (r == -(int)ERR_MISSING)
		return 0; /* meshdropd has not served it yet */
	if (r < 0)
		return r;
	struct job_list list = { .ids = NULL };
	r = job_list_read(box.jobs, &list, err);
	for (size_t i = 0; i < list.count && r == 0 && !search->exact; i++)
		r = look_at(search, &box, set, list.ids[i], err);
	job_list_release(&list);
	boxdir_release(&box);
	return r;
}

static int search_all(struct search *search, const struct conf *conf,
		      const struct conf_mailbox *only, struct err *err)
{
	AUTO_CLOSE int state_dir = -1;
	int r = fsx_open_root(conf->state_dir, &state_dir, err);
	if (r == -(int)ERR_MISSING)
		return 0; /* meshdropd has not run yet */
	for (size_t i = 0; i < conf->mailbox_count && r == 0; i++) {
		const struct conf_mailbox *set = &conf->mailboxes[i];
		if ((!only || set == only) && !search->exact)
			r = search_box(search, state_dir, set, err);
	}
	return r;
}

bool pick_job(struct cmd_run *run, const struct conf *conf,
	      const struct conf_mailbox *only, const char *name,
	      struct pick *ret)
{
	struct err err;
	AUTO_BUF struct buf names;
	buf_init(&names, NAMES_MAX);
	struct search search = { .name = name, .names = &names };
	int r = name[0] != '\0' ? search_all(&search, conf, only, &err) : 0;
	if (r == 0 && (search.count == 1 || search.exact)) {
		*ret = search.found;
		return true;
	}
	run->exit = CMD_FAILED;
	if (r < 0)
		cmd_fail(run, &err);
	else if (search.count == 0)
		cmd_complain("there is no job '%.128s': 'meshdrop list' shows "
			     "what is on its way",
			     name);
	else
		cmd_complain("'%.128s' may be any of %zu jobs: %s%s", name,
			     search.count, names.data,
			     search.cut ? " ..." : "");
	return false;
}
