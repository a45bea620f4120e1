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
	if (r < 0)
		return r;
	r = fsx_move(dir->temp, temp, dir->in, name, err);
	if (r < 0) /* what stays is swept at a start */
		(void)!fsx_remove(dir->temp, temp, NULL);
	return r;
}

/* About no message. */
static int about_mailbox(struct mailbox *mailbox, const char *name,
			 struct ctl_status *status, struct err *err)
{
	char stamp[CLOCK_STAMP_SIZE];
	clock_stamp_local(clock_wall_ns(), stamp);
	status->time = stamp;
	struct ctl ctl;
	forms_poll(mailbox->set->id, status, &ctl);
	int r = publish(mailbox, name, status, &ctl, err);
	ctl_release(&ctl);
	status->time = NULL; /* it was in this frame */
	return r;
}

/* What the sender wrote, with the local id that it goes by. */
static int about_message(struct mailbox *mailbox, const struct outgoing *out,
			 struct ctl_status *status, struct err *err)
{
	struct ctl original;
	ctl_init(&original);
	int r = pair_read_claimed(&mailbox->dir, &out->job, &original, err);
	if (r < 0)
		return r;
	if (out->job.local_id[0] != '\0')
		ctl_set(&original, CTL_LOCAL_ID, out->job.local_id);
	char stamp[CLOCK_STAMP_SIZE];
	clock_stamp_local(clock_wall_ns(), stamp);
	status->time = stamp;
	struct ctl ctl;
	forms_report(&original, status, &ctl);
	r = publish(mailbox, out->job.ctl_name, status, &ctl, err);
	ctl_release(&ctl);
	ctl_release(&original);
	status->time = NULL; /* it was in this frame */
	return r;
}

int report_poll(struct mailbox *mailbox, struct err *err)
{
	if (!mailbox->set->report_poll)
		return 0;
	struct ctl_status status = {
		.event = "RECEIVE",
		.success = true,
		.code = "00",
		.text = "Poll Report Success confirmation",
	};
	return about_mailbox(mailbox, mailbox->set->id, &status, err);
}

int report_delay(struct mailbox *mailbox, const struct outgoing *out,
		 struct err *err)
{
	if (!mailbox->set->report_delay)
		return 0;
	struct ctl_status status = {
		.event = "TRANSFER",
		.success = true,
		.code = "05",
		.text = "failed to transfer, will retry",
	};
	return about_message(mailbox, out, &status, err);
}

const char *report_outage_code(enum err_code code)
{
	if (code == ERR_TLS)
		return "16";
	return code == ERR_AUTH ? "17" : "15";
}

static const char *outage_text(enum err_code code)
{
	if (code == ERR_TLS)
		return "invalid server certificate, or ours is refused";
	if (code == ERR_AUTH)
		return "invalid username or authentication string";
	return "poll failed, see the log of meshdropd";
}

int report_outage(struct mailbox *mailbox, const struct err *why,
		  struct err *err)
{
	AUTO_FREE char *text = xasprintf("%s: %s", outage_text(why->code),
					 why->text);
	struct ctl_status status = {
		.event = "RECEIVE",
		.code = report_outage_code(why->code),
		.text = text,
	};
	return about_mailbox(mailbox, mailbox->set->id, &status, err);
}

int report_barred(struct mailbox *mailbox, const struct outgoing *out,
		  const struct err *why, struct err *err)
{
	if (why->code != ERR_TLS && why->code != ERR_AUTH)
		return 0;
	bool tls = why->code == ERR_TLS;
	/* An application that sent it again would send it twice. */
	AUTO_FREE char *text = xasprintf(
		"%s; the message is kept and goes on by itself when this is "
		"mended, do not send it again: %s",
		tls ? "invalid certificate, unreachable certificate path, or "
		      "problem loading it" :
		      "invalid username or authentication string",
		why->text);
	struct ctl_status status = {
		.event = "TRANSFER",
		.code = tls ? "03" : "04",
		.text = text,
	};
	return about_message(mailbox, out, &status, err);
}

int report_lone(struct mailbox *mailbox, const char *dat_name, struct err *err)
{
	struct ctl_status status = {
		.event = "COLLECT",
		.code = "01",
		.text = ".ctl file is missing or inaccessible",
	};
	return about_mailbox(mailbox, dat_name, &status, err);
}
