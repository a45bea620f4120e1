/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/poison.h"

#include <string.h>

#include "agent/mailbox.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"

#define WAIT_FIRST (5 * CLOCK_SECOND)
#define WAIT_MOST (3600 * CLOCK_SECOND)
#define KEPT_DAYS 5 /* the service's rule for what is not acknowledged */
#define DAY (86400 * CLOCK_SECOND)
#define POISON_MAX 10000

static struct poison *find(const struct mailbox *mailbox, const char *id)
{
	for (size_t i = 0; i < mailbox->in.poison_count; i++)
		if (strcmp(mailbox->in.poison[i].id, id) == 0)
			return &mailbox->in.poison[i];
	return NULL;
}

bool poison_waits(const struct mailbox *mailbox, const char *id,
		  int64_t mono_ns)
{
	const struct poison *poison = find(mailbox, id);
	return poison && poison->due_ns > mono_ns;
}

static struct poison *oldest(const struct incoming *in)
{
	struct poison *oldest = &in->poison[0];
	for (size_t i = 1; i < in->poison_count; i++)
		if (in->poison[i].since_ns < oldest->since_ns)
			oldest = &in->poison[i];
	return oldest;
}

static struct poison *add(struct mailbox *mailbox, const char *id)
{
	struct incoming *in = &mailbox->in;
	struct poison *poison;
	if (in->poison_count == POISON_MAX) {
		poison = oldest(in); /* is tried at the next list, at worst */
	} else {
		in->poison = xreallocarray(in->poison, in->poison_count + 1,
					   sizeof(*in->poison));
		poison = &in->poison[in->poison_count++];
	}
	*poison = (struct poison){ .since_ns = clock_wall_ns() };
	(void)text_copy(poison->id, sizeof(poison->id), id);
	return poison;
}

void poison_note(struct mailbox *mailbox, const char *id, const struct err *err)
{
	struct poison *poison = find(mailbox, id);
	if (!poison)
		poison = add(mailbox, id);
	poison->due_ns = clock_mono_ns() + clock_backoff_ns(poison->failures,
							    WAIT_FIRST,
							    WAIT_MOST);
	poison->failures++;
	poison->listed = true;
	int64_t days = KEPT_DAYS - (clock_wall_ns() - poison->since_ns) / DAY;
	log_event(LOG_LEVEL_ERROR, "not-taken", mailbox->set->id,
		  "message=%s times=%u days_left=%lld reason=\"%s\"", id,
		  poison->failures, (long long)(days > 0 ? days : 0),
		  err->text);
}

static void forget(struct incoming *in, struct poison *poison)
{
	in->poison_count--;
	*poison = in->poison[in->poison_count];
}

void poison_forget(struct mailbox *mailbox, const char *id)
{
	struct poison *poison = find(mailbox, id);
	if (poison)
		forget(&mailbox->in, poison);
}

void poison_poll_begins(struct mailbox *mailbox)
{
	for (size_t i = 0; i < mailbox->in.poison_count; i++)
		mailbox->in.poison[i].listed = false;
}

void poison_listed(struct mailbox *mailbox, const struct reply_page *page)
{
	for (size_t i = 0; i < page->count; i++) {
		struct poison *poison = find(mailbox, page->ids[i]);
		if (poison)
			poison->listed = true;
	}
}

void poison_poll_ends(struct mailbox *mailbox)
{
	struct incoming *in = &mailbox->in;
	/* the last one takes the place of one that goes, so from behind */
	for (size_t i = in->poison_count; i > 0; i--)
		if (!in->poison[i - 1].listed)
			forget(in, &in->poison[i - 1]);
}
