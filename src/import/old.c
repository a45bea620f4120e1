/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "import/old.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/text.h"
#include "import/keystore.h"

#define SIGNAL_NAME "mexclient.sig"
#define PROXY_NAME "proxy.ini"

void old_release(struct old *old)
{
	if (!old)
		return;
	cfg_release(&old->cfg);
	free(old->folder);
	free(old->keystore_path);
	free(old->key_alias);
	identity_release(&old->identity);
	free(old->proxy_path);
	proxyini_release(&old->proxy);
	free(old->signal_file);
	*old = (struct old){ .folder = NULL };
}

static int load(const char *path, struct buf *ret, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	int r = fsx_open_path(path, &fd, NULL, err);
	if (r == 0)
		r = fsx_load_fd(fd, path, ret, err);
	return r;
}

/* --- paths --- */

/* "C:\MESH-APP-HOME" cannot be found here. */
static bool is_windows_path(const char *path)
{
	return strchr(path, '\\') ||
	       (path[0] && path[1] == ':' && path[2] == '/');
}

static int check_paths(const struct cfg_part *part, struct err *err)
{
	static const enum cfg_field fields[] = {
		CFG_KEYSTORE_PATH,
		CFG_PROXY_PATH,
		CFG_SIGNAL_PATH,
		CFG_INTERFACE_ROOT,
	};
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		const char *path = cfg_text(part, fields[i]);
		if (path && is_windows_path(path))
			return err_set(err, ERR_INVALID,
				       "line %d: <%s> is a path of Windows: "
				       "put what is there onto this machine, "
				       "name its place in a copy of the file, "
				       "and import that",
				       part->values[fields[i]].line,
				       cfg_name(fields[i]));
	}
	return 0;
}

char *old_path(const struct old *old, const char *path)
{
	if (path[0] == '/')
		return xstrdup(path);
	while (path[0] == '.' && path[1] == '/')
		path += 2 + strspn(path + 2, "/");
	return xasprintf("%s/%s", old->folder, path);
}

/* The folder that a file is in, without an end slash; NULL when it is relative
 * to one that is gone. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	if (path[0] == '/')
		return xstrndup(path, len);
	AUTO_FREE char *cwd = getcwd(NULL, 0);
	if (!cwd)
		return NULL;
	return xasprintf("%s%s%.*s", strcmp(cwd, "/") == 0 ? "" : cwd,
			 slash ? "/" : "", (int)len, path);
}

/* --- the configuration --- */

static int expand_value(const struct old_options *options,
			struct cfg_value *value, const char *name,
			struct err *err)
{
	if (options->variables == OLD_REFUSE) {
		if (!expand_is_wanted(value->text))
			return 0;
		return err_set(err, ERR_INVALID,
			       "line %d: <%s> looks like the name of an "
			       "environment variable: set the variables and "
			       "say --expand, or --literal if it is the value "
			       "itself",
			       value->line, name);
	}
	AUTO_BUF struct buf text;
	buf_init(&text, CFG_VALUE_MAX);
	int r = expand_text(value->text, options->lookup, options->lookup_ctx,
			    &text, err);
	if (r < 0)
		err_prefix(err, "line %d: <%s>", value->line, name);
	else
		cfg_set(value, text_trim(text.data), value->line);
	return r;
}

static int expand_part(const struct old_options *options, struct cfg_part *part,
		       struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < CFG_FIELD_COUNT && r == 0; i++)
		if (part->values[i].text)
			r = expand_value(options, &part->values[i],
					 cfg_name((enum cfg_field)i), err);
	return r;
}

static int prepare(const struct old_options *options, struct cfg *cfg,
		   struct err *err)
{
	int r = 0;
	bool literal = options->variables == OLD_LITERAL;
	if (!literal)
		r = expand_part(options, &cfg->common, err);
	if (r == 0)
		r = check_paths(&cfg->common, err);
	for (size_t i = 0; i < cfg->client_count && r == 0; i++) {
		if (!literal)
			r = expand_part(options, &cfg->clients[i], err);
		if (r == 0)
			r = check_paths(&cfg->clients[i], err);
	}
	return r;
}

static int read_cfg(const struct old_options *options, struct old *old,
		    struct err *err)
{
	AUTO_BUF struct buf text;
	buf_init(&text, CFG_SIZE_MAX);
	int r = load(options->path, &text, err);
	if (r < 0)
		return r;
	old->folder = folder_of(options->path);
	if (!old->folder)
		return err_set(err, ERR_MISSING,
			       "the current directory does not exist; give "
			       "the whole path of '%s'",
			       options->path);
	r = cfg_read(text.data, text.len, &old->cfg, err);
	if (r == 0)
		r = prepare(options, &old->cfg, err);
	if (r < 0)
		err_prefix(err, "%s", options->path);
	return r;
}

/* --- the keystore --- */

bool old_is_https(const struct old *old)
{
	const char *url = cfg_text(&old->cfg.common, CFG_PRIMARY_URL);
	return !url || !text_starts_nocase(url, "http://");
}

static int open_keystore(const struct old_options *options, struct old *old,
			 const struct buf *data, struct err *err)
{
	const char *password =
		old->cfg.common.values[CFG_KEYSTORE_PASSWORD].text;
	if (!password)
		return err_set(err, ERR_INVALID,
			       "cannot be opened, because <KeyStorePassword> "
			       "is missing");
	struct keystore store;
	int r = keystore_read(data->data, data->len, password, &store, err);
	if (r < 0)
		return r;
	old->keystore_kind = store.kind;
	old->key_alias = xstrdup(store.alias);
	old->key_count = store.key_count;
	r = identity_make(&store, options->now_s, &old->identity, err);
	keystore_release(&store);
	return r;
}

static int read_keystore(const struct old_options *options, struct old *old,
			 struct err *err)
{
	const char *named = cfg_text(&old->cfg.common, CFG_KEYSTORE_PATH);
	if (!options->keystore && !named) {
		if (!old_is_https(old))
			return 0; /* plain http asks for none */
		return err_set(err, ERR_INVALID,
			       "%s: <KeyStorePath> is missing; name the "
			       "keystore with --keystore",
			       options->path);
	}
	old->keystore_path = options->keystore ? xstrdup(options->keystore) :
						 old_path(old, named);
	AUTO_BUF struct buf data;
	buf_init(&data, KEYSTORE_SIZE_MAX);
	int r = load(old->keystore_path, &data, err);
	if (r == -(int)ERR_MISSING && !old_is_https(old)) {
		mem_auto_free(&old->keystore_path);
		old->keystore_path = NULL;
		return 0;
	}
	if (r < 0) {
		err_prefix(err, "keystore (name another with --keystore)");
		return r;
	}
	r = open_keystore(options, old, &data, err);
	if (r < 0)
		err_prefix(err, "keystore '%s'", old->keystore_path);
	return r;
}

/* --- what may be there beside it --- */

static int read_proxy(struct old *old, struct err *err)
{
	const char *folder = cfg_text(&old->cfg.common, CFG_PROXY_PATH);
	if (!folder)
		return 0;
	AUTO_FREE char *path = old_path(old, folder);
	old->proxy_path = xasprintf("%s/" PROXY_NAME, path);
	AUTO_BUF struct buf text;
	buf_init(&text, PROXYINI_SIZE_MAX);
	int r = load(old->proxy_path, &text, err);
	if (r == -(int)ERR_MISSING)
		return 0;
	if (r < 0)
		return r;
	old->has_proxy = true;
	r = proxyini_read(text.data, text.len, &old->proxy, err);
	if (r < 0)
		err_prefix(err, "'%s'", old->proxy_path);
	return r;
}

static void look_for_signal(struct old *old)
{
	const char *folder = cfg_text(&old->cfg.common, CFG_SIGNAL_PATH);
	if (!folder)
		return;
	AUTO_CLOSE int fd = -1;
	AUTO_FREE char *path = old_path(old, folder);
	old->signal_file = xasprintf("%s/" SIGNAL_NAME, path);
	old->has_signal = fsx_open_root(path, &fd, NULL) == 0;
}

int old_read(const struct old_options *options, struct old *ret,
	     struct err *err)
{
	struct old old = { .folder = NULL };
	int r = read_cfg(options, &old, err);
	if (r == 0)
		r = read_keystore(options, &old, err);
	if (r == 0)
		r = read_proxy(&old, err);
	if (r < 0) {
		old_release(&old);
		return r;
	}
	look_for_signal(&old);
	*ret = old;
	return 0;
}
