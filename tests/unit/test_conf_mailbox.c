/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* Mailbox files beyond the Java client: routes, deliver, hooks, retention. */
#include "config.h"

#include "conf/check_mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf_set.h"
#include "mesh/proto.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))
#define HOUR (3600 * INT64_C(1000000000))

/* Lines 1 to 3 are the mailbox itself; '@' is the test's directory. */
static void write_box(const char *text)
{
	char whole[32768] = SET_BOX("X26ABC1");
	size_t len = strlen(whole);
	for (const char *s = text; *s != '\0'; s++) {
		bool at = *s == '@';
		int n = snprintf(whole + len, sizeof(whole) - len, "%.*s",
				 at ? (int)strlen(set_dir.path) : 1,
				 at ? set_dir.path : s);
		assert_true(n > 0 && (size_t)n < sizeof(whole) - len);
		len += (size_t)n;
	}
	help_write(&set_dir, "mailboxes.d/one.yaml", 0644, whole);
}

#define WHOLE                                                               \
	"routes:\n"                                                         \
	"  - folder: letters\n"                                             \
	"    match: '{to}_*.pdf'\n"                                         \
	"    workflow: TOC_DISCH_DMS\n"                                     \
	"    subject: '{filename} of {date} {time}'\n"                      \
	"    local_id: '{stem}'\n"                                          \
	"  - {folder: Letters, match: '*.xml', to: 'X{{26', workflow: W,\n" \
	"     compress: no, encrypted: yes, allow_chunking: off}\n"         \
	"deliver:\n"                                                        \
	"- workflows: [LAB_A, 'LAB_B*']\n"                                  \
	"  folder: lab\n"                                                   \
	"  second_name: true\n"                                             \
	"- {workflows: '*', folder: rest}\n"

static void reads_routes_and_deliveries(void **state)
{
	(void)state;
	write_box(WHOLE);
	struct conf *conf = set_loaded("");
	const struct conf_mailbox *box = &conf->mailboxes[0];
	assert_int_equal(box->route_count, 2);
	const struct conf_route *route = &box->routes[0];
	assert_string_equal(route->folder, "letters");
	assert_string_equal(route->match, "{to}_*.pdf");
	assert_string_equal(route->to, "{to}");
	assert_string_equal(route->workflow, "TOC_DISCH_DMS");
	assert_string_equal(route->subject, "{filename} of {date} {time}");
	assert_string_equal(route->local_id, "{stem}");
	assert_true(route->compress && route->allow_chunking);
	assert_false(route->encrypted);
	route = &box->routes[1];
	assert_string_equal(route->folder, "Letters");
	assert_string_equal(route->match, "*.xml");
	assert_string_equal(route->to, "X{{26");
	assert_string_equal(route->subject, "");
	assert_string_equal(route->local_id, "");
	assert_true(route->encrypted);
	assert_false(route->compress || route->allow_chunking);
	assert_int_equal(box->delivery_count, 2);
	const struct conf_delivery *delivery = &box->deliveries[0];
	assert_int_equal(delivery->workflows.count, 2);
	assert_string_equal(delivery->workflows.items[0], "LAB_A");
	assert_string_equal(delivery->workflows.items[1], "LAB_B*");
	assert_string_equal(delivery->folder, "lab");
	assert_true(delivery->second_name);
	delivery = &box->deliveries[1];
	assert_int_equal(delivery->workflows.count, 1);
	assert_string_equal(delivery->workflows.items[0], "*");
	assert_false(delivery->second_name);
	assert_null(conf_free(conf));
}

static void reads_the_rest(void **state)
{
	(void)state;
	help_write(&set_dir, "notify", 0755, "#!/bin/sh\n");
	write_box("reports: {orphan: 10m}\n"
		  "workflow_filter: '!*LAB*'\n"
		  "hooks:\n"
		  "  on_receive: {command: [@/notify, -v, '', 'a b']}\n"
		  "  on_failed: {timeout: 1h, command: @/notify}\n"
		  "  parallel: 16\n"
		  "retention:\n"
		  "  sent: {age: 30d, size: 10G}\n"
		  "  failed: {age: 1h}\n"
		  "  in: {age: 35d, size: 1k}\n");
	struct conf *conf = set_loaded("");
	const struct conf_mailbox *box = &conf->mailboxes[0];
	assert_true(box->report_collect);
	assert_int_equal(box->orphan_report_ns, HOUR / 6);
	assert_string_equal(box->workflow_filter, "!*LAB*");
	const struct conf_hook *hook = &box->hooks[CONF_ON_RECEIVE];
	assert_int_equal(hook->command.count, 4);
	assert_string_equal(hook->command.items[0],
			    help_path(&set_dir, "notify"));
	assert_string_equal(hook->command.items[1], "-v");
	assert_string_equal(hook->command.items[2], "");
	assert_string_equal(hook->command.items[3], "a b");
	assert_int_equal(hook->timeout_ns, HOUR / 60);
	assert_int_equal(box->hooks[CONF_ON_REPORT].command.count, 0);
	hook = &box->hooks[CONF_ON_FAILED];
	assert_int_equal(hook->command.count, 1);
	assert_int_equal(hook->timeout_ns, HOUR);
	assert_int_equal(box->hooks_parallel, 16);
	assert_int_equal(box->keep_sent.age_ns, 30 * 24 * HOUR);
	assert_int_equal(box->keep_sent.size, 10000000000);
	assert_int_equal(box->keep_failed.age_ns, HOUR);
	assert_int_equal(box->keep_failed.size, 0);
	assert_int_equal(box->keep_in.age_ns, 35 * 24 * HOUR);
	assert_int_equal(box->keep_in.size, 1000);
	assert_null(conf_free(conf));
}

static void all_is_off_by_default(void **state)
{
	(void)state;
	struct conf *conf = set_loaded("");
	const struct conf_mailbox *box = &conf->mailboxes[0];
	assert_int_equal(box->orphan_report_ns, 0);
	assert_null(box->workflow_filter);
	assert_int_equal(box->route_count, 0);
	assert_int_equal(box->delivery_count, 0);
	for (size_t i = 0; i < CONF_EVENT_COUNT; i++)
		assert_int_equal(box->hooks[i].command.count, 0);
	assert_int_equal(box->hooks_parallel, 1);
	assert_int_equal(box->keep_sent.age_ns, 0);
	assert_int_equal(box->keep_sent.size, 0);
	assert_int_equal(box->keep_failed.age_ns, 0);
	assert_int_equal(box->keep_in.age_ns, 0);
	assert_null(conf_free(conf));
}

struct bad {
	const char *text;
	const char *said; /* after the file's name */
};

static void refuse(const struct bad *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char expected[1024];
		print_message("  %s", rows[i].text);
		write_box(rows[i].text);
		int n = snprintf(expected, sizeof(expected),
				 "E @/mailboxes.d/one.yaml:%s\n", rows[i].said);
		assert_true(n > 0 && (size_t)n < sizeof(expected));
		set_refused(expected);
	}
}

#define FOLDER_RULE \
	"folder must be one name below root, without '/' and not hidden"
#define OWN_RULE "folder must not be one of IN, OUT, SENT, FAILED and TEMP"
#define NOT_KNOWN                                                              \
	"a name in braces is not known; write '{{' for a brace itself; known " \
	"are {filename} {stem} {date} {time} and, where match has it, {to}"

static const struct bad bad_routes[] = {
	{ "routes: letters\n",
	  "4: routes must be a list; each part begins with '- '" },
	{ "routes: {folder: a}\n", "4: 'routes' does not take a mapping" },
	{ "routes:\n", "4: 'routes' has no value" },
	{ "routes: [letters]\n",
	  "4: a part of 'routes' must be a mapping, such as {name: value}" },
	{ "routes:\n- \n", "5: a part of 'routes' has no value" },
	{ "routes: [[a]]\n",
	  "4: a part of 'routes' must be a mapping, such as {name: value}" },
	{ "routes:\n- workflow: W\n  to: A\n",
	  "5: routes #1: folder is missing (folder below the root in which "
	  "files are dropped)" },
	{ "routes:\n- {folder: a, to: A, workflow: W, nonsense: 1}\n",
	  "5: unknown setting 'nonsense' in 'routes #1'" },
	{ "routes:\n- {folder: a, to: A, workflow: W}\n- folder: b\n"
	  "  folder: c\n  to: A\n  workflow: W\n",
	  "7: routes #2: folder is set a second time (first in line 6)" },
	{ "routes:\n- {folder: a, to: A, workflow: ~}\n",
	  "5: 'workflow' has no value\nE @/mailboxes.d/one.yaml:5: routes #1: "
	  "workflow is missing (workflow of the message)" },
	{ "routes:\n- {folder: a, to: A, workflow: {x: y}}\n",
	  "5: 'workflow' does not take a mapping\nE @/mailboxes.d/one.yaml:5: "
	  "routes #1: workflow is missing (workflow of the message)" },
	{ "routes:\n- {folder: a, to: A, workflow: W, compress: maybe}\n",
	  "5: routes #1: compress must be one of true|false, not 'maybe'" },
	{ "routes:\n- {folder: a, to: A, workflow: W}\nroutes: []\n",
	  "6: routes is set a second time (first in line 4)" },
	{ "routes:\n- {folder: in, to: A, workflow: W}\n",
	  "5: routes #1: " OWN_RULE },
	{ "routes:\n- {folder: Temp, to: A, workflow: W}\n",
	  "5: routes #1: " OWN_RULE },
	{ "routes:\n- {folder: a/b, to: A, workflow: W}\n",
	  "5: routes #1: " FOLDER_RULE },
	{ "routes:\n- {folder: .., to: A, workflow: W}\n",
	  "5: routes #1: " FOLDER_RULE },
	{ "routes:\n- {folder: .a, to: A, workflow: W}\n",
	  "5: routes #1: " FOLDER_RULE },
	{ "routes:\n- folder: a\n  workflow: W\n",
	  "5: routes #1: to is missing (the recipient's mailbox); only a match "
	  "with {to} in it says who that is" },
	{ "routes:\n- folder: a\n  workflow: W\n  match: '{to}_{to}'\n",
	  "7: routes #1: match cannot be used: {to} is in it more than once" },
	{ "routes:\n- folder: a\n  workflow: W\n  match: '{to}*'\n",
	  "7: routes #1: match cannot be used: {to} right before '*' would "
	  "stand for one byte" },
	{ "routes:\n- folder: a\n  workflow: W\n  match: 'a/{to}'\n",
	  "7: routes #1: match cannot be used: no file name holds '/' or a "
	  "control byte" },
	{ "routes:\n- {folder: a, to: '{to}', workflow: W}\n",
	  "5: routes #1: to: " NOT_KNOWN },
	{ "routes:\n- {folder: a, to: A, workflow: W, subject: '{to}'}\n",
	  "5: routes #1: subject: " NOT_KNOWN },
	{ "routes:\n- {folder: a, to: A, workflow: W, local_id: '{Stem}'}\n",
	  "5: routes #1: local_id: " NOT_KNOWN },
	{ "routes:\n- {folder: a, to: A, workflow: W, subject: '{stem'}\n",
	  "5: routes #1: subject: a '{' is not closed; write '{{' for a brace "
	  "itself; known are {filename} {stem} {date} {time} and, where match "
	  "has it, {to}" },
	{ "routes:\n- {folder: a, to: A, workflow: W, subject: caf\xc3\xa9}\n",
	  "5: routes #1: subject must be at most 500 printable ASCII "
	  "characters" },
	{ "routes:\n- {folder: a, to: A, workflow: W, local_id: ' x'}\n",
	  "5: routes #1: local_id must not begin or end with a blank" },
	{ "routes:\n- {folder: a, to: 'http://a', workflow: W}\n",
	  "5: routes #1: to has a web address in it, which MESH refuses" },
	{ "routes:\n- {folder: a, to: A, workflow: 'x HTTPS://a'}\n",
	  "5: routes #1: workflow has a web address in it, which MESH "
	  "refuses" },
	{ "routes:\n- {folder: a, to: A, workflow: '{to}'}\n",
	  "5: routes #1: workflow is one workflow's id, without '{', '}' and "
	  "'*'" },
	{ "routes:\n- {folder: a, to: A, workflow: ''}\n",
	  "5: routes #1: workflow must be 1 to 4095 bytes without control "
	  "characters" },
};

static void refuses_routes(void **state)
{
	(void)state;
	refuse(bad_routes, COUNT(bad_routes));
}

static const struct bad bad_deliveries[] = {
	{ "deliver: {folder: a}\n", "4: 'deliver' does not take a mapping" },
	{ "deliver:\n- {folder: a}\n",
	  "5: deliver #1: workflows is missing (workflows: NAME, or START* for "
	  "all that begin so)" },
	{ "deliver:\n- {folder: a, workflows: []}\n",
	  "5: deliver #1: workflows must be a text, or a list of 1 to 64, each "
	  "of 1 to 4095 bytes without control characters" },
	{ "deliver:\n- {folder: a, workflows: [A, '']}\n",
	  "5: deliver #1: workflows must be a text, or a list of 1 to 64, each "
	  "of 1 to 4095 bytes without control characters" },
	{ "deliver:\n- {folder: a, workflows: [A, ~]}\n",
	  "5: a part of 'workflows' has no value" },
	{ "deliver:\n- {folder: a, workflows: [A, [B]]}\n",
	  "5: a part of 'workflows' must be a text\nE @/mailboxes.d/one.yaml:"
	  "5: nested over 4 deep" },
	{ "deliver:\n- {folder: a, workflows: {A: B}}\n",
	  "5: 'workflows' does not take a mapping\nE @/mailboxes.d/one.yaml:5: "
	  "deliver #1: workflows is missing (workflows: NAME, or START* for "
	  "all that begin so)" },
	{ "deliver:\n- {folder: [a], workflows: A}\n",
	  "5: 'folder' does not take a list\nE @/mailboxes.d/one.yaml:5: "
	  "deliver #1: folder is missing (folder below the root that the "
	  "messages go to)" },
	{ "deliver:\n- {folder: a, workflows: '*A'}\n",
	  "5: deliver #1: workflows: '*' stands only at the end: START*" },
	{ "deliver:\n- {folder: a, workflows: [A, 'B**']}\n",
	  "5: deliver #1: workflows: '*' stands only at the end: START*" },
	{ "deliver:\n- {folder: a, workflows: [A, caf\xc3\xa9]}\n",
	  "5: deliver #1: workflows must be at most 300 printable ASCII "
	  "characters" },
	{ "deliver:\n- {folder: out, workflows: A}\n",
	  "5: deliver #1: " OWN_RULE },
	{ "deliver:\n- {folder: a/, workflows: A}\n",
	  "5: deliver #1: " FOLDER_RULE },
	{ "routes:\n- {folder: a, to: A, workflow: W}\n"
	  "- {folder: lab, to: A, workflow: W}\n"
	  "deliver:\n- {folder: LAB, workflows: A}\n",
	  "7: deliver #1: folder 'LAB' is that of routes #2: what is received "
	  "there would be sent" },
};

static void refuses_deliveries(void **state)
{
	(void)state;
	refuse(bad_deliveries, COUNT(bad_deliveries));
}

#define FILTER_RULE                                                           \
	"workflow_filter must be WF, WF* or *WF*, each with a '!' before or " \
	"without, of 2 to 255 printable ASCII characters"

static const struct bad bad_others[] = {
	{ "workflow_filter: W\n", "4: " FILTER_RULE },
	{ "workflow_filter: '*W'\n", "4: " FILTER_RULE },
	{ "workflow_filter: '**'\n", "4: " FILTER_RULE },
	{ "workflow_filter: '!*'\n", "4: " FILTER_RULE },
	{ "workflow_filter: '!!W'\n", "4: " FILTER_RULE },
	{ "workflow_filter: 'W*W'\n", "4: " FILTER_RULE },
	{ "workflow_filter: 'W**'\n", "4: " FILTER_RULE },
	{ "workflow_filter: caf\xc3\xa9\n", "4: " FILTER_RULE },
	{ "reports: {orphan: 36d}\n",
	  "4: reports.orphan must be a time from 0s to 35d, such as 0s, not "
	  "'36d'" },
	{ "hooks: /bin/true\n",
	  "4: 'hooks' takes a mapping, such as {name: value}" },
	{ "hooks: {on_receive: /bin/true}\n",
	  "4: 'hooks.on_receive' takes a mapping, such as {name: value}" },
	{ "hooks: {on_recieve: {command: /bin/true}}\n",
	  "4: 'on_recieve' does not take a mapping" },
	{ "hooks.on_receive: {command: /bin/true}\n",
	  "4: 'hooks.on_receive' does not take a mapping" },
	{ "on_receive: {command: /bin/true}\n",
	  "4: 'on_receive' does not take a mapping" },
	{ "hooks: {command: /bin/true}\n",
	  "4: 'command' is in the wrong place: it is known as "
	  "hooks.on_receive.command" },
	{ "hooks:\n  on_report: {}\n  on_report: {}\n",
	  "6: 'hooks.on_report' is set a second time" },
	{ "hooks: {parallel: 0}\n",
	  "4: hooks.parallel must be a number from 1 to 16, not '0'" },
	{ "hooks: {on_failed: {timeout: 2h}}\n",
	  "4: hooks.on_failed.timeout must be a time from 1s to 1h, such as "
	  "60s, not '2h'" },
	{ "hooks:\n  on_failed: {command: true}\n",
	  "5: hooks.on_failed.command: the program must be given with its whole "
	  "path, such as /usr/local/bin/notify" },
	{ "hooks:\n  on_failed: {command: ['', -v]}\n",
	  "5: hooks.on_failed.command: the program must be given with its whole "
	  "path, such as /usr/local/bin/notify" },
	{ "hooks:\n  on_failed: {command: []}\n",
	  "5: hooks.on_failed.command must be a text, or a list of 1 to 64, "
	  "each of 0 to 4095 bytes without control characters" },
	{ "hooks:\n  on_failed: {command: @/missing}\n",
	  "5: hooks.on_failed.command: cannot look at '@/missing': No such file "
	  "or directory" },
	{ "hooks:\n  on_failed: {command: @/mailboxes.d}\n",
	  "5: hooks.on_failed.command: '@/mailboxes.d' is not a program: it is "
	  "not a regular file" },
	{ "hooks:\n  on_failed: {command: @/ca.pem}\n",
	  "5: hooks.on_failed.command: cannot run '@/ca.pem': Permission "
	  "denied" },
	{ "hooks:\n  on_failed: {command: @/loose}\n",
	  "5: hooks.on_failed.command: '@/loose' must not be run: everybody may "
	  "write it; chmod o-w it" },
	{ "retention: {age: 30d}\n",
	  "4: 'age' is in the wrong place: it is known as "
	  "retention.sent.age" },
	{ "retention: 30d\n",
	  "4: 'retention' takes a mapping, such as {name: value}" },
	{ "retention: {sent: {age: 59m}}\n",
	  "4: retention.sent.age must be a time from 1h to 3650d, such as 30d, "
	  "not '59m'" },
	{ "retention: {failed: {size: 0}}\n",
	  "4: retention.failed.size must be a size from 1 to 1000T, such as "
	  "10G, not '0'" },
	{ "retention: {in: {age: 36d}}\n",
	  "4: retention.in.age must be a time from 1h to 35d, such as 30d, not "
	  "'36d'" },
};

static void refuses_the_rest(void **state)
{
	(void)state;
	help_write(&set_dir, "loose", 0757, "#!/bin/sh\n");
	refuse(bad_others, COUNT(bad_others));
}

static void accepts_filters(void **state)
{
	(void)state;
	static const char *const filters[] = { "WF",   "!WF",  "WF*", "!WF*",
					       "*WF*", "!*W*", "!W",  "a b" };
	for (size_t i = 0; i < COUNT(filters); i++) {
		char text[64];
		(void)snprintf(text, sizeof(text), "workflow_filter: '%s'\n",
			       filters[i]);
		write_box(text);
		struct conf *conf = set_loaded("");
		assert_string_equal(conf->mailboxes[0].workflow_filter,
				    filters[i]);
		assert_null(conf_free(conf));
	}
}

/* All that is wrong in one run, item by item. */
static void names_every_item(void **state)
{
	(void)state;
	write_box("routes:\n"
		  "  - folder: IN\n"
		  "    workflow: W\n"
		  "    colour: red\n"
		  "  - {folder: a, to: A, workflow: W}\n"
		  "  - to: '{x}'\n"
		  "    match: ''\n"
		  "deliver:\n"
		  "  - workflows: 'A*B'\n"
		  "save_sent: perhaps\n");
	set_refused(
		"E @/mailboxes.d/one.yaml:7: unknown setting 'colour' in "
		"'routes #1'\n"
		"E @/mailboxes.d/one.yaml:5: routes #1: " OWN_RULE "\n"
		"E @/mailboxes.d/one.yaml:5: routes #1: to is missing (the "
		"recipient's mailbox); only a match with {to} in it says "
		"who that is\n"
		"E @/mailboxes.d/one.yaml:10: routes #3: match must be 1 "
		"to 4095 bytes without control characters\n"
		"E @/mailboxes.d/one.yaml:9: routes #3: folder is missing "
		"(folder below the root in which files are dropped)\n"
		"E @/mailboxes.d/one.yaml:9: routes #3: workflow is missing "
		"(workflow of the message)\n"
		"E @/mailboxes.d/one.yaml:9: routes #3: to: " NOT_KNOWN "\n"
		"E @/mailboxes.d/one.yaml:12: deliver #1: folder is missing "
		"(folder below the root that the messages go to)\n"
		"E @/mailboxes.d/one.yaml:12: deliver #1: workflows: '*' "
		"stands only at the end: START*\n"
		"E @/mailboxes.d/one.yaml:13: save_sent must be one of "
		"true|false, not 'perhaps'\n");
}

static void warns_of_what_is_never_reached(void **state)
{
	(void)state;
	write_box("routes:\n"
		  "- {folder: a, to: A, workflow: W, match: '*.a'}\n"
		  "- {folder: A, to: A, workflow: W, match: '*.a'}\n"
		  "- {folder: b, to: A, workflow: W}\n"
		  "- {folder: a, to: A, workflow: W}\n"
		  "- {folder: b, to: A, workflow: W, match: x}\n"
		  "deliver:\n"
		  "- {folder: d, workflows: [A, 'B*']}\n"
		  "- {folder: e, workflows: [AA, 'A*', B, 'BC*', BX]}\n"
		  "- {folder: e, workflows: [A, C]}\n");
	struct conf *conf = set_loaded(
		"W @/mailboxes.d/one.yaml:4: routes #2 gets no file: routes #1 "
		"before it takes all that fit\n"
		"W @/mailboxes.d/one.yaml:4: routes #5 gets no file: routes #3 "
		"before it takes all that fit\n"
		"W @/mailboxes.d/one.yaml:10: deliver #2 gets no message of "
		"workflow 'B': an entry before it takes them\n"
		"W @/mailboxes.d/one.yaml:10: deliver #2 gets no message of "
		"workflow 'BC*': an entry before it takes them\n"
		"W @/mailboxes.d/one.yaml:10: deliver #2 gets no message of "
		"workflow 'BX': an entry before it takes them\n"
		"W @/mailboxes.d/one.yaml:10: deliver #3 gets no message of "
		"workflow 'A': an entry before it takes them\n");
	assert_null(conf_free(conf));
}

/* Before each part's number, and behind it. */
static void fill(char *text, size_t size, const char *head,
		 const char *const part[2], unsigned count, const char *tail)
{
	size_t len = (size_t)snprintf(text, size, "%s", head);
	for (unsigned i = 0; i < count; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%u%s",
					part[0], i, part[1]);
	len += (size_t)snprintf(text + len, size - len, "%s", tail);
	assert_true(len < size);
}

static void lists_have_an_end(void **state)
{
	(void)state;
	static char text[16384];
	static const char *const route[] = { "- {folder: f",
					     ", to: A, workflow: W}\n" };
	static const char *const workflow[] = { ", W", "" };
	fill(text, sizeof(text), "routes:\n", route, 100, "");
	write_box(text);
	struct conf *conf = set_loaded("");
	assert_int_equal(conf->mailboxes[0].route_count, 100);
	assert_string_equal(conf->mailboxes[0].routes[99].folder, "f99");
	assert_null(conf_free(conf));
	fill(text, sizeof(text), "routes:\n", route, 105, "save_sent: x\n");
	write_box(text);
	set_refused("E @/mailboxes.d/one.yaml:105: 'routes' has over 100 "
		    "parts\n"
		    "E @/mailboxes.d/one.yaml:110: save_sent must be one of "
		    "true|false, not 'x'\n");
	fill(text, sizeof(text), "deliver:\n- folder: a\n  workflows: [W",
	     workflow, 63, "]\n");
	write_box(text);
	conf = set_loaded("");
	assert_int_equal(conf->mailboxes[0].deliveries[0].workflows.count, 64);
	assert_null(conf_free(conf));
	fill(text, sizeof(text), "deliver:\n- folder: a\n  workflows: [W",
	     workflow, 65, "]\n");
	write_box(text);
	set_refused("E @/mailboxes.d/one.yaml:6: 'workflows' has over 64 "
		    "parts\n");
}

/* What a file may say is what the API takes. */
static void check_longest(const char *name, size_t max)
{
	for (size_t len = max; len <= max + 1; len++) {
		char text[1024];
		char value[600];
		memset(value, 'x', len);
		value[len] = '\0';
		(void)snprintf(text, sizeof(text),
			       "routes:\n- folder: a\n%s%s  %s: %s\n",
			       strcmp(name, "to") == 0 ? "" : "  to: A\n",
			       strcmp(name, "workflow") == 0 ?
				       "" :
				       "  workflow: W\n",
			       name, value);
		write_box(text);
		struct conf *conf = NULL;
		assert_int_equal(set_load(&conf) == 0, len == max);
		conf = conf_free(conf);
	}
}

static void limits_are_those_of_the_api(void **state)
{
	(void)state;
	check_longest("to", PROTO_TO_MAX);
	check_longest("workflow", PROTO_WORKFLOW_MAX);
	check_longest("subject", PROTO_SUBJECT_MAX);
	check_longest("local_id", PROTO_LOCAL_ID_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_make, set_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_routes_and_deliveries),
		TEST(reads_the_rest),
		TEST(all_is_off_by_default),
		TEST(refuses_routes),
		TEST(refuses_deliveries),
		TEST(refuses_the_rest),
		TEST(accepts_filters),
		TEST(names_every_item),
		TEST(warns_of_what_is_never_reached),
		TEST(lists_have_an_end),
		TEST(limits_are_those_of_the_api),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
