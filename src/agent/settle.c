/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/settle.h"

#include <string.h>

#include "agent/claim.h"
#include "agent/forms.h"
#include "agent/mailbox.h"
#include "agent/personal.h"
#include "agent/tell.h"
#include "agent/turn.h"
#include "base/clock.h"
#include "base/fsx.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "spool/ledger.h"
#include "spool/pair.h"

/* What the StatusRecord says at the end. */
static void status_of(const struct job *job, const char *stamp,
		      struct ctl_status *ret)
{
	if (job->state == JOB_REJECTED)
		*ret = (struct ctl_status){
			.time = stamp,
			.event = job->event,
			.success = false,
			.code = job->code,
			.text = job->text,
		};
	else
		*ret = (struct ctl_status){
			.time = stamp,
			.event = "TRANSFER",
			.success = true,
			.code = "00",
			.text = "Data Transfer success confirmation.",
		};
}

/* What the sender wrote; when that can never be read, a stand-in, and the
 * original is kept beside it. */
static int read_or_stand_in(struct turn *turn, struct job *job, struct ctl *ret,
			    struct err *err)
{
	const struct mailbox *mailbox = turn->mailbox;
	int r = pair_read_claimed(&mailbox->dir, job, ret, err);
	job->keep_original = r < 0;
	if (r == 0 || !claim_is_unusable(r))
		return r;
	forms_unreadable(mailbox->set->id, ret);
	return 0;
}

static int stage_report(struct turn *turn, struct job *job,
			const struct ctl *archived,
			const struct ctl_status *status, struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	job->report_name[0] = '\0';
	if (status->success && !mailbox->set->report_transfer)
		return 0;
	int r = pair_choose_report(&mailbox->dir, job->ctl_name, status->event,
				   status->time, job->report_name, err);
	if (r < 0)
		return r;
	struct ctl report;
	forms_report(archived, status, &report);
	r = pair_stage(&mailbox->dir, job, "report", &report, err);
	ctl_release(&report);
	return r;
}

static int stage_files(struct turn *turn, struct job *job,
		       const struct ctl *out, const struct ctl_status *status,
		       struct err *err)
{
	struct boxdir *dir = &turn->mailbox->dir;
	int r = pair_choose_stem(dir, job, job->failed, job->archive_stem, err);
	if (r < 0)
		return r;
	struct ctl archived;
	forms_archived(out, job, status, &archived);
	r = pair_stage(dir, job, "new", &archived, err);
	if (r == 0)
		r = stage_report(turn, job, &archived, status, err);
	ctl_release(&archived);
	return r;
}

/* The record of an earlier version may have none that is fit for a name. */
static void need_event(struct job *job)
{
	if (job->state == JOB_REJECTED && job->event[0] == '\0')
		(void)text_copy(job->event, sizeof(job->event), "SEND");
}

static int stage_all(struct turn *turn, struct job *job, struct err *err)
{
	char stamp[CLOCK_STAMP_SIZE];
	clock_stamp_local(job->state_ns, stamp);
	struct ctl_status status;
	need_event(job);
	status_of(job, stamp, &status);
	job->failed = !status.success;
	struct ctl out;
	ctl_init(&out);
	int r = read_or_stand_in(turn, job, &out, err);
	if (r == 0)
		r = stage_files(turn, job, &out, &status, err);
	ctl_release(&out);
	if (r == 0)
		r = fsx_sync_dir(turn->mailbox->dir.temp, "TEMP", err);
	return r;
}

int settle_prepare(struct turn *turn, struct outgoing *out, struct err *err)
{
	int r = stage_all(turn, &out->job, err);
	if (r < 0)
		return r;
	/* From here on, a staged file that is gone from TEMP has arrived. */
	return job_move(&out->job, JOB_ARCHIVING, clock_wall_ns(), err);
}

static void say(struct turn *turn, const struct job *job, const char *facts)
{
	struct mailbox *mailbox = turn->mailbox;
	double seconds = (double)(clock_wall_ns() - job->created_ns) /
			 (double)CLOCK_SECOND;
	if (job->failed) {
		mailbox->now.failed++;
		log_event(LOG_LEVEL_WARNING, "failed", mailbox->set->id,
			  "job=%s file=\"%s\" event=%s code=\"%s\" "
			  "reason=\"%s\"%s",
			  job->id, job->archive_stem, job->event, job->code,
			  job->text, facts);
		return;
	}
	mailbox->now.sent++;
	log_event(LOG_LEVEL_INFO, "sent", mailbox->set->id,
		  "job=%s file=\"%s\" message=%s bytes=%llu chunks=%u "
		  "seconds=%.1f%s",
		  job->id, job->archive_stem, job->message_id,
		  (unsigned long long)job->dat.size, job->chunk_count, seconds,
		  facts);
}

/* While the new control file is still in TEMP. */
static void find_workflow(const struct mailbox *mailbox, const struct job *job,
			  char ret[TELL_WORKFLOW_SIZE])
{
	AUTO_FREE char *name = xasprintf("%s.new", job->id);
	ret[0] = '\0';
	if (job->failed)
		tell_workflow(mailbox, CONF_ON_FAILED, name, ret);
}

int settle_archive(struct turn *turn, struct outgoing *out, struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	struct job *job = &out->job;
	bool keep = job->failed || mailbox->set->save_sent;
	char workflow[TELL_WORKFLOW_SIZE];
	find_workflow(mailbox, job, workflow);
	AUTO_FREE char *facts = personal_facts_staged(mailbox, job->id, ".new");
	int r = pair_archive(&mailbox->dir, job, keep, err);
	/* Here the pair is where it belongs; a restart finds nothing to move. */
	if (r == 0 && !ledger_has_job(mailbox->ledger, job->id))
		r = ledger_add_sent(mailbox->ledger, job, clock_wall_ns(), err);
	if (r == 0)
		r = job_finish(job, &mailbox->dir, err);
	if (r < 0)
		return r;
	say(turn, job, facts);
	if (job->failed)
		tell_failed(mailbox, job, workflow);
	mailbox_drop_job(mailbox, out);
	return 0;
}
