/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Giving orders to jobs, whether meshdropd runs or not.
 *
 * The mailbox's lock decides. Who gets it is alone: the mailbox is opened and
 * recovered as the daemon would do it, and the order carried out here. Where
 * the daemon has it, the order is left as a file, and the daemon's work is
 * waited for. Never both at once.
 */
#ifndef MESHDROP_CLI_ORDER_H
#define MESHDROP_CLI_ORDER_H

#include "cli/cmd.h"

struct order;

/* Gives the order to each job that the command's arguments name, and says what
 * became of each. mailbox NULL: in any of them. */
enum cmd_exit order_run(struct cmd_run *run, const char *mailbox,
			const struct order *order);

#endif
