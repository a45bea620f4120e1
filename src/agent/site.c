/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/site.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/confine.h"
#include "agent/hooks.h"
#include "agent/incoming.h"
#include "agent/mailbox.h"
#include "agent/recover.h"
#include "agent/retention.h"
#include "agent/status.h"
#include "base/clock.h"
#include "base/fsx.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"

/* --- settings --- */

static void say_setting(void *ctx, bool fatal, const char *text)
{
	(void)ctx;
	log_event(fatal ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "settings", NULL,
		  "%s", text);
}

struct conf *site_load_conf(const char *path)
{
	struct conf *conf = NULL;
	if (conf_load(path, say_setting, NULL, &conf) < 0)
		return NULL;
	return conf;
}

/* Every stamp in a control file is local time. */
static void set_timezone(const struct conf *conf)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): no turn runs now */
	if (setenv("TZ", conf->timezone, 1) < 0)
		abort(); /* out of memory */
	tzset();
}

/* --- mailboxes --- */

/* Who set it must know what it leaves where it is. */
static void say_filter(const struct conf_mailbox *set)
{
	if (set->workflow_filter)
		log_event(LOG_LEVEL_NOTICE, "workflow-filter", set->id,
			  "filter=\"%s\" reason=\"other messages stay at the "
			  "service, which returns them after five days\"",
			  set->workflow_filter);
}

/* A right that is missing may come back: its turns go on trying. */
static void start_in_trouble(struct mailbox *mailbox, const struct err *err)
{
	mailbox_complain(mailbox, &mailbox->service, "mailbox-trouble", err);
	mailbox_view_publish(mailbox);
}

static int add_mailbox(struct site *site, const struct conf *conf,
		       const struct conf_mailbox *set, bool patient,
		       struct err *err)
{
	struct mailbox *mailbox = mailbox_new(conf, set, site->state_dir);
	mailbox->hooks = site->hooks;
	int r = recover_open(mailbox, err);
	if (r == -ERR_DENIED && patient) {
		start_in_trouble(mailbox, err);
		r = 0;
	}
	if (r < 0) {
		(void)mailbox_close(mailbox);
		return r;
	}
	site->mailboxes = xreallocarray(site->mailboxes, site->count + 1,
					sizeof(*site->mailboxes));
	site->mailboxes[site->count++] = mailbox;
	say_filter(set);
	return 0;
}

static void drop_mailboxes(struct site *site, size_t from)
{
	while (site->count > from) {
		site->count--;
		(void)mailbox_close(site->mailboxes[site->count]);
	}
}

static int open_all(struct site *site, struct err *err)
{
	const struct conf *conf = site->conf;
	int r = certs_load(&site->certs, conf, err);
	if (r == 0)
		certs_say(&site->certs, conf);
	if (r == 0)
		r = fsx_make_path(conf->state_dir, 0755, err);
	if (r == 0)
		r = fsx_open_root(conf->state_dir, &site->state_dir, err);
	if (r < 0) {
		err_prefix(err, "cannot start");
		return r;
	}
	for (size_t i = 0; i < conf->mailbox_count && r == 0; i++)
		r = add_mailbox(site, conf, &conf->mailboxes[i], true, err);
	return r;
}

int site_open(struct site *site, struct conf *conf, struct err *err)
{
	*site = (struct site){
		.conf = conf,
		.state_dir = -1,
		.started_ns = clock_wall_ns(),
		.hooks = hooks_new(),
	};
	set_timezone(conf);
	int r = open_all(site, err);
	if (r < 0)
		site_close(site);
	return r;
}

void site_close(struct site *site)
{
	site->hooks = hooks_free(site->hooks);
	drop_mailboxes(site, 0);
	free(site->mailboxes);
	certs_release(&site->certs);
	mem_auto_close(&site->state_dir);
	site->confine = confine_free(site->confine);
	site->conf = conf_free(site->conf);
	*site = (struct site){ .state_dir = -1 };
}

/* --- reload --- */

static struct mailbox *find(const struct site *site, const char *id)
{
	for (size_t i = 0; i < site->count; i++)
		if (strcmp(site->mailboxes[i]->set->id, id) == 0)
			return site->mailboxes[i];
	return NULL;
}

/* What is open stays open; so it must not have moved. */
static int check_same_places(const struct site *site, const struct conf *conf,
			     struct err *err)
{
	if (strcmp(site->conf->state_dir, conf->state_dir) != 0)
		return err_set(err, ERR_CONFIG,
			       "state_dir has changed: that needs a restart");
	for (size_t i = 0; i < conf->mailbox_count; i++) {
		const struct conf_mailbox *set = &conf->mailboxes[i];
		const struct mailbox *old = find(site, set->id);
		if (old && strcmp(old->set->root, set->root) != 0)
			return err_set(err, ERR_CONFIG,
				       "%s: the root of mailbox %s has changed: "
				       "that needs a restart",
				       set->file, set->id);
	}
	return 0;
}

static int try_folders(const struct site *site, const struct conf *conf,
		       struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < conf->mailbox_count && r == 0; i++) {
		const struct conf_mailbox *set = &conf->mailboxes[i];
		const struct mailbox *old = find(site, set->id);
		if (old && old->ready)
			r = mailbox_try_folders(old, set, err);
	}
	return r;
}

static int add_new(struct site *site, const struct conf *conf, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < conf->mailbox_count && r == 0; i++)
		if (!find(site, conf->mailboxes[i].id))
			r = add_mailbox(site, conf, &conf->mailboxes[i], false,
					err);
	return r;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static int prepare(struct site *site, const struct conf *conf, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < site->count && r == 0; i++) {
		struct mailbox *mailbox = site->mailboxes[i];
		const struct conf_mailbox *set =
			conf_mailbox_find(conf, mailbox->set->id);
		if (set && mailbox->ready)
			r = mailbox_prepare(mailbox, set, err);
	}
	return r;
}

static void prepare_undo(struct site *site)
{
	for (size_t i = 0; i < site->count; i++)
		mailbox_prepare_undo(site->mailboxes[i]);
}

/* One that waits for a right opens what these settings name in its next turn.
 * Mailboxes that are no longer named are closed; the others get their new
 * settings and are looked at again at once. */
static void adopt(struct site *site, const struct conf *conf)
{
	size_t kept = 0;
	for (size_t i = 0; i < site->count; i++) {
		struct mailbox *mailbox = site->mailboxes[i];
		const struct conf_mailbox *set =
			conf_mailbox_find(conf, mailbox->set->id);
		if (!set) {
			log_event(LOG_LEVEL_NOTICE, "mailbox-closed",
				  mailbox->set->id, "jobs=%zu",
				  mailbox->out_count);
			(void)mailbox_close(mailbox);
			continue;
		}
		if (!same_text(mailbox->set->workflow_filter,
			       set->workflow_filter)) {
			incoming_forget(mailbox);
			say_filter(set);
		}
		mailbox_adopt(mailbox, conf, set);
		retention_cancel(mailbox->retention);
		site->mailboxes[kept++] = mailbox;
	}
	site->count = kept;
}

int site_reload(struct site *site, struct conf *conf, struct err *err)
{
	size_t before = site->count;
	struct certs fresh = { .count = 0 };
	int r = check_same_places(site, conf, err);
	if (r == 0)
		r = confine_check(site->confine, conf, err);
	if (r == 0)
		r = certs_load(&fresh, conf, err);
	if (r == 0)
		r = try_folders(site, conf, err);
	if (r == 0)
		r = add_new(site, conf, err);
	if (r == 0)
		r = prepare(site, conf, err);
	if (r < 0) {
		drop_mailboxes(site, before);
		prepare_undo(site);
		certs_release(&fresh);
		(void)conf_free(conf);
		return r;
	}
	adopt(site, conf);
	(void)conf_free(site->conf);
	site->conf = conf;
	certs_adopt(&site->certs, &fresh);
	certs_say(&site->certs, conf);
	set_timezone(conf);
	return 0;
}

/* --- now and then --- */

void site_look(struct site *site)
{
	certs_look(&site->certs, site->conf);
}

void site_write_status(struct site *site, const char *state)
{
	struct status_facts facts = {
		.state = state,
		.started_ns = site->started_ns,
		.certs = &site->certs,
		.mailboxes = site->mailboxes,
		.count = site->count,
	};
	struct err err;
	struct complaint *complaint = &site->status;
	if (status_write(site->state_dir, &facts, &err) == 0) {
		if (complaint_clear(complaint))
			log_event(LOG_LEVEL_NOTICE, "status-well", NULL, "%s",
				  "");
		return;
	}
	if (complaint_raise(complaint, err.code, err.text, clock_mono_ns()))
		log_event(LOG_LEVEL_WARNING, "status-not-written", NULL,
			  "times=%u reason=\"%s\"", complaint->times, err.text);
}
