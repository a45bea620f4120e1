/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* Whole configurations: files in, one object or every complaint out. */
#include "config.h"

#include "conf/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf_set.h"

#define SECOND INT64_C(1000000000)

static void loads_defaults(void **state)
{
	(void)state;
	struct conf *conf = set_loaded("");
	assert_string_equal(conf->file, help_path(&set_dir, "meshdrop.conf"));
	assert_string_equal(conf->url, "https://mesh.example:8443");
	assert_false(conf->plain_http);
	assert_string_equal(conf->ca_file, help_path(&set_dir, "ca.pem"));
	assert_string_equal(conf->certificate,
			    help_path(&set_dir, "client.pem"));
	assert_string_equal(conf->private_key,
			    help_path(&set_dir, "client.key"));
	assert_string_equal(conf->shared_key.text, "shared hunter2");
	assert_string_equal(conf->state_dir, "/var/lib/meshdrop");
	assert_string_equal(conf->mailboxes_dir,
			    help_path(&set_dir, "mailboxes.d"));
	assert_string_equal(conf->timezone, "Europe/London");
	assert_int_equal(conf->connections, 4);
	assert_int_equal(conf->mailbox_count, 1);
	const struct conf_mailbox *box = &conf->mailboxes[0];
	assert_string_equal(box->id, "X26ABC1");
	assert_string_equal(box->file,
			    help_path(&set_dir, "mailboxes.d/one.yaml"));
	assert_string_equal(box->root, "/srv/mesh/X26ABC1");
	assert_string_equal(box->password_file,
			    help_path(&set_dir, "password"));
	assert_string_equal(box->password.text, "box hunter2");
	assert_true(box->report_collect && box->save_sent);
	assert_true(box->local_id_generate);
	assert_null(conf_free(conf));
}

static void loads_every_key(void **state)
{
	(void)state;
	set_write(SET_SERVICE "connect_timeout = 11s\nstall_timeout = 12s\n"
			      "[daemon]\nstate_dir = state\nmailboxes = boxes\n"
			      "poll_interval = 6m\nscan_interval = 250ms\n"
			      "processing_delay = 0s\nconnections = 8\n"
			      "chunk_size = 10M\nrequest_limit = 50M\n"
			      "max_message = 3G\nreserve = 1G\n"
			      "resolve_after = 13s\nresolve_gap = 14m\n"
			      "timezone = Europe/Paris\n");
	help_mkdir(&set_dir, "boxes");
	help_write(&set_dir, "boxes/b.yml", 0644,
		   "mailbox: B\npassword_file: ../password\nroot: r\n"
		   "reports: {collect: no, transfer: yes, poll: yes, "
		   "delay: yes}\nsave_sent: no\nmax_messages: 7\n"
		   "server_retry: 0\non_ambiguous: resend\n"
		   "local_id_when_empty: none\n");
	struct conf *conf = set_loaded("");
	assert_int_equal(conf->connect_timeout_ns, 11 * SECOND);
	assert_int_equal(conf->stall_timeout_ns, 12 * SECOND);
	assert_string_equal(conf->state_dir, help_path(&set_dir, "state"));
	assert_string_equal(conf->mailboxes_dir, help_path(&set_dir, "boxes"));
	assert_int_equal(conf->poll_interval_ns, 360 * SECOND);
	assert_int_equal(conf->scan_interval_ns, SECOND / 4);
	assert_int_equal(conf->processing_delay_ns, 0);
	assert_int_equal(conf->connections, 8);
	assert_int_equal(conf->chunk_size, 10000000);
	assert_int_equal(conf->request_limit, 50000000);
	assert_int_equal(conf->max_message, 3000000000);
	assert_int_equal(conf->reserve, 1000000000);
	assert_int_equal(conf->resolve_after_ns, 13 * SECOND);
	assert_int_equal(conf->resolve_gap_ns, 840 * SECOND);
	assert_string_equal(conf->timezone, "Europe/Paris");
	const struct conf_mailbox *box = &conf->mailboxes[0];
	assert_string_equal(box->root, help_path(&set_dir, "boxes/r"));
	assert_false(box->report_collect || box->save_sent);
	assert_true(box->report_transfer && box->report_poll);
	assert_true(box->report_delay);
	assert_int_equal(box->max_messages, 7);
	assert_int_equal(box->server_retry, 0);
	assert_int_equal(box->on_ambiguous, CONF_RESEND);
	assert_false(box->local_id_generate);
	assert_null(conf_free(conf));
}

static void frees_nothing(void **state)
{
	(void)state;
	assert_null(conf_free(NULL));
}

/* --- the file itself --- */

static void says_what_it_cannot_read(void **state)
{
	(void)state;
	assert_int_equal(unlink(help_path(&set_dir, "meshdrop.conf")), 0);
	set_refused("E @/meshdrop.conf: cannot open '@/meshdrop.conf': No "
		    "such file or directory\n");
	help_mkdir(&set_dir, "meshdrop.conf");
	struct conf *conf = NULL;
	assert_true(set_load(&conf) < 0);
	assert_int_equal(set_said.errors, 1);
	assert_non_null(strstr(set_said.text, "regular"));
}

static void refuses_a_huge_file(void **state)
{
	(void)state;
	assert_int_equal(truncate(help_path(&set_dir, "meshdrop.conf"),
				  1 << 20),
			 0);
	set_refused("E @/meshdrop.conf: cannot read '@/meshdrop.conf': "
		    "larger than 262144 bytes\n");
}

static void takes_a_relative_path(void **state)
{
	(void)state;
	char before[PATH_MAX];
	char here[PATH_MAX];
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(set_dir.path), 0);
	assert_non_null(getcwd(here, sizeof(here)));
	struct conf *conf = NULL;
	help_log_clear(&set_said);
	int r = conf_load("meshdrop.conf", help_report, &set_said, &conf);
	assert_int_equal(chdir(before), 0);
	assert_int_equal(r, 0);
	assert_int_equal(strncmp(conf->ca_file, here, strlen(here)), 0);
	assert_string_equal(conf->ca_file + strlen(here), "/ca.pem");
	assert_null(conf_free(conf));
}

/* --- mailboxes --- */

static void needs_a_mailbox(void **state)
{
	(void)state;
	assert_int_equal(unlink(help_path(&set_dir, "mailboxes.d/one.yaml")),
			 0);
	help_write(&set_dir, "mailboxes.d/.hidden.yaml", 0644, SET_BOX("H"));
	set_refused("E @/meshdrop.conf: [daemon] mailboxes: no mailbox file "
		    "(*.yaml) is in '@/mailboxes.d'\n");
	set_write(SET_SERVICE "[daemon]\nmailboxes = none\n");
	set_refused("E @/meshdrop.conf:8: [daemon] mailboxes: cannot open "
		    "directory '@/none': No such file or directory\n");
	set_write(SET_SERVICE "[daemon]\nmailboxes = ca.pem\n");
	struct conf *conf = NULL;
	assert_true(set_load(&conf) < 0);
	assert_int_equal(set_said.errors, 1);
	assert_non_null(strstr(set_said.text, "[daemon] mailboxes: "));
}

static void picks_mailbox_files(void **state)
{
	(void)state;
	help_write(&set_dir, "mailboxes.d/zwei.yml", 0644, SET_BOX("A2"));
	help_write(&set_dir, "mailboxes.d/.swap.yaml", 0644, "junk");
	help_write(&set_dir, "mailboxes.d/one.yaml~", 0644, "junk");
	struct conf *conf = set_loaded(
		"W @/meshdrop.conf: [daemon] mailboxes: "
		"'@/mailboxes.d/one.yaml~' is not read; the name of a mailbox "
		"file ends in .yaml\n");
	assert_int_equal(conf->mailbox_count, 2);
	assert_string_equal(conf->mailboxes[0].id, "A2");
	assert_string_equal(conf->mailboxes[0].password.text, "box hunter2");
	assert_string_equal(conf->mailboxes[1].id, "X26ABC1");
	assert_string_equal(conf->mailboxes[1].password.text, "box hunter2");
	assert_null(conf_free(conf));
}

static void limits_mailbox_files(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		char name[64];
		char text[128];
		int n = snprintf(name, sizeof(name), "mailboxes.d/m%d.yaml", i);
		assert_true(n > 0);
		n = snprintf(text, sizeof(text),
			     "mailbox: M%d\npassword_file: ../password\n"
			     "root: /r/%d\n",
			     i, i);
		assert_true(n > 0);
		help_write(&set_dir, name, 0644, text);
	}
	set_refused("E @/meshdrop.conf: [daemon] mailboxes: over 1000 "
		    "mailbox files are in '@/mailboxes.d'\n");
	assert_int_equal(unlink(help_path(&set_dir, "mailboxes.d/m0.yaml")), 0);
	struct conf *conf = set_loaded("");
	assert_int_equal(conf->mailbox_count, 1000);
	assert_null(conf_free(conf));
}

static void finds_by_id(void **state)
{
	(void)state;
	help_write(&set_dir, "mailboxes.d/two.yaml", 0644, SET_BOX("X26ABC2"));
	struct conf *conf = set_loaded("");
	assert_ptr_equal(conf_mailbox_find(conf, "X26ABC2"),
			 &conf->mailboxes[1]);
	assert_ptr_equal(conf_mailbox_find(conf, "x26abc1"),
			 &conf->mailboxes[0]);
	assert_null(conf_mailbox_find(conf, "X26ABC"));
	assert_null(conf_mailbox_find(conf, ""));
	assert_null(conf_free(conf));
}

static void follows_links_to_mailbox_files(void **state)
{
	(void)state;
	help_write(&set_dir, "elsewhere", 0644, SET_BOX("L"));
	assert_int_equal(symlink("../elsewhere",
				 help_path(&set_dir, "mailboxes.d/l.yaml")),
			 0);
	struct conf *conf = set_loaded("");
	assert_int_equal(conf->mailbox_count, 2);
	assert_null(conf_free(conf));
}

/* ".." of a link is where it leads to, and only the system knows that. */
static void parents_of_links_stay(void **state)
{
	(void)state;
	help_mkdir(&set_dir, "far");
	help_mkdir(&set_dir, "far/boxes");
	help_write(&set_dir, "far/boxes/one.yaml", 0644, SET_BOX("L"));
	help_write(&set_dir, "far/password", 0600, "far hunter2\n");
	assert_int_equal(symlink("far/boxes", help_path(&set_dir, "boxes")), 0);
	set_write(SET_SERVICE "[daemon]\nmailboxes = boxes\n");
	struct conf *conf = set_loaded("");
	assert_string_equal(conf->mailboxes[0].password_file,
			    help_path(&set_dir, "boxes/../password"));
	assert_string_equal(conf->mailboxes[0].password.text, "far hunter2");
	assert_null(conf_free(conf));
}

static void ids_are_unique(void **state)
{
	(void)state;
	help_write(&set_dir, "mailboxes.d/two.yaml", 0644,
		   "root: /r\npassword_file: ../password\n"
		   "mailbox: x26abc1\n");
	set_refused("E @/mailboxes.d/two.yaml:3: mailbox x26abc1 is also in "
		    "'@/mailboxes.d/one.yaml'\n");
}

static void check_roots(const char *first, const char *second,
			const char *complaint)
{
	char text[512];
	print_message("  %s %s\n", first, second);
	int n = snprintf(text, sizeof(text),
			 "mailbox: A\npassword_file: ../password\nroot: %s\n",
			 first);
	assert_true(n > 0);
	help_write(&set_dir, "mailboxes.d/one.yaml", 0644, text);
	n = snprintf(text, sizeof(text),
		     "mailbox: B\npassword_file: ../password\nroot: %s\n",
		     second);
	assert_true(n > 0);
	help_write(&set_dir, "mailboxes.d/two.yaml", 0644, text);
	if (complaint)
		set_refused(complaint);
	else
		assert_null(conf_free(set_loaded("")));
}

static void roots_are_apart(void **state)
{
	(void)state;
	static const char same[] =
		"E @/mailboxes.d/two.yaml:3: root '/a/b' is also that of "
		"'@/mailboxes.d/one.yaml'; each mailbox needs one of its own\n";
	check_roots("/a/b", "/a/b", same);
	check_roots("/a/b/", "//a/./b", same);
	check_roots("/a/c/../b", "/a/b", same);
	check_roots("/../a/b", "/a/b", same);
	check_roots("/a", "/a/b",
		    "E @/mailboxes.d/two.yaml:3: root '/a/b' lies inside '/a', "
		    "the root in '@/mailboxes.d/one.yaml'\n");
	check_roots("/a/b/c", "/a",
		    "E @/mailboxes.d/two.yaml:3: root '/a' holds '/a/b/c', the "
		    "root in '@/mailboxes.d/one.yaml'\n");
	check_roots("/a", "/",
		    "E @/mailboxes.d/two.yaml:3: root '/' holds '/a', the root "
		    "in '@/mailboxes.d/one.yaml'\n");
	check_roots("/a/b", "/a/bc", NULL);
	check_roots("/a/b", "/a/c", NULL);
	check_roots("/a/b", "/a/b/../c", NULL);
}

/* --- all of it --- */

static void tells_everything_at_once(void **state)
{
	(void)state;
	set_write("[service]\nurl = https://u@a\nshared_key_file = none\n"
		  "  ca_file = ca.pem\nconnect_timeout = 5\n[daemon]\n"
		  "conections = 4\ntimezone = Moon\nmailboxes = boxes\n");
	help_mkdir(&set_dir, "boxes");
	help_write(&set_dir, "boxes/a.yaml", 0644, "mailbox: A B\n");
	help_write(&set_dir, "boxes/b.yaml", 0644, "mailbox: [\n");
	help_write(&set_dir, "boxes/c.yaml", 0644,
		   SET_BOX("C") "save_sent: 7\n");
	set_refused(
		"E @/meshdrop.conf:4: a setting must not be indented\n"
		"E @/meshdrop.conf:5: [service] connect_timeout must be a time "
		"from 1s to 10m, such as 30s, not '5'\n"
		"E @/meshdrop.conf:7: unknown setting 'conections' in "
		"'daemon'\n"
		"E @/meshdrop.conf:2: [service] url must be "
		"https://host[:port]: a user name or password does not belong "
		"there\n"
		"E @/meshdrop.conf:8: [daemon] timezone must be UTC or a zone "
		"that is installed (package tzdata): cannot open "
		"'/usr/share/zoneinfo/Moon': No such file or directory\n"
		"E @/meshdrop.conf:3: shared_key_file: cannot open '@/none': "
		"No such file or directory\n"
		"E @/boxes/a.yaml:1: mailbox must be a mailbox id: 1 to 32 "
		"letters, digits, '-' or '_', not 'A B'\n"
		"E @/boxes/a.yaml: password_file is missing (file with the "
		"mailbox's password)\n"
		"E @/boxes/a.yaml: root is missing (directory that holds IN "
		"OUT SENT FAILED TEMP)\n"
		"E @/boxes/b.yaml:1: 'mailbox' does not take a list\n"
		"E @/boxes/b.yaml:2: this is not YAML: did not find expected "
		"node content\n"
		"E @/boxes/b.yaml: mailbox is missing (the mailbox's id)\n"
		"E @/boxes/b.yaml: password_file is missing (file with the "
		"mailbox's password)\n"
		"E @/boxes/b.yaml: root is missing (directory that holds IN "
		"OUT SENT FAILED TEMP)\n"
		"E @/boxes/c.yaml:4: save_sent must be one of true|false, not "
		"'7'\n");
}

/* A refused mailboxes setting does not make the default one be read. */
static void a_wrong_directory_is_not_the_default(void **state)
{
	(void)state;
	set_write(SET_SERVICE "[daemon]\nmailboxes =\n");
	help_write(&set_dir, "mailboxes.d/one.yaml", 0644, "junk");
	set_refused("E @/meshdrop.conf:8: [daemon] mailboxes must be 1 to "
		    "4095 bytes without control characters\n");
}

/* A reload that fails leaves the running object alone; one that works gives
 * a second object that shares nothing with the first. */
static void reload_replaces_whole_or_not(void **state)
{
	(void)state;
	struct conf *old = set_loaded("");
	help_write(&set_dir, "mailboxes.d/two.yaml", 0644, "mailbox: ?\n");
	struct conf *new = NULL;
	assert_true(set_load(&new) < 0);
	assert_null(new);
	help_write(&set_dir, "mailboxes.d/two.yaml", 0644, SET_BOX("B"));
	help_write(&set_dir, "password", 0600, "other\n");
	new = set_loaded("");
	assert_int_equal(new->mailbox_count, 2);
	assert_string_equal(new->mailboxes[1].password.text, "other");
	assert_int_equal(old->mailbox_count, 1);
	assert_string_equal(old->mailboxes[0].password.text, "box hunter2");
	assert_null(conf_free(old));
	assert_string_equal(new->mailboxes[1].id, "X26ABC1");
	assert_null(conf_free(new));
}

static void touches_no_mailbox_folder(void **state)
{
	(void)state;
	help_write(&set_dir, "mailboxes.d/one.yaml", 0644,
		   "mailbox: A\npassword_file: ../password\nroot: ../r\n");
	struct conf *conf = set_loaded("");
	assert_int_equal(access(help_path(&set_dir, "r"), F_OK), -1);
	assert_null(conf_free(conf));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_make, set_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(loads_defaults),
		TEST(loads_every_key),
		TEST(frees_nothing),
		TEST(says_what_it_cannot_read),
		TEST(refuses_a_huge_file),
		TEST(takes_a_relative_path),
		TEST(needs_a_mailbox),
		TEST(picks_mailbox_files),
		TEST(limits_mailbox_files),
		TEST(finds_by_id),
		TEST(follows_links_to_mailbox_files),
		TEST(parents_of_links_stay),
		TEST(ids_are_unique),
		TEST(roots_are_apart),
		TEST(tells_everything_at_once),
		TEST(a_wrong_directory_is_not_the_default),
		TEST(reload_replaces_whole_or_not),
		TEST(touches_no_mailbox_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
