/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * An append-only text file of transitions: what a job went through, readable
 * with cat.
 *
 *   1 2026-11-22T07:06:00.123Z CLAIMED ctl=a.ctl dat=a.dat #8c41f696
 *
 * A line is a sequence number from 1, the time, a state, facts, and the CRC32
 * (of everything before " #") in hexadecimal. Values are percent-encoded where
 * they hold a blank, '%', '#' or a control byte. Blocks for RECORD_RESERVE
 * bytes are reserved at creation, so that writing an outcome needs no new
 * block. Reading stops at the first line that is torn, damaged or out of
 * sequence. A torn tail (the start of one line, or NUL bytes) is normal after
 * a power cut, and appending goes on from there. Anything else behind the last
 * good line is damage: a line that was durable is lost, so nothing may be
 * built on the lines before it (ERR_INVALID). A created or appended line is
 * durable when the call returns.
 */
#ifndef MESHDROP_SPOOL_RECORD_H
#define MESHDROP_SPOOL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"

struct err;

#define RECORD_RESERVE 16384
/* Enough for a message of 100 thousand chunks. A record of this size is long:
 * nothing new is begun in it. */
#define RECORD_LONG ((size_t)16 << 20)
/* What is between is for the end of what it records. */
#define RECORD_SIZE_MAX (RECORD_LONG + ((size_t)1 << 20))
#define RECORD_FIELDS_MAX 32
#define RECORD_STATE_SIZE 16

struct record {
	int fd;			   /* owned; -1: closed */
	char name[TEXT_NAME_SIZE]; /* for messages */
	uint64_t sequence;	   /* of the last good line; 0: none */
	uint64_t end;		   /* offset behind the last good line */
};

struct record_field {
	const char *key; /* [a-z_]+ */
	const char *value;
};

struct record_line {
	uint64_t sequence;
	int64_t wall_ns;
	char state[RECORD_STATE_SIZE];
	struct record_field fields[RECORD_FIELDS_MAX]; /* point into text */
	size_t field_count;
	char *text; /* owned */
};

/* NULL when the key is not there. */
const char *record_get(const struct record_line *line, const char *key);
uint64_t record_get_u64(const struct record_line *line, const char *key,
			uint64_t preset);
int64_t record_get_i64(const struct record_line *line, const char *key,
		       int64_t preset);

/* --- text, pure --- */

bool record_format(struct buf *ret, uint64_t sequence, int64_t wall_ns,
		   const char *state, const struct record_field *fields,
		   size_t count) __attribute__((warn_unused_result));
/* Reads the line at text, of at most len bytes; *ret_used counts its newline.
 * False: torn, damaged, or not number sequence (0: any number will do). */
bool record_parse(const char *text, size_t len, uint64_t sequence,
		  struct record_line *ret, size_t *ret_used);
void record_line_release(struct record_line *line);

/* --- files --- */

typedef int record_line_fn(void *ctx, const struct record_line *line,
			   struct err *err);

void record_init(struct record *record);
/* A new record with its first line; ERR_EXISTS when there is one. */
int record_create(struct record *record, int dirfd, const char *name,
		  int64_t wall_ns, const char *state,
		  const struct record_field *fields, size_t count,
		  struct err *err) __attribute__((warn_unused_result));
/* Opens an existing record, gives each good line to fn, and cuts a torn tail
 * off when writable; what was given to fn is durable then. *ret_torn: there
 * was one. ERR_CORRUPT: it has no more than a torn first line, so whoever made
 * it died before anything was built on it. ERR_INVALID: it is damaged, and
 * stays as it is. */
int record_open(struct record *record, int dirfd, const char *name,
		bool writable, record_line_fn *fn, void *ctx, bool *ret_torn,
		struct err *err) __attribute__((warn_unused_result));
/* On failure the old end stands: the next line is written over the torn one.
 * ERR_LIMIT: the record would be larger than RECORD_SIZE_MAX. */
int record_append(struct record *record, int64_t wall_ns, const char *state,
		  const struct record_field *fields, size_t count,
		  struct err *err) __attribute__((warn_unused_result));
void record_close(struct record *record);

#endif
