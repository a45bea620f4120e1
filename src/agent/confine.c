/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/confine.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/hooks.h"
#include "agent/notify.h"
#include "base/err.h"
#include "base/fsx_confine.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"

/* Opened by libraries while we run: names of hosts, zones, modules of the name
 * service and of OpenSSL. /etc as a whole, because the files in it are replaced
 * by rename. What is not there is left out. */
static const char *const system_paths[] = {
	"/etc",
	"/lib",
	"/lib64",
	"/usr/lib",
	"/usr/lib64",
	"/usr/local/lib",
	"/usr/share/zoneinfo",
	"/run/systemd/resolve",
	"/run/NetworkManager",
	"/run/resolvconf",
	"/run/connman",
	"/dev/null",
	"/dev/random",
	"/dev/urandom",
	"/proc/self",
	"/sys/devices/system/cpu",
};

#define SYSTEM_PATHS (sizeof(system_paths) / sizeof(*system_paths))

struct place {
	char *path; /* without links */
	bool change;
	const char *what; /* the setting, for people */
};

/* Made twice: to enter, and to compare new settings with that. */
struct confine {
	struct place *places;
	size_t count;
	bool hooks;
};

/* --- which places --- */

static void add_place(struct confine *confine, const char *path, bool change,
		      const char *what)
{
	char *real = fsx_real_path(path);
	confine->places = xreallocarray(confine->places, confine->count + 1,
					sizeof(*confine->places));
	confine->places[confine->count++] = (struct place){
		.path = real ? real : xstrdup(path),
		.change = change,
		.what = what,
	};
}

/* NULL for one of the root: it alone is allowed then, not all there is. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return xstrdup(".");
	return slash == path ? NULL : xstrndup(path, (size_t)(slash - path));
}

/* The folder and not the file, which may be replaced by another; that of the
 * link and that of what it leads to. */
static void add_file(struct confine *confine, const char *path, bool change,
		     const char *what)
{
	if (!path)
		return;
	AUTO_FREE char *real = fsx_real_path(path);
	AUTO_FREE char *folder = folder_of(path);
	add_place(confine, folder ? folder : path, change, what);
	AUTO_FREE char *beyond = real ? folder_of(real) : NULL;
	if (beyond)
		add_place(confine, beyond, change, what);
}

static void add_mailbox(struct confine *confine, const struct conf_mailbox *set)
{
	add_place(confine, set->root, true, "root");
	add_file(confine, set->file, false, "mailboxes");
	add_file(confine, set->password_file, false, "password_file");
	for (int event = 0; event < CONF_EVENT_COUNT; event++)
		if (set->hooks[event].command.count > 0)
			confine->hooks = true;
}

static void add_settings(struct confine *confine, const struct conf *conf)
{
	add_file(confine, conf->file, false, "the settings");
	add_place(confine, conf->mailboxes_dir, false, "mailboxes");
	add_file(confine, conf->shared_key_file, false, "shared_key_file");
	add_file(confine, conf->ca_file, false, "ca_file");
	add_file(confine, conf->certificate, false, "certificate");
	add_file(confine, conf->private_key, false, "private_key");
	add_file(confine, conf->proxy_password_file, false,
		 "proxy_password_file");
	add_file(confine, conf->signal_file, true, "signal_file");
	add_place(confine, conf->state_dir, true, "state_dir");
	for (size_t i = 0; i < conf->mailbox_count; i++)
		add_mailbox(confine, &conf->mailboxes[i]);
}

static void add_system(struct confine *confine)
{
	for (size_t i = 0; i < SYSTEM_PATHS; i++)
		add_place(confine, system_paths[i], false, "the system");
	AUTO_FREE char *resolver = fsx_real_path("/etc/resolv.conf");
	add_file(confine, resolver, false, "the system");
}

struct confine *confine_free(struct confine *confine)
{
	if (!confine)
		return NULL;
	for (size_t i = 0; i < confine->count; i++)
		free(confine->places[i].path);
	free(confine->places);
	free(confine);
	return NULL;
}

/* --- entering --- */

static int enter(const struct confine *confine, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	int r = fsx_confine_new(notify_is_abstract(), &fd, err);
	for (size_t i = 0; i < confine->count && r == 0; i++)
		r = fsx_confine_allow(fd, confine->places[i].path,
				      confine->places[i].change, err);
	return r < 0 ? r : fsx_confine_enter(fd, err);
}

static struct confine *not_confined(struct confine *confine, const char *why)
{
	log_event(LOG_LEVEL_NOTICE, "not-confined", NULL, "reason=\"%s\"", why);
	return confine_free(confine);
}

struct confine *confine_enter(const struct conf *conf, const char *conf_path,
			      struct hooks *hooks)
{
	int version = fsx_confine_version();
	if (!conf->confine)
		return not_confined(NULL, "the settings have confine = no");
	if (version < FSX_CONFINE_OLDEST)
		return not_confined(NULL, "the kernel has no Landlock, or one "
					  "that is too old");
	struct confine *confine = xcalloc(1, sizeof(*confine));
	struct err err;
	add_settings(confine, conf);
	add_file(confine, conf_path, false, "the settings");
	add_system(confine);
	if (confine->hooks && !hooks_prepare(hooks))
		return not_confined(confine,
				    "cannot start the thread for hooks");
	if (enter(confine, &err) < 0)
		return not_confined(confine, err.text);
	log_event(LOG_LEVEL_INFO, "confined", NULL,
		  "landlock=%d places=%zu hooks=%s", version, confine->count,
		  confine->hooks ? "outside" : "none");
	return confine;
}

/* --- new settings --- */

static bool is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);
	if (strcmp(folder, "/") == 0)
		return true;
	return strncmp(path, folder, len) == 0 &&
	       (path[len] == '\0' || path[len] == '/');
}

static bool holds(const struct confine *confine, const struct place *place)
{
	for (size_t i = 0; i < confine->count; i++) {
		const struct place *have = &confine->places[i];
		if ((have->change || !place->change) &&
		    is_below(place->path, have->path))
			return true;
	}
	return false;
}

static int compare(const struct confine *confine, const struct confine *wanted,
		   struct err *err)
{
	if (wanted->hooks && !confine->hooks)
		return err_set(err, ERR_CONFIG,
			       "there were no hooks at the start, so none can "
			       "be run now: that needs a restart");
	for (size_t i = 0; i < wanted->count; i++) {
		const struct place *place = &wanted->places[i];
		if (!holds(confine, place))
			return err_set(err, ERR_CONFIG,
				       "'%s' (%s) is outside of what the "
				       "daemon was confined to at its start: "
				       "that needs a restart",
				       place->path, place->what);
	}
	return 0;
}

int confine_check(const struct confine *confine, const struct conf *conf,
		  struct err *err)
{
	if (!confine)
		return 0;
	struct confine *wanted = xcalloc(1, sizeof(*wanted));
	add_settings(wanted, conf);
	int r = compare(confine, wanted, err);
	(void)confine_free(wanted);
	return r;
}
