/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/left_alone.h"

#include "agent/mailbox.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "spool/scan.h"

#define WINDOW (3600 * CLOCK_SECOND)

bool left_alone_may_say(struct left_alone *state, int64_t mono_ns,
			bool *ret_last)
{
	if (mono_ns >= state->until_ns)
		*state = (struct left_alone){ .until_ns = mono_ns + WINDOW };
	if (state->said == LEFT_ALONE_MOST)
		return false;
	state->said++;
	*ret_last = state->said == LEFT_ALONE_MOST;
	return true;
}

void left_alone_tell(struct mailbox *mailbox, struct scan *scan,
		     const char *folder, const struct scan_result *result)
{
	mailbox->now.left_alone += result->odd_seen;
	for (size_t i = 0; i < result->odd_count; i++) {
		const struct scan_oddity *odd = &result->odd[i];
		bool last = false;
		if (!left_alone_may_say(&mailbox->left_alone, clock_mono_ns(),
					&last))
			return;
		log_event(LOG_LEVEL_WARNING, "left-alone", mailbox->set->id,
			  "file=\"%s/%s\" reason=\"%s\"", folder, odd->text,
			  odd->why);
		scan_told_odd(scan, odd->text);
		if (last)
			log_event(LOG_LEVEL_WARNING, "left-alone-more",
				  mailbox->set->id, "folder=\"%s\" all=%zu",
				  folder, result->odd_seen);
	}
}
