/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * All messages: an index in memory, sorted by id, over files on disk.
 *
 * In the directory "messages", ID.json is the record and ID.1, ID.2 ... are
 * the chunks as they came over the wire. The record is what counts: it is
 * replaced whole after its chunk is in place, so a process killed at any
 * moment has lost nothing it answered for, and chunks without a record are
 * swept away at the next start.
 */
#ifndef MESHDROP_SANDBOX_STORE_H
#define MESHDROP_SANDBOX_STORE_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct message;

struct store {
	int fd;
	struct message **items; /* owned; oldest first */
	size_t count;
	size_t room;
	int64_t last_us; /* the time in the newest id */
};

void store_init(struct store *store);
/* Opens the directory below dirfd, making it when missing, and reads all. */
int store_open(struct store *store, int dirfd, struct err *err)
	__attribute__((warn_unused_result));
void store_release(struct store *store);

struct message *store_find(const struct store *store, const char *id);
/* Index of the first message after id; id need not exist. */
size_t store_after(const struct store *store, const char *id);

/* Gives the message an id that is new and larger than all others. */
void store_name(struct store *store, struct message *message, int64_t now_ns);
/* Puts chunk number in place, taking the file name away from dirfd. */
int store_put_chunk(const struct store *store, const struct message *message,
		    unsigned number, int dirfd, const char *name,
		    struct err *err) __attribute__((warn_unused_result));
int store_open_chunk(const struct store *store, const struct message *message,
		     unsigned number, int *ret_fd, uint64_t *ret_size,
		     struct err *err) __attribute__((warn_unused_result));
/* Writes the record; a named message that is not in the index joins it. The
 * store owns the message from then on, and frees it when this fails. */
int store_add(struct store *store, struct message *message, struct err *err)
	__attribute__((warn_unused_result));
/* Writes the record of a message that the store has. */
int store_save(const struct store *store, const struct message *message,
	       struct err *err) __attribute__((warn_unused_result));
/* Forgets those that mailbox sent or received; all when NULL. */
int store_clear(struct store *store, const char *mailbox, struct err *err)
	__attribute__((warn_unused_result));

#endif
