/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/pair.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "spool/boxdir.h"
#include "spool/job.h"

void pair_identity(const struct stat *st, struct scan_identity *ret)
{
	*ret = (struct scan_identity){
		.inode = (uint64_t)st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_ns = clock_ns(&st->st_mtim),
		.ctime_ns = clock_ns(&st->st_ctim),
	};
}

bool pair_same(const struct scan_identity *a, const struct scan_identity *b)
{
	return a->inode == b->inode && a->size == b->size &&
	       a->mtime_ns == b->mtime_ns;
}

/* Without an inode it is a file that we wrote and synced: its content is sure,
 * but its times and its number may be others after a power cut. */
static bool is_file(const struct stat *st, const struct scan_identity *wanted)
{
	struct scan_identity found;
	pair_identity(st, &found);
	bool same = wanted->inode == 0 ? found.size == wanted->size :
					 pair_same(&found, wanted);
	return S_ISREG(st->st_mode) && same;
}

static void temp_name(const struct job *job, const char *suffix,
		      char ret[TEXT_NAME_SIZE])
{
	(void)snprintf(ret, TEXT_NAME_SIZE, "%s.%s", job->id, suffix);
}

int pair_move(int from_dir, const char *from, int to_dir, const char *to,
	      bool *ret_gone, struct err *err)
{
	int r = fsx_move(from_dir, from, to_dir, to, err);
	if (r == 0)
		*ret_gone = false;
	if (r != -ERR_MISSING)
		return r;
	struct stat st;
	r = fsx_stat_at(from_dir, from, &st, NULL);
	if (r == 0)
		return err_set(err, ERR_IO,
			       "cannot move '%s': its new folder was removed; "
			       "restart to make it again",
			       from);
	if (r != -ERR_MISSING)
		return err_set(err, ERR_IO, "cannot look at '%s'", from);
	*ret_gone = true;
	return 0;
}

/* --- before the claim --- */

/* What its owner keeps from us, by mode or by lease, he may let us have; it says
 * nothing about other files. */
static int opened(int result, struct err *err)
{
	if (result == -ERR_DENIED || result == -ERR_BUSY)
		err_widen(err, ERR_MESSAGE, ERR_LATER);
	return result;
}

static int read_ctl(int fd, const char *name, struct ctl *ret, struct err *err)
{
	AUTO_BUF struct buf text;
	buf_init(&text, CTL_SIZE_MAX);
	int r = fsx_load_fd(fd, name, &text, err);
	if (r < 0)
		return r;
	r = ctl_read(text.data, text.len, ret, err);
	if (r < 0)
		err_prefix(err, "the control file '%s'", name);
	return r;
}

/* ERR_CHANGED when the open file is not as it was; err is kept otherwise. */
static int still_there(int fd, const char *name,
		       const struct scan_identity *wanted, struct err *err)
{
	struct stat st;
	struct err why;
	int r = fsx_stat(fd, name, &st, &why);
	if (r == 0 && is_file(&st, wanted))
		return 0;
	if (r == 0)
		r = err_set(&why, ERR_CHANGED,
			    "'%s' changed while it was in use", name);
	if (err)
		*err = why;
	return r;
}

int pair_read_out(const struct boxdir *box, const char *ctl_name,
		  struct ctl *ret, struct scan_identity *ret_identity,
		  struct err *err)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	int r = opened(fsx_open_read(box->out, ctl_name, &fd, &st, err), err);
	if (r < 0)
		return r;
	struct scan_identity identity;
	pair_identity(&st, &identity);
	struct ctl ctl;
	ctl_init(&ctl);
	r = read_ctl(fd, ctl_name, &ctl, err);
	/* what was read while it was written is no verdict, good or bad */
	int s = still_there(fd, ctl_name, &identity, err);
	if (s < 0)
		r = s;
	if (r < 0) {
		ctl_release(&ctl);
		return r;
	}
	*ret = ctl;
	*ret_identity = identity;
	return 0;
}

int pair_look(int folder, const char *name, const struct scan_identity *wanted,
	      struct err *err)
{
	AUTO_CLOSE int fd = -1;
	int r = opened(fsx_open_read(folder, name, &fd, NULL, err), err);
	return r < 0 ? r : still_there(fd, name, wanted, err);
}

/* --- the claim --- */

enum place {
	PLACE_NOWHERE,
	PLACE_TEMP,  /* the claimed file, or what somebody made of it */
	PLACE_OTHER, /* a file by that name where it was, but another one */
};

struct part {
	char temp[TEXT_NAME_SIZE];
	const char *name;		    /* for people */
	int dir;			    /* where it was; -1: nowhere */
	char from[TEXT_NAME_SIZE];	    /* its name there */
	const struct scan_identity *wanted; /* as it was there */
	enum place place;
};

/* dir: where the part of a pair was before the claim. */
static void part_init(struct part *part, const struct job *job, bool data,
		      int dir)
{
	temp_name(job, data ? "dat" : "ctl", part->temp);
	part->name = data ? job->dat_name : job->ctl_name;
	part->dir = dir;
	(void)text_copy(part->from, sizeof(part->from), part->name);
	part->wanted = data ? &job->dat : &job->ctl;
	part->place = PLACE_NOWHERE;
}

/* Looks where it was; ERR_MISSING also when there is no such folder. */
static int part_stat(const struct part *part, struct stat *ret, struct err *err)
{
	if (part->dir < 0)
		return err_set(err, ERR_MISSING, "'%s' is gone", part->name);
	return fsx_stat_at(part->dir, part->from, ret, err);
}

/* The name in TEMP may be durable while the one in OUT has come back: some file
 * systems log two folders one after the other. It is one file: the move is done
 * again, which takes the old name away. */
static int part_take_rest(const struct boxdir *box, const struct part *part,
			  const struct stat *in_temp, struct err *err)
{
	struct stat st = { .st_ino = 0 };
	int r = part_stat(part, &st, err);
	if (r == -ERR_MISSING)
		return 0;
	if (r < 0)
		return r;
	if (st.st_ino != in_temp->st_ino || st.st_dev != in_temp->st_dev)
		return 0; /* a new file by that name: another pair */
	bool gone = false;
	return pair_move(part->dir, part->from, box->temp, part->temp, &gone,
			 err);
}

static int part_take(const struct boxdir *box, struct part *part,
		     struct err *err)
{
	struct stat st;
	int r = fsx_stat_at(box->temp, part->temp, &st, err);
	if (r == 0) {
		part->place = PLACE_TEMP;
		return part_take_rest(box, part, &st, err);
	}
	if (r != -ERR_MISSING)
		return r;
	r = part_stat(part, &st, err);
	if (r == -ERR_MISSING)
		return 0;
	if (r < 0)
		return r;
	if (!is_file(&st, part->wanted)) {
		part->place = PLACE_OTHER;
		return 0;
	}
	bool gone = false;
	r = pair_move(part->dir, part->from, box->temp, part->temp, &gone, err);
	if (r == 0 && !gone)
		part->place = PLACE_TEMP;
	return r;
}

static int part_check(const struct boxdir *box, const struct part *part,
		      struct err *err)
{
	struct stat st;
	int r = fsx_stat_at(box->temp, part->temp, &st, err);
	if (r < 0)
		return r;
	if (is_file(&st, part->wanted))
		return 0;
	return err_set(err, ERR_CHANGED,
		       "'%s' was changed after it was looked at; wait until "
		       "files are complete before they are put there",
		       part->name);
}

static int data_lacks(const struct part *dat, struct err *err)
{
	if (dat->place == PLACE_OTHER)
		return err_set(err, ERR_CHANGED,
			       "the data file '%s' was replaced after it was "
			       "looked at",
			       dat->name);
	return err_set(err, ERR_CHANGED,
		       ".dat file is missing or inaccessible");
}

static int nothing_there(const struct job *job, struct err *err)
{
	return err_set(err, ERR_MISSING,
		       "'%s' was taken from %s or replaced before it could "
		       "be claimed",
		       *job->route ? job->dat_name : job->ctl_name,
		       *job->route ? job->route : "OUT");
}

/* Whether nothing of the pair was ever moved. Without its control file the
 * data is not ours, unless it has its name in TEMP: then it was claimed and
 * somebody removed the control file since. */
static int is_untouched(const struct boxdir *box, const struct part *ctl,
			const struct part *dat, bool *ret, struct err *err)
{
	*ret = false;
	if (ctl->place == PLACE_TEMP)
		return 0;
	struct stat st;
	int r = fsx_stat_at(box->temp, dat->temp, &st, err);
	*ret = r == -ERR_MISSING;
	return *ret ? 0 : r;
}

static int check_both(const struct boxdir *box, const struct part *ctl,
		      const struct part *dat, struct err *err)
{
	if (ctl->place != PLACE_TEMP)
		return err_set(err, ERR_CHANGED,
			       "the control file '%s' is missing from TEMP",
			       ctl->name);
	if (*dat->name && dat->place != PLACE_TEMP)
		return data_lacks(dat, err);
	int r = part_check(box, ctl, err);
	return r < 0 || !*dat->name ? r : part_check(box, dat, err);
}

static int take_both(const struct boxdir *box, const struct job *job,
		     struct err *err)
{
	struct part ctl;
	struct part dat;
	part_init(&ctl, job, false, box->out);
	part_init(&dat, job, true, box->out);
	int r = part_take(box, &ctl, err);
	if (r < 0)
		return r;
	bool untouched;
	r = is_untouched(box, &ctl, &dat, &untouched, err);
	if (r < 0)
		return r;
	if (untouched)
		return nothing_there(job, err);
	/* if we die here the control file is in TEMP, the data in OUT: the
	 * record says CLAIMED, so we come here again */
	if (*dat.name) {
		r = part_take(box, &dat, err);
		if (r < 0)
			return r;
	}
	r = fsx_sync_dir(box->temp, "TEMP", err);
	if (r < 0)
		return r;
	r = fsx_sync_dir(box->out, "OUT", err);
	if (r < 0)
		return r;
	/* if we die here the pair is in TEMP for good */
	return check_both(box, &ctl, &dat, err);
}

/* -1 when there is no such folder, or something else by its name: then the file
 * is not there either. */
static int open_route(const struct boxdir *box, const struct job *job,
		      int *ret_fd, struct err *err)
{
	*ret_fd = -1;
	int r = boxdir_open_folder(box, job->route, false, ret_fd, err);
	bool none = r == -ERR_MISSING || r == -ERR_UNSAFE || r == -ERR_CONFIG;
	return none ? 0 : r;
}

static int take_alone(const struct boxdir *box, const struct job *job,
		      struct err *err)
{
	AUTO_CLOSE int folder = -1;
	int r = open_route(box, job, &folder, err);
	if (r < 0)
		return r;
	struct part ctl;
	struct part dat;
	part_init(&dat, job, true, folder);
	part_init(&ctl, job, false, box->temp);
	temp_name(job, "route", ctl.from);
	r = part_take(box, &dat, err);
	if (r < 0)
		return r;
	struct stat st;
	if (dat.place != PLACE_TEMP) {
		r = fsx_stat_at(box->temp, ctl.temp, &st, err);
		if (r == -ERR_MISSING) /* it comes second: nothing was moved */
			return nothing_there(job, err);
		if (r < 0)
			return r;
	}
	/* if we die here the file is in TEMP and its control file still has
	 * the name of a claim that goes on: the record leads here again */
	r = part_take(box, &ctl, err);
	if (r == 0)
		r = fsx_sync_dir(box->temp, "TEMP", err);
	if (r == 0 && folder >= 0)
		r = fsx_sync_dir(folder, job->route, err);
	if (r < 0)
		return r;
	/* if we die here both are in TEMP for good, a pair like any other */
	return check_both(box, &ctl, &dat, err);
}

static int publish_collect(const struct boxdir *box, const struct job *job,
			   struct err *err)
{
	char temp[TEXT_NAME_SIZE];
	temp_name(job, "collect", temp);
	bool gone = false;
	int r = pair_move(box->temp, temp, box->in, job->collect_name, &gone,
			  err);
	if (r == -ERR_EXISTS) /* it told nothing that the archive does not */
		r = fsx_remove(box->temp, temp, err);
	if (r < 0)
		return r;
	/* if we die here the report may be seen in IN and come back to TEMP
	 * with a power cut; the next claim moves it again, same name */
	r = fsx_sync_dir(box->in, "IN", err);
	return r < 0 ? r : fsx_sync_dir(box->temp, "TEMP", err);
}

int pair_claim(const struct boxdir *box, const struct job *job, struct err *err)
{
	int r = *job->route ? take_alone(box, job, err) :
			      take_both(box, job, err);
	if (r < 0)
		return r;
	return *job->collect_name ? publish_collect(box, job, err) : 0;
}

bool pair_is_untouched(const struct boxdir *box, const struct job *job)
{
	static const char *const suffixes[] = { "ctl", "dat" };
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		char name[TEXT_NAME_SIZE];
		temp_name(job, suffixes[i], name);
		struct stat st;
		if (fsx_stat_at(box->temp, name, &st, NULL) != -ERR_MISSING)
			return false;
	}
	return true;
}

/* --- the claimed pair --- */

/* A writer can put mtime back, but not ctime. Our own moves change it too, and
 * there is none between the first POST and the last. */
static bool is_quiet(const struct stat *st, int64_t ctime_ns)
{
	return ctime_ns == 0 || clock_ns(&st->st_ctim) == ctime_ns;
}

static int open_claimed(const struct boxdir *box, const struct job *job,
			bool data, int *ret_fd, struct stat *ret_st,
			struct err *err)
{
	struct part part;
	part_init(&part, job, data, -1);
	AUTO_CLOSE int fd = -1;
	struct stat st;
	int r = opened(fsx_open_read(box->temp, part.temp, &fd, &st, err), err);
	if (r == -ERR_DENIED || r == -ERR_BUSY)
		err_prefix(err, "'%s'", part.name);
	if (r < 0)
		return r;
	if (!is_file(&st, part.wanted) ||
	    (data && !is_quiet(&st, job->dat_ctime_ns)))
		return err_set(err, ERR_CHANGED,
			       "'%s' was changed after it was claimed",
			       part.name);
	*ret_st = st;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int open_data(const struct boxdir *box, const struct job *job,
		     int *ret_fd, struct stat *ret_st, struct err *err)
{
	if (!*job->dat_name)
		return err_set(err, ERR_MISSING, "'%s' has no .dat file",
			       job->ctl_name);
	return open_claimed(box, job, true, ret_fd, ret_st, err);
}

int pair_read_claimed(const struct boxdir *box, const struct job *job,
		      struct ctl *ret, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	int r = open_claimed(box, job, false, &fd, &st, err);
	if (r < 0)
		return r;
	struct ctl ctl;
	ctl_init(&ctl);
	r = read_ctl(fd, job->ctl_name, &ctl, err);
	int s = still_there(fd, job->ctl_name, &job->ctl, err);
	if (s < 0)
		r = s;
	if (r < 0) {
		ctl_release(&ctl);
		return r;
	}
	*ret = ctl;
	return 0;
}

int pair_begin_data(const struct boxdir *box, struct job *job, int *ret_fd,
		    struct err *err)
{
	struct stat st = { .st_size = 0 };
	job->dat_ctime_ns = 0; /* that of an upload before this one */
	int r = open_data(box, job, ret_fd, &st, err);
	if (r == 0)
		job->dat_ctime_ns = clock_ns(&st.st_ctim);
	return r;
}

int pair_open_data(const struct boxdir *box, const struct job *job, int *ret_fd,
		   struct err *err)
{
	struct stat st;
	return open_data(box, job, ret_fd, &st, err);
}

int pair_still_same(int fd, const struct job *job, struct err *err)
{
	struct stat st;
	int r = fsx_stat(fd, job->dat_name, &st, err);
	if (r < 0)
		return r;
	if (is_file(&st, &job->dat) && is_quiet(&st, job->dat_ctime_ns))
		return 0;
	return err_set(err, ERR_CHANGED,
		       "'%s' was changed while it was being sent",
		       job->dat_name);
}
