/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Saying what lies in a folder and will never be taken: each thing once, and
 * no more than a measure of them an hour, however many somebody puts there.
 */
#ifndef MESHDROP_AGENT_LEFT_ALONE_H
#define MESHDROP_AGENT_LEFT_ALONE_H

#include <stdbool.h>
#include <stdint.h>

struct mailbox;
struct scan;
struct scan_result;

#define LEFT_ALONE_MOST 100 /* lines of a mailbox an hour */

struct left_alone {
	int64_t until_ns; /* monotonic: the end of the hour */
	unsigned said;	  /* in it */
};

/* Whether one more may be said. *ret_last: it is the last one. Pure. */
bool left_alone_may_say(struct left_alone *state, int64_t mono_ns,
			bool *ret_last);

/* folder is how it is called in the log; the scan is the one that gave the
 * result. */
void left_alone_tell(struct mailbox *mailbox, struct scan *scan,
		     const char *folder, const struct scan_result *result);

#endif
