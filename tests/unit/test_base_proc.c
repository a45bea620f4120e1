/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/proc.h"
#include "scratch.h"

#define WAIT_MS 20000
#define TEXT_MAX 4096
#define HIGH_FD 700 /* where no shell has one of its own */

static int setup(void **state)
{
	struct scratch *scratch = xcalloc(1, sizeof(*scratch));
	scratch_make(scratch);
	*state = scratch;
	return 0;
}

static int teardown(void **state)
{
	struct scratch *scratch = *state;
	scratch_remove(scratch);
	free(scratch);
	return 0;
}

/* --- help --- */

static char *no_env[] = { NULL };

static struct proc start(const char *script, char *const env[])
{
	char *text = xstrdup(script);
	char sh[] = "/bin/sh";
	char option[] = "-c";
	char *argv[] = { sh, option, text, NULL };
	struct proc proc;
	struct err err;
	if (proc_start(argv, env, &proc, &err) < 0)
		fail_msg("%s", err.text);
	free(text);
	return proc;
}

static void wait_end(const struct proc *proc)
{
	struct pollfd fd = { .fd = proc->fd, .events = POLLIN };
	for (int waited = 0; !proc_ended(proc); waited += 10) {
		assert_true(waited < WAIT_MS);
		(void)poll(&fd, 1, 10);
	}
}

static struct proc_end end_of(struct proc *proc)
{
	wait_end(proc);
	struct proc_end end;
	proc_reap(proc, &end);
	assert_int_equal(proc->fd, -1);
	return end;
}

static void run_well(const char *script, char *const env[])
{
	struct proc proc = start(script, env);
	struct proc_end end = end_of(&proc);
	assert_false(end.by_signal);
	assert_int_equal(end.number, 0);
}

/* Scripts get the scratch folder as $D. */
static char **env_of(const struct scratch *scratch)
{
	char **env = xcalloc(2, sizeof(*env));
	env[0] = xasprintf("D=%s", scratch->path);
	return env;
}

static void free_env(char **env)
{
	free(env[0]);
	free(env);
}

static void read_back(const struct scratch *scratch, const char *name,
		      char ret[TEXT_MAX])
{
	int fd = openat(scratch->fd, name, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	ssize_t n = read(fd, ret, TEXT_MAX - 1);
	assert_true(n >= 0);
	ret[n] = '\0';
	assert_int_equal(close(fd), 0);
}

/* --- ends --- */

static void test_exit_status(void **state)
{
	(void)state;
	struct proc proc = start("exit 7", no_env);
	struct proc_end end = end_of(&proc);
	assert_false(end.by_signal);
	assert_int_equal(end.number, 7);
}

static void test_signal(void **state)
{
	(void)state;
	struct proc proc = start("kill -9 $$", no_env);
	struct proc_end end = end_of(&proc);
	assert_true(end.by_signal);
	assert_int_equal(end.number, SIGKILL);
}

/* It can be asked about as often as one likes before it is reaped. */
static void test_ended_reaps_nothing(void **state)
{
	(void)state;
	struct proc proc = start("exit 3", no_env);
	wait_end(&proc);
	assert_true(proc_ended(&proc));
	assert_true(proc_exists(proc.pid));
	assert_int_equal(end_of(&proc).number, 3);
	assert_false(proc_exists(proc.pid));
}

static void test_the_descriptor_tells_the_end(void **state)
{
	(void)state;
	struct proc proc = start("read line", no_env); /* of /dev/null */
	if (proc.fd < 0) {
		(void)end_of(&proc);
		skip();
	}
	struct pollfd fd = { .fd = proc.fd, .events = POLLIN };
	assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
	assert_true(proc_ended(&proc));
	assert_int_equal(end_of(&proc).number, 1);
}

static void test_no_program(void **state)
{
	const struct scratch *scratch = *state;
	if (scratch_on_valgrind())
		skip();
	scratch_write(scratch, "text", "no program\n");
	scratch_write(scratch, "no-format", "no program\n");
	assert_int_equal(fchmodat(scratch->fd, "no-format", 0700, 0), 0);
	const char *const names[] = { "missing", "text", ".", "no-format" };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", scratch->path,
						 names[i]);
		char *argv[] = { path, NULL };
		struct proc proc = { .pid = 42 };
		struct err err;
		int r = proc_start(argv, no_env, &proc, &err);
		assert_true(r < 0);
		if (i == 0)
			assert_int_equal(r, -ERR_MISSING);
		assert_non_null(strstr(err.text, path));
		assert_int_equal(proc.pid, 42);
	}
}

/* PATH has no say. */
static void test_no_search(void **state)
{
	(void)state;
	if (scratch_on_valgrind())
		skip();
	char name[] = "true";
	char *argv[] = { name, NULL };
	struct proc proc;
	assert_int_equal(proc_start(argv, no_env, &proc, NULL), -ERR_MISSING);
}

/* --- what a child gets --- */

static void test_environment_and_folder(void **state)
{
	const struct scratch *scratch = *state;
	char text[TEXT_MAX];
	char **env = env_of(scratch);
	run_well("tr '\\0' '\\n' </proc/$$/environ >$D/env; pwd >$D/pwd", env);
	read_back(scratch, "env", text);
	AUTO_FREE char *wanted = xasprintf("%s\n", env[0]);
	assert_string_equal(text, wanted);
	read_back(scratch, "pwd", text);
	assert_string_equal(text, "/\n");
	free_env(env);
}

/* Even what does not close on exec. */
static void test_descriptors(void **state)
{
	const struct scratch *scratch = *state;
	int inherited = fcntl(STDIN_FILENO, F_DUPFD, HIGH_FD);
	if (inherited < 0 && errno == EINVAL)
		skip(); /* so many are not allowed here */
	assert_true(inherited >= HIGH_FD);
	char text[TEXT_MAX];
	char **env = env_of(scratch);
	run_well("std=$(for fd in 0 1 2; do readlink /proc/$$/fd/$fd; done); "
		 "echo \"$std\" >$D/std; "
		 "for fd in /proc/$$/fd/???*; do test ! -e $fd || exit 1; done",
		 env);
	read_back(scratch, "std", text);
	assert_string_equal(text, "/dev/null\n/dev/null\n/dev/null\n");
	free_env(env);
	assert_int_equal(close(inherited), 0);
}

static void test_signals_are_as_new(void **state)
{
	const struct scratch *scratch = *state;
	sigset_t set;
	sigset_t before;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, &before), 0);
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	char text[TEXT_MAX];
	char **env = env_of(scratch);
	run_well("exec grep -E '^Sig(Blk|Ign)' /proc/self/status >$D/signals",
		 env);
	(void)signal(SIGPIPE, old);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	read_back(scratch, "signals", text);
	uint64_t blocked;
	uint64_t ignored;
	assert_int_equal(sscanf(text, "SigBlk: %" SCNx64 " SigIgn: %" SCNx64,
				&blocked, &ignored),
			 2);
	assert_int_equal(blocked, 0);
	/* 32 and 33 are the C library's own; it leaves them ignored */
	assert_int_equal(ignored & ~UINT64_C(0x180000000), 0);
	free_env(env);
}

/* --- groups --- */

static void test_signal_reaches_the_whole_group(void **state)
{
	const struct scratch *scratch = *state;
	char **env = env_of(scratch);
	struct proc proc = start("sleep 600 & echo $! >$D/part; "
				 "mv \"$D/part\" \"$D/pid\"; wait",
				 env);
	struct stat st;
	for (int waited = 0; fstatat(scratch->fd, "pid", &st, 0) < 0;
	     waited += 10) {
		assert_true(waited < WAIT_MS);
		(void)poll(NULL, 0, 10);
	}
	char text[TEXT_MAX];
	read_back(scratch, "pid", text);
	int grandchild = 0;
	assert_int_equal(sscanf(text, "%d", &grandchild), 1);
	assert_int_equal(getpgid(grandchild), proc.pid);
	assert_int_not_equal(getpgrp(), proc.pid);
	proc_signal(&proc, SIGKILL);
	struct proc_end end = end_of(&proc);
	assert_true(end.by_signal);
	/* its new parent reaps it in its own time: a zombie has no group */
	for (int waited = 0;; waited += 10) {
		assert_true(waited < WAIT_MS);
		AUTO_FREE char *path = xasprintf("/proc/%d/cmdline",
						 grandchild);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		char byte;
		bool gone = fd < 0 || read(fd, &byte, 1) <= 0;
		if (fd >= 0)
			(void)close(fd);
		if (gone)
			break;
		(void)poll(NULL, 0, 10);
	}
	free_env(env);
}

static void test_exists(void **state)
{
	(void)state;
	assert_true(proc_exists(getpid()));
	assert_true(proc_exists(1));
	assert_false(proc_exists(0));
	assert_false(proc_exists(-1));
	assert_false(proc_exists((int64_t)INT32_MAX + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exit_status),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_ended_reaps_nothing),
		cmocka_unit_test(test_the_descriptor_tells_the_end),
		cmocka_unit_test_setup_teardown(test_no_program, setup,
						teardown),
		cmocka_unit_test(test_no_search),
		cmocka_unit_test_setup_teardown(test_environment_and_folder,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptors, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_signals_are_as_new, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_signal_reaches_the_whole_group, setup, teardown),
		cmocka_unit_test(test_exists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
