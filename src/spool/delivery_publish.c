/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/delivery.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "spool/boxdir.h"
#include "spool/pair.h"
#include "spool/second.h"

/* Where a message goes. */
struct place {
	const struct boxdir *box;
	int dir;
	const char *name; /* for messages */
};

static void temp_name(const struct delivery *delivery, const char *suffix,
		      char ret[TEXT_NAME_SIZE])
{
	(void)snprintf(ret, TEXT_NAME_SIZE, "%s%s", delivery->id, suffix);
}

/* Both names are the file that was staged: a power cut left a rename half
 * done. (fsx_move ends that by itself, but not where a second name counts as a
 * link more.) */
static bool is_ours(const struct place *place, const char *from, const char *to)
{
	struct stat ours;
	struct stat taken;
	return fsx_stat_at(place->box->temp, from, &ours, NULL) == 0 &&
	       fsx_stat_at(place->dir, to, &taken, NULL) == 0 &&
	       ours.st_dev == taken.st_dev && ours.st_ino == taken.st_ino;
}

/* The new name is durable before the old one goes. */
static int end_move(const struct place *place, const char *from,
		    struct err *err)
{
	int r = fsx_sync_dir(place->dir, place->name, err);
	return r < 0 ? r : fsx_remove(place->box->temp, from, err);
}

/* --- data and control file --- */

/* The name is taken: by our own file, or by a stranger's. */
static int settle_taken(const struct place *place, const char *from,
			const char *to, struct err *err)
{
	if (is_ours(place, from, to))
		return end_move(place, from, err);
	struct stat ours;
	struct stat taken;
	int r = fsx_stat_at(place->box->temp, from, &ours, err);
	if (r >= 0)
		r = fsx_stat_at(place->dir, to, &taken, err);
	if (r == -ERR_MISSING)
		return err_set(err, ERR_IO,
			       "'%s' changed in %s while it was published; it "
			       "is tried again",
			       to, place->name);
	if (r < 0)
		return r;
	if (!S_ISREG(taken.st_mode) || taken.st_size != ours.st_size)
		return err_set(err, ERR_EXISTS,
			       "%s has another file '%s': move it away, then "
			       "the message is delivered",
			       place->name, to);
	return fsx_remove(place->box->temp, from, err);
}

static int publish_one(const struct delivery *delivery,
		       const struct place *place, const char *suffix,
		       const char *to_suffix, struct err *err)
{
	char from[TEXT_NAME_SIZE];
	char to[TEXT_NAME_SIZE];
	temp_name(delivery, suffix, from);
	delivery_name(delivery->id, to_suffix, to);
	bool gone = false;
	int r = pair_move(place->box->temp, from, place->dir, to, &gone, err);
	return r == -ERR_EXISTS ? settle_taken(place, from, to, err) : r;
}

/* --- the second name --- */

/* What the sender calls a file may say who the patient is: that is not for
 * the log. */
static int hide_name(const struct delivery *delivery, const struct place *place,
		     struct err *err, int result)
{
	static const char text[] = "the second name of message %s cannot be "
				   "made in %s";
	if (result == 0 || result == -ERR_SYNC || !err)
		return result;
	if (err->sys != 0)
		return err_sys(err, err->sys, text, delivery->id, place->name);
	return err_set(err, err->code, text, delivery->id, place->name);
}

/* The name that the sender gave, or, where somebody has that, one like it. The
 * latter is looked at first: once it is ours, the former must stay free. */
static int move_second(struct delivery *delivery, const struct place *place,
		       struct err *err)
{
	char from[TEXT_NAME_SIZE];
	char aside[TEXT_NAME_SIZE];
	temp_name(delivery, DELIVERY_SECOND, from);
	second_aside(delivery->second, delivery->id, aside);
	const char *const names[] = { delivery->second, aside };
	if (is_ours(place, from, aside) ||
	    is_ours(place, from, delivery->second))
		return end_move(place, from, err);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		bool gone = false;
		int r = pair_move(place->box->temp, from, place->dir, names[i],
				  &gone, err);
		if (r != -ERR_EXISTS)
			return r;
	}
	/* the message is whole without it */
	delivery->second_lost = true;
	return fsx_remove(place->box->temp, from, err);
}

static int publish_second(struct delivery *delivery, const struct place *place,
			  struct err *err)
{
	if (delivery->second[0] == '\0')
		return 0;
	return hide_name(delivery, place, err,
			 move_second(delivery, place, err));
}

/* --- all of it --- */

/* The data goes first: while TEMP has it nothing was published. */
static int publish_data(struct delivery *delivery, const struct place *place,
			struct err *err)
{
	int r = publish_one(delivery, place, ".part", ".dat", err);
	/* if we die here the data has its name, and TEMP still the second one,
	 * which follows */
	return r < 0 ? r : publish_second(delivery, place, err);
}

static int publish(struct delivery *delivery, const struct place *place,
		   struct err *err)
{
	int r = delivery->report ? 0 : publish_data(delivery, place, err);
	if (r < 0)
		return r;
	/* if we die here the data is there without the control file that
	 * consumers wait for; the record says STAGED, so it follows */
	r = publish_one(delivery, place, ".ctl", ".ctl", err);
	if (r < 0)
		return r;
	/* if we die here all is there; after a power cut it may be in TEMP
	 * again, and is moved again under the same names */
	r = fsx_sync_dir(place->dir, place->name, err);
	return r < 0 ? r : fsx_sync_dir(place->box->temp, "TEMP", err);
}

int delivery_publish(struct delivery *delivery, const struct boxdir *box,
		     struct err *err)
{
	assert(delivery->state == DELIVERY_STAGED);
	struct place place = { .box = box, .dir = box->in, .name = "IN" };
	if (delivery->folder[0] == '\0')
		return publish(delivery, &place, err);
	AUTO_CLOSE int dir = -1;
	int r = boxdir_open_folder(box, delivery->folder, true, &dir, err);
	if (r < 0)
		return r;
	place.dir = dir;
	place.name = delivery->folder;
	return publish(delivery, &place, err);
}
