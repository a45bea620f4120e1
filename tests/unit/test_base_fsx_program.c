/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* Which files base/fsx takes for a program that may be run. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fsx.h"
#include "scratch.h"

static struct scratch dir;

static int set_up(void **state)
{
	(void)state;
	scratch_make(&dir);
	scratch_write(&dir, "program", "#!/bin/sh\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(&dir);
	return 0;
}

/* 0 when it is taken; why is then not looked at. */
static void expect(const char *name, int code, const char *why)
{
	char path[PATH_MAX];
	struct err err;
	scratch_path(&dir, name, path);
	assert_int_equal(fsx_check_program(path, &err), -code);
	if (code != 0) {
		assert_non_null(strstr(err.text, path));
		assert_non_null(strstr(err.text, why));
	}
}

static void set_mode(mode_t mode)
{
	assert_int_equal(fchmodat(dir.fd, "program", mode, 0), 0);
}

static void goes_by_the_mode(void **state)
{
	(void)state;
	set_mode(0700);
	expect("program", 0, "");
	set_mode(0775); /* a group that may write it is the operator's */
	expect("program", 0, "");
	set_mode(0702);
	expect("program", ERR_UNSAFE, "everybody may write it");
	set_mode(0600);
	expect("program", ERR_DENIED, "cannot run");
}

/* It is run, not read. */
static void needs_no_right_to_read(void **state)
{
	(void)state;
	set_mode(0111);
	expect("program", 0, "");
}

/* As in /etc/alternatives. */
static void follows_links(void **state)
{
	(void)state;
	set_mode(0755);
	assert_int_equal(symlinkat("program", dir.fd, "link"), 0);
	assert_int_equal(symlinkat("nothing", dir.fd, "dangling"), 0);
	expect("link", 0, "");
	expect("dangling", ERR_MISSING, "No such file");
}

static void takes_regular_files_only(void **state)
{
	(void)state;
	scratch_mkdir(&dir, "folder", 0755);
	assert_int_equal(mkfifoat(dir.fd, "fifo", 0755), 0);
	expect("folder", ERR_UNSAFE, "not a regular file");
	expect("fifo", ERR_UNSAFE, "not a regular file");
	expect("missing", ERR_MISSING, "No such file");
	expect("program/x", ERR_MISSING, "Not a directory");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(goes_by_the_mode),
		TEST(needs_no_right_to_read),
		TEST(follows_links),
		TEST(takes_regular_files_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
