/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "import/translate.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "import/boxes.h"
#include "import/element.h"
#include "import/fileset.h"
#include "import/old.h"

#define TEXT_MAX ((size_t)64 << 10)
#define PROXY_PASSWORD "proxy-password"

/* --- the service --- */

static const struct {
	const char *name;
	const char *host;
} environments[] = {
	{ "live", "mesh-sync.spineservices.nhs.uk" },
	{ "int", "msg.intspineservices.nhs.uk" },
	{ "dep", "msg.depspineservices.nhs.uk" },
};

static bool ends_with(const char *s, size_t len, const char *tail)
{
	size_t n = strlen(tail);
	if (len < n)
		return false;
	AUTO_FREE char *end = xstrndup(s + len - n, n);
	return text_equal_nocase(end, tail);
}

/* Scheme, host and port: without slashes at the end and "/messageexchange". */
static char *tidy_url(const char *url)
{
	size_t len = strlen(url);
	while (len > 0 && url[len - 1] == '/')
		len--;
	if (ends_with(url, len, "/messageexchange"))
		len -= strlen("/messageexchange");
	while (len > 0 && url[len - 1] == '/')
		len--;
	return xstrndup(url, len);
}

/* NULL: none of those. */
static const char *environment_of(const char *url)
{
	size_t len = strlen(url);
	if (!text_starts_nocase(url, "https://"))
		return NULL;
	if (ends_with(url, len, ":443"))
		len -= 4;
	AUTO_FREE char *host = xstrndup(url + 8, len - 8);
	for (size_t i = 0; i < sizeof(environments) / sizeof(*environments);
	     i++)
		if (text_equal_nocase(host, environments[i].host))
			return environments[i].name;
	return NULL;
}

static bool is_hscn(const char *url)
{
	const char *host = strstr(url, "://");
	size_t len = host ? strcspn(host + 3, ":/") : 0;
	return host && ends_with(host + 3, len, ".ncrs.nhs.uk");
}

/* Numbers and dots: no certificate has that name. */
static bool is_address(const char *url)
{
	const char *host = strstr(url, "://");
	return host &&
	       strspn(host + 3, "0123456789.") == strcspn(host + 3, ":/");
}

static void note_url(struct fileset *set, const char *url)
{
	AUTO_FREE char *old = xasprintf("PrimaryURL %s", url);
	if (is_hscn(url))
		fileset_note(set, old,
			     "url; HSCN addresses are being given up: ask for "
			     "access over the internet and set environment = "
			     "live (int, dep) instead");
	else if (!text_starts_nocase(url, "https://"))
		fileset_note(set, old, "url; plain http is for tests only");
	else if (is_address(url))
		fileset_note(set, old,
			     "url; the server's certificate must be for this "
			     "address, else name the host here");
	else
		fileset_note(set, old, "url");
}

static int put_url(const struct old *old, struct buf *conf, struct fileset *set,
		   struct err *err)
{
	const struct cfg_part *common = &old->cfg.common;
	const char *text = cfg_text(common, CFG_PRIMARY_URL);
	if (!text)
		return element_missing(common, CFG_PRIMARY_URL, err);
	if (!text_starts_nocase(text, "http://") &&
	    !text_starts_nocase(text, "https://"))
		return element_complain(common, CFG_PRIMARY_URL, err,
					"does not begin with https://");
	AUTO_FREE char *url = tidy_url(text);
	const char *environment = environment_of(url);
	bool fits;
	if (environment) {
		AUTO_FREE char *label = xasprintf("PrimaryURL %s", url);
		fits = buf_printf(conf, "environment = %s\n", environment);
		fileset_note(set, label, "environment = %s", environment);
	} else {
		fits = buf_printf(conf, "url = %s\n", url);
		note_url(set, url);
	}
	return fits ? 0 :
		      element_complain(common, CFG_PRIMARY_URL, err,
				       "is too long");
}

/* --- the shared key --- */

static int put_shared_key(const struct old *old,
			  const struct translate_key *key, struct fileset *set,
			  struct err *err)
{
	const struct cfg_part *common = &old->cfg.common;
	const char *own = cfg_text(common, CFG_AUTHENTICATION_KEY);
	const char *text = key->given ? key->given : own ? own : key->kept;
	if (!text)
		return err_set(err, ERR_INVALID,
			       "holds no <AuthenticationKey>: the Java client "
			       "has the environment's shared key built in, and "
			       "it is not public. The onboarding e-mail has "
			       "it, or the national service desk; write it "
			       "into a file and give that with --shared-key "
			       "FILE");
	if (!key->given && own) {
		int r = element_secret(common, CFG_AUTHENTICATION_KEY, err);
		if (r < 0)
			return r;
	}
	struct fileset_file *file = fileset_add(set, FILESET_SHARED_KEY, true);
	file->kept = !key->given && !own;
	if (!buf_printf(&file->text, "%s\n", text))
		return err_set(err, ERR_INVALID, "the shared key is too long");
	if (file->kept)
		fileset_note(set, "AuthenticationKey (built in)",
			     "the shared.key that is already there");
	else if (own && key->given)
		fileset_note(set, "AuthenticationKey",
			     "shared.key, but from --shared-key");
	else
		fileset_note(set,
			     own ? "AuthenticationKey" :
				   "AuthenticationKey (built in)",
			     "shared.key%s", own ? "" : ", from --shared-key");
	return 0;
}

/* --- the keystore --- */

static int put_file(struct fileset *set, const char *name, bool secret,
		    const struct buf *text, struct err *err)
{
	struct fileset_file *file = fileset_add(set, name, secret);
	if (buf_append(&file->text, text->data, text->len))
		return 0;
	return err_set(err, ERR_LIMIT, "'%s' would be too large", name);
}

static void note_keystore(const struct old *old, struct fileset *set)
{
	const struct identity *identity = &old->identity;
	AUTO_FREE char *label = xasprintf("KeyStorePath (%s)",
					  old->keystore_kind);
	AUTO_FREE char *first =
		old->key_count > 1 ? xasprintf(" (the first of %zu keys, '%s')",
					       old->key_count, old->key_alias) :
				     xstrdup("");
	fileset_note(set, label,
		     "client.pem and client.key%s: %s, until %s, with %zu "
		     "intermediate certificate%s",
		     first, identity->subject, identity->ends,
		     identity->chain_count,
		     identity->chain_count == 1 ? "" : "s");
	fileset_note(set, label,
		     "ca.pem: %zu trusted certificate%s; whether the "
		     "service's authority is among them only a connection "
		     "shows",
		     identity->ca_count, identity->ca_count == 1 ? "" : "s");
	if (identity->ca_ended > 0)
		fileset_note(set, label,
			     "%zu trusted certificate%s left out, because the "
			     "end date is over",
			     identity->ca_ended,
			     identity->ca_ended == 1 ? "" : "s");
	fileset_note(set, "KeyStorePassword",
		     "nothing: client.key has no password, mode 0600 guards "
		     "it");
}

static int put_keystore(const struct old *old, struct buf *conf,
			struct fileset *set, struct err *err)
{
	if (!old->keystore_path) {
		fileset_note(set, "KeyStorePath",
			     "nothing: it is not there, and plain http needs "
			     "none");
		return 0;
	}
	const struct identity *identity = &old->identity;
	int r = put_file(set, "client.pem", false, &identity->certificate, err);
	if (r == 0)
		r = put_file(set, "client.key", true, &identity->key, err);
	if (r == 0)
		r = put_file(set, "ca.pem", false, &identity->ca, err);
	if (r == 0 && !buf_puts(conf, "ca_file = ca.pem\n"
				      "certificate = client.pem\n"
				      "private_key = client.key\n"))
		r = err_set(err, ERR_LIMIT, "the settings are too large");
	if (r == 0)
		note_keystore(old, set);
	return r;
}

/* --- the proxy --- */

static void note_no_proxy(const struct old *old, struct fileset *set)
{
	if (!old->proxy_path)
		return;
	if (!old->has_proxy)
		fileset_note(set, "ProxyPath",
			     "nothing: '%s' is not there, so there is no proxy",
			     old->proxy_path);
	else
		fileset_note(set, "ProxyPath",
			     "nothing: proxy.ini names no proxy, or switches "
			     "it off");
}

static bool put_proxy_user(const struct proxyini *ini, struct buf *conf,
			   struct fileset *set)
{
	const char *user = ini->values[PROXYINI_USER];
	const char *password = ini->values[PROXYINI_PASSWORD];
	if (!*user && !*password)
		return true;
	if (!*user || !*password) {
		fileset_note(set, "proxy.ini",
			     "its %s is not taken, because there is no %s",
			     *user ? "user" : "password",
			     *user ? "password" : "user");
		return true;
	}
	fileset_note(set, "proxy.ini: user, password",
		     "proxy_user, proxy_password_file = " PROXY_PASSWORD);
	struct fileset_file *file = fileset_add(set, PROXY_PASSWORD, true);
	return buf_printf(&file->text, "%s\n", password) &&
	       buf_printf(conf,
			  "proxy_user = %s\n"
			  "proxy_password_file = " PROXY_PASSWORD "\n",
			  user);
}

static bool put_proxy(const struct old *old, struct buf *conf,
		      struct fileset *set)
{
	const struct proxyini *ini = &old->proxy;
	if (!old->has_proxy || !ini->used) {
		note_no_proxy(old, set);
		return true;
	}
	const char *host = ini->values[PROXYINI_HOST];
	const char *port = ini->values[PROXYINI_PORT];
	fileset_note(set, "proxy.ini: host, port", "proxy = http://%s:%s%s",
		     host, port,
		     ini->had_sections ? "; its sections count for nothing" :
					 "");
	if (ini->unknown.len > 0)
		fileset_note(set, "proxy.ini",
			     "not known, and not taken: %s; check the proxy",
			     ini->unknown.data);
	return buf_printf(conf, "proxy = http://%s:%s\n", host, port) &&
	       put_proxy_user(ini, conf, set);
}

/* --- the daemon --- */

static int put_times(const struct old *old, struct buf *conf,
		     struct fileset *set, struct err *err)
{
	static const struct {
		struct element_range range;
		const char *name;
		const char *unit;
		bool always; /* because our own default is another */
	} keys[] = {
		{ { CFG_POLL_PERIOD, 1, 1440, 30, false },
		  "poll_interval",
		  "m",
		  true },
		{ { CFG_PROCESSING_DELAY, 0, 3600, 10, false },
		  "processing_delay",
		  "s",
		  false },
		{ { CFG_MAX_CONNECTIONS, 1, 64, 4, true },
		  "connections",
		  "",
		  false },
	};
	const struct cfg_part *common = &old->cfg.common;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		uint64_t n = 0;
		int r = element_number(common, &keys[i].range, &n, err);
		if (r < 0)
			return r;
		if (!cfg_text(common, keys[i].range.field) && !keys[i].always)
			continue;
		AUTO_FREE char *line = xasprintf("%s = %" PRIu64 "%s",
						 keys[i].name, n, keys[i].unit);
		if (!buf_printf(conf, "%s\n", line))
			return err_set(err, ERR_LIMIT,
				       "the settings are too large");
		element_note(set, common, &keys[i].range, n, line);
	}
	return 0;
}

static bool put_signal(const struct old *old, struct buf *conf,
		       struct fileset *set)
{
	if (!old->signal_file)
		return true;
	if (!old->has_signal) {
		fileset_note(set, "SignalPath",
			     "nothing: the folder of '%s' is not there, or out "
			     "of reach; to stop meshdropd: systemctl stop "
			     "meshdropd",
			     old->signal_file);
		return true;
	}
	fileset_note(set, "SignalPath",
		     "signal_file = %s; meshdropd must be able to change it",
		     old->signal_file);
	return buf_printf(conf, "signal_file = %s\n", old->signal_file);
}

static void note_rest(const struct old *old, struct fileset *set)
{
	static const struct {
		enum cfg_field field;
		const char *now;
	} rest[] = {
		{ CFG_LOG_PATH, "nothing: the log is in the journal "
				"(journalctl -u meshdropd)" },
		{ CFG_WORK_PATH, "nothing: what meshdropd notes is in its "
				 "state_dir" },
		{ CFG_AUTO_UPGRADE, "nothing: meshdrop is upgraded as other "
				    "packages are" },
	};
	for (size_t i = 0; i < sizeof(rest) / sizeof(*rest); i++)
		if (old->cfg.common.values[rest[i].field].text)
			fileset_note(set, cfg_name(rest[i].field), "%s",
				     rest[i].now);
}

static int put_service(const struct old *old, const struct translate_key *key,
		       struct buf *conf, struct fileset *set, struct err *err)
{
	if (!buf_puts(conf, "[service]\n"))
		return err_set(err, ERR_LIMIT, "the settings are too large");
	int r = put_url(old, conf, set, err);
	if (r == 0)
		r = put_shared_key(old, key, set, err);
	if (r == 0 && !buf_puts(conf, "shared_key_file = shared.key\n"))
		r = err_set(err, ERR_LIMIT, "the settings are too large");
	if (r == 0)
		r = put_keystore(old, conf, set, err);
	if (r == 0 && !put_proxy(old, conf, set))
		r = err_set(err, ERR_LIMIT, "the settings are too large");
	return r;
}

static int put_daemon(const struct old *old, struct buf *conf,
		      struct fileset *set, struct err *err)
{
	if (!buf_puts(conf, "\n[daemon]\n"))
		return err_set(err, ERR_LIMIT, "the settings are too large");
	int r = put_times(old, conf, set, err);
	if (r == 0 && !put_signal(old, conf, set))
		r = err_set(err, ERR_LIMIT, "the settings are too large");
	if (r == 0)
		note_rest(old, set);
	return r;
}

static int put_conf(const struct old *old, const struct translate_key *key,
		    struct fileset *set, struct err *err)
{
	AUTO_BUF struct buf conf;
	buf_init(&conf, TEXT_MAX);
	int r = 0;
	if (!buf_puts(&conf, "# Written by meshdrop import from a "
			     "meshclient.cfg; see meshdrop.conf(5).\n"
			     "# Relative paths are resolved from the folder "
			     "of this file.\n\n"))
		r = err_set(err, ERR_LIMIT, "the settings are too large");
	if (r == 0)
		r = put_service(old, key, &conf, set, err);
	if (r == 0)
		r = put_daemon(old, &conf, set, err);
	if (r == 0)
		r = put_file(set, FILESET_CONF, false, &conf, err);
	return r;
}

/* --- all of it --- */

static int check(const struct cfg *cfg, struct err *err)
{
	int r = element_check(&cfg->common, err);
	for (size_t i = 0; i < cfg->client_count && r == 0; i++)
		r = element_check(&cfg->clients[i], err);
	return r;
}

int translate(const struct old *old, const struct translate_key *key,
	      struct fileset *ret, struct err *err)
{
	struct fileset set = { .files = NULL };
	int r = check(&old->cfg, err);
	if (r == 0)
		r = put_conf(old, key, &set, err);
	if (r == 0)
		r = boxes_translate(old, &set, err);
	if (r < 0) {
		fileset_release(&set);
		return r;
	}
	*ret = set;
	return 0;
}
