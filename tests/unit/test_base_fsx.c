/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define UNTOUCHED 4711

static char root_path[256];
static int root = -1;

/* --- a directory for each test --- */

static int set_up(void **state)
{
	(void)state;
	const char *base = getenv("TMPDIR");
	(void)snprintf(root_path, sizeof(root_path), "%s/meshdrop-fsx-XXXXXX",
		       base ? base : "/tmp");
	if (!mkdtemp(root_path))
		return -1;
	return fsx_open_root(root_path, &root, NULL);
}

static void remove_tree(int dirfd)
{
	struct fsx_dir *dir = NULL;
	assert_int_equal(fsx_dir_open(dirfd, &dir, NULL), 0);
	for (;;) {
		const char *name = NULL;
		assert_int_equal(fsx_dir_next(dir, &name, NULL), 0);
		if (!name)
			break;
		if (unlinkat(dirfd, name, 0) == 0)
			continue;
		int below = -1;
		assert_int_equal(fsx_open_dir(dirfd, name, &below, NULL), 0);
		remove_tree(below);
		assert_int_equal(close(below), 0);
		assert_int_equal(unlinkat(dirfd, name, AT_REMOVEDIR), 0);
	}
	assert_null(fsx_dir_close(dir));
}

static int tear_down(void **state)
{
	(void)state;
	remove_tree(root);
	(void)close(root); /* only read */
	return rmdir(root_path);
}

static void put(const char *name, const char *content)
{
	struct err err;
	int r = fsx_store_new(root, name, 0600, content, strlen(content), &err);
	if (r < 0)
		fail_msg("%s", err.text);
}

static void expect_content(const char *name, const char *want)
{
	AUTO_BUF struct buf buf;
	buf_init(&buf, 1 << 20);
	struct err err;
	if (fsx_load(root, name, &buf, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(buf.len, strlen(want));
	assert_string_equal(buf.data, want);
}

static bool is_there(const char *name)
{
	struct stat st;
	return fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static size_t count_names(void)
{
	struct fsx_dir *dir = NULL;
	assert_int_equal(fsx_dir_open(root, &dir, NULL), 0);
	size_t count = 0;
	const char *name = NULL;
	do {
		assert_int_equal(fsx_dir_next(dir, &name, NULL), 0);
		count += name ? 1 : 0;
	} while (name);
	(void)fsx_dir_close(dir); /* always NULL */
	return count;
}

static void expect_error(int r, const struct err *err, enum err_code code,
			 const char *name, const char *why)
{
	assert_int_equal(r, -(int)code);
	assert_int_equal(err->code, code);
	if (!strstr(err->text, name) || !strstr(err->text, why))
		fail_msg("'%s' lacks '%s' or '%s'", err->text, name, why);
}

/* --- opening --- */

static void test_open_read(void **state)
{
	(void)state;
	put("a.dat", "content");
	int fd = -1;
	struct stat st;
	struct err err;
	assert_int_equal(fsx_open_read(root, "a.dat", &fd, &st, &err), 0);
	assert_int_equal(st.st_size, 7);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	char data[16];
	size_t len = 0;
	assert_int_equal(fsx_pread(fd, "a.dat", data, sizeof(data), 3, &len,
				   &err),
			 0);
	assert_int_equal(len, 4);
	assert_memory_equal(data, "tent", 4);
	assert_int_equal(fsx_close(&fd, "a.dat", &err), 0);
	assert_int_equal(fd, -1);
	assert_int_equal(fsx_close(&fd, "a.dat", &err), 0);
}

struct unsafe_case {
	const char *name;
	enum err_code code;
	const char *why;
};

static void make_unsafe_names(void)
{
	put("plain", "x");
	put("two", "x");
	assert_int_equal(linkat(root, "two", root, "two-more", 0), 0);
	assert_int_equal(symlinkat("plain", root, "link"), 0);
	assert_int_equal(symlinkat("nowhere", root, "dangling"), 0);
	assert_int_equal(mkdirat(root, "dir", 0700), 0);
	assert_int_equal(symlinkat("dir", root, "dirlink"), 0);
	assert_int_equal(mkfifoat(root, "fifo", 0600), 0);
}

static void test_open_unsafe(void **state)
{
	(void)state;
	make_unsafe_names();
	static const struct unsafe_case cases[] = {
		{ "link", ERR_UNSAFE, "is a symbolic link" },
		{ "dangling", ERR_UNSAFE, "is a symbolic link" },
		{ "dirlink", ERR_UNSAFE, "is a symbolic link" },
		{ "dir", ERR_UNSAFE, "is not a regular file" },
		{ "fifo", ERR_UNSAFE, "is not a regular file" },
		{ "two", ERR_UNSAFE, "has more than one link" },
		{ "missing", ERR_MISSING, "No such file or directory" },
		{ "../plain", ERR_UNSAFE, "cannot be used as the name" },
		{ "dir/x", ERR_UNSAFE, "cannot be used as the name" },
		{ "..", ERR_UNSAFE, "cannot be used as the name" },
		{ ".", ERR_UNSAFE, "cannot be used as the name" },
		{ "", ERR_UNSAFE, "cannot be used as the name" },
		{ "a\nb", ERR_UNSAFE, "cannot be used as the name" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct unsafe_case *c = &cases[i];
		int fd = UNTOUCHED;
		struct err err;
		int r = fsx_open_read(root, c->name, &fd, NULL, &err);
		expect_error(r, &err, c->code, c->name, c->why);
		r = fsx_open_own(root, c->name, &fd, &err);
		expect_error(r, &err, c->code, c->name, c->why);
		assert_int_equal(fd, UNTOUCHED);
	}
}

static void test_open_path(void **state)
{
	(void)state;
	make_unsafe_names();
	char path[300];
	int fd = -1;
	struct stat st;
	struct err err;
	(void)snprintf(path, sizeof(path), "%s/link", root_path);
	assert_int_equal(fsx_open_path(path, &fd, &st, &err), 0);
	assert_int_equal(st.st_size, 1);
	assert_int_equal(fsx_close(&fd, path, &err), 0);
	(void)snprintf(path, sizeof(path), "%s/two", root_path);
	assert_int_equal(fsx_open_path(path, &fd, NULL, &err), 0);
	assert_int_equal(fsx_close(&fd, path, &err), 0);

	int none = UNTOUCHED;
	(void)snprintf(path, sizeof(path), "%s/fifo", root_path);
	expect_error(fsx_open_path(path, &none, NULL, &err), &err, ERR_UNSAFE,
		     path, "is not a regular file");
	expect_error(fsx_open_path(root_path, &none, NULL, &err), &err,
		     ERR_UNSAFE, root_path, "is not a regular file");
	(void)snprintf(path, sizeof(path), "%s/dangling", root_path);
	expect_error(fsx_open_path(path, &none, NULL, &err), &err, ERR_MISSING,
		     path, "No such file");
	assert_int_equal(none, UNTOUCHED);
}

static void test_create(void **state)
{
	(void)state;
	int fd = -1;
	struct err err;
	assert_int_equal(fsx_create(root, "new", 0600, &fd, &err), 0);
	struct stat st;
	assert_int_equal(fsx_stat(fd, "new", &st, &err), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fsx_pwrite(fd, "new", "abc", 3, 2, &err), 0);
	assert_int_equal(fsx_truncate(fd, "new", 4, &err), 0);
	char data[8];
	size_t len = 0;
	assert_int_equal(fsx_pread(fd, "new", data, 8, 0, &len, &err), 0);
	assert_int_equal(len, 4);
	assert_memory_equal(data, "\0\0ab", 4);
	assert_int_equal(fsx_close(&fd, "new", &err), 0);

	int none = UNTOUCHED;
	expect_error(fsx_create(root, "new", 0600, &none, &err), &err,
		     ERR_EXISTS, "'new'", "File exists");
	assert_int_equal(symlinkat("target", root, "link"), 0);
	expect_error(fsx_create(root, "link", 0600, &none, &err), &err,
		     ERR_EXISTS, "'link'", "File exists");
	assert_false(is_there("target"));
	assert_int_equal(none, UNTOUCHED);
}

static void test_unnamed(void **state)
{
	(void)state;
	int fd = -1;
	struct err err;
	assert_int_equal(fsx_open_unnamed(root, &fd, &err), 0);
	assert_int_equal(count_names(), 0);
	assert_int_equal(fsx_pwrite(fd, "temp", "abc", 3, 0, &err), 0);
	struct stat st;
	assert_int_equal(fsx_stat(fd, "temp", &st, &err), 0);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(fsx_close(&fd, "temp", &err), 0);
	assert_int_equal(count_names(), 0);
}

/* --- content --- */

static void test_limits_of_offsets(void **state)
{
	(void)state;
	int fd = -1;
	struct err err;
	assert_int_equal(fsx_create(root, "a", 0600, &fd, &err), 0);
	char data[2] = "";
	size_t len = UNTOUCHED;
	int r = fsx_pread(fd, "a", data, 2, UINT64_MAX, &len, &err);
	expect_error(r, &err, ERR_IO, "cannot read 'a'", ": ");
	r = fsx_pread(fd, "a", data, 2, INT64_MAX - 1, &len, &err);
	expect_error(r, &err, ERR_IO, "cannot read 'a'", ": ");
	assert_int_equal(len, UNTOUCHED);
	r = fsx_pwrite(fd, "a", data, 2, UINT64_MAX - 1, &err);
	expect_error(r, &err, ERR_NOSPACE, "cannot write 'a'", "too large");
	r = fsx_truncate(fd, "a", UINT64_MAX, &err);
	expect_error(r, &err, ERR_NOSPACE, "size of 'a'", "too large");
	r = fsx_reserve(fd, "a", UINT64_MAX, &err);
	expect_error(r, &err, ERR_NOSPACE, "space for 'a'", "too large");
	assert_int_equal(fsx_close(&fd, "a", &err), 0);
}

static void test_reserve(void **state)
{
	(void)state;
	int fd = -1;
	struct err err;
	assert_int_equal(fsx_create(root, "a", 0600, &fd, &err), 0);
	assert_int_equal(fsx_reserve(fd, "a", 0, &err), 0);
	assert_int_equal(fsx_reserve(fd, "a", 65536, &err), 0);
	struct stat st;
	assert_int_equal(fsx_stat(fd, "a", &st, &err), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(fsx_close(&fd, "a", &err), 0);
}

static void test_bad_descriptor(void **state)
{
	(void)state;
	struct err err;
	struct stat st;
	char data[1] = "";
	size_t len = UNTOUCHED;
	uint64_t free_bytes = UNTOUCHED;
	expect_error(fsx_stat(-1, "a", &st, &err), &err, ERR_IO, "'a'", "Bad");
	expect_error(fsx_pread(-1, "a", data, 1, 0, &len, &err), &err, ERR_IO,
		     "cannot read 'a'", "Bad");
	expect_error(fsx_pwrite(-1, "a", data, 1, 0, &err), &err, ERR_IO,
		     "cannot write 'a'", "Bad");
	expect_error(fsx_truncate(-1, "a", 0, &err), &err, ERR_IO, "'a'",
		     "Bad");
	expect_error(fsx_reserve(-1, "a", 1, &err), &err, ERR_IO, "'a'", "Bad");
	expect_error(fsx_lock(-1, "a", &err), &err, ERR_IO, "'a'", "Bad");
	expect_error(fsx_free_bytes(-1, &free_bytes, &err), &err, ERR_IO,
		     "free space", "Bad");
	int fd = 1 << 30;
	expect_error(fsx_close(&fd, "a", &err), &err, ERR_IO, "cannot close",
		     "Bad");
	assert_int_equal(fd, -1);
	assert_int_equal(len, UNTOUCHED);
	assert_true(free_bytes == UNTOUCHED);
}

static void test_lock(void **state)
{
	(void)state;
	put("lock", "");
	int first = -1;
	int second = -1;
	struct err err;
	assert_int_equal(fsx_open_own(root, "lock", &first, &err), 0);
	assert_int_equal(fsx_open_own(root, "lock", &second, &err), 0);
	assert_int_equal(fsx_lock(first, "lock", &err), 0);
	assert_int_equal(fsx_lock(first, "lock", &err), 0);
	expect_error(fsx_lock(second, "lock", &err), &err, ERR_BUSY, "'lock'",
		     "another process");
	assert_int_equal(err.retry, ERR_LATER);
	assert_int_equal(fsx_close(&first, "lock", &err), 0);
	assert_int_equal(fsx_lock(second, "lock", &err), 0);
	assert_int_equal(fsx_close(&second, "lock", &err), 0);
}

static void test_sync(void **state)
{
	(void)state;
	int fd = -1;
	struct err err;
	assert_int_equal(fsx_create(root, "a", 0600, &fd, &err), 0);
	assert_int_equal(fsx_sync(fd, "a", &err), 0);
	assert_int_equal(fsx_sync_dir(root, "root", &err), 0);
	assert_int_equal(fsx_close(&fd, "a", &err), 0);
	expect_error(fsx_sync(-1, "a", &err), &err, ERR_SYNC, "cannot sync 'a'",
		     "Bad file descriptor");
	assert_int_equal(err.scope, ERR_SERVICE);
	assert_int_equal(err.sys, EBADF);
	assert_int_equal(fsx_sync_dir(-1, "root", NULL), -(int)ERR_SYNC);
}

/* --- names --- */

static void test_move(void **state)
{
	(void)state;
	put("a", "1");
	put("b", "2");
	struct err err;
	expect_error(fsx_move(root, "a", root, "b", &err), &err, ERR_EXISTS,
		     "cannot rename 'a' to 'b'", "File exists");
	expect_content("a", "1");
	expect_content("b", "2");
	assert_int_equal(fsx_move(root, "a", root, "c", &err), 0);
	assert_false(is_there("a"));
	expect_content("c", "1");
	expect_error(fsx_move(root, "a", root, "d", &err), &err, ERR_MISSING,
		     "cannot rename 'a' to 'd'", "No such file");
	expect_error(fsx_move(root, "c", root, "../c", &err), &err, ERR_UNSAFE,
		     "../c", "name");
	expect_error(fsx_move(root, "..", root, "e", &err), &err, ERR_UNSAFE,
		     "..", "name");
	assert_int_equal(symlinkat("nowhere", root, "link"), 0);
	expect_error(fsx_move(root, "c", root, "link", &err), &err, ERR_EXISTS,
		     "'link'", "File exists");
	expect_content("c", "1");
}

/* What a move by links leaves when it is cut off, and what looks like it. */
static void test_move_half_done(void **state)
{
	(void)state;
	put("a", "1");
	assert_int_equal(linkat(root, "a", root, "b", 0), 0);
	struct err err;
	expect_error(fsx_move(root, "a", root, "a", &err), &err, ERR_EXISTS,
		     "'a'", "File exists");
	assert_true(is_there("a"));
	assert_int_equal(fsx_move(root, "a", root, "b", &err), 0);
	assert_false(is_there("a"));
	expect_content("b", "1");
	expect_error(fsx_move(root, "b", root, "b", &err), &err, ERR_EXISTS,
		     "'b'", "File exists");
	expect_content("b", "1");
	assert_int_equal(linkat(root, "b", root, "c", 0), 0);
	assert_int_equal(linkat(root, "b", root, "d", 0), 0);
	expect_error(fsx_move(root, "b", root, "c", &err), &err, ERR_EXISTS,
		     "'c'", "File exists");
	assert_true(is_there("b") && is_there("c") && is_there("d"));
}

static void test_replace_and_remove(void **state)
{
	(void)state;
	put("a", "1");
	put("b", "2");
	struct err err;
	assert_int_equal(fsx_replace(root, "a", root, "b", &err), 0);
	assert_false(is_there("a"));
	expect_content("b", "1");
	expect_error(fsx_replace(root, "a", root, "b", &err), &err, ERR_MISSING,
		     "cannot rename 'a' to 'b'", "No such file");
	assert_int_equal(fsx_remove(root, "b", &err), 0);
	assert_int_equal(fsx_remove(root, "b", &err), 0);
	assert_int_equal(count_names(), 0);
	expect_error(fsx_remove(root, "../x", &err), &err, ERR_UNSAFE, "../x",
		     "name");
	assert_int_equal(mkdirat(root, "dir", 0700), 0);
	expect_error(fsx_remove(root, "dir", &err), &err, ERR_IO,
		     "cannot remove 'dir'", "Is a directory");
}

static void test_stat_at(void **state)
{
	(void)state;
	put("a", "123");
	assert_int_equal(symlinkat("a", root, "link"), 0);
	struct stat st;
	struct err err;
	assert_int_equal(fsx_stat_at(root, "a", &st, &err), 0);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(fsx_stat_at(root, "link", &st, &err), 0);
	assert_true(S_ISLNK(st.st_mode));
	expect_error(fsx_stat_at(root, "b", &st, &err), &err, ERR_MISSING,
		     "'b'", "No such file");
	char path[300];
	(void)snprintf(path, sizeof(path), "%s/link", root_path);
	assert_int_equal(fsx_stat_path(path, &st, &err), 0);
	assert_true(S_ISREG(st.st_mode));
	(void)snprintf(path, sizeof(path), "%s/b", root_path);
	expect_error(fsx_stat_path(path, &st, &err), &err, ERR_MISSING, path,
		     "No such file");
}

/* --- directories --- */

static void test_open_dir(void **state)
{
	(void)state;
	make_unsafe_names();
	int fd = -1;
	struct err err;
	assert_int_equal(fsx_open_dir(root, "dir", &fd, &err), 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(close(fd), 0);
	static const struct unsafe_case cases[] = {
		{ "dirlink", ERR_UNSAFE, "is a symbolic link" },
		{ "plain", ERR_UNSAFE, "is not a directory" },
		{ "fifo", ERR_UNSAFE, "is not a directory" },
		{ "missing", ERR_MISSING, "No such file" },
		{ "..", ERR_UNSAFE, "cannot be used as the name" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		int none = UNTOUCHED;
		expect_error(fsx_open_dir(root, cases[i].name, &none, &err),
			     &err, cases[i].code, cases[i].name, cases[i].why);
		assert_int_equal(none, UNTOUCHED);
	}
	int none = UNTOUCHED;
	expect_error(fsx_open_root("/nowhere/at/all", &none, &err), &err,
		     ERR_MISSING, "'/nowhere/at/all'", "No such file");
	assert_int_equal(none, UNTOUCHED);
}

static void test_make_dir(void **state)
{
	(void)state;
	make_unsafe_names();
	struct err err;
	assert_int_equal(fsx_make_dir(root, "new", 0700, &err), 0);
	struct stat st;
	assert_int_equal(fsx_stat_at(root, "new", &st, &err), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	assert_int_equal(fsx_make_dir(root, "new", 0700, &err), 0);
	expect_error(fsx_make_dir(root, "plain", 0700, &err), &err, ERR_UNSAFE,
		     "'plain'", "something else");
	expect_error(fsx_make_dir(root, "dirlink", 0700, &err), &err,
		     ERR_UNSAFE, "'dirlink'", "something else");
	expect_error(fsx_make_dir(root, "a/b", 0700, &err), &err, ERR_UNSAFE,
		     "'a/b'", "name");
}

static void test_make_path(void **state)
{
	(void)state;
	make_unsafe_names();
	char path[300];
	struct err err;
	struct stat st;
	(void)snprintf(path, sizeof(path), "%s//dirlink/x/./y/", root_path);
	assert_int_equal(fsx_make_path(path, 0750, &err), 0);
	assert_int_equal(fstatat(root, "dir/x/y", &st, 0), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(fsx_make_path(path, 0750, &err), 0);
	assert_int_equal(fsx_make_path("/", 0750, &err), 0);
	(void)snprintf(path, sizeof(path), "%s/plain/x", root_path);
	expect_error(fsx_make_path(path, 0750, &err), &err, ERR_MISSING, path,
		     "Not a directory");
	(void)snprintf(path, sizeof(path), "%s/dangling/x", root_path);
	expect_error(fsx_make_path(path, 0750, &err), &err, ERR_MISSING, path,
		     "No such file");
	assert_false(is_there("nowhere"));
	expect_error(fsx_make_path("", 0750, &err), &err, ERR_INVALID,
		     "directory", "without a name");
}

static void test_dir(void **state)
{
	(void)state;
	assert_int_equal(count_names(), 0);
	for (int i = 0; i < 300; i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "f%d", i);
		int fd = openat(root, name, O_CREAT | O_WRONLY, 0600);
		assert_true(fd >= 0);
		assert_int_equal(close(fd), 0);
	}
	/* each from the start, also two at a time */
	struct fsx_dir *dir = NULL;
	const char *name = NULL;
	struct err err;
	assert_int_equal(fsx_dir_open(root, &dir, &err), 0);
	assert_int_equal(fsx_dir_next(dir, &name, &err), 0);
	assert_non_null(name);
	assert_int_equal(count_names(), 300);
	assert_int_equal(count_names(), 300);
	assert_int_equal(fsx_dir_next(dir, &name, &err), 0);
	assert_non_null(name);
	assert_null(fsx_dir_close(dir));
	assert_null(fsx_dir_close(NULL));
	dir = NULL;
	expect_error(fsx_dir_open(-1, &dir, &err), &err, ERR_IO, "directory",
		     "Bad file descriptor");
	assert_null(dir);
}

/* --- whole small files --- */

static void test_load(void **state)
{
	(void)state;
	put("five", "12345");
	AUTO_BUF struct buf buf;
	buf_init(&buf, 7);
	struct err err;
	assert_true(buf_puts(&buf, "ab"));
	assert_int_equal(fsx_load(root, "five", &buf, &err), 0);
	assert_string_equal(buf.data, "ab12345");

	buf_clear(&buf);
	assert_true(buf_puts(&buf, "abc"));
	expect_error(fsx_load(root, "five", &buf, &err), &err, ERR_LIMIT,
		     "cannot read 'five'", "larger than 4 bytes");
	assert_string_equal(buf.data, "abc");
	assert_int_equal(buf.len, 3);
	expect_error(fsx_load(root, "six", &buf, &err), &err, ERR_MISSING,
		     "'six'", "No such file");
	assert_string_equal(buf.data, "abc");
}

/* Sizes around the step in which a file is read. */
static void test_load_steps(void **state)
{
	(void)state;
	static const size_t sizes[] = {
		0, 1, 16383, 16384, 16385, 32768, 40000
	};
	for (size_t i = 0; i < COUNT(sizes); i++) {
		char *data = malloc(sizes[i] + 1);
		assert_non_null(data);
		memset(data, 'a' + (int)i, sizes[i]);
		data[sizes[i]] = '\0';
		assert_int_equal(fsx_store(root, "file", 0600, data, sizes[i],
					   false, NULL),
				 0);
		expect_content("file", data);
		AUTO_BUF struct buf exact;
		buf_init(&exact, sizes[i]);
		assert_int_equal(fsx_load(root, "file", &exact, NULL), 0);
		if (sizes[i] > 0) {
			AUTO_BUF struct buf less;
			buf_init(&less, sizes[i] - 1);
			assert_int_equal(fsx_load(root, "file", &less, NULL),
					 -(int)ERR_LIMIT);
			assert_int_equal(less.len, 0);
		}
		free(data);
	}
}

static void test_store(void **state)
{
	(void)state;
	struct err err;
	assert_int_equal(fsx_store(root, "a", 0600, "one", 3, true, &err), 0);
	expect_content("a", "one");
	put(".a.new", "left behind, and longer");
	assert_int_equal(fsx_store(root, "a", 0640, "2", 1, false, &err), 0);
	expect_content("a", "2");
	assert_int_equal(count_names(), 1);
	expect_error(fsx_store_new(root, "a", 0600, "3", 1, &err), &err,
		     ERR_EXISTS, "'a'", "File exists");
	expect_content("a", "2");
	expect_error(fsx_store(root, "x/y", 0600, "3", 1, true, &err), &err,
		     ERR_UNSAFE, "x/y", "name");
	assert_int_equal(mkdirat(root, "dir", 0700), 0);
	expect_error(fsx_store(root, "dir", 0600, "3", 1, true, &err), &err,
		     ERR_IO, "cannot store 'dir'", "Is a directory");
	assert_false(is_there(".dir.new"));
	char name[256];
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	expect_error(fsx_store(root, name, 0600, "3", 1, true, &err), &err,
		     ERR_UNSAFE, "cannot store 'nnn", "nnn");
	assert_int_equal(count_names(), 2);
}

static void test_free_bytes(void **state)
{
	(void)state;
	uint64_t bytes = 0;
	struct err err;
	assert_int_equal(fsx_free_bytes(root, &bytes, &err), 0);
	assert_true(bytes > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open_read),
		TEST(test_open_unsafe),
		TEST(test_open_path),
		TEST(test_create),
		TEST(test_unnamed),
		TEST(test_limits_of_offsets),
		TEST(test_reserve),
		TEST(test_bad_descriptor),
		TEST(test_lock),
		TEST(test_sync),
		TEST(test_move),
		TEST(test_move_half_done),
		TEST(test_replace_and_remove),
		TEST(test_stat_at),
		TEST(test_open_dir),
		TEST(test_make_dir),
		TEST(test_make_path),
		TEST(test_dir),
		TEST(test_load),
		TEST(test_load_steps),
		TEST(test_store),
		TEST(test_free_bytes),
	};
	return cmocka_run_group_tests_name("base_fsx", tests, NULL, NULL);
}
