/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Telling systemd how we are: the sd_notify protocol, without its library.
 *
 * Without NOTIFY_SOCKET in the environment everything here does nothing.
 */
#ifndef MESHDROP_AGENT_NOTIFY_H
#define MESHDROP_AGENT_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the service manager listens at a name without a file. */
bool notify_is_abstract(void);

/* Sends one datagram of "KEY=value" lines. Failures are ignored: systemd will
 * notice what it does not hear. */
void notify_send(const char *lines);
void notify_ready(const char *status);
void notify_reloading(void);
void notify_stopping(void);

/* Nanoseconds within which systemd wants WATCHDOG=1; 0: it does not. */
int64_t notify_watchdog_ns(void);

#endif
