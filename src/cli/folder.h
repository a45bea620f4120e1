/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * A mailbox's folders as the tool meets them: it opens what is there, in
 * whatever letter case, as spool/boxdir would, but takes no lock and never
 * touches the daemon's own folders.
 */
#ifndef MESHDROP_CLI_FOLDER_H
#define MESHDROP_CLI_FOLDER_H

struct err;

/* Opens the folder that wanted ("OUT") is on disk; ERR_MISSING. root is a
 * descriptor. */
int folder_open(int root, const char *wanted, int *ret_fd, struct err *err)
	__attribute__((warn_unused_result));
/* Opens a folder below the root at that path, making both where missing. */
int folder_make(const char *root_path, const char *wanted, int *ret_fd,
		struct err *err) __attribute__((warn_unused_result));

/* Tries it with a hidden file of our own, which is gone afterwards. */
int folder_try(int dirfd, struct err *err) __attribute__((warn_unused_result));

#endif
