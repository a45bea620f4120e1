/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/service.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/confine.h"
#include "agent/loop.h"
#include "agent/once.h"
#include "agent/site.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "conf/conf.h"
#include "net/http.h"
#include "net/tls.h"

/* Keys and patients' data must not end up in a core file, nor be readable for
 * other processes of our user. */
static void seal(void)
{
	if (!proc_seal())
		log_event(LOG_LEVEL_WARNING, "cores-possible", NULL, "%s",
			  "reason=\"the system does not let us forbid them\"");
}

/* --- check --- */

static void print_setting(void *ctx, bool fatal, const char *text)
{
	(void)ctx;
	(void)fprintf(stderr, "%s%s\n", fatal ? "" : "warning: ", text);
}

enum service_exit service_check(const char *conf_path)
{
	struct conf *conf = NULL;
	seal();
	if (conf_load(conf_path, print_setting, NULL, &conf) < 0)
		return SERVICE_CONFIG;
	struct err err;
	struct tls_facts facts = { .ca_count = 0 };
	int r = 0;
	if (!conf->plain_http)
		r = tls_inspect(conf->ca_file, conf->certificate,
				conf->private_key, &facts, &err);
	if (r < 0)
		print_setting(NULL, true, err.text);
	else
		(void)printf("%s: the settings are good (%zu mailbox%s%s%s)\n",
			     conf_path, conf->mailbox_count,
			     conf->mailbox_count == 1 ? "" : "es",
			     conf->proxy ? ", through the proxy " : "",
			     conf->proxy ? conf->proxy : "");
	tls_facts_release(&facts);
	(void)conf_free(conf);
	return r < 0 ? SERVICE_CONFIG : SERVICE_OK;
}

/* --- run --- */

/* Signals are read from a descriptor; a full disk or a closed connection is an
 * error value, not a death. */
static int take_signals(int *ret_fd, struct err *err)
{
	sigset_t set;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL); /* ignored, hooks could not be reaped */
	int sys = pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (sys != 0)
		return err_sys(err, sys, "cannot block signals");
	*ret_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (*ret_fd < 0)
		return err_sys(err, errno, "cannot take signals");
	return 0;
}

static enum service_exit exit_of(const struct err *err)
{
	if (err->code == ERR_BUSY)
		return SERVICE_BUSY;
	if (err->code == ERR_CONFIG || err->code == ERR_TLS)
		return SERVICE_CONFIG;
	return SERVICE_FAILED;
}

static enum service_exit give_up(const struct err *err)
{
	log_event(LOG_LEVEL_ERROR, "ended", NULL, "reason=\"%s\"", err->text);
	return exit_of(err);
}

static int serve(struct site *site, const char *conf_path, bool once,
		 int signal_fd, bool *ret_good, struct err *err)
{
	*ret_good = true;
	if (!once) {
		/* all is open; not for --once, which is over soon */
		site->confine = confine_enter(site->conf, conf_path,
					      site->hooks);
		return loop_run(site, conf_path, signal_fd, err);
	}
	int r = once_run(site, signal_fd, ret_good, err);
	if (r == 0)
		once_wait_hooks(site, signal_fd);
	site_write_status(site, "stopped");
	return r;
}

enum service_exit service_run(const char *conf_path, bool once)
{
	struct err err;
	AUTO_CLOSE int signal_fd = -1;
	seal();
	int r = take_signals(&signal_fd, &err);
	if (r == 0)
		r = http_global_init(&err);
	if (r < 0)
		return give_up(&err);
	struct conf *conf = site_load_conf(conf_path);
	if (!conf)
		return SERVICE_CONFIG;
	log_event(LOG_LEVEL_NOTICE, "started", NULL,
		  "version=%s file=\"%s\" mailboxes=%zu", PACKAGE_VERSION,
		  conf_path, conf->mailbox_count);
	struct site site;
	r = site_open(&site, conf, &err);
	if (r < 0)
		return give_up(&err);
	bool good;
	r = serve(&site, conf_path, once, signal_fd, &good, &err);
	site_close(&site);
	if (r < 0)
		return give_up(&err);
	log_event(LOG_LEVEL_NOTICE, "ended", NULL, "%s", "reason=\"done\"");
	return good ? SERVICE_OK : SERVICE_FAILED;
}
