/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/mailbox.h"
#include "agent/outgoing.h"
#include "agent/withheld.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "conf/conf.h"

#define DAY_S 86400

/* The clock is ours: how far it is ahead of the system's. */
static time_t ahead_s;

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	long r = syscall(SYS_clock_gettime, clock, ret);
	if (r == 0 && clock == CLOCK_REALTIME)
		ret->tv_sec += ahead_s;
	return (int)r;
}

static const struct conf_mailbox set = { .id = "X26ABC1" };
static struct mailbox mailbox = { .set = &set };

static struct err kept(enum err_code code)
{
	struct err err;
	(void)err_set(&err, code, "'a.dat': cannot open it");
	err_widen(&err, ERR_MESSAGE, ERR_LATER);
	return err;
}

static int set_up(void **state)
{
	(void)state;
	ahead_s = 0;
	log_set_level(LOG_LEVEL_ERROR - 1);
	return 0;
}

static void test_kinds(void **state)
{
	(void)state;
	struct err err = kept(ERR_DENIED);
	assert_true(withheld_is(&err));
	err = kept(ERR_BUSY);
	assert_true(withheld_is(&err));
	err = kept(ERR_IO);
	assert_false(withheld_is(&err));
	err = kept(ERR_DENIED);
	err_widen(&err, ERR_MAILBOX, ERR_LATER);
	assert_false(withheld_is(&err));
}

/* The wait in seconds until a job is due, as far as a second is exact. */
static int64_t wait_s(const struct outgoing *out)
{
	int64_t wait = outgoing_due(out) - clock_wall_ns();
	return (wait + CLOCK_SECOND - 1) / CLOCK_SECOND;
}

static void test_waits_grow_and_end(void **state)
{
	(void)state;
	struct outgoing out = { .claimed = true };
	struct err err = kept(ERR_DENIED);
	out.job.state = JOB_ACCEPTED;
	assert_int_equal(outgoing_due(&out), 0);
	int64_t before = 0;
	for (int i = 0; i < 12; i++) {
		withheld_job(&mailbox, &out, &err);
		int64_t wait = wait_s(&out);
		assert_true(wait >= before && wait >= 1 && wait <= 300);
		before = wait;
	}
	assert_true(before > 100);
	withheld_over(&mailbox, &out);
	assert_int_equal(outgoing_due(&out), 0);
}

/* Somebody sets the clock: the wait stays what it was. */
static void test_clock_that_is_set(void **state)
{
	(void)state;
	struct outgoing out = { .claimed = true };
	struct err err = kept(ERR_BUSY);
	out.job.state = JOB_ACCEPTED;
	ahead_s = 20 * DAY_S;
	withheld_job(&mailbox, &out, &err);
	ahead_s = 0;
	assert_true(wait_s(&out) <= 3);
	ahead_s = -20 * DAY_S;
	assert_true(wait_s(&out) <= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_kinds, set_up),
		cmocka_unit_test_setup(test_waits_grow_and_end, set_up),
		cmocka_unit_test_setup(test_clock_that_is_set, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
