/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/schedule.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

void schedule_init(struct schedule *schedule, size_t count)
{
	schedule->slots = xcalloc(count, sizeof(*schedule->slots));
	schedule->count = count;
}

void schedule_release(struct schedule *schedule)
{
	free(schedule->slots);
	*schedule = (struct schedule){ .slots = NULL };
}

/* The most overdue slot that is free; ties go to the first. */
static size_t first_free(const struct schedule *schedule)
{
	size_t best = SCHEDULE_NONE;
	for (size_t i = 0; i < schedule->count; i++) {
		const struct schedule_slot *slot = &schedule->slots[i];
		if (slot->running)
			continue;
		if (best == SCHEDULE_NONE ||
		    slot->due_ns < schedule->slots[best].due_ns)
			best = i;
	}
	return best;
}

size_t schedule_take(struct schedule *schedule, int64_t now_ns)
{
	size_t best = first_free(schedule);
	if (best == SCHEDULE_NONE || schedule->slots[best].due_ns > now_ns)
		return SCHEDULE_NONE;
	schedule->slots[best].running = true;
	schedule->slots[best].hinted = false;
	return best;
}

void schedule_give(struct schedule *schedule, size_t slot, int64_t due_ns,
		   int64_t now_ns)
{
	assert(slot < schedule->count && schedule->slots[slot].running);
	struct schedule_slot *given = &schedule->slots[slot];
	given->running = false;
	/* Nobody is owed time from before the end of the turn just had: a
	 * mailbox with endless work goes behind all that are due by now. */
	given->due_ns = given->hinted || due_ns < now_ns ? now_ns : due_ns;
	given->hinted = false;
}

void schedule_hint(struct schedule *schedule, size_t slot, int64_t now_ns)
{
	assert(slot < schedule->count);
	struct schedule_slot *hinted = &schedule->slots[slot];
	if (hinted->running)
		hinted->hinted = true;
	else if (hinted->due_ns > now_ns)
		hinted->due_ns = now_ns;
}

int64_t schedule_next(const struct schedule *schedule)
{
	size_t best = first_free(schedule);
	return best == SCHEDULE_NONE ? INT64_MAX : schedule->slots[best].due_ns;
}

bool schedule_idle(const struct schedule *schedule)
{
	for (size_t i = 0; i < schedule->count; i++)
		if (schedule->slots[i].running)
			return false;
	return true;
}
