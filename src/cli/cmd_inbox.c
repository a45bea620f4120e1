/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * meshdrop inbox: what waits at the service. Takes nothing.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/call.h"
#include "cli/cmd.h"
#include "cli/show.h"
#include "conf/conf.h"
#include "mesh/inbox.h"

/* A service that never comes to an end is not believed. */
#define PAGES_MAX 2000

struct inbox {
	const char *filter; /* NULL: all messages */
	json_t *ids;
	uint64_t refused;
};

static void add_page(struct inbox *inbox, const struct reply_page *page)
{
	for (size_t i = 0; i < page->count; i++)
		show_append(inbox->ids, json_shown(page->ids[i]));
	inbox->refused += page->refused;
}

static int collect(const struct session *session, struct inbox *inbox,
		   struct err *err)
{
	AUTO_FREE char *next = NULL;
	for (int i = 0; i < PAGES_MAX; i++) {
		struct reply_page page = { .ids = NULL };
		int r = inbox_list(session, next, inbox->filter, &page, err);
		if (r < 0)
			return r;
		add_page(inbox, &page);
		bool more = page.next && page.count > 0;
		free(next);
		next = more ? xstrdup(page.next) : NULL;
		reply_page_release(&page);
		if (!more)
			return 0;
	}
	return err_set(err, ERR_LIMIT,
		       "the service gives more than %d pages of ids: try again "
		       "later",
		       PAGES_MAX);
}

static void print_json(const char *mailbox, const struct inbox *inbox)
{
	AUTO_JSON json_t *object = json_object();
	show_put_text(object, "mailbox", mailbox);
	show_put_number(object, "count", json_array_size(inbox->ids));
	show_put_number(object, "unusable", inbox->refused);
	if (inbox->filter)
		show_put_text(object, "workflow_filter", inbox->filter);
	show_put(object, "ids", json_incref(inbox->ids));
	show_json(object);
}

static void print_plain(const char *mailbox, const struct inbox *inbox)
{
	size_t count = json_array_size(inbox->ids);
	for (size_t i = 0; i < count; i++)
		(void)puts(json_string_value(json_array_get(inbox->ids, i)));
	(void)printf("%zu %s for %s\n", count,
		     count == 1 ? "message waits" : "messages wait", mailbox);
	if (inbox->filter)
		(void)printf("only those of workflow_filter %s\n",
			     inbox->filter);
	if (inbox->refused > 0)
		(void)printf("%llu more have ids that cannot be used\n",
			     (unsigned long long)inbox->refused);
}

static enum cmd_exit answer(struct cmd_run *run, const struct call *call,
			    bool json)
{
	AUTO_JSON json_t *ids = json_array();
	struct inbox inbox = {
		.filter = call->mailbox->workflow_filter,
		.ids = ids,
	};
	struct err err;
	if (collect(&call->session, &inbox, &err) < 0) {
		cmd_fail(run, &err);
		return run->exit;
	}
	if (json)
		print_json(call->mailbox->id, &inbox);
	else
		print_plain(call->mailbox->id, &inbox);
	return CMD_OK;
}

static enum cmd_exit inbox_run(struct cmd_run *run)
{
	return call_run(run, 0, 0, answer);
}

const struct cmd cmd_inbox = {
	.name = "inbox",
	.summary = "Lists the messages that wait at the service",
	.arguments = "[--json] [-m MAILBOX]",
	.help = "Takes nothing: meshdropd receives them.\n"
		"\n"
		"      --json             one object with all ids\n"
		"  -m, --mailbox MAILBOX  whose; needed when there is more than "
		"one mailbox\n",
	.function = inbox_run,
};
