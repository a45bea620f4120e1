/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/pair.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"
#include "spool/boxdir.h"
#include "spool/job.h"

#define CTL_ROOM ((size_t)1 << 20)
#define REPORTS_MAX 1000u
/* Group and owner; the umask has the last word. */
#define FILE_MODE 0660

static void temp_name(const struct job *job, const char *suffix,
		      char ret[TEXT_NAME_SIZE])
{
	(void)snprintf(ret, TEXT_NAME_SIZE, "%s.%s", job->id, suffix);
}

int pair_stage(const struct boxdir *box, const struct job *job,
	       const char *suffix, const struct ctl *ctl, struct err *err)
{
	AUTO_BUF struct buf text;
	buf_init(&text, CTL_ROOM);
	ctl_write(ctl, &text);
	char name[TEXT_NAME_SIZE];
	temp_name(job, suffix, name);
	return fsx_store(box->temp, name, FILE_MODE, text.data, text.len, false,
			 err);
}

int pair_stage_alone(const struct boxdir *box, struct job *job,
		     const struct ctl *ctl, struct err *err)
{
	int r = pair_stage(box, job, "route", ctl, err);
	if (r < 0)
		return r;
	char name[TEXT_NAME_SIZE];
	temp_name(job, "route", name);
	struct stat st;
	r = fsx_stat_at(box->temp, name, &st, err);
	if (r == 0)
		job->ctl = (struct scan_identity){
			.size = (uint64_t)st.st_size,
		};
	return r;
}

void pair_unstage(const struct boxdir *box, const struct job *job)
{
	static const char *const suffixes[] = { "route", "collect" };
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		char name[TEXT_NAME_SIZE];
		temp_name(job, suffixes[i], name);
		int r = fsx_remove(box->temp, name, NULL);
		(void)r; /* the sweep removes what stays */
	}
}

/* --- names --- */

/* From the last dot on; "" without one. */
static const char *extension(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot ? dot : "";
}

/* In the archive every data file can be told by its name. */
static const char *data_extension(const struct job *job)
{
	return *job->route ? ".dat" : extension(job->dat_name);
}

/* stem + tail, with the stem cut (between characters) so that it fits. */
static void join(const char *stem, const char *tail, char ret[TEXT_NAME_SIZE])
{
	size_t room = TEXT_NAME_SIZE - 1 - strlen(tail);
	size_t len = strlen(stem);
	if (len > room) {
		len = room;
		while (len > 0 && ((unsigned char)stem[len] & 0xc0) == 0x80)
			len--;
	}
	(void)snprintf(ret, TEXT_NAME_SIZE, "%.*s%s", (int)len, stem, tail);
}

void pair_name_alone(struct job *job, const char *name)
{
	(void)text_copy(job->dat_name, sizeof(job->dat_name), name);
	join(name, ".ctl", job->ctl_name);
}

/* The name of a file with "~ID" before its extension. */
static void aside_name(const struct job *job, const char *name,
		       char ret[TEXT_NAME_SIZE])
{
	char stem[TEXT_NAME_SIZE];
	scan_stem(name, stem);
	char tail[TEXT_NAME_SIZE];
	(void)snprintf(tail, sizeof(tail), "~%s%.16s", job->id,
		       extension(name));
	join(stem, tail, ret);
}

static int is_free(int dirfd, const char *name, bool *ret, struct err *err)
{
	struct stat st;
	int r = fsx_stat_at(dirfd, name, &st, err);
	if (r < 0 && r != -ERR_MISSING)
		return r;
	*ret = r == -ERR_MISSING;
	return 0;
}

static int stem_is_free(int dirfd, const struct job *job, const char *stem,
			bool *ret, struct err *err)
{
	char name[TEXT_NAME_SIZE];
	join(stem, extension(job->ctl_name), name);
	bool is = false;
	int r = is_free(dirfd, name, &is, err);
	if (r == 0 && is && *job->dat_name) {
		join(stem, data_extension(job), name);
		r = is_free(dirfd, name, &is, err);
	}
	if (r == 0)
		*ret = is;
	return r;
}

static int archive_dir(const struct boxdir *box, bool failed)
{
	return failed ? box->failed : box->sent;
}

int pair_choose_stem(const struct boxdir *box, const struct job *job,
		     bool failed, char ret[TEXT_NAME_SIZE], struct err *err)
{
	char own[TEXT_NAME_SIZE];
	scan_stem(job->ctl_name, own);
	bool is = false;
	int r = stem_is_free(archive_dir(box, failed), job, own, &is, err);
	if (r < 0)
		return r;
	if (is) {
		memcpy(ret, own, TEXT_NAME_SIZE);
		return 0;
	}
	char name[TEXT_NAME_SIZE];
	aside_name(job, job->ctl_name, name);
	char other[TEXT_NAME_SIZE];
	scan_stem(name, other);
	r = stem_is_free(archive_dir(box, failed), job, other, &is, err);
	if (r < 0)
		return r;
	if (!is)
		return err_set(err, ERR_EXISTS,
			       "both '%s' and '%s' are taken in %s: move one "
			       "of them away",
			       own, other, failed ? "FAILED" : "SENT");
	memcpy(ret, other, TEXT_NAME_SIZE);
	return 0;
}

int pair_choose_report(const struct boxdir *box, const char *ctl_name,
		       const char *event, const char *stamp,
		       char ret[TEXT_NAME_SIZE], struct err *err)
{
	char stem[TEXT_NAME_SIZE];
	scan_stem(ctl_name, stem);
	for (unsigned n = 0; n < REPORTS_MAX; n++) {
		char count[16] = "";
		if (n > 0)
			(void)snprintf(count, sizeof(count), "_%u", n);
		char tail[TEXT_NAME_SIZE];
		(void)snprintf(tail, sizeof(tail), "_%.32s_%.32s%s.ctl", event,
			       stamp, count);
		char name[TEXT_NAME_SIZE];
		join(stem, tail, name);
		bool is = false;
		int r = is_free(box->in, name, &is, err);
		if (r < 0)
			return r;
		if (is) {
			memcpy(ret, name, TEXT_NAME_SIZE);
			return 0;
		}
	}
	return err_set(err, ERR_EXISTS,
		       "IN is full of reports about '%s': collect them",
		       ctl_name);
}

/* --- the archive --- */

/* Moves TEMP/ID.suffix there, beside a stranger by that name. */
static int move_out(const struct boxdir *box, const struct job *job,
		    const char *suffix, int to_dir, const char *to,
		    struct err *err)
{
	char temp[TEXT_NAME_SIZE];
	temp_name(job, suffix, temp);
	bool gone = false;
	int r = pair_move(box->temp, temp, to_dir, to, &gone, err);
	if (r != -ERR_EXISTS)
		return r;
	/* the source is still there, so what has the name is not ours */
	char aside[TEXT_NAME_SIZE];
	aside_name(job, to, aside);
	return pair_move(box->temp, temp, to_dir, aside, &gone, err);
}

static int drop(const struct boxdir *box, const struct job *job,
		const char *suffix, struct err *err)
{
	char temp[TEXT_NAME_SIZE];
	temp_name(job, suffix, temp);
	return fsx_remove(box->temp, temp, err);
}

static int keep_pair(const struct boxdir *box, const struct job *job,
		     struct err *err)
{
	int dir = archive_dir(box, job->failed);
	char name[TEXT_NAME_SIZE];
	if (*job->dat_name) {
		join(job->archive_stem, data_extension(job), name);
		int r = move_out(box, job, "dat", dir, name, err);
		if (r < 0)
			return r;
	}
	/* if we die here the data is archived; its control file, which says
	 * that it is complete, follows */
	join(job->archive_stem, extension(job->ctl_name), name);
	return move_out(box, job, "new", dir, name, err);
}

static int drop_pair(const struct boxdir *box, const struct job *job,
		     struct err *err)
{
	int r = drop(box, job, "dat", err);
	/* if we die here the server has it all, and the record says so */
	return r < 0 ? r : drop(box, job, "new", err);
}

/* A control file that nobody could read is evidence. */
static int keep_original(const struct boxdir *box, const struct job *job,
			 struct err *err)
{
	char name[TEXT_NAME_SIZE];
	int dir = archive_dir(box, job->failed);
	join(job->archive_stem, ".ctl.original", name);
	int r = move_out(box, job, "ctl", dir, name, err);
	return r < 0 ? r : fsx_sync_dir(dir, "FAILED", err);
}

/* The old control file goes last, when all that replaces it is durable. */
static int drop_rest(const struct boxdir *box, const struct job *job,
		     struct err *err)
{
	int r = drop(box, job, "collect", err); /* of a claim that failed */
	if (r < 0)
		return r;
	r = job->keep_original ? keep_original(box, job, err) :
				 drop(box, job, "ctl", err);
	if (r < 0)
		return r;
	return fsx_sync_dir(box->temp, "TEMP", err);
}

int pair_archive(const struct boxdir *box, const struct job *job, bool keep,
		 struct err *err)
{
	assert(job->state == JOB_ARCHIVING && (keep || !job->failed));
	int r = keep ? keep_pair(box, job, err) : drop_pair(box, job, err);
	if (r < 0)
		return r;
	r = fsx_sync_dir(archive_dir(box, job->failed),
			 job->failed ? "FAILED" : "SENT", err);
	if (r < 0)
		return r;
	/* if we die here the pair is in the archive; nobody was told yet */
	if (*job->report_name) {
		r = move_out(box, job, "report", box->in, job->report_name,
			     err);
		if (r < 0)
			return r;
	}
	r = fsx_sync_dir(box->in, "IN", err);
	if (r < 0)
		return r;
	/* if we die here only the claimed control file is left in TEMP */
	return drop_rest(box, job, err);
}

void pair_archived(const struct boxdir *box, const struct job *job, bool data,
		   char ret[TEXT_NAME_SIZE])
{
	int dir = archive_dir(box, job->failed);
	char name[TEXT_NAME_SIZE];
	char aside[TEXT_NAME_SIZE];
	ret[0] = '\0';
	if (data && !*job->dat_name)
		return;
	join(job->archive_stem,
	     data ? data_extension(job) : extension(job->ctl_name), name);
	aside_name(job, name, aside);
	/* where both are, the name without our id is the stranger's */
	struct stat st;
	if (fsx_stat_at(dir, aside, &st, NULL) == 0)
		memcpy(ret, aside, TEXT_NAME_SIZE);
	else if (fsx_stat_at(dir, name, &st, NULL) == 0)
		memcpy(ret, name, TEXT_NAME_SIZE);
}
