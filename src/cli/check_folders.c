/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "cli/check_folders.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/folder.h"
#include "cli/show.h"
#include "cli/verdict.h"
#include "conf/conf.h"
#include "spool/boxdir.h"

#define OWN_FOLDERS 5

/* --- what both have --- */

static void check_room(struct verdict *verdict, const char *subject,
		       const char *path, int dirfd, uint64_t reserve)
{
	struct err err;
	uint64_t left;
	char have[SHOW_SIZE];
	char keep[SHOW_SIZE];
	if (fsx_free_bytes(dirfd, &left, &err) < 0) {
		verdict_fail(verdict, subject, "'%s': %s", path, err.text);
		return;
	}
	show_bytes(left, have);
	show_bytes(reserve, keep);
	if (left < reserve)
		verdict_fail(verdict, subject,
			     "'%s' has %s free, and reserve is %s: "
			     "nothing is sent or received until there is room",
			     path, have, keep);
	else
		verdict_ok(verdict, subject, "'%s' has %s free", path, have);
}

/* False: there is nothing to look at; that was said. */
static bool open_path(struct verdict *verdict, const char *subject,
		      const char *path, int *ret_fd)
{
	struct err err;
	int r = fsx_open_root(path, ret_fd, &err);
	if (r == -(int)ERR_MISSING)
		verdict_warn(verdict, subject,
			     "'%s' is not there yet: meshdropd makes it when "
			     "it starts",
			     path);
	else if (r < 0)
		verdict_fail(verdict, subject, "%s", err.text);
	return r == 0;
}

/* --- the state folder --- */

/* What we may do tells what meshdropd may do only if we are the same user. */
static void check_owner(struct verdict *verdict, const char *path, int dirfd)
{
	struct err err;
	struct stat st;
	if (fsx_stat(dirfd, path, &st, &err) < 0) {
		verdict_fail(verdict, "state_dir", "%s", err.text);
		return;
	}
	if (st.st_uid != geteuid())
		verdict_warn(verdict, "state_dir",
			     "'%s' belongs to user %u and this check runs as "
			     "user %u: run it as the user that meshdropd has",
			     path, (unsigned)st.st_uid, (unsigned)geteuid());
}

void check_state_dir(struct verdict *verdict, const struct conf *conf)
{
	struct err err;
	AUTO_CLOSE int fd = -1;
	const char *path = conf->state_dir;
	if (!open_path(verdict, "state_dir", path, &fd))
		return;
	check_owner(verdict, path, fd);
	int r = fsx_check_dir(fd, &err);
	if (r == 0)
		r = folder_try(fd, &err);
	if (r < 0)
		verdict_fail(verdict, "state_dir", "'%s': %s", path, err.text);
	else
		verdict_ok(verdict, "state_dir",
			   "'%s': a file was made, renamed and removed", path);
	check_room(verdict, "state_dir", path, fd, conf->reserve);
}

/* --- the signal file's folder --- */

void check_signal_file(struct verdict *verdict, const struct conf *conf)
{
	struct err err;
	struct stat st;
	AUTO_CLOSE int fd = -1;
	if (!conf->signal_file)
		return;
	const char *name = strrchr(conf->signal_file, '/') + 1; /* absolute */
	AUTO_FREE char *folder = xstrndup(conf->signal_file,
					  (size_t)(name - conf->signal_file));
	int r = fsx_open_root(folder, &fd, &err);
	if (r >= 0)
		r = fsx_stat(fd, folder, &st, &err);
	if (r < 0)
		verdict_fail(verdict, "signal_file", "%s", err.text);
	else if ((st.st_mode & S_IWOTH) != 0)
		verdict_warn(verdict, "signal_file",
			     "everybody on this machine can write in '%s', and "
			     "so stop meshdropd",
			     folder);
	else if (fsx_check_dir(fd, &err) < 0)
		verdict_warn(verdict, "signal_file",
			     "'%s': %s: orders may not be removable; each is "
			     "obeyed once all the same",
			     folder, err.text);
	else
		verdict_ok(verdict, "signal_file",
			   "'%s': who can write there can stop meshdropd",
			   folder);
}

/* --- a mailbox --- */

struct folders {
	struct verdict *verdict;
	const struct conf_mailbox *set;
	int root;
	const char **names; /* TEMP is first: the others are held against it */
	int *fds;	    /* -1: not there or not usable */
	size_t count;
	bool good; /* all of them are there and can be used */
};

/* Several settings may name one folder, in any letter case. */
static void add_name(struct folders *folders, const char *name)
{
	for (size_t i = 0; i < folders->count; i++) {
		if (text_equal_nocase(folders->names[i], name))
			return;
	}
	folders->names[folders->count] = name;
	folders->fds[folders->count] = -1;
	folders->count++;
}

static void add_names(struct folders *folders)
{
	static const char *const own[] = { "TEMP", "IN", "OUT", "SENT",
					   "FAILED" };
	const struct conf_mailbox *set = folders->set;
	size_t most = OWN_FOLDERS + set->route_count + set->delivery_count;
	folders->names = xcalloc(most, sizeof(*folders->names));
	folders->fds = xcalloc(most, sizeof(*folders->fds));
	for (size_t i = 0; i < OWN_FOLDERS; i++)
		add_name(folders, own[i]);
	for (size_t i = 0; i < set->route_count; i++)
		add_name(folders, set->routes[i].folder);
	for (size_t i = 0; i < set->delivery_count; i++)
		add_name(folders, set->deliveries[i].folder);
}

static void look_at(struct folders *folders, size_t i)
{
	struct err err;
	const struct conf_mailbox *set = folders->set;
	const char *name = folders->names[i];
	int r = folder_open(folders->root, name, &folders->fds[i], &err);
	if (r == -(int)ERR_MISSING) {
		folders->good = false;
		verdict_warn(folders->verdict, set->id,
			     "'%s/%s' is not there yet: meshdropd makes it "
			     "when it starts",
			     set->root, name);
		return;
	}
	if (r == 0)
		r = fsx_check_dir(folders->fds[i], &err);
	if (r < 0) {
		folders->good = false;
		verdict_fail(folders->verdict, set->id, "'%s/%s': %s",
			     set->root, name, err.text);
	}
}

/* Every hand-over is a rename between TEMP and another folder. */
static void check_devices(struct folders *folders)
{
	struct err err;
	struct stat first = { .st_dev = 0 };
	struct stat st;
	bool have_first = false;
	for (size_t i = 0; i < folders->count; i++) {
		if (folders->fds[i] < 0)
			continue;
		const char *name = folders->names[i];
		if (fsx_stat(folders->fds[i], name, &st, &err) < 0) {
			folders->good = false;
			verdict_fail(folders->verdict, folders->set->id, "%s",
				     err.text);
		} else if (!have_first) {
			first = st;
			have_first = true;
		} else if (st.st_dev != first.st_dev) {
			folders->good = false;
			verdict_fail(folders->verdict, folders->set->id,
				     "'%s/%s' is on another file system than "
				     "the folders before it: all of a mailbox "
				     "must be on one",
				     folders->set->root, name);
		}
	}
}

static void try_temp(struct folders *folders)
{
	struct err err;
	if (folders->fds[0] < 0 || folder_try(folders->fds[0], &err) == 0)
		return;
	folders->good = false;
	verdict_fail(folders->verdict, folders->set->id, "'%s/TEMP': %s",
		     folders->set->root, err.text);
}

static void look_at_all(struct folders *folders)
{
	size_t more = folders->count - OWN_FOLDERS;
	for (size_t i = 0; i < folders->count; i++)
		look_at(folders, i);
	check_devices(folders);
	try_temp(folders);
	if (folders->good)
		verdict_ok(folders->verdict, folders->set->id,
			   "IN, OUT, SENT, FAILED and TEMP%s below '%s' can be "
			   "used, and a file was made, renamed and removed in "
			   "TEMP",
			   more > 0 ? " and those of routes and deliver" : "",
			   folders->set->root);
	for (size_t i = 0; i < folders->count; i++)
		mem_auto_close(&folders->fds[i]);
}

/* One that meshdropd has not made yet is as good as one that is right. */
static void check_state(struct verdict *verdict, const struct conf *conf,
			const struct conf_mailbox *set)
{
	struct err err;
	struct boxdir box;
	AUTO_CLOSE int state_dir = -1;
	if (fsx_open_root(conf->state_dir, &state_dir, NULL) < 0)
		return; /* check_state_dir has said why */
	boxdir_init(&box);
	int r = boxdir_open_state(&box, set->id, state_dir, &err);
	if (r == 0)
		boxdir_release(&box);
	else if (r != -(int)ERR_MISSING)
		verdict_fail(verdict, set->id, "%s", err.text);
}

void check_mailbox_folders(struct verdict *verdict, const struct conf *conf,
			   const struct conf_mailbox *set)
{
	AUTO_CLOSE int root = -1;
	if (open_path(verdict, set->id, set->root, &root)) {
		struct folders folders = {
			.verdict = verdict,
			.set = set,
			.root = root,
			.good = true,
		};
		add_names(&folders);
		look_at_all(&folders);
		free(folders.names);
		free(folders.fds);
		check_room(verdict, set->id, set->root, root, conf->reserve);
	}
	check_state(verdict, conf, set);
}
