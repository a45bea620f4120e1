/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * meshdrop check: everything meshdropd needs, tried one after the other.
 */
#include "config.h"

#include <stdio.h>

#include "agent/expiry.h"
#include "base/clock.h"
#include "base/err.h"
#include "cli/call.h"
#include "cli/check_folders.h"
#include "cli/cmd.h"
#include "cli/show.h"
#include "cli/verdict.h"
#include "conf/conf.h"
#include "net/tls.h"

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

static void check_ours(struct verdict *verdict, const char *file,
		       const struct tls_certificate *facts, int64_t now_s)
{
	char start[SHOW_SIZE];
	char end[SHOW_SIZE];
	long long days = expiry_days(facts->not_after, now_s);
	show_date(facts->not_before * CLOCK_SECOND, start);
	show_date(facts->not_after * CLOCK_SECOND, end);
	switch (expiry_of(facts->not_before, facts->not_after, now_s)) {
	case EXPIRY_EARLY:
		verdict_fail(verdict, "certificate",
			     "'%s' is not valid before %s: is this machine's "
			     "clock right?",
			     file, start);
		break;
	case EXPIRY_GOOD:
		verdict_ok(verdict, "certificate",
			   "'%s' ends in %lld days, on %s", file, days, end);
		break;
	case EXPIRY_SOON:
		verdict_warn(verdict, "certificate",
			     "'%s' ends in %lld days, on %s: ask for a new "
			     "one now",
			     file, days, end);
		break;
	case EXPIRY_OVER:
		verdict_fail(verdict, "certificate",
			     "'%s' ended on %s: put a new one in its place",
			     file, end);
		break;
	}
}

/* True when it is good, and so has no line of its own. */
static bool check_ca(struct verdict *verdict, const char *file,
		     const struct tls_certificate *facts, int64_t now_s)
{
	char start[SHOW_SIZE];
	char end[SHOW_SIZE];
	show_date(facts->not_before * CLOCK_SECOND, start);
	show_date(facts->not_after * CLOCK_SECOND, end);
	switch (expiry_of(facts->not_before, facts->not_after, now_s)) {
	case EXPIRY_EARLY:
		verdict_warn(verdict, "ca_file",
			     "'%s': %s is not valid before %s: is this "
			     "machine's clock right?",
			     file, facts->subject, start);
		return false;
	case EXPIRY_GOOD:
		break;
	case EXPIRY_SOON:
		verdict_warn(verdict, "ca_file",
			     "'%s': %s ends in %lld days, on %s: add the one "
			     "that follows it",
			     file, facts->subject,
			     (long long)expiry_days(facts->not_after, now_s),
			     end);
		return false;
	case EXPIRY_OVER:
		verdict_warn(verdict, "ca_file",
			     "'%s': %s ended on %s: add the one that follows "
			     "it, or take it away",
			     file, facts->subject, end);
		return false;
	}
	return true;
}

static void check_cas(struct verdict *verdict, const char *file,
		      const struct tls_facts *facts, int64_t now_s)
{
	size_t good = 0;
	size_t over = 0;
	for (size_t i = 0; i < facts->ca_count; i++) {
		good += check_ca(verdict, file, &facts->cas[i], now_s);
		over += facts->cas[i].not_after <= now_s;
	}
	if (over == facts->ca_count)
		verdict_fail(verdict, "ca_file",
			     "'%s': nothing in it is valid any more", file);
	else if (good > 0)
		verdict_ok(verdict, "ca_file",
			   "'%s': %zu of %zu certificates are good for longer "
			   "than 60 days",
			   file, good, facts->ca_count);
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
		   "it belongs to the certificate of %s", facts.client.subject);
	int64_t now_s = clock_wall_ns() / CLOCK_SECOND;
	check_ours(verdict, conf->certificate, &facts.client, now_s);
	check_cas(verdict, conf->ca_file, &facts, now_s);
	tls_facts_release(&facts);
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
