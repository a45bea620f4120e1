/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/forms.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "mesh/inbox.h"
#include "spool/job.h"

static const enum ctl_field always[] = {
	CTL_VERSION, CTL_ADDRESS_TYPE, CTL_MESSAGE_TYPE, CTL_FROM_DTS,
	CTL_TO_DTS,  CTL_SUBJECT,      CTL_LOCAL_ID,	 CTL_WORKFLOW_ID,
};

static void set_if_absent(struct ctl *ctl, enum ctl_field field,
			  const char *value)
{
	if (!ctl->value[field])
		ctl_set(ctl, field, value);
}

static void complete(struct ctl *ctl)
{
	for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
		set_if_absent(ctl, always[i], "");
}

static const char *yes_no(bool yes)
{
	return yes ? "Y" : "N";
}

void forms_unreadable(const char *mailbox, struct ctl *ret)
{
	ctl_init(ret);
	ctl_set(ret, CTL_VERSION, "1.0");
	ctl_set(ret, CTL_ADDRESS_TYPE, "DTS");
	ctl_set(ret, CTL_MESSAGE_TYPE, "Data");
	ctl_set(ret, CTL_FROM_DTS, mailbox);
	complete(ret);
}

void forms_archived(const struct ctl *out, const struct job *job,
		    const struct ctl_status *status, struct ctl *ret)
{
	ctl_init(ret);
	ctl_copy(ret, out);
	complete(ret);
	if (job->local_id[0] != '\0')
		ctl_set(ret, CTL_LOCAL_ID, job->local_id);
	/* What stood there before was from an earlier message. */
	ctl_set(ret, CTL_DTS_ID, job->message_id);
	ctl_set(ret, CTL_IS_COMPRESSED, yes_no(job->gzip));
	ctl_set_status(ret, status);
}

void forms_report(const struct ctl *out, const struct ctl_status *status,
		  struct ctl *ret)
{
	ctl_init(ret);
	ctl_copy(ret, out);
	complete(ret);
	ctl_set(ret, CTL_MESSAGE_TYPE, "Report");
	ctl_set(ret, CTL_IS_COMPRESSED, "N");
	ctl_set_status(ret, status);
}

void forms_poll(const char *mailbox, const struct ctl_status *status,
		struct ctl *ret)
{
	ctl_init(ret);
	ctl_set(ret, CTL_VERSION, "1.0");
	ctl_set(ret, CTL_ADDRESS_TYPE, "DTS");
	ctl_set(ret, CTL_MESSAGE_TYPE, "Report");
	ctl_set(ret, CTL_FROM_DTS, mailbox);
	ctl_set(ret, CTL_TO_DTS, mailbox);
	complete(ret);
	ctl_set_status(ret, status);
}

/* "x26hc065@dts.nhs.uk"; "" for nobody. */
static void set_smtp(struct ctl *ctl, enum ctl_field field, const char *mailbox)
{
	if (mailbox[0] == '\0') {
		ctl_set(ctl, field, "");
		return;
	}
	AUTO_FREE char *address = xasprintf("%s@dts.nhs.uk", mailbox);
	for (char *c = address; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	ctl_set(ctl, field, address);
}

static void set_received_status(const struct inbox_head *head,
				const char *stamp, struct ctl *ret)
{
	bool given = head->status_event[0] != '\0';
	const char *event = head->report ? "SEND" : "TRANSFER";
	const char *status = head->report ? "ERROR" : "SUCCESS";
	const char *text = head->report ? "" :
					  "Transferred to recipient mailbox";
	ctl_set(ret, CTL_STATUS_TIME,
		head->status_time[0] != '\0' ? head->status_time : stamp);
	ctl_set(ret, CTL_STATUS_EVENT, given ? head->status_event : event);
	ctl_set(ret, CTL_STATUS,
		head->status[0] != '\0' ? head->status : status);
	ctl_set(ret, CTL_STATUS_CODE,
		head->status_code[0] != '\0' || head->report ?
			head->status_code :
			"00");
	ctl_set(ret, CTL_STATUS_TEXT,
		head->status_text[0] != '\0' ? head->status_text : text);
}

void forms_received(const struct inbox_head *head, const char *mailbox,
		    const char *stamp, struct ctl *ret)
{
	ctl_init(ret);
	ctl_set(ret, CTL_VERSION, "1.0");
	ctl_set(ret, CTL_ADDRESS_TYPE, "ALL");
	ctl_set(ret, CTL_MESSAGE_TYPE, head->report ? "Report" : "Data");
	ctl_set(ret, CTL_FROM_DTS, head->from);
	ctl_set(ret, CTL_TO_DTS, head->to[0] != '\0' ? head->to : mailbox);
	set_smtp(ret, CTL_FROM_ESMTP, head->from);
	set_smtp(ret, CTL_TO_ESMTP, ctl_get(ret, CTL_TO_DTS));
	ctl_set(ret, CTL_SUBJECT, head->subject);
	ctl_set(ret, CTL_LOCAL_ID, head->local_id);
	ctl_set(ret, CTL_DTS_ID, head->id);
	/* Of a report: the message it is about. */
	ctl_set(ret, CTL_PARTNER_ID,
		head->report ? head->linked_id : head->partner_id);
	ctl_set(ret, CTL_COMPRESS, yes_no(false));
	ctl_set(ret, CTL_ENCRYPTED, yes_no(head->encrypted));
	ctl_set(ret, CTL_WORKFLOW_ID, head->workflow);
	ctl_set(ret, CTL_PROCESS_ID, head->process_id);
	ctl_set(ret, CTL_DATA_CHECKSUM, head->checksum);
	ctl_set(ret, CTL_IS_COMPRESSED, yes_no(false));
	set_received_status(head, stamp, ret);
}
