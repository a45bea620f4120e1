/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/boxdir.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"

#define FOLDER_MODE 0770
#define STATE_MODE 0700
#define LOCK_MODE 0600
#define STATE_LOCK "lock"
#define ROOT_LOCK ".meshdrop.lock"

void boxdir_init(struct boxdir *box)
{
	*box = (struct boxdir){
		.base = -1,
		.in = -1,
		.out = -1,
		.sent = -1,
		.failed = -1,
		.temp = -1,
		.state = -1,
		.jobs = -1,
		.inbound = -1,
		.ledger = -1,
		.orders = -1,
		.lock_state = -1,
		.lock_root = -1,
	};
}

void boxdir_release(struct boxdir *box)
{
	if (!box)
		return;
	const int fds[] = {
		box->in,     box->out,	  box->sent,	   box->failed,
		box->temp,   box->state,  box->jobs,	   box->inbound,
		box->ledger, box->orders, box->lock_state, box->lock_root,
		box->base,
	};
	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		mem_auto_close(&fds[i]);
	free(box->root);
	boxdir_init(box);
}

/* --- the mailbox's folders --- */

/* Which of two spellings on disk is used: the upper-case one, else the one
 * that is last in the order of bytes, so that it is always the same. */
static bool is_better(const char *name, const char *best, const char *wanted)
{
	if (!*best || strcmp(name, wanted) == 0)
		return true;
	return strcmp(best, wanted) != 0 && strcmp(name, best) > 0;
}

int boxdir_find(int root, const char *wanted, char ret[TEXT_NAME_SIZE],
		struct err *err)
{
	struct fsx_dir *dir = NULL;
	int r = fsx_dir_open(root, &dir, err);
	if (r < 0)
		return r;
	char best[TEXT_NAME_SIZE] = "";
	for (;;) {
		const char *name = NULL;
		r = fsx_dir_next(dir, &name, err);
		if (r < 0 || !name)
			break;
		if (text_equal_nocase(name, wanted) &&
		    is_better(name, best, wanted))
			(void)text_copy(best, sizeof(best), name); /* fits */
	}
	(void)fsx_dir_close(dir); /* always NULL */
	if (r == 0)
		memcpy(ret, best, sizeof(best));
	return r;
}

static int open_folder(int root, const char *wanted, bool make,
		       char ret_name[TEXT_NAME_SIZE], int *ret_fd,
		       struct err *err)
{
	char name[TEXT_NAME_SIZE] = "";
	int r = boxdir_find(root, wanted, name, err);
	if (r < 0)
		return r;
	if (!*name && make) {
		r = fsx_make_dir(root, wanted, FOLDER_MODE, err);
		if (r < 0)
			return r;
	}
	if (!*name)
		(void)text_copy(name, sizeof(name), wanted); /* fits */
	r = fsx_open_dir(root, name, ret_fd, err);
	if (r == 0)
		memcpy(ret_name, name, sizeof(name));
	return r;
}

struct folder {
	const char *name;
	int *fd;
};

#define FOLDERS BOXDIR_FOLDERS

static void list_folders(struct boxdir *box, struct folder ret[FOLDERS])
{
	ret[0] = (struct folder){ "TEMP", &box->temp };
	ret[1] = (struct folder){ "IN", &box->in };
	ret[2] = (struct folder){ "OUT", &box->out };
	ret[3] = (struct folder){ "SENT", &box->sent };
	ret[4] = (struct folder){ "FAILED", &box->failed };
}

/* Every hand-over is a rename between TEMP and one of the others. */
static int check_devices(const struct boxdir *box,
			 const struct folder folders[FOLDERS], struct err *err)
{
	dev_t temp = 0;
	for (size_t i = 0; i < FOLDERS; i++) {
		struct stat st;
		int r = fsx_stat(*folders[i].fd, folders[i].name, &st, err);
		if (r < 0)
			return r;
		if (i == 0)
			temp = st.st_dev;
		else if (st.st_dev != temp)
			return err_set(err, ERR_CONFIG,
				       "'%s/%s' is on another file system "
				       "than '%s/TEMP': all folders of "
				       "mailbox root '%s' must be on one",
				       box->root, folders[i].name, box->root,
				       box->root);
	}
	return 0;
}

static int open_folders(struct boxdir *box, struct err *err)
{
	struct folder folders[FOLDERS];
	list_folders(box, folders);
	int r = fsx_make_path(box->root, FOLDER_MODE, err);
	if (r < 0)
		return r;
	r = fsx_open_root(box->root, &box->base, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < FOLDERS; i++) {
		r = open_folder(box->base, folders[i].name, true, box->names[i],
				folders[i].fd, err);
		if (r < 0) {
			err_prefix(err, "folder '%s/%s'", box->root,
				   folders[i].name);
			return r;
		}
	}
	r = check_devices(box, folders, err);
	/* A life that died behind a mkdir has left a folder whose name is not
	 * durable yet, and what is in it would go with it. */
	return r < 0 ? r : fsx_sync_dir(box->base, box->root, err);
}

static int check_device(const struct boxdir *box, int fd, struct err *err)
{
	struct stat temp;
	struct stat st;
	int r = fsx_stat(box->temp, "TEMP", &temp, err);
	if (r == 0)
		r = fsx_stat(fd, "folder", &st, err);
	if (r == 0 && st.st_dev != temp.st_dev)
		r = err_set(err, ERR_CONFIG,
			    "it is on another file system than TEMP: all "
			    "folders of a mailbox must be on one");
	return r;
}

int boxdir_open_folder(const struct boxdir *box, const char *name, bool make,
		       int *ret_fd, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	char spelled[TEXT_NAME_SIZE];
	int r = 0;
	if (text_is_own_folder(name))
		r = err_set(err, ERR_CONFIG,
			    "folder '%s' is one of the mailbox's own: choose "
			    "another name",
			    name);
	else
		r = open_folder(box->base, name, make, spelled, &fd, err);
	if (r == 0)
		r = check_device(box, fd, err);
	if (r < 0) {
		err_prefix(err, "folder '%s/%s'", box->root, name);
		return r;
	}
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static bool is_same_place(int fd, const struct stat *now)
{
	struct stat held;
	struct err why;
	return fsx_stat(fd, "folder", &held, &why) == 0 &&
	       held.st_dev == now->st_dev && held.st_ino == now->st_ino;
}

int boxdir_renew_folder(const struct boxdir *box, const char *name, int *fd,
			bool *ret_other, struct err *err)
{
	AUTO_CLOSE int now = -1;
	struct stat st;
	int r = boxdir_open_folder(box, name, true, &now, err);
	if (r == 0)
		r = fsx_stat(now, name, &st, err);
	if (r < 0)
		return r;
	*ret_other = !is_same_place(*fd, &st);
	if (!*ret_other)
		return 0;
	int before = *fd;
	*fd = now;
	now = before;
	return 0;
}

/* result: of the look at what has that name now; "" for the root itself. */
static int judge_place(const struct boxdir *box, const char *name, int held,
		       int result, const struct stat *now, struct err *err)
{
	if (result == 0 && is_same_place(held, now))
		return 0;
	if (result < 0 && result != -(int)ERR_MISSING)
		return result;
	int r = err_set(err, ERR_IO,
			"folder '%s%s%s' was removed or replaced while it was "
			"in use: put it back, or restart",
			box->root, *name ? "/" : "", name);
	err_widen(err, ERR_MAILBOX, err->retry);
	return r;
}

int boxdir_check(const struct boxdir *box, struct err *err)
{
	const int held[FOLDERS] = { box->temp, box->in, box->out, box->sent,
				    box->failed };
	struct stat now;
	/* others find the folders by this path, and only by it */
	int r = fsx_stat_path(box->root, &now, err);
	r = judge_place(box, "", box->base, r, &now, err);
	for (size_t i = 0; i < FOLDERS && r == 0; i++) {
		r = fsx_stat_at(box->base, box->names[i], &now, err);
		r = judge_place(box, box->names[i], held[i], r, &now, err);
	}
	return r;
}

/* --- our own folders --- */

static int open_below(int dirfd, const char *name, bool make, int *ret_fd,
		      struct err *err)
{
	int r = make ? fsx_make_dir(dirfd, name, STATE_MODE, err) : 0;
	return r < 0 ? r : fsx_open_dir(dirfd, name, ret_fd, err);
}

/* Whoever can write there can have any file sent or dropped in our name. */
static int check_private(int fd, struct err *err)
{
	struct stat st;
	int r = fsx_stat(fd, "state folder", &st, err);
	if (r < 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return r;
	return err_set(err, ERR_UNSAFE,
		       "others can write there: take that right away "
		       "(chmod 0700)");
}

static int open_state(struct boxdir *box, int state_dir, bool make,
		      struct err *err)
{
	const struct folder folders[] = {
		{ "jobs", &box->jobs },
		{ "inbound", &box->inbound },
		{ "ledger", &box->ledger },
		{ "orders", &box->orders },
	};
	int r = open_below(state_dir, box->id, make, &box->state, err);
	if (r == 0)
		r = check_private(box->state, err);
	if (r < 0) {
		err_prefix(err, "folder '%s' in state_dir", box->id);
		return r;
	}
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		r = open_below(box->state, folders[i].name, make, folders[i].fd,
			       err);
		if (r < 0) {
			err_prefix(err, "folder '%s/%s' in state_dir", box->id,
				   folders[i].name);
			return r;
		}
	}
	return 0;
}

/* The id becomes the name of a folder. */
static int set_id(struct boxdir *box, const char *id, struct err *err)
{
	if (text_is_mailbox_id(id) && text_copy(box->id, sizeof(box->id), id))
		return 0;
	return err_set(err, ERR_CONFIG, "'%s' cannot be the id of a mailbox",
		       id);
}

/* What is wrong with a folder is wrong for the whole mailbox. */
static int widen(struct err *err, int result)
{
	if (result < 0 && err && err->scope == ERR_MESSAGE)
		err_widen(err, ERR_MAILBOX, err->retry);
	return result;
}

static int finish(struct boxdir *box, struct err *err, int result)
{
	if (result < 0)
		boxdir_release(box);
	return widen(err, result);
}

int boxdir_open(struct boxdir *box, const char *id, const char *root,
		int state_dir, struct err *err)
{
	int r = set_id(box, id, err);
	if (r < 0)
		return finish(box, err, r);
	box->root = xstrdup(root);
	r = open_folders(box, err);
	if (r == 0)
		r = open_state(box, state_dir, true, err);
	return finish(box, err, r);
}

int boxdir_open_state(struct boxdir *box, const char *id, int state_dir,
		      struct err *err)
{
	int r = set_id(box, id, err);
	if (r == 0)
		r = open_state(box, state_dir, false, err);
	return finish(box, err, r);
}

/* --- locks --- */

static int open_lock(int dirfd, const char *name, int *ret_fd, struct err *err)
{
	int r = fsx_create(dirfd, name, LOCK_MODE, ret_fd, err);
	if (r == -(int)ERR_EXISTS)
		r = fsx_open_own(dirfd, name, ret_fd, err);
	return r;
}

/* The file stays behind: to remove it would let two hold "the" lock. */
static int take_lock(int dirfd, const char *name, int *ret_fd, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	int r = open_lock(dirfd, name, &fd, err);
	if (r == 0)
		r = fsx_lock(fd, name, err);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int take_both(struct boxdir *box, struct err *err)
{
	AUTO_CLOSE int state = -1;
	int r = take_lock(box->state, STATE_LOCK, &state, err);
	if (r < 0) {
		err_prefix(err, "folder '%s' in state_dir", box->id);
		return r;
	}
	r = take_lock(box->temp, ROOT_LOCK, &box->lock_root, err);
	if (r < 0) {
		err_prefix(err, "folder '%s/TEMP'", box->root);
		return r;
	}
	box->lock_state = state;
	state = -1;
	return 0;
}

int boxdir_lock(struct boxdir *box, struct err *err)
{
	int r = take_both(box, err);
	if (r == -(int)ERR_BUSY)
		err_prefix(err, "mailbox %s: is another meshdropd running?",
			   box->id);
	return widen(err, r);
}
