/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* What a mount lets us know of its files. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fsx.h"

static unsigned long flags;
static unsigned interrupted;
static int failure;

int fstatvfs(int fd, struct statvfs *ret)
{
	assert_int_equal(fd, 7);
	if (interrupted > 0) {
		interrupted--;
		errno = EINTR;
		return -1;
	}
	if (failure != 0) {
		errno = failure;
		return -1;
	}
	*ret = (struct statvfs){ .f_flag = flags };
	return 0;
}

static bool keeps(unsigned long with)
{
	struct err err;
	bool ret = with == 0; /* not what is expected */
	flags = with;
	assert_int_equal(fsx_keeps_atime(7, &ret, &err), 0);
	return ret;
}

static void test_flags(void **state)
{
	(void)state;
	failure = 0;
	assert_true(keeps(ST_RELATIME));
	assert_true(keeps(ST_NODIRATIME | ST_NOSUID));
	assert_false(keeps(ST_NOATIME));
	assert_false(keeps(ST_NOATIME | ST_NODEV));
	interrupted = 3;
	assert_true(keeps(ST_RELATIME));
}

static void test_failure(void **state)
{
	(void)state;
	struct err err;
	bool ret = true;
	failure = EIO;
	assert_int_equal(fsx_keeps_atime(7, &ret, &err), -ERR_IO);
	assert_non_null(strstr(err.text, "mount options"));
	assert_true(ret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
