/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "spool/second.h"

#define ID "20261122065959123456_0A1B2C"
#define OTHER "20261122065959123457_0A1B2D"
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

struct pair {
	const char *said;
	const char *name; /* NULL: none */
};

static void expect(const struct pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char name[TEXT_NAME_SIZE] = "untouched";
		bool is = second_name(pairs[i].said, ID, name);
		if (is != (pairs[i].name != NULL))
			fail_msg("'%s' gives '%s'", pairs[i].said, name);
		assert_string_equal(name, is ? pairs[i].name : "untouched");
		if (is)
			assert_true(text_is_file_name(name));
	}
}
#define EXPECT(pairs) expect(pairs, sizeof(pairs) / sizeof(*(pairs)))

static void test_usual(void **state)
{
	(void)state;
	static const struct pair pairs[] = {
		{ "letter.pdf", "letter.pdf" },
		{ "a b (1)~#%&'.tar.gz", "a b (1)~#%&'.tar.gz" },
		{ "X26HC001-0050.dat", "X26HC001-0050.dat" },
		{ "no extension", "no extension" },
		{ "r\xc3\xa9sum\xc3\xa9.pdf", "r\xc3\xa9sum\xc3\xa9.pdf" },
		{ "$(reboot);`x`", "$(reboot);`x`" },
	};
	EXPECT(pairs);
}

static void test_hostile(void **state)
{
	(void)state;
	static const struct pair pairs[] = {
		{ "../../etc/passwd", "___.._etc_passwd" },
		{ "/etc/passwd", "_etc_passwd" },
		{ "C:\\temp\\x.txt", "C__temp_x.txt" },
		{ "..", "__" },
		{ ".", "_" },
		{ ".hidden", "_hidden" },
		{ "-rf", "_rf" },
		{ " --x", "___x" },
		{ "x. ", "x__" },
		{ "x.", "x_" },
		{ "   ", "___" },
		{ "a\nb\tc\x7f.txt", "a_b_c_.txt" },
		{ "a\\x0ab.txt", "a_b.txt" }, /* as text_escape has it */
		{ "a\\x0", "a_x0" },
		{ "\xff\xfe.dat", "__.dat" },
		{ "cut\xc3", "cut_" },
		{ "a:b*c?d\"e<f>g|h", "a_b_c_d_e_f_g_h" },
	};
	EXPECT(pairs);
}

static void test_none(void **state)
{
	(void)state;
	static const struct pair pairs[] = {
		{ "", NULL },
		{ ID ".dat", NULL },
		{ "20261122065959123456_0a1b2c.DAT", NULL },
		{ ID ".ctl", NULL },
	};
	EXPECT(pairs);
}

/* No consumer may take it for a control file, or for another message. */
static void test_reserved(void **state)
{
	(void)state;
	static const struct pair pairs[] = {
		{ "x.ctl", "x.ctl_" },
		{ "X.CTL", "X.CTL_" },
		{ ".ctl", "_ctl" },
		{ "x.ctl ", "x.ctl_" },
		{ OTHER ".ctl", OTHER ".ctl_" },
		{ OTHER ".dat", OTHER ".dat_" },
		{ OTHER ".Dat", OTHER ".Dat_" },
		{ OTHER ".pdf", OTHER ".pdf" },
		{ OTHER " 2.dat", OTHER " 2.dat" },
		{ "20261122065959.dat", "20261122065959.dat" },
	};
	EXPECT(pairs);
}

static void test_long(void **state)
{
	(void)state;
	char name[TEXT_NAME_SIZE];
	assert_true(second_name(HUNDRED HUNDRED HUNDRED ".pdf", ID, name));
	assert_int_equal(strlen(name), SECOND_MAX);
	assert_string_equal(name + SECOND_MAX - 6, "45.pdf");
	/* a dot far from the end begins no extension */
	assert_true(second_name("a." HUNDRED HUNDRED HUNDRED, ID, name));
	assert_int_equal(strlen(name), SECOND_MAX);
	/* not in the middle of a character */
	assert_true(second_name(HUNDRED HUNDRED "\xc3\xa9.pdf", ID, name));
	assert_int_equal(strlen(name), SECOND_MAX);
	char accents[601] = "";
	for (size_t i = 0; i < 300; i++)
		memcpy(accents + 2 * i, "\xc3\xa9", 3);
	assert_true(second_name(accents, ID, name));
	assert_int_equal(strlen(name), SECOND_MAX);
	assert_true(second_name(accents + 1, ID, name)); /* half a one first */
	assert_int_equal(strlen(name), SECOND_MAX - 1);
	/* the reserved end counts after the cut */
	assert_true(second_name(HUNDRED HUNDRED HUNDRED ".ctl", ID, name));
	assert_int_equal(strlen(name), SECOND_MAX + 1);
	assert_string_equal(name + SECOND_MAX - 4, ".ctl_");
}

static void test_aside(void **state)
{
	(void)state;
	char name[TEXT_NAME_SIZE];
	second_aside("letter.pdf", ID, name);
	assert_string_equal(name, "letter~" ID ".pdf");
	second_aside("letter", ID, name);
	assert_string_equal(name, "letter~" ID);
	second_aside("x.ctl_", ID, name);
	assert_string_equal(name, "x~" ID ".ctl_");
	char id[TEXT_ID_SIZE];
	memset(id, 'A', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	second_aside(HUNDRED HUNDRED, id, name);
	assert_int_equal(strlen(name), TEXT_NAME_SIZE - 1);
	assert_true(text_is_file_name(name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual), cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_none),  cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_long),  cmocka_unit_test(test_aside),
	};
	return cmocka_run_group_tests_name("spool_second", tests, NULL, NULL);
}
