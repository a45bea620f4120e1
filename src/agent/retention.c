/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/retention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/mailbox.h"
#include "agent/turn.h"
#include "base/clock.h"
#include "base/fsx.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "spool/delivery.h"
#include "spool/ledger.h"
#include "spool/retain.h"
#include "spool/scan.h"

#define EVERY (3600 * CLOCK_SECOND)
/* Time for the clock to be set and for what waited to be done. */
#define AFTER_START (300 * CLOCK_SECOND)
/* A clock is corrected by less without being set. */
#define CLOCK_SLACK (600 * CLOCK_SECOND)

/* Calls of retain_step in a turn: 20,000 names, or 1,000 removals. */
#define STEPS_MOST 10

/* The places that a run goes through; deliveries follow. */
enum place {
	PLACE_SENT,
	PLACE_FAILED,
	PLACE_IN,
	PLACE_DELIVERIES,
};

/* Names that belong to jobs, sorted: none of them may go. */
struct busy {
	char **names; /* owned */
	size_t count;
	const struct mailbox *mailbox;
};

struct retention {
	int64_t due_ns; /* monotonic */
	bool running;
	int64_t began_ns;      /* wall time */
	size_t place;	       /* enum place, or beyond */
	int fd;		       /* owned; of a delivery's folder, else -1 */
	struct retain *retain; /* owned; at work on the place */
	struct retain_count sent;
	struct retain_count failed;
	struct retain_count in;
	bool trouble;	  /* in this run */
	struct busy busy; /* during a turn */

	bool blind_said;
	int64_t contact_ns;	/* wall time of the last contact seen */
	int64_t clock_apart_ns; /* wall minus monotonic at that time */
};

struct retention *retention_new(int64_t mono_ns)
{
	struct retention *retention = xcalloc(1, sizeof(*retention));
	retention->due_ns = mono_ns + AFTER_START;
	retention->fd = -1;
	return retention;
}

static void leave_place(struct retention *retention)
{
	retention->retain = retain_free(retention->retain);
	mem_auto_close(&retention->fd);
	retention->fd = -1;
}

struct retention *retention_free(struct retention *retention)
{
	if (!retention)
		return NULL;
	leave_place(retention);
	free(retention);
	return NULL;
}

void retention_hurry(struct retention *retention, int64_t mono_ns)
{
	retention->due_ns = mono_ns;
}

void retention_cancel(struct retention *retention)
{
	leave_place(retention);
	retention->running = false;
}

/* --- what is under way --- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void busy_add(struct busy *busy, const char *name)
{
	if (!*name)
		return;
	busy->names = xreallocarray(busy->names, busy->count + 1,
				    sizeof(*busy->names));
	busy->names[busy->count++] = xstrdup(name);
}

static void busy_add_stem(struct busy *busy, const char *name)
{
	char stem[TEXT_NAME_SIZE];
	scan_stem(name, stem);
	busy_add(busy, stem);
}

static void busy_fill(struct busy *busy, const struct mailbox *mailbox)
{
	*busy = (struct busy){ .mailbox = mailbox };
	for (size_t i = 0; i < mailbox->out_count; i++) {
		const struct job *job = &mailbox->out[i]->job;
		busy_add(busy, job->id);
		busy_add(busy, job->archive_stem);
		busy_add_stem(busy, job->ctl_name);
		busy_add_stem(busy, job->collect_name);
		busy_add_stem(busy, job->report_name);
	}
	if (busy->count > 0)
		qsort(busy->names, busy->count, sizeof(*busy->names), by_name);
}

static void busy_release(struct busy *busy)
{
	for (size_t i = 0; i < busy->count; i++)
		free(busy->names[i]);
	free(busy->names);
	*busy = (struct busy){ .names = NULL };
}

static bool busy_has(const struct busy *busy, const char *name)
{
	return busy->count > 0 && bsearch(&name, busy->names, busy->count,
					  sizeof(*busy->names), by_name);
}

/* A name that was taken got "~ID" added to its stem. */
static bool is_of_job(const struct busy *busy, const char *stem)
{
	const char *tail = strrchr(stem, '~');
	return busy_has(busy, stem) || (tail && busy_has(busy, tail + 1));
}

static bool archive_settled(void *ctx, const char *stem, bool report)
{
	(void)report; /* there are none in the archive */
	return !is_of_job(ctx, stem);
}

/* The ledger has the id once both files are in their folder for good. */
static bool message_settled(const struct mailbox *mailbox, const char *stem)
{
	const char *id = delivery_stem_id(stem);
	char name[TEXT_NAME_SIZE];
	struct stat st;
	struct err ignored;
	if (!text_is_message_id(id) || !ledger_delivered(mailbox->ledger, id))
		return false;
	(void)snprintf(name, sizeof(name), "%s" DELIVERY_SUFFIX, id); /* fits */
	return fsx_stat_at(mailbox->dir.inbound, name, &st, &ignored) ==
	       -ERR_MISSING;
}

static bool in_settled(void *ctx, const char *stem, bool report)
{
	const struct busy *busy = ctx;
	if (message_settled(busy->mailbox, stem))
		return true;
	return report && !is_of_job(busy, stem);
}

/* --- whether to begin --- */

static bool is_on(const struct conf_retention *keep)
{
	return keep->age_ns > 0 || keep->size > 0;
}

static bool is_wanted(const struct conf_mailbox *set)
{
	return is_on(&set->keep_sent) || is_on(&set->keep_failed) ||
	       is_on(&set->keep_in);
}

/* The service took our time for right, and no one has set the clock since. */
static bool is_clock_good(struct retention *retention,
			  const struct mailbox *mailbox)
{
	int64_t apart = clock_wall_ns() - clock_mono_ns();
	if (mailbox->now.last_contact_ns != retention->contact_ns) {
		retention->contact_ns = mailbox->now.last_contact_ns;
		retention->clock_apart_ns = apart;
	}
	int64_t drift = apart - retention->clock_apart_ns;
	return retention->contact_ns != 0 && drift < CLOCK_SLACK &&
	       -drift < CLOCK_SLACK;
}

/* Each record has to be one that was read: what another says is not known. */
static int check_records(const struct mailbox *mailbox, const struct busy *busy,
			 struct err *err)
{
	struct job_list list;
	int r = job_list_read(mailbox->dir.jobs, &list, err);
	if (r < 0)
		return r;
	bool known = mailbox->damaged == 0;
	for (size_t i = 0; i < list.count && known; i++)
		known = busy_has(busy, list.ids[i]);
	job_list_release(&list);
	if (known)
		return 0;
	return err_set(err, ERR_INVALID,
		       "retention removes nothing while a record of this "
		       "mailbox cannot be read: see meshdrop verify");
}

static void complain(struct mailbox *mailbox, const struct err *err)
{
	mailbox->retention->trouble = true;
	mailbox_complain(mailbox, &mailbox->retaining, "retention-trouble",
			 err);
}

static bool begin(struct mailbox *mailbox)
{
	struct retention *retention = mailbox->retention;
	struct err err;
	retention->due_ns = clock_mono_ns() + EVERY;
	retention->trouble = false;
	if (check_records(mailbox, &retention->busy, &err) < 0) {
		complain(mailbox, &err);
		return false;
	}
	retention->running = true;
	retention->began_ns = clock_wall_ns();
	retention->place = 0;
	retention->sent = (struct retain_count){ .groups = 0 };
	retention->failed = retention->sent;
	retention->in = retention->sent;
	return true;
}

/* --- one place after the other --- */

static const struct conf_delivery *delivery_of(const struct mailbox *mailbox)
{
	const struct retention *retention = mailbox->retention;
	return &mailbox->set->deliveries[retention->place - PLACE_DELIVERIES];
}

/* Whether an earlier delivery goes to the same folder. */
static bool is_repeated(const struct mailbox *mailbox)
{
	const struct conf_delivery *own = delivery_of(mailbox);
	for (const struct conf_delivery *other = mailbox->set->deliveries;
	     other < own; other++)
		if (text_equal_nocase(other->folder, own->folder))
			return true;
	return false;
}

static const struct conf_retention *keep_of(const struct mailbox *mailbox)
{
	switch (mailbox->retention->place) {
	case PLACE_SENT:
		return &mailbox->set->keep_sent;
	case PLACE_FAILED:
		return &mailbox->set->keep_failed;
	default:
		return &mailbox->set->keep_in;
	}
}

/* -1 with 0: there is nothing to do. */
static int open_place(struct mailbox *mailbox, int *ret_fd, struct err *err)
{
	struct retention *retention = mailbox->retention;
	*ret_fd = -1;
	if (!is_on(keep_of(mailbox)))
		return 0;
	if (retention->place == PLACE_SENT)
		*ret_fd = mailbox->dir.sent;
	else if (retention->place == PLACE_FAILED)
		*ret_fd = mailbox->dir.failed;
	else if (retention->place == PLACE_IN)
		*ret_fd = mailbox->dir.in;
	if (*ret_fd >= 0 || is_repeated(mailbox))
		return 0;
	int r = boxdir_open_folder(&mailbox->dir, delivery_of(mailbox)->folder,
				   false, &retention->fd, err);
	*ret_fd = retention->fd;
	return r == -ERR_MISSING ? 0 : r;
}

/* Where reading leaves no trace nothing can be known to be taken. */
static int check_atime(struct mailbox *mailbox, int *fd, struct err *err)
{
	struct retention *retention = mailbox->retention;
	bool keeps = false;
	if (*fd < 0 || retention->place < PLACE_IN)
		return 0;
	int r = fsx_keeps_atime(*fd, &keeps, err);
	if (r < 0 || keeps)
		return r;
	*fd = -1;
	if (!retention->blind_said)
		log_event(LOG_LEVEL_WARNING, "retention-blind",
			  mailbox->set->id,
			  "root=\"%s\" reason=\"it is mounted noatime: what "
			  "was read cannot be told, so nothing is removed from "
			  "IN\"",
			  mailbox->set->root);
	retention->blind_said = true;
	return 0;
}

static int enter_place(struct mailbox *mailbox, struct err *err)
{
	struct retention *retention = mailbox->retention;
	int fd;
	int r = open_place(mailbox, &fd, err);
	if (r == 0)
		r = check_atime(mailbox, &fd, err);
	if (r < 0 || fd < 0)
		return r;
	const struct conf_retention *keep = keep_of(mailbox);
	bool archive = retention->place < PLACE_IN;
	struct retain_rules rules = {
		.kind = archive ? RETAIN_ARCHIVE : RETAIN_IN,
		.age_ns = keep->age_ns,
		.size = keep->size,
		.wall_ns = retention->began_ns,
		.settled = archive ? archive_settled : in_settled,
		.ctx = &retention->busy,
	};
	retention->retain = retain_new(fd, &rules);
	return 0;
}

static struct retain_count *count_of(struct retention *retention)
{
	if (retention->place == PLACE_SENT)
		return &retention->sent;
	return retention->place == PLACE_FAILED ? &retention->failed :
						  &retention->in;
}

/* One step at one place; the next one when it is done or cannot go on. */
static void step(struct mailbox *mailbox)
{
	struct retention *retention = mailbox->retention;
	struct retain_count *count = count_of(retention);
	uint64_t before = count->groups;
	struct err err;
	bool done = true;
	int r = 0;
	if (!retention->retain)
		r = enter_place(mailbox, &err);
	if (r == 0 && retention->retain)
		r = retain_step(retention->retain, count, &done, &err);
	mailbox->now.removed += count->groups - before;
	if (r < 0)
		complain(mailbox, &err);
	if (r < 0 || done) {
		leave_place(retention);
		retention->place++;
	}
}

static void end(struct mailbox *mailbox)
{
	struct retention *retention = mailbox->retention;
	retention->running = false;
	retention->due_ns = clock_mono_ns() + EVERY;
	if (!retention->trouble)
		mailbox_cleared(mailbox, &mailbox->retaining, "retention-well");
	uint64_t bytes = retention->sent.bytes + retention->failed.bytes +
			 retention->in.bytes;
	if (retention->sent.groups + retention->failed.groups +
		    retention->in.groups >
	    0)
		log_event(LOG_LEVEL_INFO, "removed", mailbox->set->id,
			  "sent=%llu failed=%llu in=%llu bytes=%llu",
			  (unsigned long long)retention->sent.groups,
			  (unsigned long long)retention->failed.groups,
			  (unsigned long long)retention->in.groups,
			  (unsigned long long)bytes);
}

static void go_on(struct turn *turn)
{
	struct mailbox *mailbox = turn->mailbox;
	struct retention *retention = mailbox->retention;
	size_t places = PLACE_DELIVERIES + mailbox->set->delivery_count;
	for (unsigned i = 0; i < STEPS_MOST && retention->place < places &&
			     turn->go_on(turn->ctx);
	     i++)
		step(mailbox);
	if (retention->place >= places)
		end(mailbox);
}

bool retention_run(struct turn *turn, bool idle)
{
	struct mailbox *mailbox = turn->mailbox;
	struct retention *retention = mailbox->retention;
	bool clock_good = is_clock_good(retention, mailbox);
	int64_t late_ns = clock_mono_ns() - retention->due_ns;
	bool due = is_wanted(mailbox->set) && late_ns >= (idle ? 0 : EVERY);
	if (!retention->running && (!due || !clock_good))
		return false;
	busy_fill(&retention->busy, mailbox);
	if (retention->running || begin(mailbox))
		go_on(turn);
	busy_release(&retention->busy);
	return retention->running;
}
