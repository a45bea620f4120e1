/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * meshdrop hold, release, retry: orders that need no more than a job.
 */
#include "config.h"

#include <limits.h>

#include "agent/orders.h"
#include "cli/cmd.h"
#include "cli/order.h"

#define ARGUMENTS "[-m MAILBOX] JOB..."
#define HELP_JOB                                                               \
	"JOB is an id as 'meshdrop list' shows it, the beginning of one, or "  \
	"the name of the\n"                                                    \
	"files without extension where only one job has it. Works whether or " \
	"not meshdropd\n"                                                      \
	"runs.\n"                                                              \
	"\n"                                                                   \
	"  -m, --mailbox MAILBOX  look in this mailbox only\n"

static enum cmd_exit give(struct cmd_run *run, enum order_verb verb)
{
	const char *mailbox = NULL;
	const struct cmd_option options[] = {
		{ .name = "mailbox", .letter = 'm', .value = &mailbox },
	};
	if (!cmd_options(run, options, 1, 1, INT_MAX))
		return run->exit;
	const struct order order = { .verb = verb };
	return order_run(run, mailbox, &order);
}

static enum cmd_exit hold_run(struct cmd_run *run)
{
	return give(run, ORDER_HOLD);
}

static enum cmd_exit release_run(struct cmd_run *run)
{
	return give(run, ORDER_RELEASE);
}

static enum cmd_exit retry_run(struct cmd_run *run)
{
	return give(run, ORDER_RETRY);
}

const struct cmd cmd_hold = {
	.name = "hold",
	.summary = "Does nothing more with a job until it is released",
	.arguments = ARGUMENTS,
	.help = "For jobs that wait or are between two chunks.\n"
		"\n" HELP_JOB,
	.function = hold_run,
};

const struct cmd cmd_release = {
	.name = "release",
	.summary = "Goes on with a held job where it was",
	.arguments = ARGUMENTS,
	.help = "A job that is held in doubt is asked about again; 'meshdrop "
		"resolve' settles\n"
		"the doubt instead.\n"
		"\n" HELP_JOB,
	.function = release_run,
};

const struct cmd cmd_retry = {
	.name = "retry",
	.summary = "Does not let a job wait any longer",
	.arguments = ARGUMENTS,
	.help = "For jobs that are DEFERRED, UNKNOWN or HELD.\n"
		"\n" HELP_JOB,
	.function = retry_run,
};
