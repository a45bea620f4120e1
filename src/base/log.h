/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * One event, one line.
 *
 * "event mailbox=ID key=value ...": first the name of the event, then facts.
 * Only agent, cli and sandbox log. Foreign text is escaped here, so that a
 * file name cannot forge a line or a fact or drive a terminal: callers put
 * \"%s\" around it in the format, and a quote in the text becomes \x22. Text
 * outside of such quotes is taken for facts and only made fit for a terminal.
 * Never pass a secret, a token, message content, To_DTS, Subject or LocalId.
 *
 * Lines go to standard error: with the journal's <N> priority when systemd
 * reads it, otherwise with time and level. Safe from any thread.
 */
#ifndef MESHDROP_BASE_LOG_H
#define MESHDROP_BASE_LOG_H

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* Lines above this level are dropped; the default is LOG_LEVEL_INFO. */
void log_set_level(enum log_level most);

/* mailbox may be NULL. */
void log_event(enum log_level level, const char *event, const char *mailbox,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
