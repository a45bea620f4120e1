/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * One full cycle: all that is ready is sent to its last chunk, all that is
 * listed is received.
 */
#ifndef MESHDROP_AGENT_ONCE_H
#define MESHDROP_AGENT_ONCE_H

#include <stdbool.h>

struct err;
struct site;

/* Pairs that are not steady yet are waited for, once. With one connection the
 * turns run on the calling thread. A byte to read on stop_fd ends it early.
 * *ret_good: every mailbox could be served. */
int once_run(struct site *site, int stop_fd, bool *ret_good, struct err *err)
	__attribute__((warn_unused_result));

/* Until all hooks have ended; a byte to read on stop_fd ends it as a stop ends
 * the daemon. */
void once_wait_hooks(struct site *site, int stop_fd);

#endif
