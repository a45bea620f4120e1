/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "conf/check.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/address.h"
#include "conf/conf.h"
#include "conf/schema.h"
#include "conf/secret.h"

#define ZONE_ROOT "/usr/share/zoneinfo/"
/* The service asks for at most one look into an inbox in this time. */
#define POLITE_POLL_NS (INT64_C(5) * 60 * CLOCK_SECOND)

/* Where most proxies listen. */
#define PROXY_PORT 3128

/* --- url --- */

/* What old configurations carry after the host. */
static bool is_known_tail(const char *s)
{
	return strcmp(s, "") == 0 || strcmp(s, "/") == 0 ||
	       strcmp(s, "/messageexchange") == 0 ||
	       strcmp(s, "/messageexchange/") == 0;
}

static void check_manners(struct schema_load *load, const struct address *url)
{
	const struct conf *conf = load->target;
	if (url->plain)
		schema_warn(load, schema_line(load, "service", "url"),
			    "[service] url is plain http: anyone on the way "
			    "can read and change the messages; use https "
			    "except for a sandbox on this machine");
	else if (address_is_below(url, "nhs.uk") &&
		 conf->poll_interval_ns < POLITE_POLL_NS)
		schema_warn(load, schema_line(load, "daemon", "poll_interval"),
			    "[daemon] poll_interval is under 5m: the service "
			    "asks for at most one look into an inbox in five "
			    "minutes");
}

static void warn_health_network(struct schema_load *load,
				const struct address *url)
{
	AUTO_FREE char *instead = address_instead_of(url);
	if (instead)
		schema_warn(load, schema_line(load, "service", "url"),
			    "[service] url is an address of the health network "
			    "(HSCN), which is deprecated; the internet has %s",
			    instead);
}

/* Puts the environment's address into url. */
static void check_environment(struct schema_load *load)
{
	struct conf *conf = load->target;
	int line = schema_line(load, "service", "environment");
	bool has_url = schema_line(load, "service", "url") > 0;
	if (line == 0 && !has_url)
		schema_complain(load, 0,
				"[service] url is missing (address of the MESH "
				"service: https://host[:port]); or set "
				"environment to live, int or dep");
	if (!conf->environment)
		return;
	const char *url = address_of_environment(conf->environment);
	if (has_url)
		schema_complain(load, line,
				"[service] environment and url are both set; "
				"environment = %s is url = %s",
				conf->environment, url);
	else
		conf->url = xstrdup(url);
}

/* False when the address is missing or wrong, and so its scheme unknown. */
static bool check_url(struct schema_load *load)
{
	struct conf *conf = load->target;
	struct address url;
	if (!conf->url)
		return false;
	const char *wrong = address_parse(conf->url, &url);
	if (!wrong && !is_known_tail(url.rest))
		wrong = "nothing may follow the host and port";
	if (wrong) {
		schema_complain(load, schema_line(load, "service", "url"),
				"[service] url must be https://host[:port]: %s",
				wrong);
		return false;
	}
	check_manners(load, &url);
	warn_health_network(load, &url);
	conf->plain_http = url.plain;
	char *tidy = xasprintf("%s://%.*s", url.plain ? "http" : "https",
			       (int)url.len, url.host);
	free(conf->url);
	conf->url = tidy;
	return true;
}

/* --- proxy --- */

static const char *parse_proxy(const char *text, struct address *ret)
{
	if (!text_starts_nocase(text, "http://"))
		return "it does not begin with http://";
	const char *wrong = address_parse(text, ret);
	if (wrong)
		return wrong;
	return strcmp(ret->rest, "") == 0 || strcmp(ret->rest, "/") == 0 ?
		       NULL :
		       "nothing may follow the host and port";
}

static void check_proxy_address(struct schema_load *load)
{
	struct conf *conf = load->target;
	struct address proxy;
	const char *wrong = parse_proxy(conf->proxy, &proxy);
	if (wrong) {
		schema_complain(load, schema_line(load, "service", "proxy"),
				"[service] proxy must be http://host[:port], "
				"with the name in proxy_user: %s",
				wrong);
		return;
	}
	char *tidy = proxy.has_port ?
			     xasprintf("http://%.*s", (int)proxy.len,
				       proxy.host) :
			     xasprintf("http://%.*s:%d", (int)proxy.len,
				       proxy.host, PROXY_PORT);
	free(conf->proxy);
	conf->proxy = tidy;
}

static void check_proxy(struct schema_load *load)
{
	const struct conf *conf = load->target;
	int user = schema_line(load, "service", "proxy_user");
	int password = schema_line(load, "service", "proxy_password_file");
	if (conf->proxy)
		check_proxy_address(load);
	if ((user > 0 || password > 0) &&
	    schema_line(load, "service", "proxy") == 0)
		schema_complain(load, user > 0 ? user : password,
				"[service] proxy is missing: %s has no use "
				"without it",
				user > 0 ? "proxy_user" :
					   "proxy_password_file");
	if ((user > 0) != (password > 0))
		schema_complain(load, user > 0 ? user : password,
				"[service] %s is missing: proxy_user and "
				"proxy_password_file need each other",
				user > 0 ? "proxy_password_file" :
					   "proxy_user");
	if (conf->proxy_user && strchr(conf->proxy_user, ':'))
		schema_complain(load, user,
				"[service] proxy_user must not hold ':': the "
				"password has a file of its own "
				"(proxy_password_file)");
}

/* --- files --- */

static void check_file(struct schema_load *load, const char *name,
		       const char *path, bool private)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	struct err err;
	int line = schema_line(load, "service", name);
	if (fsx_open_path(path, &fd, &st, &err) < 0 ||
	    (private && secret_check(path, &st, &err) < 0))
		schema_complain(load, line, "[service] %s: %s", name, err.text);
}

static void check_tls(struct schema_load *load, bool required)
{
	const struct conf *conf = load->target;
	const struct {
		const char *name;
		const char *path;
		bool private;
	} files[] = {
		{ "ca_file", conf->ca_file, false },
		{ "certificate", conf->certificate, false },
		{ "private_key", conf->private_key, true },
	};
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		if (files[i].path)
			check_file(load, files[i].name, files[i].path,
				   files[i].private);
		else if (required &&
			 schema_line(load, "service", files[i].name) == 0)
			schema_complain(load, 0,
					"[service] %s is missing; an https url "
					"needs it",
					files[i].name);
	}
}

/* --- time zone --- */

/* Any name is a zone to the C library: an unknown one silently means UTC. */
static int look_at_zone(const char *path, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	char magic[4];
	size_t n = 0;
	int r = fsx_open_path(path, &fd, NULL, err);
	if (r < 0)
		return r;
	r = fsx_pread(fd, path, magic, sizeof(magic), 0, &n, err);
	if (r < 0)
		return r;
	if (n != sizeof(magic) || memcmp(magic, "TZif", n) != 0)
		return err_set(err, ERR_INVALID, "'%s' is not a time zone",
			       path);
	return 0;
}

static void check_timezone(struct schema_load *load)
{
	const struct conf *conf = load->target;
	const char *zone = conf->timezone;
	int line = schema_line(load, "daemon", "timezone");
	if (strcmp(zone, "UTC") == 0)
		return;
	if (zone[0] == '/' || strstr(zone, "..")) {
		schema_complain(load, line,
				"[daemon] timezone must be a name such as "
				"Europe/London, not a path");
		return;
	}
	struct err err;
	AUTO_FREE char *path = xasprintf(ZONE_ROOT "%s", zone);
	if (look_at_zone(path, &err) < 0)
		schema_complain(load, line,
				"[daemon] timezone must be UTC or a zone that "
				"is installed (package tzdata): %s",
				err.text);
}

/* --- signal file --- */

/* The file need not be there, but its folder is watched. */
static void check_signal_file(struct schema_load *load)
{
	const struct conf *conf = load->target;
	if (!conf->signal_file)
		return;
	int line = schema_line(load, "daemon", "signal_file");
	const char *slash = strrchr(conf->signal_file, '/');
	if (!slash || !text_is_file_name(slash + 1)) {
		schema_complain(load, line,
				"[daemon] signal_file must be the path of a "
				"file");
		return;
	}
	AUTO_CLOSE int fd = -1;
	struct err err;
	int len = slash > conf->signal_file ? (int)(slash - conf->signal_file) :
					      1;
	AUTO_FREE char *folder = xasprintf("%.*s", len, conf->signal_file);
	if (fsx_open_root(folder, &fd, &err) < 0)
		schema_complain(load, line, "[daemon] signal_file: %s",
				err.text);
}

/* --- numbers --- */

static void check_sizes(struct schema_load *load)
{
	const struct conf *conf = load->target;
	if (conf->chunk_size <= conf->request_limit)
		return;
	int line = schema_line(load, "daemon", "chunk_size");
	if (line == 0)
		line = schema_line(load, "daemon", "request_limit");
	schema_complain(load, line,
			"[daemon] chunk_size (%" PRIu64 " bytes) must not be "
			"over request_limit (%" PRIu64 " bytes)",
			conf->chunk_size, conf->request_limit);
}

void check_daemon(struct schema_load *load)
{
	const struct conf *conf = load->target;
	check_environment(load);
	bool known = check_url(load);
	check_tls(load, known && !conf->plain_http);
	check_proxy(load);
	check_timezone(load);
	check_signal_file(load);
	check_sizes(load);
}
