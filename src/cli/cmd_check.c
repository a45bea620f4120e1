/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * meshdrop check: everything meshdropd needs, tried one after the other.
 */
#include "config.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "cli/call.h"
#include "cli/check_folders.h"
#include "cli/cmd.h"
#include "cli/show.h"
#include "cli/verdict.h"
#include "conf/conf.h"
#include "net/tls.h"

#define DAY INT64_C(86400)
#define EXPIRY_NOTICE_DAYS 60 /* as meshdropd has it */

/* --- settings --- */

static void say_setting(void *ctx, bool fatal, const char *text)
{
	if (fatal)
		verdict_fail(ctx, "settings", "%s", text);
	else
		verdict_warn(ctx, "settings", "%s", text);
}

static struct conf *check_settings(struct verdict *verdict, const char *path)
{
	struct conf *conf = NULL;
	if (conf_load(path, say_setting, verdict, &conf) < 0)
		return NULL;
	verdict_ok(verdict, "settings", "%s is good, with %zu mailbox%s", path,
		   conf->mailbox_count, conf->mailbox_count == 1 ? "" : "es");
	/* conf_load has refused what others can read */
	verdict_ok(verdict, "secrets",
		   "the shared key and %zu password%s were read, and are in "
		   "nobody else's reach",
		   conf->mailbox_count, conf->mailbox_count == 1 ? "" : "s");
	return conf;
}

/* --- certificates --- */

static void check_end(struct verdict *verdict, const char *subject,
		      const char *file, int64_t ends_s, int64_t now_s)
{
	char date[SHOW_SIZE];
	show_date(ends_s * CLOCK_SECOND, date);
	long long days = (ends_s - now_s) / DAY;
	if (ends_s <= now_s)
		verdict_fail(verdict, subject,
			     "'%s' ended on %s: put a new one in its place",
			     file, date);
	else if (days < EXPIRY_NOTICE_DAYS)
		verdict_warn(verdict, subject,
			     "'%s' ends in %lld days, on %s: ask for a new "
			     "one now",
			     file, days, date);
	else
		verdict_ok(verdict, subject, "'%s' ends in %lld days, on %s",
			   file, days, date);
}

static void check_certificates(struct verdict *verdict, const struct conf *conf)
{
	struct err err;
	struct tls_facts facts;
	if (conf->plain_http)
		return; /* the settings' warning has said so */
	if (tls_inspect(conf->ca_file, conf->certificate, conf->private_key,
			&facts, &err) < 0) {
		verdict_fail(verdict, "certificate", "%s", err.text);
		return;
	}
	verdict_ok(verdict, "private_key",
		   "it belongs to the certificate of %s", facts.subject);
	int64_t now_s = clock_wall_ns() / CLOCK_SECOND;
	if (facts.not_before > now_s) {
		char date[SHOW_SIZE];
		show_date(facts.not_before * CLOCK_SECOND, date);
		verdict_fail(verdict, "certificate",
			     "'%s' is not valid before %s: is this machine's "
			     "clock right?",
			     conf->certificate, date);
	} else {
		check_end(verdict, "certificate", conf->certificate,
			  facts.not_after, now_s);
	}
	check_end(verdict, "ca_file", conf->ca_file, facts.ca_not_after, now_s);
}

/* --- the service --- */

/* False: it makes no sense to try the next mailbox. */
static bool greet(struct verdict *verdict, const struct conf *conf,
		  const struct conf_mailbox *set, struct http_client *http)
{
	struct err err;
	struct session session;
	call_session(conf, set, http, &session);
	if (session_handshake(&session, &err) == 0) {
		verdict_ok(verdict, set->id,
			   "%s knows the mailbox and takes its password",
			   conf->url);
		return true;
	}
	verdict_fail(verdict, set->id, "%s", err.text);
	return err.code != ERR_NETWORK && err.code != ERR_TLS;
}

static void check_proxy(struct verdict *verdict, const struct conf *conf)
{
	if (conf->proxy)
		verdict_ok(verdict, "proxy", "all goes through %s, %s",
			   conf->proxy,
			   conf->proxy_user ?
				   "with proxy_user and its password" :
				   "without a user");
}

static void check_service(struct verdict *verdict, const struct conf *conf)
{
	struct err err;
	struct http_client *http = NULL;
	if (call_connect(conf, &http, &err) < 0) {
		verdict_fail(verdict, "service", "%s", err.text);
		return;
	}
	bool go_on = true;
	for (size_t i = 0; i < conf->mailbox_count; i++) {
		const struct conf_mailbox *set = &conf->mailboxes[i];
		if (go_on)
			go_on = greet(verdict, conf, set, http);
		else
			verdict_fail(verdict, set->id,
				     "not tried, because the service could not "
				     "be talked to (see above)");
	}
	(void)http_client_free(http);
}

/* --- the command --- */

static void check_all(struct verdict *verdict, const struct conf *conf,
		      bool offline)
{
	check_certificates(verdict, conf);
	check_proxy(verdict, conf);
	check_state_dir(verdict, conf);
	check_signal_file(verdict, conf);
	for (size_t i = 0; i < conf->mailbox_count; i++)
		check_mailbox_folders(verdict, conf, &conf->mailboxes[i]);
	if (!offline)
		check_service(verdict, conf);
}

enum cmd_exit cmd_check_all(const char *conf_path, bool offline)
{
	struct verdict verdict = { .failed = 0 };
	struct conf *conf = check_settings(&verdict, conf_path);
	bool loaded = conf;
	if (loaded)
		check_all(&verdict, conf, offline);
	(void)conf_free(conf);
	verdict_sum(&verdict);
	if (!loaded)
		return CMD_CONFIG;
	return verdict.failed > 0 ? CMD_FAILED : CMD_OK;
}

static enum cmd_exit check_run(struct cmd_run *run)
{
	bool offline = false;
	const struct cmd_option options[] = {
		{ .name = "offline", .flag = &offline },
	};
	if (!cmd_options(run, options, 1, 0, 0))
		return run->exit;
	return cmd_check_all(run->conf_path, offline);
}

const struct cmd cmd_check = {
	.name = "check",
	.summary = "Tries everything that meshdropd needs",
	.arguments = "[--offline]",
	.help = "Settings, secrets, certificates, folders, room on disk, and "
		"the service with\n"
		"each mailbox. One line each: \"ok\", \"warn\" or \"FAIL\" "
		"with what to do. May be\n"
		"done while meshdropd runs; run it as the same user. The exit "
		"status is 1 when\n"
		"something failed, 78 when that is the settings.\n"
		"\n"
		"      --offline  without talking to the service\n",
	.function = check_run,
};
