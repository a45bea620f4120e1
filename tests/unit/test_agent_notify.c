/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/notify.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "scratch.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define NAME_AT offsetof(struct sockaddr_un, sun_path)
/* Bytes of the longest name that leaves room for a NUL. */
#define NAME_MOST (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

/* --- the other side --- */

struct listener {
	struct scratch scratch;
	int fd;
};

static int setup(void **state)
{
	struct listener *l = xcalloc(1, sizeof(*l));
	scratch_make(&l->scratch);
	l->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(l->fd >= 0);
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
	assert_int_equal(unsetenv("WATCHDOG_PID"), 0);
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	struct listener *l = *state;
	assert_int_equal(close(l->fd), 0);
	scratch_remove(&l->scratch);
	free(l);
	return 0;
}

static void say_where(const char *name)
{
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
}

/* Listens at a path below the scratch directory and says so. */
static void listen_at_path(const struct listener *l, const char *name)
{
	char path[PATH_MAX];
	scratch_path(&l->scratch, name, path);
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	assert_true(text_copy(at.sun_path, sizeof(at.sun_path), path));
	assert_int_equal(bind(l->fd, (const struct sockaddr *)&at, sizeof(at)),
			 0);
	say_where(path);
}

/* Listens at an abstract name: len bytes after the NUL that starts it. */
static void listen_at_abstract(const struct listener *l, const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	size_t len = strlen(name);
	assert_in_range(len, 1, NAME_MOST);
	memcpy(at.sun_path + 1, name, len);
	assert_int_equal(bind(l->fd, (const struct sockaddr *)&at,
			      (socklen_t)(NAME_AT + 1 + len)),
			 0);
	AUTO_FREE char *said = xasprintf("@%s", name);
	say_where(said);
}

/* A name that no test at the same time has. */
static void own_name(char *ret, size_t size)
{
	int n = snprintf(ret, size, "meshdrop-unit-%ld-%lld", (long)getpid(),
			 (long long)clock_mono_ns());
	assert_in_range(n, 1, size - 1);
}

/* A datagram to such a socket is there when sending returns. */
static void assert_heard(const struct listener *l, const char *expected)
{
	char text[512];
	ssize_t n = recv(l->fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, expected);
	assert_int_equal(n, strlen(expected));
}

static void assert_silence(const struct listener *l)
{
	char byte;
	assert_int_equal(recv(l->fd, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

/* --- where to --- */

static void test_path(void **state)
{
	struct listener *l = *state;
	listen_at_path(l, "notify");
	notify_send("WATCHDOG=1\n");
	assert_heard(l, "WATCHDOG=1\n");
	assert_silence(l);
}

static void test_abstract_name(void **state)
{
	struct listener *l = *state;
	char name[64];
	own_name(name, sizeof(name));
	listen_at_abstract(l, name);
	notify_send("WATCHDOG=1\n");
	assert_heard(l, "WATCHDOG=1\n");
	assert_silence(l);
}

static void test_longest_path(void **state)
{
	struct listener *l = *state;
	size_t taken = strlen(l->scratch.path) + 1;
	assert_in_range(taken, 1, NAME_MOST - 1);
	char name[NAME_MOST + 1] = "";
	memset(name, 'n', NAME_MOST - taken);
	listen_at_path(l, name);
	assert_int_equal(strlen(getenv("NOTIFY_SOCKET")), NAME_MOST);
	notify_send("WATCHDOG=1\n");
	assert_heard(l, "WATCHDOG=1\n");
}

static void test_longest_abstract_name(void **state)
{
	struct listener *l = *state;
	char name[NAME_MOST];
	own_name(name, sizeof(name));
	size_t len = strlen(name);
	memset(name + len, 'n', sizeof(name) - 1 - len);
	name[sizeof(name) - 1] = '\0';
	listen_at_abstract(l, name);
	assert_int_equal(strlen(getenv("NOTIFY_SOCKET")), NAME_MOST);
	notify_send("WATCHDOG=1\n");
	assert_heard(l, "WATCHDOG=1\n");
}

/* One byte more than there is room for: nobody gets it, least of all the
 * socket whose name is the beginning of it. */
static void test_too_long_name(void **state)
{
	struct listener *l = *state;
	char name[NAME_MOST];
	own_name(name, sizeof(name));
	size_t len = strlen(name);
	memset(name + len, 'n', sizeof(name) - 1 - len);
	name[sizeof(name) - 1] = '\0';
	listen_at_abstract(l, name);
	AUTO_FREE char *longer = xasprintf("@%sn", name);
	say_where(longer);
	notify_send("WATCHDOG=1\n");
	assert_silence(l);
}

static void test_without_socket_nothing(void **state)
{
	struct listener *l = *state;
	listen_at_path(l, "notify");
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	notify_send("WATCHDOG=1\n");
	notify_ready("running");
	notify_reloading();
	notify_stopping();
	assert_silence(l);
}

/* Only absolute paths and abstract names: a relative one would depend on where
 * we are. */
static void test_other_names_are_ignored(void **state)
{
	struct listener *l = *state;
	listen_at_path(l, "notify");
	static const char *const names[] = { "", "notify", "./notify",
					     "vsock:2:1234" };
	char before[PATH_MAX];
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(fchdir(l->scratch.fd), 0);
	for (size_t i = 0; i < COUNT(names); i++) {
		say_where(names[i]);
		notify_send("WATCHDOG=1\n");
	}
	assert_int_equal(chdir(before), 0);
	assert_silence(l);
}

static void test_nobody_listens(void **state)
{
	struct listener *l = *state;
	size_t fds = scratch_count_fds();
	char path[PATH_MAX];
	scratch_path(&l->scratch, "nobody", path);
	say_where(path);
	notify_send("WATCHDOG=1\n");
	scratch_write(&l->scratch, "nobody", "a file");
	notify_send("WATCHDOG=1\n");
	char name[64];
	own_name(name, sizeof(name));
	AUTO_FREE char *abstract = xasprintf("@%s", name);
	say_where(abstract);
	notify_send("WATCHDOG=1\n");
	say_where("@");
	notify_send("WATCHDOG=1\n");
	assert_int_equal(scratch_count_fds(), fds);
}

static void test_no_descriptor_is_left(void **state)
{
	struct listener *l = *state;
	listen_at_path(l, "notify");
	size_t fds = scratch_count_fds();
	notify_send("WATCHDOG=1\n");
	notify_stopping();
	assert_int_equal(scratch_count_fds(), fds);
}

/* --- what is said --- */

static void test_ready(void **state)
{
	struct listener *l = *state;
	listen_at_path(l, "notify");
	notify_ready("running, 2 mailboxes");
	assert_heard(l, "READY=1\nSTATUS=running, 2 mailboxes\n");
	assert_silence(l);
}

static void test_stopping(void **state)
{
	struct listener *l = *state;
	listen_at_path(l, "notify");
	notify_stopping();
	assert_heard(l, "STOPPING=1\n");
	assert_silence(l);
}

/* Type=notify-reload wants the time with it. */
static void test_reloading(void **state)
{
	static const char head[] = "RELOADING=1\nMONOTONIC_USEC=";
	struct listener *l = *state;
	listen_at_path(l, "notify");
	int64_t before = clock_mono_ns() / 1000;
	notify_reloading();
	int64_t after = clock_mono_ns() / 1000;
	char text[128];
	ssize_t n = recv(l->fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_in_range(n, sizeof(head) + 1, sizeof(text) - 1);
	assert_int_equal(text[n - 1], '\n');
	text[n - 1] = '\0';
	assert_memory_equal(text, head, sizeof(head) - 1);
	uint64_t usec;
	assert_true(text_u64(text + sizeof(head) - 1, INT64_MAX, &usec));
	assert_in_range(usec, before, after);
	assert_silence(l);
}

static void test_messages_stay_apart(void **state)
{
	struct listener *l = *state;
	listen_at_path(l, "notify");
	notify_ready("running");
	notify_send("WATCHDOG=1\n");
	notify_stopping();
	assert_heard(l, "READY=1\nSTATUS=running\n");
	assert_heard(l, "WATCHDOG=1\n");
	assert_heard(l, "STOPPING=1\n");
	assert_silence(l);
}

/* --- the watchdog --- */

struct watchdog_case {
	const char *usec; /* NULL: not set */
	int64_t ns;
};

static void test_watchdog_time(void **state)
{
	(void)state;
	static const struct watchdog_case cases[] = {
		{ NULL, 0 },
		{ "30000000", 30 * CLOCK_SECOND },
		{ "1", 1000 },
		{ "0", 0 },
		{ "9223372036854775", INT64_C(9223372036854775000) },
		{ "9223372036854776", 0 },
		{ "18446744073709551615", 0 },
		{ "99999999999999999999", 0 },
		{ "", 0 },
		{ " 30000000", 0 },
		{ "30000000 ", 0 },
		{ "30000000\n", 0 },
		{ "30s", 0 },
		{ "+1", 0 },
		{ "-1", 0 },
		{ "0x10", 0 },
		{ "1.5", 0 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (cases[i].usec)
			assert_int_equal(setenv("WATCHDOG_USEC", cases[i].usec,
						1),
					 0);
		assert_int_equal(notify_watchdog_ns(), cases[i].ns);
	}
}

static void test_watchdog_pid(void **state)
{
	(void)state;
	AUTO_FREE char *ours = xasprintf("%ld", (long)getpid());
	AUTO_FREE char *other = xasprintf("%ld", (long)getpid() + 1);
	AUTO_FREE char *junk = xasprintf("%ld ", (long)getpid());
	AUTO_FREE char *wrapped = xasprintf("%lld", (long long)getpid() +
							    (INT64_C(1) << 32));
	const char *const others[] = {
		other, junk, wrapped, "0", "", "-1", "x"
	};
	assert_int_equal(setenv("WATCHDOG_USEC", "5", 1), 0);
	assert_int_equal(notify_watchdog_ns(), 5000);
	assert_int_equal(setenv("WATCHDOG_PID", ours, 1), 0);
	assert_int_equal(notify_watchdog_ns(), 5000);
	for (size_t i = 0; i < COUNT(others); i++) {
		assert_int_equal(setenv("WATCHDOG_PID", others[i], 1), 0);
		assert_int_equal(notify_watchdog_ns(), 0);
	}
}

static void test_watchdog_pid_alone(void **state)
{
	(void)state;
	AUTO_FREE char *ours = xasprintf("%ld", (long)getpid());
	assert_int_equal(setenv("WATCHDOG_PID", ours, 1), 0);
	assert_int_equal(notify_watchdog_ns(), 0);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_path),
		TEST(test_abstract_name),
		TEST(test_longest_path),
		TEST(test_longest_abstract_name),
		TEST(test_too_long_name),
		TEST(test_without_socket_nothing),
		TEST(test_other_names_are_ignored),
		TEST(test_nobody_listens),
		TEST(test_no_descriptor_is_left),
		TEST(test_ready),
		TEST(test_stopping),
		TEST(test_reloading),
		TEST(test_messages_stay_apart),
		TEST(test_watchdog_time),
		TEST(test_watchdog_pid),
		TEST(test_watchdog_pid_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
