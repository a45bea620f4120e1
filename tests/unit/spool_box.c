/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool_box.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "spool/ctl.h"
#include "spool/pair.h"

#define ATIME_MS 5000

/* --- death --- */

static unsigned steps_left; /* 0: immortal */
static int links_refused;   /* an errno; 0: not */
static int moves_refused;
static bool half_write;

static bool is_last_step(void)
{
	return steps_left > 0 && --steps_left == 0;
}

/* Stops, and live() kills it: a process that kills itself would first be asked
 * by valgrind for what it has not freed, of which optimised code may hold no more
 * than a pointer past the end. */
static void die(void)
{
	(void)kill(getpid(), SIGSTOP);
	_exit(1); /* never comes here */
}

static long call(long nr, const long args[5])
{
	if (is_last_step())
		die();
	return syscall(nr, args[0], args[1], args[2], args[3], args[4]);
}

/* A killed process loses nothing that it gave to the system, so there is
 * nothing to wait for: syncs are only steps here. */
static int sync_step(int fd)
{
	if (is_last_step())
		die();
	return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

int fsync(int fd)
{
	return sync_step(fd);
}

int fdatasync(int fd)
{
	return sync_step(fd);
}

int ftruncate(int fd, off_t len)
{
	return (int)call(SYS_ftruncate, (const long[5]){ fd, len });
}

void spool_box_refuse_links(int sys)
{
	links_refused = sys;
}

void spool_box_refuse_moves(int sys)
{
	moves_refused = sys;
}

int linkat(int from_dir, const char *from, int to_dir, const char *to,
	   int flags)
{
	if (links_refused != 0) {
		errno = links_refused;
		return -1;
	}
	return (int)call(SYS_linkat,
			 (const long[5]){ from_dir, (long)from, to_dir,
					  (long)to, (long)flags });
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to,
	      unsigned flags)
{
	if (moves_refused != 0) {
		errno = moves_refused;
		return -1;
	}
	return (int)call(SYS_renameat2,
			 (const long[5]){ from_dir, (long)from, to_dir,
					  (long)to, (long)flags });
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return (int)call(SYS_renameat, (const long[5]){ from_dir, (long)from,
							to_dir, (long)to });
}

int unlinkat(int dirfd, const char *name, int flags)
{
	return (int)call(SYS_unlinkat,
			 (const long[5]){ dirfd, (long)name, flags });
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	bool last = is_last_step();
	ssize_t n = -1;
	if (!last || half_write)
		n = syscall(SYS_pwrite64, fd, data, last ? len / 2 : len,
			    offset);
	if (last)
		die();
	return n;
}

/* --- the mailbox --- */

void spool_box_make(struct spool_box *box)
{
	scratch_make(&box->scratch);
	scratch_mkdir(&box->scratch, "state", 0700);
	AUTO_CLOSE int state = openat(box->scratch.fd, "state",
				      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(state >= 0);
	char root[PATH_MAX];
	scratch_path(&box->scratch, "root", root);
	boxdir_init(&box->box);
	struct err err;
	assert_int_equal(boxdir_open(&box->box, "X26ABC1", root, state, &err),
			 0);
}

void spool_box_remove(struct spool_box *box)
{
	boxdir_release(&box->box);
	scratch_remove(&box->scratch);
}

void box_put_bytes(int dirfd, const char *name, const void *data, size_t len)
{
	AUTO_CLOSE int fd = openat(dirfd, name,
				   O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
				   0660);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
}

void box_put(int dirfd, const char *name, const char *text)
{
	box_put_bytes(dirfd, name, text, strlen(text));
}

bool box_has(int dirfd, const char *name)
{
	return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

char *box_read(int dirfd, const char *name, size_t *ret_len)
{
	AUTO_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail_msg("there is no '%s'", name);
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	char *text = xcalloc(1, (size_t)st.st_size + 1);
	assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
	*ret_len = (size_t)st.st_size;
	return text;
}

void box_expect(int dirfd, const char *name, const char *text)
{
	size_t len = 0;
	AUTO_FREE char *found = box_read(dirfd, name, &len);
	assert_string_equal(found, text);
	assert_int_equal(len, strlen(text));
}

bool box_is_read(int dirfd, const char *name)
{
	struct stat st;
	assert_int_equal(fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_atim.tv_sec > st.st_ctim.tv_sec ||
	       (st.st_atim.tv_sec == st.st_ctim.tv_sec &&
		st.st_atim.tv_nsec > st.st_ctim.tv_nsec);
}

bool box_read_later(int dirfd, const char *name)
{
	for (int waited = 0; !box_is_read(dirfd, name); waited++) {
		AUTO_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
		char byte;
		assert_true(fd >= 0 && read(fd, &byte, 1) >= 0);
		if (waited == ATIME_MS)
			return false;
		(void)poll(NULL, 0, 1);
	}
	return true;
}

bool box_keeps_atime(int dirfd)
{
	static const char name[] = "atime";
	box_put(dirfd, name, "x");
	bool moves = box_read_later(dirfd, name);
	assert_int_equal(unlinkat(dirfd, name, 0), 0);
	return moves;
}

void box_identity(int dirfd, const char *name, struct scan_identity *ret)
{
	struct stat st;
	assert_int_equal(fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	pair_identity(&st, ret);
}

size_t box_count(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fdopendir(fd);
	assert_non_null(dir);
	size_t count = 0;
	for (const struct dirent *entry = readdir(dir); entry;
	     entry = readdir(dir))
		if (*entry->d_name != '.')
			count++;
	assert_int_equal(closedir(dir), 0);
	return count;
}

void box_ctl(struct ctl *ret, const char *message_id)
{
	ctl_init(ret);
	ctl_set(ret, CTL_VERSION, "1.0");
	ctl_set(ret, CTL_MESSAGE_TYPE, "Data");
	ctl_set(ret, CTL_FROM_DTS, "X26ABC1");
	ctl_set(ret, CTL_TO_DTS, "X26ABC2");
	ctl_set(ret, CTL_DTS_ID, message_id);
}

/* --- stories --- */

/* Every third pair of deaths, each time another third. */
#define STRIDE 3

/* One life in a process of its own; whether it came to its end. */
static bool live(const struct spool_story *story, struct spool_box *box,
		 unsigned steps, bool half)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct err err;
		steps_left = steps;
		half_write = half;
		_exit(story->run(box, &err) == 0 ? 0 : 1);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	if (WIFSTOPPED(status)) {
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		return false;
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	return true;
}

static void go_to_end(const struct spool_story *story, struct spool_box *box)
{
	for (unsigned i = 0; i < 2; i++) {
		struct err err;
		err_clear(&err);
		if (story->run(box, &err) < 0)
			fail_msg("%s", err.text);
		story->check(box);
	}
}

/* Dies before step first of the first life and step second of the next. */
static size_t tell_one(const struct spool_story *story, unsigned first,
		       unsigned second, bool half, bool *ret_first_ended,
		       bool *ret_second_ended)
{
	struct spool_box box;
	spool_box_make(&box);
	story->set_up(&box);
	size_t lives = 1;
	*ret_second_ended = false;
	*ret_first_ended = live(story, &box, first, half);
	if (!*ret_first_ended) {
		if (story->between)
			story->between(&box);
		lives++;
		*ret_second_ended = live(story, &box, second, half);
		if (!*ret_second_ended && story->between)
			story->between(&box);
	}
	go_to_end(story, &box);
	spool_box_remove(&box);
	return lives + 2;
}

/* Only the first life dies, in the middle of its writes. */
static size_t tell_torn(const struct spool_story *story)
{
	size_t lives = 0;
	bool first_ended = false;
	bool second_ended = false;
	for (unsigned first = 1; !first_ended; first++)
		lives += tell_one(story, first, 0, true, &first_ended,
				  &second_ended);
	return lives;
}

size_t spool_story_tell(const struct spool_story *story)
{
	size_t lives = tell_torn(story);
	bool first_ended = false;
	for (unsigned first = 1; !first_ended; first++) {
		bool second_ended = false;
		for (unsigned second = 1 + first % STRIDE;
		     !first_ended && !second_ended; second += STRIDE)
			lives += tell_one(story, first, second, false,
					  &first_ended, &second_ended);
	}
	return lives;
}
