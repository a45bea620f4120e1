/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/loop.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/hooks.h"
#include "agent/mailbox.h"
#include "agent/notify.h"
#include "agent/route_folders.h"
#include "agent/signalfile.h"
#include "agent/site.h"
#include "agent/status.h"
#include "agent/watch.h"
#include "agent/workers.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"

#define TICK (10 * CLOCK_SECOND)
#define TICK_BUSY (CLOCK_SECOND / 10)
#define STATUS_EVERY CLOCK_SECOND
/* Also when no turn ends for long: who watches takes an old file for a dead
 * process. */
#define STATUS_AT_LEAST (60 * CLOCK_SECOND)
#define SIGNAL_FILE_EVERY CLOCK_SECOND
/* A worker that gives no sign of life for this long is stuck. Requests and steps
 * give one each second; only compressing one very large file is silent. */
#define SILENCE_MOST (900 * CLOCK_SECOND)

struct loop {
	struct site *site;
	const char *conf_path;
	int signal_fd;
	int wake_fd;
	struct workers *workers;
	struct watch *watch;
	struct signalfile *signal_file; /* NULL: none is set */
	bool stopping;
	bool reloading;
	bool dirty;	    /* status.json is older than what happened */
	int64_t give_up_ns; /* monotonic */
	int64_t status_ns;
	int64_t signal_due_ns; /* next look at signal_file */
	int64_t watchdog_ns;
	int64_t pinged_ns;
	uint64_t turns;
	uint64_t hooks_ended;
};

/* --- start and end of the workers --- */

/* An order that came while the settings were loaded is still one: only another
 * file is looked at as at a start. Its hints have the number after the last
 * mailbox. */
static void set_signal_file(struct loop *loop)
{
	const char *path = loop->site->conf->signal_file;
	if (!signalfile_is(loop->signal_file, path)) {
		(void)signalfile_free(loop->signal_file);
		loop->signal_file = signalfile_new(path);
	}
	signalfile_watch(loop->signal_file, loop->watch, loop->site->count);
	loop->signal_due_ns = 0;
}

/* One that is not ready has nothing to watch yet; the scans find it all. */
static void watch_mailbox(struct watch *watch, const struct mailbox *mailbox,
			  size_t slot)
{
	if (!mailbox->ready)
		return;
	watch_add(watch, mailbox->dir.out, slot);
	watch_add(watch, mailbox->dir.orders, slot);
	for (size_t i = 0; i < route_folders_count(mailbox->routes); i++)
		watch_add(watch, route_folders_fd(mailbox->routes, i), slot);
}

static int set_going(struct loop *loop, struct err *err)
{
	struct site *site = loop->site;
	loop->watch = watch_new();
	for (size_t i = 0; i < site->count; i++)
		watch_mailbox(loop->watch, site->mailboxes[i], i);
	set_signal_file(loop);
	return workers_start(site->conf, site->mailboxes, site->count,
			     loop->wake_fd, &loop->workers, err);
}

static void bring_to_rest(struct loop *loop)
{
	loop->workers = workers_join(loop->workers);
	loop->watch = watch_free(loop->watch);
}

/* --- status --- */

static void write_status(struct loop *loop, const char *state)
{
	struct status_facts facts = {
		.mailboxes = loop->site->mailboxes,
		.count = loop->site->count,
	};
	char line[256];
	status_line(&facts, line, sizeof(line));
	AUTO_FREE char *lines = xasprintf("STATUS=%s\n", line);
	notify_send(lines);
	site_write_status(loop->site, state);
	loop->status_ns = clock_mono_ns();
	loop->dirty = false;
}

/* --- reload --- */

static void begin_reload(struct loop *loop)
{
	if (loop->stopping || loop->reloading)
		return;
	log_event(LOG_LEVEL_NOTICE, "reload", NULL, "file=\"%s\"",
		  loop->conf_path);
	notify_reloading();
	loop->reloading = true;
	workers_stop_soon(loop->workers);
}

static const char *unreadable(const struct site *site)
{
	return site->confine ?
		       "see above; a file in a folder that the settings did "
		       "not name at the start needs a restart" :
		       "see above";
}

static void load_anew(struct loop *loop)
{
	struct err err;
	struct conf *conf = site_load_conf(loop->conf_path);
	int r = conf ? site_reload(loop->site, conf, &err) :
		       err_set(&err, ERR_CONFIG, "%s", unreadable(loop->site));
	if (r < 0)
		log_event(LOG_LEVEL_ERROR, "reload-refused", NULL,
			  "reason=\"%s\" result=\"the old settings stay in "
			  "force\"",
			  err.text);
	else
		log_event(LOG_LEVEL_NOTICE, "reloaded", NULL, "mailboxes=%zu",
			  loop->site->count);
}

static int finish_reload(struct loop *loop, struct err *err)
{
	bring_to_rest(loop);
	load_anew(loop);
	loop->reloading = false;
	loop->dirty = true;
	loop->turns = 0;
	int r = set_going(loop, err);
	if (r == 0) /* not before: an order given now must find us looking */
		notify_ready("reloaded");
	return r;
}

/* --- events --- */

static void begin_stop(struct loop *loop)
{
	if (loop->stopping) {
		log_event(LOG_LEVEL_NOTICE, "stopped-at-once", NULL, "%s", "");
		hooks_abandon(loop->site->hooks);
		_exit(EXIT_SUCCESS); /* every state on disk can be taken up */
	}
	log_event(LOG_LEVEL_NOTICE, "stopping", NULL, "%s", "");
	notify_stopping();
	loop->stopping = true;
	loop->give_up_ns = clock_mono_ns() + LOOP_GRACE_S * CLOCK_SECOND;
	workers_stop_soon(loop->workers);
	hooks_stop_soon(loop->site->hooks);
}

static void read_signals(struct loop *loop)
{
	struct signalfd_siginfo info;
	while (read(loop->signal_fd, &info, sizeof(info)) ==
	       (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			begin_reload(loop);
		else
			begin_stop(loop);
	}
}

static void hint(void *ctx, size_t slot)
{
	struct loop *loop = ctx;
	if (slot == loop->site->count)
		loop->signal_due_ns = 0;
	else
		workers_hint(loop->workers, slot);
}

/* Once stopping nothing more is taken: the next start finds it and says so. */
static void read_signal_file(struct loop *loop)
{
	int64_t now = clock_mono_ns();
	if (!loop->signal_file || loop->stopping || now < loop->signal_due_ns)
		return;
	loop->signal_due_ns = now + SIGNAL_FILE_EVERY;
	switch (signalfile_look(loop->signal_file)) {
	case SIGNALFILE_STOP:
		begin_stop(loop);
		break;
	case SIGNALFILE_RELOAD:
		begin_reload(loop);
		break;
	case SIGNALFILE_NONE:
	case SIGNALFILE_UNKNOWN:
		break;
	}
}

static void read_wakes(struct loop *loop)
{
	uint64_t wakes;
	ssize_t n = read(loop->wake_fd, &wakes, sizeof(wakes));
	(void)n; /* nothing to read is fine */
}

/* systemd hears from us only while every running worker shows life. */
static void feed_watchdog(struct loop *loop, const struct workers_state *state)
{
	int64_t now = clock_mono_ns();
	if (loop->watchdog_ns == 0 ||
	    now - loop->pinged_ns < loop->watchdog_ns / 4)
		return;
	if (state->oldest_ns > SILENCE_MOST) {
		log_event(LOG_LEVEL_ERROR, "worker-stuck", NULL, "seconds=%lld",
			  (long long)(state->oldest_ns / CLOCK_SECOND));
		return;
	}
	loop->pinged_ns = now;
	notify_send("WATCHDOG=1\n");
}

static int64_t timeout_of(const struct loop *loop)
{
	if (loop->stopping || loop->reloading)
		return TICK_BUSY;
	int64_t timeout = TICK;
	if (loop->dirty)
		timeout = STATUS_EVERY;
	if (loop->signal_file && timeout > SIGNAL_FILE_EVERY)
		timeout = SIGNAL_FILE_EVERY;
	if (loop->watchdog_ns != 0 && loop->watchdog_ns / 4 < timeout)
		timeout = loop->watchdog_ns / 4;
	return timeout;
}

static void wait_for_events(struct loop *loop)
{
	struct pollfd fds[3] = {
		{ .fd = loop->signal_fd, .events = POLLIN },
		{ .fd = loop->wake_fd, .events = POLLIN },
		{ .fd = watch_fd(loop->watch), .events = POLLIN },
	};
	int timeout_ms = (int)(timeout_of(loop) / CLOCK_MS) + 1;
	if (poll(fds, 3, timeout_ms) <= 0)
		return; /* the tick, or a signal that signal_fd will show */
	if (fds[0].revents != 0)
		read_signals(loop);
	if (fds[1].revents != 0)
		read_wakes(loop);
	if (fds[2].revents != 0)
		watch_drain(loop->watch, hint, loop);
}

/* True when the end has come. */
static bool look_after(struct loop *loop)
{
	struct workers_state state;
	workers_state(loop->workers, &state);
	feed_watchdog(loop, &state);
	site_look(loop->site);
	uint64_t hooks = hooks_ended(loop->site->hooks);
	if (state.turns != loop->turns || hooks != loop->hooks_ended)
		loop->dirty = true;
	loop->turns = state.turns;
	loop->hooks_ended = hooks;
	int64_t age = clock_mono_ns() - loop->status_ns;
	if ((loop->dirty && age >= STATUS_EVERY) || age >= STATUS_AT_LEAST)
		write_status(loop, loop->stopping ? "stopping" : "running");
	if (loop->stopping && clock_mono_ns() > loop->give_up_ns) {
		workers_stop_now(loop->workers);
		hooks_stop_now(loop->site->hooks);
	}
	return state.fatal || (loop->stopping && workers_idle(loop->workers) &&
			       hooks_idle(loop->site->hooks));
}

static int serve(struct loop *loop, struct err *err)
{
	for (;;) {
		wait_for_events(loop);
		read_signal_file(loop);
		if (look_after(loop))
			return 0;
		if (loop->reloading && workers_idle(loop->workers)) {
			int r = finish_reload(loop, err);
			if (r < 0)
				return r;
		}
	}
}

static bool was_fatal(struct loop *loop)
{
	struct workers_state state = { .fatal = false };
	if (loop->workers)
		workers_state(loop->workers, &state);
	return state.fatal;
}

int loop_run(struct site *site, const char *conf_path, int signal_fd,
	     struct err *err)
{
	struct loop loop = {
		.site = site,
		.conf_path = conf_path,
		.signal_fd = signal_fd,
		.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		.watchdog_ns = notify_watchdog_ns(),
	};
	hooks_wake(site->hooks, loop.wake_fd);
	int r = set_going(&loop, err);
	if (r == 0) {
		write_status(&loop, "running");
		notify_ready("running");
		r = serve(&loop, err);
	}
	bool fatal = was_fatal(&loop);
	bring_to_rest(&loop);
	hooks_wake(site->hooks, -1);
	if (loop.site->state_dir >= 0)
		write_status(&loop, "stopped");
	(void)signalfile_free(loop.signal_file);
	mem_auto_close(&loop.wake_fd);
	if (r == 0 && fatal)
		return err_set(err, ERR_SYNC,
			       "a file could not be synced to disk; what was "
			       "begun is taken up at the next start");
	return r;
}
