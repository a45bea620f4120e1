/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/claim.h"

#include <string.h>

#include "agent/forms.h"
#include "agent/mailbox.h"
#include "agent/outgoing.h"
#include "agent/personal.h"
#include "agent/turn.h"
#include "agent/withheld.h"
#include "base/clock.h"
#include "base/fsx.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "spool/pair.h"
#include "spool/scan.h"

/* A control file that cannot be read may still be being written. */
#define BROKEN_DELAY (2 * CLOCK_SECOND)
/* Pairs claimed at once; more wait where they are, which is safest. */
#define CLAIMED_MOST 1000

/* The report goes to TEMP before the record that names it, so that "gone from
 * TEMP" can only mean "moved to IN". */
static int stage_collect(struct turn *turn, struct job *job,
			 const struct ctl *ctl, int64_t now, struct err *err)
{
	const struct boxdir *dir = &turn->mailbox->dir;
	char stamp[CLOCK_STAMP_SIZE];
	clock_stamp_local(now, stamp);
	int r = pair_choose_report(dir, job->ctl_name, "COLLECT", stamp,
				   job->collect_name, err);
	if (r < 0)
		return r;
	struct ctl_status status = {
		.time = stamp,
		.event = "COLLECT",
		.success = true,
		.code = "00",
		.text = "Data collect success confirmation.",
	};
	struct ctl report;
	forms_report(ctl, &status, &report);
	r = pair_stage(dir, job, "collect", &report, err);
	ctl_release(&report);
	return r;
}

/* What the record will name is durable in TEMP before there is one. */
static int stage_claim(struct turn *turn, struct job *job,
		       const struct ctl *ctl, int64_t now, struct err *err)
{
	const struct mailbox *mailbox = turn->mailbox;
	bool whole = ctl->value[CTL_TO_DTS] && job->dat_name[0] != '\0';
	bool report = whole && mailbox->set->report_collect;
	int r = report ? stage_collect(turn, job, ctl, now, err) : 0;
	if (r == 0 && (report || job->route[0] != '\0'))
		r = fsx_sync_dir(mailbox->dir.temp, "TEMP", err);
	return r;
}

size_t claim_room(const struct mailbox *mailbox)
{
	/* who keeps his files from us must not take the place of others */
	size_t jobs = mailbox->out_count - withheld_count(mailbox);
	size_t room = jobs < CLAIMED_MOST ? CLAIMED_MOST - jobs : 0;
	if (room > mailbox->set->max_messages)
		room = (size_t)mailbox->set->max_messages;
	return room;
}

bool claim_is_unusable(int r)
{
	return r == -ERR_INVALID || r == -ERR_LIMIT || r == -ERR_UNSAFE ||
	       r == -ERR_CHANGED || r == -ERR_MISSING;
}

/* Whether a pair is left in OUT for now: it changed under our eyes, is gone, or
 * its control file cannot be read but has not been steady for long. */
static bool leave_alone(struct mailbox *mailbox, const struct scan_pair *pair,
			int r)
{
	if (r == -ERR_MISSING || r == -ERR_CHANGED) {
		scan_forget(mailbox->scan, pair->ctl_name);
		return true;
	}
	if (r >= 0 || pair->steady_ns >= BROKEN_DELAY)
		return false;
	int64_t due = clock_mono_ns() + BROKEN_DELAY - pair->steady_ns;
	if (due < mailbox->scan_due_ns)
		mailbox->scan_due_ns = due;
	mailbox->now.settling++;
	return true;
}

int claim_begin(struct turn *turn, struct job *job, const struct ctl *ctl,
		int64_t now, struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	int r = stage_claim(turn, job, ctl, now, err);
	if (r == 0)
		r = job_create(job, &mailbox->dir, now, err);
	if (r < 0) {
		if (r != -ERR_SYNC) /* else nobody knows what is on disk */
			pair_unstage(&mailbox->dir, job);
		job_release(job);
		return r;
	}
	struct outgoing *out = mailbox_add_job(mailbox, job);
	AUTO_FREE char *facts = personal_facts(mailbox, ctl);
	log_event(LOG_LEVEL_INFO, "claimed", mailbox->set->id,
		  "job=%s file=\"%s\" bytes=%llu%s", out->job.id,
		  out->job.ctl_name, (unsigned long long)out->job.dat.size,
		  facts);
	return claim_take(mailbox, out, err);
}

static int begin_pair(struct turn *turn, const struct ctl *ctl,
		      const struct scan_pair *pair, struct err *err)
{
	int64_t now = clock_wall_ns();
	struct job job;
	job_init(&job);
	job_make_id(now, job.id);
	(void)text_copy(job.ctl_name, sizeof(job.ctl_name), pair->ctl_name);
	(void)text_copy(job.dat_name, sizeof(job.dat_name), pair->dat_name);
	job.ctl = pair->ctl;
	job.dat = pair->dat;
	int r = claim_begin(turn, &job, ctl, now, err);
	if (r == 0)
		scan_forget(turn->mailbox->scan, pair->ctl_name);
	return r;
}

/* Nothing of the pair was moved: it is as if it had never been claimed. */
static int void_claim(struct mailbox *mailbox, struct outgoing *out,
		      struct err *err)
{
	int r = job_finish(&out->job, &mailbox->dir, err);
	if (r < 0)
		return r;
	pair_unstage(&mailbox->dir, &out->job);
	mailbox_drop_job(mailbox, out);
	return 0;
}

/* A file may not be moved. A pair that has not begun to move stays its owner's;
 * one that has is ours, and waits alone for the rest. */
static int claim_denied(struct mailbox *mailbox, struct outgoing *out,
			struct err *err)
{
	if (!pair_is_untouched(&mailbox->dir, &out->job)) {
		withheld_job(mailbox, out, err);
		return 0;
	}
	struct err why;
	int r = void_claim(mailbox, out, &why);
	if (r < 0) {
		*err = why;
		return r;
	}
	err_widen(err, ERR_MESSAGE, ERR_LATER);
	return -(int)err->code;
}

int claim_take(struct mailbox *mailbox, struct outgoing *out, struct err *err)
{
	struct job *job = &out->job;
	int r = pair_claim(&mailbox->dir, job, err);
	if (r == -ERR_DENIED)
		return claim_denied(mailbox, out, err);
	if (r == -ERR_CHANGED) {
		out->claimed = true;
		return outgoing_reject(mailbox, out, "COLLECT", "02", err->text,
				       err);
	}
	if (r == -ERR_MISSING) {
		log_event(LOG_LEVEL_NOTICE, "pair-gone", mailbox->set->id,
			  "job=%s file=\"%s\" reason=\"%s\"", job->id,
			  job->ctl_name, err->text);
		return void_claim(mailbox, out, err);
	}
	out->claimed = r == 0;
	if (r == 0)
		withheld_over(mailbox, out);
	return r;
}

int claim_take_again(struct mailbox *mailbox, struct outgoing *out,
		     struct err *err)
{
	int r = claim_take(mailbox, out, err);
	if (r == 0 || !withheld_is(err))
		return r;
	withheld_claim(mailbox, err);
	return 0;
}

bool claim_is_pending(const struct mailbox *mailbox, const char *route,
		      const char *name)
{
	for (size_t i = 0; i < mailbox->out_count; i++) {
		const struct outgoing *out = mailbox->out[i];
		const struct job *job = &out->job;
		if (!out->claimed && strcmp(job->route, route) == 0 &&
		    (strcmp(job->dat_name, name) == 0 ||
		     strcmp(job->ctl_name, name) == 0))
			return true;
	}
	return false;
}

static bool is_pending(const struct mailbox *mailbox,
		       const struct scan_pair *pair)
{
	return claim_is_pending(mailbox, "", pair->ctl_name) ||
	       (pair->dat_name[0] != '\0' &&
		claim_is_pending(mailbox, "", pair->dat_name));
}

/* A data file that is no longer a plain one is looked at anew. */
static int look_at_data(const struct mailbox *mailbox,
			const struct scan_pair *pair, struct err *err)
{
	if (pair->dat_name[0] == '\0')
		return 0;
	int r = pair_look(mailbox->dir.out, pair->dat_name, &pair->dat, err);
	return r == -ERR_UNSAFE ? -ERR_CHANGED : r;
}

/* A control file that cannot be read is claimed too: its end is FAILED, with
 * the reason. */
int claim_pair(struct turn *turn, const struct scan_pair *pair, struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	if (is_pending(mailbox, pair)) {
		withheld_behind(mailbox->scan, pair->ctl_name);
		return 0;
	}
	struct ctl ctl;
	ctl_init(&ctl);
	struct scan_identity identity;
	int r = pair_read_out(&mailbox->dir, pair->ctl_name, &ctl, &identity,
			      err);
	if (r == 0 && !pair_same(&identity, &pair->ctl))
		r = -ERR_CHANGED;
	if (r == 0)
		r = look_at_data(mailbox, pair, err);
	if (leave_alone(mailbox, pair, r))
		r = 0;
	else if (r == 0 || claim_is_unusable(r))
		r = begin_pair(turn, &ctl, pair, err);
	if (r < 0 && withheld_is(err)) {
		turn->denied = true;
		withheld_pair(mailbox, mailbox->scan, pair, err);
		r = 0;
	}
	ctl_release(&ctl);
	return r;
}
