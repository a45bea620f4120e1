/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What a thread may open once it has restricted itself. Each test does it in a
 * thread of its own, because there is no way back.
 */
#include "config.h"

#include "base/fsx_confine.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <netinet/in.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

struct place {
	char top[64];
	char in[80];
	char out[80];
};

static void make_file(const char *folder, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", folder, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
}

static int set_up(void **state)
{
	struct place *place = xcalloc(1, sizeof(*place));
	(void)snprintf(place->top, sizeof(place->top),
		       "/tmp/meshdrop-confine-XXXXXX");
	assert_non_null(mkdtemp(place->top));
	(void)snprintf(place->in, sizeof(place->in), "%s/in", place->top);
	(void)snprintf(place->out, sizeof(place->out), "%s/out", place->top);
	assert_int_equal(mkdir(place->in, 0755), 0);
	assert_int_equal(mkdir(place->out, 0755), 0);
	make_file(place->in, "a");
	make_file(place->out, "a");
	*state = place;
	return 0;
}

static void remove_file(const char *folder, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", folder, name);
	(void)unlink(path); /* may be gone */
}

static int tear_down(void **state)
{
	struct place *place = *state;
	const char *const names[] = { "a", "b", "sub/c" };
	for (size_t i = 0; i < 3; i++) {
		remove_file(place->in, names[i]);
		remove_file(place->out, names[i]);
	}
	AUTO_FREE char *sub = xasprintf("%s/sub", place->in);
	(void)rmdir(sub); /* only one test makes it */
	assert_int_equal(rmdir(place->in), 0);
	assert_int_equal(rmdir(place->out), 0);
	assert_int_equal(rmdir(place->top), 0);
	free(place);
	return 0;
}

/* --- in the thread: no assertions, they would leave it --- */

/* 0 or an errno. */
static int try_open(const char *folder, const char *name, int flags)
{
	AUTO_FREE char *path = xasprintf("%s/%s", folder, name);
	AUTO_CLOSE int fd = open(path, flags | O_CLOEXEC, 0644);
	return fd < 0 ? errno : 0;
}

static int try_move(const char *from, const char *to, const char *name)
{
	AUTO_FREE char *old = xasprintf("%s/a", from);
	AUTO_FREE char *new = xasprintf("%s/%s", to, name);
	return rename(old, new) < 0 ? errno : 0;
}

static int try_listen(void)
{
	const struct sockaddr_in any = { .sin_family = AF_INET };
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	return bind(fd, (const void *)&any, sizeof(any)) < 0 ? errno : 0;
}

/* Without a file: the first byte is a zero. */
static socklen_t abstract_name(const struct place *place,
			       struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	int len = snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1, "%s",
			   place->top);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)len);
}

static int try_speak(const struct place *place)
{
	struct sockaddr_un to;
	socklen_t len = abstract_name(place, &to);
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	return sendto(fd, "x", 1, 0, (const void *)&to, len) < 0 ? errno : 0;
}

struct found {
	const struct place *place;
	bool change;
	bool speak;
	int entered;
	int read_in;
	int write_in;
	int make_in;
	int move_in;
	int read_out;
	int make_out;
	int move_out;
	int listing;
	int speaking;
};

static int enter(const struct found *found)
{
	AUTO_CLOSE int fd = -1;
	struct err err;
	int r = fsx_confine_new(found->speak, &fd, &err);
	if (r == 0)
		r = fsx_confine_allow(fd, found->place->in, found->change,
				      &err);
	if (r == 0)
		r = fsx_confine_allow(fd, "/nowhere/at/all", true, &err);
	if (r == 0)
		r = fsx_confine_enter(fd, &err);
	return r;
}

static void *confined(void *ctx)
{
	struct found *found = ctx;
	const struct place *place = found->place;
	AUTO_FREE char *sub = xasprintf("%s/sub", place->in);
	found->entered = enter(found);
	found->read_in = try_open(place->in, "a", O_RDONLY);
	found->write_in = try_open(place->in, "a", O_WRONLY | O_TRUNC);
	found->make_in = try_open(place->in, "b", O_WRONLY | O_CREAT);
	found->read_out = try_open(place->out, "a", O_RDONLY);
	found->make_out = try_open(place->out, "b", O_WRONLY | O_CREAT);
	found->move_out = try_move(place->in, place->out, "b");
	(void)mkdir(sub, 0755); /* what fails shows in the move */
	found->move_in = try_move(place->in, sub, "c");
	found->listing = try_listen();
	found->speaking = try_speak(place);
	return NULL;
}

static void run_confined(struct found *found)
{
	pthread_t thread;
	if (fsx_confine_version() < FSX_CONFINE_OLDEST)
		skip();
	assert_int_equal(pthread_create(&thread, NULL, confined, found), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(found->entered, 0);
}

/* --- tests --- */

static void test_change(void **state)
{
	struct found found = { .place = *state, .change = true };
	run_confined(&found);
	assert_int_equal(found.read_in, 0);
	assert_int_equal(found.write_in, 0);
	assert_int_equal(found.make_in, 0);
	assert_int_equal(found.move_in, 0);
	assert_int_equal(found.read_out, EACCES);
	assert_int_equal(found.make_out, EACCES);
	assert_true(found.move_out == EXDEV || found.move_out == EACCES);
}

static void test_read_only(void **state)
{
	struct found found = { .place = *state, .change = false };
	run_confined(&found);
	assert_int_equal(found.read_in, 0);
	assert_int_equal(found.write_in, EACCES);
	assert_int_equal(found.make_in, EACCES);
	assert_int_equal(found.read_out, EACCES);
	assert_int_equal(found.make_out, EACCES);
}

static void test_no_listening(void **state)
{
	struct found found = { .place = *state, .change = true };
	if (fsx_confine_version() < 4)
		skip();
	run_confined(&found);
	assert_int_equal(found.listing, EACCES);
}

static int speak_to_us(const struct place *place, bool speak)
{
	struct sockaddr_un us;
	socklen_t len = abstract_name(place, &us);
	struct found found = { .place = place, .speak = speak };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const void *)&us, len), 0);
	run_confined(&found);
	return found.speaking;
}

static void test_no_speaking(void **state)
{
	if (fsx_confine_version() < 6)
		skip();
	assert_int_equal(speak_to_us(*state, false), EPERM);
}

static void test_speaking(void **state)
{
	assert_int_equal(speak_to_us(*state, true), 0);
}

static void test_others_stay_free(void **state)
{
	const struct place *place = *state;
	struct found found = { .place = place, .change = true };
	run_confined(&found);
	assert_int_equal(try_open(place->out, "b", O_WRONLY | O_CREAT), 0);
	assert_int_equal(try_listen(), 0);
}

static void test_real_path(void **state)
{
	const struct place *place = *state;
	AUTO_FREE char *link = xasprintf("%s/b", place->in);
	assert_int_equal(symlink("../out/a", link), 0);
	AUTO_FREE char *real = fsx_real_path(link);
	AUTO_FREE char *wanted = xasprintf("%s/a", place->out);
	assert_string_equal(real, wanted);
	assert_null(fsx_real_path("/nowhere/at/all"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_change, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_read_only, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_no_listening, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_no_speaking, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_speaking, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_others_stay_free, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_real_path, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
