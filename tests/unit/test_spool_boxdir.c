/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "scratch.h"
#include "spool/boxdir.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define ID "X26ABC1"

struct fixture {
	struct scratch dir;
	char root[PATH_MAX];
	int state_dir;
	mode_t umask;
	struct boxdir box;
	struct err err;
};

static int setup(void **state)
{
	static struct fixture fixture;
	struct fixture *f = &fixture;
	*f = (struct fixture){ .umask = umask(0) };
	scratch_make(&f->dir);
	scratch_mkdir(&f->dir, "state", 0700);
	scratch_path(&f->dir, "root", f->root);
	f->state_dir = openat(f->dir.fd, "state", O_RDONLY | O_DIRECTORY);
	assert_true(f->state_dir >= 0);
	boxdir_init(&f->box);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	boxdir_release(&f->box);
	assert_int_equal(close(f->state_dir), 0);
	scratch_remove(&f->dir);
	(void)umask(f->umask);
	return 0;
}

static int open_box(struct fixture *f)
{
	return boxdir_open(&f->box, ID, f->root, f->state_dir, &f->err);
}

static void must_open(struct fixture *f)
{
	if (open_box(f) < 0)
		fail_msg("%s", f->err.text);
}

static bool there(const struct fixture *f, const char *name)
{
	return faccessat(f->dir.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The descriptor is that of the folder with this name. */
static void assert_is(const struct fixture *f, int fd, const char *name,
		      mode_t mode)
{
	struct stat by_fd;
	struct stat by_name;
	assert_int_equal(fstat(fd, &by_fd), 0);
	assert_int_equal(fstatat(f->dir.fd, name, &by_name, 0), 0);
	assert_int_equal(by_fd.st_ino, by_name.st_ino);
	assert_int_equal(by_fd.st_dev, by_name.st_dev);
	assert_int_equal(by_fd.st_mode & 07777, mode);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

/* --- opening --- */

static void test_all_is_made(void **state)
{
	struct fixture *f = *state;
	must_open(f);
	assert_string_equal(f->box.id, ID);
	assert_string_equal(f->box.root, f->root);
	assert_is(f, f->box.in, "root/IN", 0770);
	assert_is(f, f->box.out, "root/OUT", 0770);
	assert_is(f, f->box.sent, "root/SENT", 0770);
	assert_is(f, f->box.failed, "root/FAILED", 0770);
	assert_is(f, f->box.temp, "root/TEMP", 0770);
	assert_is(f, f->box.state, "state/" ID, 0700);
	assert_is(f, f->box.jobs, "state/" ID "/jobs", 0700);
	assert_is(f, f->box.inbound, "state/" ID "/inbound", 0700);
	assert_is(f, f->box.ledger, "state/" ID "/ledger", 0700);
	assert_is(f, f->box.orders, "state/" ID "/orders", 0700);
	assert_int_equal(f->box.lock_state, -1);
	assert_int_equal(f->box.lock_root, -1);
}

static void test_root_below_missing_folders(void **state)
{
	struct fixture *f = *state;
	scratch_path(&f->dir, "a/b/root", f->root);
	(void)umask(027);
	must_open(f);
	assert_is(f, f->box.in, "a/b/root/IN", 0750);
	assert_true(there(f, "a/b/root/TEMP"));
}

static void test_open_again(void **state)
{
	struct fixture *f = *state;
	must_open(f);
	boxdir_release(&f->box);
	scratch_write(&f->dir, "root/IN/keep", "kept");
	scratch_mkdir(&f->dir, "root/TEMPORARY", 0770);
	must_open(f);
	assert_true(there(f, "root/IN/keep"));
}

static void test_spellings(void **state)
{
	struct fixture *f = *state;
	static const char *const made[] = {
		"root",	     "root/in",	    "root/Out",	   "root/sent",
		"root/Sent", "root/failed", "root/FAILED", "root/Failed",
	};
	for (size_t i = 0; i < COUNT(made); i++)
		scratch_mkdir(&f->dir, made[i], 0755);
	must_open(f);
	assert_is(f, f->box.in, "root/in", 0755);
	assert_is(f, f->box.out, "root/Out", 0755);
	assert_is(f, f->box.sent, "root/sent", 0755);
	assert_is(f, f->box.failed, "root/FAILED", 0755);
	assert_is(f, f->box.temp, "root/TEMP", 0770);
	assert_false(there(f, "root/IN"));
	assert_false(there(f, "root/OUT"));
	assert_false(there(f, "root/SENT"));
}

/* --- refusals --- */

/* Fails so, says where, and leaves nothing open. */
static void assert_fails(struct fixture *f, enum err_code code,
			 const char *where)
{
	size_t before = scratch_count_fds();
	assert_int_equal(open_box(f), -(int)code);
	assert_int_equal(f->err.code, code);
	assert_int_equal(f->err.scope, ERR_MAILBOX);
	if (!strstr(f->err.text, where))
		fail_msg("'%s' is not in: %s", where, f->err.text);
	assert_int_equal(scratch_count_fds(), before);
	assert_int_equal(f->box.in, -1);
	assert_int_equal(f->box.jobs, -1);
	assert_null(f->box.root);
	assert_int_equal(boxdir_open(&f->box, ID, f->root, f->state_dir, NULL),
			 -(int)code);
}

static void test_folder_is_a_link(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];
	static const char *const names[] = { "IN", "OUT", "SENT", "FAILED",
					     "TEMP" };
	scratch_mkdir(&f->dir, "root", 0770);
	scratch_mkdir(&f->dir, "elsewhere", 0770);
	for (size_t i = 0; i < COUNT(names); i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "root/%s", names[i]);
		(void)unlinkat(f->dir.fd, name, AT_REMOVEDIR);
		assert_int_equal(symlinkat("../elsewhere", f->dir.fd, name), 0);
		scratch_path(&f->dir, name, path);
		assert_fails(f, ERR_UNSAFE, path);
		assert_int_equal(unlinkat(f->dir.fd, name, 0), 0);
	}
	must_open(f);
}

static void test_folder_is_a_file(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];
	scratch_mkdir(&f->dir, "root", 0770);
	scratch_mkdir(&f->dir, "root/out", 0770);
	scratch_write(&f->dir, "root/OUT", "a file");
	scratch_path(&f->dir, "root/OUT", path);
	assert_fails(f, ERR_UNSAFE, path);
}

static void test_root_is_a_file(void **state)
{
	struct fixture *f = *state;
	scratch_write(&f->dir, "root", "a file");
	assert_fails(f, ERR_MISSING, f->root);
}

static void test_root_may_be_a_link(void **state)
{
	struct fixture *f = *state;
	scratch_mkdir(&f->dir, "elsewhere", 0770);
	assert_int_equal(symlinkat("elsewhere", f->dir.fd, "root"), 0);
	must_open(f);
	assert_is(f, f->box.in, "elsewhere/IN", 0770);
}

static void test_state_folder_is_a_link(void **state)
{
	struct fixture *f = *state;
	scratch_mkdir(&f->dir, "elsewhere", 0700);
	assert_int_equal(symlinkat("../elsewhere", f->state_dir, ID), 0);
	assert_fails(f, ERR_UNSAFE, "folder '" ID "' in state_dir");
}

static void test_state_folder_of_others(void **state)
{
	struct fixture *f = *state;
	scratch_mkdir(&f->dir, "state/" ID, 0770);
	assert_fails(f, ERR_UNSAFE, "folder '" ID "' in state_dir");
	assert_int_equal(fchmodat(f->state_dir, ID, 0702, 0), 0);
	assert_fails(f, ERR_UNSAFE, "others can write");
	assert_int_equal(fchmodat(f->state_dir, ID, 0755, 0), 0);
	must_open(f);
}

static void test_jobs_is_a_file(void **state)
{
	struct fixture *f = *state;
	scratch_mkdir(&f->dir, "state/" ID, 0700);
	scratch_write(&f->dir, "state/" ID "/jobs", "a file");
	assert_fails(f, ERR_UNSAFE, "folder '" ID "/jobs' in state_dir");
}

static void test_ids_that_are_no_names(void **state)
{
	struct fixture *f = *state;
	static const char *const ids[] = {
		"",	".",   "..",   "a/b",
		"../x", "a b", "a\nb", "A23456789012345678901234567890123",
	};
	for (size_t i = 0; i < COUNT(ids); i++) {
		assert_int_equal(boxdir_open(&f->box, ids[i], f->root,
					     f->state_dir, &f->err),
				 -(int)ERR_CONFIG);
		assert_int_equal(boxdir_open_state(&f->box, ids[i],
						   f->state_dir, &f->err),
				 -(int)ERR_CONFIG);
	}
	assert_false(there(f, "root"));
}

/* In a child with mounts of its own: 0 as it should be, 1 not so, 2 the
 * system does not let us mount. */
static int open_with_foreign_out(struct fixture *f)
{
	char path[PATH_MAX];
	scratch_path(&f->dir, "root/OUT", path);
	int flags = CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER);
	if (unshare(flags) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", path, "tmpfs", 0, "size=64k") < 0)
		return 2;
	if (open_box(f) != -(int)ERR_CONFIG)
		return 1;
	return strstr(f->err.text, path) && strstr(f->err.text, f->root) &&
			       f->box.in == -1 ?
		       0 :
		       1;
}

static int in_child(struct fixture *f, int (*run)(struct fixture *))
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(run(f));
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_two_file_systems(void **state)
{
	struct fixture *f = *state;
	scratch_mkdir(&f->dir, "root", 0770);
	scratch_mkdir(&f->dir, "root/OUT", 0770);
	int result = in_child(f, open_with_foreign_out);
	if (result == 2)
		skip();
	assert_int_equal(result, 0);
}

/* --- only the state --- */

static void test_open_state(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(boxdir_open_state(&f->box, ID, f->state_dir, &f->err),
			 -(int)ERR_MISSING);
	assert_false(there(f, "state/" ID));
	scratch_mkdir(&f->dir, "state/" ID, 0700);
	scratch_mkdir(&f->dir, "state/" ID "/jobs", 0700);
	assert_int_equal(boxdir_open_state(&f->box, ID, f->state_dir, &f->err),
			 -(int)ERR_MISSING);
	assert_non_null(strstr(f->err.text, ID "/inbound"));
	assert_false(there(f, "state/" ID "/inbound"));
	assert_int_equal(f->box.jobs, -1);

	must_open(f);
	boxdir_release(&f->box);
	assert_int_equal(boxdir_open_state(&f->box, ID, f->state_dir, &f->err),
			 0);
	assert_is(f, f->box.jobs, "state/" ID "/jobs", 0700);
	assert_is(f, f->box.inbound, "state/" ID "/inbound", 0700);
	assert_is(f, f->box.ledger, "state/" ID "/ledger", 0700);
	assert_is(f, f->box.orders, "state/" ID "/orders", 0700);
	assert_int_equal(f->box.in, -1);
	assert_int_equal(f->box.temp, -1);
	assert_null(f->box.root);
}

/* --- while it is in use --- */

static void assert_replaced(struct fixture *f, const char *where)
{
	struct err err;
	assert_int_equal(boxdir_check(&f->box, &err), -(int)ERR_IO);
	assert_int_equal(err.scope, ERR_MAILBOX);
	if (!strstr(err.text, where) || !strstr(err.text, "replaced"))
		fail_msg("'%s' is not in: %s", where, err.text);
}

static void test_check_notices_what_was_replaced(void **state)
{
	static const char *const names[] = { "IN", "OUT", "SENT", "FAILED",
					     "TEMP" };
	struct fixture *f = *state;
	must_open(f);
	int base = f->box.base;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_int_equal(boxdir_check(&f->box, &f->err), 0);
		assert_int_equal(renameat(base, names[i], base, "away"), 0);
		assert_replaced(f, names[i]);
		assert_int_equal(symlinkat("away", base, names[i]), 0);
		assert_replaced(f, names[i]);
		assert_int_equal(unlinkat(base, names[i], 0), 0);
		assert_int_equal(mkdirat(base, names[i], 0700), 0);
		assert_replaced(f, names[i]);
		assert_int_equal(unlinkat(base, names[i], AT_REMOVEDIR), 0);
		assert_int_equal(renameat(base, "away", base, names[i]), 0);
	}
	assert_int_equal(boxdir_check(&f->box, &f->err), 0);
}

/* The root is what its path leads to, through a link as well. */
static void test_check_notices_another_root(void **state)
{
	struct fixture *f = *state;
	must_open(f);
	int top = f->dir.fd;
	assert_int_equal(boxdir_check(&f->box, &f->err), 0);
	assert_int_equal(renameat(top, "root", top, "away"), 0);
	assert_replaced(f, "root'");
	assert_int_equal(mkdirat(top, "root", 0700), 0);
	assert_replaced(f, "root'");
	assert_int_equal(unlinkat(top, "root", AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat("state", top, "root"), 0);
	assert_replaced(f, "root'");
	assert_int_equal(unlinkat(top, "root", 0), 0);
	assert_int_equal(symlinkat("nowhere", top, "root"), 0);
	assert_replaced(f, "root'");
	assert_int_equal(unlinkat(top, "root", 0), 0);
	assert_int_equal(symlinkat("away", top, "root"), 0);
	assert_int_equal(boxdir_check(&f->box, &f->err), 0);
	assert_int_equal(unlinkat(top, "root", 0), 0);
	assert_int_equal(renameat(top, "away", top, "root"), 0);
	assert_int_equal(boxdir_check(&f->box, &f->err), 0);
}

static void must_renew(struct fixture *f, int *fd, bool expected)
{
	bool other = !expected;
	int r = boxdir_renew_folder(&f->box, "lab", fd, &other, &f->err);
	if (r < 0)
		fail_msg("%s", f->err.text);
	assert_int_equal(other, expected);
	assert_is(f, *fd, "root/lab", 0770);
}

/* Another of the name, one that cannot be used, none. */
static void test_renew(void **state)
{
	struct fixture *f = *state;
	must_open(f);
	int base = f->box.base;
	int fd = -1;
	assert_int_equal(boxdir_open_folder(&f->box, "lab", true, &fd, &f->err),
			 0);
	size_t open_files = scratch_count_fds();
	must_renew(f, &fd, false);
	assert_int_equal(renameat(base, "lab", base, "away"), 0);
	must_renew(f, &fd, true);
	must_renew(f, &fd, false);
	assert_int_equal(unlinkat(base, "lab", AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat("away", base, "lab"), 0);
	int before = fd;
	bool other = false;
	assert_int_equal(boxdir_renew_folder(&f->box, "lab", &fd, &other,
					     &f->err),
			 -(int)ERR_UNSAFE);
	assert_int_equal(fd, before);
	assert_int_equal(unlinkat(base, "lab", 0), 0);
	must_renew(f, &fd, true);
	assert_int_equal(scratch_count_fds(), open_files);
	assert_int_equal(close(fd), 0);
}

/* --- locks --- */

static void must_lock(struct boxdir *box)
{
	struct err err;
	if (boxdir_lock(box, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(box->lock_state >= 0);
	assert_true(box->lock_root >= 0);
}

static void assert_busy(struct boxdir *box, const char *where)
{
	struct err err;
	size_t before = scratch_count_fds();
	assert_int_equal(boxdir_lock(box, &err), -(int)ERR_BUSY);
	assert_int_equal(err.scope, ERR_MAILBOX);
	assert_int_equal(err.retry, ERR_LATER);
	if (!strstr(err.text, where))
		fail_msg("'%s' is not in: %s", where, err.text);
	assert_int_equal(box->lock_state, -1);
	assert_int_equal(box->lock_root, -1);
	assert_int_equal(scratch_count_fds(), before);
	assert_int_equal(boxdir_lock(box, NULL), -(int)ERR_BUSY);
}

static void test_lock_keeps_others_away(void **state)
{
	struct fixture *f = *state;
	struct boxdir other;
	must_open(f);
	must_lock(&f->box);
	assert_true(there(f, "state/" ID "/lock"));
	assert_true(there(f, "root/TEMP/.meshdrop.lock"));
	boxdir_init(&other);
	assert_int_equal(boxdir_open(&other, ID, f->root, f->state_dir,
				     &f->err),
			 0);
	assert_busy(&other, "folder '" ID "' in state_dir");
	boxdir_release(&f->box);
	must_lock(&other);
	boxdir_release(&other);
}

static void test_lock_with_another_root(void **state)
{
	struct fixture *f = *state;
	struct boxdir other;
	char root[PATH_MAX];
	must_open(f);
	must_lock(&f->box);
	scratch_path(&f->dir, "root2", root);
	boxdir_init(&other);
	assert_int_equal(boxdir_open(&other, ID, root, f->state_dir, &f->err),
			 0);
	assert_busy(&other, "folder '" ID "' in state_dir");
	boxdir_release(&other);
}

static void test_lock_with_another_state(void **state)
{
	struct fixture *f = *state;
	struct boxdir other;
	char where[PATH_MAX];
	must_open(f);
	must_lock(&f->box);
	boxdir_init(&other);
	assert_int_equal(boxdir_open(&other, "X26ABC2", f->root, f->state_dir,
				     &f->err),
			 0);
	scratch_path(&f->dir, "root/TEMP", where);
	assert_busy(&other, where);
	/* the first lock was given back */
	assert_busy(&other, where);
	boxdir_release(&f->box);
	must_lock(&other);
	boxdir_release(&other);
}

static int lock_and_die(struct fixture *f)
{
	return open_box(f) == 0 && boxdir_lock(&f->box, NULL) == 0 ? 0 : 1;
}

static void test_lock_ends_with_its_process(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(in_child(f, lock_and_die), 0);
	assert_true(there(f, "state/" ID "/lock"));
	must_open(f);
	must_lock(&f->box);
}

static void test_lock_is_no_link(void **state)
{
	struct fixture *f = *state;
	must_open(f);
	scratch_write(&f->dir, "target", "");
	assert_int_equal(symlinkat("../../target", f->dir.fd,
				   "root/TEMP/.meshdrop.lock"),
			 0);
	assert_int_equal(boxdir_lock(&f->box, &f->err), -(int)ERR_UNSAFE);
	assert_int_equal(f->box.lock_state, -1);
	assert_int_equal(unlinkat(f->box.temp, ".meshdrop.lock", 0), 0);
	must_lock(&f->box);
}

static void test_release(void **state)
{
	struct fixture *f = *state;
	size_t before = scratch_count_fds();
	must_open(f);
	must_lock(&f->box);
	boxdir_release(&f->box);
	assert_int_equal(scratch_count_fds(), before);
	boxdir_release(&f->box);
	boxdir_release(NULL);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_is_made),
		TEST(test_root_below_missing_folders),
		TEST(test_open_again),
		TEST(test_spellings),
		TEST(test_folder_is_a_link),
		TEST(test_folder_is_a_file),
		TEST(test_root_is_a_file),
		TEST(test_root_may_be_a_link),
		TEST(test_state_folder_is_a_link),
		TEST(test_state_folder_of_others),
		TEST(test_jobs_is_a_file),
		TEST(test_ids_that_are_no_names),
		TEST(test_two_file_systems),
		TEST(test_open_state),
		TEST(test_check_notices_what_was_replaced),
		TEST(test_check_notices_another_root),
		TEST(test_renew),
		TEST(test_lock_keeps_others_away),
		TEST(test_lock_with_another_root),
		TEST(test_lock_with_another_state),
		TEST(test_lock_ends_with_its_process),
		TEST(test_lock_is_no_link),
		TEST(test_release),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
