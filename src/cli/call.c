/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "cli/call.h"

#include <signal.h>

#include "agent/client.h"
#include "base/clock.h"
#include "base/err.h"
#include "cli/cmd.h"
#include "conf/conf.h"

int call_connect(const struct conf *conf, struct http_client **ret,
		 struct err *err)
{
	/* a connection that the other side closed is an error value */
	(void)signal(SIGPIPE, SIG_IGN); /* cannot fail */
	int r = http_global_init(err);
	return r < 0 ? r : client_new(conf, NULL, NULL, ret, err);
}

void call_session(const struct conf *conf, const struct conf_mailbox *set,
		  struct http_client *http, struct session *ret)
{
	*ret = (struct session){
		.http = http,
		.mailbox = set->id,
		.mailbox_file = set->file,
		.password_file = set->password_file,
		.shared_key_file = conf->shared_key_file,
		.password = set->password.text,
		.shared_key = conf->shared_key.text,
		.wall_ns = clock_wall_ns,
	};
}

bool call_begin(struct cmd_run *run, const char *mailbox, struct call *ret)
{
	struct call call = { .conf = cmd_conf(run) };
	if (!call.conf)
		return false;
	call.mailbox = cmd_mailbox(run, call.conf, mailbox);
	if (!call.mailbox) {
		call_end(&call);
		return false;
	}
	struct err err;
	if (call_connect(call.conf, &call.http, &err) < 0) {
		cmd_fail(run, &err);
		call_end(&call);
		return false;
	}
	call_session(call.conf, call.mailbox, call.http, &call.session);
	*ret = call;
	return true;
}

void call_end(struct call *call)
{
	call->http = http_client_free(call->http);
	call->conf = conf_free(call->conf);
	*call = (struct call){ .conf = NULL };
}

enum cmd_exit call_run(struct cmd_run *run, int least, int most,
		       call_answer_fn *answer)
{
	bool json = false;
	const char *mailbox = NULL;
	const struct cmd_option options[] = {
		{ .name = "json", .flag = &json },
		{ .name = "mailbox", .letter = 'm', .value = &mailbox },
	};
	struct call call;
	if (!cmd_options(run, options, 2, least, most) ||
	    !call_begin(run, mailbox, &call))
		return run->exit;
	enum cmd_exit code = answer(run, &call, json);
	call_end(&call);
	return code;
}
