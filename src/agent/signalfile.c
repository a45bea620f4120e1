/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/signalfile.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/complaint.h"
#include "agent/watch.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/log.h"
#include "base/mem.h"

#define ORDER_MAX 64 /* a file that is longer is no order */

struct signalfile {
	char *path;
	char *folder;
	const char *name; /* in path */
	struct stat done; /* needs no further look; all 0: none */
	struct complaint complaint;
};

enum signalfile_order signalfile_read(const char *data, size_t len)
{
	size_t at = 0;
	while (at < len && data[at] != '\0' && strchr(" \t\r\n", data[at]))
		at++;
	if (at == len)
		return SIGNALFILE_NONE;
	if (data[at] == '1')
		return SIGNALFILE_STOP;
	return data[at] == '2' ? SIGNALFILE_RELOAD : SIGNALFILE_UNKNOWN;
}

/* --- looking --- */

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       same_time(&a->st_mtim, &b->st_mtim) &&
	       same_time(&a->st_ctim, &b->st_ctim);
}

static int read_order(const struct signalfile *file, int dirfd,
		      enum signalfile_order *ret, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	char data[ORDER_MAX];
	size_t len = 0;
	int r = fsx_open_read(dirfd, file->name, &fd, &st, err);
	if (r == 0)
		r = fsx_pread(fd, file->name, data, sizeof(data), 0, &len, err);
	if (r < 0)
		return r;
	*ret = st.st_size > ORDER_MAX ? SIGNALFILE_UNKNOWN :
					signalfile_read(data, len);
	return 0;
}

/* Emptied rather than removed: who made it for others to write into has given
 * it the rights for that. */
static int take_away(const struct signalfile *file, int dirfd, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	if (fsx_open_own(dirfd, file->name, &fd, err) == 0 &&
	    fsx_truncate(fd, file->name, 0, err) == 0)
		return 0;
	return fsx_remove(dirfd, file->name, err);
}

/* Finds an order that is new and takes it away. */
static int find(struct signalfile *file, int dirfd, enum signalfile_order *ret,
		struct err *err)
{
	struct stat st;
	int r = fsx_stat_at(dirfd, file->name, &st, err);
	if (r == -ERR_MISSING)
		return 0;
	if (r < 0)
		return r;
	if (st.st_size == 0 || same(&st, &file->done))
		return 0;
	enum signalfile_order order = SIGNALFILE_NONE;
	r = read_order(file, dirfd, &order, err);
	if (r == -ERR_MISSING || (r == 0 && order == SIGNALFILE_NONE))
		return 0;
	file->done = st;
	(void)complaint_clear(&file->complaint); /* this one is new */
	if (r < 0)
		return r;
	if (order == SIGNALFILE_UNKNOWN)
		return err_set(err, ERR_INVALID,
			       "it holds neither 1 (stop) nor 2 (load the "
			       "settings anew)");
	*ret = order;
	r = take_away(file, dirfd, err);
	if (r < 0)
		err_prefix(err, "the order cannot be taken away");
	else
		file->done = (struct stat){ .st_size = 0 };
	return r;
}

/* What cannot be looked at is said now and then; an odd file once, because it
 * is not looked at again until it changes. */
static void say(struct signalfile *file, const struct err *err)
{
	if (complaint_raise(&file->complaint, err->code, err->text,
			    clock_mono_ns()))
		log_event(LOG_LEVEL_WARNING, "signal-file-trouble", NULL,
			  "file=\"%s\" reason=\"%s\"", file->path, err->text);
}

static enum signalfile_order look(struct signalfile *file)
{
	AUTO_CLOSE int dirfd = -1;
	enum signalfile_order order = SIGNALFILE_NONE;
	struct err err;
	int r = fsx_open_root(file->folder, &dirfd, &err);
	if (r == 0)
		r = find(file, dirfd, &order, &err);
	if (r < 0)
		say(file, &err);
	else
		(void)complaint_clear(&file->complaint);
	return order;
}

static const char *name_of(enum signalfile_order order)
{
	switch (order) {
	case SIGNALFILE_STOP:
		return "stop";
	case SIGNALFILE_RELOAD:
		return "reload";
	case SIGNALFILE_NONE:
	case SIGNALFILE_UNKNOWN:
		break;
	}
	return "none";
}

enum signalfile_order signalfile_look(struct signalfile *file)
{
	enum signalfile_order order = look(file);
	if (order != SIGNALFILE_NONE)
		log_event(LOG_LEVEL_NOTICE, "signal-file", NULL,
			  "file=\"%s\" order=%s", file->path, name_of(order));
	return order;
}

/* --- beginning and end --- */

struct signalfile *signalfile_new(const char *path)
{
	if (!path)
		return NULL;
	struct signalfile *file = xcalloc(1, sizeof(*file));
	file->path = xstrdup(path);
	const char *slash = strrchr(file->path, '/');
	file->name = slash ? slash + 1 : file->path;
	if (slash)
		file->folder = xstrndup(path,
					(size_t)(file->name - file->path));
	else
		file->folder = xstrdup(".");
	enum signalfile_order order = look(file);
	if (order != SIGNALFILE_NONE)
		log_event(LOG_LEVEL_WARNING, "signal-file-old", NULL,
			  "file=\"%s\" order=%s result=\"not obeyed: it was "
			  "there before us\"",
			  file->path, name_of(order));
	return file;
}

struct signalfile *signalfile_free(struct signalfile *file)
{
	if (!file)
		return NULL;
	free(file->path);
	free(file->folder);
	free(file);
	return NULL;
}

bool signalfile_is(const struct signalfile *file, const char *path)
{
	if (!file || !path)
		return !file && !path;
	return strcmp(file->path, path) == 0;
}

void signalfile_watch(const struct signalfile *file, struct watch *watch,
		      size_t slot)
{
	AUTO_CLOSE int dirfd = -1;
	if (file && fsx_open_root(file->folder, &dirfd, NULL) == 0)
		watch_add(watch, dirfd, slot);
}
