/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/hooks.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "scratch.h"

#define WAIT_MS 30000
#define TEXT_MAX 8192
#define HOUR (3600 * CLOCK_SECOND)

/* A runner whose children write into a folder, $D. */
struct place {
	struct scratch scratch;
	struct hooks *hooks;
};

static int setup(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));
	scratch_make(&p->scratch);
	p->hooks = hooks_new();
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	hooks_abandon(p->hooks); /* so that none is waited for */
	p->hooks = hooks_free(p->hooks);
	assert_null(p->hooks);
	scratch_remove(&p->scratch);
	free(p);
	return 0;
}

/* --- help --- */

static struct hook *make(const struct place *p, const char *mailbox,
			 const char *program, const char *script)
{
	struct hook *hook = xcalloc(1, sizeof(*hook));
	(void)snprintf(hook->mailbox, sizeof(hook->mailbox), "%s", mailbox);
	hook->event = "on_receive";
	hook->about = xstrdup("message=M");
	hook->argv = xcalloc(4, sizeof(*hook->argv));
	hook->argv[0] = xstrdup(program);
	if (script) {
		hook->argv[1] = xstrdup("-c");
		hook->argv[2] = xstrdup(script);
	}
	hook->env = xcalloc(2, sizeof(*hook->env));
	hook->env[0] = xasprintf("D=%s", p->scratch.path);
	hook->timeout_ns = HOUR;
	hook->parallel = 1;
	return hook;
}

static void add(const struct place *p, const char *mailbox, const char *script)
{
	hooks_add(p->hooks, make(p, mailbox, "/bin/sh", script));
}

static struct hooks_counts counts_of(const struct place *p, const char *mailbox)
{
	struct hooks_counts counts;
	hooks_counts(p->hooks, mailbox, &counts);
	return counts;
}

#define wait_until(condition)                                  \
	for (int waited_ = 0; !(condition); waited_ += 10) {   \
		if (waited_ > WAIT_MS)                         \
			fail_msg("still not: %s", #condition); \
		(void)poll(NULL, 0, 10);                       \
	}

static bool has_file(const struct place *p, const char *name)
{
	struct stat st;
	return fstatat(p->scratch.fd, name, &st, 0) == 0;
}

static void read_back(const struct place *p, const char *name,
		      char ret[TEXT_MAX])
{
	int fd = openat(p->scratch.fd, name, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	ssize_t n = read(fd, ret, TEXT_MAX - 1);
	assert_true(n >= 0);
	ret[n] = '\0';
	assert_int_equal(close(fd), 0);
}

/* --- the usual --- */

static void test_nothing_to_do(void **state)
{
	struct place *p = *state;
	assert_true(hooks_idle(p->hooks));
	assert_int_equal(hooks_ended(p->hooks), 0);
	struct hooks_counts counts = counts_of(p, "A");
	assert_int_equal(counts.run + counts.waiting, 0);
	hooks_stop_soon(p->hooks);
	hooks_stop_now(p->hooks);
}

/* Of the tool, and of tests. */
static void test_no_runner(void **state)
{
	struct place *p = *state;
	struct hooks_counts counts = { .run = 7 };
	hooks_add(NULL, make(p, "A", "/bin/true", NULL));
	hooks_counts(NULL, "A", &counts);
	assert_int_equal(counts.run, 0);
	assert_true(hooks_idle(NULL));
	assert_int_equal(hooks_ended(NULL), 0);
	hooks_wake(NULL, 1);
	hooks_stop_soon(NULL);
	hooks_stop_now(NULL);
	hooks_abandon(NULL);
	assert_null(hooks_free(NULL));
	assert_null(hook_free(NULL));
}

static void test_ends_are_counted(void **state)
{
	struct place *p = *state;
	int wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_true(wake >= 0);
	hooks_wake(p->hooks, wake);
	hooks_add(p->hooks, make(p, "A", "/bin/true", NULL));
	hooks_add(p->hooks, make(p, "A", "/bin/false", NULL));
	hooks_add(p->hooks, make(p, "B", "/bin/true", NULL));
	hooks_add(p->hooks, make(p, "A", "/nowhere/missing", NULL));
	add(p, "A", "kill -9 $$");
	wait_until(hooks_idle(p->hooks));
	struct hooks_counts a = counts_of(p, "A");
	struct hooks_counts b = counts_of(p, "B");
	assert_int_equal(a.run, 4);
	assert_int_equal(a.failed, 3);
	assert_int_equal(a.waiting + a.dropped, 0);
	assert_int_equal(b.run, 1);
	assert_int_equal(b.failed, 0);
	assert_int_equal(hooks_ended(p->hooks), 5);
	uint64_t rings = 0;
	assert_int_equal(read(wake, &rings, sizeof(rings)), sizeof(rings));
	assert_true(rings > 0);
	hooks_wake(p->hooks, -1);
	assert_int_equal(close(wake), 0);
}

/* Not one of them is left as a zombie, and no descriptor. */
static void test_nothing_is_left(void **state)
{
	struct place *p = *state;
	hooks_add(p->hooks, make(p, "A", "/bin/true", NULL));
	wait_until(hooks_idle(p->hooks));
	size_t before = scratch_count_fds();
	for (int i = 0; i < 30; i++)
		hooks_add(p->hooks, make(p, "A", "/bin/true", NULL));
	wait_until(hooks_idle(p->hooks));
	assert_int_equal(scratch_count_fds(), before);
	siginfo_t info;
	assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT),
			 -1);
	assert_int_equal(errno, ECHILD);
}

/* --- order --- */

static void test_in_order(void **state)
{
	struct place *p = *state;
	char wanted[TEXT_MAX] = "";
	for (int i = 0; i < 40; i++) {
		AUTO_FREE char *script = xasprintf("echo %d >>$D/order", i);
		add(p, "A", script);
		size_t len = strlen(wanted);
		(void)snprintf(wanted + len, sizeof(wanted) - len, "%d\n", i);
	}
	wait_until(hooks_idle(p->hooks));
	char text[TEXT_MAX];
	read_back(p, "order", text);
	assert_string_equal(text, wanted);
}

/* Each holds a file while it runs, and counts those of the others. */
static const char crowd[] =
	": >$D/run.$$; ls \"$D\"/run.* | wc -l >>$D/crowd; "
	"while test ! -e \"$D/go\"; do sleep 0.02; done; rm \"$D/run.$$\"";

static void test_so_many_at_a_time(void **state)
{
	struct place *p = *state;
	for (int i = 0; i < 8; i++) {
		struct hook *hook = make(p, "A", "/bin/sh", crowd);
		hook->parallel = 3;
		hooks_add(p->hooks, hook);
	}
	char text[TEXT_MAX] = "";
	wait_until(has_file(p, "crowd") &&
		   (read_back(p, "crowd", text), strlen(text) == 6));
	assert_int_equal(counts_of(p, "A").waiting, 8);
	scratch_write(&p->scratch, "go", "");
	wait_until(hooks_idle(p->hooks));
	read_back(p, "crowd", text);
	assert_int_equal(strlen(text), 16); /* a digit and a line feed each */
	for (size_t i = 0; text[i] != '\0'; i += 2)
		assert_in_range(text[i], '1', '3');
	assert_int_equal(counts_of(p, "A").run, 8);
}

/* One that hangs holds up its own mailbox and no other. */
static void test_lanes(void **state)
{
	struct place *p = *state;
	add(p, "A", "while test ! -e \"$D/go\"; do sleep 0.02; done");
	add(p, "A", ": >$D/second");
	add(p, "B", "exit 0");
	wait_until(counts_of(p, "B").run == 1);
	assert_false(has_file(p, "second"));
	assert_int_equal(counts_of(p, "A").waiting, 2);
	scratch_write(&p->scratch, "go", "");
	wait_until(hooks_idle(p->hooks));
	assert_true(has_file(p, "second"));
}

/* --- too many --- */

static void test_full(void **state)
{
	struct place *p = *state;
	if (scratch_on_valgrind())
		skip(); /* what does not start is looked at ten times a second */
	add(p, "A",
	    ": >$D/first; while test ! -e \"$D/go\"; do sleep 0.02; done");
	wait_until(has_file(p, "first"));
	clock_t before = clock();
	for (size_t i = 0; i < HOOKS_QUEUED_MOST + 5; i++)
		hooks_add(p->hooks, make(p, "A", "/nowhere/missing", NULL));
	assert_true(clock() - before < 10 * CLOCKS_PER_SEC);
	struct hooks_counts counts = counts_of(p, "A");
	assert_int_equal(counts.waiting, HOOKS_QUEUED_MOST + 1);
	assert_int_equal(counts.dropped, 5);
	hooks_add(p->hooks, make(p, "B", "/bin/true", NULL));
	wait_until(counts_of(p, "B").run == 1);
	scratch_write(&p->scratch, "go", "");
	wait_until(hooks_idle(p->hooks));
	add(p, "A", ": >$D/after");
	wait_until(hooks_idle(p->hooks));
	assert_true(has_file(p, "after"));
	counts = counts_of(p, "A");
	assert_int_equal(counts.run, HOOKS_QUEUED_MOST + 2);
	assert_int_equal(counts.failed, HOOKS_QUEUED_MOST);
	assert_int_equal(counts.dropped, 5);
}

/* --- the time limit --- */

/* A shell that is not let go on has no trap yet, or is killed in it: then once
 * more, with more time. */
static void test_limit(void **state)
{
	struct place *p = *state;
	uint64_t tries = 0;
	for (int64_t limit_ns = CLOCK_SECOND / 2; !has_file(p, "term");
	     limit_ns *= 2) {
		assert_true(tries++ < 5);
		struct hook *hook = make(p, "A", "/bin/sh",
					 "trap ': >$D/term; exit 0' TERM; "
					 "while :; do sleep 0.02; done");
		hook->timeout_ns = limit_ns;
		hooks_add(p->hooks, hook);
		add(p, "A", ": >$D/next");
		wait_until(hooks_idle(p->hooks));
		struct hooks_counts counts = counts_of(p, "A");
		assert_int_equal(counts.run, 2 * tries);
		assert_int_equal(counts.failed, tries);
		assert_true(has_file(p, "next"));
	}
}

/* --- stopping --- */

static void test_stop_soon(void **state)
{
	struct place *p = *state;
	add(p, "A",
	    ": >$D/runs; while test ! -e \"$D/go\"; do sleep 0.02; done");
	add(p, "A", ": >$D/second");
	wait_until(has_file(p, "runs"));
	hooks_stop_soon(p->hooks);
	add(p, "A", ": >$D/third");
	assert_false(hooks_idle(p->hooks));
	assert_int_equal(counts_of(p, "A").waiting, 1);
	assert_int_equal(counts_of(p, "A").dropped, 2);
	scratch_write(&p->scratch, "go", "");
	wait_until(hooks_idle(p->hooks));
	struct hooks_counts counts = counts_of(p, "A");
	assert_int_equal(counts.run, 1);
	assert_int_equal(counts.failed, 0);
	assert_false(has_file(p, "second") || has_file(p, "third"));
}

static void test_stop_now(void **state)
{
	struct place *p = *state;
	add(p, "A", "trap '' TERM; : >$D/runs; while :; do sleep 0.02; done");
	wait_until(has_file(p, "runs"));
	hooks_stop_now(p->hooks);
	wait_until(hooks_idle(p->hooks));
	assert_int_equal(counts_of(p, "A").failed, 1);
}

static void test_abandon(void **state)
{
	struct place *p = *state;
	add(p, "A", "trap '' TERM; : >$D/runs; while :; do sleep 0.02; done");
	wait_until(has_file(p, "runs"));
	hooks_abandon(p->hooks);
	wait_until(hooks_idle(p->hooks));
	assert_int_equal(counts_of(p, "A").failed, 1);
}

/* A child may be at work before its runner has noted it: each start meets the
 * order at another moment. */
static void test_abandon_while_starting(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++) {
		void *each = NULL;
		assert_int_equal(setup(&each), 0);
		struct place *p = each;
		add(p, "A", "trap '' TERM; while :; do sleep 0.02; done");
		(void)poll(NULL, 0, i % 4);
		hooks_abandon(p->hooks);
		hooks_stop_soon(p->hooks);
		wait_until(hooks_idle(p->hooks));
		assert_int_equal(teardown(&each), 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_to_do),
		TEST(test_no_runner),
		TEST(test_ends_are_counted),
		TEST(test_nothing_is_left),
		TEST(test_in_order),
		TEST(test_so_many_at_a_time),
		TEST(test_lanes),
		TEST(test_full),
		TEST(test_limit),
		TEST(test_stop_soon),
		TEST(test_stop_now),
		TEST(test_abandon),
		cmocka_unit_test(test_abandon_while_starting),
	};
	log_set_level(LOG_LEVEL_ERROR); /* they fail on purpose */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
