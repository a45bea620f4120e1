/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/parts.h"

#include <string.h>

#include "agent/incoming.h"
#include "agent/mailbox.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/log.h"
#include "conf/conf.h"

/* The service keeps a message for five days; two more for what its clock, or
 * ours, says. */
#define KEPT_MOST (INT64_C(7) * 86400 * CLOCK_SECOND)

bool parts_outdated(int64_t mtime_ns, int64_t wall_ns)
{
	return wall_ns - mtime_ns > KEPT_MOST;
}

/* --- removing --- */

static bool is_under_way(const struct mailbox *mailbox, const char *id)
{
	return mailbox->in.current && strcmp(mailbox->in.delivery.id, id) == 0;
}

static int drop(struct mailbox *mailbox, const char *id, const char *why,
		struct err *err)
{
	if (is_under_way(mailbox, id))
		return 0;
	bool dropped = false;
	int r = delivery_drop(&mailbox->dir, id, &dropped, err);
	if (r == 0 && dropped)
		log_event(LOG_LEVEL_NOTICE, "part-removed", mailbox->set->id,
			  "message=%s reason=\"%s\"", id, why);
	return r == -ERR_SYNC ? r : 0;
}

static int drop_unmarked(struct mailbox *mailbox,
			 const struct delivery_list *list, const char *why,
			 struct err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].marked)
			continue;
		int r = drop(mailbox, list->items[i].id, why, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- a poll --- */

static int drop_outdated(struct mailbox *mailbox, struct delivery_list *list,
			 struct err *err)
{
	int64_t now = clock_wall_ns();
	for (size_t i = 0; i < list->count; i++) {
		struct delivery_found *found = &list->items[i];
		if (!parts_outdated(found->mtime_ns, now))
			continue;
		int r = drop(mailbox, found->id,
			     "older than the service keeps a message", err);
		if (r < 0)
			return r;
		found->marked = true; /* dealt with */
	}
	return 0;
}

int parts_poll_begins(struct mailbox *mailbox, struct err *err)
{
	struct delivery_list *list = &mailbox->in.parts;
	delivery_list_release(list);
	int r = delivery_list_read(&mailbox->dir, list, err);
	if (r < 0)
		return r == -ERR_SYNC ? r : 0;
	return drop_outdated(mailbox, list, err);
}

void parts_listed(struct mailbox *mailbox, const struct reply_page *page)
{
	for (size_t i = 0; i < page->count; i++) {
		struct delivery_found *found =
			delivery_list_find(&mailbox->in.parts, page->ids[i]);
		if (found)
			found->marked = true;
	}
}

int parts_poll_ends(struct mailbox *mailbox, struct err *err)
{
	struct delivery_list *list = &mailbox->in.parts;
	int r = drop_unmarked(mailbox, list,
			      "the service lists the message no more", err);
	delivery_list_release(list);
	return r;
}

/* --- room --- */

int parts_give_back(struct mailbox *mailbox, struct err *err)
{
	struct delivery_list list;
	int r = delivery_list_read(&mailbox->dir, &list, err);
	if (r < 0)
		return r == -ERR_SYNC ? r : 0;
	r = drop_unmarked(mailbox, &list,
			  "room is short; it is fetched again later", err);
	delivery_list_release(&list);
	return r;
}

/* What cannot be found out is no reason to remove anything. */
static bool has_free(int dirfd, uint64_t bytes)
{
	uint64_t found = 0;
	return fsx_free_bytes(dirfd, &found, NULL) < 0 || found >= bytes;
}

int parts_keep_room(struct mailbox *mailbox, struct err *err)
{
	const struct boxdir *dir = &mailbox->dir;
	uint64_t reserve = mailbox->conf->reserve;
	if (has_free(dir->temp, 2 * reserve) &&
	    has_free(dir->inbound, 2 * reserve))
		return 0;
	int r = parts_give_back(mailbox, err);
	if (r < 0 || !mailbox->in.current || has_free(dir->temp, reserve))
		return r;
	incoming_forget(mailbox);
	return parts_give_back(mailbox, err);
}
