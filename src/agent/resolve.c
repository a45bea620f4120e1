/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/resolve.h"

#include <string.h>

#include "agent/claim.h"
#include "agent/mailbox.h"
#include "agent/open.h"
#include "agent/outgoing.h"
#include "agent/personal.h"
#include "agent/turn.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "mesh/inbox.h"
#include "spool/ctl.h"
#include "spool/ledger.h"
#include "spool/pair.h"

/* How far the service's clock and ours may be apart (the token allows 2 h). */
#define SKEW (7200 * CLOCK_SECOND)
#define ABSENT_ENOUGH 2
#define ASK_AGAIN (60 * CLOCK_SECOND)
#define LOOKUPS_MOST 5 /* that came to no proper answer */

/* --- decide --- */

static bool same_size(const struct resolve_case *facts)
{
	const struct reply_track *track = facts->track;
	if (track->file_size < 0)
		return false;
	uint64_t size = (uint64_t)track->file_size;
	return size == facts->size || size == facts->body_size;
}

static bool same_time(const struct resolve_case *facts)
{
	int64_t uploaded = facts->track->uploaded_ns;
	return uploaded != 0 && uploaded >= facts->opening_ns - SKEW &&
	       uploaded <= facts->now_ns + SKEW;
}

/* What is not said does not agree. */
static bool agrees(const char *said, const char *ours)
{
	return said[0] != '\0' && strcmp(said, ours) == 0;
}

static bool same_names(const struct resolve_case *facts)
{
	const struct reply_track *track = facts->track;
	return track->recipient[0] != '\0' &&
	       text_equal_nocase(track->recipient, facts->to) &&
	       agrees(track->workflow, facts->workflow) &&
	       agrees(track->file_name, facts->file_name) && same_time(facts);
}

/* What was refused was not kept: it has no size. */
static bool was_refused(const struct resolve_case *facts)
{
	return facts->track->status == REPLY_STATUS_ERROR && same_names(facts);
}

static bool same_message(const struct resolve_case *facts)
{
	return facts->track->status != REPLY_STATUS_UPLOADING &&
	       same_size(facts) && same_names(facts);
}

/* Whether an answer about this local id can only be about this message. */
static bool is_ours(const struct resolve_case *facts)
{
	if (facts->unique)
		return true;
	bool known = facts->baseline[0] != '\0' &&
		     strcmp(facts->baseline, "several") != 0;
	return known && !facts->shared;
}

static enum resolve_verdict absent(const struct resolve_case *facts,
				   const char **ret_why)
{
	if (facts->absent + 1 < ABSENT_ENOUGH) {
		*ret_why = "tracking does not know it (yet)";
		return RESOLVE_AGAIN;
	}
	*ret_why = "tracking did not know it twice: it never arrived";
	return RESOLVE_RESEND;
}

enum resolve_verdict resolve_decide(const struct resolve_case *facts,
				    const char **ret_why)
{
	switch (facts->found) {
	case TRACK_NONE:
		return absent(facts, ret_why);
	case TRACK_SEVERAL:
		*ret_why = "tracking knows several messages of this LocalId";
		return RESOLVE_HOLD;
	case TRACK_ONE:
		break;
	}
	if (strcmp(facts->track->message_id, facts->baseline) == 0)
		return absent(facts, ret_why); /* an older one, known before */
	if (!is_ours(facts)) {
		*ret_why = "another message may have the same LocalId";
		return RESOLVE_HOLD;
	}
	if (was_refused(facts)) {
		*ret_why = "tracking has it as refused";
		return RESOLVE_REJECT;
	}
	if (same_message(facts)) {
		*ret_why = "tracking has it, and everything agrees";
		return RESOLVE_ADOPT;
	}
	*ret_why = "tracking has a message of this LocalId that differs";
	return RESOLVE_HOLD;
}

/* --- act --- */

int resolve_hold(struct turn *turn, struct outgoing *out, enum job_state resume,
		 const char *why, struct err *err)
{
	struct job *job = &out->job;
	(void)text_copy(job->text, sizeof(job->text), why);
	job->resume = resume;
	int r = job_move(job, JOB_HELD, clock_wall_ns(), err);
	if (r < 0)
		return r;
	AUTO_FREE char *facts = personal_facts_claimed(turn->mailbox, job);
	log_event(LOG_LEVEL_ERROR, "held", turn->mailbox->set->id,
		  "job=%s file=\"%s\" reason=\"%s\" "
		  "do=\"meshdrop resolve\"%s",
		  job->id, job->ctl_name, why, facts);
	return 0;
}

static int resend(struct turn *turn, struct outgoing *out, const char *why,
		  struct err *err)
{
	struct job *job = &out->job;
	(void)text_copy(job->text, sizeof(job->text), why);
	int r = job_move(job, JOB_CLAIMED, clock_wall_ns(), err);
	if (r == 0)
		log_event(LOG_LEVEL_NOTICE, "resend", turn->mailbox->set->id,
			  "job=%s file=\"%s\" reason=\"%s\"", job->id,
			  job->ctl_name, why);
	return r;
}

static int adopt(struct turn *turn, struct outgoing *out, const char *id,
		 const char *why, struct err *err)
{
	struct job *job = &out->job;
	(void)text_copy(job->message_id, sizeof(job->message_id), id);
	(void)text_copy(job->text, sizeof(job->text), why);
	job->chunks_done = job->chunk_count;
	int r = job_move(job, JOB_ACCEPTED, clock_wall_ns(), err);
	if (r == 0)
		log_event(LOG_LEVEL_NOTICE, "adopted", turn->mailbox->set->id,
			  "job=%s file=\"%s\" message=%s reason=\"%s\"",
			  job->id, job->ctl_name, id, why);
	return r;
}

/* The evidence does not decide: what the site wants then. */
static int undecided(struct turn *turn, struct outgoing *out, const char *why,
		     struct err *err)
{
	switch ((enum conf_ambiguous)turn->mailbox->set->on_ambiguous) {
	case CONF_RESEND:
		return resend(turn, out, why, err);
	case CONF_FAIL:
		return outgoing_reject(turn->mailbox, out, "TRANSFER", "06",
				       why, err);
	case CONF_HOLD:
		break;
	}
	return resolve_hold(turn, out, JOB_UNKNOWN, why, err);
}

static int ask_again(struct turn *turn, struct outgoing *out, const char *why,
		     struct err *err)
{
	struct job *job = &out->job;
	job->absent++;
	job->not_before_ns = clock_wall_ns() + turn->conf->resolve_gap_ns;
	(void)text_copy(job->text, sizeof(job->text), why);
	return job_move(job, JOB_UNKNOWN, clock_wall_ns(), err);
}

static bool is_shared(const struct mailbox *mailbox, const struct job *job)
{
	if (ledger_sent_local(mailbox->ledger, job->local_id))
		return true;
	for (size_t i = 0; i < mailbox->out_count; i++) {
		const struct job *other = &mailbox->out[i]->job;
		if (other != job && strcmp(other->local_id, job->local_id) == 0)
			return true;
	}
	return false;
}

/* Whether asking later can help, and nothing else can be asked now either. */
static bool is_away(int r)
{
	return r == -ERR_NETWORK || r == -ERR_TLS || r == -ERR_AUTH ||
	       r == -ERR_LIMIT || r == -ERR_STOPPED;
}

/* Nobody knows how long it has waited, and two answers have to be apart: the
 * wait begins anew, by a clock that is right now. */
static int wait_anew(struct turn *turn, struct outgoing *out, struct err *err)
{
	const struct conf *conf = turn->conf;
	int64_t wait = conf->resolve_after_ns > conf->resolve_gap_ns ?
			       conf->resolve_after_ns :
			       conf->resolve_gap_ns;
	int64_t now = clock_wall_ns();
	out->job.not_before_ns = now + wait;
	return job_move(&out->job, JOB_UNKNOWN, now, err);
}

/* That said nothing: the job waits in memory, its record stands. */
static int postpone(struct outgoing *out, int r)
{
	out->job.not_before_ns = clock_wall_ns() + ASK_AGAIN;
	return r;
}

/* One odd answer proves nothing; a service that never answers such a question
 * properly leaves the case undecided. */
static int cannot_ask(struct turn *turn, struct outgoing *out, struct err *err)
{
	static const char why[] = "tracking cannot be asked";
	struct job *job = &out->job;
	if (job->failures >= LOOKUPS_MOST)
		return undecided(turn, out, why, err);
	job->failures++;
	job->not_before_ns = clock_wall_ns() + turn->conf->resolve_gap_ns;
	(void)text_copy(job->text, sizeof(job->text), why);
	return job_move(job, JOB_UNKNOWN, clock_wall_ns(), err);
}

/* "Not there" is believed only of a service that answers such questions: it
 * must know the newest message of ours. Before there is one, it is believed. */
static int resend_if_sure(struct turn *turn, struct outgoing *out,
			  const char *why, struct err *err)
{
	const char *known = ledger_last_local(turn->mailbox->ledger);
	if (known[0] == '\0')
		return resend(turn, out, why, err);
	enum track_found found;
	struct reply_track track;
	int r = track_local(&turn->session, known, &found, &track, err);
	if (is_away(r))
		return postpone(out, r);
	if (r < 0)
		return cannot_ask(turn, out, err);
	if (found == TRACK_NONE)
		return undecided(turn, out,
				 "tracking does not even know the message "
				 "sent last",
				 err);
	return resend(turn, out, why, err);
}

static int judge(struct turn *turn, struct outgoing *out, const struct ctl *ctl,
		 enum track_found found, const struct reply_track *track,
		 struct err *err)
{
	const struct job *job = &out->job;
	char name[TEXT_NAME_SIZE + 8];
	open_file_name(job, name, sizeof(name));
	struct resolve_case facts = {
		.to = ctl_get(ctl, CTL_TO_DTS),
		.workflow = ctl_get(ctl, CTL_WORKFLOW_ID),
		.file_name = name,
		.size = job->dat.size,
		.body_size = job->body_size,
		.opening_ns = job->opening_ns,
		.now_ns = clock_wall_ns(),
		.unique = job->local_id_made,
		.shared = is_shared(turn->mailbox, job),
		.baseline = job->baseline,
		.absent = job->absent,
		.found = found,
		.track = track,
	};
	const char *why = "";
	switch (resolve_decide(&facts, &why)) {
	case RESOLVE_ADOPT:
		return adopt(turn, out, track->message_id, why, err);
	case RESOLVE_RESEND:
		if (found == TRACK_NONE)
			return resend_if_sure(turn, out, why, err);
		return resend(turn, out, why, err);
	case RESOLVE_AGAIN:
		return ask_again(turn, out, why, err);
	case RESOLVE_REJECT:
		(void)text_copy(out->job.message_id, TEXT_ID_SIZE,
				track->message_id); /* the same size */
		if (track->failure[0] != '\0')
			why = track->failure;
		return outgoing_reject(turn->mailbox, out, "SEND", "06", why,
				       err);
	case RESOLVE_HOLD:
		break;
	}
	return undecided(turn, out, why, err);
}

int resolve_step(struct turn *turn, struct outgoing *out, struct err *err)
{
	const struct job *job = &out->job;
	if (outgoing_strayed(out))
		return wait_anew(turn, out, err);
	if (job->local_id[0] == '\0' || strchr(job->local_id, '/'))
		return undecided(turn, out,
				 "there is no LocalId to ask tracking for",
				 err);
	enum track_found found;
	struct reply_track track = { .file_size = -1 };
	int r = track_local(&turn->session, job->local_id, &found, &track, err);
	if (is_away(r))
		return postpone(out, r);
	if (r < 0)
		return cannot_ask(turn, out, err);
	struct ctl ctl;
	ctl_init(&ctl);
	r = pair_read_claimed(&turn->mailbox->dir, job, &ctl, err);
	if (r == 0)
		r = judge(turn, out, &ctl, found, &track, err);
	else if (claim_is_unusable(r))
		r = undecided(turn, out, "its control file cannot be read",
			      err);
	ctl_release(&ctl);
	return r;
}

int resolve_baseline(struct turn *turn, struct outgoing *out, struct err *err)
{
	struct job *job = &out->job;
	if (strchr(job->local_id, '/'))
		return 0; /* cannot be asked for, now or later */
	enum track_found found;
	struct reply_track track;
	int r = track_local(&turn->session, job->local_id, &found, &track, err);
	if (is_away(r))
		return r;
	if (r < 0)
		return 0; /* not served; a lost answer would be HELD */
	const char *known = found == TRACK_NONE ? "none" :
			    found == TRACK_ONE	? track.message_id :
						  "several";
	(void)text_copy(job->baseline, sizeof(job->baseline), known);
	return 0;
}

/* --- what a report proves --- */

/* Whether a report that has the job's local id must be about the job. Without
 * the id of its message it may be about one that was known before. */
static bool is_only_ours(const struct mailbox *mailbox, const struct job *job,
			 const char *linked_id)
{
	struct resolve_case facts = {
		.unique = job->local_id_made,
		.shared = is_shared(mailbox, job),
		.baseline = job->baseline,
	};
	if (!is_ours(&facts))
		return false;
	if (linked_id[0] == '\0')
		return facts.unique || strcmp(job->baseline, "none") == 0;
	return text_is_message_id(linked_id) &&
	       strcmp(linked_id, job->baseline) != 0;
}

static bool is_about(const struct mailbox *mailbox, const struct job *job,
		     const struct inbox_head *head)
{
	if (job->state != JOB_UNKNOWN && job->state != JOB_HELD)
		return false;
	/* What does not say that it is an error proves nothing. */
	if (job->chunk_count != 1 || !text_equal_nocase(head->status, "ERROR"))
		return false;
	return job->local_id[0] != '\0' &&
	       strcmp(job->local_id, head->local_id) == 0 &&
	       is_only_ours(mailbox, job, head->linked_id);
}

/* What a report does not say, or not in the form that it has to have, is said
 * as when a send is refused. */
static void take_report(const struct mailbox *mailbox,
			const struct inbox_head *head, struct job *job)
{
	const char *event = head->status_event;
	const char *code = head->status_code;
	const char *text = head->status_text;
	(void)text_copy(job->message_id, sizeof(job->message_id),
			head->linked_id);
	(void)text_copy(job->event, sizeof(job->event),
			text_is_event(event) ? event : "SEND");
	(void)text_copy(job->code, sizeof(job->code),
			text_is_code(code) ? code : "06");
	text_escape(job->text, sizeof(job->text),
		    text[0] != '\0' ? text : "a report gives no reason");
	personal_hide(mailbox, job, job->text);
}

int resolve_by_report(struct mailbox *mailbox, const struct inbox_head *head,
		      struct err *err)
{
	for (size_t i = 0; i < mailbox->out_count; i++) {
		struct job *job = &mailbox->out[i]->job;
		if (!is_about(mailbox, job, head))
			continue;
		struct job before = *job;
		take_report(mailbox, head, job);
		int r = job_move(job, JOB_REJECTED, clock_wall_ns(), err);
		if (r < 0)
			*job = before;
		else
			log_event(LOG_LEVEL_NOTICE, "resolved-by-report",
				  mailbox->set->id, "job=%s message=%s",
				  job->id, job->message_id);
		return r;
	}
	return 0;
}
