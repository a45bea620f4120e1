/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/text.h"
#include "spool/boxdir.h"
#include "spool/delivery.h"
#include "spool/job.h"
#include "spool/record.h"
#include "spool/scan.h"

#define LEDGER_FILE_MAX ((size_t)1 << 30)

struct verify {
	const struct boxdir *box;
	verify_say_fn *say;
	void *ctx;
	struct verify_count count;
};

__attribute__((format(printf, 2, 3))) static void say(struct verify *verify,
						      const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* may be cut */
	va_end(ap);
	verify->say(verify->ctx, text);
}

/* Runs one check on every name of a folder. */
static int each_name(struct verify *verify, int dirfd,
		     int (*check)(struct verify *verify, const char *name,
				  struct err *err),
		     struct err *err)
{
	struct fsx_dir *dir;
	int r = fsx_dir_open(dirfd, &dir, err);
	if (r < 0)
		return r;
	for (;;) {
		const char *name;
		r = fsx_dir_next(dir, &name, err);
		if (r < 0 || !name)
			break;
		r = check(verify, name, err);
		if (r < 0)
			break;
	}
	(void)fsx_dir_close(dir); /* always NULL */
	return r;
}

static bool exists(int dirfd, const char *stem, const char *suffix)
{
	char name[TEXT_NAME_SIZE];
	struct stat st;
	int n = snprintf(name, sizeof(name), "%s%s", stem, suffix);
	return n > 0 && (size_t)n < sizeof(name) &&
	       fsx_stat_at(dirfd, name, &st, NULL) == 0;
}

/* --- jobs --- */

/* Where the state says that the pair is in TEMP. */
static bool owns_pair(const struct job *job)
{
	return job->state != JOB_CLAIMED && job->state != JOB_REJECTED &&
	       job->state != JOB_ARCHIVING;
}

/* A file of a route whose claim may not be finished. */
static void check_route(struct verify *verify, const struct job *job)
{
	const struct boxdir *box = verify->box;
	AUTO_CLOSE int folder = -1;
	bool there = exists(box->temp, job->id, ".dat");
	if (!there &&
	    boxdir_open_folder(box, job->route, false, &folder, NULL) == 0)
		there = exists(folder, job->dat_name, "");
	if (!there)
		say(verify,
		    "job %s is CLAIMED, but '%s' is neither in %s nor in TEMP",
		    job->id, job->dat_name, job->route);
	if (!exists(box->temp, job->id, ".ctl") &&
	    !exists(box->temp, job->id, ".route"))
		say(verify,
		    "job %s is CLAIMED, but neither TEMP/%s.ctl nor "
		    "TEMP/%s.route is there",
		    job->id, job->id, job->id);
}

static void check_files(struct verify *verify, const struct job *job)
{
	const struct boxdir *box = verify->box;
	const char *state = job_state_name(job->state);
	if (owns_pair(job) && !exists(box->temp, job->id, ".ctl"))
		say(verify, "job %s is %s, but TEMP/%s.ctl is missing", job->id,
		    state, job->id);
	if (owns_pair(job) && job->dat_name[0] != '\0' &&
	    !exists(box->temp, job->id, ".dat"))
		say(verify, "job %s is %s, but TEMP/%s.dat is missing", job->id,
		    state, job->id);
	if (job->state == JOB_CLAIMED && *job->route)
		check_route(verify, job);
	else if (job->state == JOB_CLAIMED &&
		 !exists(box->temp, job->id, ".ctl") &&
		 !exists(box->out, job->ctl_name, ""))
		say(verify,
		    "job %s is CLAIMED, but '%s' is neither in OUT nor "
		    "in TEMP",
		    job->id, job->ctl_name);
}

/* It ended while we looked; or it is being made, and has no line yet: a start
 * throws such a one away, nothing came of it. */
static bool is_nothing(int r)
{
	return r == -ERR_MISSING || r == -ERR_CORRUPT;
}

static int check_job(struct verify *verify, const char *id, struct err *err)
{
	struct job job;
	job_init(&job);
	bool torn = false;
	int r = job_load(&job, verify->box->jobs, id, false, &torn, err);
	if (is_nothing(r))
		return 0;
	verify->count.jobs++;
	if (r == -ERR_INVALID) {
		say(verify, "%s", err->text);
		r = 0;
	} else if (r == 0) {
		check_files(verify, &job);
	}
	job_release(&job);
	return r;
}

static int check_jobs(struct verify *verify, struct err *err)
{
	struct job_list list;
	int r = job_list_read(verify->box->jobs, &list, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.count && r == 0; i++)
		r = check_job(verify, list.ids[i], err);
	job_list_release(&list);
	return r;
}

/* --- deliveries --- */

struct last_line {
	char state[RECORD_STATE_SIZE];
	bool report;
};

static int keep_last(void *ctx, const struct record_line *line, struct err *err)
{
	struct last_line *last = ctx;
	(void)err;
	const char *report = record_get(line, "report");
	memcpy(last->state, line->state, sizeof(last->state));
	last->report = report && strcmp(report, "yes") == 0;
	return 0;
}

/* A part that should be there is missing: what was fetched is fetched again,
 * no more; said because nobody but us should touch TEMP. */
static int check_delivery(struct verify *verify, const char *name,
			  struct err *err)
{
	char id[TEXT_NAME_SIZE];
	scan_stem(name, id);
	struct record record;
	record_init(&record);
	struct last_line last = { .state = "" };
	bool torn = false;
	int r = record_open(&record, verify->box->inbound, name, false,
			    keep_last, &last, &torn, err);
	record_close(&record);
	if (is_nothing(r))
		return 0;
	verify->count.deliveries++;
	if (r == -ERR_INVALID) {
		say(verify, "%s", err->text);
		return 0;
	}
	if (r == 0 && strcmp(last.state, "FETCHING") == 0 &&
	    !exists(verify->box->temp, id, ".part"))
		say(verify,
		    "message %s is being fetched, but TEMP/%s.part is "
		    "missing",
		    id, id);
	return r;
}

/* --- TEMP --- */

static int check_temp(struct verify *verify, const char *name, struct err *err)
{
	(void)err;
	char id[TEXT_NAME_SIZE];
	scan_stem(name, id);
	const char *suffix = name + strlen(id);
	bool pair = strcmp(suffix, ".ctl") == 0 || strcmp(suffix, ".dat") == 0;
	if (job_is_id(id) && pair && !exists(verify->box->jobs, id, JOB_SUFFIX))
		say(verify,
		    "TEMP/%s belongs to no job: the next start puts it "
		    "back into OUT",
		    name);
	return 0;
}

/* --- ledger --- */

static void check_lines(struct verify *verify, const char *name,
			const struct buf *text)
{
	size_t number = 0;
	size_t at = 0;
	while (at < text->len) {
		const char *line_at = text->data + at;
		const char *end = memchr(line_at, '\n', text->len - at);
		size_t len = end ? (size_t)(end - line_at) + 1 : text->len - at;
		struct record_line line;
		size_t used = 0;
		number++;
		if (record_parse(line_at, len, 0, &line, &used)) {
			record_line_release(&line);
			verify->count.ledger_lines++;
		} else if (end) {
			say(verify, "ledger/%s: line %zu is damaged", name,
			    number);
		}
		at += len;
	}
}

static int check_ledger(struct verify *verify, const char *name,
			struct err *err)
{
	AUTO_BUF struct buf text;
	buf_init(&text, LEDGER_FILE_MAX);
	int r = fsx_load(verify->box->ledger, name, &text, err);
	if (r == -ERR_MISSING)
		return 0; /* its time was over while we looked */
	if (r == 0)
		check_lines(verify, name, &text);
	return r;
}

int verify_mailbox(const struct boxdir *box, verify_say_fn *say_fn, void *ctx,
		   struct verify_count *ret, struct err *err)
{
	struct verify verify = { .box = box, .say = say_fn, .ctx = ctx };
	int r = check_jobs(&verify, err);
	if (r == 0)
		r = each_name(&verify, box->inbound, check_delivery, err);
	if (r == 0)
		r = each_name(&verify, box->temp, check_temp, err);
	if (r == 0)
		r = each_name(&verify, box->ledger, check_ledger, err);
	if (r == 0)
		*ret = verify.count;
	return r;
}
