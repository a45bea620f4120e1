/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * base/fsx: removing folders, and whose files are.
 */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "scratch.h"

static struct scratch scratch;

static int set_up(void **state)
{
	(void)state;
	scratch_make(&scratch);
	scratch_write(&scratch, "plain", "x");
	scratch_mkdir(&scratch, "dir", 0700);
	return symlinkat("dir", scratch.fd, "dirlink");
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(&scratch);
	return 0;
}

static void expect_error(int r, const struct err *err, enum err_code code,
			 const char *name, const char *why)
{
	assert_int_equal(r, -(int)code);
	assert_int_equal(err->code, code);
	assert_non_null(strstr(err->text, name));
	assert_non_null(strstr(err->text, why));
}

static bool is_there(const char *name)
{
	struct stat st;
	return fstatat(scratch.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void test_remove_dir(void **state)
{
	(void)state;
	struct err err;
	assert_int_equal(fsx_make_dir(scratch.fd, "new", 0700, &err), 0);
	assert_int_equal(fsx_remove_dir(scratch.fd, "new", &err), 0);
	assert_false(is_there("new"));
	assert_int_equal(fsx_remove_dir(scratch.fd, "new", &err), 0);
	assert_int_equal(fsx_make_dir(scratch.fd, "new", 0700, &err), 0);
	assert_int_equal(mkdirat(scratch.fd, "new/below", 0700), 0);
	expect_error(fsx_remove_dir(scratch.fd, "new", &err), &err, ERR_IO,
		     "'new'", "not empty");
	expect_error(fsx_remove_dir(scratch.fd, "plain", &err), &err,
		     ERR_MISSING, "'plain'", "Not a directory");
	expect_error(fsx_remove_dir(scratch.fd, "dirlink", &err), &err,
		     ERR_MISSING, "'dirlink'", "Not a directory");
	expect_error(fsx_remove_dir(scratch.fd, "new/below", &err), &err,
		     ERR_UNSAFE, "'new/below'", "name");
	assert_true(is_there("new"));
}

static void test_grant(void **state)
{
	(void)state;
	struct err err;
	struct stat st;
	AUTO_CLOSE int fd = -1;
	assert_int_equal(fsx_open_own(scratch.fd, "plain", &fd, &err), 0);
	mode_t mask = umask(0077);
	int r = fsx_grant(fd, "plain", (uid_t)-1, (gid_t)-1, 0644, &err);
	(void)umask(mask);
	assert_int_equal(r, 0);
	assert_int_equal(fsx_stat_at(scratch.fd, "plain", &st, &err), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	assert_int_equal(st.st_uid, geteuid());
	/* one's own again is always allowed */
	assert_int_equal(fsx_grant(fd, "plain", geteuid(), getegid(), 0600,
				   &err),
			 0);
	assert_int_equal(fsx_stat_at(scratch.fd, "plain", &st, &err), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	expect_error(fsx_grant(-1, "plain", (uid_t)-1, (gid_t)-1, 0600, &err),
		     &err, ERR_IO, "owner of 'plain'", "descriptor");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_remove_dir),
		TEST(test_grant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
