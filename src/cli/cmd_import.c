/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * meshdrop import: the Java client's configuration becomes ours.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/proc_user.h"
#include "cli/cmd.h"
#include "cli/show.h"
#include "conf/conf.h"
#include "import/fileset.h"
#include "import/old.h"
#include "import/place.h"
#include "import/translate.h"

#define DEFAULT_DIR "/etc/meshdrop"
#define DAEMON_USER "meshdrop" /* as sysusers.d has it */
#define COLUMNS 2

/* One import, from its options to what is in place. */
struct import {
	struct cmd_run *run;
	const char *dir;
	const char *key_file;
	bool force;
	bool offline;
	struct old_options options;
	struct old old;
	struct buf key_given;
	struct buf key_kept;
	struct fileset set;
	struct place place;
	bool is_for_user;
	bool is_out_of_reach; /* there is a user, who cannot get at dir */
	bool can_stop_old;    /* by its signal file */
	struct proc_user user;
};

/* --- reading --- */

static const char *look_up(void *ctx, const char *name)
{
	(void)ctx;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): the tool has one thread */
	return getenv(name);
}

/* One line, whatever system it was written on. */
static void cut_line_end(struct buf *text)
{
	while (text->len > 0 && strchr("\r\n", text->data[text->len - 1]))
		text->data[--text->len] = '\0';
}

static int check_key(const char *path, const struct buf *key, struct err *err)
{
	bool good = key->len > 0 && key->len <= SECRET_MAX;
	for (size_t i = 0; i < key->len && good; i++) {
		unsigned char c = (unsigned char)key->data[i];
		good = c >= 0x20 && c != 0x7f;
	}
	if (good)
		return 0;
	return err_set(err, ERR_INVALID,
		       "'%s' does not hold a key: that is one line of text",
		       path);
}

static int read_given_key(struct import *import, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	if (!import->key_file)
		return 0;
	int r = fsx_open_path(import->key_file, &fd, NULL, err);
	if (r == 0)
		r = fsx_load_fd(fd, import->key_file, &import->key_given, err);
	if (r < 0)
		return r;
	cut_line_end(&import->key_given);
	return check_key(import->key_file, &import->key_given, err);
}

static int read_kept_key(struct import *import, struct err *err)
{
	if (import->key_file ||
	    cfg_text(&import->old.cfg.common, CFG_AUTHENTICATION_KEY))
		return 0;
	int r = place_load(&import->place, FILESET_SHARED_KEY,
			   &import->key_kept, err);
	if (r == -(int)ERR_MISSING)
		return 0;
	if (r < 0)
		return r;
	cut_line_end(&import->key_kept);
	return check_key(FILESET_SHARED_KEY, &import->key_kept, err);
}

static const char *text_of(const struct buf *buf)
{
	return buf->len > 0 ? buf->data : NULL;
}

/* --- whose files they are --- */

static int can_reach(void *ctx)
{
	AUTO_CLOSE int fd = -1;
	const struct import *import = ctx;
	return fsx_open_root(import->dir, &fd, NULL) < 0;
}

/* Root makes the files for the daemon, as far as it can get at them. */
static int choose_user(struct import *import, struct err *err)
{
	struct proc_user *user = &import->user;
	if (!proc_user_find(DAEMON_USER, user))
		return 0;
	int r = place_for(&import->place, user->uid, user->gid, err);
	if (r < 0)
		return r;
	if (proc_user_ask(user, can_reach, import) == 0) {
		import->is_for_user = true;
		return 0;
	}
	place_for_us(&import->place);
	import->is_out_of_reach = true;
	return 0;
}

static int can_signal(void *ctx)
{
	AUTO_CLOSE int fd = -1;
	const struct import *import = ctx;
	const char *file = import->old.signal_file;
	AUTO_FREE char *folder = xstrndup(file,
					  (size_t)(strrchr(file, '/') - file));
	return fsx_open_root(folder, &fd, NULL) < 0;
}

/* A folder that the daemon cannot see is none to it. */
static void look_for_signal(struct import *import)
{
	struct old *old = &import->old;
	import->can_stop_old = old->has_signal;
	if (old->has_signal && import->is_for_user)
		old->has_signal = proc_user_ask(&import->user, can_signal,
						import) == 0;
}

/* --- from old to new --- */

static int translate_all(struct import *import, struct err *err)
{
	const struct translate_key key = {
		.given = text_of(&import->key_given),
		.kept = text_of(&import->key_kept),
	};
	int r = translate(&import->old, &key, &import->set, err);
	if (r < 0)
		err_prefix(err, "%s", import->options.path);
	else if (import->is_out_of_reach)
		fileset_note(&import->set, "(owner)",
			     "user " DAEMON_USER " cannot reach '%s', so the "
			     "secrets belong to root; give them to it where "
			     "they will be used",
			     import->dir);
	return r;
}

static int read_all(struct import *import, struct err *err)
{
	char stamp[CLOCK_STAMP_SIZE];
	clock_stamp_local(clock_wall_ns(), stamp);
	int r = old_read(&import->options, &import->old, err);
	if (r == 0)
		r = read_given_key(import, err);
	if (r == 0)
		r = place_open(&import->place, import->dir, stamp, err);
	if (r == 0)
		r = read_kept_key(import, err);
	if (r == 0)
		r = choose_user(import, err);
	if (r < 0)
		return r;
	look_for_signal(import);
	r = translate_all(import, err);
	if (r == 0 && !import->force)
		r = place_check(&import->place, &import->set, err);
	return r;
}

/* --- trying --- */

static void say_setting(void *ctx, bool fatal, const char *text)
{
	(void)ctx;
	if (fatal)
		cmd_complain("the new settings are not accepted: %s", text);
}

static int try_settings(void *ctx)
{
	const struct import *import = ctx;
	struct conf *conf = NULL;
	AUTO_FREE char *path = xasprintf("%s/" PLACE_STAGE "/" FILESET_CONF,
					 import->dir);
	int r = conf_load(path, say_setting, NULL, &conf);
	(void)conf_free(conf);
	return r < 0;
}

static int try_staged(struct import *import, struct err *err)
{
	int r = place_stage(&import->place, &import->set, err);
	if (r < 0)
		return r;
	if (proc_user_ask(import->is_for_user ? &import->user : NULL,
			  try_settings, import) == 0)
		return 0;
	return err_set(err, ERR_INVALID,
		       "'%s' was not imported, and nothing was changed",
		       import->options.path);
}

/* --- saying --- */

static void print_notes(const struct fileset *set)
{
	static const char *const head[COLUMNS] = { "old", "new" };
	struct show_table table;
	show_table_init(&table, head, COLUMNS, 0);
	for (size_t i = 0; i < set->note_count; i++) {
		const char *const cells[COLUMNS] = {
			set->notes[i].old,
			set->notes[i].now,
		};
		show_table_add(&table, cells);
	}
	show_table_print(&table);
	show_table_release(&table);
}

static void print_files(const struct import *import)
{
	(void)printf("\nWritten to %s:", import->dir);
	for (size_t i = 0; i < import->set.file_count; i++)
		if (!import->set.files[i].kept)
			(void)printf(" %s", import->set.files[i].name);
	(void)printf("\nThe old installation was only read.\n\n");
}

/* Whether a shell takes it as it stands: the line is there to be copied. */
static bool is_plain(const char *path)
{
	return path[strspn(path, "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 "/._-")] == '\0';
}

static void print_next(const struct import *import)
{
	bool usual = strcmp(import->dir, DEFAULT_DIR) == 0;
	(void)printf("\nTo go on (a mailbox has one client at a time):\n  ");
	if (import->can_stop_old && is_plain(import->old.signal_file))
		(void)printf("echo 1 >%s", import->old.signal_file);
	else
		(void)printf("stop the Java client");
	(void)printf("\n  %smeshdrop%s%s%s check\n",
		     import->is_for_user ? "runuser -u " DAEMON_USER " -- " :
					   "",
		     usual ? "" : " -c ", usual ? "" : import->dir,
		     usual ? "" : "/" FILESET_CONF);
	if (usual)
		(void)printf("  systemctl enable --now meshdropd\n");
	else
		(void)printf("  %smeshdropd -c %s/" FILESET_CONF "\n",
			     import->is_for_user ? "runuser -u " DAEMON_USER
						   " -- " :
						   "",
			     import->dir);
}

/* From here on the import is done; only the check decides the exit status. */
static enum cmd_exit check_new(struct import *import)
{
	struct err err;
	AUTO_FREE char *path = xasprintf("%s/" FILESET_CONF, import->dir);
	(void)fflush(stdout); /* before others write; main looks at the end */
	if (import->is_for_user && proc_user_become(&import->user, &err) < 0) {
		cmd_complain("the new settings are in place, but cannot be "
			     "checked: %s",
			     err.text);
		return CMD_FAILED;
	}
	return cmd_check_all(path, import->offline);
}

/* --- the command --- */

static enum cmd_exit carry_out(struct import *import)
{
	struct err err;
	int r = read_all(import, &err);
	if (r == 0)
		r = try_staged(import, &err);
	if (r == 0)
		r = place_commit(&import->place, &import->set, &err);
	place_close(&import->place);
	if (r < 0) {
		cmd_complain("%s", err.text);
		return err.code == ERR_BUSY ? CMD_BUSY : CMD_FAILED;
	}
	print_notes(&import->set);
	print_files(import);
	enum cmd_exit code = check_new(import);
	print_next(import);
	return code;
}

static void release(struct import *import)
{
	old_release(&import->old);
	buf_release(&import->key_given);
	buf_release(&import->key_kept);
	fileset_release(&import->set);
}

static enum cmd_exit import_run(struct cmd_run *run)
{
	struct import import = { .run = run, .dir = DEFAULT_DIR };
	bool expand = false;
	bool literal = false;
	const struct cmd_option options[] = {
		{ .name = "output", .letter = 'o', .value = &import.dir },
		{ .name = "force", .letter = 'f', .flag = &import.force },
		{ .name = "shared-key", .value = &import.key_file },
		{ .name = "keystore", .value = &import.options.keystore },
		{ .name = "expand", .flag = &expand },
		{ .name = "literal", .flag = &literal },
		{ .name = "offline", .flag = &import.offline },
	};
	if (!cmd_options(run, options, sizeof(options) / sizeof(*options), 1,
			 1))
		return run->exit;
	if (expand && literal) {
		cmd_complain_usage(run, "--expand and --literal exclude each "
					"other");
		return run->exit;
	}
	import.options.path = run->argv[0];
	import.options.variables = expand  ? OLD_EXPAND :
				   literal ? OLD_LITERAL :
					     OLD_REFUSE;
	import.options.lookup = look_up;
	import.options.now_s = clock_wall_ns() / CLOCK_SECOND;
	buf_init(&import.key_given, SECRET_MAX + 2);
	buf_init(&import.key_kept, SECRET_MAX + 2);
	place_init(&import.place);
	enum cmd_exit code = carry_out(&import);
	release(&import);
	return code;
}

const struct cmd cmd_import = {
	.name = "import",
	.summary = "Takes over from the Java client: makes settings of its",
	.arguments = "[OPTION...] MESHCLIENT.CFG",
	.help = "Reads the configuration of the MESH Java client, its keystore "
		"and its proxy.ini,\n"
		"writes settings, certificates and secrets into a folder, and "
		"says what became of\n"
		"each element. The old installation is only read, and the "
		"folder gets all files\n"
		"or none. Ends with what 'meshdrop check' does.\n"
		"\n"
		"  -o, --output DIR       the folder (" DEFAULT_DIR ")\n"
		"  -f, --force            keep files that are in the way as "
		"NAME.old-TIME\n"
		"      --shared-key FILE  the environment's shared key, which "
		"the Java client\n"
		"                         has built in\n"
		"      --keystore FILE    in place of KeyStorePath\n"
		"      --expand           put environment variables in for "
		"$NAME and ${NAME}\n"
		"      --literal          a value that begins with $NAME is "
		"the value itself\n"
		"      --offline          check without talking to the service\n",
	.function = import_run,
};
