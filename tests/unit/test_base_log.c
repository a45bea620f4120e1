/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "scratch.h"

#define THREADS 4
#define LINES 200

/* --- what standard error receives --- */

static FILE *caught;
static int kept_stderr = -1;

static void catch_stderr(void)
{
	caught = tmpfile();
	assert_non_null(caught);
	kept_stderr = dup(STDERR_FILENO);
	assert_true(kept_stderr >= 0);
	assert_int_equal(dup2(fileno(caught), STDERR_FILENO), STDERR_FILENO);
}

/* The text so far, to be freed; standard error is as before. */
static char *caught_text(void)
{
	assert_int_equal(dup2(kept_stderr, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(close(kept_stderr), 0);
	long size = fseek(caught, 0, SEEK_END) == 0 ? ftell(caught) : -1;
	assert_true(size >= 0);
	rewind(caught);
	char *text = calloc(1, (size_t)size + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)size, caught), (size_t)size);
	assert_int_equal(fclose(caught), 0);
	return text;
}

/* "2026-11-22T07:06:00.123Z info   " */
#define HEAD_LEN 32

static void expect_body(const char *line, const char *body)
{
	assert_true(strlen(line) > HEAD_LEN);
	assert_string_equal(line + HEAD_LEN, body);
}

static void test_line(void **state)
{
	(void)state;
	catch_stderr();
	errno = EDOM;
	log_event(LOG_LEVEL_INFO, "sent", "X26ABC1", "id=%s size=%d", "A1", 7);
	int after = errno;
	char *text = caught_text();
	assert_int_equal(after, EDOM);
	expect_body(text, "sent mailbox=X26ABC1 id=A1 size=7\n");
	assert_memory_equal(text + 24, " info   ", 8);
	text[24] = '\0';
	int64_t when = 0;
	assert_true(clock_parse(text, &when));
	int64_t age = clock_wall_ns() - when;
	assert_true(age >= 0 && age < 3600 * CLOCK_SECOND);
	free(text);
}

/* A log that cannot be written changes nothing, not even errno. */
static void test_full_disk(void **state)
{
	(void)state;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(full >= 0);
	catch_stderr();
	int to = dup2(full, STDERR_FILENO);
	errno = EDOM;
	log_event(LOG_LEVEL_INFO, "lost", NULL, "n=%d", 1);
	int after = errno;
	char *text = caught_text();
	assert_int_equal(to, STDERR_FILENO);
	assert_int_equal(after, EDOM);
	assert_string_equal(text, "");
	free(text);
	assert_int_equal(close(full), 0);
}

static void test_empty_parts(void **state)
{
	(void)state;
	const char *const nothing = "";
	catch_stderr();
	log_event(LOG_LEVEL_WARNING, "started", NULL, "%s", nothing);
	char *text = caught_text();
	expect_body(text, "started\n");
	assert_memory_equal(text + 24, " warn   ", 8);
	free(text);
}

static void test_foreign_text(void **state)
{
	(void)state;
	catch_stderr();
	log_event(LOG_LEVEL_ERROR, "bad-name", "M", "name=\"%s\"",
		  "a\n2026 error \x1b[2J\xc2\x9b\xff caf\xc3\xa9");
	char *text = caught_text();
	expect_body(text, "bad-name mailbox=M name=\"a\\x0a2026 error "
			  "\\x1b[2J\\xc2\\x9b\\xff caf\xc3\xa9\"\n");
	free(text);
}

/* A name cannot end its value and go on with facts of its own. */
static void test_forged_fact(void **state)
{
	(void)state;
	catch_stderr();
	log_event(LOG_LEVEL_INFO, "sent", "M",
		  "file=\"%s\" n=%d reason=\"%s\"%s", "a\" job=X \"b\x01", 1,
		  "of 'c\"'", " to=\"d\"");
	char *text = caught_text();
	expect_body(text,
		    "sent mailbox=M file=\"a\\x22 job=X \\x22b\\x01\" n=1 "
		    "reason=\"of 'c\\x22'\" to=\"d\"\n");
	free(text);
}

static void test_levels(void **state)
{
	(void)state;
	catch_stderr();
	log_event(LOG_LEVEL_DEBUG, "dropped", NULL, "%d", 1);
	log_set_level(LOG_LEVEL_ERROR);
	log_event(LOG_LEVEL_WARNING, "dropped", NULL, "%d", 2);
	log_event(LOG_LEVEL_ERROR, "said", NULL, "%d", 3);
	log_set_level(LOG_LEVEL_INFO);
	char *text = caught_text();
	expect_body(text, "said 3\n");
	free(text);
}

static void expect_cut(char fill, size_t count, const char *end)
{
	char *long_text = calloc(1, count + 1);
	assert_non_null(long_text);
	memset(long_text, fill, count);
	catch_stderr();
	log_event(LOG_LEVEL_INFO, "long", NULL, "%s", long_text);
	char *text = caught_text();
	size_t len = strlen(text);
	assert_in_range(len, 4090, 4096);
	assert_string_equal(text + len - strlen(end), end);
	assert_ptr_equal(strchr(text, '\n'), text + len - 1);
	free(text);
	free(long_text);
}

static void test_long_lines(void **state)
{
	(void)state;
	/* head and "long " and the line feed leave 4058 */
	expect_cut('x', 4096 - HEAD_LEN - 6, "xxxxxx\n");
	expect_cut('x', 4096 - HEAD_LEN - 5, "xxx...\n");
	expect_cut('x', 100000, "xxx...\n");
	expect_cut('\n', 2000, "\\x0a...\n");
	expect_cut(' ', 5000, "   ...\n");
}

static void *write_lines(void *arg)
{
	const char *name = arg;
	for (int i = 0; i < LINES; i++)
		log_event(LOG_LEVEL_INFO, "event", name, "n=%d", i);
	return NULL;
}

/* No line is lost or mixed with another. */
static void test_threads(void **state)
{
	(void)state;
	static char mailboxes[THREADS][4] = { "M0", "M1", "M2", "M3" };
	pthread_t threads[THREADS];
	catch_stderr();
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines,
						mailboxes[i]),
				 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	char *text = caught_text();
	int next[THREADS] = { 0 };
	char *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		int who = 0;
		int n = 0;
		assert_int_equal(sscanf(line + HEAD_LEN,
					"event mailbox=M%1d n=%d", &who, &n),
				 2);
		assert_in_range(who, 0, THREADS - 1);
		assert_int_equal(n, next[who]++);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(next[i], LINES);
	free(text);
}

/* --- under systemd --- */

/* What this program writes when it is started again as a child. */
static int journal_child(void)
{
	log_event(LOG_LEVEL_ERROR, "broken", "M", "code=%d", 3);
	log_event(LOG_LEVEL_INFO, "fine", NULL, "code=%d", 0);
	return 0;
}

/* Whether to use the journal's form is decided once, hence a new process. */
static void test_journal(void **state)
{
	(void)state;
	if (scratch_on_valgrind())
		skip();
	catch_stderr();
	pid_t pid = fork();
	if (pid == 0) {
		char self[] = "/proc/self/exe";
		char mode[] = "journal";
		char *const argv[] = { self, mode, NULL };
		if (setenv("JOURNAL_STREAM", "1:2", 1) == 0)
			(void)execv(self, argv); /* returns only on failure */
		_exit(1);
	}
	int status = -1;
	pid_t ended = pid > 0 ? waitpid(pid, &status, 0) : -1;
	char *text = caught_text();
	assert_true(ended > 0);
	assert_int_equal(status, 0);
	assert_string_equal(text, "<3>broken mailbox=M code=3\n"
				  "<6>fine code=0\n");
	free(text);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "journal") == 0)
		return journal_child();
	/* the tests may run under systemd themselves */
	if (unsetenv("JOURNAL_STREAM") < 0)
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_empty_parts),
		cmocka_unit_test(test_foreign_text),
		cmocka_unit_test(test_forged_fact),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_journal),
	};
	return cmocka_run_group_tests_name("base_log", tests, NULL, NULL);
}
