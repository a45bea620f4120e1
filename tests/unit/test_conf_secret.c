/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* Secret files: who may read them, and what may be in them. */
#include "config.h"

#include "conf/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "conf_help.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

static struct help_dir dir;

static int make_dir(void **state)
{
	(void)state;
	help_dir_make(&dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	help_dir_remove(&dir);
	return 0;
}

static void check_refused(int code, const char *part)
{
	struct secret secret;
	struct err err;
	memset(&secret, 'x', sizeof(secret));
	assert_int_equal(secret_load(help_path(&dir, "s"), &secret, &err),
			 -code);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.text, part));
	assert_non_null(strstr(err.text, help_path(&dir, "s")));
	assert_null(strstr(err.text, "hunter2"));
	for (size_t i = 0; i < sizeof(secret.text); i++)
		assert_int_equal(secret.text[i], 'x');
}

static void check_loaded(const char *expected)
{
	struct secret secret;
	struct err err;
	memset(&secret, 'x', sizeof(secret));
	assert_int_equal(secret_load(help_path(&dir, "s"), &secret, &err), 0);
	assert_string_equal(secret.text, expected);
	/* nothing of what was there before is left behind the end */
	for (size_t i = strlen(expected); i < sizeof(secret.text); i++)
		assert_int_equal(secret.text[i], 0);
	secret_wipe(&secret);
	for (size_t i = 0; i < sizeof(secret.text); i++)
		assert_int_equal(secret.text[i], 0);
}

static void loads(void **state)
{
	(void)state;
	help_write(&dir, "s", 0600, "hunter2\n");
	check_loaded("hunter2");
	help_write(&dir, "s", 0400, "hunter2");
	check_loaded("hunter2");
	/* one line end is not part of it; blanks are */
	help_write(&dir, "s", 0600, " a b \xc3\xa9 \n");
	check_loaded(" a b \xc3\xa9 ");
}

static void checks_length(void **state)
{
	(void)state;
	char text[SECRET_MAX + 3];
	memset(text, 'a', sizeof(text));
	text[SECRET_MAX] = '\0';
	help_write(&dir, "s", 0600, text);
	check_loaded(text);
	text[SECRET_MAX] = '\n';
	help_write_bytes(&dir, "s", 0600, text, SECRET_MAX + 1);
	text[SECRET_MAX] = '\0';
	check_loaded(text);
	text[SECRET_MAX] = 'a';
	help_write_bytes(&dir, "s", 0600, text, SECRET_MAX + 1);
	check_refused(ERR_INVALID, "too long");
	text[SECRET_MAX + 1] = '\n';
	help_write_bytes(&dir, "s", 0600, text, SECRET_MAX + 2);
	check_refused(ERR_LIMIT, "larger than");
	help_write(&dir, "s", 0600, "");
	check_refused(ERR_INVALID, "is empty");
	help_write(&dir, "s", 0600, "\n");
	check_refused(ERR_INVALID, "is empty");
}

static void checks_content(void **state)
{
	(void)state;
	static const char with_nul[] = "hunter2\0x";
	help_write(&dir, "s", 0600, "hunter2\r\n");
	check_refused(ERR_INVALID, "Windows line ends");
	help_write(&dir, "s", 0600, "hunter2\n\n");
	check_refused(ERR_INVALID, "one line");
	help_write(&dir, "s", 0600, "hunter2\nx");
	check_refused(ERR_INVALID, "one line");
	help_write(&dir, "s", 0600, "\thunter2");
	check_refused(ERR_INVALID, "control character");
	help_write(&dir, "s", 0600, "hunter2\177");
	check_refused(ERR_INVALID, "control character");
	help_write_bytes(&dir, "s", 0600, with_nul, sizeof(with_nul) - 1);
	check_refused(ERR_INVALID, "control character");
	help_write(&dir, "s", 0600, "\xef\xbb\xbfhunter2\n");
	check_refused(ERR_INVALID, "byte order mark");
}

static void checks_mode(void **state)
{
	(void)state;
	static const mode_t open_modes[] = {
		0604, 0602, 0601, 0620, 0610, 0660, 0644, 0777,
	};
	for (size_t i = 0; i < COUNT(open_modes); i++) {
		help_write(&dir, "s", open_modes[i], "hunter2\n");
		check_refused(ERR_UNSAFE, "can be reached by other users");
	}
}

/* The rule without a file, so that every owner can be tried by anybody. */
static void checks_owner(void **state)
{
	(void)state;
	const uid_t me = geteuid();
	const uid_t other = me + 4321;
	const gid_t group = getegid();
	const gid_t strange = group + 4321;
	const struct {
		uid_t uid;
		gid_t gid;
		mode_t mode;
		bool good;
	} cases[] = {
		{ me, strange, 0600, true },
		{ me, strange, 0400, true },
		{ 0, strange, 0600, true },
		{ other, group, 0600, false },
		{ other, group, 0400, false },
		{ 0, group, 0640, true },
		{ 0, group, 0440, true },
		{ 0, 0, 0440, true }, /* as systemd shows a credential */
		{ 0, strange, 0640, false },
		{ 0, group, 0660, false },
		{ 0, group, 0650, false },
		{ 0, group, 0644, false },
		{ 0, 0, 0444, false },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct stat st = {
			.st_uid = cases[i].uid,
			.st_gid = cases[i].gid,
			.st_mode = S_IFREG | cases[i].mode,
		};
		struct err err;
		int r = secret_check("/p", &st, &err);
		assert_int_equal(r, cases[i].good ? 0 : -(int)ERR_UNSAFE);
		if (!cases[i].good)
			assert_non_null(strstr(err.text, "'/p'"));
	}
	/* our own group may not read what is ours and not root's */
	if (me != 0) {
		const struct stat st = {
			.st_uid = me,
			.st_gid = group,
			.st_mode = S_IFREG | 0640,
		};
		assert_int_equal(secret_check("/p", &st, NULL),
				 -(int)ERR_UNSAFE);
	}
}

static void checks_kind(void **state)
{
	(void)state;
	assert_int_equal(unlink(help_path(&dir, "s")), 0);
	check_refused(ERR_MISSING, "cannot open");
	assert_int_equal(mkfifo(help_path(&dir, "s"), 0600), 0);
	check_refused(ERR_UNSAFE, "regular");
	assert_int_equal(unlink(help_path(&dir, "s")), 0);
	help_mkdir(&dir, "s");
	check_refused(ERR_UNSAFE, "regular");
	assert_int_equal(rmdir(help_path(&dir, "s")), 0);
	/* the path is from settings: a link is followed, its end is judged */
	help_write(&dir, "real", 0644, "hunter2\n");
	assert_int_equal(symlink("real", help_path(&dir, "s")), 0);
	check_refused(ERR_UNSAFE, "can be reached by other users");
	help_write(&dir, "real", 0600, "hunter2\n");
	check_loaded("hunter2");
	assert_int_equal(unlink(help_path(&dir, "s")), 0);
}

static void wipes_nothing(void **state)
{
	(void)state;
	secret_wipe(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads),
		cmocka_unit_test(checks_length),
		cmocka_unit_test(checks_content),
		cmocka_unit_test(checks_mode),
		cmocka_unit_test(checks_owner),
		cmocka_unit_test(checks_kind),
		cmocka_unit_test(wipes_nothing),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
