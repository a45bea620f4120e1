/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * One mailbox's folders, held open.
 *
 * Folders are opened once by descriptor, in whatever letter case they exist
 * (IN, in, In), and made in upper case where missing; all of them and TEMP
 * must be on one file system, because every hand-over is a rename. The state
 * folder belongs to us alone (mode 0700):
 *
 *   STATE_DIR/ID/jobs/     one record for each pair being sent
 *   STATE_DIR/ID/inbound/  one record for each message being received
 *   STATE_DIR/ID/ledger/   what was sent and delivered, by month
 *   STATE_DIR/ID/orders/   what an operator wants done with a job
 *
 * boxdir_lock keeps a second daemon away: it holds STATE_DIR/ID/lock and
 * TEMP/.meshdrop.lock until release.
 */
#ifndef MESHDROP_SPOOL_BOXDIR_H
#define MESHDROP_SPOOL_BOXDIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct err;

#define BOXDIR_FOLDERS 5

struct boxdir {
	char id[TEXT_MAILBOX_SIZE];
	char *root; /* owned; for messages */
	int base;   /* the root itself */
	int in;
	int out;
	int sent;
	int failed;
	int temp;
	char names[BOXDIR_FOLDERS][TEXT_NAME_SIZE]; /* as they are spelled */
	int state;				    /* STATE_DIR/ID */
	int jobs;
	int inbound;
	int ledger;
	int orders;
	int lock_state; /* -1: not locked */
	int lock_root;
};

/* How a folder of that name is spelled below root: the upper-case one when there
 * are several; "" when it is not there. */
int boxdir_find(int root, const char *wanted, char ret[TEXT_NAME_SIZE],
		struct err *err) __attribute__((warn_unused_result));

/* Descriptors become -1; boxdir_release may follow at any time. */
void boxdir_init(struct boxdir *box);
/* Opens and makes what is missing, the root itself included. state_dir is a
 * descriptor. On failure nothing stays open. */
int boxdir_open(struct boxdir *box, const char *id, const char *root,
		int state_dir, struct err *err)
	__attribute__((warn_unused_result));
/* Opens (and, with make, makes) one more folder below the root, in whatever
 * letter case it exists; ERR_CONFIG when it is one of the five, or on another
 * file system than TEMP. */
int boxdir_open_folder(const struct boxdir *box, const char *name, bool make,
		       int *ret_fd, struct err *err)
	__attribute__((warn_unused_result));
/* Opens a folder that boxdir_open_folder opened anew when another stands in its
 * place now, and makes it when it was removed; *ret_other: *fd is that one. On
 * failure *fd is as before. */
int boxdir_renew_folder(const struct boxdir *box, const char *name, int *fd,
			bool *ret_other, struct err *err)
	__attribute__((warn_unused_result));
/* Whether the root and the five folders are still those that were opened: what
 * is put into one that was moved away or removed is seen by nobody. The root may
 * be a link, as it may when it is opened. */
int boxdir_check(const struct boxdir *box, struct err *err)
	__attribute__((warn_unused_result));
/* For the tool: opens only the state folders, makes nothing. */
int boxdir_open_state(struct boxdir *box, const char *id, int state_dir,
		      struct err *err) __attribute__((warn_unused_result));
/* ERR_BUSY when another process holds either lock. */
int boxdir_lock(struct boxdir *box, struct err *err)
	__attribute__((warn_unused_result));
void boxdir_release(struct boxdir *box);

#endif
