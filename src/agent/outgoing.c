/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/outgoing.h"

#include <assert.h>
#include <string.h>

#include "agent/mailbox.h"
#include "agent/open.h"
#include "agent/personal.h"
#include "agent/report.h"
#include "agent/resolve.h"
#include "agent/settle.h"
#include "agent/turn.h"
#include "agent/withheld.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "mesh/send.h"
#include "mesh/track.h"
#include "spool/pair.h"

#define BACKOFF_FIRST (5 * CLOCK_SECOND)
#define BACKOFF_MOST (900 * CLOCK_SECOND)
#define WAIT_MOST (INT64_C(25) * 3600 * CLOCK_SECOND)

static int move(struct outgoing *out, enum job_state to, struct err *err)
{
	return job_move(&out->job, to, clock_wall_ns(), err);
}

int outgoing_reject(struct mailbox *mailbox, struct outgoing *out,
		    const char *event, const char *code, const char *text,
		    struct err *err)
{
	struct job *job = &out->job;
	(void)text_copy(job->event, sizeof(job->event), event);
	(void)text_copy(job->code, sizeof(job->code), code);
	text_escape(job->text, sizeof(job->text), text);
	personal_hide(mailbox, job, job->text);
	int r = move(out, JOB_REJECTED, err);
	if (r < 0)
		return r;
	log_event(LOG_LEVEL_WARNING, "rejected", mailbox->set->id,
		  "job=%s file=\"%s\" event=%s code=\"%s\" reason=\"%s\"",
		  job->id, job->ctl_name, job->event, job->code, job->text);
	return 0;
}

/* --- what the answer of a POST leads to --- */

static int defer(struct turn *turn, struct outgoing *out, enum job_state resume,
		 const struct outcome *outcome, struct err *err)
{
	struct job *job = &out->job;
	int64_t wait = clock_backoff_ns(job->failures, BACKOFF_FIRST,
					BACKOFF_MOST);
	if (outcome->retry_after_ns > wait)
		wait = outcome->retry_after_ns;
	job->failures++;
	job->resume = resume;
	job->not_before_ns = clock_wall_ns() + wait;
	if (outcome->answered && resume == JOB_CLAIMED)
		job->attempts++;
	text_escape(job->text, sizeof(job->text), outcome->err.text);
	int r = move(out, JOB_DEFERRED, err);
	if (r < 0)
		return r;
	log_event(LOG_LEVEL_NOTICE, "deferred", turn->mailbox->set->id,
		  "job=%s file=\"%s\" seconds=%lld reason=\"%s\"", job->id,
		  job->ctl_name, (long long)(wait / CLOCK_SECOND), job->text);
	struct err unsaid;
	if (report_delay(turn->mailbox, out, &unsaid) < 0)
		mailbox_complain(turn->mailbox, &turn->mailbox->folder,
				 "folder-trouble", &unsaid);
	return 0;
}

/* A service that says when to come back is not even asked before. */
static int become_unknown(struct turn *turn, struct outgoing *out,
			  const struct outcome *outcome, struct err *err)
{
	struct job *job = &out->job;
	int64_t wait = turn->conf->resolve_after_ns;
	if (outcome->retry_after_ns > wait)
		wait = outcome->retry_after_ns;
	job->absent = 0;
	job->failures = 0;
	if (outcome->answered)
		job->attempts++;
	job->not_before_ns = clock_wall_ns() + wait;
	text_escape(job->text, sizeof(job->text), outcome->err.text);
	int r = move(out, JOB_UNKNOWN, err);
	if (r == 0)
		log_event(LOG_LEVEL_WARNING, "unknown", turn->mailbox->set->id,
			  "job=%s file=\"%s\" reason=\"%s\"", job->id,
			  job->ctl_name, job->text);
	return r;
}

static int taken(struct outgoing *out, const struct outcome *outcome,
		 struct err *err)
{
	struct job *job = &out->job;
	job->failures = 0;
	job->confirm = false;
	if (job->state == JOB_OPENING)
		(void)text_copy(job->message_id, sizeof(job->message_id),
				outcome->message_id);
	job->chunks_done++;
	bool whole = job->chunks_done == job->chunk_count;
	return move(out, whole ? JOB_ACCEPTED : JOB_OPEN, err);
}

static int refused(struct turn *turn, struct outgoing *out,
		   const struct outcome *outcome, struct err *err)
{
	const struct reply_error *error = &outcome->error;
	if (error->message_id[0] != '\0' && out->job.message_id[0] == '\0')
		(void)text_copy(out->job.message_id,
				sizeof(out->job.message_id), error->message_id);
	const char *event = error->event[0] != '\0' ? error->event : "SEND";
	const char *code = error->code[0] != '\0' ? error->code : "06";
	const char *text = error->text[0] != '\0' ? error->text :
						    outcome->err.text;
	return outgoing_reject(turn->mailbox, out, event, code, text, err);
}

/* Delays and doubts about us, not about the message. */
static void note_contact(struct turn *turn, const struct outcome *outcome)
{
	struct mailbox *mailbox = turn->mailbox;
	if (outcome->auth)
		mailbox->handshake_due_ns = 0;
	if (outcome->kind == OUTCOME_TAKEN || outcome->answered)
		mailbox->now.last_contact_ns = clock_wall_ns();
}

/* What a chunk of an upload is answered that the service does not know. */
static bool is_forgotten(int http)
{
	return http == 404 || http == 406 || http == 410;
}

static int apply(struct turn *turn, struct outgoing *out,
		 const struct outcome *outcome, struct err *err)
{
	struct job *job = &out->job;
	bool first = job->state == JOB_OPENING;
	/* Noticed before the last byte left: the server has no message. */
	if (outcome->kind != OUTCOME_TAKEN && outcome->err.code == ERR_CHANGED)
		return outgoing_reject(turn->mailbox, out, "COLLECT", "02",
				       outcome->err.text, err);
	switch (outcome->kind) {
	case OUTCOME_TAKEN:
		return taken(out, outcome, err);
	case OUTCOME_REFUSED:
		return refused(turn, out, outcome, err);
	case OUTCOME_UNKNOWN:
		return become_unknown(turn, out, outcome, err);
	case OUTCOME_RESTART:
		return defer(turn, out, JOB_CLAIMED, outcome, err);
	case OUTCOME_CONFIRM:
		/* Neither the upload nor tracking knows it: start again. */
		if (out->absent && is_forgotten(outcome->http))
			return defer(turn, out, JOB_CLAIMED, outcome, err);
		job->confirm = true;
		return defer(turn, out, JOB_OPEN, outcome, err);
	case OUTCOME_LATER:
		break;
	}
	return defer(turn, out, first ? JOB_CLAIMED : JOB_OPEN, outcome, err);
}

/* Until its line is on disk the outcome stays in memory; a restart before that
 * finds OPENING or the chunk before, and asks or repeats. */
static int record_outcome(struct turn *turn, struct outgoing *out,
			  struct err *err)
{
	struct job before = out->job;
	int r = apply(turn, out, &out->outcome, err);
	out->unwritten = r < 0;
	if (r < 0)
		out->job = before;
	return r;
}

int outgoing_outcome(struct turn *turn, struct outgoing *out, struct err *err)
{
	note_contact(turn, &out->outcome);
	personal_hide(turn->mailbox, &out->job, out->outcome.error.text);
	personal_hide(turn->mailbox, &out->job, out->outcome.err.text);
	int r = record_outcome(turn, out, err);
	if (r < 0)
		return r;
	/* Other messages would fare no better, and might be in doubt too. */
	enum outcome_kind kind = out->outcome.kind;
	if ((kind == OUTCOME_LATER || kind == OUTCOME_UNKNOWN) &&
	    out->outcome.err.code != ERR_CHANGED) {
		*err = out->outcome.err;
		return -(int)err->code;
	}
	return 0;
}

/* --- further chunks --- */

/* Whether this is said only of a message whose upload is complete. */
static bool is_complete(enum reply_status status)
{
	switch (status) {
	case REPLY_STATUS_ACCEPTED:
	case REPLY_STATUS_ACKNOWLEDGED:
	case REPLY_STATUS_UNDELIVERABLE:
		return true;
	case REPLY_STATUS_UNKNOWN:
	case REPLY_STATUS_UPLOADING:
	case REPLY_STATUS_ERROR:
		break;
	}
	return false;
}

/* The upload is complete, but the service did not take the message. */
static int reject_upload(struct turn *turn, struct outgoing *out,
			 struct reply_track *track, struct err *err)
{
	personal_hide(turn->mailbox, &out->job, track->failure);
	const char *why = track->failure[0] != '\0' ?
				  track->failure :
				  "tracking has it as refused";
	return outgoing_reject(turn->mailbox, out, "SEND", "06", why, err);
}

static int accept_upload(struct outgoing *out, struct err *err)
{
	struct job *job = &out->job;
	struct job before = *job;
	job->chunks_done = job->chunk_count;
	job->confirm = false;
	int r = move(out, JOB_ACCEPTED, err);
	if (r < 0)
		*job = before; /* it is still open, and is asked again */
	return r;
}

/* What is known of a last chunk whose answer was lost. */
struct fate {
	bool settled; /* nothing is left to send */
	bool doubt;   /* it may have arrived */
};

/* The fate of the last chunk is asked before it is sent again. What proves
 * nothing makes it be sent again, which cannot double the message. */
static int confirm(struct turn *turn, struct outgoing *out, struct fate *ret,
		   struct err *err)
{
	ret->doubt = true;
	enum track_found found;
	struct reply_track track;
	int r = track_message(&turn->session, out->job.message_id, &found,
			      &track, err);
	if (r == -ERR_PROTOCOL || r == -ERR_MISSING)
		return 0; /* it cannot be asked: a chunk may be repeated */
	if (r < 0)
		return r;
	out->absent = found == TRACK_NONE;
	bool failed = found == TRACK_ONE && track.status == REPLY_STATUS_ERROR;
	bool complete = found == TRACK_ONE && is_complete(track.status);
	ret->settled = failed || complete;
	ret->doubt = found != TRACK_ONE ||
		     track.status != REPLY_STATUS_UPLOADING;
	if (failed)
		return reject_upload(turn, out, &track, err);
	return complete ? accept_upload(out, err) : 0;
}

void outgoing_close_data(struct outgoing *out)
{
	mem_auto_close(&out->fd);
	out->fd = -1;
}

static int post_chunk(struct turn *turn, struct outgoing *out, struct err *err)
{
	struct job *job = &out->job;
	struct payload payload;
	int r = open_chunk_payload(turn, out, job->chunks_done + 1, &payload,
				   err);
	if (r < 0)
		return r;
	send_chunk(&turn->session, job->message_id, &payload,
		   job->chunks_done + 1, job->chunk_count, &out->outcome);
	payload_release(&payload);
	return outgoing_outcome(turn, out, err);
}

/* Our file cannot be sent to its end. Without its last chunk nobody will ever
 * see the message; where that may have arrived, an operator decides. */
static int break_off(struct turn *turn, struct outgoing *out, bool doubt,
		     struct err *err)
{
	if (!doubt)
		return outgoing_reject(turn->mailbox, out, "COLLECT", "02",
				       err->text, err);
	AUTO_FREE char *why = xasprintf("%s, and whether the last chunk "
					"arrived is not known",
					err->text);
	return resolve_hold(turn, out, JOB_UNKNOWN, why, err);
}

static int next_chunk(struct turn *turn, struct outgoing *out, struct err *err)
{
	struct fate fate = { .settled = false };
	int r = 0;
	out->absent = false;
	if (out->job.confirm)
		r = confirm(turn, out, &fate, err);
	if (r < 0 || fate.settled)
		return r;
	r = pair_open_data(&turn->mailbox->dir, &out->job, &out->fd, err);
	if (r == 0)
		r = post_chunk(turn, out, err);
	outgoing_close_data(out);
	if (r == -ERR_CHANGED || r == -ERR_MISSING)
		return break_off(turn, out, fate.doubt, err);
	return r;
}

/* --- steps --- */

/* The settings, Retry-After and our own pauses all end at a day. */
bool outgoing_strayed(const struct outgoing *out)
{
	return out->job.not_before_ns > clock_wall_ns() + WAIT_MOST;
}

static bool its_time(const struct outgoing *out)
{
	return clock_wall_ns() >= out->job.not_before_ns ||
	       outgoing_strayed(out);
}

static int64_t due_by_state(const struct outgoing *out)
{
	switch (out->job.state) {
	case JOB_HELD:
		return -1;
	case JOB_DEFERRED:
	case JOB_UNKNOWN:
		return outgoing_strayed(out) ? 0 : out->job.not_before_ns;
	case JOB_CLAIMED:
		return out->claimed ? 0 : -1;
	case JOB_OPENING:
	case JOB_OPEN:
	case JOB_ACCEPTED:
	case JOB_REJECTED:
	case JOB_ARCHIVING:
		break;
	}
	return 0;
}

/* Shown as wall time, but no clock that is set makes the wait another one. */
static int64_t due_by_files(const struct outgoing *out)
{
	if (out->again_ns == 0)
		return 0;
	return clock_wall_ns() + (out->again_ns - clock_mono_ns());
}

int64_t outgoing_due(const struct outgoing *out)
{
	int64_t due = due_by_state(out);
	int64_t files = due_by_files(out);
	return due < 0 || due > files ? due : files;
}

static int resume(struct outgoing *out, struct err *err)
{
	return move(out, out->job.resume, err);
}

int outgoing_lost(struct outgoing *out, int64_t resolve_after_ns,
		  struct err *err)
{
	struct job *job = &out->job;
	/* An unfinished upload is never delivered: start again. */
	if (job->chunk_count > 1)
		return move(out, JOB_CLAIMED, err);
	job->absent = 0;
	job->failures = 0;
	job->not_before_ns = clock_wall_ns() + resolve_after_ns;
	(void)text_copy(job->text, sizeof(job->text),
			"stopped between the request and its answer");
	return move(out, JOB_UNKNOWN, err);
}

/* The record keeps room for the job's end, so the next attempt is not begun. Of
 * a last chunk without an answer nobody knows whether it was taken. */
static int hold_long(struct turn *turn, struct outgoing *out, struct err *err)
{
	const struct job *job = &out->job;
	bool doubt = job->state == JOB_OPEN && job->confirm;
	return resolve_hold(turn, out, doubt ? JOB_UNKNOWN : job->state,
			    "its record is full: it was tried too often", err);
}

static int act(struct turn *turn, struct outgoing *out, struct err *err)
{
	switch (out->job.state) {
	case JOB_CLAIMED:
		assert(out->claimed);
		return job_is_long(&out->job) ? hold_long(turn, out, err) :
						open_message(turn, out, err);
	case JOB_OPENING:
		return outgoing_lost(out, turn->conf->resolve_after_ns, err);
	case JOB_OPEN:
		return job_is_long(&out->job) ? hold_long(turn, out, err) :
						next_chunk(turn, out, err);
	case JOB_ACCEPTED:
	case JOB_REJECTED:
		return settle_prepare(turn, out, err);
	case JOB_ARCHIVING:
		return settle_archive(turn, out, err);
	case JOB_DEFERRED:
		return resume(out, err);
	case JOB_UNKNOWN:
		return resolve_step(turn, out, err);
	case JOB_HELD:
		break;
	}
	return 0;
}

/* Certificates and credentials need an operator, and the sender knows nothing
 * of them: told once, until the message has gone on. */
static void tell_sender(struct turn *turn, struct outgoing *out,
			const struct err *why)
{
	struct err err;
	if (out->told || (why->code != ERR_TLS && why->code != ERR_AUTH))
		return;
	out->told = true;
	if (report_barred(turn->mailbox, out, why, &err) < 0)
		mailbox_complain(turn->mailbox, &turn->mailbox->folder,
				 "folder-trouble", &err);
}

int outgoing_step(struct turn *turn, struct outgoing *out,
		  enum outgoing_next *ret, struct err *err)
{
	if (out->unwritten) {
		int r = record_outcome(turn, out, err);
		if (r < 0)
			return r;
	}
	enum job_state state = out->job.state;
	*ret = OUTGOING_WAIT;
	bool waits = state == JOB_DEFERRED || state == JOB_UNKNOWN;
	if (state == JOB_HELD || (waits && !its_time(out)))
		return 0;
	int r = act(turn, out, err);
	if (r < 0 && withheld_is(err)) {
		withheld_job(turn->mailbox, out, err);
		return 0;
	}
	if (r < 0) {
		personal_hide(turn->mailbox, &out->job, err->text);
		tell_sender(turn, out, err);
		return r;
	}
	if (state == JOB_ARCHIVING) {
		*ret = OUTGOING_DONE; /* out is gone */
		return 0;
	}
	withheld_over(turn->mailbox, out);
	*ret = OUTGOING_GO;
	if (out->job.state == JOB_OPEN && state != JOB_DEFERRED) {
		*ret = OUTGOING_YIELD;
		out->told = false;
	}
	return 0;
}
