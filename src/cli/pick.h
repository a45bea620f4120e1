/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The job that an operator means.
 *
 * By its id, the beginning of its id, or the name that its files had in OUT
 * without extension. Reads records that the daemon may be writing; whoever
 * acts on a job looks again.
 */
#ifndef MESHDROP_CLI_PICK_H
#define MESHDROP_CLI_PICK_H

#include <stdbool.h>

#include "spool/job.h"

struct cmd_run;
struct conf;
struct conf_mailbox;

struct pick {
	const struct conf_mailbox *set; /* borrowed from the settings */
	char id[JOB_ID_SIZE];
};

/* only NULL: in all mailboxes. False, after a complaint, unless exactly one
 * job is meant. */
bool pick_job(struct cmd_run *run, const struct conf *conf,
	      const struct conf_mailbox *only, const char *name,
	      struct pick *ret) __attribute__((warn_unused_result));

#endif
