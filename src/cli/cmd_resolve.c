/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * meshdrop resolve: what somebody found out about a message in doubt.
 */
#include "config.h"

#include <stdbool.h>

#include "agent/orders.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/order.h"

/* Exactly one of the three. */
static bool choose(struct cmd_run *run, const char *adopt, bool resend,
		   bool fail, struct order *ret)
{
	if ((adopt ? 1 : 0) + (resend ? 1 : 0) + (fail ? 1 : 0) != 1) {
		cmd_complain_usage(run, "say one of --adopt, --resend and "
					"--fail");
		return false;
	}
	struct order order = { .verb = resend ? ORDER_RESEND : ORDER_FAIL };
	if (adopt) {
		order.verb = ORDER_ADOPT;
		if (!text_is_message_id(adopt) ||
		    !text_copy(order.message_id, sizeof(order.message_id),
			       adopt)) {
			cmd_complain_usage(run, "'%.128s' is no message id",
					   adopt);
			return false;
		}
	}
	*ret = order;
	return true;
}

static enum cmd_exit resolve_run(struct cmd_run *run)
{
	const char *mailbox = NULL;
	const char *adopt = NULL;
	bool resend = false;
	bool fail = false;
	const struct cmd_option options[] = {
		{ .name = "mailbox", .letter = 'm', .value = &mailbox },
		{ .name = "adopt", .value = &adopt },
		{ .name = "resend", .flag = &resend },
		{ .name = "fail", .flag = &fail },
	};
	struct order order;
	if (!cmd_options(run, options, sizeof(options) / sizeof(*options), 1,
			 1) ||
	    !choose(run, adopt, resend, fail, &order))
		return run->exit;
	return order_run(run, mailbox, &order);
}

const struct cmd cmd_resolve = {
	.name = "resolve",
	.summary = "Settles a job in doubt, or gives a job up",
	.arguments = "[-m MAILBOX] JOB --adopt ID | --resend | --fail",
	.help = "Find out first, with the recipient or the service desk, "
		"whether the message\n"
		"arrived: nothing is asked here. JOB as for 'meshdrop hold'. "
		"Works whether or not\n"
		"meshdropd runs.\n"
		"\n"
		"      --adopt ID         the service has it, under this "
		"message id: to SENT\n"
		"      --resend           the service does not have it: send it "
		"again\n"
		"      --fail             give it up: to FAILED with TRANSFER "
		"06; also for jobs\n"
		"                         that wait\n"
		"  -m, --mailbox MAILBOX  look in this mailbox only\n",
	.function = resolve_run,
};
