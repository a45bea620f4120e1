/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/turn.h"

#include <string.h>

#include "agent/claim.h"
#include "agent/incoming.h"
#include "agent/left_alone.h"
#include "agent/mailbox.h"
#include "agent/orders.h"
#include "agent/outgoing.h"
#include "agent/parts.h"
#include "agent/recover.h"
#include "agent/report.h"
#include "agent/retention.h"
#include "agent/route_folders.h"
#include "base/clock.h"
#include "base/fsx.h"
#include "base/log.h"
#include "conf/conf.h"
#include "spool/boxdir.h"
#include "spool/scan.h"

#define HANDSHAKE_EVERY (INT64_C(24) * 3600 * CLOCK_SECOND)
#define AWAY_FIRST (5 * CLOCK_SECOND)
#define AWAY_MOST (300 * CLOCK_SECOND)

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* --- what an error means --- */

/* What the service said has an HTTP status or one of these codes. */
static bool is_disk(const struct err *err)
{
	static const enum err_code from_service[] = {
		ERR_NETWORK, ERR_TLS,	  ERR_AUTH,    ERR_PROTOCOL,
		ERR_REFUSED, ERR_CORRUPT, ERR_INVALID, ERR_LIMIT,
	};
	for (size_t i = 0; i < sizeof(from_service) / sizeof(*from_service);
	     i++)
		if (err->code == from_service[i])
			return false;
	return err->http == 0;
}

/* An application sees only its folders: what keeps its messages away is told
 * there, at once, then ever more rarely. */
static void tell_outage(struct turn *turn, const struct err *why)
{
	struct mailbox *mailbox = turn->mailbox;
	/* One cause has many words, and some have many codes. */
	bool named = why->code == ERR_TLS || why->code == ERR_AUTH;
	if (!complaint_raise(&mailbox->outage, named ? why->code : ERR_NETWORK,
			     why->text, clock_mono_ns()))
		return;
	struct err err;
	int r = report_outage(mailbox, why, &err);
	if (r == -ERR_SYNC)
		turn->fatal = true;
	if (r < 0)
		mailbox_complain(mailbox, &mailbox->folder, "folder-trouble",
				 &err);
}

/* For a growing while. The next turn asks first: as long as the service is away,
 * nothing is moved out of OUT. */
static void stay_away(struct mailbox *mailbox)
{
	mailbox->handshake_due_ns = 0;
	mailbox->contact_due_ns = clock_mono_ns() +
				  clock_backoff_ns(mailbox->contact_failures,
						   AWAY_FIRST, AWAY_MOST);
	mailbox->contact_failures++;
}

/* What went wrong with the service, or stops the mailbox altogether. */
static void back_off(struct turn *turn, const struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	turn->trouble = true;
	if (err->code == ERR_SYNC)
		turn->fatal = true;
	if (err->code == ERR_STOPPED)
		return;
	mailbox_complain(mailbox, &mailbox->service,
			 is_disk(err) ? "mailbox-trouble" : "service-trouble",
			 err);
	if (turn->asking && !is_disk(err))
		tell_outage(turn, err);
	stay_away(mailbox);
}

/* Our own folders failed us in one direction: it rests for a growing while,
 * the other goes on. False: the whole turn must end. */
static bool rest(struct turn *turn, const struct err *err, const char *event,
		 struct complaint *complaint, unsigned *failures,
		 int64_t *ret_due_ns)
{
	if (!is_disk(err) || err->code == ERR_SYNC || err->code == ERR_STOPPED)
		return false;
	turn->trouble = true;
	mailbox_complain(turn->mailbox, complaint, event, err);
	*ret_due_ns = clock_mono_ns() +
		      clock_backoff_ns(*failures, AWAY_FIRST, AWAY_MOST);
	(*failures)++;
	return true;
}

/* The service fails our sending, but it is there: a message that is not fetched
 * is lost after five days, so the inbox goes on and only sending rests. False:
 * the whole turn must end. */
static bool rest_sending(struct turn *turn, const struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	if (err->code == ERR_SYNC || err->code == ERR_STOPPED ||
	    (err->http == 0 && !turn->heard))
		return false;
	turn->trouble = true;
	turn->unsent = true;
	mailbox_complain(mailbox, &mailbox->sending, "sending-trouble", err);
	mailbox->send_due_ns = clock_mono_ns() +
			       clock_backoff_ns(mailbox->send_failures,
						AWAY_FIRST, AWAY_MOST);
	mailbox->send_failures++;
	/* As when the service is away: first asked, then claimed and sent. */
	mailbox->handshake_due_ns = sooner(mailbox->handshake_due_ns,
					   mailbox->send_due_ns);
	return true;
}

/* A whole turn without a failure; a handshake alone proves little. */
static void contact_is_good(struct mailbox *mailbox)
{
	mailbox->contact_failures = 0;
	mailbox->contact_due_ns = 0;
	mailbox_cleared(mailbox, &mailbox->service, "service-well");
	(void)complaint_clear(&mailbox->outage); /* the next poll says it */
}

/* --- parts of a turn; each answers false when the turn must end --- */

static bool handshake(struct turn *turn, struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	int64_t now = clock_mono_ns();
	if (mailbox->handshake_due_ns > now)
		return true;
	if (session_handshake(&turn->session, err) < 0)
		return false;
	turn->heard = true;
	mailbox->handshake_due_ns = now + HANDSHAKE_EVERY;
	mailbox->now.last_handshake_ns = clock_wall_ns();
	mailbox->now.last_contact_ns = mailbox->now.last_handshake_ns;
	log_event(LOG_LEVEL_INFO, "handshake", mailbox->set->id, "result=ok");
	return true;
}

/* Below the reserve nothing new is taken in, so that what is under way can
 * always be finished. */
static bool has_room(struct turn *turn)
{
	struct mailbox *mailbox = turn->mailbox;
	struct err err;
	uint64_t bytes = 0;
	uint64_t state = 0;
	int r = fsx_free_bytes(mailbox->dir.temp, &bytes, &err);
	if (r == 0)
		r = fsx_free_bytes(mailbox->dir.jobs, &state, &err);
	if (state < bytes)
		bytes = state;
	if (r == 0 && bytes < turn->conf->reserve)
		r = err_set(&err, ERR_NOSPACE,
			    "%llu MB free in %s or the state folder, below "
			    "the reserve: no new work is taken",
			    (unsigned long long)(bytes / 1000000),
			    mailbox->dir.root);
	if (r < 0) {
		mailbox_complain(mailbox, &mailbox->disk, "disk-trouble", &err);
		return false;
	}
	mailbox_cleared(mailbox, &mailbox->disk, "disk-well");
	return true;
}

static int scan(struct turn *turn, struct scan_result *ret, struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	const struct conf *conf = turn->conf;
	struct scan_rules rules = {
		.processing_delay_ns = conf->processing_delay_ns,
		.orphan_delay_ns = conf->poll_interval_ns,
	};
	if (rules.orphan_delay_ns < conf->processing_delay_ns)
		rules.orphan_delay_ns = conf->processing_delay_ns;
	rules.lone_delay_ns = mailbox->set->orphan_report_ns;
	if (rules.lone_delay_ns > 0 &&
	    rules.lone_delay_ns < conf->processing_delay_ns)
		rules.lone_delay_ns = conf->processing_delay_ns;
	size_t room = claim_room(mailbox);
	int r = scan_run(mailbox->scan, &mailbox->dir, &rules, clock_mono_ns(),
			 clock_wall_ns(), room, ret, err);
	if (r < 0)
		return r;
	int64_t now = clock_mono_ns();
	scan_looked(mailbox->scan, now);
	mailbox->now.settling = ret->settling;
	mailbox->now.waiting = ret->waiting;
	mailbox->now.oldest_s = ret->oldest_s;
	mailbox->scan_due_ns = now + conf->scan_interval_ns;
	if (ret->next_ns >= 0)
		mailbox->scan_due_ns = sooner(mailbox->scan_due_ns,
					      now + ret->next_ns);
	if (room > 0 && ret->count == room)
		mailbox->scan_due_ns = 0; /* there may be more */
	if (ret->put_off > 0)
		turn->denied = true;
	return 0;
}

/* A claim that could not be finished comes before any new look at OUT, unless
 * it only waits for a file that is kept from us. */
static int take_claimed(struct turn *turn, struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	size_t i = 0;
	while (i < mailbox->out_count) {
		struct outgoing *out = mailbox->out[i];
		size_t before = mailbox->out_count;
		bool wants = !out->claimed && out->again_ns <= clock_mono_ns();
		int r = wants ? claim_take_again(mailbox, out, err) : 0;
		if (r < 0)
			return r;
		if (mailbox->out_count == before)
			i++;
	}
	return 0;
}

/* Data files without control file: each is reported once and left alone. */
static int tell_lone(struct mailbox *mailbox, const struct scan_result *result,
		     struct err *err)
{
	for (size_t i = 0; i < result->lone_count; i++) {
		const char *name = result->lone[i].text;
		if (claim_is_pending(mailbox, "", name))
			continue; /* its control file is in TEMP */
		int r = report_lone(mailbox, name, err);
		if (r < 0)
			return r;
		scan_told(mailbox->scan, name);
		log_event(LOG_LEVEL_WARNING, "lone-data", mailbox->set->id,
			  "file=\"%s\"", name);
	}
	return 0;
}

/* Names beyond what one look takes in have to wait until there is room. */
static void tell_crowd(struct mailbox *mailbox,
		       const struct scan_result *result)
{
	struct err err;
	if (!result->cut) {
		mailbox_cleared(mailbox, &mailbox->crowd, "out-uncrowded");
		return;
	}
	(void)err_set(&err, ERR_LIMIT,
		      "more than %zu files in OUT: what is beyond them waits "
		      "until there are fewer",
		      SCAN_NAMES_MAX);
	mailbox_complain(mailbox, &mailbox->crowd, "out-crowded", &err);
}

/* Whether we may put into a folder and take from it: without that no claim
 * would end well, and none is begun. */
static int may_change(const struct mailbox *mailbox, int fd, const char *name,
		      struct err *err)
{
	int r = fsx_check_dir(fd, err);
	if (r < 0)
		err_prefix(err, "folder '%s/%s'", mailbox->dir.root, name);
	return r;
}

static int claim_pairs(struct turn *turn, struct err *err)
{
	const struct mailbox *mailbox = turn->mailbox;
	int r = may_change(mailbox, mailbox->dir.out, "OUT", err);
	if (r == 0 && mailbox->set->report_collect)
		r = may_change(mailbox, mailbox->dir.in, "IN", err);
	if (r < 0)
		return r;
	struct scan_result result;
	r = scan(turn, &result, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < result.count && r == 0; i++)
		r = claim_pair(turn, &result.ready[i], err);
	if (r == 0)
		r = tell_lone(turn->mailbox, &result, err);
	left_alone_tell(turn->mailbox, turn->mailbox->scan, "OUT", &result);
	tell_crowd(turn->mailbox, &result);
	scan_result_release(&result);
	return r;
}

/* A folder that fails does not hold up the others. */
static int claim_all(struct turn *turn, struct err *err)
{
	struct mailbox_view *now = &turn->mailbox->now;
	now->settling = 0;
	now->waiting = 0;
	now->left_alone = 0;
	now->oldest_s = -1;
	int r = claim_pairs(turn, err);
	if (r == -ERR_SYNC)
		return r;
	struct err why;
	int s = route_folders_claim(turn, &why);
	if (s < 0 && (r == 0 || s == -ERR_SYNC)) {
		*err = why;
		r = s;
	}
	return r;
}

static int claim_ready(struct turn *turn, struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	bool hinted = atomic_exchange(&mailbox->hint, false);
	if (!hinted && mailbox->scan_due_ns > clock_mono_ns())
		return 0;
	if (!has_room(turn)) {
		mailbox->scan_due_ns = clock_mono_ns() +
				       turn->conf->scan_interval_ns;
		return 0;
	}
	int r = take_claimed(turn, err);
	if (r == 0)
		r = boxdir_check(&mailbox->dir, err);
	if (r == 0)
		r = may_change(mailbox, mailbox->dir.temp, "TEMP", err);
	if (r < 0)
		return r;
	r = claim_all(turn, err);
	if (r == 0 && !turn->denied)
		mailbox_cleared(mailbox, &mailbox->denied, "pair-readable");
	if (r == 0)
		mailbox_cleared(mailbox, &mailbox->folder, "folder-well");
	return r;
}

/* Goes on with one job until it waits or ends; *ret_yield: a chunk went. */
static int run_job(struct turn *turn, struct outgoing *out, bool *ret_yield,
		   struct err *err)
{
	enum outgoing_next next = OUTGOING_GO;
	while (next == OUTGOING_GO && turn->go_on(turn->ctx)) {
		int r = outgoing_step(turn, out, &next, err);
		if (r < 0)
			return r;
	}
	*ret_yield = next == OUTGOING_YIELD;
	return 0;
}

/* The oldest one; after a failure the one behind the job that failed, or that
 * one would be tried for ever and the others never. */
static size_t first_to_send(const struct mailbox *mailbox)
{
	for (size_t i = 0; i < mailbox->out_count; i++)
		if (strcmp(mailbox->out[i]->job.id, mailbox->send_failed) == 0)
			return i + 1;
	return 0;
}

static bool can_send(const struct outgoing *out, bool large)
{
	int64_t due = outgoing_due(out);
	return due >= 0 && due <= clock_wall_ns() &&
	       (out->job.state == JOB_OPEN) == large;
}

/* Small messages first, then one chunk of one large one. */
static int send_some(struct turn *turn, bool large, uint64_t *share,
		     struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	size_t i = first_to_send(mailbox);
	for (size_t left = mailbox->out_count;
	     left > 0 && *share != 0 && turn->go_on(turn->ctx); left--) {
		if (i >= mailbox->out_count)
			i = 0;
		struct outgoing *out = mailbox->out[i];
		size_t before = mailbox->out_count;
		bool yield = false;
		if (!can_send(out, large)) {
			i++;
			continue;
		}
		int r = run_job(turn, out, &yield, err);
		if (r < 0) {
			(void)text_copy(mailbox->send_failed,
					sizeof(mailbox->send_failed),
					out->job.id); /* the same size */
			return r;
		}
		(*share)--;
		if (mailbox->out_count == before)
			i++; /* it is still there: the next one */
		if (yield && large)
			return 0;
	}
	return 0;
}

static int send_all(struct turn *turn, struct err *err)
{
	uint64_t share = turn->mailbox->set->max_messages;
	int r = send_some(turn, false, &share, err);
	share = 1;
	return r < 0 ? r : send_some(turn, true, &share, err);
}

static bool send_out(struct turn *turn, struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	int64_t now = clock_mono_ns();
	if (mailbox->send_due_ns > now)
		return true;
	unsigned none = 0;
	if (claim_ready(turn, err) < 0 &&
	    !rest(turn, err, "folder-trouble", &mailbox->folder, &none,
		  &mailbox->scan_due_ns))
		return false;
	if (send_all(turn, err) < 0)
		return rest(turn, err, "sending-trouble", &mailbox->sending,
			    &mailbox->send_failures, &mailbox->send_due_ns) ||
		       rest_sending(turn, err);
	mailbox->send_failures = 0;
	mailbox->send_failed[0] = '\0';
	mailbox_cleared(mailbox, &mailbox->sending, "sending-well");
	return true;
}

/* An outcome waits for its line: nothing else is done for the mailbox, least
 * of all a report acknowledged that might be about it. */
static bool is_unwritten(const struct mailbox *mailbox)
{
	for (size_t i = 0; i < mailbox->out_count; i++)
		if (mailbox->out[i]->unwritten)
			return true;
	return false;
}

/* The line is tried again when sending is; to come back before would be a turn
 * that does nothing, at once and for ever. */
static void poll_after_sending(struct mailbox *mailbox)
{
	if (mailbox->poll_due_ns < mailbox->send_due_ns)
		mailbox->poll_due_ns = mailbox->send_due_ns;
}

static bool receive_in(struct turn *turn, bool *ret_more, struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	int64_t now = clock_mono_ns();
	if (mailbox->poll_due_ns > now)
		return true;
	if (is_unwritten(mailbox)) {
		poll_after_sending(mailbox);
		return true;
	}
	int64_t next = now + turn->conf->poll_interval_ns;
	if (!has_room(turn)) {
		mailbox->poll_due_ns = next;
		return true;
	}
	/* what was acknowledged must be where its consumer looks */
	if (boxdir_check(&mailbox->dir, err) < 0 ||
	    incoming_run(turn, ret_more, err) < 0)
		return rest(turn, err, "receiving-trouble", &mailbox->receiving,
			    &mailbox->receive_failures, &mailbox->poll_due_ns);
	mailbox->receive_failures = 0;
	mailbox_cleared(mailbox, &mailbox->receiving, "receiving-well");
	if (!*ret_more)
		mailbox->poll_due_ns = next;
	return true;
}

/* --- when next --- */

/* The first job's time, as monotonic; INT64_MAX: none. */
static int64_t jobs_due(const struct mailbox *mailbox, bool *ret_now)
{
	int64_t wall = clock_wall_ns();
	int64_t mono = clock_mono_ns();
	int64_t due = INT64_MAX;
	*ret_now = false;
	for (size_t i = 0; i < mailbox->out_count; i++) {
		int64_t at = outgoing_due(mailbox->out[i]);
		if (at < 0)
			continue;
		if (at <= wall)
			*ret_now = true;
		due = sooner(due, at <= wall ? mono : mono + (at - wall));
	}
	return due;
}

/* Retention comes last: nobody waits for it. */
static void end_well(struct turn *turn, bool *ret_more)
{
	struct mailbox *mailbox = turn->mailbox;
	if (!turn->unsent)
		contact_is_good(mailbox);
	bool jobs_now;
	(void)jobs_due(mailbox, &jobs_now); /* when does not matter */
	bool idle = !*ret_more && !jobs_now && mailbox->scan_due_ns != 0;
	if (retention_run(turn, idle))
		*ret_more = true;
}

static void conclude(const struct turn *turn, bool more,
		     struct turn_result *ret)
{
	const struct mailbox *mailbox = turn->mailbox;
	bool jobs_now;
	int64_t due = jobs_due(mailbox, &jobs_now);
	due = sooner(due, mailbox->scan_due_ns);
	if (due < mailbox->send_due_ns)
		due = mailbox->send_due_ns;
	due = sooner(due, mailbox->poll_due_ns);
	due = sooner(due, mailbox->handshake_due_ns);
	if (more)
		due = clock_mono_ns();
	if (due < mailbox->contact_due_ns)
		due = mailbox->contact_due_ns;
	*ret = (struct turn_result){
		.more = !turn->trouble &&
			(more || jobs_now || mailbox->scan_due_ns == 0),
		.settling = mailbox->now.settling > 0,
		.trouble = turn->trouble,
		.fatal = turn->fatal,
		.due_ns = due,
	};
}

static void make_session(struct turn *turn, struct http_client *http)
{
	const struct conf_mailbox *set = turn->mailbox->set;
	turn->session = (struct session){
		.http = http,
		.mailbox = set->id,
		.mailbox_file = set->file,
		.password_file = set->password_file,
		.shared_key_file = turn->conf->shared_key_file,
		.password = set->password.text,
		.shared_key = turn->conf->shared_key.text,
		.wall_ns = clock_wall_ns,
	};
}

/* False: the turn must end. */
static bool converse(struct turn *turn, bool *ret_more, struct err *err)
{
	turn->asking = true;
	if (!handshake(turn, err))
		return false;
	turn->asking = false;
	return send_out(turn, err) && receive_in(turn, ret_more, err);
}

/* A mailbox whose folders refused at the start. False: they still do, and
 * nothing may be sent or received, because nobody knows what was left. */
static bool take_up(struct turn *turn, struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	if (mailbox->ready)
		return true;
	turn->trouble = true;
	if (mailbox->contact_due_ns > clock_mono_ns())
		return false;
	if (recover_open(mailbox, err) == 0) {
		turn->trouble = false;
		mailbox->contact_failures = 0;
		mailbox_cleared(mailbox, &mailbox->service, "mailbox-well");
		return true;
	}
	turn->fatal = err->code == ERR_SYNC;
	mailbox_complain(mailbox, &mailbox->service, "mailbox-trouble", err);
	stay_away(mailbox);
	return false;
}

/* Room and orders come before all else, also while the service is away. */
static void serve(struct turn *turn, bool *ret_more, struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	if (parts_keep_room(mailbox, err) < 0 || orders_apply(mailbox, err) < 0)
		back_off(turn, err);
	else if (mailbox->contact_due_ns > clock_mono_ns())
		turn->trouble = true;
	else if (!converse(turn, ret_more, err))
		back_off(turn, err);
	else
		end_well(turn, ret_more);
}

void turn_run(struct mailbox *mailbox, struct http_client *http,
	      bool (*go_on)(void *ctx), void *ctx, struct turn_result *ret)
{
	struct turn turn = {
		.conf = mailbox->conf,
		.mailbox = mailbox,
		.go_on = go_on,
		.ctx = ctx,
	};
	make_session(&turn, http);
	struct err err;
	err_clear(&err);
	bool more = false;
	if (take_up(&turn, &err))
		serve(&turn, &more, &err);
	conclude(&turn, more, ret);
	mailbox_view_publish(mailbox);
}
