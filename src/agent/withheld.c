/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/withheld.h"

#include "agent/mailbox.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "conf/conf.h"
#include "spool/scan.h"

#define PAIR_FIRST (2 * CLOCK_SECOND)
#define PAIR_MOST (60 * CLOCK_SECOND)
#define JOB_FIRST (2 * CLOCK_SECOND)
#define JOB_MOST (300 * CLOCK_SECOND)

bool withheld_is(const struct err *err)
{
	return (err->code == ERR_DENIED || err->code == ERR_BUSY) &&
	       err->scope == ERR_MESSAGE && err->retry == ERR_LATER;
}

/* Denied or held: for the log it is one trouble. */
static void say(struct mailbox *mailbox, bool fresh, const struct err *err)
{
	int64_t now = clock_mono_ns();
	struct complaint *complaint = &mailbox->denied;
	bool last;
	bool due = complaint_raise(complaint, ERR_DENIED, err->text, now);
	if (!due && fresh)
		due = left_alone_may_say(&mailbox->withheld, now, &last);
	if (due)
		log_event(LOG_LEVEL_ERROR, "pair-denied", mailbox->set->id,
			  "times=%u reason=\"%s\"", complaint->times,
			  err->text);
}

void withheld_pair(struct mailbox *mailbox, struct scan *scan,
		   const struct scan_pair *pair, const struct err *err)
{
	const char *name = pair->ctl_name[0] != '\0' ? pair->ctl_name :
						       pair->dat_name;
	int64_t wait = clock_backoff_ns(pair->put_off, PAIR_FIRST, PAIR_MOST);
	int64_t due = clock_mono_ns() + wait;
	scan_put_off(scan, name, due);
	if (due < mailbox->scan_due_ns)
		mailbox->scan_due_ns = due;
	say(mailbox, pair->put_off == 0, err);
}

void withheld_claim(struct mailbox *mailbox, const struct err *err)
{
	say(mailbox, true, err);
}

void withheld_behind(struct scan *scan, const char *name)
{
	scan_put_off(scan, name, clock_mono_ns() + PAIR_FIRST);
}

void withheld_job(struct mailbox *mailbox, struct outgoing *out,
		  const struct err *err)
{
	int64_t wait = clock_backoff_ns(out->withheld.times, JOB_FIRST,
					JOB_MOST);
	out->again_ns = clock_mono_ns() + wait;
	if (complaint_raise(&out->withheld, ERR_DENIED, err->text,
			    clock_mono_ns()))
		log_event(LOG_LEVEL_ERROR, "job-withheld", mailbox->set->id,
			  "job=%s file=\"%s\" times=%u reason=\"%s\"",
			  out->job.id, out->job.ctl_name, out->withheld.times,
			  err->text);
}

void withheld_over(struct mailbox *mailbox, struct outgoing *out)
{
	out->again_ns = 0;
	if (complaint_clear(&out->withheld))
		log_event(LOG_LEVEL_NOTICE, "job-goes-on", mailbox->set->id,
			  "job=%s file=\"%s\"", out->job.id, out->job.ctl_name);
}

size_t withheld_count(const struct mailbox *mailbox)
{
	size_t count = 0;
	for (size_t i = 0; i < mailbox->out_count; i++)
		count += mailbox->out[i]->again_ns != 0;
	return count;
}
