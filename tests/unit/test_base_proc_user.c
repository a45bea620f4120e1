/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/proc_user.h"

static int answer(void *ctx)
{
	return *(int *)ctx;
}

static int is_all_of(void *ctx)
{
	const struct proc_user *user = ctx;
	uid_t uids[3];
	gid_t gids[3];
	if (getresuid(&uids[0], &uids[1], &uids[2]) < 0 ||
	    getresgid(&gids[0], &gids[1], &gids[2]) < 0)
		return 1;
	for (size_t i = 0; i < 3; i++)
		if (uids[i] != user->uid || gids[i] != user->gid)
			return 2;
	/* and root's further groups are gone */
	gid_t groups[64];
	int count = getgroups(64, groups);
	for (int i = 0; i < count; i++)
		if (groups[i] == 0)
			return 3;
	return seteuid(0) == 0 ? 4 : 0;
}

static int crash(void *ctx)
{
	(void)ctx;
	abort();
}

static void test_nobody_else(void **state)
{
	(void)state;
	int seven = 7;
	struct proc_user user = { .uid = 4711 };
	assert_int_equal(proc_user_ask(NULL, answer, &seven), 7);
	assert_false(proc_user_find("root", &user));
	assert_false(proc_user_find("no-such-user-here", &user));
	assert_int_equal(user.uid, 4711);
}

static void test_other_user(void **state)
{
	(void)state;
	struct proc_user user;
	int seven = 7;
	if (!proc_user_find("nobody", &user))
		skip(); /* not root */
	assert_int_equal(proc_user_ask(&user, answer, &seven), 7);
	assert_int_equal(proc_user_ask(&user, is_all_of, &user), 0);
	assert_int_equal(proc_user_ask(&user, crash, NULL),
			 PROC_ANSWER_MAX + 1);
	assert_int_equal(geteuid(), 0);
}

static void test_cannot_become(void **state)
{
	(void)state;
	struct err err;
	int seven = 7;
	const struct proc_user user = { .name = "nobody", .uid = (uid_t)-2 };
	if (geteuid() == 0)
		skip(); /* may become anybody */
	assert_true(proc_user_become(&user, &err) < 0);
	assert_int_equal(proc_user_ask(&user, answer, &seven),
			 PROC_ANSWER_MAX + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_else),
		cmocka_unit_test(test_other_user),
		cmocka_unit_test(test_cannot_become),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
