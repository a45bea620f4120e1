/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/orders.h"

#include <stdio.h>
#include <string.h>

#include "agent/mailbox.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsx.h"
#include "base/log.h"
#include "conf/conf.h"
#include "spool/scan.h"

#define ORDER_SIZE_MAX ((size_t)256)
#define ORDER_SUFFIX ".order"

static const char *const verbs[] = {
	[ORDER_HOLD] = "hold",	   [ORDER_RELEASE] = "release",
	[ORDER_RETRY] = "retry",   [ORDER_ADOPT] = "adopt",
	[ORDER_RESEND] = "resend", [ORDER_FAIL] = "fail",
};

#define VERBS (sizeof(verbs) / sizeof(*verbs))

/* --- text --- */

bool order_parse(const char *text, struct order *ret)
{
	char line[ORDER_SIZE_MAX + 1];
	if (!text_copy(line, sizeof(line), text))
		return false;
	char *verb = text_trim(line);
	char *id = strchr(verb, ' ');
	if (id)
		*id++ = '\0';
	for (size_t i = 0; i < VERBS; i++) {
		if (strcmp(verb, verbs[i]) != 0)
			continue;
		struct order order = { .verb = (enum order_verb)i };
		bool adopt = order.verb == ORDER_ADOPT;
		if (adopt != (id != NULL))
			return false;
		if (adopt && (!text_is_message_id(id) ||
			      !text_copy(order.message_id,
					 sizeof(order.message_id), id)))
			return false;
		*ret = order;
		return true;
	}
	return false;
}

/* --- what is allowed --- */

#define BIT(state) (1u << (unsigned)(state))

/* In which states an order makes sense, and what is said in the others. */
static const struct {
	unsigned states;
	const char *why_not;
} rules[] = {
	[ORDER_HOLD] = { BIT(JOB_CLAIMED) | BIT(JOB_DEFERRED) | BIT(JOB_OPEN) |
				 BIT(JOB_UNKNOWN) | BIT(JOB_HELD),
			 "it is being finished; it cannot be held now" },
	[ORDER_RELEASE] = { BIT(JOB_HELD), "it is not held" },
	[ORDER_RETRY] = { BIT(JOB_DEFERRED) | BIT(JOB_UNKNOWN) | BIT(JOB_HELD),
			  "it is not waiting for anything" },
	[ORDER_ADOPT] = { BIT(JOB_UNKNOWN) | BIT(JOB_HELD),
			  "there is no doubt about it: adopt is for UNKNOWN "
			  "and for HELD in doubt" },
	[ORDER_RESEND] = { BIT(JOB_UNKNOWN) | BIT(JOB_HELD),
			   "there is no doubt about it: resend is for UNKNOWN "
			   "and for HELD in doubt" },
	[ORDER_FAIL] = { BIT(JOB_CLAIMED) | BIT(JOB_DEFERRED) | BIT(JOB_OPEN) |
				 BIT(JOB_UNKNOWN) | BIT(JOB_HELD),
			 "it is being finished; it cannot be failed now" },
};

/* Adopting and resending are answers to a doubt. */
static bool lacks_doubt(const struct order *order, const struct job *job)
{
	bool answers = order->verb == ORDER_ADOPT ||
		       order->verb == ORDER_RESEND;
	return answers && job->state == JOB_HELD && job->resume != JOB_UNKNOWN;
}

bool order_allowed(const struct order *order, const struct job *job,
		   const char **ret_why)
{
	bool fits = (rules[order->verb].states & BIT(job->state)) != 0;
	if (fits && !lacks_doubt(order, job))
		return true;
	*ret_why = rules[order->verb].why_not;
	return false;
}

/* --- carrying out --- */

static int move(struct job *job, enum job_state to, struct err *err)
{
	return job_move(job, to, clock_wall_ns(), err);
}

static int hold(struct job *job, struct err *err)
{
	if (job->state == JOB_HELD)
		return 0;
	if (job->state != JOB_DEFERRED)
		job->resume = job->state;
	(void)text_copy(job->text, sizeof(job->text), "held by an operator");
	return move(job, JOB_HELD, err);
}

/* Whoever gives an order has looked at what happened before. */
static void count_anew(struct job *job)
{
	job->attempts = 0;
	job->failures = 0;
}

static int go_on(struct job *job, struct err *err)
{
	count_anew(job);
	enum job_state to = job->state == JOB_UNKNOWN ? JOB_UNKNOWN :
							job->resume;
	job->not_before_ns = 0;
	return move(job, to, err);
}

static int fail(struct job *job, struct err *err)
{
	(void)text_copy(job->event, sizeof(job->event), "TRANSFER");
	(void)text_copy(job->code, sizeof(job->code), "06");
	(void)text_copy(job->text, sizeof(job->text),
			"given up by an operator");
	return move(job, JOB_REJECTED, err);
}

static int adopt(struct job *job, const char *message_id, struct err *err)
{
	(void)text_copy(job->message_id, sizeof(job->message_id), message_id);
	job->chunks_done = job->chunk_count;
	return move(job, JOB_ACCEPTED, err);
}

static int carry_out(struct job *job, const struct order *order,
		     struct err *err)
{
	switch (order->verb) {
	case ORDER_HOLD:
		return hold(job, err);
	case ORDER_RELEASE:
	case ORDER_RETRY:
		return go_on(job, err);
	case ORDER_ADOPT:
		return adopt(job, order->message_id, err);
	case ORDER_RESEND:
		count_anew(job);
		return move(job, JOB_CLAIMED, err);
	case ORDER_FAIL:
		break;
	}
	return fail(job, err);
}

static struct outgoing *find(struct mailbox *mailbox, const char *id)
{
	for (size_t i = 0; i < mailbox->out_count; i++)
		if (strcmp(mailbox->out[i]->job.id, id) == 0)
			return mailbox->out[i];
	return NULL;
}

static bool may_apply(const struct outgoing *out, const struct order *order,
		      const char **ret_why)
{
	*ret_why = "there is no such job";
	if (!out)
		return false;
	*ret_why = "its claim, or its last outcome, is not on disk yet";
	if (!out->claimed || out->unwritten)
		return false;
	return order_allowed(order, &out->job, ret_why);
}

static int apply(struct mailbox *mailbox, const char *job_id,
		 const struct order *order, struct err *err)
{
	struct outgoing *out = find(mailbox, job_id);
	const char *why;
	if (!may_apply(out, order, &why)) {
		log_event(LOG_LEVEL_WARNING, "order-refused", mailbox->set->id,
			  "job=%s order=%s reason=\"%s\"", job_id,
			  verbs[order->verb], why);
		return 0;
	}
	struct job *job = &out->job;
	struct job before = *job;
	int r = carry_out(job, order, err);
	if (r < 0) {
		*job = before;
		return r;
	}
	/* Who gives an order does not want to wait for what we were waiting. */
	mailbox->contact_due_ns = 0;
	mailbox->send_due_ns = 0;
	log_event(LOG_LEVEL_NOTICE, "order", mailbox->set->id,
		  "job=%s order=%s state=%s", job_id, verbs[order->verb],
		  job_state_name(job->state));
	return 0;
}

/* --- files --- */

static void order_name(const char *job_id, char ret[TEXT_NAME_SIZE])
{
	(void)snprintf(ret, TEXT_NAME_SIZE, "%s" ORDER_SUFFIX,
		       job_id); /* ids are short */
}

int orders_leave(const struct boxdir *dir, const char *job_id,
		 const struct order *order, struct err *err)
{
	char name[TEXT_NAME_SIZE];
	order_name(job_id, name);
	char text[ORDER_SIZE_MAX];
	int len = snprintf(text, sizeof(text), "%s%s%s\n", verbs[order->verb],
			   order->message_id[0] != '\0' ? " " : "",
			   order->message_id);
	return fsx_store(dir->orders, name, 0600, text, (size_t)len, true, err);
}

static int not_an_order(const struct mailbox *mailbox, const char *name)
{
	log_event(LOG_LEVEL_WARNING, "order-refused", mailbox->set->id,
		  "file=\"%s\" reason=\"this is no order\"", name);
	return 0;
}

static int apply_file(struct mailbox *mailbox, const char *name,
		      struct err *err)
{
	char job_id[TEXT_NAME_SIZE];
	scan_stem(name, job_id);
	AUTO_BUF struct buf text;
	buf_init(&text, ORDER_SIZE_MAX);
	struct order order;
	int r = fsx_load(mailbox->dir.orders, name, &text, err);
	bool foreign = r == -ERR_LIMIT || r == -ERR_UNSAFE || r == -ERR_DENIED;
	if (r < 0 && !foreign)
		return r;
	if (r == 0 && order_parse(text.data, &order))
		r = apply(mailbox, job_id, &order, err);
	else
		r = not_an_order(mailbox, name);
	if (r < 0)
		return r;
	/* Carried out; if we die here it is met again, and changes nothing. */
	r = fsx_remove(mailbox->dir.orders, name, err);
	if (r < 0)
		return r;
	/* An order that came back with a power cut, when the job has gone on,
	 * would be carried out a second time. */
	return fsx_sync_dir(mailbox->dir.orders, "orders", err);
}

/* Copies one name that is an order, so that the folder is not changed while
 * it is read; *ret_name is "" at the end. */
static int next_order(const struct mailbox *mailbox,
		      char ret_name[TEXT_NAME_SIZE], struct err *err)
{
	struct fsx_dir *dir;
	ret_name[0] = '\0';
	int r = fsx_dir_open(mailbox->dir.orders, &dir, err);
	if (r < 0)
		return r;
	const char *name;
	do {
		r = fsx_dir_next(dir, &name, err);
	} while (r == 0 && name && name[0] == '.');
	if (r == 0 && name)
		(void)text_copy(ret_name, TEXT_NAME_SIZE, name);
	fsx_dir_close(dir);
	return r;
}

int orders_apply(struct mailbox *mailbox, struct err *err)
{
	for (;;) {
		char name[TEXT_NAME_SIZE];
		int r = next_order(mailbox, name, err);
		if (r < 0 || name[0] == '\0')
			return r;
		r = apply_file(mailbox, name, err);
		if (r < 0)
			return r;
	}
}
