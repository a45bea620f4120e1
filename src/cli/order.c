/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "cli/order.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/mailbox.h"
#include "agent/orders.h"
#include "agent/recover.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "cli/owner.h"
#include "cli/pick.h"
#include "conf/conf.h"
#include "spool/boxdir.h"

#define WAIT_MOST (15 * CLOCK_SECOND)
#define WAIT_STEP (50 * CLOCK_MS)
#define STEPS_PER_TRY 20 /* at being alone */

struct giving {
	const struct conf *conf;
	const struct order *order;
	int state_dir;
	int64_t deadline_ns; /* monotonic; of all jobs; 0: nobody waited yet */
};

enum ending {
	ORDER_DONE,
	ORDER_FINISHED, /* done, and the job is gone */
	ORDER_REFUSED,	/* why says what for */
	ORDER_WAITS,	/* it lies there for the daemon */
};

struct told {
	enum ending ending;
	enum job_state state; /* DONE, REFUSED */
	const char *why;
	bool alone; /* nobody else goes on with it */
};

/* --- what became of it --- */

/* A lost race: the daemon had moved the job before it read the order. */
static bool took_effect(const struct order *order, uint64_t sequence_before,
			const struct job *after)
{
	if (order->verb == ORDER_HOLD)
		return after->state == JOB_HELD;
	return after->record.sequence > sequence_before;
}

static void tell_job(const struct order *order, uint64_t sequence_before,
		     const struct job *after, struct told *ret)
{
	ret->ending = ORDER_DONE;
	ret->state = after->state;
	if (took_effect(order, sequence_before, after))
		return;
	ret->ending = ORDER_REFUSED;
	ret->why = "it had moved on before the order was read; the log of "
		   "meshdropd says more";
}

static void tell_gone(const struct order *order, struct told *ret)
{
	ret->ending = ORDER_FINISHED;
	if (order->verb != ORDER_HOLD)
		return;
	ret->ending = ORDER_REFUSED;
	ret->state = JOB_ARCHIVING;
	ret->why = "it is finished";
}

/* --- alone --- */

static const struct job *find(const struct mailbox *mailbox, const char *id)
{
	for (size_t i = 0; i < mailbox->out_count; i++)
		if (strcmp(mailbox->out[i]->job.id, id) == 0)
			return &mailbox->out[i]->job;
	return NULL;
}

/* Not among the recovered ones: its record is damaged, or it has just ended. */
static int explain_missing(const struct mailbox *mailbox, const char *id,
			   const struct order *order, struct told *ret,
			   struct err *err)
{
	struct job job;
	bool torn;
	job_init(&job);
	int r = job_load(&job, mailbox->dir.jobs, id, false, &torn, err);
	job_release(&job);
	if (r < 0 && r != -(int)ERR_MISSING)
		return r;
	tell_gone(order, ret);
	return 0;
}

static int carry_out(struct mailbox *mailbox, const char *id,
		     const struct order *order, struct told *ret,
		     struct err *err)
{
	const struct job *job = find(mailbox, id);
	if (!job)
		return explain_missing(mailbox, id, order, ret, err);
	uint64_t sequence = job->record.sequence;
	bool allowed = order_allowed(order, job, &ret->why);
	int r = allowed ? orders_leave(&mailbox->dir, id, order, err) : 0;
	/* from here on it is the daemon's, too, should we die */
	if (r == 0)
		r = orders_apply(mailbox, err);
	if (r < 0)
		return r;
	if (allowed) {
		tell_job(order, sequence, job, ret);
	} else {
		ret->ending = ORDER_REFUSED;
		ret->state = job->state;
	}
	return 0;
}

/* ERR_BUSY, and nothing was done, where another process has the mailbox. */
static int give_alone(const struct giving *giving, const struct pick *pick,
		      struct told *ret, struct err *err)
{
	struct mailbox *mailbox;
	int r = mailbox_open(giving->conf, pick->set, giving->state_dir,
			     &mailbox, err);
	if (r < 0)
		return r;
	ret->alone = true;
	r = recover_mailbox(mailbox, err);
	if (r == 0)
		r = carry_out(mailbox, pick->id, giving->order, ret, err);
	(void)mailbox_close(mailbox);
	if (r == -(int)ERR_BUSY)
		r = -(int)ERR_IO; /* not the lock, which was ours */
	return r;
}

/* --- through the daemon --- */

static void pause_a_moment(void)
{
	const struct timespec step = { .tv_nsec = (long)WAIT_STEP };
	(void)nanosleep(&step, NULL); /* a signal only makes it shorter */
}

static int is_waiting(const struct boxdir *box, const char *id, bool *ret,
		      struct err *err)
{
	char name[TEXT_NAME_SIZE];
	(void)snprintf(name, sizeof(name), "%s.order", id); /* ids are short */
	struct stat st;
	int r = fsx_stat_at(box->orders, name, &st, err);
	if (r < 0 && r != -(int)ERR_MISSING)
		return r;
	*ret = r == 0;
	return 0;
}

/* Until the order is gone or the time is over. When the daemon ends meanwhile,
 * or it was only another command that had the lock, we are alone after all. */
static int wait_for_daemon(struct giving *giving, const struct boxdir *box,
			   const struct pick *pick, struct told *ret,
			   struct err *err)
{
	if (giving->deadline_ns == 0)
		giving->deadline_ns = clock_mono_ns() + WAIT_MOST;
	for (unsigned step = 1;; step++) {
		bool waiting = true;
		int r = is_waiting(box, pick->id, &waiting, err);
		if (r < 0 || !waiting)
			return r;
		if (step % STEPS_PER_TRY == 0) {
			r = give_alone(giving, pick, ret, err);
			if (r != -(int)ERR_BUSY)
				return r;
		}
		if (clock_mono_ns() >= giving->deadline_ns) {
			ret->ending = ORDER_WAITS;
			return 0;
		}
		pause_a_moment();
	}
}

/* *ret_gone: there is no such job any more. */
static int load(const struct boxdir *box, const char *id, struct job *ret,
		bool *ret_gone, struct err *err)
{
	bool torn;
	job_init(ret);
	int r = job_load(ret, box->jobs, id, false, &torn, err);
	*ret_gone = r == -(int)ERR_MISSING;
	return *ret_gone ? 0 : r;
}

/* *ret_sequence: of the record before the order. False in *ret: there is
 * nothing to leave, and told says why. */
static int may_leave(const struct giving *giving, const struct boxdir *box,
		     const char *id, bool *ret, uint64_t *ret_sequence,
		     struct told *told, struct err *err)
{
	struct job job;
	bool gone;
	int r = load(box, id, &job, &gone, err);
	if (r < 0)
		return r;
	*ret = !gone && order_allowed(giving->order, &job, &told->why);
	*ret_sequence = job.record.sequence;
	told->ending = ORDER_REFUSED;
	told->state = job.state;
	if (gone)
		tell_gone(giving->order, told);
	job_release(&job);
	return 0;
}

static int tell_after(const struct giving *giving, const struct boxdir *box,
		      const char *id, uint64_t sequence_before,
		      struct told *ret, struct err *err)
{
	struct job job;
	bool gone;
	int r = load(box, id, &job, &gone, err);
	if (r < 0)
		return r;
	if (gone)
		tell_gone(giving->order, ret);
	else
		tell_job(giving->order, sequence_before, &job, ret);
	job_release(&job);
	return 0;
}

static int leave_it(struct giving *giving, const struct boxdir *box,
		    const struct pick *pick, struct told *ret, struct err *err)
{
	bool may = false;
	uint64_t sequence = 0;
	int r = may_leave(giving, box, pick->id, &may, &sequence, ret, err);
	if (r < 0 || !may)
		return r;
	r = orders_leave(box, pick->id, giving->order, err);
	if (r < 0)
		return r;
	ret->ending = ORDER_DONE;
	r = wait_for_daemon(giving, box, pick, ret, err);
	if (r < 0 || ret->ending == ORDER_WAITS || ret->alone)
		return r;
	return tell_after(giving, box, pick->id, sequence, ret, err);
}

/* --- one job --- */

static int give(struct giving *giving, const struct pick *pick,
		struct told *ret, struct err *err)
{
	struct boxdir box;
	boxdir_init(&box);
	int r = boxdir_open_state(&box, pick->set->id, giving->state_dir, err);
	if (r == 0)
		r = owner_check(&box, err);
	if (r == 0) {
		r = give_alone(giving, pick, ret, err);
		if (r == -(int)ERR_BUSY)
			r = leave_it(giving, &box, pick, ret, err);
	}
	boxdir_release(&box);
	return r;
}

/* A job that goes on by itself as soon as somebody serves the mailbox. */
static bool needs_daemon(const struct told *told)
{
	return told->alone && told->state != JOB_HELD;
}

static enum cmd_exit say(const char *id, const struct told *told)
{
	switch (told->ending) {
	case ORDER_DONE:
		(void)printf("job %s: %s%s\n", id, job_state_name(told->state),
			     needs_daemon(told) ?
				     "; it goes on when meshdropd runs" :
				     "");
		return CMD_OK;
	case ORDER_FINISHED:
		(void)printf("job %s: finished\n", id);
		return CMD_OK;
	case ORDER_REFUSED:
		cmd_complain("job %s is %s: %s", id,
			     job_state_name(told->state), told->why);
		return CMD_FAILED;
	case ORDER_WAITS:
		break;
	}
	cmd_complain("job %s: meshdropd is busy; the order waits for it, see "
		     "'meshdrop list'",
		     id);
	return CMD_BUSY;
}

static enum cmd_exit give_one(struct cmd_run *run, struct giving *giving,
			      const struct conf_mailbox *only, const char *name)
{
	struct pick pick;
	if (!pick_job(run, giving->conf, only, name, &pick))
		return run->exit;
	struct err err;
	struct told told = { .why = "" };
	if (give(giving, &pick, &told, &err) == 0)
		return say(pick.id, &told);
	err_prefix(&err, "job %s", pick.id);
	cmd_fail(run, &err);
	return run->exit;
}

/* --- all of them --- */

/* What failed weighs more than what waits. */
static enum cmd_exit worse(enum cmd_exit a, enum cmd_exit b)
{
	if (a == CMD_OK || (a == CMD_BUSY && b != CMD_OK))
		return b;
	return a;
}

static enum cmd_exit give_all(struct cmd_run *run, const struct conf *conf,
			      const char *mailbox, const struct order *order)
{
	const struct conf_mailbox *only = NULL;
	if (mailbox) {
		only = cmd_mailbox(run, conf, mailbox);
		if (!only)
			return run->exit;
	}
	struct err err;
	AUTO_CLOSE int state_dir = -1;
	if (fsx_open_root(conf->state_dir, &state_dir, &err) < 0) {
		cmd_fail(run, &err);
		return run->exit;
	}
	struct giving giving = {
		.conf = conf,
		.order = order,
		.state_dir = state_dir,
	};
	enum cmd_exit code = CMD_OK;
	for (int i = 0; i < run->argc; i++)
		code = worse(code, give_one(run, &giving, only, run->argv[i]));
	return code;
}

/* Recovery may write stamps, which are local time. */
static void set_timezone(const struct conf *conf)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): the tool has one thread */
	if (setenv("TZ", conf->timezone, 1) < 0)
		abort(); /* out of memory */
	tzset();
}

enum cmd_exit order_run(struct cmd_run *run, const char *mailbox,
			const struct order *order)
{
	struct conf *conf = cmd_conf(run);
	if (!conf)
		return run->exit;
	set_timezone(conf);
	enum cmd_exit code = give_all(run, conf, mailbox, order);
	(void)conf_free(conf);
	return code;
}
