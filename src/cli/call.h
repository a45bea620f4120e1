/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * A command's conversation with the service: settings, a mailbox of them, a
 * connection and a session, made and ended together.
 *
 * Helpers that fail have said why and have set run->exit.
 */
#ifndef MESHDROP_CLI_CALL_H
#define MESHDROP_CLI_CALL_H

#include <stdbool.h>

#include "cli/cmd.h"
#include "mesh/session.h"

struct conf;
struct conf_mailbox;
struct err;
struct http_client;

struct call {
	struct conf *conf;		    /* owned */
	const struct conf_mailbox *mailbox; /* borrowed from conf */
	struct http_client *http;	    /* owned */
	struct session session;
};

/* mailbox as for cmd_mailbox. False: nothing is held. */
bool call_begin(struct cmd_run *run, const char *mailbox, struct call *ret)
	__attribute__((warn_unused_result));
void call_end(struct call *call);

/* Says the answer; the exit code. */
typedef enum cmd_exit call_answer_fn(struct cmd_run *run,
				     const struct call *call, bool json);
/* The whole of a command with --json, --mailbox and least to most arguments
 * that makes one call. */
enum cmd_exit call_run(struct cmd_run *run, int least, int most,
		       call_answer_fn *answer);

/* The parts, for who talks for several mailboxes. Once per process. */
int call_connect(const struct conf *conf, struct http_client **ret,
		 struct err *err) __attribute__((warn_unused_result));
/* Everything is borrowed. */
void call_session(const struct conf *conf, const struct conf_mailbox *set,
		  struct http_client *http, struct session *ret);

#endif
