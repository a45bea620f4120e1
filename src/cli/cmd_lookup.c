/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * meshdrop lookup: which mailboxes can take a message.
 */
#include "config.h"

#include <stdio.h>

#include "base/err.h"
#include "cli/call.h"
#include "cli/cmd.h"
#include "cli/show.h"
#include "mesh/track.h"

static void print_json(const struct reply_lookup *found)
{
	AUTO_JSON json_t *list = json_array();
	for (size_t i = 0; i < found->count; i++) {
		json_t *object = json_object();
		show_put_text(object, "mailbox", found->entries[i].mailbox);
		show_put_text(object, "name", found->entries[i].name);
		show_append(list, object);
	}
	show_json(list);
}

static void print_table(const struct reply_lookup *found)
{
	static const char *const head[] = { "MAILBOX", "NAME" };
	struct show_table table;
	show_table_init(&table, head, 2, 0);
	for (size_t i = 0; i < found->count; i++) {
		const char *const cells[] = {
			found->entries[i].mailbox,
			found->entries[i].name,
		};
		show_table_add(&table, cells);
	}
	show_table_print(&table);
	show_table_release(&table);
}

/* workflow NULL: two arguments. */
static enum cmd_exit answer(struct cmd_run *run, const struct call *call,
			    const char *workflow, bool json)
{
	const struct session *session = &call->session;
	struct reply_lookup found = { .entries = NULL };
	struct err err;
	int r = workflow ? track_workflow(session, workflow, &found, &err) :
			   track_endpoint(session, run->argv[0], run->argv[1],
					  &found, &err);
	if (r < 0) {
		cmd_fail(run, &err);
		return run->exit;
	}
	size_t count = found.count;
	if (json)
		print_json(&found);
	else if (count > 0)
		print_table(&found);
	else
		(void)puts("no mailbox was found");
	reply_lookup_release(&found);
	return count > 0 ? CMD_OK : CMD_FAILED;
}

static enum cmd_exit lookup_run(struct cmd_run *run)
{
	bool json = false;
	const char *mailbox = NULL;
	const char *workflow = NULL;
	const struct cmd_option options[] = {
		{ .name = "json", .flag = &json },
		{ .name = "mailbox", .letter = 'm', .value = &mailbox },
		{ .name = "workflow", .value = &workflow },
	};
	if (!cmd_options(run, options, 3, 0, 2))
		return run->exit;
	if (run->argc != (workflow ? 0 : 2)) {
		cmd_complain_usage(run, "it takes ODS_CODE and WORKFLOW, or "
					"--workflow alone");
		return run->exit;
	}
	struct call call;
	if (!call_begin(run, mailbox, &call))
		return run->exit;
	enum cmd_exit code = answer(run, &call, workflow, json);
	call_end(&call);
	return code;
}

const struct cmd cmd_lookup = {
	.name = "lookup",
	.summary = "Finds the mailboxes that take a workflow",
	.arguments = "[OPTION...] {ODS_CODE WORKFLOW | --workflow ID}",
	.help = "Of one organisation, or of all. The exit status is 1 when "
		"there is none.\n"
		"\n"
		"      --json               an array of objects\n"
		"  -m, --mailbox MAILBOX    who asks; needed with more than one\n"
		"      --workflow ID         of all organisations\n",
	.function = lookup_run,
};
