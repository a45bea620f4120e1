/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/children.h"

#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

/* Between looks at children that cannot be polled. */
#define TICK (CLOCK_SECOND / 10)

void children_add(struct children *children, void *owner,
		  const struct proc *proc, int64_t now_ns, int64_t limit_ns)
{
	children->list = xreallocarray(children->list, children->count + 1,
				       sizeof(*children->list));
	children->list[children->count++] = (struct child){
		.owner = owner,
		.proc = *proc,
		.stage = CHILD_RUNS,
		.started_ns = now_ns,
		.limit_ns = limit_ns,
		.due_ns = now_ns + limit_ns,
	};
}

static void move_on(struct child *child, int64_t now_ns)
{
	switch (child->stage) {
	case CHILD_RUNS:
		proc_signal(&child->proc, SIGTERM);
		child->stage = CHILD_TERMED;
		child->due_ns = now_ns + CHILDREN_MERCY;
		break;
	case CHILD_TERMED:
		proc_signal(&child->proc, SIGKILL);
		child->stage = CHILD_KILLED;
		child->due_ns = now_ns + CHILDREN_GIVE_UP;
		break;
	case CHILD_KILLED:
	case CHILD_STUCK:
		child->stage = CHILD_STUCK;
		child->due_ns = INT64_MAX;
		break;
	}
}

static void judge(const struct child *child, const struct proc_end *end,
		  char ret[CHILD_REASON_SIZE])
{
	long long ms = (long long)(child->limit_ns / CLOCK_MS);
	ret[0] = '\0';
	if (child->stage != CHILD_RUNS && child->stopped)
		(void)snprintf(ret, CHILD_REASON_SIZE,
			       "reason=\"meshdropd was told to stop\"");
	else if (child->stage != CHILD_RUNS)
		(void)snprintf(ret, CHILD_REASON_SIZE,
			       "reason=\"it took longer than its %lld.%03lld "
			       "seconds\"",
			       ms / 1000, ms % 1000);
	else if (end->by_signal)
		(void)snprintf(ret, CHILD_REASON_SIZE, "signal=%d",
			       end->number);
	else if (end->number != 0)
		(void)snprintf(ret, CHILD_REASON_SIZE, "exit=%d", end->number);
}

/* Out of the list; the last one takes its place. */
static void take_out(struct children *children, size_t i, int64_t now_ns,
		     struct child_over *ret)
{
	struct child child = children->list[i];
	children->count--;
	children->list[i] = children->list[children->count];
	ret->owner = child.owner;
	ret->took_ns = now_ns - child.started_ns;
	struct proc_end end = { .number = 0 };
	if (proc_ended(&child.proc)) {
		proc_reap(&child.proc, &end);
		judge(&child, &end, ret->reason);
		return;
	}
	mem_auto_close(&child.proc.fd);
	(void)snprintf(ret->reason, sizeof(ret->reason),
		       "reason=\"SIGKILL does not end process %lld\"",
		       (long long)child.proc.pid);
}

static bool is_over(const struct child *child, bool stop)
{
	switch (child->stage) {
	case CHILD_RUNS:
	case CHILD_KILLED:
		return proc_ended(&child->proc);
	case CHILD_TERMED:
		return false;
	case CHILD_STUCK:
		return stop || proc_ended(&child->proc);
	}
	return false;
}

bool children_take(struct children *children, int64_t now_ns, bool stop,
		   struct child_over *ret)
{
	for (size_t i = 0; i < children->count; i++) {
		struct child *child = &children->list[i];
		if (!is_over(child, stop)) {
			bool hurry = stop && child->stage == CHILD_RUNS;
			if (!hurry && now_ns < child->due_ns)
				continue;
			child->stopped = child->stopped || hurry;
			move_on(child, now_ns);
			if (!is_over(child, stop))
				continue;
		}
		take_out(children, i, now_ns, ret);
		return true;
	}
	return false;
}

int64_t children_poll(const struct children *children, int64_t now_ns,
		      struct pollfd *fds)
{
	int64_t due = INT64_MAX;
	for (size_t i = 0; i < children->count; i++) {
		const struct child *child = &children->list[i];
		/* its end is no news before its mercy is over */
		bool await = child->stage != CHILD_TERMED;
		fds[i] = (struct pollfd){
			/* poll(2) passes over a negative one */
			.fd = await ? child->proc.fd : -1,
			.events = POLLIN,
		};
		if (child->due_ns < due)
			due = child->due_ns;
		if (await && child->proc.fd < 0 && now_ns + TICK < due)
			due = now_ns + TICK;
	}
	return due;
}

void children_kill(const struct children *children)
{
	for (size_t i = 0; i < children->count; i++)
		proc_signal(&children->list[i].proc, SIGKILL);
}

void children_release(struct children *children)
{
	assert(children->count == 0);
	free(children->list);
	*children = (struct children){ .list = NULL };
}
