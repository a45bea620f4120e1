/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The folders of a mailbox's routes, held open, and the claim of what is
 * dropped there.
 *
 * Each file that a route matches and that did not change over the processing
 * delay becomes a job like a pair of OUT: its control file is written into
 * TEMP, then the record, then both are where those of a pair are.
 */
#ifndef MESHDROP_AGENT_ROUTE_FOLDERS_H
#define MESHDROP_AGENT_ROUTE_FOLDERS_H

#include <stddef.h>

struct boxdir;
struct conf_mailbox;
struct err;
struct route_folders;
struct turn;

/* Opens the folder of each route, each folder once, and makes what is missing.
 * set is borrowed. */
int route_folders_open(const struct boxdir *dir, const struct conf_mailbox *set,
		       struct route_folders **ret, struct err *err)
	__attribute__((warn_unused_result));
struct route_folders *route_folders_free(struct route_folders *folders);
size_t route_folders_count(const struct route_folders *folders);
/* The descriptor of one of them; it stays theirs. */
int route_folders_fd(const struct route_folders *folders, size_t i);

/* Looks at each folder once and claims what is ready, each folder to the same
 * measure as OUT. One that fails does not hold up the others. */
int route_folders_claim(struct turn *turn, struct err *err)
	__attribute__((warn_unused_result));

#endif
