/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* The table of settings: each key's type, bounds and way back to text. */
#include "config.h"

#include "conf/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "conf_help.h"

#define SECOND INT64_C(1000000000)
#define COUNT(list) (sizeof(list) / sizeof(*(list)))

static struct help_log said;

union target {
	struct conf daemon;
	struct conf_mailbox mailbox;
	struct conf_route route;
	struct conf_delivery delivery;
};

static union target *target_new(enum schema_scope scope)
{
	union target *target = calloc(1, sizeof(*target));
	assert_non_null(target);
	schema_preset(scope, target);
	return target;
}

static void target_free(enum schema_scope scope, union target *target)
{
	help_free_texts(scope, target);
	free(target);
}

static const struct schema_key *find(enum schema_scope scope,
				     const char *section, const char *name)
{
	const struct schema_key *key = schema_find(scope, section, name);
	if (!key)
		fail_msg("no setting %s in '%s'", name, section);
	return key;
}

struct attempt {
	const char *section;
	const char *name;
	const char *value;
	const char *shown; /* how it is written; NULL: refused */
};

static const struct attempt daemon_attempts[] = {
	{ "service", "connect_timeout", "1s", "1s" },
	{ "service", "connect_timeout", "10m", "10m" },
	{ "service", "connect_timeout", "601s", NULL },
	{ "service", "connect_timeout", "999ms", NULL },
	{ "service", "connect_timeout", "0s", NULL },
	{ "service", "connect_timeout", "30", NULL },
	{ "service", "connect_timeout", "-30s", NULL },
	{ "service", "connect_timeout", "30 s", NULL },
	{ "service", "connect_timeout", "30sec", NULL },
	{ "service", "connect_timeout", "", NULL },
	{ "service", "stall_timeout", "1h", "1h" },
	{ "service", "stall_timeout", "3601s", NULL },
	{ "service", "stall_timeout", "500ms", NULL },
	{ "daemon", "poll_interval", "1s", "1s" },
	{ "daemon", "poll_interval", "24h", "24h" },
	{ "daemon", "poll_interval", "1d", "24h" },
	{ "daemon", "poll_interval", "25h", NULL },
	{ "daemon", "poll_interval", "999999999999999999999h", NULL },
	{ "daemon", "scan_interval", "100ms", "100ms" },
	{ "daemon", "scan_interval", "99ms", NULL },
	{ "daemon", "scan_interval", "61m", NULL },
	{ "daemon", "processing_delay", "0s", "0s" },
	{ "daemon", "processing_delay", "90s", "90s" },
	{ "daemon", "processing_delay", "1h", "1h" },
	{ "daemon", "processing_delay", "2h", NULL },
	{ "daemon", "resolve_after", "0s", "0s" },
	{ "daemon", "resolve_after", "24h", "24h" },
	{ "daemon", "resolve_after", "1441m", NULL },
	{ "daemon", "resolve_gap", "0s", "0s" },
	{ "daemon", "resolve_gap", "1500ms", "1500ms" },
	{ "daemon", "resolve_gap", "2d", NULL },
	{ "daemon", "connections", "1", "1" },
	{ "daemon", "connections", "64", "64" },
	{ "daemon", "connections", "0", NULL },
	{ "daemon", "connections", "65", NULL },
	{ "daemon", "connections", "+4", NULL },
	{ "daemon", "connections", "0x4", NULL },
	{ "daemon", "connections", "4.0", NULL },
	{ "daemon", "connections", "18446744073709551617", NULL },
	{ "daemon", "chunk_size", "1", "1" },
	{ "daemon", "chunk_size", "99M", "99M" },
	{ "daemon", "chunk_size", "99000001", NULL },
	{ "daemon", "chunk_size", "0", NULL },
	{ "daemon", "chunk_size", "1500k", "1500k" },
	{ "daemon", "chunk_size", "1000k", "1M" },
	{ "daemon", "chunk_size", "20MB", NULL },
	{ "daemon", "chunk_size", "20 M", NULL },
	{ "daemon", "request_limit", "99M", "99M" },
	{ "daemon", "request_limit", "100M", NULL },
	{ "daemon", "request_limit", "0", NULL },
	{ "daemon", "max_message", "1G", "1G" },
	{ "daemon", "max_message", "0", NULL },
	{ "daemon", "max_message", "99999999999T", NULL },
	{ "daemon", "reserve", "0", "0" },
	{ "daemon", "reserve", "12345", "12345" },
	{ "daemon", "timezone", "UTC", "UTC" },
	{ "daemon", "timezone", "", NULL },
	{ "daemon", "timezone", "U\nTC", NULL },
	{ "daemon", "timezone", "U\177TC", NULL },
	{ "service", "url", "https://a", "https://a" },
	{ "service", "environment", "live", "live" },
	{ "service", "environment", "live|int", NULL },
	{ "service", "environment", "", NULL },
	{ "service", "ca_file", "ca.pem", "/etc/m/ca.pem" },
	{ "service", "ca_file", "./a//b/./c/", "/etc/m/a/b/c" },
	{ "service", "ca_file", "a //b /./", "/etc/m/a /b /" },
	{ "service", "ca_file", "a /.", "/etc/m/a /" },
	{ "service", "ca_file", "../ca.pem", "/etc/m/../ca.pem" },
	{ "service", "ca_file", "//a/.", "/a" },
	{ "service", "ca_file", "/", "/" },
	{ "service", "ca_file", "~/ca.pem", "/etc/m/~/ca.pem" },
	{ "service", "ca_file", "$HOME/x", "/etc/m/$HOME/x" },
	{ "service", "ca_file", "/a\tb", NULL },
	{ "service", "ca_file", "", NULL },
	{ "daemon", "state_dir", "s", "/etc/m/s" },
};

static const struct attempt mailbox_attempts[] = {
	{ "retention.sent", "age", "1h", "1h" },
	{ "retention.sent", "age", "59m", NULL },
	{ "retention.sent", "size", "10G", "10G" },
	{ "retention.failed", "age", "400d", "400d" },
	{ "retention.failed", "size", "0", NULL },
	{ "retention.in", "age", "35d", "35d" },
	{ "retention.in", "age", "841h", NULL }, /* the ledger forgets */
	{ "retention.in", "size", "1", "1" },
	{ "", "mailbox", "X26ABC1", "X26ABC1" },
	{ "", "mailbox", "x_-9", "x_-9" },
	{ "", "mailbox", "", NULL },
	{ "", "mailbox", "../X", NULL },
	{ "", "mailbox", "X 1", NULL },
	{ "", "mailbox", "0123456789012345678901234567890123", NULL },
	{ "", "mailbox", "01234567890123456789012345678901",
	  "01234567890123456789012345678901" },
	{ "", "mailbox", "null", "'null'" },
	{ "", "mailbox", "-", "'-'" },
	{ "", "root", "/srv/it's: here", "'/srv/it''s: here'" },
	{ "", "root", "r", "/etc/m/r" },
	{ "", "save_sent", "TRUE", "true" },
	{ "", "save_sent", "off", "false" },
	{ "", "save_sent", "1", NULL },
	{ "", "save_sent", "y", NULL },
	{ "", "save_sent", "", NULL },
	{ "reports", "collect", "no", "false" },
	{ "reports", "transfer", "yes", "true" },
	{ "", "max_messages", "1", "1" },
	{ "", "max_messages", "5000", "5000" },
	{ "", "max_messages", "0", NULL },
	{ "", "max_messages", "5001", NULL },
	{ "", "server_retry", "0", "0" },
	{ "", "server_retry", "1000", "1000" },
	{ "", "server_retry", "1001", NULL },
	{ "", "on_ambiguous", "hold", "hold" },
	{ "", "on_ambiguous", "resend", "resend" },
	{ "", "on_ambiguous", "fail", "fail" },
	{ "", "on_ambiguous", "HOLD", NULL },
	{ "", "on_ambiguous", "hol", NULL },
	{ "", "on_ambiguous", "hold|resend", NULL },
	{ "", "on_ambiguous", "", NULL },
	{ "", "local_id_when_empty", "none", "none" },
	{ "", "local_id_when_empty", "generate", "generate" },
	{ "", "local_id_when_empty", "true", NULL },
	{ "", "workflow_filter", "*LAB*", "'*LAB*'" },
	{ "", "routes", "x", NULL },
	{ "", "deliver", "", NULL },
	{ "reports", "orphan", "0s", "0s" },
	{ "reports", "orphan", "35d", "35d" },
	{ "reports", "orphan", "36d", NULL },
	{ "hooks.on_receive", "command", "/bin/true", "[/bin/true]" },
	{ "hooks.on_report", "command", "", "['']" },
	{ "hooks.on_failed", "command", "a\tb", NULL },
	{ "hooks.on_failed", "timeout", "999ms", NULL },
	{ "hooks.on_failed", "timeout", "90m", NULL },
	{ "hooks", "parallel", "16", "16" },
	{ "hooks", "parallel", "17", NULL },
	{ "retention.sent", "age", "1h", "1h" },
	{ "retention.sent", "age", "0s", NULL },
	{ "retention.sent", "age", "48h", "2d" },
	{ "retention.sent", "size", "1500M", "1500M" },
	{ "retention.failed", "age", "3651d", NULL },
	{ "retention.failed", "size", "0", NULL },
	{ "retention.in", "age", "7d", "7d" },
};

static const struct attempt route_attempts[] = {
	{ "", "folder", "letters", "letters" },
	{ "", "folder", "", NULL },
	{ "", "match", "{to}_*.pdf", "'{to}_*.pdf'" },
	{ "", "match", "", NULL },
	{ "", "subject", "", "''" },
	{ "", "subject", "it's", "'it''s'" },
	{ "", "local_id", "", "''" },
	{ "", "to", "", NULL },
	{ "", "compress", "off", "false" },
};

static const struct attempt delivery_attempts[] = {
	{ "", "workflows", "LAB*", "['LAB*']" },
	{ "", "workflows", "", NULL },
	{ "", "second_name", "yes", "true" },
	{ "", "second_name", "2", NULL },
};

static void try_one(enum schema_scope scope, const struct attempt *attempt)
{
	const struct schema_key *key = find(scope, attempt->section,
					    attempt->name);
	union target *target = target_new(scope);
	struct schema_load load = help_loader(scope, "/etc/m/f", target, &said);
	help_log_clear(&said);
	AUTO_FREE char *before = schema_show(key, target);
	schema_apply(&load, 7, attempt->section, attempt->name, attempt->value);
	AUTO_FREE char *after = schema_show(key, target);
	print_message("  %s '%s'\n", attempt->name, attempt->value);
	assert_int_equal(said.errors, attempt->shown ? 0 : 1);
	assert_int_equal(load.failed, !attempt->shown);
	assert_int_equal(schema_line(&load, attempt->section, attempt->name),
			 7);
	assert_string_equal(after, attempt->shown ? attempt->shown : before);
	if (!attempt->shown) {
		assert_non_null(strstr(said.text, "E /etc/m/f:7: "));
		assert_non_null(strstr(said.text, attempt->name));
	}
	target_free(scope, target);
}

static void checks_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(daemon_attempts); i++)
		try_one(SCHEMA_DAEMON, &daemon_attempts[i]);
	for (size_t i = 0; i < COUNT(mailbox_attempts); i++)
		try_one(SCHEMA_MAILBOX, &mailbox_attempts[i]);
	for (size_t i = 0; i < COUNT(route_attempts); i++)
		try_one(SCHEMA_ROUTE, &route_attempts[i]);
	for (size_t i = 0; i < COUNT(delivery_attempts); i++)
		try_one(SCHEMA_DELIVERY, &delivery_attempts[i]);
}

static void check_key(const struct schema_key *key, enum schema_scope scope)
{
	assert_int_equal(key->scope, scope);
	assert_true(key->summary && key->summary[0] != '\0');
	assert_false(key->required && key->preset);
	assert_true(key->min <= key->max);
	assert_true(key->type != SCHEMA_CHOICE || key->choices);
	assert_int_equal(key->type == SCHEMA_LIST, key->list ? 1 : 0);
	assert_true(key->type != SCHEMA_TEXTS ||
		    (key->max > 0 && !key->preset));
	/* No deeper than the YAML reader goes. */
	const char *dot = strchr(key->section, '.');
	assert_true(!dot || !strchr(dot + 1, '.'));
	assert_null(strchr(key->name, '.'));
}

static void table_is_sound(void **state)
{
	(void)state;
	for (unsigned n = 0; n < SCHEMA_SCOPE_COUNT; n++) {
		enum schema_scope scope = (enum schema_scope)n;
		size_t count = 0;
		const struct schema_key *keys = schema_keys(scope, &count);
		assert_in_range(count, 1, SCHEMA_MAX);
		for (size_t i = 0; i < count; i++) {
			check_key(&keys[i], scope);
			for (size_t k = 0; k < i; k++) {
				assert_int_not_equal(keys[k].offset,
						     keys[i].offset);
				assert_true(strcmp(keys[k].section,
						   keys[i].section) ||
					    strcmp(keys[k].name, keys[i].name));
			}
		}
	}
}

static void presets_the_daemon(void **state)
{
	(void)state;
	union target *target = target_new(SCHEMA_DAEMON);
	const struct conf *conf = &target->daemon;
	assert_null(conf->url);
	assert_null(conf->ca_file);
	assert_int_equal(conf->connect_timeout_ns, 30 * SECOND);
	assert_int_equal(conf->stall_timeout_ns, 60 * SECOND);
	assert_string_equal(conf->state_dir, "/var/lib/meshdrop");
	assert_string_equal(conf->mailboxes_dir, "mailboxes.d");
	assert_int_equal(conf->poll_interval_ns, 300 * SECOND);
	assert_int_equal(conf->scan_interval_ns, 10 * SECOND);
	assert_int_equal(conf->processing_delay_ns, 10 * SECOND);
	assert_int_equal(conf->connections, 4);
	assert_int_equal(conf->chunk_size, 20000000);
	assert_int_equal(conf->request_limit, 75000000);
	assert_int_equal(conf->max_message, 100000000000);
	assert_int_equal(conf->reserve, 100000000);
	assert_int_equal(conf->resolve_after_ns, 60 * SECOND);
	assert_int_equal(conf->resolve_gap_ns, 300 * SECOND);
	assert_string_equal(conf->timezone, "Europe/London");
	target_free(SCHEMA_DAEMON, target);
}

static void presets_a_mailbox(void **state)
{
	(void)state;
	union target *target = target_new(SCHEMA_MAILBOX);
	const struct conf_mailbox *box = &target->mailbox;
	assert_string_equal(box->id, "");
	assert_null(box->root);
	assert_null(box->password_file);
	assert_true(box->report_collect);
	assert_false(box->report_transfer);
	assert_false(box->report_poll);
	assert_false(box->report_delay);
	assert_true(box->save_sent);
	assert_int_equal(box->max_messages, 100);
	assert_int_equal(box->server_retry, 3);
	assert_int_equal(box->on_ambiguous, CONF_HOLD);
	assert_true(box->local_id_generate);
	target_free(SCHEMA_MAILBOX, target);
}

/* What is shown is accepted again and shown the same. */
static void show_again(const struct schema_key *key)
{
	union target *target = target_new(key->scope);
	AUTO_FREE char *shown = schema_show(key, target);
	struct schema_load load = help_loader(key->scope, "f", target, &said);
	schema_apply(&load, 1, key->section, key->name, shown);
	assert_false(load.failed);
	AUTO_FREE char *again = schema_show(key, target);
	assert_string_equal(again, shown);
	target_free(key->scope, target);
}

static void shows_what_it_reads(void **state)
{
	(void)state;
	for (unsigned n = 0; n < SCHEMA_SCOPE_COUNT; n++) {
		size_t count = 0;
		const struct schema_key *keys =
			schema_keys((enum schema_scope)n, &count);
		/* Quotes are YAML's: test_conf_mailbox reads those back. */
		for (size_t i = 0; i < count; i++)
			if (keys[i].preset && keys[i].type != SCHEMA_TEXT)
				show_again(&keys[i]);
	}
}

static void finish_knows_what_is_missing(void **state)
{
	(void)state;
	union target *target = target_new(SCHEMA_DAEMON);
	struct schema_load load = help_loader(SCHEMA_DAEMON, "/e/t.conf",
					      target, &said);
	help_log_clear(&said);
	schema_finish(&load);
	assert_true(load.failed);
	assert_string_equal(said.text,
			    "E /e/t.conf: [service] shared_key_file is missing "
			    "(file with the environment's shared key)\n");
	assert_string_equal(target->daemon.mailboxes_dir, "/e/mailboxes.d");
	assert_string_equal(target->daemon.state_dir, "/var/lib/meshdrop");
	target_free(SCHEMA_DAEMON, target);
}

/* A key that was wrong is not also missing. */
static void a_wrong_key_is_not_missing(void **state)
{
	(void)state;
	union target *target = target_new(SCHEMA_MAILBOX);
	struct schema_load load = help_loader(SCHEMA_MAILBOX, "m", target,
					      &said);
	help_log_clear(&said);
	schema_apply(&load, 1, "", "mailbox", "?");
	schema_apply(&load, 2, "", "root", "");
	schema_apply(&load, 3, "", "password_file", "");
	schema_finish(&load);
	assert_int_equal(said.errors, 3);
	target_free(SCHEMA_MAILBOX, target);
}

/* Texts may be addresses with passwords in them, or pasted passwords. */
static void never_shows_a_text(void **state)
{
	(void)state;
	union target *target = target_new(SCHEMA_DAEMON);
	struct schema_load load = help_loader(SCHEMA_DAEMON, "f", target,
					      &said);
	help_log_clear(&said);
	schema_apply(&load, 1, "service", "url", "https://u:hunter2@h\n");
	schema_apply(&load, 2, "service", "shared_key_file", "hunter2\n");
	schema_apply(&load, 3, "service", "password", "hunter2");
	schema_apply(&load, 4, "nowhere", "password", "hunter2");
	assert_int_equal(said.errors, 4);
	assert_null(strstr(said.text, "hunter2"));
	target_free(SCHEMA_DAEMON, target);
}

static void warning_is_no_failure(void **state)
{
	(void)state;
	struct conf conf = { .file = NULL };
	struct schema_load load = help_loader(SCHEMA_DAEMON, "f", &conf, &said);
	help_log_clear(&said);
	schema_warn(&load, 3, "mind %s", "this\x1b");
	assert_false(load.failed);
	assert_string_equal(said.text, "W f:3: mind this\\x1b\n");
}

static void knows_sections(void **state)
{
	(void)state;
	assert_true(schema_section(SCHEMA_DAEMON, "service") >= 0);
	assert_true(schema_section(SCHEMA_DAEMON, "daemon") >= 0);
	assert_int_equal(schema_section(SCHEMA_DAEMON, "reports"), -1);
	assert_int_equal(schema_section(SCHEMA_DAEMON, ""), -1);
	assert_true(schema_section(SCHEMA_MAILBOX, "reports") >= 0);
	assert_true(schema_section(SCHEMA_MAILBOX, "") >= 0);
	assert_true(schema_section(SCHEMA_MAILBOX, "hooks") >= 0);
	assert_true(schema_section(SCHEMA_MAILBOX, "retention") >= 0);
	assert_true(schema_section(SCHEMA_MAILBOX, "retention.in") >= 0);
	assert_int_equal(schema_section(SCHEMA_MAILBOX, "retent"), -1);
	assert_int_equal(schema_section(SCHEMA_MAILBOX, "retention."), -1);
	assert_int_equal(schema_section(SCHEMA_ROUTE, "folder"), -1);
	assert_int_equal(schema_section(SCHEMA_MAILBOX, "mailbox"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_sound),
		cmocka_unit_test(checks_values),
		cmocka_unit_test(presets_the_daemon),
		cmocka_unit_test(presets_a_mailbox),
		cmocka_unit_test(shows_what_it_reads),
		cmocka_unit_test(finish_knows_what_is_missing),
		cmocka_unit_test(a_wrong_key_is_not_missing),
		cmocka_unit_test(never_shows_a_text),
		cmocka_unit_test(warning_is_no_failure),
		cmocka_unit_test(knows_sections),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
