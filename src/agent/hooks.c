/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/hooks.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/children.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"

struct lane {
	char mailbox[TEXT_MAILBOX_SIZE];
	struct hook *first; /* owned */
	struct hook **last;
	size_t queued;
	uint64_t running; /* being started included */
	uint64_t parallel;
	uint64_t refused; /* since the lane was full */
	uint64_t not_run; /* because we stopped */
	struct hooks_counts counts;
};

struct hooks {
	pthread_mutex_t lock; /* for all that follows */
	pthread_t thread;
	bool started;
	int alarm; /* eventfd: the thread has something to do */
	int wake_fd;
	bool stop_soon;
	bool stop_now;
	bool abandoned;
	struct lane **lanes; /* owned; none goes before the end */
	size_t lane_count;
	struct children children; /* owners: hooks; changed by the thread */
	uint64_t ended;
};

static void ring(int fd)
{
	ssize_t n = fd < 0 ? 0 : write(fd, "\1\0\0\0\0\0\0\0", 8);
	(void)n; /* a full eventfd wakes as well */
}

static void hold(struct hooks *hooks)
{
	(void)pthread_mutex_lock(&hooks->lock); /* an ordinary one */
}

static void let_go(struct hooks *hooks)
{
	(void)pthread_mutex_unlock(&hooks->lock); /* held */
}

/* --- one hook --- */

static void free_texts(char **texts)
{
	for (size_t i = 0; texts && texts[i]; i++)
		free(texts[i]);
	free(texts);
}

struct hook *hook_free(struct hook *hook)
{
	if (!hook)
		return NULL;
	free(hook->about);
	free_texts(hook->argv);
	free_texts(hook->env);
	free(hook);
	return NULL;
}

/* --- lanes --- */

static struct lane *find_lane(const struct hooks *hooks, const char *mailbox)
{
	for (size_t i = 0; i < hooks->lane_count; i++)
		if (strcmp(hooks->lanes[i]->mailbox, mailbox) == 0)
			return hooks->lanes[i];
	return NULL;
}

static struct lane *lane_of(struct hooks *hooks, const char *mailbox)
{
	struct lane *lane = find_lane(hooks, mailbox);
	if (lane)
		return lane;
	lane = xcalloc(1, sizeof(*lane));
	(void)text_copy(lane->mailbox, sizeof(lane->mailbox),
			mailbox); /* fits */
	lane->last = &lane->first;
	hooks->lanes = xreallocarray(hooks->lanes, hooks->lane_count + 1,
				     sizeof(*hooks->lanes));
	hooks->lanes[hooks->lane_count++] = lane;
	return lane;
}

static void push(struct lane *lane, struct hook *hook)
{
	hook->next = NULL;
	*lane->last = hook;
	lane->last = &hook->next;
	lane->queued++;
	lane->parallel = hook->parallel;
}

static struct hook *pop(struct lane *lane)
{
	struct hook *hook = lane->first;
	lane->first = hook->next;
	if (!lane->first)
		lane->last = &lane->first;
	lane->queued--;
	return hook;
}

/* --- the thread: ends --- */

static void end_one(struct hooks *hooks, struct hook *hook, int64_t took_ns,
		    const char *reason)
{
	bool well = *reason == '\0';
	struct lane *lane = lane_of(hooks, hook->mailbox);
	lane->running--;
	lane->counts.run++;
	if (!well)
		lane->counts.failed++;
	hooks->ended++;
	log_event(well ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
		  well ? "hook" : "hook-failed", hook->mailbox,
		  "event=%s %s program=\"%s\" seconds=%.1f %s", hook->event,
		  hook->about, hook->argv[0],
		  (double)took_ns / (double)CLOCK_SECOND, reason);
	(void)hook_free(hook);
	ring(hooks->wake_fd);
}

static void end_some(struct hooks *hooks)
{
	struct child_over over;
	while (children_take(&hooks->children, clock_mono_ns(), hooks->stop_now,
			     &over))
		end_one(hooks, over.owner, over.took_ns, over.reason);
}

/* --- the thread: starting --- */

/* Executing may wait for a disk: not under the lock. */
static void start_one(struct hooks *hooks, struct lane *lane)
{
	struct hook *hook = pop(lane);
	struct proc proc;
	struct err err;
	lane->running++;
	let_go(hooks);
	int r = proc_start(hook->argv, hook->env, &proc, &err);
	hold(hooks);
	if (r == 0) {
		children_add(&hooks->children, hook, &proc, clock_mono_ns(),
			     hook->timeout_ns);
		if (hooks->abandoned) /* while it was being started */
			children_kill(&hooks->children);
		return;
	}
	AUTO_FREE char *reason = xasprintf("reason=\"%s\"", err.text);
	end_one(hooks, hook, 0, reason);
}

/* Lanes may be added meanwhile, not taken away. */
static void start_ready(struct hooks *hooks)
{
	for (size_t i = 0; i < hooks->lane_count; i++) {
		struct lane *lane = hooks->lanes[i];
		while (lane->first && lane->running < lane->parallel &&
		       !hooks->abandoned)
			start_one(hooks, lane);
	}
}

/* --- the thread: waiting --- */

static int timeout_until(int64_t due_ns)
{
	if (due_ns == INT64_MAX)
		return -1;
	int64_t ms = (due_ns - clock_mono_ns()) / CLOCK_MS + 1;
	if (ms < 0)
		return 0;
	return ms > INT16_MAX ? INT16_MAX : (int)ms;
}

static void wait_for_events(struct hooks *hooks)
{
	size_t count = hooks->children.count + 1;
	struct pollfd *fds = xcalloc(count, sizeof(*fds));
	fds[0] = (struct pollfd){ .fd = hooks->alarm, .events = POLLIN };
	int64_t due = children_poll(&hooks->children, clock_mono_ns(), fds + 1);
	int timeout_ms = timeout_until(due);
	let_go(hooks);
	(void)poll(fds, (nfds_t)count, timeout_ms); /* all are looked at */
	uint64_t rings;
	ssize_t n = read(hooks->alarm, &rings, sizeof(rings));
	(void)n; /* nothing to read is fine */
	free(fds);
	hold(hooks);
}

static void *serve(void *arg)
{
	struct hooks *hooks = arg;
	hold(hooks);
	for (;;) {
		end_some(hooks);
		start_ready(hooks);
		if (hooks->stop_soon && hooks->children.count == 0)
			break;
		wait_for_events(hooks);
	}
	let_go(hooks);
	return NULL;
}

/* --- from other threads --- */

static bool has_thread(struct hooks *hooks)
{
	if (hooks->alarm < 0)
		hooks->alarm = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!hooks->started && hooks->alarm >= 0)
		hooks->started = pthread_create(&hooks->thread, NULL, serve,
						hooks) == 0;
	return hooks->started;
}

/* Said once when it begins and once when it is well over. */
static void refuse(struct lane *lane, const char *reason)
{
	lane->counts.dropped++;
	lane->refused++;
	if (lane->refused == 1)
		log_event(LOG_LEVEL_WARNING, "hooks-dropped", lane->mailbox,
			  "waiting=%zu reason=\"%s\"", lane->queued, reason);
}

static void take_in(struct hooks *hooks, struct lane *lane, struct hook *hook)
{
	push(lane, hook);
	ring(hooks->alarm);
	if (lane->refused == 0 || lane->queued > HOOKS_QUEUED_MOST / 2)
		return;
	log_event(LOG_LEVEL_NOTICE, "hooks-well", lane->mailbox, "dropped=%llu",
		  (unsigned long long)lane->refused);
	lane->refused = 0;
}

bool hooks_prepare(struct hooks *hooks)
{
	hold(hooks);
	bool ready = has_thread(hooks);
	let_go(hooks);
	return ready;
}

void hooks_add(struct hooks *hooks, struct hook *hook)
{
	if (!hooks) {
		(void)hook_free(hook);
		return;
	}
	hold(hooks);
	struct lane *lane = lane_of(hooks, hook->mailbox);
	bool taken = false;
	if (hooks->stop_soon) {
		lane->counts.dropped++;
		lane->not_run++;
	} else if (lane->queued >= HOOKS_QUEUED_MOST) {
		refuse(lane, "too many wait: they take too long");
	} else if (!has_thread(hooks)) {
		refuse(lane, "cannot start a thread");
	} else {
		take_in(hooks, lane, hook);
		taken = true;
	}
	let_go(hooks);
	if (!taken)
		(void)hook_free(hook);
}

void hooks_counts(struct hooks *hooks, const char *mailbox,
		  struct hooks_counts *ret)
{
	*ret = (struct hooks_counts){ .run = 0 };
	if (!hooks)
		return;
	hold(hooks);
	const struct lane *lane = find_lane(hooks, mailbox);
	if (lane) {
		*ret = lane->counts;
		ret->waiting = lane->queued + lane->running;
	}
	let_go(hooks);
}

uint64_t hooks_ended(struct hooks *hooks)
{
	if (!hooks)
		return 0;
	hold(hooks);
	uint64_t ended = hooks->ended;
	let_go(hooks);
	return ended;
}

void hooks_wake(struct hooks *hooks, int wake_fd)
{
	if (!hooks)
		return;
	hold(hooks);
	hooks->wake_fd = wake_fd;
	let_go(hooks);
}

bool hooks_idle(struct hooks *hooks)
{
	if (!hooks)
		return true;
	hold(hooks);
	bool idle = true;
	for (size_t i = 0; i < hooks->lane_count && idle; i++)
		idle = hooks->lanes[i]->queued == 0 &&
		       hooks->lanes[i]->running == 0;
	let_go(hooks);
	return idle;
}

/* --- stopping --- */

static void empty(struct lane *lane)
{
	while (lane->first) {
		(void)hook_free(pop(lane));
		lane->counts.dropped++;
		lane->not_run++;
	}
}

static void stop(struct hooks *hooks, bool now)
{
	if (!hooks)
		return;
	hold(hooks);
	hooks->stop_soon = true;
	hooks->stop_now = hooks->stop_now || now;
	for (size_t i = 0; i < hooks->lane_count; i++)
		empty(hooks->lanes[i]);
	ring(hooks->alarm);
	let_go(hooks);
}

void hooks_stop_soon(struct hooks *hooks)
{
	stop(hooks, false);
}

void hooks_stop_now(struct hooks *hooks)
{
	stop(hooks, true);
}

void hooks_abandon(struct hooks *hooks)
{
	if (!hooks)
		return;
	hold(hooks);
	hooks->abandoned = true;
	children_kill(&hooks->children);
	let_go(hooks);
}

/* --- the whole --- */

struct hooks *hooks_new(void)
{
	struct hooks *hooks = xcalloc(1, sizeof(*hooks));
	(void)pthread_mutex_init(&hooks->lock, NULL); /* cannot fail here */
	hooks->wake_fd = -1;
	hooks->alarm = -1;
	return hooks;
}

static void free_lane(struct lane *lane)
{
	if (lane->not_run > 0)
		log_event(LOG_LEVEL_WARNING, "hooks-not-run", lane->mailbox,
			  "count=%llu reason=\"meshdropd was told to stop\"",
			  (unsigned long long)lane->not_run);
	free(lane);
}

struct hooks *hooks_free(struct hooks *hooks)
{
	if (!hooks)
		return NULL;
	hooks_stop_now(hooks);
	if (hooks->started)
		(void)pthread_join(hooks->thread, NULL);
	for (size_t i = 0; i < hooks->lane_count; i++)
		free_lane(hooks->lanes[i]);
	free(hooks->lanes);
	children_release(&hooks->children);
	mem_auto_close(&hooks->alarm);
	(void)pthread_mutex_destroy(&hooks->lock); /* nobody holds it */
	free(hooks);
	return NULL;
}
