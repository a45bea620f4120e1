/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Who may act on a mailbox from the command line.
 *
 * What another user than meshdropd's leaves in its folders, locks included, it
 * could not open later: root would lock it out of its own mailbox.
 */
#ifndef MESHDROP_CLI_OWNER_H
#define MESHDROP_CLI_OWNER_H

struct boxdir;
struct err;

/* ERR_DENIED unless this process runs as the owner of the state folder. */
int owner_check(const struct boxdir *box, struct err *err)
	__attribute__((warn_unused_result));

#endif
