/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/mailbox.h"

#include <stdlib.h>
#include <string.h>

#include "agent/retention.h"
#include "agent/route_folders.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "net/gz.h"
#include "spool/ledger.h"
#include "spool/scan.h"

static int try_folder(const struct mailbox *mailbox, const char *name,
		      struct err *err)
{
	AUTO_CLOSE int fd = -1;
	int r = boxdir_open_folder(&mailbox->dir, name, true, &fd, err);
	if (r < 0)
		return r;
	r = fsx_check_dir(fd, err);
	if (r < 0)
		err_prefix(err, "folder '%s/%s'", mailbox->dir.root, name);
	return r;
}

int mailbox_try_folders(const struct mailbox *mailbox,
			const struct conf_mailbox *set, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < set->delivery_count && r == 0; i++)
		r = try_folder(mailbox, set->deliveries[i].folder, err);
	if (r < 0)
		err_prefix(err, "%s", set->file);
	return r;
}

static int open_parts(struct mailbox *mailbox, struct err *err)
{
	const struct conf_mailbox *set = mailbox->set;
	int r = boxdir_open(&mailbox->dir, set->id, set->root,
			    mailbox->state_dir, err);
	if (r < 0)
		return r;
	r = boxdir_lock(&mailbox->dir, err);
	if (r == 0)
		r = mailbox_try_folders(mailbox, set, err);
	if (r == 0)
		r = route_folders_open(&mailbox->dir, set, &mailbox->routes,
				       err);
	if (r < 0)
		return r;
	r = ledger_open(mailbox->dir.ledger, clock_wall_ns(), &mailbox->ledger,
			err);
	if (r < 0)
		err_prefix(err, "mailbox %s", set->id);
	return r;
}

int mailbox_open_parts(struct mailbox *mailbox, struct err *err)
{
	int r = open_parts(mailbox, err);
	if (r < 0)
		mailbox_shut(mailbox);
	return r;
}

struct mailbox *mailbox_new(const struct conf *conf,
			    const struct conf_mailbox *set, int state_dir)
{
	struct mailbox *mailbox = xcalloc(1, sizeof(*mailbox));
	mailbox->conf = conf;
	mailbox->set = set;
	mailbox->state_dir = state_dir;
	mailbox->now.oldest_s = -1;
	(void)pthread_mutex_init(&mailbox->lock, NULL); /* cannot fail here */
	boxdir_init(&mailbox->dir);
	delivery_init(&mailbox->in.delivery);
	mailbox->scan = scan_new();
	mailbox->retention = retention_new(clock_mono_ns());
	return mailbox;
}

int mailbox_open(const struct conf *conf, const struct conf_mailbox *set,
		 int state_dir, struct mailbox **ret, struct err *err)
{
	struct mailbox *mailbox = mailbox_new(conf, set, state_dir);
	int r = mailbox_open_parts(mailbox, err);
	if (r < 0) {
		(void)mailbox_close(mailbox);
		return r;
	}
	*ret = mailbox;
	return 0;
}

void mailbox_shut(struct mailbox *mailbox)
{
	mailbox->ready = false;
	while (mailbox->out_count > 0)
		mailbox_drop_job(mailbox, mailbox->out[0]);
	mailbox->damaged = 0;
	delivery_release(&mailbox->in.delivery);
	delivery_init(&mailbox->in.delivery);
	mailbox->routes = route_folders_free(mailbox->routes);
	mailbox->ledger = ledger_close(mailbox->ledger);
	boxdir_release(&mailbox->dir);
}

struct mailbox *mailbox_close(struct mailbox *mailbox)
{
	if (!mailbox)
		return NULL;
	mailbox_shut(mailbox);
	free(mailbox->out);
	reply_page_release(&mailbox->in.page);
	mailbox->in.gz = gz_reader_free(mailbox->in.gz);
	free(mailbox->in.poison);
	delivery_list_release(&mailbox->in.parts);
	mailbox->scan = scan_free(mailbox->scan);
	mailbox->retention = retention_free(mailbox->retention);
	mailbox_prepare_undo(mailbox);
	(void)pthread_mutex_destroy(&mailbox->lock); /* nobody holds it */
	free(mailbox);
	return NULL;
}

int mailbox_prepare(struct mailbox *mailbox, const struct conf_mailbox *set,
		    struct err *err)
{
	mailbox_prepare_undo(mailbox);
	return route_folders_open(&mailbox->dir, set, &mailbox->next_routes,
				  err);
}

void mailbox_prepare_undo(struct mailbox *mailbox)
{
	mailbox->next_routes = route_folders_free(mailbox->next_routes);
}

void mailbox_adopt(struct mailbox *mailbox, const struct conf *conf,
		   const struct conf_mailbox *set)
{
	(void)route_folders_free(mailbox->routes);
	mailbox->routes = mailbox->next_routes;
	mailbox->next_routes = NULL;
	mailbox->conf = conf;
	mailbox->set = set;
	mailbox->handshake_due_ns = 0;
	mailbox->contact_due_ns = 0;
	mailbox->scan_due_ns = 0;
}

struct outgoing *mailbox_add_job(struct mailbox *mailbox, struct job *job)
{
	struct outgoing *out = xcalloc(1, sizeof(*out));
	out->fd = -1;
	out->job = *job;
	job_init(job);
	mailbox->out = xreallocarray(mailbox->out, mailbox->out_count + 1,
				     sizeof(*mailbox->out));
	mailbox->out[mailbox->out_count] = out;
	mailbox->out_count++;
	return out;
}

void mailbox_drop_job(struct mailbox *mailbox, struct outgoing *out)
{
	for (size_t i = 0; i < mailbox->out_count; i++) {
		if (mailbox->out[i] != out)
			continue;
		memmove(&mailbox->out[i], &mailbox->out[i + 1],
			(mailbox->out_count - i - 1) * sizeof(*mailbox->out));
		mailbox->out_count--;
		job_release(&out->job);
		free(out);
		return;
	}
}

static void count_jobs(struct mailbox *mailbox)
{
	struct mailbox_view *now = &mailbox->now;
	now->sending = 0;
	now->deferred = 0;
	now->unknown = 0;
	now->held = mailbox->damaged;
	for (size_t i = 0; i < mailbox->out_count; i++) {
		switch (mailbox->out[i]->job.state) {
		case JOB_DEFERRED:
			now->deferred++;
			break;
		case JOB_UNKNOWN:
			now->unknown++;
			break;
		case JOB_HELD:
			now->held++;
			break;
		case JOB_CLAIMED:
		case JOB_OPENING:
		case JOB_OPEN:
		case JOB_ACCEPTED:
		case JOB_REJECTED:
		case JOB_ARCHIVING:
			now->sending++;
			break;
		}
	}
}

/* The first of what is wrong; "" for nothing. */
static const char *worst(const struct mailbox *mailbox)
{
	const struct complaint *const all[] = {
		&mailbox->service,   &mailbox->disk,	  &mailbox->folder,
		&mailbox->sending,   &mailbox->receiving, &mailbox->denied,
		&mailbox->retaining,
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i]->text[0] != '\0')
			return all[i]->text;
	for (size_t i = 0; i < mailbox->out_count; i++)
		if (mailbox->out[i]->withheld.text[0] != '\0')
			return mailbox->out[i]->withheld.text;
	return "";
}

void mailbox_view_publish(struct mailbox *mailbox)
{
	count_jobs(mailbox);
	mailbox->now.poisoned = mailbox->in.poison_count;
	(void)text_copy(mailbox->now.trouble, sizeof(mailbox->now.trouble),
			worst(mailbox));
	(void)pthread_mutex_lock(&mailbox->lock);
	mailbox->seen = mailbox->now;
	(void)pthread_mutex_unlock(&mailbox->lock);
}

void mailbox_view_copy(struct mailbox *mailbox, struct mailbox_view *ret)
{
	(void)pthread_mutex_lock(&mailbox->lock);
	*ret = mailbox->seen;
	(void)pthread_mutex_unlock(&mailbox->lock);
}

void mailbox_complain(struct mailbox *mailbox, struct complaint *complaint,
		      const char *event, const struct err *err)
{
	if (complaint_raise(complaint, err->code, err->text, clock_mono_ns()))
		log_event(LOG_LEVEL_ERROR, event, mailbox->set->id,
			  "times=%u reason=\"%s\"", complaint->times,
			  err->text);
}

void mailbox_cleared(struct mailbox *mailbox, struct complaint *complaint,
		     const char *event)
{
	if (complaint_clear(complaint))
		log_event(LOG_LEVEL_NOTICE, event, mailbox->set->id, "%s", "");
}
