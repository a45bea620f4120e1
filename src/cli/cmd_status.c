/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * meshdrop status: how the daemon says it is, from state_dir/status.json.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "agent/expiry.h"
#include "agent/status.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/proc.h"
#include "cli/cmd.h"
#include "cli/show.h"
#include "conf/conf.h"

#define NOT_RUNNING "not running"

/* --- facts --- */

/* *ret NULL: there is no status yet. */
static int load(const struct conf *conf, json_t **ret, struct err *err)
{
	AUTO_CLOSE int state_dir = -1;
	AUTO_BUF struct buf text;
	buf_init(&text, JSON_MAX_SIZE);
	int r = fsx_open_root(conf->state_dir, &state_dir, err);
	if (r == 0)
		r = fsx_load(state_dir, STATUS_FILE, &text, err);
	if (r == -(int)ERR_MISSING) {
		*ret = NULL;
		return 0;
	}
	if (r == 0)
		r = json_read(text.data, text.len, ret, err);
	if (r < 0)
		err_prefix(err, "'%s/%s'", conf->state_dir, STATUS_FILE);
	return r;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_text(object, key);
	return text ? text : "";
}

static int64_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* A process that has ended and that nobody has buried yet; false when that
 * cannot be seen. */
static bool is_zombie(int64_t pid)
{
	char stat[512] = "";
	size_t len = 0;
	AUTO_CLOSE int fd = -1;
	AUTO_FREE char *path = xasprintf("/proc/%lld/stat", (long long)pid);
	if (fsx_open_path(path, &fd, NULL, NULL) < 0 ||
	    fsx_pread(fd, path, stat, sizeof(stat) - 1, 0, &len, NULL) < 0)
		return false;
	const char *state = strrchr(stat, ')'); /* of the process's name */
	return state && strncmp(state, ") Z", 3) == 0;
}

/* A process of another user is one, too. */
static bool is_alive(int64_t pid)
{
	return proc_exists(pid) && !is_zombie(pid);
}

/* Then the number belongs to somebody else by now. */
static bool is_from_before_boot(const json_t *status)
{
	struct sysinfo info;
	int64_t written;
	if (!clock_parse(text_of(status, "written"), &written) ||
	    sysinfo(&info) < 0)
		return false;
	return written < clock_wall_ns() - info.uptime * CLOCK_SECOND;
}

static bool is_running(const json_t *status)
{
	const char *state = text_of(status, "state");
	return state[0] != '\0' && strcmp(state, "stopped") != 0 &&
	       !is_from_before_boot(status) &&
	       is_alive(number_of(status, "pid"));
}

/* What somebody has to look at. */
static bool is_troubled(const json_t *mailbox)
{
	return text_of(mailbox, "trouble")[0] != '\0' ||
	       number_of(mailbox, "held") > 0 ||
	       number_of(mailbox, "not_taken") > 0;
}

/* --- for people --- */

/* "" when that time is not said. */
static void age_of(const json_t *object, const char *key, char ret[SHOW_SIZE])
{
	int64_t at;
	ret[0] = '\0';
	if (clock_parse(text_of(object, key), &at))
		show_age((clock_wall_ns() - at) / CLOCK_SECOND, ret);
}

/* False when it has no end. */
static bool end_of(const json_t *certificate, char ret[SHOW_SIZE],
		   int64_t *ret_left_s)
{
	int64_t ends;
	if (!clock_parse(text_of(certificate, "ends"), &ends))
		return false;
	show_date(ends, ret);
	*ret_left_s = (ends - clock_wall_ns()) / CLOCK_SECOND;
	return true;
}

static void print_ours(const json_t *certificate)
{
	char date[SHOW_SIZE];
	int64_t left;
	if (!end_of(certificate, date, &left))
		return;
	if (left <= 0)
		(void)printf("the client certificate ended on %s: put a new "
			     "one in its place\n",
			     date);
	else
		(void)printf("the client certificate ends in %lld days (%s)%s\n",
			     (long long)expiry_days(left, 0), date,
			     expiry_mark(left, 0) == EXPIRY_NONE ?
				     "" :
				     ": ask for a new one");
}

/* Only one that needs somebody. */
static void print_ca(const json_t *certificate)
{
	char date[SHOW_SIZE];
	char subject[256];
	int64_t left;
	if (!end_of(certificate, date, &left) ||
	    expiry_mark(left, 0) == EXPIRY_NONE)
		return;
	text_escape(subject, sizeof(subject), text_of(certificate, "subject"));
	if (left <= 0)
		(void)printf("in ca_file, %s ended on %s\n", subject, date);
	else
		(void)printf("in ca_file, %s ends in %lld days (%s)\n", subject,
			     (long long)expiry_days(left, 0), date);
}

static void print_certificates(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *certificate = json_array_get(list, i);
		if (strcmp(text_of(certificate, "setting"), "ca_file") == 0)
			print_ca(certificate);
		else
			print_ours(certificate);
	}
}

static void print_daemon(const json_t *status, bool running)
{
	char age[SHOW_SIZE];
	char safe[128];
	if (!running) {
		age_of(status, "written", age);
		(void)printf("meshdropd is not running");
		if (age[0] != '\0')
			(void)printf(" (its last word is %s old)", age);
		(void)putchar('\n');
		return;
	}
	text_escape(safe, sizeof(safe), text_of(status, "version"));
	(void)printf("meshdropd %s is ", safe);
	text_escape(safe, sizeof(safe), text_of(status, "state"));
	age_of(status, "started", age);
	(void)printf("%s: process %lld, up %s", safe,
		     (long long)number_of(status, "pid"), age);
	text_escape(safe, sizeof(safe), text_of(status, "started"));
	age_of(status, "written", age);
	(void)printf(" (since %s), this is %s old\n", safe, age);
}

#define COUNTS 10

static const struct {
	const char *head;
	const char *key;
} counts[COUNTS] = {
	{ "SENT", "sent" },	    { "FAILED", "failed" },
	{ "RECEIVED", "received" }, { "REPORTS", "reports" },
	{ "SENDING", "sending" },   { "DEFERRED", "deferred" },
	{ "UNKNOWN", "unknown" },   { "HELD", "held" },
	{ "WAITING", "waiting" },   { "NOT-TAKEN", "not_taken" },
};

static void add_row(struct show_table *table, const json_t *mailbox)
{
	char numbers[COUNTS][SHOW_SIZE];
	char contact[SHOW_SIZE];
	const char *cells[COUNTS + 2] = { text_of(mailbox, "id") };
	for (size_t i = 0; i < COUNTS; i++) {
		(void)snprintf(numbers[i], SHOW_SIZE, "%lld",
			       (long long)number_of(mailbox, counts[i].key));
		cells[i + 1] = numbers[i];
	}
	age_of(mailbox, "last_contact", contact);
	cells[COUNTS + 1] = contact[0] != '\0' ? contact : "never";
	show_table_add(table, cells);
}

static void print_mailboxes(const json_t *mailboxes)
{
	const char *head[COUNTS + 2] = { "MAILBOX" };
	for (size_t i = 0; i < COUNTS; i++)
		head[i + 1] = counts[i].head;
	head[COUNTS + 1] = "CONTACT";
	struct show_table table;
	show_table_init(&table, head, COUNTS + 2, (1u << (COUNTS + 2)) - 2);
	for (size_t i = 0; i < json_array_size(mailboxes); i++)
		add_row(&table, json_array_get(mailboxes, i));
	(void)putchar('\n');
	show_table_print(&table);
	show_table_release(&table);
}

static void print_troubles(const json_t *mailboxes)
{
	bool first = true;
	for (size_t i = 0; i < json_array_size(mailboxes); i++) {
		const json_t *mailbox = json_array_get(mailboxes, i);
		const char *trouble = text_of(mailbox, "trouble");
		if (trouble[0] == '\0')
			continue;
		if (first)
			(void)putchar('\n');
		first = false;
		show_fact(text_of(mailbox, "id"), trouble);
	}
}

/* Only of mailboxes that have some. */
static void print_hooks(const json_t *mailboxes)
{
	bool first = true;
	for (size_t i = 0; i < json_array_size(mailboxes); i++) {
		const json_t *mailbox = json_array_get(mailboxes, i);
		int64_t run = number_of(mailbox, "hooks_run");
		int64_t dropped = number_of(mailbox, "hooks_dropped");
		int64_t waiting = number_of(mailbox, "hooks_waiting");
		if (run + dropped + waiting == 0)
			continue;
		if (first)
			(void)putchar('\n');
		first = false;
		AUTO_FREE char *text = xasprintf(
			"hooks: %lld run, %lld of them failed, %lld not run, "
			"%lld waiting or running",
			(long long)run,
			(long long)number_of(mailbox, "hooks_failed"),
			(long long)dropped, (long long)waiting);
		show_fact(text_of(mailbox, "id"), text);
	}
}

static void print_status(const json_t *status, bool running)
{
	print_daemon(status, running);
	const json_t *mailboxes = json_object_get(status, "mailboxes");
	if (!running)
		return;
	print_certificates(json_object_get(status, "certificates"));
	print_mailboxes(mailboxes);
	print_hooks(mailboxes);
	print_troubles(mailboxes);
}

/* --- the command --- */

static void print_json(json_t *status, bool running)
{
	show_put(status, "running", json_boolean(running));
	if (!running)
		show_put_text(status, "state", NOT_RUNNING);
	show_json(status);
}

static enum cmd_exit judge(const json_t *status, bool running)
{
	const json_t *mailboxes = json_object_get(status, "mailboxes");
	for (size_t i = 0; i < json_array_size(mailboxes); i++)
		if (is_troubled(json_array_get(mailboxes, i)))
			return CMD_FAILED;
	return running ? CMD_OK : CMD_FAILED;
}

static enum cmd_exit answer(struct cmd_run *run, const struct conf *conf,
			    bool json)
{
	struct err err;
	AUTO_JSON json_t *status = NULL;
	if (load(conf, &status, &err) < 0) {
		cmd_fail(run, &err);
		return run->exit;
	}
	if (!json_is_object(status)) {
		json_decref(status);
		status = json_object();
	}
	bool running = is_running(status);
	enum cmd_exit code = judge(status, running);
	if (json)
		print_json(status, running);
	else
		print_status(status, running);
	return code;
}

static enum cmd_exit status_run(struct cmd_run *run)
{
	bool json = false;
	const struct cmd_option options[] = {
		{ .name = "json", .flag = &json },
	};
	if (!cmd_options(run, options, 1, 0, 0))
		return run->exit;
	struct conf *conf = cmd_conf(run);
	if (!conf)
		return run->exit;
	enum cmd_exit code = answer(run, conf, json);
	(void)conf_free(conf);
	return code;
}

const struct cmd cmd_status = {
	.name = "status",
	.summary = "Shows how meshdropd and its mailboxes are",
	.arguments = "[--json]",
	.help = "The exit status is 1 when meshdropd does not run, a mailbox is "
		"in trouble,\n"
		"a message is held or a message cannot be taken. The counts "
		"are since its start.\n"
		"\n"
		"      --json  the object that meshdropd wrote, with \"running\" "
		"added\n",
	.function = status_run,
};
