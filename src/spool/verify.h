/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Do records, ledger and folders agree? Looks only; changes nothing.
 *
 * While a daemon works, what is found may be a step in between: a caller that
 * does not hold the mailbox's lock looks twice and believes only what it saw
 * both times.
 */
#ifndef MESHDROP_SPOOL_VERIFY_H
#define MESHDROP_SPOOL_VERIFY_H

#include <stddef.h>

struct boxdir;
struct err;

/* Gets one sentence for each thing that is wrong. */
typedef void verify_say_fn(void *ctx, const char *text);

struct verify_count {
	size_t jobs;
	size_t deliveries;
	size_t ledger_lines;
};

/* An error means that the check itself could not be done. */
int verify_mailbox(const struct boxdir *box, verify_say_fn *say, void *ctx,
		   struct verify_count *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
