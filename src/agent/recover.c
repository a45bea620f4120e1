/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/recover.h"

#include <stdio.h>
#include <string.h>

#include "agent/claim.h"
#include "agent/incoming.h"
#include "agent/mailbox.h"
#include "agent/outgoing.h"
#include "agent/parts.h"
#include "base/clock.h"
#include "base/fsx.h"
#include "base/log.h"
#include "conf/conf.h"
#include "spool/delivery.h"
#include "spool/sweep.h"

/* No attempt to write a file in TEMP lives this long. */
#define SWEEP_AGE (INT64_C(24) * 3600 * CLOCK_SECOND)

/* --- jobs --- */

static int recover_job(struct mailbox *mailbox, struct outgoing *out,
		       struct err *err)
{
	struct job *job = &out->job;
	/* The last chunk may have arrived: ask before sending it. */
	job->confirm = job->chunks_done + 1 == job->chunk_count;
	out->claimed = true;
	switch (job->state) {
	case JOB_CLAIMED:
		out->claimed = false;
		return claim_take_again(mailbox, out, err);
	case JOB_OPENING:
		return outgoing_lost(out, mailbox->conf->resolve_after_ns, err);
	case JOB_OPEN:
	case JOB_ACCEPTED:
	case JOB_REJECTED:
	case JOB_DEFERRED:
	case JOB_UNKNOWN:
	case JOB_HELD:
	case JOB_ARCHIVING:
		break; /* the next turn goes on with these */
	}
	return 0;
}

/* A record without a good first line: its claim had not begun, the pair is
 * still in OUT and will be found again. */
static int discard_record(struct mailbox *mailbox, const char *id,
			  struct err *err)
{
	char name[TEXT_NAME_SIZE];
	(void)snprintf(name, sizeof(name), "%s.job", id); /* ids are short */
	log_event(LOG_LEVEL_NOTICE, "unborn-record", mailbox->set->id,
		  "job=%s reason=\"%s\"", id, err->text);
	return fsx_remove(mailbox->dir.jobs, name, err);
}

/* A record that cannot be read in full may be about a message that was sent:
 * it stays, and so does all that bears its name in TEMP. */
static void set_aside(struct mailbox *mailbox, const char *what, const char *id,
		      const struct err *err)
{
	mailbox->damaged++;
	log_event(LOG_LEVEL_ERROR, "damaged-record", mailbox->set->id,
		  "%s=%s reason=\"%s\" do=\"meshdrop verify\"", what, id,
		  err->text);
}

static int recover_one(struct mailbox *mailbox, const char *id, struct err *err)
{
	struct job job;
	job_init(&job);
	bool torn = false;
	int r = job_load(&job, mailbox->dir.jobs, id, true, &torn, err);
	if (r == -ERR_CORRUPT) {
		job_release(&job);
		return discard_record(mailbox, id, err);
	}
	if (r == -ERR_INVALID) {
		job_release(&job);
		set_aside(mailbox, "job", id, err);
		return 0;
	}
	if (r < 0) {
		job_release(&job);
		return r;
	}
	struct outgoing *out = mailbox_add_job(mailbox, &job);
	log_event(LOG_LEVEL_INFO, "found", mailbox->set->id,
		  "job=%s file=\"%s\" state=%s torn=%s", id, out->job.ctl_name,
		  job_state_name(out->job.state), torn ? "yes" : "no");
	return recover_job(mailbox, out, err);
}

static int recover_jobs(struct mailbox *mailbox, struct err *err)
{
	struct job_list list;
	int r = job_list_read(mailbox->dir.jobs, &list, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.count && r == 0; i++)
		r = recover_one(mailbox, list.ids[i], err);
	job_list_release(&list);
	return r;
}

/* --- deliveries --- */

/* The folder of a message that was on its way, which the settings need not even
 * name any more: nothing else waits for it. The message stays listed, and so it
 * is tried again. */
static bool is_about_folder(int result)
{
	return result == -ERR_UNSAFE || result == -ERR_CONFIG ||
	       result == -ERR_DENIED;
}

static int recover_delivery(struct mailbox *mailbox,
			    const struct delivery_found *found, struct err *err)
{
	const char *id = found->id;
	struct delivery *delivery = &mailbox->in.delivery;
	int r = delivery_resume(delivery, &mailbox->dir, id, err);
	bool staged = r == 0 && delivery->state == DELIVERY_STAGED;
	bool elsewhere = staged && delivery->folder[0] != '\0';
	if (staged)
		r = incoming_deliver(mailbox, err);
	else if (r == 0 && parts_outdated(found->mtime_ns, clock_wall_ns()))
		r = delivery_finish(delivery, &mailbox->dir, err);
	if (r == -ERR_INVALID || r == -ERR_EXISTS) {
		set_aside(mailbox, "message", id, err);
		r = 0;
	} else if (elsewhere && is_about_folder(r)) {
		log_event(LOG_LEVEL_ERROR, "not-taken", mailbox->set->id,
			  "message=%s reason=\"%s\"", id, err->text);
		r = 0;
	}
	delivery_release(delivery);
	delivery_init(delivery);
	return r;
}

static int recover_deliveries(struct mailbox *mailbox, struct err *err)
{
	struct delivery_list list;
	int r = delivery_list_read(&mailbox->dir, &list, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.count && r == 0; i++)
		r = recover_delivery(mailbox, &list.items[i], err);
	delivery_list_release(&list);
	return r;
}

int recover_mailbox(struct mailbox *mailbox, struct err *err)
{
	int r = recover_jobs(mailbox, err);
	if (r == 0)
		r = recover_deliveries(mailbox, err);
	size_t removed = 0;
	size_t returned = 0;
	if (r == 0)
		r = sweep_temp(&mailbox->dir, clock_wall_ns(), SWEEP_AGE,
			       &removed, &returned, err);
	if (r < 0) {
		err_prefix(err,
			   "mailbox %s: cannot take up what an earlier "
			   "run left",
			   mailbox->set->id);
		return r;
	}
	if (removed + returned > 0)
		log_event(LOG_LEVEL_NOTICE, "swept", mailbox->set->id,
			  "removed=%zu returned=%zu", removed, returned);
	mailbox->ready = true;
	mailbox_view_publish(mailbox);
	return 0;
}

int recover_open(struct mailbox *mailbox, struct err *err)
{
	int r = mailbox_open_parts(mailbox, err);
	if (r == 0)
		r = recover_mailbox(mailbox, err);
	if (r < 0) {
		mailbox_shut(mailbox); /* each step of it may be repeated */
		return r;
	}
	log_event(LOG_LEVEL_INFO, "mailbox", mailbox->set->id,
		  "root=\"%s\" jobs=%zu", mailbox->set->root,
		  mailbox->out_count);
	return 0;
}
