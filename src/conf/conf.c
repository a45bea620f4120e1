/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/check.h"
#include "conf/check_mailbox.h"
#include "conf/ini.h"
#include "conf/schema.h"
#include "conf/yaml.h"

#define FILE_MAX ((size_t)256 << 10)
#define MAILBOXES_MAX 1000

/* A mailbox file being read. The password comes last, into its final place,
 * so that sorting and copying leave no secret behind in freed memory. */
struct draft {
	struct conf_mailbox box;
	struct schema_load load;
	char *flat_root; /* for comparing only */
};

struct names {
	char **list; /* sorted */
	size_t count;
};

/* --- giving up what was read --- */

static void release_mailbox(struct conf_mailbox *box)
{
	free(box->file);
	schema_release(SCHEMA_MAILBOX, box);
	secret_wipe(&box->password);
}

struct conf *conf_free(struct conf *conf)
{
	if (!conf)
		return NULL;
	for (size_t i = 0; i < conf->mailbox_count; i++)
		release_mailbox(&conf->mailboxes[i]);
	free(conf->mailboxes);
	free(conf->file);
	schema_release(SCHEMA_DAEMON, conf);
	secret_wipe(&conf->shared_key);
	secret_wipe(&conf->proxy_password);
	free(conf);
	return NULL;
}

static void names_release(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i]);
	free(names->list);
}

/* --- one file --- */

/* False after a complaint when there is nothing to parse. */
static bool load_file(struct schema_load *load, struct buf *ret)
{
	AUTO_CLOSE int fd = -1;
	struct err err;
	if (fsx_open_path(load->file, &fd, NULL, &err) == 0 &&
	    fsx_load_fd(fd, load->file, ret, &err) == 0)
		return true;
	schema_complain(load, 0, "%s", err.text);
	return false;
}

static void load_secret(struct schema_load *load, const char *section,
			const char *name, const char *path, struct secret *ret)
{
	struct err err;
	if (path && secret_load(path, ret, &err) < 0)
		schema_complain(load, schema_line(load, section, name),
				"%s: %s", name, err.text);
}

/* False when there was no file to read, and so no mailboxes to look for. */
static bool read_daemon(struct schema_load *load)
{
	struct conf *conf = load->target;
	AUTO_BUF struct buf text;
	buf_init(&text, FILE_MAX);
	if (!load_file(load, &text))
		return false;
	schema_preset(SCHEMA_DAEMON, conf);
	ini_read(load, text.data, text.len);
	schema_finish(load);
	check_daemon(load);
	load_secret(load, "service", "shared_key_file", conf->shared_key_file,
		    &conf->shared_key);
	load_secret(load, "service", "proxy_password_file",
		    conf->proxy_password_file, &conf->proxy_password);
	return true;
}

static void read_mailbox(struct draft *draft)
{
	AUTO_BUF struct buf text;
	buf_init(&text, FILE_MAX);
	if (!load_file(&draft->load, &text))
		return;
	schema_preset(SCHEMA_MAILBOX, &draft->box);
	yaml_read(&draft->load, text.data, text.len);
	schema_finish(&draft->load);
	check_mailbox(&draft->load);
}

/* --- the directory of mailbox files --- */

static bool ends_with(const char *s, const char *tail)
{
	size_t len = strlen(s);
	size_t n = strlen(tail);
	return len > n && strcmp(s + len - n, tail) == 0;
}

static void take_name(struct schema_load *load, const char *name,
		      struct names *names)
{
	const struct conf *conf = load->target;
	if (name[0] == '.')
		return;
	if (!ends_with(name, ".yaml") && !ends_with(name, ".yml")) {
		schema_warn(load, schema_line(load, "daemon", "mailboxes"),
			    "[daemon] mailboxes: '%s/%s' is not read; the name "
			    "of a mailbox file ends in .yaml",
			    conf->mailboxes_dir, name);
		return;
	}
	names->list = xreallocarray(names->list, names->count + 1,
				    sizeof(*names->list));
	names->list[names->count++] = xstrdup(name);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int list_names(struct schema_load *load, int fd, struct names *ret,
		      struct err *err)
{
	struct fsx_dir *dir = NULL;
	int r = fsx_dir_open(fd, &dir, err);
	while (r == 0 && ret->count <= MAILBOXES_MAX) {
		const char *name = NULL;
		r = fsx_dir_next(dir, &name, err);
		if (r < 0 || !name)
			break;
		take_name(load, name, ret);
	}
	dir = fsx_dir_close(dir);
	return r;
}

/* Leaves names empty after a complaint. */
static void find_mailboxes(struct schema_load *load, struct names *ret)
{
	const struct conf *conf = load->target;
	int line = schema_line(load, "daemon", "mailboxes");
	AUTO_CLOSE int fd = -1;
	struct err err;
	/* A refused value left the preset, which is relative until the end. */
	if (conf->mailboxes_dir[0] != '/')
		return;
	if (fsx_open_root(conf->mailboxes_dir, &fd, &err) < 0 ||
	    list_names(load, fd, ret, &err) < 0) {
		schema_complain(load, line, "[daemon] mailboxes: %s", err.text);
	} else if (ret->count == 0) {
		schema_complain(load, line,
				"[daemon] mailboxes: no mailbox file (*.yaml) "
				"is in '%s'",
				conf->mailboxes_dir);
	} else if (ret->count > MAILBOXES_MAX) {
		schema_complain(load, line,
				"[daemon] mailboxes: over %d mailbox files are "
				"in '%s'",
				MAILBOXES_MAX, conf->mailboxes_dir);
	} else {
		qsort(ret->list, ret->count, sizeof(*ret->list), compare_names);
		return;
	}
	names_release(ret);
	*ret = (struct names){ .list = NULL };
}

/* --- mailboxes against each other --- */

/* As the path would be without links: ".." takes its parent away. */
static char *flatten(const char *path)
{
	char *flat = xasprintf("%s/", path);
	char *out = flat;
	for (const char *in = path; *in != '\0';) {
		in += strspn(in, "/");
		size_t n = strcspn(in, "/");
		bool up = n == 2 && memcmp(in, "..", n) == 0;
		if (up) {
			while (out > flat && *--out != '/')
				;
		} else if (n > 0) {
			*out++ = '/';
			memmove(out, in, n);
			out += n;
		}
		in += n;
	}
	*out++ = '/';
	*out = '\0';
	return flat;
}

static bool is_within(const char *inner, const char *outer)
{
	return strncmp(inner, outer, strlen(outer)) == 0;
}

static void compare_roots(struct draft *a, const struct draft *b)
{
	if (!a->flat_root || !b->flat_root)
		return;
	int line = schema_line(&a->load, "", "root");
	if (strcmp(a->flat_root, b->flat_root) == 0)
		schema_complain(&a->load, line,
				"root '%s' is also that of '%s'; each mailbox "
				"needs one of its own",
				a->box.root, b->box.file);
	else if (is_within(a->flat_root, b->flat_root))
		schema_complain(&a->load, line,
				"root '%s' lies inside '%s', the root in '%s'",
				a->box.root, b->box.root, b->box.file);
	else if (is_within(b->flat_root, a->flat_root))
		schema_complain(&a->load, line,
				"root '%s' holds '%s', the root in '%s'",
				a->box.root, b->box.root, b->box.file);
}

static void compare_drafts(struct draft *drafts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct draft *a = &drafts[i];
		for (size_t k = 0; k < i; k++) {
			const struct draft *b = &drafts[k];
			if (a->box.id[0] != '\0' &&
			    text_equal_nocase(a->box.id, b->box.id))
				schema_complain(&a->load,
						schema_line(&a->load, "",
							    "mailbox"),
						"mailbox %s is also in '%s'",
						a->box.id, b->box.file);
			compare_roots(a, b);
		}
	}
}

static int compare_ids(const void *a, const void *b)
{
	const struct draft *x = a;
	const struct draft *y = b;
	return strcmp(x->box.id, y->box.id);
}

/* --- all of it --- */

static void read_drafts(const struct schema_load *load,
			const struct names *names, struct draft *drafts)
{
	const struct conf *conf = load->target;
	for (size_t i = 0; i < names->count; i++) {
		struct draft *draft = &drafts[i];
		draft->box.file = xasprintf("%s/%s", conf->mailboxes_dir,
					    names->list[i]);
		draft->load = (struct schema_load){
			.scope = SCHEMA_MAILBOX,
			.target = &draft->box,
			.file = draft->box.file,
			.report = load->report,
			.ctx = load->ctx,
		};
		read_mailbox(draft);
		draft->load.target = NULL; /* sorting will move it */
		if (draft->box.root)
			draft->flat_root = flatten(draft->box.root);
	}
}

static void read_mailboxes(struct schema_load *load)
{
	struct conf *conf = load->target;
	struct names names = { .list = NULL };
	find_mailboxes(load, &names);
	size_t count = names.count;
	struct draft *drafts = xcalloc(count, sizeof(*drafts));
	read_drafts(load, &names, drafts);
	names_release(&names);
	compare_drafts(drafts, count);
	qsort(drafts, count, sizeof(*drafts), compare_ids);
	conf->mailboxes = xcalloc(count, sizeof(*conf->mailboxes));
	conf->mailbox_count = count;
	for (size_t i = 0; i < count; i++) {
		struct conf_mailbox *box = &conf->mailboxes[i];
		*box = drafts[i].box;
		load_secret(&drafts[i].load, "", "password_file",
			    box->password_file, &box->password);
		if (drafts[i].load.failed)
			load->failed = true;
		free(drafts[i].flat_root);
	}
	free(drafts);
}

/* NULL when the working directory is gone. */
static char *absolute(const char *path)
{
	if (path[0] == '/')
		return xstrdup(path);
	AUTO_FREE char *cwd = getcwd(NULL, 0);
	return cwd ? xasprintf("%s/%s", cwd, path) : NULL;
}

int conf_load(const char *path, conf_report_fn *report, void *ctx,
	      struct conf **ret)
{
	struct conf *conf = xcalloc(1, sizeof(*conf));
	struct schema_load load = {
		.scope = SCHEMA_DAEMON,
		.target = conf,
		.file = path,
		.report = report,
		.ctx = ctx,
	};
	conf->file = absolute(path);
	if (!conf->file) {
		schema_complain(&load, 0,
				"the current directory does not exist; give "
				"the whole path of the settings file");
	} else {
		load.file = conf->file;
		if (read_daemon(&load))
			read_mailboxes(&load);
	}
	if (load.failed) {
		(void)conf_free(conf); /* always NULL */
		return -(int)ERR_CONFIG;
	}
	*ret = conf;
	return 0;
}

const struct conf_mailbox *conf_mailbox_find(const struct conf *conf,
					     const char *id)
{
	for (size_t i = 0; i < conf->mailbox_count; i++) {
		if (text_equal_nocase(conf->mailboxes[i].id, id))
			return &conf->mailboxes[i];
	}
	return NULL;
}
