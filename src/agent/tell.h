/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What an operator's program is told, and when: HOOKS in meshdropd(8).
 *
 * Called when all is durable; the notice itself is not. Nothing is told that
 * is secret, or that may name a patient other than the files' own names: the
 * rest is in the control file.
 */
#ifndef MESHDROP_AGENT_TELL_H
#define MESHDROP_AGENT_TELL_H

#include <stdbool.h>

#include "conf/conf.h"

struct hook;
struct job;
struct mailbox;

#define TELL_WORKFLOW_SIZE 256

/* Members may be NULL or "": there is none, or it is not known. */
struct tell {
	const char *folder; /* below the root, in any letter case */
	const char *ctl;    /* names of files in it */
	const char *dat;
	const char *message_id;
	const char *job;
	const char *workflow;
	const char *status; /* event and code of a failure */
};

/* Before the control file leaves TEMP: its WorkflowId, for one of the calls
 * below; "" when nobody wants to know, or it is not there any more. */
void tell_workflow(const struct mailbox *mailbox, enum conf_event event,
		   const char *temp_name, char ret[TELL_WORKFLOW_SIZE]);

/* A message or a report is in its folder for good. */
void tell_arrived(struct mailbox *mailbox, const char *folder, const char *id,
		  bool report, const char *workflow);
/* A pair is in FAILED for good. */
void tell_failed(struct mailbox *mailbox, const struct job *job,
		 const char *workflow);

/* The run that tells it; NULL when the settings name no program. */
struct hook *tell_hook(const struct mailbox *mailbox, enum conf_event event,
		       const struct tell *what)
	__attribute__((warn_unused_result));

#endif
