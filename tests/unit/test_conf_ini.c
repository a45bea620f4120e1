/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* The settings file's reader, and each thing inih would change in silence. */
#include "config.h"

#include "conf/ini.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf_help.h"

#define BYTES(s) (s), sizeof(s) - 1

static struct help_log said;

/* Reads text into conf, which the caller frees with help_free_texts. */
static bool read_text(const char *text, size_t len, struct conf *conf)
{
	help_log_clear(&said);
	*conf = (struct conf){ .file = NULL };
	struct schema_load load = help_loader(SCHEMA_DAEMON, "/c/t.conf", conf,
					      &said);
	schema_preset(SCHEMA_DAEMON, conf);
	ini_read(&load, text, len);
	assert_int_equal(load.failed, said.errors > 0);
	return !load.failed;
}

struct bad {
	const char *what;
	const char *text;
	size_t len;
	const char *expected;
};

static const struct bad bad_files[] = {
	{ "comment after a value", BYTES("[service]\nurl = https://a ;b\n"),
	  "E /c/t.conf:2: a comment needs a line of its own (' ;')\n" },
	{ "comment after a tab", BYTES("[service]\nurl = https://a\t; b\n"),
	  "E /c/t.conf:2: a comment needs a line of its own (' ;')\n" },
	{ "value that is a comment", BYTES("[service]\nca_file = ;x\n"),
	  "E /c/t.conf:2: a comment needs a line of its own (' ;')\n"
	  "E /c/t.conf:2: [service] ca_file must be 1 to 4095 bytes without "
	  "control characters\n" },
	{ "comment behind the sign", BYTES("[service]\nca_file =;x\n"),
	  "E /c/t.conf:2: a comment needs a line of its own (' ;')\n" },
	{ "comment after a section", BYTES("[service] ; x\nurl = https://a\n"),
	  "E /c/t.conf:1: a comment needs a line of its own (' ;')\n"
	  "E /c/t.conf:1: only blanks may follow [service]\n" },
	{ "indented line",
	  BYTES("[service]\nurl = https://a\n  ca_file = /x\n"),
	  "E /c/t.conf:3: a setting must not be indented\n" },
	{ "line indented by a tab, alone it would continue the value",
	  BYTES("[service]\nurl = https://a\n\thttps://b\n"),
	  "E /c/t.conf:3: a setting must not be indented\n"
	  "E /c/t.conf:3: unknown setting 'https' in 'service'\n" },
	{ "indented section", BYTES(" [service]\nurl = https://a\n"),
	  "E /c/t.conf:1: a setting must not be indented\n" },
	{ "NUL byte", BYTES("[service]\nurl = https://a\0b\n"),
	  "E /c/t.conf:2: a control character (byte 0x00) is in this line\n" },
	{ "NUL byte in a comment", BYTES("[service]\n; \0\n"),
	  "E /c/t.conf:2: a control character (byte 0x00) is in this line\n" },
	{ "carriage return inside a line",
	  BYTES("[service]\nurl = https://a\rca_file = /b\n"),
	  "E /c/t.conf:2: a control character (byte 0x0d) is in this line\n" },
	{ "escape byte", BYTES("[service]\nurl = \033[2J\n"),
	  "E /c/t.conf:2: a control character (byte 0x1b) is in this line\n" },
	{ "key before any section", BYTES("url = https://a\n[service]\n"),
	  "E /c/t.conf:1: 'url' stands before the first [section]\n" },
	{ "two bad lines: inih returns only the first",
	  BYTES("[daemon]\nconnections\npoll_interval\n"),
	  "E /c/t.conf:2: this is neither a [section] nor 'setting = value'\n"
	  "E /c/t.conf:3: this is neither a [section] nor "
	  "'setting = value'\n" },
	{ "no name", BYTES("[daemon]\n= 4\n: 4\n"),
	  "E /c/t.conf:2: the setting's name is missing before '='\n"
	  "E /c/t.conf:3: the setting's name is missing before ':'\n" },
	{ "same key twice",
	  BYTES("[daemon]\nconnections = 4\n[service]\n[daemon]\n"
		"connections = 4\n"),
	  "E /c/t.conf:5: [daemon] connections is set a second time (first in "
	  "line 2)\n" },
	{ "unknown key", BYTES("[daemon]\nconections = 4\n"),
	  "E /c/t.conf:2: unknown setting 'conections' in 'daemon'\n" },
	{ "names are not folded",
	  BYTES("[daemon]\nConnections = 4\n[Daemon]\nconnections = 4\n"),
	  "E /c/t.conf:2: unknown setting 'Connections' in 'daemon'\n"
	  "E /c/t.conf:3: unknown section [Daemon]\n" },
	{ "key of the other section", BYTES("[daemon]\nurl = https://a\n"),
	  "E /c/t.conf:2: 'url' is in the wrong place: it is known as "
	  "[service] url\n" },
	{ "key of a mailbox", BYTES("[daemon]\nsave_sent = yes\n"),
	  "E /c/t.conf:2: unknown setting 'save_sent' in 'daemon'\n" },
	{ "unknown section, said once and not for its keys",
	  BYTES("[deamon]\nconnections = 4\nreserve = 1M\n[daemon]\n"
		"reserve = x\n"),
	  "E /c/t.conf:1: unknown section [deamon]\n"
	  "E /c/t.conf:5: [daemon] reserve must be a size from 0 to 1000T, "
	  "such as 100M, not 'x'\n" },
	{ "section that is not closed; its keys go nowhere",
	  BYTES("[daemon]\n[service\nurl = https://a\n"),
	  "E /c/t.conf:2: a section needs a ']'\n" },
	{ "junk after a section", BYTES("[service] url = https://a\n"),
	  "E /c/t.conf:1: only blanks may follow [service]\n" },
	{ "empty section name", BYTES("[]\n"),
	  "E /c/t.conf:1: unknown section []\n" },
	{ "empty value", BYTES("[daemon]\nconnections =\ntimezone =   \n"),
	  "E /c/t.conf:2: [daemon] connections must be a number from 1 to 64, "
	  "not ''\n"
	  "E /c/t.conf:3: [daemon] timezone must be 1 to 4095 bytes without "
	  "control characters\n" },
	{ "comment sign that is none: trailing junk",
	  BYTES("[daemon]\nconnections = 4 # four\n"),
	  "E /c/t.conf:2: [daemon] connections must be a number from 1 to 64, "
	  "not '4 # four'\n" },
	{ "byte order mark not at the start",
	  BYTES("[daemon]\n\xef\xbb\xbf"
		"connections = 4\n"),
	  "E /c/t.conf:2: unknown setting '\xef\xbb\xbf"
	  "connections' in "
	  "'daemon'\n" },
};

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_files) / sizeof(*bad_files); i++) {
		const struct bad *bad = &bad_files[i];
		struct conf conf;
		print_message("  %s\n", bad->what);
		assert_false(read_text(bad->text, bad->len, &conf));
		assert_string_equal(said.text, bad->expected);
		help_free_texts(SCHEMA_DAEMON, &conf);
	}
}

/* inih 55 takes the rest of a long line as a new line: here that would turn
 * the key's last bytes into a setting of its own. */
static void refuses_long_line(void **state)
{
	(void)state;
	static const char rest[] = "connections=64";
	for (size_t fill = 150; fill < 260; fill++) {
		char text[512];
		int n = snprintf(text, sizeof(text),
				 "[daemon]\nstate_dir = /%0*d%s\n", (int)fill,
				 0, rest);
		assert_true(n > 0);
		size_t line = (size_t)n - strlen("[daemon]\n") - 1;
		struct conf conf;
		bool good = read_text(text, (size_t)n, &conf);
		assert_int_equal(conf.connections, 4);
		assert_int_equal(good, line <= 198);
		if (good)
			assert_int_equal(strlen(conf.state_dir),
					 1 + fill + strlen(rest));
		else
			assert_string_equal(said.text,
					    "E /c/t.conf:2: the line is longer "
					    "than 198 bytes\n");
		help_free_texts(SCHEMA_DAEMON, &conf);
	}
}

static void takes_long_comment(void **state)
{
	(void)state;
	char text[1024];
	int n = snprintf(text, sizeof(text),
			 "# %0600d\n[daemon]\nconnections = 7\n", 0);
	struct conf conf;
	assert_true(read_text(text, (size_t)n, &conf));
	assert_int_equal(conf.connections, 7);
	help_free_texts(SCHEMA_DAEMON, &conf);
}

/* inih keeps 49 bytes of the name. */
static void refuses_long_section(void **state)
{
	(void)state;
	char text[256];
	int n = snprintf(text, sizeof(text), "[%050d]\nconnections = 7\n", 0);
	struct conf conf;
	assert_false(read_text(text, (size_t)n, &conf));
	assert_string_equal(said.text,
			    "E /c/t.conf:1: the section's name is longer than "
			    "49 bytes\n");
	assert_int_equal(conf.connections, 4);
	help_free_texts(SCHEMA_DAEMON, &conf);
}

static void check_good(const char *text, size_t len)
{
	struct conf conf;
	assert_true(read_text(text, len, &conf));
	assert_string_equal(said.text, "");
	assert_string_equal(conf.url, "https://a:1");
	assert_int_equal(conf.connections, 9);
	help_free_texts(SCHEMA_DAEMON, &conf);
}

static void accepts_forms(void **state)
{
	(void)state;
	check_good(BYTES("[service]\nurl = https://a:1\n[daemon]\n"
			 "connections = 9\n"));
	/* no last line end, no blanks, blanks at the end */
	check_good(BYTES("[service]\nurl=https://a:1  \t\n[daemon]  \n"
			 "connections=9"));
	/* a colon as the sign, Windows line ends, a byte order mark */
	check_good(BYTES("\xef\xbb\xbf[service]\r\nurl: https://a:1\r\n\r\n"
			 "[daemon]\r\nconnections : 9\r\n"));
	/* comments, also indented, and blank lines */
	check_good(BYTES("\n# a\n  ; b = c\n[service]\n;x\n \t \n"
			 "url = https://a:1\n   # [daemon]\n[daemon]\n"
			 "connections = 9\n;"));
	/* a semicolon that starts no comment */
	struct conf conf;
	assert_true(
		read_text(BYTES("[service]\nca_file = /a;b=c:d#e\n"), &conf));
	assert_string_equal(conf.ca_file, "/a;b=c:d#e");
	help_free_texts(SCHEMA_DAEMON, &conf);
}

static void takes_nothing_from_nothing(void **state)
{
	(void)state;
	struct conf conf;
	assert_true(read_text("", 0, &conf));
	assert_int_equal(conf.connections, 4);
	help_free_texts(SCHEMA_DAEMON, &conf);
}

/* The text is not a string: nothing behind its end is looked at. */
static void stops_at_the_end(void **state)
{
	(void)state;
	static const char text[] = "[daemon]\nconnections = 12";
	struct conf conf;
	assert_true(read_text(text, sizeof(text) - 2, &conf));
	assert_int_equal(conf.connections, 1);
	help_free_texts(SCHEMA_DAEMON, &conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_long_line),
		cmocka_unit_test(takes_long_comment),
		cmocka_unit_test(refuses_long_section),
		cmocka_unit_test(accepts_forms),
		cmocka_unit_test(takes_nothing_from_nothing),
		cmocka_unit_test(stops_at_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
