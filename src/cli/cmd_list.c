/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * meshdrop list: what is on its way out, from the job records.
 *
 * Reads what the daemon may be writing at the same time: a record that goes
 * away or is only just being made is simply not on the list.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/show.h"
#include "conf/conf.h"
#include "spool/boxdir.h"
#include "spool/job.h"
#include "spool/scan.h"

#define DAMAGED "DAMAGED"

static void put_time(json_t *object, const char *key, int64_t wall_ns)
{
	char text[CLOCK_ISO_SIZE] = "";
	if (wall_ns > 0)
		clock_iso(wall_ns, text);
	show_put_text(object, key, text);
}

static bool is_waiting(const struct job *job)
{
	return job->state == JOB_DEFERRED || job->state == JOB_UNKNOWN;
}

/* text is the bare reason; reason has its event and code in front. */
/* What is going on has no reason; its record still has the last one. */
static bool has_reason(const struct job *job)
{
	return job->state != JOB_CLAIMED && job->state != JOB_OPENING &&
	       job->state != JOB_OPEN;
}

static void put_reason(json_t *object, const struct job *job)
{
	bool has = has_reason(job);
	const char *event = has ? job->event : "";
	const char *code = has ? job->code : "";
	const char *text = has ? job->text : "";
	AUTO_FREE char *reason = code[0] != '\0' ?
					 xasprintf("%s%s%s: %s", event,
						   event[0] != '\0' ? " " : "",
						   code, text) :
					 xstrdup(text);
	show_put_text(object, "event", event);
	show_put_text(object, "code", code);
	show_put_text(object, "text", text);
	show_put_text(object, "reason", reason);
}

static json_t *describe(const char *mailbox, const struct job *job,
			int64_t wall_ns)
{
	bool data = job->dat_name[0] != '\0';
	const char *file = data ? job->dat_name : job->ctl_name;
	char stem[TEXT_NAME_SIZE];
	scan_stem(job->ctl_name, stem);
	json_t *object = json_object();
	show_put_text(object, "mailbox", mailbox);
	show_put_text(object, "job", job->id);
	show_put_text(object, "state", job_state_name(job->state));
	show_put_text(object, "file", file);
	show_put_text(object, "stem", stem);
	show_put_number(object, "bytes", data ? job->dat.size : 0);
	int64_t age_s = (wall_ns - job->created_ns) / CLOCK_SECOND;
	show_put(object, "age_s", json_integer(age_s > 0 ? age_s : 0));
	show_put_number(object, "attempts", job->attempts);
	show_put_number(object, "chunks_done", job->chunks_done);
	show_put_number(object, "chunk_count", job->chunk_count);
	show_put_text(object, "message_id", job->message_id);
	put_time(object, "not_before",
		 is_waiting(job) ? job->not_before_ns : 0);
	put_reason(object, job);
	return object;
}

/* A record that cannot be read: somebody has to look. */
static json_t *describe_damaged(const char *mailbox, const char *id,
				const char *why)
{
	json_t *object = json_object();
	show_put_text(object, "mailbox", mailbox);
	show_put_text(object, "job", id);
	show_put_text(object, "state", DAMAGED);
	static const char *const unknown[] = { "file",	     "stem",
					       "message_id", "not_before",
					       "event",	     "code" };
	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++)
		show_put_text(object, unknown[i], "");
	static const char *const uncounted[] = { "bytes", "age_s", "attempts",
						 "chunks_done", "chunk_count" };
	for (size_t i = 0; i < sizeof(uncounted) / sizeof(*uncounted); i++)
		show_put(object, uncounted[i], json_null());
	show_put_text(object, "text", why);
	show_put_text(object, "reason", why);
	return object;
}

/* --- reading --- */

static int add_job(json_t *list, const struct boxdir *box, const char *id,
		   struct err *err)
{
	struct job job;
	bool torn;
	job_init(&job);
	int r = job_load(&job, box->jobs, id, false, &torn, err);
	if (r == -(int)ERR_MISSING || r == -(int)ERR_CORRUPT)
		return 0;
	if (r == -(int)ERR_INVALID || r == -(int)ERR_UNSAFE) {
		show_append(list, describe_damaged(box->id, id, err->text));
		return 0;
	}
	if (r < 0)
		return r;
	show_append(list, describe(box->id, &job, clock_wall_ns()));
	job_release(&job);
	return 0;
}

static int add_jobs(json_t *list, const struct boxdir *box, struct err *err)
{
	struct job_list ids;
	int r = job_list_read(box->jobs, &ids, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ids.count && r == 0; i++)
		r = add_job(list, box, ids.ids[i], err);
	job_list_release(&ids);
	return r;
}

static int add_mailbox(json_t *list, int state_dir, const char *id,
		       struct err *err)
{
	struct boxdir box;
	boxdir_init(&box);
	int r = boxdir_open_state(&box, id, state_dir, err);
	if (r == -(int)ERR_MISSING)
		return 0; /* meshdropd has not served it yet */
	if (r < 0)
		return r;
	r = add_jobs(list, &box, err);
	boxdir_release(&box);
	return r;
}

static int collect(json_t *list, const struct conf *conf,
		   const struct conf_mailbox *only, struct err *err)
{
	AUTO_CLOSE int state_dir = -1;
	int r = fsx_open_root(conf->state_dir, &state_dir, err);
	if (r == -(int)ERR_MISSING)
		return 0; /* meshdropd has not run yet */
	for (size_t i = 0; i < conf->mailbox_count && r == 0; i++) {
		const struct conf_mailbox *set = &conf->mailboxes[i];
		if (!only || set == only)
			r = add_mailbox(list, state_dir, set->id, err);
	}
	return r;
}

/* --- for people --- */

/* Only of a message in several chunks. */
static void say_chunks(const json_t *job, char ret[SHOW_SIZE])
{
	long long done = json_integer_value(
		json_object_get(job, "chunks_done"));
	long long count = json_integer_value(
		json_object_get(job, "chunk_count"));
	ret[0] = '\0';
	if (count > 1)
		(void)snprintf(ret, SHOW_SIZE, "%lld/%lld", done, count);
}

static void say_wait(const json_t *job, char ret[SHOW_SIZE])
{
	int64_t at;
	ret[0] = '\0';
	if (!clock_parse(json_text(job, "not_before"), &at))
		return;
	char age[SHOW_SIZE];
	int64_t left = (at - clock_wall_ns()) / CLOCK_SECOND;
	show_age(left > 0 ? left : 0, age);
	(void)snprintf(ret, SHOW_SIZE, "in %.24s", age);
}

static void add_row(struct show_table *table, const json_t *job)
{
	char age[SHOW_SIZE] = "";
	char bytes[SHOW_SIZE] = "";
	char chunks[SHOW_SIZE];
	char wait[SHOW_SIZE];
	const json_t *number = json_object_get(job, "age_s");
	if (json_is_integer(number))
		show_age(json_integer_value(number), age);
	number = json_object_get(job, "bytes");
	if (json_is_integer(number))
		show_bytes((uint64_t)json_integer_value(number), bytes);
	say_chunks(job, chunks);
	say_wait(job, wait);
	const char *const cells[] = {
		json_text(job, "mailbox"),
		json_text(job, "state"),
		age,
		bytes,
		json_text(job, "file"),
		chunks,
		wait,
		json_text(job, "job"),
		json_text(job, "message_id"),
		json_text(job, "reason"),
	};
	show_table_add(table, cells);
}

static void print_list(const json_t *list)
{
	static const char *const head[] = {
		"MAILBOX", "STATE", "AGE", "BYTES",   "FILE",
		"CHUNKS",  "NEXT",  "JOB", "MESSAGE", "REASON",
	};
	size_t count = json_array_size(list);
	if (count == 0) {
		(void)puts("nothing is on its way");
		return;
	}
	struct show_table table;
	show_table_init(&table, head, sizeof(head) / sizeof(*head),
			1u << 2 | 1u << 3 | 1u << 5);
	for (size_t i = 0; i < count; i++)
		add_row(&table, json_array_get(list, i));
	show_table_print(&table);
	show_table_release(&table);
}

/* --- the command --- */

static enum cmd_exit answer(struct cmd_run *run, const struct conf *conf,
			    const char *mailbox, bool json)
{
	const struct conf_mailbox *only = NULL;
	if (mailbox) {
		only = cmd_mailbox(run, conf, mailbox);
		if (!only)
			return run->exit;
	}
	struct err err;
	AUTO_JSON json_t *list = json_array();
	if (collect(list, conf, only, &err) < 0) {
		cmd_fail(run, &err);
		return run->exit;
	}
	if (json)
		show_json(list);
	else
		print_list(list);
	return CMD_OK;
}

static enum cmd_exit list_run(struct cmd_run *run)
{
	bool json = false;
	const char *mailbox = NULL;
	const struct cmd_option options[] = {
		{ .name = "json", .flag = &json },
		{ .name = "mailbox", .letter = 'm', .value = &mailbox },
	};
	if (!cmd_options(run, options, 2, 0, 0))
		return run->exit;
	struct conf *conf = cmd_conf(run);
	if (!conf)
		return run->exit;
	enum cmd_exit code = answer(run, conf, mailbox, json);
	(void)conf_free(conf);
	return code;
}

const struct cmd cmd_list = {
	.name = "list",
	.summary = "Shows what is being sent, and what waits or is held",
	.arguments = "[--json] [-m MAILBOX]",
	.help = "Works whether or not meshdropd runs.\n"
		"\n"
		"      --json             an array of objects\n"
		"  -m, --mailbox MAILBOX  of this mailbox only\n",
	.function = list_run,
};
