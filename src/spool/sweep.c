/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/sweep.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"
#include "spool/boxdir.h"
#include "spool/ctl.h"
#include "spool/delivery.h"
#include "spool/job.h"
#include "spool/pair.h"

#define NAMES_MAX 100u

enum kind {
	KIND_FOREIGN,
	KIND_PAIR, /* ID.ctl or ID.dat of a job: never removed */
	KIND_JOB,  /* what was made for a job */
	KIND_PART, /* of a message */
	KIND_CTL,  /* perhaps of a message */
};

struct leftover {
	enum kind kind;
	char id[TEXT_NAME_SIZE]; /* of the job or message */
	char record[TEXT_NAME_SIZE];
};

static bool is_one_of(const char *suffix, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(suffix, *list) == 0)
			return true;
	return false;
}

static enum kind kind_of(const char *id, const char *suffix)
{
	static const char *const of_pair[] = { "ctl", "dat", NULL };
	static const char *const of_job[] = { "new", "report", "collect",
					      "route", NULL };
	if (job_is_id(id)) {
		if (is_one_of(suffix, of_pair))
			return KIND_PAIR;
		return is_one_of(suffix, of_job) ? KIND_JOB : KIND_FOREIGN;
	}
	if (!text_is_message_id(id))
		return KIND_FOREIGN;
	if (strcmp(suffix, "part") == 0 || strcmp(suffix, "second") == 0)
		return KIND_PART;
	return strcmp(suffix, "ctl") == 0 ? KIND_CTL : KIND_FOREIGN;
}

/* ".NAME.new" is NAME while fsx_store writes it: never a claimed pair, and
 * never complete. */
static bool strip_store(const char *name, char ret[TEXT_NAME_SIZE])
{
	static const char tail[] = ".new";
	size_t len = strlen(name);
	size_t cut = strlen(tail);
	if (*name != '.' || len < cut + 2 ||
	    strcmp(name + len - cut, tail) != 0)
		return text_copy(ret, TEXT_NAME_SIZE, name) && false;
	(void)snprintf(ret, TEXT_NAME_SIZE, "%.*s", (int)(len - cut - 1),
		       name + 1);
	return true;
}

static void classify(const char *name, struct leftover *ret)
{
	char plain[TEXT_NAME_SIZE];
	bool unfinished = strip_store(name, plain);
	*ret = (struct leftover){ .kind = KIND_FOREIGN };
	char *dot = strchr(plain, '.');
	if (!dot)
		return;
	*dot = '\0';
	ret->kind = kind_of(plain, dot + 1);
	if (unfinished && ret->kind != KIND_FOREIGN)
		ret->kind = job_is_id(plain) ? KIND_JOB : KIND_PART;
	memcpy(ret->id, plain, sizeof(ret->id));
	(void)snprintf(ret->record, sizeof(ret->record), "%.200s%s", plain,
		       job_is_id(plain) ? JOB_SUFFIX : DELIVERY_SUFFIX);
}

static int has_record(const struct boxdir *box, const struct leftover *found,
		      bool *ret, struct err *err)
{
	int dir = job_is_id(found->id) ? box->jobs : box->inbound;
	struct stat st;
	int r = fsx_stat_at(dir, found->record, &st, err);
	if (r < 0 && r != -ERR_MISSING)
		return r;
	*ret = r == 0;
	return 0;
}

/* Somebody's control file may have any name; ours names its message. */
static bool is_message_ctl(const struct boxdir *box, const char *name,
			   const char *id)
{
	AUTO_BUF struct buf text;
	buf_init(&text, CTL_SIZE_MAX);
	if (fsx_load(box->temp, name, &text, NULL) < 0)
		return false;
	struct ctl ctl;
	ctl_init(&ctl);
	bool is = ctl_read(text.data, text.len, &ctl, NULL) == 0 &&
		  strcmp(ctl_get(&ctl, CTL_DTS_ID), id) == 0;
	ctl_release(&ctl);
	return is;
}

/* By the later of both times: one of them was set by us, now or then. */
static int is_old(const struct boxdir *box, const char *name, int64_t before_ns,
		  bool *ret, struct err *err)
{
	struct stat st;
	int r = fsx_stat_at(box->temp, name, &st, err);
	if (r < 0)
		return r;
	struct scan_identity file;
	pair_identity(&st, &file);
	*ret = S_ISREG(st.st_mode) && file.mtime_ns < before_ns &&
	       file.ctime_ns < before_ns;
	return 0;
}

/* Its name in OUT was in the record. Both files get the same stem by
 * themselves: nobody else uses one with this id, so that a death between them
 * does not part them. */
static int give_back(const struct boxdir *box, const char *name, const char *id,
		     struct err *err)
{
	const char *extension = strrchr(name, '.');
	int r = -ERR_EXISTS;
	for (unsigned n = 0; r == -ERR_EXISTS && n < NAMES_MAX; n++) {
		char count[16] = "";
		if (n > 0)
			(void)snprintf(count, sizeof(count), "~%u", n);
		char to[TEXT_NAME_SIZE];
		(void)snprintf(to, sizeof(to), "%.64s%s%.8s", id, count,
			       extension);
		bool gone = false; /* then it needs no other name either */
		r = pair_move(box->temp, name, box->out, to, &gone, err);
	}
	return r;
}

/* The control file of a route's file may have its first name still: without it
 * the data would lie in OUT and nobody could say to whom it goes. */
static int complete_pair(const struct boxdir *box, const char *id,
			 struct err *err)
{
	char from[TEXT_NAME_SIZE];
	char to[TEXT_NAME_SIZE];
	(void)snprintf(from, sizeof(from), "%.64s.route", id);
	(void)snprintf(to, sizeof(to), "%.64s.ctl", id);
	bool gone = false;
	int r = pair_move(box->temp, from, box->temp, to, &gone, err);
	if (r == -ERR_EXISTS)
		return 0; /* then it has one, and the other one gets old */
	/* if we die here both are a pair in TEMP, as they will be in OUT */
	return r < 0 || gone ? r : give_back(box, to, id, err);
}

struct sweep {
	const struct boxdir *box;
	int64_t before_ns;
	size_t removed;
	size_t returned;
};

static int remove_old(struct sweep *sweep, const char *name,
		      const struct leftover *found, struct err *err)
{
	bool old = false;
	int r = is_old(sweep->box, name, sweep->before_ns, &old, err);
	if (r == -ERR_MISSING)
		return 0;
	if (r < 0 || !old ||
	    (found->kind == KIND_CTL &&
	     !is_message_ctl(sweep->box, name, found->id)))
		return r;
	r = fsx_remove(sweep->box->temp, name, err);
	if (r == 0)
		sweep->removed++;
	return r;
}

/* We never made a folder there, and one of somebody else's may be ours to see
 * but not to move: it must not hold up a start. */
static bool is_folder(const struct boxdir *box, const char *name)
{
	struct stat st;
	return fsx_stat_at(box->temp, name, &st, NULL) == 0 &&
	       S_ISDIR(st.st_mode);
}

static int sweep_one(struct sweep *sweep, const char *name, struct err *err)
{
	struct leftover found;
	classify(name, &found);
	if (found.kind == KIND_FOREIGN || is_folder(sweep->box, name))
		return 0;
	bool known = true;
	int r = has_record(sweep->box, &found, &known, err);
	if (r < 0 || known)
		return r;
	if (found.kind != KIND_PAIR)
		return remove_old(sweep, name, &found, err);
	if (strcmp(strrchr(name, '.'), ".dat") == 0)
		r = complete_pair(sweep->box, found.id, err);
	/* if we die here the rest of the pair follows next time */
	if (r == 0)
		r = give_back(sweep->box, name, found.id, err);
	if (r == 0)
		sweep->returned++;
	return r;
}

static int sweep_all(struct sweep *sweep, struct fsx_dir *dir, struct err *err)
{
	for (;;) {
		const char *name = NULL;
		int r = fsx_dir_next(dir, &name, err);
		if (r < 0 || !name)
			return r;
		r = sweep_one(sweep, name, err);
		if (r < 0)
			return r;
	}
}

int sweep_temp(const struct boxdir *box, int64_t wall_ns, int64_t age_ns,
	       size_t *ret_removed, size_t *ret_returned, struct err *err)
{
	struct sweep sweep = { .box = box, .before_ns = wall_ns - age_ns };
	struct fsx_dir *dir = NULL;
	int r = fsx_dir_open(box->temp, &dir, err);
	if (r < 0)
		return r;
	r = sweep_all(&sweep, dir, err);
	(void)fsx_dir_close(dir);
	if (r == 0)
		r = fsx_sync_dir(box->out, "OUT", err);
	if (r == 0)
		r = fsx_sync_dir(box->temp, "TEMP", err);
	if (r < 0)
		return r;
	*ret_removed = sweep.removed;
	*ret_returned = sweep.returned;
	return 0;
}
