/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/incoming.h"

#include <stdlib.h>
#include <string.h>

#include "agent/forms.h"
#include "agent/mailbox.h"
#include "agent/parts.h"
#include "agent/personal.h"
#include "agent/place.h"
#include "agent/poison.h"
#include "agent/report.h"
#include "agent/resolve.h"
#include "agent/tell.h"
#include "agent/turn.h"
#include "base/clock.h"
#include "base/fsx.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "mesh/inbox.h"
#include "net/gz.h"
#include "spool/ledger.h"

/* Failures in a row that are not about the messages any more: so many that the
 * service answered, or three that it did not. */
#define FAILURES_MOST 30
#define UNANSWERED_COSTS 10
#define EMPTY_PAGES_MOST 100
/* Of one poll; what is behind them comes with the next. */
#define PAGES_MOST 1000
#define LOOK_EVERY (UINT64_C(1) << 20) /* bytes written */

/* --- what is listed --- */

static bool has_next(const struct incoming *in)
{
	return in->listed && in->next < in->page.count;
}

/* Pages may be empty while more follow, but not for ever, none is its own
 * successor, and all of them together end. */
static bool leads_nowhere(struct incoming *in, const struct reply_page *page,
			  const char *asked)
{
	in->empty_pages = page->count == 0 ? in->empty_pages + 1 : 0;
	in->pages = asked ? in->pages + 1 : 1;
	if (!page->next)
		return false;
	return in->empty_pages > EMPTY_PAGES_MOST || in->pages >= PAGES_MOST ||
	       (asked && strcmp(page->next, asked) == 0);
}

/* What cannot be used is left out, and the rest of the list stands. */
static void say_odd(const struct mailbox *mailbox,
		    const struct reply_page *page, bool endless)
{
	if (page->refused > 0)
		log_event(LOG_LEVEL_ERROR, "odd-ids", mailbox->set->id,
			  "count=%zu reason=\"the inbox lists message ids that "
			  "cannot be used as file names\"",
			  page->refused);
	if (page->odd_next || endless)
		log_event(LOG_LEVEL_WARNING, "odd-list", mailbox->set->id,
			  "reason=\"the list of the inbox %s; what it may have "
			  "left comes with the next poll\"",
			  endless ? "has too many pages, or leads back to one" :
				    "has a link to a next page that cannot be "
				    "used");
}

/* What an earlier poll listed and this one does not is not there any more. */
static int note_listed(struct mailbox *mailbox, bool first, bool last,
		       struct err *err)
{
	const struct reply_page *page = &mailbox->in.page;
	if (first) {
		poison_poll_begins(mailbox);
		int r = parts_poll_begins(mailbox, err);
		if (r < 0)
			return r;
	}
	poison_listed(mailbox, page);
	parts_listed(mailbox, page);
	if (!last)
		return 0;
	poison_poll_ends(mailbox);
	return parts_poll_ends(mailbox, err);
}

static int list(struct turn *turn, struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	struct incoming *in = &mailbox->in;
	struct reply_page page;
	const char *next = in->listed ? in->page.next : NULL;
	bool further = next;
	turn->asking = true;
	int r = inbox_list(&turn->session, next, mailbox->set->workflow_filter,
			   &page, err);
	if (r < 0 && next) {
		/* A place in a list may not outlive its server. */
		reply_page_release(&in->page);
		in->listed = false;
	}
	if (r < 0)
		return r;
	turn->asking = false;
	bool endless = leads_nowhere(in, &page, next);
	if (endless) {
		free(page.next);
		page.next = NULL;
	}
	reply_page_release(&in->page);
	in->page = page;
	in->next = 0;
	in->listed = true;
	mailbox->now.last_poll_ns = clock_wall_ns();
	mailbox->now.last_contact_ns = mailbox->now.last_poll_ns;
	say_odd(mailbox, &page, endless);
	/* old services give a full page and no link to the next one */
	bool last = !page.next && !page.odd_next && !endless &&
		    page.count < INBOX_PAGE;
	r = note_listed(mailbox, !further, last, err);
	/* Further pages belong to the same poll. */
	return further || r < 0 ? r : report_poll(mailbox, err);
}

/* --- one message --- */

static void forget_current(struct incoming *in)
{
	delivery_release(&in->delivery);
	delivery_init(&in->delivery);
	in->gz = gz_reader_free(in->gz);
	in->current = false;
}

/* Behind this message; what is not settled stays listed at the service. */
static void go_past(struct incoming *in)
{
	forget_current(in);
	in->next++;
}

/* A body may go on for longer than the disk: what would take the reserve is not
 * taken. Smaller ones may still fit. What only waits makes room first. */
static int leave_reserve(const struct turn *turn, struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	uint64_t bytes = 0;
	int r = fsx_free_bytes(mailbox->dir.temp, &bytes, err);
	if (r == 0 && bytes < turn->conf->reserve) {
		r = parts_give_back(mailbox, err);
		if (r == 0)
			r = fsx_free_bytes(mailbox->dir.temp, &bytes, err);
	}
	if (r == 0 && bytes < turn->conf->reserve)
		r = err_set(err, ERR_LIMIT,
			    "message %s leaves %llu MB free in %s, below the "
			    "reserve",
			    mailbox->in.delivery.id,
			    (unsigned long long)(bytes / 1000000),
			    mailbox->dir.root);
	return r;
}

static int write_part(void *ctx, const void *data, size_t len, struct err *err)
{
	const struct turn *turn = ctx;
	struct incoming *in = &turn->mailbox->in;
	int r = delivery_write(&in->delivery, data, len, err);
	in->unlooked += len;
	if (r < 0 || in->unlooked < LOOK_EVERY)
		return r;
	in->unlooked = 0;
	return leave_reserve(turn, err);
}

static int begin(struct mailbox *mailbox, const char *id, struct err *err)
{
	struct incoming *in = &mailbox->in;
	int r = delivery_resume(&in->delivery, &mailbox->dir, id, err);
	if (r == 0 && in->delivery.state == DELIVERY_NEW)
		r = delivery_begin(&in->delivery, &mailbox->dir, err);
	if (r < 0)
		return r;
	/* the limit is for the message, however often it is taken up */
	in->gz = gz_reader_new(in->delivery.size);
	in->current = true;
	return 0;
}

/* Once is enough: it is so for every message. */
static void say_no_links(struct mailbox *mailbox, const char *folder)
{
	mailbox->in.delivery.second_lost = false;
	if (mailbox->in.no_links_said)
		return;
	mailbox->in.no_links_said = true;
	log_event(LOG_LEVEL_WARNING, "no-second-name", mailbox->set->id,
		  "folder=\"%s\" reason=\"the file system has no hard links: "
		  "messages come without their second names\"",
		  folder);
}

static int stage(struct turn *turn, const struct inbox_head *head,
		 struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	struct delivery *delivery = &mailbox->in.delivery;
	int64_t now = clock_wall_ns();
	char stamp[CLOCK_STAMP_SIZE];
	clock_stamp_local(now, stamp);
	struct ctl ctl;
	forms_received(head, mailbox->set->id, stamp, &ctl);
	/* A report has no data; what has some is kept, whatever it is called. */
	delivery->report = head->report && delivery->size == 0;
	place_choose(mailbox->set, head, delivery);
	/* what is STAGED is published and acknowledged without another look at
	 * it; if we die here the report is fetched again */
	int r = head->report ? resolve_by_report(mailbox, head, err) : 0;
	if (r == 0)
		r = delivery_stage(delivery, &mailbox->dir, &ctl, now, err);
	ctl_release(&ctl);
	if (r == 0 && delivery->second_lost)
		say_no_links(mailbox, delivery->folder);
	return r;
}

/* One chunk, on disk and recorded; the last one stages the message. */
static int fetch(struct turn *turn, struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	struct incoming *in = &mailbox->in;
	struct inbox_fetch fetch = {
		.id = in->delivery.id,
		.chunk = in->delivery.done + 1,
		.gz = in->gz,
		.most = turn->conf->max_message,
		.write = write_part,
		.ctx = turn,
	};
	struct inbox_head head;
	inbox_head_init(&head);
	int r = inbox_fetch(&turn->session, &fetch, &head, err);
	if (r == 0 && in->delivery.done > 0 && head.count != in->delivery.count)
		r = err_set(err, ERR_CHANGED,
			    "chunk %u of message %s says there are %u chunks, "
			    "chunk 1 said %u",
			    head.chunk, head.id, head.count,
			    in->delivery.count);
	if (r == 0)
		r = delivery_chunk_done(&in->delivery, &mailbox->dir,
					head.count, gz_reader_between(in->gz),
					clock_wall_ns(), err);
	if (r == 0 && in->delivery.done == in->delivery.count)
		r = stage(turn, &head, err);
	inbox_head_release(&head);
	return r;
}

/* While the control file is still in TEMP. */
static void find_workflow(const struct mailbox *mailbox,
			  char ret[TELL_WORKFLOW_SIZE])
{
	const struct delivery *delivery = &mailbox->in.delivery;
	AUTO_FREE char *name = xasprintf("%s.ctl", delivery->id);
	tell_workflow(mailbox,
		      delivery->report ? CONF_ON_REPORT : CONF_ON_RECEIVE, name,
		      ret);
}

int incoming_deliver(struct mailbox *mailbox, struct err *err)
{
	struct delivery *delivery = &mailbox->in.delivery;
	bool report = delivery->report;
	uint64_t size = delivery->size;
	unsigned count = delivery->count;
	char id[TEXT_ID_SIZE];
	char folder[TEXT_NAME_SIZE];
	(void)text_copy(id, sizeof(id), delivery->id); /* the same size */
	(void)text_copy(folder, sizeof(folder),
			delivery->folder[0] != '\0' ? delivery->folder : "IN");
	char workflow[TELL_WORKFLOW_SIZE];
	find_workflow(mailbox, workflow);
	AUTO_FREE char *facts = personal_facts_staged(mailbox, id, ".ctl");
	int r = delivery_publish(delivery, &mailbox->dir, err);
	if (r == 0 && delivery->second_lost)
		log_event(LOG_LEVEL_WARNING, "no-second-name", mailbox->set->id,
			  "message=%s folder=\"%s\" reason=\"both names are "
			  "taken\"",
			  id, folder);
	/* All files are there for good, but a restart would not know yet. */
	if (r == 0 && !ledger_delivered(mailbox->ledger, id))
		r = ledger_add_delivered(mailbox->ledger, id, size, report,
					 clock_wall_ns(), err);
	/* DELIVERED: from here on the message may be acknowledged. */
	if (r == 0)
		r = delivery_finish(delivery, &mailbox->dir, err);
	if (r < 0)
		return r;
	if (report)
		mailbox->now.reports++;
	else
		mailbox->now.received++;
	log_event(LOG_LEVEL_INFO, report ? "report" : "received",
		  mailbox->set->id,
		  "message=%s bytes=%llu chunks=%u folder=\"%s\"%s", id,
		  (unsigned long long)size, count, folder, facts);
	tell_arrived(mailbox, folder, id, report, workflow);
	return 0;
}

static int acknowledge(struct turn *turn, const char *id, struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	int r = inbox_acknowledge(&turn->session, id, err);
	if (r < 0)
		return r;
	poison_forget(mailbox, id);
	mailbox->now.last_contact_ns = clock_wall_ns();
	return 0;
}

/* --- what a failure means --- */

/* Gone between list and download: nothing to take, nothing to acknowledge. */
static bool is_gone(const struct err *err)
{
	return err->code == ERR_MISSING &&
	       (err->http == 404 || err->http == 410);
}

/* The service, or the network, failed on this one; the others may be well. */
static bool is_about_message(const struct err *err)
{
	if (err->http != 0)
		return err->http != 401;
	if (err->scope != ERR_MESSAGE)
		return false;
	return err->code == ERR_CORRUPT || err->code == ERR_PROTOCOL ||
	       err->code == ERR_CHANGED || err->code == ERR_LIMIT ||
	       err->code == ERR_NETWORK || err->code == ERR_EXISTS ||
	       err->code == ERR_UNSAFE || err->code == ERR_INVALID;
}

/* The folder of this one; IN and the others may be well. */
static bool is_about_folder(const struct delivery *delivery,
			    const struct err *err)
{
	return delivery->state == DELIVERY_STAGED &&
	       delivery->folder[0] != '\0' &&
	       (err->code == ERR_CONFIG || err->code == ERR_DENIED);
}

/* The chunks that came before are worth nothing: they are not what they were, or
 * what they begin cannot be decoded or has no room. */
static bool is_in_vain(const struct err *err)
{
	return err->code == ERR_CHANGED || err->code == ERR_CORRUPT ||
	       err->code == ERR_LIMIT || err->code == ERR_NOSPACE;
}

/* Gives back the room of what is worth nothing: all of a message, or of one of
 * which nothing is recorded; else what came of the last chunk. */
static int give_back(struct mailbox *mailbox, bool all, struct err *err)
{
	struct incoming *in = &mailbox->in;
	if (!in->current || in->delivery.state == DELIVERY_STAGED)
		return 0;
	if (all || in->delivery.state == DELIVERY_NEW)
		return delivery_finish(&in->delivery, &mailbox->dir, err);
	return in->delivery.part >= 0 ? delivery_rewind(&in->delivery, err) : 0;
}

static int put_aside(struct turn *turn, struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	struct incoming *in = &mailbox->in;
	const char *id = in->page.ids[in->next];
	/* 410 speaks of the message, 404 for a later chunk may be a hole. */
	bool gone = is_gone(err) &&
		    (in->delivery.done == 0 || err->http == 410);
	if (gone) {
		log_event(LOG_LEVEL_WARNING, "gone", mailbox->set->id,
			  "message=%s reason=\"%s\"", id, err->text);
		poison_forget(mailbox, id);
	} else {
		poison_note(mailbox, id, err);
	}
	struct err ignored; /* a failure is repaired by the next attempt */
	err_clear(&ignored);
	int r = give_back(mailbox, gone || is_in_vain(err), &ignored);
	go_past(in);
	if (r == -ERR_SYNC)
		*err = ignored;
	return r == -ERR_SYNC ? r : 0;
}

/* The mailbox cannot go on; what is recorded waits for the next turn. */
static int give_up(struct mailbox *mailbox, int r, struct err *err)
{
	struct err ignored; /* a failure is repaired by the next attempt */
	err_clear(&ignored);
	if (r != -ERR_SYNC &&
	    give_back(mailbox, is_in_vain(err), &ignored) == -ERR_SYNC) {
		*err = ignored;
		r = -ERR_SYNC;
	}
	mailbox->in.failures = 0;
	forget_current(&mailbox->in);
	return r;
}

/* What such a failure says of the service. */
static unsigned cost_of(const struct err *err)
{
	if (err->code == ERR_NETWORK && err->http == 0)
		return UNANSWERED_COSTS;
	return err->http != 0 && !is_gone(err) ? 1 : 0;
}

/* Takes the next listed message one step on; *ret_done: it is dealt with. */
static int step(struct turn *turn, bool *ret_done, struct err *err)
{
	struct mailbox *mailbox = turn->mailbox;
	struct incoming *in = &mailbox->in;
	const char *id = in->page.ids[in->next];
	*ret_done = false;
	if (!ledger_delivered(mailbox->ledger, id)) {
		int r = in->current ? 0 : begin(mailbox, id, err);
		if (r == 0 && in->delivery.state != DELIVERY_STAGED)
			r = fetch(turn, err);
		if (r < 0)
			return r;
		if (in->delivery.state != DELIVERY_STAGED)
			return 0;
		r = incoming_deliver(mailbox, err);
		if (r < 0)
			return r;
	}
	int r = acknowledge(turn, id, err);
	if (r < 0)
		return r;
	*ret_done = true;
	go_past(in);
	return 0;
}

static int step_or_aside(struct turn *turn, bool *ret_done, struct err *err)
{
	struct incoming *in = &turn->mailbox->in;
	if (poison_waits(turn->mailbox, in->page.ids[in->next],
			 clock_mono_ns())) {
		go_past(in);
		*ret_done = true;
		return 0;
	}
	int r = step(turn, ret_done, err);
	if (r == 0) {
		in->failures = 0;
		return 0;
	}
	if ((is_about_message(err) || is_about_folder(&in->delivery, err)) &&
	    in->failures < FAILURES_MOST) {
		in->failures += cost_of(err);
		*ret_done = true;
		return put_aside(turn, err);
	}
	return give_up(turn->mailbox, r, err);
}

void incoming_forget(struct mailbox *mailbox)
{
	struct incoming *in = &mailbox->in;
	forget_current(in);
	reply_page_release(&in->page);
	in->next = 0;
	in->listed = false;
	mailbox->poll_due_ns = 0;
}

/* --- a turn's share --- */

static int receive_some(struct turn *turn, uint64_t *share, bool *ret_large,
			struct err *err)
{
	struct incoming *in = &turn->mailbox->in;
	*ret_large = false;
	while (has_next(in) && *share > 0 && !*ret_large &&
	       turn->go_on(turn->ctx)) {
		bool done;
		int r = step_or_aside(turn, &done, err);
		if (r < 0)
			return r;
		if (done)
			(*share)--;
		else
			*ret_large = true; /* one chunk, then others */
	}
	return 0;
}

int incoming_run(struct turn *turn, bool *ret_more, struct err *err)
{
	struct incoming *in = &turn->mailbox->in;
	uint64_t share = turn->mailbox->set->max_messages;
	bool large = false;
	for (;;) {
		if (!has_next(in)) {
			int r = list(turn, err);
			if (r < 0)
				return r;
		}
		int r = receive_some(turn, &share, &large, err);
		if (r < 0)
			return r;
		bool page_done = !has_next(in);
		*ret_more = !page_done || in->page.next;
		if (!page_done || !in->page.next || share == 0 ||
		    !turn->go_on(turn->ctx))
			return 0;
	}
}
