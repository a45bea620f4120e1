/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/workers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/client.h"
#include "agent/mailbox.h"
#include "agent/schedule.h"
#include "agent/turn.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "net/http.h"

struct worker {
	struct workers *workers;
	pthread_t thread;
	bool started;
	struct http_client *http;
	atomic_bool busy;
	_Atomic int64_t heard_ns; /* monotonic: its last sign of life */
};

struct workers {
	struct mailbox **mailboxes; /* borrowed */
	struct worker *list;
	size_t count;
	int wake_fd;
	atomic_bool stop_soon;
	atomic_bool stop_now;

	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t changed;
	struct schedule schedule;
	uint64_t turns;
	bool fatal;
};

/* Between steps: a sign of life, and whether to go on. */
static bool between_steps(void *ctx)
{
	struct worker *worker = ctx;
	atomic_store(&worker->heard_ns, clock_mono_ns());
	return !atomic_load(&worker->workers->stop_soon);
}

/* During a request. */
static bool during_request(void *ctx)
{
	struct worker *worker = ctx;
	atomic_store(&worker->heard_ns, clock_mono_ns());
	return !atomic_load(&worker->workers->stop_now);
}

static void wait_for_turn(struct workers *workers)
{
	int64_t next = schedule_next(&workers->schedule);
	if (next == INT64_MAX) {
		(void)pthread_cond_wait(&workers->changed, &workers->lock);
		return;
	}
	struct timespec until = {
		.tv_sec = (time_t)(next / CLOCK_SECOND),
		.tv_nsec = (long)(next % CLOCK_SECOND),
	};
	(void)pthread_cond_timedwait(&workers->changed, &workers->lock, &until);
}

/* Under the lock; SCHEDULE_NONE: stop. */
static size_t next_turn(struct workers *workers)
{
	while (!atomic_load(&workers->stop_soon)) {
		size_t slot = schedule_take(&workers->schedule,
					    clock_mono_ns());
		if (slot != SCHEDULE_NONE)
			return slot;
		wait_for_turn(workers);
	}
	return SCHEDULE_NONE;
}

static void one_turn(struct worker *worker, size_t slot,
		     struct turn_result *ret)
{
	atomic_store(&worker->heard_ns, clock_mono_ns());
	atomic_store(&worker->busy, true);
	turn_run(worker->workers->mailboxes[slot], worker->http, between_steps,
		 worker, ret);
	atomic_store(&worker->busy, false);
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct workers *workers = worker->workers;
	(void)pthread_mutex_lock(&workers->lock);
	for (;;) {
		size_t slot = next_turn(workers);
		if (slot == SCHEDULE_NONE)
			break;
		(void)pthread_mutex_unlock(&workers->lock);
		struct turn_result result;
		one_turn(worker, slot, &result);
		(void)pthread_mutex_lock(&workers->lock);
		schedule_give(&workers->schedule, slot, result.due_ns,
			      clock_mono_ns());
		workers->turns++;
		workers->fatal = workers->fatal || result.fatal;
		(void)pthread_cond_signal(&workers->changed);
		ssize_t n = write(workers->wake_fd, "\1\0\0\0\0\0\0\0", 8);
		(void)n; /* a full eventfd wakes as well */
	}
	(void)pthread_mutex_unlock(&workers->lock);
	return NULL;
}

static void init_sync(struct workers *workers)
{
	pthread_condattr_t attr;
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&workers->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	(void)pthread_mutex_init(&workers->lock, NULL);
}

static int start_one(struct worker *worker, const struct conf *conf,
		     struct err *err)
{
	int r = client_new(conf, during_request, worker, &worker->http, err);
	if (r < 0)
		return r;
	int sys = pthread_create(&worker->thread, NULL, work, worker);
	if (sys != 0)
		return err_sys(err, sys, "cannot start a worker thread");
	worker->started = true;
	return 0;
}

int workers_start(const struct conf *conf, struct mailbox **mailboxes,
		  size_t count, int wake_fd, struct workers **ret,
		  struct err *err)
{
	struct workers *workers = xcalloc(1, sizeof(*workers));
	workers->mailboxes = mailboxes;
	workers->wake_fd = wake_fd;
	workers->count = (size_t)conf->connections;
	if (workers->count > count)
		workers->count = count;
	workers->list = xcalloc(workers->count, sizeof(*workers->list));
	schedule_init(&workers->schedule, count);
	init_sync(workers);
	int r = 0;
	for (size_t i = 0; i < workers->count && r == 0; i++) {
		workers->list[i].workers = workers;
		r = start_one(&workers->list[i], conf, err);
	}
	if (r < 0) {
		(void)workers_join(workers);
		return r;
	}
	*ret = workers;
	return 0;
}

void workers_hint(struct workers *workers, size_t mailbox)
{
	atomic_store(&workers->mailboxes[mailbox]->hint, true);
	(void)pthread_mutex_lock(&workers->lock);
	schedule_hint(&workers->schedule, mailbox, clock_mono_ns());
	(void)pthread_cond_signal(&workers->changed);
	(void)pthread_mutex_unlock(&workers->lock);
}

void workers_state(struct workers *workers, struct workers_state *ret)
{
	int64_t now = clock_mono_ns();
	int64_t oldest = 0;
	for (size_t i = 0; i < workers->count; i++) {
		struct worker *worker = &workers->list[i];
		int64_t silent = now - atomic_load(&worker->heard_ns);
		if (atomic_load(&worker->busy) && silent > oldest)
			oldest = silent;
	}
	(void)pthread_mutex_lock(&workers->lock);
	*ret = (struct workers_state){
		.fatal = workers->fatal,
		.turns = workers->turns,
		.oldest_ns = oldest,
	};
	(void)pthread_mutex_unlock(&workers->lock);
}

void workers_stop_soon(struct workers *workers)
{
	atomic_store(&workers->stop_soon, true);
	(void)pthread_mutex_lock(&workers->lock);
	(void)pthread_cond_broadcast(&workers->changed);
	(void)pthread_mutex_unlock(&workers->lock);
}

void workers_stop_now(struct workers *workers)
{
	atomic_store(&workers->stop_now, true);
	workers_stop_soon(workers);
}

bool workers_idle(struct workers *workers)
{
	(void)pthread_mutex_lock(&workers->lock);
	bool idle = schedule_idle(&workers->schedule);
	(void)pthread_mutex_unlock(&workers->lock);
	return idle;
}

struct workers *workers_join(struct workers *workers)
{
	if (!workers)
		return NULL;
	workers_stop_soon(workers);
	for (size_t i = 0; i < workers->count; i++) {
		struct worker *worker = &workers->list[i];
		if (worker->started)
			(void)pthread_join(worker->thread, NULL);
		worker->http = http_client_free(worker->http);
	}
	schedule_release(&workers->schedule);
	(void)pthread_cond_destroy(&workers->changed);
	(void)pthread_mutex_destroy(&workers->lock);
	free(workers->list);
	free(workers);
	return NULL;
}
