/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/children.h"
#include "base/err.h"
#include "base/mem.h"
#include "scratch.h"

#define WAIT_MS 20000
#define START INT64_C(1000000)
#define LIMIT (60 * CLOCK_SECOND)

/* Time is what the tests say it is; the children are real. */
struct place {
	struct scratch scratch;
	struct children children;
	char *env[2];
	int owners[4];
};

static int setup(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));
	scratch_make(&p->scratch);
	p->env[0] = xasprintf("D=%s", p->scratch.path);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	struct child_over over;
	int64_t now = START;
	while (p->children.count > 0) { /* of a test that failed */
		children_kill(&p->children);
		(void)children_take(&p->children, now, true, &over);
		now += CHILDREN_MERCY;
	}
	children_release(&p->children);
	scratch_remove(&p->scratch);
	free(p->env[0]);
	free(p);
	return 0;
}

/* --- help --- */

static pid_t start(struct place *p, size_t owner, const char *script)
{
	char *text = xstrdup(script);
	char sh[] = "/bin/sh";
	char option[] = "-c";
	char *argv[] = { sh, option, text, NULL };
	struct proc proc;
	struct err err;
	if (proc_start(argv, p->env, &proc, &err) < 0)
		fail_msg("%s", err.text);
	free(text);
	children_add(&p->children, &p->owners[owner], &proc, START, LIMIT);
	return proc.pid;
}

static void wait_for_file(const struct place *p, const char *name)
{
	struct stat st;
	for (int waited = 0; fstatat(p->scratch.fd, name, &st, 0) < 0;
	     waited += 10) {
		assert_true(waited < WAIT_MS);
		(void)poll(NULL, 0, 10);
	}
}

static bool has_file(const struct place *p, const char *name)
{
	struct stat st;
	return fstatat(p->scratch.fd, name, &st, 0) == 0;
}

/* Real time goes by, that of the children stands still. */
static struct child_over take_at(struct place *p, int64_t now_ns, bool stop)
{
	struct child_over over;
	for (int waited = 0; !children_take(&p->children, now_ns, stop, &over);
	     waited += 10) {
		assert_true(waited < WAIT_MS);
		(void)poll(NULL, 0, 10);
	}
	return over;
}

static void assert_none_at(struct place *p, int64_t now_ns, bool stop)
{
	struct child_over over;
	assert_false(children_take(&p->children, now_ns, stop, &over));
}

static void wait_zombie(const struct place *p, size_t i)
{
	for (int waited = 0; !proc_ended(&p->children.list[i].proc);
	     waited += 10) {
		assert_true(waited < WAIT_MS);
		(void)poll(NULL, 0, 10);
	}
}

/* --- ends by themselves --- */

static void test_ends_well(void **state)
{
	struct place *p = *state;
	pid_t pid = start(p, 0, "exit 0");
	struct child_over over = take_at(p, START + 5, false);
	assert_ptr_equal(over.owner, &p->owners[0]);
	assert_int_equal(over.took_ns, 5);
	assert_string_equal(over.reason, "");
	assert_int_equal(p->children.count, 0);
	assert_false(proc_exists(pid));
	assert_none_at(p, START + 5, false);
}

static void test_ends_badly(void **state)
{
	struct place *p = *state;
	(void)start(p, 0, "exit 3");
	assert_string_equal(take_at(p, START, false).reason, "exit=3");
	(void)start(p, 0, "kill -11 $$");
	assert_string_equal(take_at(p, START, false).reason, "signal=11");
}

static void test_each_once_with_its_owner(void **state)
{
	struct place *p = *state;
	bool seen[3] = { false };
	(void)start(p, 0, "exit 0");
	(void)start(p, 1, "exit 1");
	(void)start(p, 2, "exit 2");
	for (int i = 0; i < 3; i++) {
		struct child_over over = take_at(p, START, false);
		ptrdiff_t owner = (int *)over.owner - p->owners;
		assert_in_range(owner, 0, 2);
		assert_false(seen[owner]);
		seen[owner] = true;
		assert_string_equal(over.reason, owner == 0 ? "" :
						 owner == 1 ? "exit=1" :
							      "exit=2");
	}
}

/* --- the time limit --- */

static void test_limit(void **state)
{
	struct place *p = *state;
	pid_t pid = start(p, 0, "exec sleep 600");
	assert_none_at(p, START + LIMIT - 1, false);
	assert_true(proc_exists(pid));
	int64_t termed = START + LIMIT;
	assert_none_at(p, termed, false);
	wait_zombie(p, 0);
	/* not before the rest of its group had its mercy */
	assert_none_at(p, termed + CHILDREN_MERCY - 1, false);
	struct child_over over = take_at(p, termed + CHILDREN_MERCY, false);
	assert_non_null(strstr(over.reason, "60.000 seconds"));
	assert_false(proc_exists(pid));
}

/* A leader that says that all is well does not make it so. */
static void test_exit_0_after_the_limit(void **state)
{
	struct place *p = *state;
	(void)start(p, 0,
		    "trap 'exit 0' TERM; : >$D/ready; "
		    "while :; do sleep 0.02; done");
	wait_for_file(p, "ready");
	assert_none_at(p, START + LIMIT, false);
	wait_zombie(p, 0);
	struct child_over over = take_at(p, START + LIMIT + CHILDREN_MERCY,
					 false);
	assert_non_null(strstr(over.reason, "60.000 seconds"));
}

static void test_term_is_ignored(void **state)
{
	struct place *p = *state;
	(void)start(p, 0,
		    "trap '' TERM; : >$D/ready; while :; do sleep 0.02; done");
	wait_for_file(p, "ready");
	int64_t termed = START + LIMIT;
	assert_none_at(p, termed, false);
	assert_none_at(p, termed + CHILDREN_MERCY - 1, false);
	assert_false(proc_ended(&p->children.list[0].proc));
	struct child_over over = take_at(p, termed + CHILDREN_MERCY, false);
	assert_non_null(strstr(over.reason, "60.000 seconds"));
}

/* The group's rest can clean up, and is killed if it does not. */
static void test_grandchildren(void **state)
{
	struct place *p = *state;
	(void)start(p, 0,
		    "sh -c 'trap \"sleep 0.1; : >\\$D/cleaned; exit\" TERM; "
		    ": >$D/one; while :; do sleep 0.02; done' & "
		    "sh -c 'trap \"\" TERM; echo $$ >$D/part; "
		    "mv \"$D/part\" \"$D/two\"; while :; do sleep 0.02; done' & "
		    "wait");
	wait_for_file(p, "one");
	wait_for_file(p, "two");
	int fd = openat(p->scratch.fd, "two", O_RDONLY | O_CLOEXEC);
	char text[32] = "";
	assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	assert_int_equal(close(fd), 0);
	AUTO_FREE char *line = xasprintf("/proc/%.*s/cmdline",
					 (int)strspn(text, "0123456789"), text);
	assert_none_at(p, START + LIMIT, false);
	wait_zombie(p, 0);
	wait_for_file(p, "cleaned");
	(void)take_at(p, START + LIMIT + CHILDREN_MERCY, false);
	for (int waited = 0;; waited += 10) { /* a zombie has no cmdline */
		char byte;
		fd = open(line, O_RDONLY | O_CLOEXEC);
		bool gone = fd < 0 || read(fd, &byte, 1) <= 0;
		if (fd >= 0)
			(void)close(fd);
		if (gone)
			break;
		assert_true(waited < WAIT_MS);
		(void)poll(NULL, 0, 10);
	}
}

/* What a program leaves behind is its own affair, as long as it ends in time. */
static void test_what_is_left_behind_lives(void **state)
{
	struct place *p = *state;
	(void)start(
		p, 0,
		"( : >$D/ready; while test ! -e \"$D/go\"; do sleep 0.02; done; "
		": >$D/after ) & exit 0");
	wait_for_file(p, "ready");
	assert_string_equal(take_at(p, START, false).reason, "");
	assert_false(has_file(p, "after"));
	scratch_write(&p->scratch, "go", "");
	wait_for_file(p, "after");
}

/* --- stopping --- */

static void test_stop(void **state)
{
	struct place *p = *state;
	(void)start(p, 0, "exec sleep 600");
	assert_none_at(p, START + 1, true);
	wait_zombie(p, 0);
	struct child_over over = take_at(p, START + 1 + CHILDREN_MERCY, true);
	assert_non_null(strstr(over.reason, "told to stop"));
}

/* One that has ended well before anybody looked has ended well. */
static void test_stop_comes_too_late(void **state)
{
	struct place *p = *state;
	(void)start(p, 0, "exit 0");
	wait_zombie(p, 0);
	assert_string_equal(take_at(p, START + LIMIT + 1, true).reason, "");
}

/* --- waiting --- */

static void test_poll(void **state)
{
	struct place *p = *state;
	struct pollfd fds[2];
	assert_int_equal(children_poll(&p->children, START, fds), INT64_MAX);
	if (scratch_on_valgrind())
		skip();
	(void)start(p, 0, "exec sleep 600");
	(void)start(p, 1, "exec sleep 600");
	p->children.list[1].due_ns = START + 7;
	assert_int_equal(children_poll(&p->children, START, fds), START + 7);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(fds[i].fd, p->children.list[i].proc.fd);
	/* in its mercy a zombie must not wake anybody all the time */
	assert_none_at(p, START + 7, false);
	wait_zombie(p, 1);
	assert_int_equal(children_poll(&p->children, START + 7, fds),
			 START + 7 + CHILDREN_MERCY);
	assert_int_equal(fds[1].fd, -1);
}

/* Where the system has no such descriptors we look ten times a second. */
static void test_poll_without_descriptors(void **state)
{
	struct place *p = *state;
	struct pollfd fds[1];
	(void)start(p, 0, "exec sleep 600");
	mem_auto_close(&p->children.list[0].proc.fd);
	p->children.list[0].proc.fd = -1;
	assert_int_equal(children_poll(&p->children, START, fds),
			 START + CLOCK_SECOND / 10);
	assert_int_equal(fds[0].fd, -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ends_well),
		TEST(test_ends_badly),
		TEST(test_each_once_with_its_owner),
		TEST(test_limit),
		TEST(test_exit_0_after_the_limit),
		TEST(test_term_is_ignored),
		TEST(test_grandchildren),
		TEST(test_what_is_left_behind_lives),
		TEST(test_stop),
		TEST(test_stop_comes_too_late),
		TEST(test_poll),
		TEST(test_poll_without_descriptors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
