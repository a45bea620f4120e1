/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* The mailbox file's reader: plain nested mappings and nothing else. */
#include "config.h"

#include "conf/yaml.h"

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

static bool read_text(const char *text, size_t len, struct conf_mailbox *box)
{
	help_log_clear(&said);
	*box = (struct conf_mailbox){ .file = NULL };
	struct schema_load load = help_loader(SCHEMA_MAILBOX, "/c/m.yaml", box,
					      &said);
	schema_preset(SCHEMA_MAILBOX, box);
	yaml_read(&load, text, len);
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
	{ "nothing", BYTES(""), "E /c/m.yaml: the file is empty\n" },
	{ "only a comment", BYTES("# x\n"),
	  "E /c/m.yaml: the file is empty\n" },
	{ "a list", BYTES("- mailbox: A\n"),
	  "E /c/m.yaml:1: a mailbox file is a list of 'setting: value'\n" },
	{ "a word", BYTES("mailbox\n"),
	  "E /c/m.yaml:1: a mailbox file is a list of 'setting: value'\n" },
	{ "an empty document", BYTES("---\n"),
	  "E /c/m.yaml:2: a mailbox file is a list of 'setting: value'\n" },
	{ "an anchor", BYTES("mailbox: &a X\n"),
	  "E /c/m.yaml:1: an anchor (&name) is not allowed; a text that begins "
	  "with '&' needs quotes\n" },
	{ "an anchor on a mapping", BYTES("reports: &a {poll: true}\n"),
	  "E /c/m.yaml:1: an anchor (&name) is not allowed; a text that begins "
	  "with '&' needs quotes\n" },
	{ "an alias", BYTES("mailbox: X\nroot: *a\n"),
	  "E /c/m.yaml:2: an alias (*name) is not allowed; a text that begins "
	  "with '*' needs quotes\n" },
	{ "a tag", BYTES("mailbox: !!str X\n"),
	  "E /c/m.yaml:1: a tag (!name) is not allowed; a text that begins "
	  "with '!' needs quotes\n" },
	{ "a tag on a mapping", BYTES("reports: !x {poll: true}\n"),
	  "E /c/m.yaml:1: a tag (!name) is not allowed; a text that begins "
	  "with '!' needs quotes\n" },
	{ "a tag on the document", BYTES("--- !x\nmailbox: X\n"),
	  "E /c/m.yaml:1: a tag (!name) is not allowed; a text that begins "
	  "with '!' needs quotes\n" },
	{ "a merge key", BYTES("<<: {mailbox: X}\n"),
	  "E /c/m.yaml:1: '<<' does not take a mapping\n" },
	{ "two documents", BYTES("mailbox: X\n---\nmailbox: Y\n"),
	  "E /c/m.yaml:2: a file holds one mailbox: nothing may follow the "
	  "first document\n" },
	{ "something after the end", BYTES("mailbox: X\n...\nmailbox: Y\n"),
	  "E /c/m.yaml:3: this is not YAML: did not find expected <document "
	  "start>\n" },
	{ "a list for a value", BYTES("mailbox:\n  - X\n  - Y\nroot: [a]\n"),
	  "E /c/m.yaml:1: 'mailbox' does not take a list\n"
	  "E /c/m.yaml:4: 'root' does not take a list\n" },
	{ "a mapping for a value", BYTES("mailbox: {id: X}\n"),
	  "E /c/m.yaml:1: 'mailbox' does not take a mapping\n" },
	{ "a mapping one too deep",
	  BYTES("reports:\n  collect: {x: true}\n  poll: maybe\n"),
	  "E /c/m.yaml:2: 'collect' does not take a mapping\n"
	  "E /c/m.yaml:3: reports.poll must be one of true|false, not "
	  "'maybe'\n" },
	{ "a section inside itself", BYTES("reports: {reports: {poll: 1}}\n"),
	  "E /c/m.yaml:1: 'reports' does not take a mapping\n" },
	{ "four deep is skipped, what follows is read",
	  BYTES("a: {b: {c: [1]}}\nmailbox: '?'\n"),
	  "E /c/m.yaml:1: 'a' does not take a mapping\n"
	  "E /c/m.yaml:2: mailbox must be a mailbox id: 1 to 32 letters, "
	  "digits, '-' or '_', not '?'\n" },
	{ "five deep", BYTES("a: {b: {c: [[1]]}}\nmailbox: '?'\n"),
	  "E /c/m.yaml:1: 'a' does not take a mapping\n"
	  "E /c/m.yaml:1: nested over 4 deep\n" },
	{ "a section without settings", BYTES("reports: yes\n"),
	  "E /c/m.yaml:1: 'reports' takes a mapping, such as "
	  "{name: value}\n" },
	{ "a name that is a mapping", BYTES("? {a: b}\n: c\nroot: ~\n"),
	  "E /c/m.yaml:1: a setting's name must be plain text\n"
	  "E /c/m.yaml:3: 'root' has no value\n" },
	{ "null in every spelling",
	  BYTES("mailbox:\nroot: ~\npassword_file: null\n"
		"save_sent: NULL\nmax_messages: Null\n"),
	  "E /c/m.yaml:1: 'mailbox' has no value\n"
	  "E /c/m.yaml:2: 'root' has no value\n"
	  "E /c/m.yaml:3: 'password_file' has no value\n"
	  "E /c/m.yaml:4: 'save_sent' has no value\n"
	  "E /c/m.yaml:5: 'max_messages' has no value\n" },
	{ "an empty text", BYTES("root: ''\n"),
	  "E /c/m.yaml:1: root must be 1 to 4095 bytes without control "
	  "characters\n" },
	{ "the same setting twice", BYTES("mailbox: X\nmailbox: X\n"),
	  "E /c/m.yaml:2: mailbox is set a second time (first in line 1)\n" },
	{ "the same setting twice, inside",
	  BYTES("reports:\n  poll: true\n  poll: true\n"),
	  "E /c/m.yaml:3: reports.poll is set a second time (first in line "
	  "2)\n" },
	{ "the same section twice",
	  BYTES("reports: {poll: true}\nreports: {delay: true}\n"),
	  "E /c/m.yaml:2: 'reports' is set a second time\n" },
	{ "an unknown setting", BYTES("mailbox: X\npasswort: hunter2\n"),
	  "E /c/m.yaml:2: unknown setting 'passwort'\n" },
	{ "an unknown setting inside", BYTES("reports: {pol: true}\n"),
	  "E /c/m.yaml:1: unknown setting 'pol' in 'reports'\n" },
	{ "a setting from inside, outside", BYTES("poll: true\n"),
	  "E /c/m.yaml:1: 'poll' is in the wrong place: it is known as "
	  "reports.poll\n" },
	{ "a line break in a path", BYTES("root: |\n  /a\n  /b\n"),
	  "E /c/m.yaml:1: root must be 1 to 4095 bytes without control "
	  "characters\n" },
	{ "a control byte in a path", BYTES("root: \"/a\\x07\"\n"),
	  "E /c/m.yaml:1: root must be 1 to 4095 bytes without control "
	  "characters\n" },
	{ "a NUL byte by its escape", BYTES("root: \"/a\\0/b\"\n"),
	  "E /c/m.yaml:1: a NUL byte is not allowed\n" },
	{ "a NUL byte in a name", BYTES("\"root\\0\": /a\n"),
	  "E /c/m.yaml:1: a NUL byte is not allowed\n" },
	{ "a NUL byte", BYTES("mailbox: X\nroot: /a\0b\n"),
	  "E /c/m.yaml:1: this is not YAML: control characters are not "
	  "allowed\n" },
	{ "not UTF-8", BYTES("root: /\xff\n"),
	  "E /c/m.yaml:1: this is not YAML: invalid leading UTF-8 octet\n" },
	{ "a tab for indentation", BYTES("mailbox: X\nreports:\n\tpoll: 1\n"),
	  "E /c/m.yaml:3: this is not YAML: found character that cannot start "
	  "any token\n" },
	{ "cut short", BYTES("mailbox: X\nreports: {poll: true\n"),
	  "E /c/m.yaml:3: this is not YAML: did not find expected ',' or "
	  "'}'\n" },
	{ "trailing junk in a number",
	  BYTES("max_messages: 10x\nserver_retry: -1\n"),
	  "E /c/m.yaml:1: max_messages must be a number from 1 to 5000, not "
	  "'10x'\n"
	  "E /c/m.yaml:2: server_retry must be a number from 0 to 1000, not "
	  "'-1'\n" },
	{ "a choice that is none",
	  BYTES("on_ambiguous: retry\nlocal_id_when_empty: true\n"),
	  "E /c/m.yaml:1: on_ambiguous must be one of hold|resend|fail, not "
	  "'retry'\n"
	  "E /c/m.yaml:2: local_id_when_empty must be one of none|generate, "
	  "not 'true'\n" },
	{ "terminal codes in a value come out harmless",
	  BYTES("mailbox: \"\\e[2J\"\n"),
	  "E /c/m.yaml:1: mailbox must be a mailbox id: 1 to 32 letters, "
	  "digits, '-' or '_', not '\\x1b[2J'\n" },
};

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_files) / sizeof(*bad_files); i++) {
		const struct bad *bad = &bad_files[i];
		struct conf_mailbox box;
		print_message("  %s\n", bad->what);
		assert_false(read_text(bad->text, bad->len, &box));
		assert_string_equal(said.text, bad->expected);
		help_free_texts(SCHEMA_MAILBOX, &box);
	}
}

static void reads_every_key(void **state)
{
	(void)state;
	static const char text[] =
		"---\n# one mailbox\nmailbox: X26ABC1\npassword_file: ./p\n"
		"root: \"/srv/a b\"\n"
		"reports: {collect: false, transfer: yes, poll: on, "
		"delay: True}\n"
		"save_sent: no\nmax_messages: 5000\nserver_retry: '0'\n"
		"on_ambiguous: fail\nlocal_id_when_empty: none\n...\n";
	struct conf_mailbox box;
	assert_true(read_text(BYTES(text), &box));
	assert_string_equal(said.text, "");
	assert_string_equal(box.id, "X26ABC1");
	assert_string_equal(box.password_file, "/c/p");
	assert_string_equal(box.root, "/srv/a b");
	assert_false(box.report_collect);
	assert_true(box.report_transfer);
	assert_true(box.report_poll);
	assert_true(box.report_delay);
	assert_false(box.save_sent);
	assert_int_equal(box.max_messages, 5000);
	assert_int_equal(box.server_retry, 0);
	assert_int_equal(box.on_ambiguous, CONF_FAIL);
	assert_false(box.local_id_generate);
	help_free_texts(SCHEMA_MAILBOX, &box);
}

static void accepts_forms(void **state)
{
	(void)state;
	struct conf_mailbox box;
	/* a byte order mark, Windows line ends, no last line end */
	assert_true(read_text(BYTES("\xef\xbb\xbfmailbox: X\r\n"
				    "reports:\r\n  poll: true"),
			      &box));
	assert_string_equal(box.id, "X");
	assert_true(box.report_poll);
	help_free_texts(SCHEMA_MAILBOX, &box);
	/* no word is a number, a truth or nothing unless its setting says so */
	assert_true(read_text(BYTES("mailbox: no\nroot: 'null'\n"), &box));
	assert_string_equal(box.id, "no");
	assert_string_equal(box.root, "/c/null");
	help_free_texts(SCHEMA_MAILBOX, &box);
	/* an empty section, an empty file of settings */
	assert_true(read_text(BYTES("reports: {}\n"), &box));
	help_free_texts(SCHEMA_MAILBOX, &box);
	assert_true(read_text(BYTES("{}\n"), &box));
	help_free_texts(SCHEMA_MAILBOX, &box);
}

/* Ten levels of ten aliases would be ten thousand million texts. */
static void expands_nothing(void **state)
{
	(void)state;
	char text[4096] = "a0: &a0 x\n";
	size_t len = strlen(text);
	for (int i = 1; i < 10; i++) {
		int n = snprintf(text + len, sizeof(text) - len,
				 "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i,
				 i - 1, i - 1, i - 1, i - 1, i - 1);
		len += (size_t)n;
	}
	struct conf_mailbox box;
	assert_false(read_text(text, len, &box));
	assert_true(said.errors < 100);
	help_free_texts(SCHEMA_MAILBOX, &box);
}

static void refuses_a_long_path(void **state)
{
	(void)state;
	for (int len = 4094; len < 4098; len++) {
		char text[8192];
		int n = snprintf(text, sizeof(text), "root: /%0*d\n", len - 1,
				 0);
		assert_true(n > 0);
		struct conf_mailbox box;
		assert_int_equal(read_text(text, (size_t)n, &box), len <= 4095);
		help_free_texts(SCHEMA_MAILBOX, &box);
	}
}

static void stops_when_deep(void **state)
{
	(void)state;
	char text[4096];
	memset(text, '[', sizeof(text));
	memcpy(text, "root: ", 6);
	struct conf_mailbox box;
	assert_false(read_text(text, sizeof(text), &box));
	assert_string_equal(said.text,
			    "E /c/m.yaml:1: 'root' does not take a list\n"
			    "E /c/m.yaml:1: nested over 4 deep\n");
	help_free_texts(SCHEMA_MAILBOX, &box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),
		cmocka_unit_test(reads_every_key),
		cmocka_unit_test(accepts_forms),
		cmocka_unit_test(expands_nothing),
		cmocka_unit_test(refuses_a_long_path),
		cmocka_unit_test(stops_when_deep),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
