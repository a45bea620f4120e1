/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The signal file: orders to the running daemon, for those who may write a
 * file but not send a signal. The first byte that is not a blank decides: '1'
 * stops, as the Java client has it, '2' loads the settings anew.
 *
 * An order is taken away (the file emptied, or removed where that is all we
 * may) before it is obeyed, so that it is obeyed once. One that cannot be taken
 * away is remembered by the file's identity, and so obeyed once, too. What is
 * no order is said once and left alone. The folder is opened by its path at
 * each look, so that a share may go and come back.
 */
#ifndef MESHDROP_AGENT_SIGNALFILE_H
#define MESHDROP_AGENT_SIGNALFILE_H

#include <stdbool.h>
#include <stddef.h>

struct signalfile;
struct watch;

enum signalfile_order {
	SIGNALFILE_NONE, /* nothing there, or not yet */
	SIGNALFILE_STOP,
	SIGNALFILE_RELOAD,
	SIGNALFILE_UNKNOWN, /* no order of ours */
};

/* An order that is already there was meant for a daemon that did not run: it is
 * taken away and said. NULL when path is NULL. */
struct signalfile *signalfile_new(const char *path);
struct signalfile *signalfile_free(struct signalfile *file);
/* Whether it is the one of path; both may be NULL. */
bool signalfile_is(const struct signalfile *file, const char *path);
/* Hints under the number slot. */
void signalfile_watch(const struct signalfile *file, struct watch *watch,
		      size_t slot);
/* What is to be done now; never SIGNALFILE_UNKNOWN, which it says itself. */
enum signalfile_order signalfile_look(struct signalfile *file);

/* What the beginning of a file means. Pure. */
enum signalfile_order signalfile_read(const char *data, size_t len);

#endif
