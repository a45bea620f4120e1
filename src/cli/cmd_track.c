/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * meshdrop track: what the service says became of a message.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cli/call.h"
#include "cli/cmd.h"
#include "cli/show.h"
#include "conf/conf.h"
#include "mesh/track.h"

static const char *status_name(enum reply_status status)
{
	switch (status) {
	case REPLY_STATUS_UPLOADING:
		return "uploading";
	case REPLY_STATUS_ACCEPTED:
		return "accepted";
	case REPLY_STATUS_ACKNOWLEDGED:
		return "acknowledged";
	case REPLY_STATUS_UNDELIVERABLE:
		return "undeliverable";
	case REPLY_STATUS_ERROR:
		return "error";
	case REPLY_STATUS_UNKNOWN:
		break;
	}
	return "unknown";
}

#define FACTS 11

struct fact {
	const char *name;
	const char *text;
};

static void list_facts(const struct reply_track *track, const char *size,
		       struct fact ret[FACTS])
{
	const struct fact all[FACTS] = {
		{ "message_id", track->message_id },
		{ "status", status_name(track->status) },
		{ "status_text", track->status_text },
		{ "failure", track->failure },
		{ "recipient", track->recipient },
		{ "workflow", track->workflow },
		{ "local_id", track->local_id },
		{ "file_name", track->file_name },
		{ "file_size", size },
		{ "uploaded", track->upload_time },
		{ "expires", track->expiry_time },
	};
	memcpy(ret, all, sizeof(all));
}

static void print_track(const struct reply_track *track, bool json)
{
	char size[SHOW_SIZE] = "";
	if (track->file_size >= 0)
		(void)snprintf(size, sizeof(size), "%lld",
			       (long long)track->file_size);
	struct fact facts[FACTS];
	list_facts(track, size, facts);
	AUTO_JSON json_t *object = json_object();
	for (size_t i = 0; i < FACTS; i++) {
		if (json && facts[i].text == size && track->file_size >= 0)
			show_put(object, facts[i].name,
				 json_integer(track->file_size));
		else if (json && facts[i].text[0] != '\0')
			show_put_text(object, facts[i].name, facts[i].text);
		else if (!json)
			show_fact(facts[i].name, facts[i].text);
	}
	if (json)
		show_json(object);
}

/* As a message id first; a local id may have any form. */
static int ask(const struct session *session, const char *id,
	       enum track_found *ret_found, struct reply_track *ret,
	       struct err *err)
{
	*ret_found = TRACK_NONE;
	if (text_is_message_id(id)) {
		int r = track_message(session, id, ret_found, ret, err);
		if (r < 0 || *ret_found != TRACK_NONE)
			return r;
	}
	return track_local(session, id, ret_found, ret, err);
}

static enum cmd_exit answer(struct cmd_run *run, const struct call *call,
			    bool json)
{
	const char *id = run->argv[0];
	enum track_found found;
	struct reply_track track;
	struct err err;
	if (ask(&call->session, id, &found, &track, &err) < 0) {
		cmd_fail(run, &err);
		return run->exit;
	}
	switch (found) {
	case TRACK_ONE:
		print_track(&track, json);
		return CMD_OK;
	case TRACK_SEVERAL:
		cmd_complain("%s has sent several messages with the local id "
			     "'%s': ask by message id (DTSId in SENT)",
			     call->mailbox->id, id);
		break;
	case TRACK_NONE:
		cmd_complain("the service knows no message of %s with the "
			     "message id or local id '%s'",
			     call->mailbox->id, id);
		break;
	}
	return CMD_FAILED;
}

static enum cmd_exit track_run(struct cmd_run *run)
{
	return call_run(run, 1, 1, answer);
}

const struct cmd cmd_track = {
	.name = "track",
	.summary = "Asks the service what became of a message",
	.arguments = "[--json] [-m MAILBOX] ID",
	.help = "ID is a message id (DTSId in SENT) or, when there is none of "
		"that id, a\n"
		"local id (LocalId in the control file). The exit status is 1 "
		"when no message\n"
		"has that id.\n"
		"\n"
		"      --json             one object with what is known\n"
		"  -m, --mailbox MAILBOX  the sender; needed when there is more "
		"than one mailbox\n",
	.function = track_run,
};
