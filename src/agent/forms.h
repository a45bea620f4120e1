/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The control files we write: what goes into SENT, FAILED and IN. Pure.
 *
 * Source: the Java client's files as recorded in doc/decisions and in
 * meshdrop-control-file(5). Every form has From_DTS, To_DTS, Subject,
 * WorkflowId, MessageType and LocalId, even if empty: applications read them
 * without looking whether they are there.
 */
#ifndef MESHDROP_AGENT_FORMS_H
#define MESHDROP_AGENT_FORMS_H

#include "spool/ctl.h"

struct inbox_head;
struct job;

/* Stands in for a control file of OUT that could not be read. */
void forms_unreadable(const char *mailbox, struct ctl *ret);
/* For SENT and FAILED: what the sender wrote, with DTSId, IsCompressed,
 * LocalId as sent, and the status. */
void forms_archived(const struct ctl *out, const struct job *job,
		    const struct ctl_status *status, struct ctl *ret);
/* A report of our own, for IN. */
void forms_report(const struct ctl *out, const struct ctl_status *status,
		  struct ctl *ret);
/* A poll report: about no message. */
void forms_poll(const char *mailbox, const struct ctl_status *status,
		struct ctl *ret);
/* A received message or report of the service; stamp is used when the service
 * gave no time. */
void forms_received(const struct inbox_head *head, const char *mailbox,
		    const char *stamp, struct ctl *ret);

#endif
