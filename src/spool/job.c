/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/job.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "spool/boxdir.h"
#include "spool/job_fields.h"

#define BIT(state) (1u << (unsigned)(state))
#define STAMP_DIGITS ((size_t)17)
#define RANDOM_DIGITS ((size_t)8)

/* What may follow each state. */
static const unsigned moves[JOB_STATE_COUNT] = {
	[JOB_CLAIMED] = BIT(JOB_OPENING) | BIT(JOB_DEFERRED) |
			BIT(JOB_REJECTED) | BIT(JOB_HELD),
	[JOB_OPENING] = BIT(JOB_OPEN) | BIT(JOB_ACCEPTED) | BIT(JOB_REJECTED) |
			BIT(JOB_DEFERRED) | BIT(JOB_UNKNOWN) | BIT(JOB_CLAIMED),
	[JOB_OPEN] = BIT(JOB_OPEN) | BIT(JOB_ACCEPTED) | BIT(JOB_REJECTED) |
		     BIT(JOB_DEFERRED) | BIT(JOB_CLAIMED) | BIT(JOB_HELD) |
		     BIT(JOB_UNKNOWN),
	[JOB_ACCEPTED] = BIT(JOB_ARCHIVING),
	[JOB_REJECTED] = BIT(JOB_ARCHIVING),
	[JOB_DEFERRED] = BIT(JOB_CLAIMED) | BIT(JOB_OPEN) | BIT(JOB_REJECTED) |
			 BIT(JOB_HELD),
	[JOB_UNKNOWN] = BIT(JOB_UNKNOWN) | BIT(JOB_ACCEPTED) |
			BIT(JOB_CLAIMED) | BIT(JOB_HELD) | BIT(JOB_REJECTED),
	[JOB_HELD] = BIT(JOB_ACCEPTED) | BIT(JOB_CLAIMED) | BIT(JOB_REJECTED) |
		     BIT(JOB_OPEN) | BIT(JOB_UNKNOWN) | BIT(JOB_DEFERRED),
	[JOB_ARCHIVING] = 0,
};

bool job_may_move(enum job_state from, enum job_state to)
{
	return (moves[from] & BIT(to)) != 0;
}

/* --- names --- */

bool job_is_id(const char *id)
{
	return strspn(id, "0123456789") == STAMP_DIGITS &&
	       id[STAMP_DIGITS] == '-' &&
	       strspn(id + STAMP_DIGITS + 1, "0123456789abcdef") ==
		       RANDOM_DIGITS &&
	       strlen(id) == STAMP_DIGITS + 1 + RANDOM_DIGITS;
}

void job_make_id(int64_t wall_ns, char ret[JOB_ID_SIZE])
{
	char stamp[CLOCK_STAMP_SIZE];
	clock_stamp_utc(wall_ns, stamp);
	char random[RANDOM_DIGITS + 1];
	uuid_hex(random, RANDOM_DIGITS);
	unsigned ms = (unsigned)(wall_ns % CLOCK_SECOND / CLOCK_MS);
	(void)snprintf(ret, JOB_ID_SIZE, "%s%03u-%s", stamp, ms % 1000,
		       random); /* fits */
}

static void record_name(const char *id, char ret[TEXT_NAME_SIZE])
{
	(void)snprintf(ret, TEXT_NAME_SIZE, "%s" JOB_SUFFIX, id); /* fits */
}

/* --- life --- */

void job_init(struct job *job)
{
	*job = (struct job){ .state = JOB_CLAIMED };
	record_init(&job->record);
}

void job_release(struct job *job)
{
	if (job)
		record_close(&job->record);
}

/* A record keeps milliseconds: the struct must not know better. */
static int64_t whole_ms(int64_t wall_ns)
{
	return wall_ns - wall_ns % CLOCK_MS;
}

int job_create(struct job *job, const struct boxdir *box, int64_t wall_ns,
	       struct err *err)
{
	assert(*job->id && *job->ctl_name && job->record.fd < 0);
	struct job next = *job;
	next.state = JOB_CLAIMED;
	next.state_ns = whole_ms(wall_ns);
	next.created_ns = next.state_ns;
	char name[TEXT_NAME_SIZE];
	record_name(job->id, name);
	struct job_facts facts;
	job_facts_make(&next, &facts);
	/* if we die in it the record never was, and the pair is in OUT */
	int r = record_create(&next.record, box->jobs, name, wall_ns,
			      job_state_name(JOB_CLAIMED), facts.fields,
			      facts.count, err);
	if (r < 0)
		return r;
	/* if we die here the pair is ours by record; pair_claim moves it */
	*job = next;
	return 0;
}

static void start_over(struct job *job)
{
	*job->message_id = '\0';
	job->chunks_done = 0;
	job->confirm = false;
	job->absent = 0;
}

int job_move(struct job *job, enum job_state to, int64_t wall_ns,
	     struct err *err)
{
	assert(job_may_move(job->state, to));
	struct job next = *job;
	next.state = to;
	next.state_ns = whole_ms(wall_ns);
	if (to == JOB_CLAIMED)
		start_over(&next);
	struct job_facts facts;
	job_facts_make(&next, &facts);
	/* if we die in it either the old or the new state stands */
	int r = record_append(&next.record, wall_ns, job_state_name(to),
			      facts.fields, facts.count, err);
	if (r < 0)
		return r;
	*job = next;
	return 0;
}

bool job_is_long(const struct job *job)
{
	return job->record.end >= RECORD_LONG;
}

int job_finish(struct job *job, const struct boxdir *box, struct err *err)
{
	char name[TEXT_NAME_SIZE];
	record_name(job->id, name);
	record_close(&job->record);
	int r = fsx_remove(box->jobs, name, err);
	if (r < 0)
		return r;
	/* if we die here the record may come back; its last state leads here
	 * again and finds nothing left to do */
	return fsx_sync_dir(box->jobs, name, err);
}

/* --- reading --- */

/* Why ERR_INVALID and not ERR_CORRUPT: a record that cannot be read in full
 * may belong to a message that was sent. */
static int fold(void *ctx, const struct record_line *line, struct err *err)
{
	struct job *job = ctx;
	enum job_state state;
	if (!job_state_read(line->state, &state))
		return err_set(err, ERR_INVALID,
			       "the record of job %s has the state %s, which "
			       "this version does not know: it was written by "
			       "a newer version, use that one",
			       job->id, line->state);
	if (line->sequence == 1 && state != JOB_CLAIMED)
		return err_set(err, ERR_INVALID,
			       "the record of job %s does not begin with its "
			       "claim",
			       job->id);
	if (line->sequence > 1 && !job_may_move(job->state, state))
		return err_set(err, ERR_INVALID,
			       "the record of job %s goes from %s to %s, which "
			       "no version does",
			       job->id, job_state_name(job->state),
			       job_state_name(state));
	const char *bad = job_facts_apply(line, state, job);
	if (bad)
		return err_set(err, ERR_INVALID,
			       "the record of job %s has a value for '%s' that "
			       "this version cannot read",
			       job->id, bad);
	job->state = state;
	job->state_ns = line->wall_ns;
	if (line->sequence == 1)
		job->created_ns = line->wall_ns;
	return 0;
}

static bool is_optional_name(const char *name)
{
	return !*name || text_is_file_name(name);
}

/* Names become paths again: the record is ours, but that is no proof. */
static bool has_good_names(const struct job *job)
{
	return text_is_file_name(job->ctl_name) &&
	       is_optional_name(job->route) &&
	       is_optional_name(job->dat_name) &&
	       is_optional_name(job->collect_name) &&
	       is_optional_name(job->archive_stem) &&
	       is_optional_name(job->report_name);
}

/* What the agent relies on: where a waiting job goes on, and that an open
 * upload has chunks behind it and before it. NULL, or the key at fault. */
static const char *bad_fact(const struct job *job)
{
	bool held = job->state == JOB_HELD;
	bool waits = held || job->state == JOB_DEFERRED;
	enum job_state next = waits ? job->resume : job->state;
	if (waits && next != JOB_CLAIMED && next != JOB_OPEN &&
	    !(held && next == JOB_UNKNOWN))
		return "resume";
	if (next != JOB_OPEN)
		return NULL;
	if (job->chunks_done < 1 || job->chunks_done >= job->chunk_count)
		return "done";
	return text_is_message_id(job->message_id) ? NULL : "message_id";
}

static int check_facts(const struct job *job, struct err *err)
{
	if (!has_good_names(job))
		return err_set(err, ERR_INVALID,
			       "the record of job %s has a name that cannot "
			       "be used",
			       job->id);
	const char *bad = bad_fact(job);
	if (bad)
		return err_set(err, ERR_INVALID,
			       "the record of job %s has a value for '%s' that "
			       "cannot be",
			       job->id, bad);
	return 0;
}

int job_load(struct job *job, int jobs_dir, const char *id, bool writable,
	     bool *ret_torn, struct err *err)
{
	struct job found;
	job_init(&found);
	if (!text_copy(found.id, sizeof(found.id), id))
		return err_set(err, ERR_UNSAFE, "'%.64s' is not a job", id);
	char name[TEXT_NAME_SIZE];
	record_name(id, name);
	bool torn = false;
	int r = record_open(&found.record, jobs_dir, name, writable, fold,
			    &found, &torn, err);
	if (r < 0)
		return r;
	r = check_facts(&found, err);
	if (r < 0) {
		job_release(&found);
		return r;
	}
	*job = found;
	*ret_torn = torn;
	return 0;
}

/* --- all of them --- */

static bool list_name(const char *name, char ret[JOB_ID_SIZE])
{
	size_t len = strlen(name);
	size_t tail = strlen(JOB_SUFFIX);
	if (len <= tail || len - tail >= JOB_ID_SIZE ||
	    strcmp(name + len - tail, JOB_SUFFIX) != 0)
		return false;
	memcpy(ret, name, len - tail);
	ret[len - tail] = '\0';
	return text_is_message_id(ret);
}

static void list_add(struct job_list *list, const char id[JOB_ID_SIZE])
{
	list->ids = xreallocarray(list->ids, list->count + 1,
				  sizeof(*list->ids));
	memcpy(list->ids[list->count++], id, JOB_ID_SIZE);
}

static int fill(struct job_list *list, struct fsx_dir *dir, struct err *err)
{
	for (;;) {
		const char *name = NULL;
		int r = fsx_dir_next(dir, &name, err);
		if (r < 0 || !name)
			return r;
		char id[JOB_ID_SIZE] = "";
		if (list_name(name, id))
			list_add(list, id);
	}
}

static int by_id(const void *a, const void *b)
{
	return strcmp(a, b);
}

int job_list_read(int jobs_dir, struct job_list *ret, struct err *err)
{
	struct fsx_dir *dir = NULL;
	int r = fsx_dir_open(jobs_dir, &dir, err);
	if (r < 0)
		return r;
	struct job_list list = { .ids = NULL };
	r = fill(&list, dir, err);
	(void)fsx_dir_close(dir);
	if (r < 0) {
		job_list_release(&list);
		return r;
	}
	if (list.count > 0) /* an id begins with its time */
		qsort(list.ids, list.count, sizeof(*list.ids), by_id);
	*ret = list;
	return 0;
}

void job_list_release(struct job_list *list)
{
	if (!list)
		return;
	free(list->ids);
	*list = (struct job_list){ .ids = NULL };
}
