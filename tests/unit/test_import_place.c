/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * import/place: all files or none, also when a rename fails or the process
 * dies at any of them. Renames are replaced by one that does so on demand.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "import/fileset.h"
#include "import/journal.h"
#include "import/place.h"
#include "scratch.h"

#define STAMP "20261122103000"
#define NAMES_MAX 64
#define DEAD 77

static struct scratch scratch;
static char target[PATH_MAX];

/* --- a rename that fails --- */

static unsigned renames;
static unsigned bad_rename; /* which one, from 1; 0: none */
static bool deadly;

int renameat2(int from_dir, const char *from, int to_dir, const char *to,
	      unsigned flags)
{
	renames++;
	if (renames == bad_rename && deadly)
		_exit(DEAD);
	if (renames == bad_rename) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

/* --- what a folder holds --- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void show(int dir, const char *prefix, struct buf *ret);

static void show_one(int dir, const char *name, const char *prefix,
		     struct buf *ret)
{
	struct stat st;
	AUTO_CLOSE int fd = -1;
	AUTO_FREE char *path = xasprintf("%s%s", prefix, name);
	assert_int_equal(fsx_stat_at(dir, name, &st, NULL), 0);
	assert_true(buf_printf(ret, "%s %o ", path, st.st_mode & 07777));
	if (S_ISDIR(st.st_mode)) {
		AUTO_FREE char *below = xasprintf("%s/", path);
		assert_true(buf_puts(ret, "dir\n"));
		assert_int_equal(fsx_open_dir(dir, name, &fd, NULL), 0);
		show(fd, below, ret);
		return;
	}
	assert_int_equal(fsx_load(dir, name, ret, NULL), 0);
	assert_true(buf_puts(ret, "\n"));
}

static void show(int dir, const char *prefix, struct buf *ret)
{
	char *names[NAMES_MAX];
	size_t count = 0;
	struct fsx_dir *list = NULL;
	assert_int_equal(fsx_dir_open(dir, &list, NULL), 0);
	for (;;) {
		const char *name = NULL;
		assert_int_equal(fsx_dir_next(list, &name, NULL), 0);
		if (!name)
			break;
		assert_true(count < NAMES_MAX);
		names[count++] = xstrdup(name);
	}
	(void)fsx_dir_close(list); /* always NULL */
	qsort(names, count, sizeof(*names), compare);
	for (size_t i = 0; i < count; i++) {
		show_one(dir, names[i], prefix, ret);
		free(names[i]);
	}
}

static void expect(const char *want)
{
	AUTO_BUF struct buf got;
	buf_init(&got, 65536);
	show(scratch.fd, "", &got);
	assert_string_equal(got.data, want);
}

/* --- one import --- */

static int set_up(void **state)
{
	(void)state;
	scratch_make(&scratch);
	scratch_path(&scratch, "etc", target);
	renames = 0;
	bad_rename = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(&scratch);
	return 0;
}

static void fill(struct fileset *set)
{
	*set = (struct fileset){ .files = NULL };
	assert_true(fileset_put(set, "client.key", true, "new key"));
	assert_true(fileset_put(set, FILESET_CONF, false, "new conf"));
	assert_true(fileset_put(set, "mailboxes.d/A.yaml", false, "new box"));
	assert_true(fileset_put(set, FILESET_SHARED_KEY, true, "kept key"));
	set->files[3].kept = true;
}

static int do_import(bool force, struct err *err)
{
	struct place place;
	struct fileset set;
	fill(&set);
	int r = place_open(&place, target, STAMP, err);
	if (r == 0 && !force)
		r = place_check(&place, &set, err);
	if (r == 0)
		r = place_stage(&place, &set, err);
	if (r == 0)
		r = place_commit(&place, &set, err);
	place_close(&place);
	fileset_release(&set);
	return r;
}

static void import_ok(bool force)
{
	struct err err;
	if (do_import(force, &err) < 0)
		fail_msg("%s", err.text);
}

/* --- a folder that is exchanged --- */

static enum {
	NOTHING,
	A_LINK,
	OF_OTHERS
} exchange; /* for the next one made */

int mkdirat(int dir, const char *name, mode_t mode)
{
	int r = exchange == A_LINK ? symlinkat("victim", dir, name) :
				     (int)syscall(SYS_mkdirat, dir, name, mode);
	if (r == 0 && exchange == OF_OTHERS)
		assert_int_equal(fchownat(dir, name, 65534, 65534, 0), 0);
	exchange = NOTHING;
	return r;
}

/* What was there before, with a mailbox that is not of the set. */
static void make_old(void)
{
	scratch_mkdir(&scratch, "etc", 0750);
	scratch_mkdir(&scratch, "etc/mailboxes.d", 0750);
	scratch_write(&scratch, "etc/meshdrop.conf", "old conf");
	scratch_write(&scratch, "etc/client.key", "old key");
	scratch_write(&scratch, "etc/shared.key", "kept key");
	scratch_write(&scratch, "etc/notes", "mine");
	scratch_write(&scratch, "etc/mailboxes.d/A.yaml", "old box");
	scratch_write(&scratch, "etc/mailboxes.d/B.yaml", "other box");
	scratch_write(&scratch, "etc/mailboxes.d/readme", "mine, too");
}

static void snapshot(struct buf *ret)
{
	buf_init(ret, 65536);
	show(scratch.fd, "", ret);
}

#define NEW                                    \
	"etc 700 dir\n"                        \
	"etc/client.key 600 new key\n"         \
	"etc/mailboxes.d 700 dir\n"            \
	"etc/mailboxes.d/A.yaml 644 new box\n" \
	"etc/meshdrop.conf 644 new conf\n"

static void test_new_folder(void **state)
{
	(void)state;
	import_ok(false);
	expect(NEW);
}

static void test_umask(void **state)
{
	(void)state;
	mode_t mask = umask(0077);
	import_ok(false);
	(void)umask(mask);
	expect(NEW);
}

static void test_slashes(void **state)
{
	(void)state;
	AUTO_FREE char *path = xasprintf("%s//", target);
	assert_true(strlen(path) < sizeof(target));
	memcpy(target, path, strlen(path) + 1);
	import_ok(false);
	expect(NEW);
}

static void test_no_parent(void **state)
{
	(void)state;
	struct err err;
	scratch_path(&scratch, "no/such", target);
	assert_int_equal(do_import(false, &err), -(int)ERR_MISSING);
	assert_non_null(strstr(err.text, "make the folder above"));
	expect("");
}

/* Who owns the folder above could turn our rights and secrets elsewhere. */
static void test_exchanged_for_a_link(void **state)
{
	(void)state;
	struct err err;
	scratch_mkdir(&scratch, "victim", 0755);
	exchange = A_LINK;
	assert_int_equal(do_import(false, &err), -(int)ERR_UNSAFE);
	AUTO_CLOSE int victim = -1;
	struct stat st;
	assert_int_equal(fsx_open_dir(scratch.fd, "victim", &victim, NULL), 0);
	assert_int_equal(fstat(victim, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	AUTO_BUF struct buf inside;
	buf_init(&inside, 65536);
	show(victim, "", &inside);
	assert_string_equal(inside.data, "");
}

/* Only the superuser can have somebody else's. */
static void test_exchanged_for_a_folder_of_others(void **state)
{
	(void)state;
	struct err err;
	if (geteuid() != 0)
		skip();
	exchange = OF_OTHERS;
	assert_int_equal(do_import(false, &err), -(int)ERR_UNSAFE);
	expect("etc 700 dir\n");
}

static void test_refuses(void **state)
{
	(void)state;
	struct err err;
	make_old();
	AUTO_BUF struct buf before;
	snapshot(&before);
	assert_int_equal(do_import(false, &err), -(int)ERR_EXISTS);
	assert_non_null(strstr(err.text, "meshdrop.conf, client.key, "
					 "mailboxes.d/A.yaml, "
					 "mailboxes.d/B.yaml;"));
	assert_null(strstr(err.text, "shared.key"));
	expect(before.data);
}

#define FORCED                                          \
	"etc %o dir\n"                                  \
	"etc/A.yaml.old-" STAMP " %o old box\n"         \
	"etc/B.yaml.old-" STAMP " %o other box\n"       \
	"etc/client.key 600 new key\n"                  \
	"etc/client.key.old-" STAMP " %o old key\n"     \
	"etc/mailboxes.d %o dir\n"                      \
	"etc/mailboxes.d/A.yaml 644 new box\n"          \
	"etc/mailboxes.d/readme %o mine, too\n"         \
	"etc/meshdrop.conf 644 new conf\n"              \
	"etc/meshdrop.conf.old-" STAMP " %o old conf\n" \
	"etc/notes %o mine\n"                           \
	"etc/shared.key %o kept key\n"

/* The modes that the old ones have depend on who runs this. */
static char *forced(void)
{
	struct stat st;
	assert_int_equal(fstatat(scratch.fd, "etc/notes", &st, 0), 0);
	unsigned f = st.st_mode & 07777;
	assert_int_equal(fstatat(scratch.fd, "etc", &st, 0), 0);
	unsigned d = st.st_mode & 07777;
	return xasprintf(FORCED, d, f, f, f, d, f, f, f, f);
}

static void test_force(void **state)
{
	(void)state;
	make_old();
	AUTO_FREE char *want = forced();
	import_ok(true);
	expect(want);
}

/* --- failures --- */

static void test_failed_rename(void **state)
{
	(void)state;
	struct err err;
	make_old();
	AUTO_BUF struct buf before;
	snapshot(&before);
	unsigned failed = 0;
	for (unsigned i = 1;; i++) {
		renames = 0;
		bad_rename = i;
		int r = do_import(true, &err);
		if (r == 0)
			break;
		assert_int_equal(r, -(int)ERR_IO);
		assert_non_null(strstr(err.text, "is as it was"));
		expect(before.data);
		failed++;
	}
	assert_int_equal(failed, 4 + 3); /* old ones away, new ones in */
}

static void test_failed_in_new_folder(void **state)
{
	(void)state;
	struct err err;
	for (unsigned i = 1; i <= 3; i++) {
		renames = 0;
		bad_rename = i;
		assert_int_equal(do_import(false, &err), -(int)ERR_IO);
		expect("");
	}
}

static int die_in_import(unsigned at)
{
	pid_t pid = fork();
	if (pid == 0) {
		renames = 0;
		bad_rename = at;
		deadly = true;
		_exit(do_import(true, NULL) < 0 ? 1 : 0);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Opening and closing is what every import begins and ends with. */
static void look_in(void)
{
	struct err err;
	struct place place;
	if (place_open(&place, target, STAMP, &err) < 0)
		fail_msg("%s", err.text);
	place_close(&place);
}

static void test_death(void **state)
{
	(void)state;
	make_old();
	AUTO_BUF struct buf before;
	snapshot(&before);
	AUTO_FREE char *want = forced();
	unsigned deaths = 0;
	for (unsigned i = 1; die_in_import(i) == DEAD; i++) {
		struct stat st;
		/* the hidden folder is there, and no settings to be read */
		assert_int_equal(fstatat(scratch.fd, "etc/" PLACE_STAGE, &st,
					 0),
				 0);
		assert_true(i == 1 || fstatat(scratch.fd, "etc/meshdrop.conf",
					      &st, 0) < 0);
		look_in();
		expect(before.data);
		deaths++;
	}
	assert_int_equal(deaths, 4 + 3);
	expect(want);
}

/* A second death, while the first is being undone. */
static void test_death_in_recovery(void **state)
{
	(void)state;
	make_old();
	AUTO_BUF struct buf before;
	snapshot(&before);
	for (unsigned i = 1; i < 7; i++) {
		assert_int_equal(die_in_import(7), DEAD);
		assert_int_equal(die_in_import(i), DEAD);
		look_in();
		expect(before.data);
	}
}

/* Death after the last rename: it counts, and only the rest goes. */
static void test_death_behind_the_end(void **state)
{
	(void)state;
	struct place place;
	struct fileset set;
	fill(&set);
	assert_int_equal(place_open(&place, target, STAMP, NULL), 0);
	assert_int_equal(place_stage(&place, &set, NULL), 0);
	assert_int_equal(place_commit(&place, &set, NULL), 0);
	fileset_release(&set);
	/* what a death closes */
	mem_auto_close(&place.journal);
	mem_auto_close(&place.stage);
	mem_auto_close(&place.dir);
	free(place.path);
	look_in();
	expect(NEW);
}

static void test_two_at_once(void **state)
{
	(void)state;
	struct err err;
	struct place first;
	scratch_mkdir(&scratch, "etc", 0700);
	assert_int_equal(place_open(&first, target, STAMP, &err), 0);
	assert_int_equal(do_import(false, &err), -(int)ERR_BUSY);
	assert_non_null(strstr(err.text, "another import is at work"));
	struct fileset set;
	fill(&set);
	assert_int_equal(place_stage(&first, &set, &err), 0);
	assert_int_equal(place_commit(&first, &set, &err), 0);
	place_close(&first);
	fileset_release(&set);
	expect(NEW);
}

static void test_no_descriptors_left(void **state)
{
	(void)state;
	struct err err;
	size_t before = scratch_count_fds();
	make_old();
	assert_true(do_import(false, &err) < 0);
	import_ok(true);
	assert_int_equal(scratch_count_fds(), before);
}

/* --- the journal --- */

static void test_journal(void **state)
{
	(void)state;
	struct err err;
	AUTO_BUF struct buf list;
	buf_init(&list, JOURNAL_SIZE_MAX);
	assert_false(journal_add(&list, "a\tb", "c"));
	assert_false(journal_add(&list, "a", "c\n"));
	assert_false(journal_is_done(scratch.fd, &list));
	scratch_write(&scratch, "a", "1");
	scratch_mkdir(&scratch, "d", 0700);
	assert_true(journal_add(&list, "a", "b"));
	assert_true(journal_add(&list, "b", "d/c"));
	assert_true(buf_puts(&list, "torn"));
	assert_int_equal(journal_do(scratch.fd, &list, &err), 0);
	assert_true(journal_is_done(scratch.fd, &list));
	assert_int_equal(journal_undo(scratch.fd, &list, &err), 0);
	assert_int_equal(journal_undo(scratch.fd, &list, &err), 0);
	assert_false(journal_is_done(scratch.fd, &list));
	buf_clear(&list);
	assert_true(buf_puts(&list, "no tab\n"));
	assert_int_equal(journal_undo(scratch.fd, &list, &err),
			 -(int)ERR_CORRUPT);
	buf_clear(&list);
	assert_true(buf_puts(&list, "../a\tb\n"));
	assert_int_equal(journal_do(scratch.fd, &list, &err), -(int)ERR_UNSAFE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_new_folder),
		TEST(test_umask),
		TEST(test_slashes),
		TEST(test_no_parent),
		TEST(test_exchanged_for_a_link),
		TEST(test_exchanged_for_a_folder_of_others),
		TEST(test_refuses),
		TEST(test_force),
		TEST(test_failed_rename),
		TEST(test_failed_in_new_folder),
		TEST(test_death),
		TEST(test_death_in_recovery),
		TEST(test_death_behind_the_end),
		TEST(test_two_at_once),
		TEST(test_no_descriptors_left),
		TEST(test_journal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
