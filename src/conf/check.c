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
#include "conf/conf.h"
#include "conf/schema.h"
#include "conf/secret.h"

#define ZONE_ROOT "/usr/share/zoneinfo/"
#define HOST_MAX 253
/* The service asks for at most one look into an inbox in this time. */
#define POLITE_POLL_NS (5 * 60 * CLOCK_SECOND)

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* --- url --- */

struct url {
	bool plain;
	const char *host; /* into the text; an IPv6 one with its brackets */
	size_t host_len;
	size_t len; /* of host and port */
};

/* 0 when there is no host at the start. */
static size_t host_length(const char *s)
{
	if (s[0] != '[') {
		size_t n = strspn(s, LETTERS DIGITS ".-_");
		return n <= HOST_MAX ? n : 0;
	}
	size_t n = strspn(s + 1, DIGITS "abcdefABCDEF:.");
	return n > 0 && s[1 + n] == ']' ? n + 2 : 0;
}

static bool is_port(const char *s, size_t len)
{
	char digits[6];
	uint64_t port = 0;
	if (len == 0 || len >= sizeof(digits))
		return false;
	memcpy(digits, s, len);
	digits[len] = '\0';
	return text_u64(digits, 65535, &port) && port > 0;
}

/* What old configurations carry after the host. */
static bool is_known_tail(const char *s)
{
	return strcmp(s, "") == 0 || strcmp(s, "/") == 0 ||
	       strcmp(s, "/messageexchange") == 0 ||
	       strcmp(s, "/messageexchange/") == 0;
}

/* NULL, or what is wrong. No part of the text is shown: there may be a
 * password in it. */
static const char *parse_url(const char *text, struct url *ret)
{
	struct url url = { .plain = text_starts_nocase(text, "http://") };
	if (!url.plain && !text_starts_nocase(text, "https://"))
		return "it does not begin with https://";
	url.host = text + (url.plain ? strlen("http://") : strlen("https://"));
	size_t authority = strcspn(url.host, "/?#");
	if (memchr(url.host, '@', authority))
		return "a user name or password does not belong there";
	url.host_len = host_length(url.host);
	if (url.host_len == 0)
		return "there is no host name in it";
	url.len = url.host_len;
	if (url.host[url.len] == ':') {
		url.len = authority;
		const char *port = url.host + url.host_len + 1;
		if (!is_port(port, authority - url.host_len - 1))
			return "the port is not a number from 1 to 65535";
	}
	if (url.len != authority)
		return "the host name holds a character that none can have";
	if (!is_known_tail(url.host + url.len))
		return "nothing may follow the host and port";
	*ret = url;
	return NULL;
}

static bool is_nhs(const struct url *url)
{
	static const char domain[] = "nhs.uk";
	size_t len = sizeof(domain) - 1;
	if (url->host_len < len)
		return false;
	AUTO_FREE char *host = xstrndup(url->host, url->host_len);
	const char *tail = host + url->host_len - len;
	return text_equal_nocase(tail, domain) &&
	       (tail == host || tail[-1] == '.');
}

static void check_manners(struct schema_load *load, const struct url *url)
{
	const struct conf *conf = load->target;
	if (url->plain)
		schema_warn(load, schema_line(load, "service", "url"),
			    "[service] url is plain http: anyone on the way "
			    "can read and change the messages; use https "
			    "except for a sandbox on this machine");
	else if (is_nhs(url) && conf->poll_interval_ns < POLITE_POLL_NS)
		schema_warn(load, schema_line(load, "daemon", "poll_interval"),
			    "[daemon] poll_interval is under 5m: the service "
			    "asks for at most one look into an inbox in five "
			    "minutes");
}

/* False when the address is missing or wrong, and so its scheme unknown. */
static bool check_url(struct schema_load *load)
{
	struct conf *conf = load->target;
	struct url url;
	if (!conf->url)
		return false;
	const char *wrong = parse_url(conf->url, &url);
	if (wrong) {
		schema_complain(load, schema_line(load, "service", "url"),
				"[service] url must be https://host[:port]: %s",
				wrong);
		return false;
	}
	check_manners(load, &url);
	conf->plain_http = url.plain;
	char *tidy = xasprintf("%s://%.*s", url.plain ? "http" : "https",
			       (int)url.len, url.host);
	free(conf->url);
	conf->url = tidy;
	return true;
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
	bool known = check_url(load);
	check_tls(load, known && !conf->plain_http);
	check_timezone(load);
	check_sizes(load);
}
