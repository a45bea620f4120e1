/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The main thread: it only waits. Signals, the signal file, inotify, the
 * watchdog, the status file; all work is done by workers.
 */
#ifndef MESHDROP_AGENT_LOOP_H
#define MESHDROP_AGENT_LOOP_H

struct err;
struct site;

/* Serves until SIGTERM or SIGINT (read from signal_fd), or until the signal
 * file says so. SIGHUP, or the signal file, loads the settings of conf_path
 * anew. The first stop signal lets steps finish, for LOOP_GRACE_S seconds, then
 * gives up requests; the second ends the process.
 * Tells systemd when it is ready. */
int loop_run(struct site *site, const char *conf_path, int signal_fd,
	     struct err *err) __attribute__((warn_unused_result));

#define LOOP_GRACE_S 10

#endif
