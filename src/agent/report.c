/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/report.h"

#include "agent/forms.h"
#include "agent/mailbox.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "spool/job.h"
#include "spool/pair.h"

#define CTL_FILE_MAX ((size_t)1 << 20)

/* Writes to TEMP, then renames: readers of IN see it whole or not at all. */
static int publish(struct mailbox *mailbox, const char *ctl_name,
		   const struct ctl_status *status, const struct ctl *ctl,
		   struct err *err)
{
	struct boxdir *dir = &mailbox->dir;
	char name[TEXT_NAME_SIZE];
	int r = pair_choose_report(dir, ctl_name, status->event, status->time,
				   name, err);
	if (r < 0)
		return r;
	/* Named like a job's, so that a sweep knows what a crash left. */
	char id[JOB_ID_SIZE];
	job_make_id(clock_wall_ns(), id);
	AUTO_FREE char *temp = xasprintf("%s.report", id);
	AUTO_BUF struct buf text;
	buf_init(&text, CTL_FILE_MAX);
	ctl_write(ctl, &text);
	r = fsx_store_new(dir->temp, temp, 0660, text.data, text.len, err);
	if (r == 0)
		r = fsx_move(dir->temp, temp, dir->in, name, err);
	return r;
}

int report_poll(struct mailbox *mailbox, struct err *err)
{
	if (!mailbox->set->report_poll)
		return 0;
	char stamp[CLOCK_STAMP_SIZE];
	clock_stamp_local(clock_wall_ns(), stamp);
	struct ctl_status status = {
		.time = stamp,
		.event = "RECEIVE",
		.success = true,
		.code = "00",
		.text = "Poll Report Success confirmation",
	};
	struct ctl ctl;
	forms_poll(mailbox->set->id, &status, &ctl);
	int r = publish(mailbox, mailbox->set->id, &status, &ctl, err);
	ctl_release(&ctl);
	return r;
}

int report_delay(struct mailbox *mailbox, const struct outgoing *out,
		 struct err *err)
{
	if (!mailbox->set->report_delay)
		return 0;
	struct ctl original;
	ctl_init(&original);
	int r = pair_read_claimed(&mailbox->dir, &out->job, &original, err);
	if (r < 0)
		return r;
	char stamp[CLOCK_STAMP_SIZE];
	clock_stamp_local(clock_wall_ns(), stamp);
	struct ctl_status status = {
		.time = stamp,
		.event = "TRANSFER",
		.success = true,
		.code = "05",
		.text = "failed to transfer, will retry",
	};
	struct ctl ctl;
	forms_report(&original, &status, &ctl);
	r = publish(mailbox, out->job.ctl_name, &status, &ctl, err);
	ctl_release(&ctl);
	ctl_release(&original);
	return r;
}
