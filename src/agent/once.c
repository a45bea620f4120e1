/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/once.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "agent/client.h"
#include "agent/hooks.h"
#include "agent/loop.h"
#include "agent/mailbox.h"
#include "agent/retention.h"
#include "agent/site.h"
#include "agent/turn.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "net/http.h"

/* Beyond the processing delay, for a pair that came a moment after us and for a
 * control file that cannot be read yet. */
#define SETTLE_MARGIN (4 * CLOCK_SECOND)

struct once {
	struct site *site;
	int stop_fd;
	atomic_size_t next;
	atomic_bool good;
	atomic_bool fatal;
};

struct once_thread {
	struct once *once;
	struct http_client *http;
	pthread_t thread;
	bool started;
};

static bool stop_within(const struct once *once, int timeout_ms)
{
	struct pollfd fd = { .fd = once->stop_fd, .events = POLLIN };
	return poll(&fd, 1, timeout_ms) > 0;
}

static bool go_on(void *ctx)
{
	const struct once *once = ctx;
	return !stop_within(once, 0);
}

/* False: asked to stop while waiting. */
static bool wait_until(const struct once *once, int64_t mono_ns)
{
	int64_t left_ms = (mono_ns - clock_mono_ns()) / CLOCK_MS + 1;
	if (left_ms < 1)
		left_ms = 1;
	if (left_ms > INT16_MAX)
		left_ms = INT16_MAX;
	return !stop_within(once, (int)left_ms);
}

static void cycle(struct once *once, struct mailbox *mailbox,
		  struct http_client *http)
{
	int64_t until = 0;
	retention_hurry(mailbox->retention, clock_mono_ns());
	for (;;) {
		struct turn_result result;
		turn_run(mailbox, http, go_on, once, &result);
		if (result.fatal)
			atomic_store(&once->fatal, true);
		if (result.trouble)
			atomic_store(&once->good, false);
		if (result.trouble || !go_on(once))
			return;
		if (result.more)
			continue;
		if (until == 0) /* a slow service takes nothing of it */
			until = clock_mono_ns() + SETTLE_MARGIN +
				once->site->conf->processing_delay_ns;
		if (!result.settling || clock_mono_ns() >= until)
			return;
		if (!wait_until(once,
				result.due_ns < until ? result.due_ns : until))
			return;
	}
}

static void *serve(void *arg)
{
	struct once_thread *thread = arg;
	struct once *once = thread->once;
	for (;;) {
		size_t i = atomic_fetch_add(&once->next, 1);
		if (i >= once->site->count)
			return NULL;
		cycle(once, once->site->mailboxes[i], thread->http);
	}
}

static int start(struct once_thread *thread, struct err *err)
{
	int r = client_new(thread->once->site->conf, go_on, thread->once,
			   &thread->http, err);
	if (r < 0)
		return r;
	int sys = pthread_create(&thread->thread, NULL, serve, thread);
	if (sys != 0)
		return err_sys(err, sys, "cannot start a worker thread");
	thread->started = true;
	return 0;
}

static int serve_here(struct once *once, struct err *err)
{
	struct once_thread here = { .once = once };
	int r = client_new(once->site->conf, go_on, once, &here.http, err);
	if (r < 0)
		return r;
	(void)serve(&here); /* always NULL */
	here.http = http_client_free(here.http);
	return 0;
}

static int serve_threads(struct once *once, size_t count, struct err *err)
{
	struct once_thread *threads = xcalloc(count, sizeof(*threads));
	int r = 0;
	for (size_t i = 0; i < count && r == 0; i++) {
		threads[i].once = once;
		r = start(&threads[i], err);
	}
	for (size_t i = 0; i < count; i++) {
		if (threads[i].started)
			(void)pthread_join(threads[i].thread, NULL);
		threads[i].http = http_client_free(threads[i].http);
	}
	free(threads);
	return r;
}

int once_run(struct site *site, int stop_fd, bool *ret_good, struct err *err)
{
	struct once once = { .site = site, .stop_fd = stop_fd, .good = true };
	size_t threads = (size_t)site->conf->connections;
	if (threads > site->count)
		threads = site->count;
	int r = threads == 1 ? serve_here(&once, err) :
			       serve_threads(&once, threads, err);
	if (r < 0)
		return r;
	if (atomic_load(&once.fatal))
		return err_set(err, ERR_SYNC,
			       "a file could not be synced to disk; what was "
			       "begun is taken up at the next start");
	*ret_good = atomic_load(&once.good);
	return 0;
}

/* --- hooks --- */

#define LOOK_EVERY_MS 50

void once_wait_hooks(struct site *site, int stop_fd)
{
	int64_t give_up_ns = 0;
	struct once once = { .site = site, .stop_fd = stop_fd };
	while (!hooks_idle(site->hooks)) {
		if (give_up_ns == 0 && stop_within(&once, LOOK_EVERY_MS)) {
			hooks_stop_soon(site->hooks);
			give_up_ns = clock_mono_ns() +
				     LOOP_GRACE_S * CLOCK_SECOND;
		}
		if (give_up_ns == 0)
			continue;
		(void)poll(NULL, 0, LOOK_EVERY_MS); /* a pause */
		if (clock_mono_ns() > give_up_ns)
			hooks_stop_now(site->hooks);
	}
}
