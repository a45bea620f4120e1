/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "import/place.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/text.h"
#include "import/fileset.h"
#include "import/journal.h"

#define BOXES_PREFIX FILESET_BOXES "/"
#define STAGE_PREFIX PLACE_STAGE "/"
#define SHOWN_MAX ((size_t)300)

/* --- names --- */

/* The name inside mailboxes.d, or NULL. */
static const char *box_name(const char *name)
{
	size_t len = strlen(BOXES_PREFIX);
	return strncmp(name, BOXES_PREFIX, len) == 0 ? name + len : NULL;
}

static bool is_conf(const struct fileset_file *file)
{
	return strcmp(file->name, FILESET_CONF) == 0;
}

static bool is_there(int dir, const char *name)
{
	struct stat st;
	return fsx_stat_at(dir, name, &st, NULL) == 0;
}

/* --- the hidden folder --- */

static int empty(int dir, struct err *err)
{
	struct fsx_dir *list = NULL;
	int r = fsx_dir_open(dir, &list, err);
	while (r == 0) {
		const char *name = NULL;
		r = fsx_dir_next(list, &name, err);
		if (r < 0 || !name)
			break;
		if (strcmp(name, FILESET_BOXES) != 0)
			r = fsx_remove(dir, name, err);
	}
	list = fsx_dir_close(list);
	return r;
}

/* The journal goes first: what it says is not to be undone any more. */
static int clear_stage(int dir, int stage, struct err *err)
{
	AUTO_CLOSE int boxes = -1;
	int r = fsx_remove(stage, JOURNAL_NAME, err);
	if (r == 0)
		r = fsx_sync_dir(stage, PLACE_STAGE, err);
	/* if we die from here on the next import only goes on removing */
	if (r == 0 && fsx_open_dir(stage, FILESET_BOXES, &boxes, NULL) == 0)
		r = empty(boxes, err);
	if (r == 0)
		r = fsx_remove_dir(stage, FILESET_BOXES, err);
	if (r == 0)
		r = empty(stage, err);
	if (r == 0)
		r = fsx_remove_dir(dir, PLACE_STAGE, err);
	return r;
}

/* What an import that died there has begun. */
static int end_other(int dir, int stage, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	AUTO_BUF struct buf list;
	buf_init(&list, JOURNAL_SIZE_MAX);
	int r = fsx_open_own(stage, JOURNAL_NAME, &fd, err);
	if (r == -(int)ERR_MISSING)
		return clear_stage(dir, stage, err);
	if (r == 0)
		r = fsx_lock(fd, JOURNAL_NAME, err);
	if (r == -(int)ERR_BUSY)
		return err_set(err, ERR_BUSY,
			       "another import is at work there; wait for its "
			       "end");
	if (r == 0)
		r = fsx_load_fd(fd, JOURNAL_NAME, &list, err);
	if (r == 0 && !journal_is_done(dir, &list))
		r = journal_undo(dir, &list, err);
	if (r < 0)
		return r;
	return clear_stage(dir, stage, err);
}

static int make_stage(struct place *place, struct err *err)
{
	AUTO_CLOSE int other = -1;
	int r = fsx_open_dir(place->dir, PLACE_STAGE, &other, err);
	if (r == 0)
		r = end_other(place->dir, other, err);
	if (r < 0 && r != -(int)ERR_MISSING)
		return r;
	r = fsx_make_dir(place->dir, PLACE_STAGE, 0700, err);
	if (r == 0)
		r = fsx_open_dir(place->dir, PLACE_STAGE, &place->stage, err);
	if (r == 0)
		r = fsx_create(place->stage, JOURNAL_NAME, 0600,
			       &place->journal, err);
	if (r == 0)
		r = fsx_lock(place->journal, JOURNAL_NAME, err);
	return r;
}

/* --- opening and closing --- */

/* The path without slashes at its end, and where its last name begins. */
static size_t last_name(char *path)
{
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	const char *slash = strrchr(path, '/');
	return slash ? (size_t)(slash - path) + 1 : 0;
}

static int open_parent(const char *path, size_t name, int *ret_fd,
		       struct err *err)
{
	AUTO_FREE char *parent = name == 0 ? xstrdup(".") :
					     xstrndup(path, name);
	int r = fsx_open_root(parent, ret_fd, err);
	if (r < 0)
		err_prefix(err, "make the folder above '%s' first", path);
	return r;
}

/* The folder above may be somebody's who put another in its place: it would
 * get our mode and group, and the secrets. */
static int check_ours(int dir, struct err *err)
{
	struct stat st;
	int r = fsx_stat(dir, "folder", &st, err);
	if (r == 0 && st.st_uid != geteuid())
		r = err_set(err, ERR_UNSAFE,
			    "somebody else has just made this folder: choose "
			    "a place where only you can write");
	return r;
}

static int make_dir(struct place *place, size_t name, struct err *err)
{
	AUTO_CLOSE int parent = -1;
	int r = open_parent(place->path, name, &parent, err);
	if (r == 0)
		r = fsx_make_dir(parent, place->path + name, 0700, err);
	if (r == 0)
		r = fsx_open_dir(parent, place->path + name, &place->dir, err);
	if (r == 0)
		r = check_ours(place->dir, err);
	place->made_dir = r == 0;
	return r;
}

void place_init(struct place *place)
{
	*place = (struct place){ .dir = -1, .stage = -1, .journal = -1 };
}

int place_open(struct place *place, const char *path, const char *stamp,
	       struct err *err)
{
	place_init(place);
	place->path = xstrdup(path);
	bool fits = text_copy(place->stamp, sizeof(place->stamp), stamp);
	size_t name = last_name(place->path);
	int r = fits ? fsx_open_root(place->path, &place->dir, err) :
		       err_set(err, ERR_INVALID, "a stamp has 14 digits");
	if (r == -(int)ERR_MISSING)
		r = make_dir(place, name, err);
	if (r == 0)
		r = make_stage(place, err);
	if (r < 0) {
		err_prefix(err, "'%s'", path);
		place_close(place);
	}
	return r;
}

/* A folder that we made, and that is still empty, goes again. */
static void remove_dir(const struct place *place)
{
	AUTO_CLOSE int parent = -1;
	AUTO_FREE char *path = xstrdup(place->path);
	size_t name = last_name(path);
	if (open_parent(path, name, &parent, NULL) == 0 &&
	    fsx_remove_dir(parent, path + name, NULL) < 0)
		return; /* something is in it: not ours to remove */
}

void place_close(struct place *place)
{
	/* without a journal of ours the folder is another import's */
	if (place->journal >= 0 &&
	    clear_stage(place->dir, place->stage, NULL) == 0) {
		/* both only go when they are empty */
		if (place->made_boxes &&
		    fsx_remove_dir(place->dir, FILESET_BOXES, NULL) == 0)
			place->made_boxes = false;
	}
	mem_auto_close(&place->journal);
	mem_auto_close(&place->stage);
	mem_auto_close(&place->dir);
	if (place->made_dir)
		remove_dir(place);
	free(place->path);
	place_init(place);
}

int place_for(struct place *place, uid_t uid, gid_t gid, struct err *err)
{
	place->for_other = true;
	place->uid = uid;
	place->gid = gid;
	if (!place->made_dir)
		return 0;
	return fsx_grant(place->dir, place->path, (uid_t)-1, gid, 0750, err);
}

void place_for_us(struct place *place)
{
	place->for_other = false;
}

int place_load(const struct place *place, const char *name, struct buf *ret,
	       struct err *err)
{
	return fsx_load(place->dir, name, ret, err);
}

/* --- what is in the way --- */

/* Called for each name that the set would take, or make wrong. */
struct way {
	struct buf names; /* "a, b" */
	struct buf list;  /* moves, for the journal */
	const char *stamp;
	bool full;   /* there are more names than are shown */
	bool broken; /* a name that cannot be written down */
};

static void take(struct way *way, const char *name)
{
	const char *box = box_name(name);
	AUTO_FREE char *kept = xasprintf("%s.old-%s", box ? box : name,
					 way->stamp);
	if (!buf_printf(&way->names, "%s%s", way->names.len > 0 ? ", " : "",
			name))
		way->full = true;
	if (!journal_add(&way->list, name, kept))
		way->broken = true;
}

static bool is_in_set(const struct fileset *set, const char *box)
{
	for (size_t i = 0; i < set->file_count; i++) {
		const char *name = box_name(set->files[i].name);
		if (name && strcmp(name, box) == 0)
			return true;
	}
	return false;
}

static bool is_box_file(const char *name)
{
	const char *dot = strrchr(name, '.');
	return name[0] != '.' && dot &&
	       (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/* A mailbox file that is not of the set would be read with it. */
static int take_others(struct way *way, int boxes, const struct fileset *set,
		       struct err *err)
{
	struct fsx_dir *list = NULL;
	int r = fsx_dir_open(boxes, &list, err);
	while (r == 0) {
		const char *name = NULL;
		r = fsx_dir_next(list, &name, err);
		if (r < 0 || !name)
			break;
		if (!is_box_file(name) || is_in_set(set, name))
			continue;
		AUTO_FREE char *path = xasprintf(BOXES_PREFIX "%s", name);
		take(way, path);
	}
	list = fsx_dir_close(list);
	return r;
}

static void take_file(struct way *way, int dir, int boxes,
		      const struct fileset_file *file)
{
	const char *box = box_name(file->name);
	if (file->kept || (box && boxes < 0))
		return;
	if (is_there(box ? boxes : dir, box ? box : file->name))
		take(way, file->name);
}

/* The settings file first: without it nothing reads the rest. */
static int look(const struct place *place, const struct fileset *set,
		struct way *way, struct err *err)
{
	AUTO_CLOSE int boxes = -1;
	int r = fsx_open_dir(place->dir, FILESET_BOXES, &boxes, err);
	if (r < 0 && r != -(int)ERR_MISSING)
		return r;
	for (size_t i = 0; i < set->file_count; i++)
		if (is_conf(&set->files[i]))
			take_file(way, place->dir, boxes, &set->files[i]);
	for (size_t i = 0; i < set->file_count; i++)
		if (!is_conf(&set->files[i]))
			take_file(way, place->dir, boxes, &set->files[i]);
	return boxes < 0 ? 0 : take_others(way, boxes, set, err);
}

static void way_init(struct way *way, const char *stamp)
{
	*way = (struct way){ .stamp = stamp };
	buf_init(&way->names, SHOWN_MAX);
	buf_init(&way->list, JOURNAL_SIZE_MAX);
}

static void way_release(struct way *way)
{
	buf_release(&way->names);
	buf_release(&way->list);
}

int place_check(const struct place *place, const struct fileset *set,
		struct err *err)
{
	struct way way;
	way_init(&way, place->stamp);
	int r = look(place, set, &way, err);
	if (r == 0 && way.names.len > 0)
		r = err_set(err, ERR_EXISTS,
			    "'%s' already has %s%s; with --force they are "
			    "kept as NAME.old-%s and the new ones take their "
			    "place",
			    place->path, way.names.data,
			    way.full ? " and more" : "", place->stamp);
	way_release(&way);
	return r;
}

/* --- staging --- */

static int write_file(const struct place *place, int dir, const char *name,
		      const struct fileset_file *file, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	int r = fsx_create(dir, name, 0600, &fd, err);
	mode_t mode = file->secret ? 0600 : 0644;
	uid_t uid = place->for_other && file->secret ? place->uid : (uid_t)-1;
	gid_t gid = place->for_other ? place->gid : (gid_t)-1;
	if (r == 0)
		r = fsx_grant(fd, name, uid, gid, mode, err);
	if (r == 0)
		r = fsx_pwrite(fd, name, file->text.data, file->text.len, 0,
			       err);
	if (r == 0)
		r = fsx_sync(fd, name, err);
	if (r == 0)
		r = fsx_close(&fd, name, err);
	return r;
}

/* Makes a folder that the daemon may look into, but not change. */
static int make_open(const struct place *place, int dir, const char *name,
		     int *ret_fd, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	int r = fsx_make_dir(dir, name, 0700, err);
	if (r == 0)
		r = fsx_open_dir(dir, name, &fd, err);
	if (r == 0 && place->for_other)
		r = fsx_grant(fd, name, (uid_t)-1, place->gid, 0750, err);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int place_stage(struct place *place, const struct fileset *set, struct err *err)
{
	AUTO_CLOSE int boxes = -1;
	int r = make_open(place, place->stage, FILESET_BOXES, &boxes, err);
	if (r == 0 && place->for_other)
		r = fsx_grant(place->stage, PLACE_STAGE, (uid_t)-1, place->gid,
			      0750, err);
	for (size_t i = 0; i < set->file_count && r == 0; i++) {
		const struct fileset_file *file = &set->files[i];
		const char *box = box_name(file->name);
		r = write_file(place, box ? boxes : place->stage,
			       box ? box : file->name, file, err);
	}
	if (r == 0)
		r = fsx_sync_dir(boxes, FILESET_BOXES, err);
	if (r == 0)
		r = fsx_sync_dir(place->stage, PLACE_STAGE, err);
	if (r < 0)
		err_prefix(err, "cannot write into '%s'", place->path);
	return r;
}

/* --- committing --- */

static bool add_new(struct buf *list, const struct fileset *set, bool conf)
{
	bool fits = true;
	for (size_t i = 0; i < set->file_count && fits; i++) {
		const struct fileset_file *file = &set->files[i];
		if (file->kept || is_conf(file) != conf)
			continue;
		AUTO_FREE char *from = xasprintf(STAGE_PREFIX "%s", file->name);
		fits = journal_add(list, from, file->name);
	}
	return fits;
}

/* Old ones away, then the new ones, the settings file last. */
static int list_moves(const struct place *place, const struct fileset *set,
		      struct way *way, struct err *err)
{
	int r = look(place, set, way, err);
	if (r < 0)
		return r;
	if (!way->broken && add_new(&way->list, set, false) &&
	    add_new(&way->list, set, true))
		return 0;
	return err_set(err, ERR_LIMIT,
		       "there are too many files, or one in '%s' has an odd "
		       "name",
		       FILESET_BOXES);
}

static int make_boxes(struct place *place, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	if (is_there(place->dir, FILESET_BOXES))
		return 0;
	place->made_boxes = true;
	return make_open(place, place->dir, FILESET_BOXES, &fd, err);
}

static int move_back(struct place *place, const struct buf *list, int r,
		     struct err *err)
{
	if (journal_undo(place->dir, list, NULL) == 0) {
		err_prefix(err, "'%s' is as it was", place->path);
		return r;
	}
	err_prefix(err,
		   "'%s' is in the middle of an import; the next one puts it "
		   "right",
		   place->path);
	/* place_close then leaves the journal where it is */
	mem_auto_close(&place->journal);
	place->journal = -1;
	return r;
}

static int move_all(struct place *place, const struct buf *list,
		    struct err *err)
{
	int r = make_boxes(place, err);
	if (r == 0)
		r = fsx_pwrite(place->journal, JOURNAL_NAME, list->data,
			       list->len, 0, err);
	if (r == 0)
		r = fsx_sync(place->journal, JOURNAL_NAME, err);
	if (r == 0)
		r = fsx_sync_dir(place->stage, PLACE_STAGE, err);
	if (r < 0)
		return r;
	/* if we die from here on the next import moves all back, unless the
	 * settings file is in its place: then it only cleans up */
	r = journal_do(place->dir, list, err);
	return r < 0 ? move_back(place, list, r, err) : 0;
}

static void note_kept(struct fileset *set, const struct way *way)
{
	if (way->names.len > 0)
		fileset_note(set, "(files that were there)",
			     "kept as NAME.old-%s: %s%s", way->stamp,
			     way->names.data, way->full ? " and more" : "");
}

int place_commit(struct place *place, struct fileset *set, struct err *err)
{
	struct way way;
	way_init(&way, place->stamp);
	int r = list_moves(place, set, &way, err);
	if (r == 0)
		r = move_all(place, &way.list, err);
	if (r == 0) {
		note_kept(set, &way);
		place->made_dir = false;
		place->made_boxes = false;
	}
	way_release(&way);
	return r;
}
