/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * meshdrop verify: do records, ledger and folders agree? Changes nothing, and
 * makes no folder.
 *
 * Who gets the mailbox's lock looks once. Where meshdropd has it, what is seen
 * may be a step in between: only what is seen again a second later counts.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "cli/cmd.h"
#include "cli/folder.h"
#include "cli/owner.h"
#include "cli/show.h"
#include "conf/conf.h"
#include "spool/boxdir.h"
#include "spool/verify.h"

struct findings {
	char **texts; /* owned */
	size_t count;
};

struct look {
	struct findings findings;
	struct verify_count count;
	bool running; /* another process has the lock */
};

struct total {
	size_t findings;
	size_t mailboxes;
	size_t failed; /* mailboxes that could not be looked at */
	struct verify_count count;
	json_t *list; /* NULL: for people */
};

/* --- what is wrong --- */

static void add_finding(void *ctx, const char *text)
{
	struct findings *findings = ctx;
	findings->texts = xreallocarray(findings->texts, findings->count + 1,
					sizeof(*findings->texts));
	findings->texts[findings->count++] = xstrdup(text);
}

static void release_findings(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		free(findings->texts[i]);
	free(findings->texts);
	*findings = (struct findings){ .count = 0 };
}

static bool has_finding(const struct findings *findings, const char *text)
{
	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->texts[i], text) == 0)
			return true;
	return false;
}

/* --- looking --- */

static int look_once(const struct boxdir *box, struct findings *ret,
		     struct verify_count *ret_count, struct err *err)
{
	int r = verify_mailbox(box, add_finding, ret, ret_count, err);
	if (r < 0)
		release_findings(ret);
	return r;
}

static void pause_one_second(void)
{
	struct timespec left = { .tv_sec = 1 };
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		continue;
}

static int look_twice(const struct boxdir *box, struct look *ret,
		      struct err *err)
{
	struct findings first = { .count = 0 };
	struct findings second = { .count = 0 };
	int r = look_once(box, &first, &ret->count, err);
	if (r == 0) {
		pause_one_second();
		r = look_once(box, &second, &ret->count, err);
	}
	for (size_t i = 0; i < second.count; i++)
		if (has_finding(&first, second.texts[i]))
			add_finding(&ret->findings, second.texts[i]);
	release_findings(&first);
	release_findings(&second);
	return r;
}

/* What boxdir_open would make. */
static int find_missing(const struct conf_mailbox *set,
			struct findings *findings, struct err *err)
{
	static const char *const names[] = { "IN", "OUT", "SENT", "FAILED",
					     "TEMP" };
	AUTO_CLOSE int root = -1;
	int r = fsx_open_root(set->root, &root, err);
	if (r == -(int)ERR_MISSING) {
		add_finding(findings, err->text);
		return 0;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && r == 0; i++) {
		AUTO_CLOSE int fd = -1;
		r = folder_open(root, names[i], &fd, err);
		if (r != -(int)ERR_MISSING)
			continue;
		AUTO_FREE char *text = xasprintf("folder '%s/%s' is missing",
						 set->root, names[i]);
		add_finding(findings, text);
		r = 0;
	}
	return r;
}

/* All folders are there. */
static int look_inside(const struct conf_mailbox *set, int state_dir,
		       struct look *ret, struct err *err)
{
	struct boxdir box;
	boxdir_init(&box);
	int r = boxdir_open(&box, set->id, set->root, state_dir, err);
	if (r == 0)
		r = boxdir_lock(&box, err);
	ret->running = r == -(int)ERR_BUSY;
	if (r == 0)
		r = look_once(&box, &ret->findings, &ret->count, err);
	else if (ret->running)
		r = look_twice(&box, ret, err);
	boxdir_release(&box);
	return r;
}

static int look_at(const struct conf_mailbox *set, int state_dir,
		   struct look *ret, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	int r = fsx_open_dir(state_dir, set->id, &fd, err);
	if (r == -(int)ERR_MISSING)
		return 0; /* meshdropd has not served it yet */
	if (r < 0)
		return r;
	struct boxdir box;
	boxdir_init(&box);
	r = boxdir_open_state(&box, set->id, state_dir, err);
	if (r == -(int)ERR_MISSING) {
		add_finding(&ret->findings, err->text);
		return 0;
	}
	if (r == 0)
		r = owner_check(&box, err);
	boxdir_release(&box);
	if (r == 0)
		r = find_missing(set, &ret->findings, err);
	if (r < 0 || ret->findings.count > 0)
		return r;
	return look_inside(set, state_dir, ret, err);
}

/* --- saying --- */

static void put_look(json_t *list, const char *id, const struct look *look)
{
	json_t *texts = json_array();
	for (size_t i = 0; i < look->findings.count; i++)
		show_append(texts, json_shown(look->findings.texts[i]));
	json_t *object = json_object();
	show_put_text(object, "mailbox", id);
	show_put(object, "running", json_boolean(look->running));
	show_put_number(object, "jobs", look->count.jobs);
	show_put_number(object, "deliveries", look->count.deliveries);
	show_put_number(object, "ledger_lines", look->count.ledger_lines);
	show_put(object, "findings", texts);
	show_append(list, object);
}

static void say_look(struct total *total, const char *id,
		     const struct look *look)
{
	total->mailboxes++;
	total->findings += look->findings.count;
	total->count.jobs += look->count.jobs;
	total->count.deliveries += look->count.deliveries;
	total->count.ledger_lines += look->count.ledger_lines;
	if (total->list) {
		put_look(total->list, id, look);
		return;
	}
	for (size_t i = 0; i < look->findings.count; i++)
		show_fact(id, look->findings.texts[i]);
}

static void say_total(const struct total *total)
{
	if (total->list) {
		show_json(total->list);
		return;
	}
	if (total->findings == 0)
		(void)printf("nothing is wrong");
	else
		(void)printf("%zu %s wrong", total->findings,
			     total->findings == 1 ? "thing is" : "things are");
	(void)printf("; mailboxes %zu, jobs %zu, messages being received %zu, "
		     "ledger lines %zu\n",
		     total->mailboxes, total->count.jobs,
		     total->count.deliveries, total->count.ledger_lines);
}

/* --- the command --- */

static void verify_one(struct cmd_run *run, const struct conf_mailbox *set,
		       int state_dir, struct total *total)
{
	struct err err;
	struct look look = { .running = false };
	int r = state_dir < 0 ? 0 : look_at(set, state_dir, &look, &err);
	if (r < 0) {
		cmd_fail(run, &err);
		total->failed++;
	} else {
		say_look(total, set->id, &look);
	}
	release_findings(&look.findings);
}

static enum cmd_exit answer(struct cmd_run *run, const struct conf *conf,
			    const char *mailbox, json_t *list)
{
	const struct conf_mailbox *only = NULL;
	if (mailbox) {
		only = cmd_mailbox(run, conf, mailbox);
		if (!only)
			return run->exit;
	}
	struct err err;
	AUTO_CLOSE int state_dir = -1;
	int r = fsx_open_root(conf->state_dir, &state_dir, &err);
	if (r < 0 && r != -(int)ERR_MISSING) {
		cmd_fail(run, &err);
		return run->exit;
	}
	struct total total = { .list = list };
	for (size_t i = 0; i < conf->mailbox_count; i++)
		if (!only || only == &conf->mailboxes[i])
			verify_one(run, &conf->mailboxes[i], state_dir, &total);
	say_total(&total);
	if (total.failed > 0)
		return run->exit;
	return total.findings > 0 ? CMD_FAILED : CMD_OK;
}

static enum cmd_exit verify_run(struct cmd_run *run)
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
	AUTO_JSON json_t *list = json ? json_array() : NULL;
	enum cmd_exit code = answer(run, conf, mailbox, list);
	(void)conf_free(conf);
	return code;
}

const struct cmd cmd_verify = {
	.name = "verify",
	.summary = "Checks records, ledger and folders against each other",
	.arguments = "[--json] [-m MAILBOX]",
	.help = "Changes nothing, and works whether or not meshdropd runs; "
		"what it does at the\n"
		"moment does not count. The exit status is 1 when something is "
		"wrong.\n"
		"\n"
		"      --json             an array with one object a mailbox\n"
		"  -m, --mailbox MAILBOX  this mailbox only\n",
	.function = verify_run,
};
