/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The kernel's Landlock: a thread gives up the right to open what it has not
 * named, for good, for itself and the threads and programs it starts. What is
 * open stays open. Needs no privilege and no library.
 */
#ifndef MESHDROP_BASE_FSX_CONFINE_H
#define MESHDROP_BASE_FSX_CONFINE_H

#include <stdbool.h>

struct err;

/* 0: the kernel has none, or a sandbox around us hides it. */
int fsx_confine_version(void);
/* Before this one, no file could be moved from one folder to another. */
#define FSX_CONFINE_OLDEST 2

/* An empty set of rights; nothing is given up yet. With speak: the right to
 * reach other processes by abstract socket names, which have no file, is kept;
 * before version 6 it always is. */
int fsx_confine_new(bool speak, int *ret_fd, struct err *err)
	__attribute__((warn_unused_result));
/* What is below a folder, or one file. With change: files and folders may be
 * made, written, moved and removed there; else only read. Nothing may be
 * executed. A path that leads nowhere, or where we may not go, is left out. */
int fsx_confine_allow(int fd, const char *path, bool change, struct err *err)
	__attribute__((warn_unused_result));
/* The calling thread has no other rights from here on, and can neither gain
 * privileges by executing nor wait for connections. */
int fsx_confine_enter(int fd, struct err *err)
	__attribute__((warn_unused_result));

/* Without links; NULL when it leads nowhere. Owned by the caller. */
char *fsx_real_path(const char *path);

#endif
