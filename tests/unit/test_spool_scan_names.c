/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/text.h"
#include "scratch.h"
#include "spool/scan.h"
#include "spool/scan_names.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void read_names(const struct scratch *dir, size_t most,
		       struct scan_names *list)
{
	struct err err;
	scan_names_init(list);
	if (scan_names_read(list, dir->fd, false, most, &err) < 0)
		fail_msg("%s", err.text);
}

/* A stem that begins like another, or holds a byte below the dot. */
static void test_groups(void **state)
{
	(void)state;
	static const char *const names[] = {
		"a.dat",  "a-b.ctl", "a.ctl",	"a.b.dat",
		"ab.ctl", "a.CTL",   "a-b.dat", "a.ctl.dat",
	};
	struct scratch dir;
	struct scan_names list;
	scratch_make(&dir);
	for (size_t i = 0; i < COUNT(names); i++)
		scratch_write(&dir, names[i], "");
	read_names(&dir, 100, &list);
	assert_int_equal(list.count, COUNT(names));

	size_t pos = 0;
	struct scan_group group;
	scan_names_next(&list, &pos, &group);
	assert_string_equal(group.ctl, "a.ctl");
	assert_string_equal(group.dat, "a.dat");
	assert_int_equal(group.files, 3);
	scan_names_next(&list, &pos, &group);
	assert_string_equal(group.ctl, "a-b.ctl");
	assert_string_equal(group.dat, "a-b.dat");
	assert_int_equal(group.files, 2);
	scan_names_next(&list, &pos, &group);
	assert_null(group.ctl);
	assert_string_equal(group.dat, "a.b.dat");
	scan_names_next(&list, &pos, &group);
	assert_null(group.ctl);
	assert_string_equal(group.dat, "a.ctl.dat");
	scan_names_next(&list, &pos, &group);
	assert_string_equal(group.ctl, "ab.ctl");
	assert_null(group.dat);
	assert_int_equal(pos, list.count);
	scan_names_release(&list);
	scan_names_release(&list);
	scratch_remove(&dir);
}

static void test_stem_that_is_a_whole_name(void **state)
{
	(void)state;
	struct scratch dir;
	struct scan_names list;
	scratch_make(&dir);
	scratch_write(&dir, "a.ctl", "");
	scratch_write(&dir, "a.ctl.dat", "");
	read_names(&dir, 100, &list);
	size_t pos = 0;
	struct scan_group group;
	scan_names_next(&list, &pos, &group);
	assert_string_equal(group.ctl, "a.ctl");
	assert_null(group.dat);
	scan_names_next(&list, &pos, &group);
	assert_null(group.ctl);
	assert_string_equal(group.dat, "a.ctl.dat");
	scan_names_release(&list);
	scratch_remove(&dir);
}

static void test_limit(void **state)
{
	(void)state;
	static const char *const names[] = { "a.ctl", "a.dat", "b.ctl", ".x",
					     "y" };
	struct scratch dir;
	scratch_make(&dir);
	for (size_t i = 0; i < COUNT(names); i++)
		scratch_write(&dir, names[i], "");
	for (size_t most = 0; most < 5; most++) {
		struct scan_names list;
		read_names(&dir, most, &list);
		assert_int_equal(list.count, most < 3 ? most : 3);
		assert_int_equal(list.cut, most < 3);
		scan_names_release(&list);
	}
	scratch_remove(&dir);
}

struct stem {
	const char *name;
	const char *stem;
};

static void test_stem(void **state)
{
	(void)state;
	static const struct stem stems[] = {
		{ "a.ctl", "a" }, { "a.b.dat", "a.b" }, { "a", "a" },
		{ ".ctl", "" },	  { "a.", "a" },	{ "", "" },
	};
	for (size_t i = 0; i < COUNT(stems); i++) {
		char stem[TEXT_NAME_SIZE];
		scan_stem(stems[i].name, stem);
		assert_string_equal(stem, stems[i].stem);
	}
	assert_null(scan_free(NULL));
	scan_result_release(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_stem_that_is_a_whole_name),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_stem),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
