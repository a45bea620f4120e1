/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Being another user: what root does on behalf of one that may do less.
 *
 * Whether a user can read a file is only seen as that user. A question is
 * asked in a child process, so that this one stays what it is; becoming is for
 * good. Without threads only.
 */
#ifndef MESHDROP_BASE_PROC_USER_H
#define MESHDROP_BASE_PROC_USER_H

#include <stdbool.h>
#include <sys/types.h>

struct err;

struct proc_user {
	const char *name; /* borrowed */
	uid_t uid;
	gid_t gid;
};

/* The most that an answer may be; one more: it could not be asked. */
#define PROC_ANSWER_MAX 100

/* False unless this process is root's and there is another user of that
 * name. */
bool proc_user_find(const char *name, struct proc_user *ret);

/* Takes over the user, its group and its further groups. */
int proc_user_become(const struct proc_user *user, struct err *err)
	__attribute__((warn_unused_result));

/* Calls the function in a child process that is that user (NULL: in this one,
 * as it is) and returns what it returned, from 0 to PROC_ANSWER_MAX. */
int proc_user_ask(const struct proc_user *user, int (*function)(void *ctx),
		  void *ctx);

#endif
