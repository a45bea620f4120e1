/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * base/fsx on a system that refuses, lies or lacks something. Calls of the C
 * library are replaced by those below, which fail on demand; what cannot be
 * replaced is refused by a system call filter in a child process.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define CHILD_SKIPS 77

/* --- calls that fail on demand --- */

static struct fault {
	long nr;	 /* which system call, 0 for none */
	int sys;	 /* how it fails */
	unsigned times;	 /* how often */
	bool done_first; /* does its work, and then loses the answer */
} fault;

static unsigned calls_seen[512];

static long call(long nr, const long args[5])
{
	calls_seen[nr]++;
	bool fails = fault.nr == nr && fault.times > 0;
	if (fails)
		fault.times--;
	long r = 0;
	if (!fails || fault.done_first)
		r = syscall(nr, args[0], args[1], args[2], args[3], args[4]);
	if (fails) {
		errno = fault.sys;
		return -1;
	}
	return r;
}

int fsync(int fd)
{
	return (int)call(SYS_fsync, (const long[5]){ fd });
}

int fdatasync(int fd)
{
	return (int)call(SYS_fdatasync, (const long[5]){ fd });
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
	return (int)call(SYS_fallocate,
			 (const long[5]){ fd, mode, offset, len });
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to,
	      unsigned flags)
{
	return (int)call(SYS_renameat2,
			 (const long[5]){ from_dir, (long)from, to_dir,
					  (long)to, (long)flags });
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return (int)call(SYS_renameat, (const long[5]){ from_dir, (long)from,
							to_dir, (long)to });
}

int linkat(int from_dir, const char *from, int to_dir, const char *to,
	   int flags)
{
	return (int)call(SYS_linkat,
			 (const long[5]){ from_dir, (long)from, to_dir,
					  (long)to, flags });
}

int unlinkat(int dirfd, const char *name, int flags)
{
	return (int)call(SYS_unlinkat,
			 (const long[5]){ dirfd, (long)name, flags });
}

/* --- a directory for each test --- */

static char root_path[256];
static int root = -1;
static const char *const names[] = { "a", "b", ".a.new", "dir", "link" };

static int set_up(void **state)
{
	(void)state;
	fault = (struct fault){ .nr = 0 };
	memset(calls_seen, 0, sizeof(calls_seen));
	const char *base = getenv("TMPDIR");
	(void)snprintf(root_path, sizeof(root_path), "%s/meshdrop-fault-XXXXXX",
		       base ? base : "/tmp");
	if (!mkdtemp(root_path))
		return -1;
	return fsx_open_root(root_path, &root, NULL);
}

/* Fails when a test left a name of which nothing is known here. */
static int tear_down(void **state)
{
	(void)state;
	fault = (struct fault){ .nr = 0 };
	for (size_t i = 0; i < COUNT(names); i++) {
		(void)unlinkat(root, names[i], 0);	      /* if there */
		(void)unlinkat(root, names[i], AT_REMOVEDIR); /* if there */
	}
	(void)close(root); /* only read */
	return rmdir(root_path);
}

static void put(const char *name, const char *content)
{
	assert_int_equal(fsx_store_new(root, name, 0600, content,
				       strlen(content), NULL),
			 0);
}

static bool has(const char *name, const char *want)
{
	AUTO_BUF struct buf buf;
	buf_init(&buf, 100);
	return fsx_load(root, name, &buf, NULL) == 0 &&
	       strcmp(buf.data, want) == 0;
}

static bool is_there(const char *name)
{
	struct stat st;
	return fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool has_links(const char *name, nlink_t count)
{
	struct stat st;
	return fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_nlink == count;
}

static void expect_error(int r, const struct err *err, enum err_code code,
			 const char *text)
{
	assert_int_equal(r, -(int)code);
	assert_int_equal(err->code, code);
	assert_string_equal(err->text, text);
}

/* --- syncs --- */

static void test_sync_fails(void **state)
{
	(void)state;
	struct err err;
	fault = (struct fault){ .nr = SYS_fdatasync, .sys = EIO, .times = 1 };
	expect_error(fsx_sync(root, "a.dat", &err), &err, ERR_SYNC,
		     "cannot sync 'a.dat': Input/output error");
	assert_int_equal(err.scope, ERR_SERVICE);
	assert_int_equal(err.retry, ERR_NEVER);
	assert_int_equal(err.sys, EIO);
	fault = (struct fault){ .nr = SYS_fsync, .sys = ENOSPC, .times = 1 };
	expect_error(fsx_sync_dir(root, "IN", &err), &err, ERR_SYNC,
		     "cannot sync 'IN': No space left on device");
	assert_int_equal(err.scope, ERR_SERVICE);
	assert_int_equal(err.retry, ERR_NEVER);
}

/* A second attempt would be told that all is well. */
static void test_sync_is_not_repeated(void **state)
{
	(void)state;
	fault = (struct fault){ .nr = SYS_fdatasync, .sys = EINTR, .times = 1 };
	assert_int_equal(fsx_sync(root, "a", NULL), -(int)ERR_SYNC);
	assert_int_equal(calls_seen[SYS_fdatasync], 1);
	fault = (struct fault){ .nr = SYS_fsync, .sys = EINTR, .times = 1 };
	assert_int_equal(fsx_sync_dir(root, "a", NULL), -(int)ERR_SYNC);
	assert_int_equal(calls_seen[SYS_fsync], 1);
}

static void test_no_sync_of_directories(void **state)
{
	(void)state;
	fault = (struct fault){ .nr = SYS_fsync, .sys = EINVAL, .times = 1 };
	assert_int_equal(fsx_sync_dir(root, "a", NULL), 0);
	fault = (struct fault){ .nr = SYS_fdatasync,
				.sys = EINVAL,
				.times = 1 };
	assert_int_equal(fsx_sync(root, "a", NULL), -(int)ERR_SYNC);
}

static void test_make_dir_syncs(void **state)
{
	(void)state;
	struct err err;
	assert_int_equal(fsx_make_dir(root, "dir", 0700, &err), 0);
	assert_int_equal(calls_seen[SYS_fsync], 1);
	assert_int_equal(fsx_make_dir(root, "dir", 0700, &err), 0);
	assert_int_equal(calls_seen[SYS_fsync], 1);
	fault = (struct fault){ .nr = SYS_fsync, .sys = EIO, .times = 1 };
	expect_error(fsx_make_dir(root, "a", 0700, &err), &err, ERR_SYNC,
		     "cannot sync 'a': Input/output error");
}

static void test_store_syncs(void **state)
{
	(void)state;
	assert_int_equal(fsx_store(root, "a", 0600, "1", 1, false, NULL), 0);
	assert_int_equal(calls_seen[SYS_fdatasync], 1);
	assert_int_equal(calls_seen[SYS_fsync], 0);
	assert_int_equal(fsx_store(root, "a", 0600, "2", 1, true, NULL), 0);
	assert_int_equal(calls_seen[SYS_fdatasync], 2);
	assert_int_equal(calls_seen[SYS_fsync], 1);

	struct err err;
	fault = (struct fault){ .nr = SYS_fsync, .sys = EIO, .times = 1 };
	expect_error(fsx_store(root, "a", 0600, "3", 1, true, &err), &err,
		     ERR_SYNC, "cannot sync 'a': Input/output error");
	fault = (struct fault){ .nr = SYS_fdatasync, .sys = EIO, .times = 1 };
	expect_error(fsx_store(root, "a", 0600, "4", 1, true, &err), &err,
		     ERR_SYNC,
		     "cannot store 'a': cannot sync '.a.new': "
		     "Input/output error");
	assert_int_equal(err.scope, ERR_SERVICE);
	assert_true(has("a", "3"));
	assert_false(is_there(".a.new"));
}

/* --- space --- */

static void test_reserve(void **state)
{
	(void)state;
	put("a", "");
	int fd = -1;
	struct err err;
	assert_int_equal(fsx_open_own(root, "a", &fd, &err), 0);
	static const int harmless[] = { EOPNOTSUPP, ENOSYS, EINTR };
	for (size_t i = 0; i < COUNT(harmless); i++) {
		fault = (struct fault){ .nr = SYS_fallocate,
					.sys = harmless[i],
					.times = 1 };
		assert_int_equal(fsx_reserve(fd, "a", 4096, &err), 0);
		assert_int_equal(fault.times, 0);
	}
	assert_int_equal(calls_seen[SYS_fallocate], COUNT(harmless) + 1);
	fault = (struct fault){ .nr = SYS_fallocate,
				.sys = ENOSPC,
				.times = 1 };
	expect_error(fsx_reserve(fd, "a", 4096, &err), &err, ERR_NOSPACE,
		     "cannot reserve space for 'a': No space left on device");
	assert_int_equal(err.retry, ERR_LATER);
	assert_int_equal(fsx_close(&fd, "a", &err), 0);
}

/* The first part fits, the rest does not: as with a disk that fills up. */
static void test_write_stops_half_way(void **state)
{
	(void)state;
	put("a", "old");
	struct rlimit before;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	struct rlimit small = { .rlim_cur = 4, .rlim_max = before.rlim_max };
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	struct err err;
	int r = fsx_store(root, "a", 0600, "longer", 6, true, &err);
	struct err new_err;
	int new_r = fsx_store_new(root, "b", 0600, "longer", 6, &new_err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	expect_error(r, &err, ERR_NOSPACE,
		     "cannot store 'a': cannot write '.a.new': File too large");
	expect_error(new_r, &new_err, ERR_NOSPACE,
		     "cannot write 'b': File too large");
	assert_true(has("a", "old"));
	assert_false(is_there(".a.new"));
	assert_false(is_there("b"));
}

static void test_no_descriptors(void **state)
{
	(void)state;
	put("a", "x");
	struct rlimit before;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	struct rlimit none = { .rlim_cur = 0, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int fd = -1;
	struct err err;
	int r = fsx_open_read(root, "a", &fd, NULL, &err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	expect_error(r, &err, ERR_NOSPACE,
		     "cannot open 'a': Too many open files");
	assert_int_equal(err.retry, ERR_LATER);
	assert_int_equal(fd, -1);
}

/* --- renames --- */

static void test_rename_fails(void **state)
{
	(void)state;
	put("a", "1");
	struct err err;
	fault = (struct fault){ .nr = SYS_renameat2,
				.sys = ENOSPC,
				.times = 1 };
	expect_error(fsx_move(root, "a", root, "b", &err), &err, ERR_NOSPACE,
		     "cannot rename 'a' to 'b': No space left on device");
	fault = (struct fault){ .nr = SYS_renameat2, .sys = EXDEV, .times = 1 };
	expect_error(fsx_move(root, "a", root, "b", &err), &err, ERR_UNSAFE,
		     "cannot rename 'a' to 'b': Invalid cross-device link");
	fault = (struct fault){ .nr = SYS_renameat, .sys = EIO, .times = 1 };
	expect_error(fsx_replace(root, "a", root, "b", &err), &err, ERR_IO,
		     "cannot rename 'a' to 'b': Input/output error");
	assert_true(has("a", "1"));
	assert_false(is_there("b"));
}

/* A network share did the rename and lost the answer. */
static void test_rename_answer_is_lost(void **state)
{
	(void)state;
	static const int answers[] = { EIO, ETIMEDOUT, ENOENT, EEXIST };
	for (size_t i = 0; i < COUNT(answers); i++) {
		put("a", "1");
		fault = (struct fault){ .nr = SYS_renameat2,
					.sys = answers[i],
					.times = 1,
					.done_first = true };
		assert_int_equal(fsx_move(root, "a", root, "b", NULL), 0);
		assert_false(is_there("a"));
		assert_true(has("b", "1"));
		put("a", "2");
		fault.nr = SYS_renameat;
		fault.times = 1;
		assert_int_equal(fsx_replace(root, "a", root, "b", NULL), 0);
		assert_true(has("b", "2"));
		assert_int_equal(fsx_remove(root, "b", NULL), 0);
	}
}

/* For file systems that can only rename with overwriting. */
static void test_move_by_links(void **state)
{
	(void)state;
	static const int answers[] = { EINVAL, ENOSYS };
	for (size_t i = 0; i < COUNT(answers); i++) {
		put("a", "1");
		put("b", "2");
		struct err err;
		fault = (struct fault){ .nr = SYS_renameat2,
					.sys = answers[i],
					.times = 2 };
		expect_error(fsx_move(root, "a", root, "b", &err), &err,
			     ERR_EXISTS,
			     "cannot rename 'a' to 'b': File exists");
		assert_true(has("a", "1") && has("b", "2"));
		assert_int_equal(fsx_remove(root, "b", NULL), 0);
		assert_int_equal(fsx_move(root, "a", root, "b", &err), 0);
		assert_int_equal(fault.times, 0);
		assert_false(is_there("a"));
		assert_true(has("b", "1"));
		assert_int_equal(fsx_remove(root, "b", NULL), 0);
	}
}

/* After the link both names are there, whatever stopped us; the next move ends
 * it. */
static void test_move_by_links_is_cut_off(void **state)
{
	(void)state;
	static const int cuts[][2] = {
		{ SYS_fsync, ERR_SYNC },
		{ SYS_unlinkat, ERR_IO },
	};
	for (size_t i = 0; i < COUNT(cuts); i++) {
		put("a", "1");
		assert_int_equal(linkat(root, "a", root, "b", 0), 0);
		fault = (struct fault){ .nr = cuts[i][0],
					.sys = EIO,
					.times = 1 };
		assert_int_equal(fsx_move(root, "a", root, "b", NULL),
				 -cuts[i][1]);
		assert_true(is_there("a") && is_there("b"));
		assert_int_equal(fsx_move(root, "a", root, "b", NULL), 0);
		assert_false(is_there("a"));
		assert_true(has("b", "1"));
		assert_int_equal(fsx_remove(root, "b", NULL), 0);
	}
}

/* The new name is on disk before the old one is taken away. */
static void test_move_by_links_in_order(void **state)
{
	(void)state;
	put("a", "1");
	fault = (struct fault){ .nr = SYS_renameat2,
				.sys = EINVAL,
				.times = 1 };
	unsigned syncs = calls_seen[SYS_fsync];
	assert_int_equal(fsx_move(root, "a", root, "b", NULL), 0);
	assert_int_equal(calls_seen[SYS_fsync], syncs + 1);
}

static void test_unlink_answer_is_lost(void **state)
{
	(void)state;
	put("a", "1");
	assert_int_equal(linkat(root, "a", root, "b", 0), 0);
	fault = (struct fault){ .nr = SYS_unlinkat,
				.sys = ENOENT,
				.times = 1,
				.done_first = true };
	assert_int_equal(fsx_move(root, "a", root, "b", NULL), 0);
	assert_true(has("b", "1"));
}

/* --- links --- */

static void test_link(void **state)
{
	(void)state;
	struct err err;
	bool able = false;
	put("a", "1");
	assert_int_equal(fsx_link(root, "a", root, "b", &able, &err), 0);
	assert_true(able && has_links("a", 2));
	/* never over another file; that one is ours */
	assert_int_equal(fsx_link(root, "a", root, "b", &able, &err), 0);
	assert_int_equal(fsx_remove(root, "b", NULL), 0);
	put("b", "2");
	expect_error(fsx_link(root, "a", root, "b", &able, &err), &err,
		     ERR_EXISTS, "cannot link 'a' to 'b': File exists");
	assert_int_equal(fsx_remove(root, "b", NULL), 0);
	expect_error(fsx_link(root, "b", root, "link", &able, &err), &err,
		     ERR_MISSING,
		     "cannot link 'b' to 'link': No such file or directory");
	assert_int_equal(fsx_link(root, "a", root, "x/b", &able, &err),
			 -(int)ERR_UNSAFE);
	/* a link to a link is to the link */
	assert_int_equal(symlinkat("a", root, "link"), 0);
	assert_int_equal(fsx_link(root, "link", root, "b", &able, &err), 0);
	assert_true(has_links("a", 1));
}

static void test_link_fails(void **state)
{
	(void)state;
	static const int lacks[] = { EPERM, EOPNOTSUPP, ENOSYS, EMLINK };
	struct err err;
	bool able = true;
	put("a", "1");
	for (size_t i = 0; i < COUNT(lacks); i++) {
		fault = (struct fault){ .nr = SYS_linkat,
					.sys = lacks[i],
					.times = 1 };
		able = true;
		assert_int_equal(fsx_link(root, "a", root, "b", &able, &err),
				 0);
		assert_false(able);
	}
	fault = (struct fault){ .nr = SYS_linkat, .sys = ENOSPC, .times = 1 };
	expect_error(fsx_link(root, "a", root, "b", &able, &err), &err,
		     ERR_NOSPACE,
		     "cannot link 'a' to 'b': No space left on device");
	assert_false(is_there("b"));
	fault = (struct fault){
		.nr = SYS_linkat, .sys = EIO, .times = 1, .done_first = true
	};
	assert_int_equal(fsx_link(root, "a", root, "b", &able, &err), 0);
	assert_true(able && has_links("a", 2));
}

/* --- what the kernel may lack --- */

/* From here on this system call fails, if the argument has all these bits. */
static bool refuse_call(long nr, int argument, unsigned bits, int sys)
{
	size_t offset = offsetof(struct seccomp_data, args) +
			(size_t)argument * sizeof(uint64_t);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	offset += sizeof(uint32_t);
#endif
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, bits, 0, 1),
		BPF_STMT(BPF_RET | BPF_K,
			 SECCOMP_RET_ERRNO | ((uint32_t)sys & 0xffffu)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = COUNT(code), .filter = code };
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* Runs in a child; the filter stays with it. 0 is good. */
static int child_opens(void)
{
	int fd = -1;
	struct err err;
	if (fsx_open_read(root, "a", &fd, NULL, &err) < 0 || fd < 0)
		return 1;
	if (fsx_create(root, "b", 0600, &fd, &err) < 0)
		return 2;
	if (fsx_open_read(root, "link", &fd, NULL, &err) != -(int)ERR_UNSAFE ||
	    !strstr(err.text, "'link': is a symbolic link"))
		return 3;
	if (fsx_open_dir(root, "link", &fd, &err) != -(int)ERR_UNSAFE)
		return 4;
	if (fsx_open_dir(root, "dir", &fd, &err) < 0)
		return 5;
	if (fsx_open_read(root, "missing", &fd, NULL, &err) !=
	    -(int)ERR_MISSING)
		return 6;
	return 0;
}

static int child_opens_unnamed(void)
{
	int fd = -1;
	struct stat st;
	if (fsx_open_unnamed(root, &fd, NULL) < 0)
		return 1;
	if (fstat(fd, &st) < 0 || st.st_nlink != 0)
		return 2;
	return fsx_pwrite(fd, "x", "data", 4, 0, NULL) < 0 ? 3 : 0;
}

static void run_child(long nr, int argument, unsigned bits, int sys,
		      int (*check)(void))
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (!refuse_call(nr, argument, bits, sys))
			_exit(CHILD_SKIPS);
		_exit(check());
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == CHILD_SKIPS)
		skip(); /* no system call filters here */
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void prepare_opens(void)
{
	put("a", "1");
	assert_int_equal(symlinkat("a", root, "link"), 0);
	assert_int_equal(mkdirat(root, "dir", 0700), 0);
}

static void test_kernel_without_openat2(void **state)
{
	(void)state;
	prepare_opens();
	run_child(SYS_openat2, 0, 0, ENOSYS, child_opens);
}

static void test_filter_without_openat2(void **state)
{
	(void)state;
	prepare_opens();
	run_child(SYS_openat2, 0, 0, EPERM, child_opens);
}

/* Leaves no name behind: tear_down would fail. */
static void test_without_unnamed_files(void **state)
{
	(void)state;
	const unsigned bits = (unsigned)O_TMPFILE & ~(unsigned)O_DIRECTORY;
	run_child(SYS_openat, 2, bits, EOPNOTSUPP, child_opens_unnamed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sync_fails),
		TEST(test_sync_is_not_repeated),
		TEST(test_no_sync_of_directories),
		TEST(test_make_dir_syncs),
		TEST(test_store_syncs),
		TEST(test_reserve),
		TEST(test_write_stops_half_way),
		TEST(test_no_descriptors),
		TEST(test_rename_fails),
		TEST(test_rename_answer_is_lost),
		TEST(test_move_by_links),
		TEST(test_move_by_links_is_cut_off),
		TEST(test_move_by_links_in_order),
		TEST(test_unlink_answer_is_lost),
		TEST(test_link),
		TEST(test_link_fails),
		TEST(test_kernel_without_openat2),
		TEST(test_filter_without_openat2),
		TEST(test_without_unnamed_files),
	};
	return cmocka_run_group_tests_name("base_fsx_fault", tests, NULL, NULL);
}
