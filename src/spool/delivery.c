/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/delivery.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "spool/boxdir.h"
#include "spool/job.h"

#define CTL_ROOM ((size_t)1 << 20)
#define NUMBER_SIZE 24
/* Group and owner; the umask has the last word. */
#define FILE_MODE 0660

static void file_name(const struct delivery *delivery, const char *suffix,
		      char ret[TEXT_NAME_SIZE])
{
	(void)snprintf(ret, TEXT_NAME_SIZE, "%s%s", delivery->id, suffix);
}

void delivery_name(const char *id, const char *suffix, char ret[TEXT_NAME_SIZE])
{
	(void)snprintf(ret, TEXT_NAME_SIZE, "%s%.*s%s", id[0] == '-' ? "~" : "",
		       TEXT_ID_SIZE - 1, id, suffix);
}

const char *delivery_stem_id(const char *stem)
{
	return strncmp(stem, "~-", 2) == 0 ? stem + 1 : stem;
}

void delivery_init(struct delivery *delivery)
{
	*delivery = (struct delivery){ .state = DELIVERY_NEW, .part = -1 };
	record_init(&delivery->record);
}

/* What a record does not tell is of no use. */
static void close_part(struct delivery *delivery)
{
	mem_auto_close(&delivery->part);
	delivery->part = -1;
}

void delivery_release(struct delivery *delivery)
{
	if (!delivery)
		return;
	close_part(delivery);
	record_close(&delivery->record);
}

static void start_anew(struct delivery *delivery)
{
	char id[TEXT_ID_SIZE];
	memcpy(id, delivery->id, sizeof(id));
	delivery_release(delivery);
	delivery_init(delivery);
	memcpy(delivery->id, id, sizeof(id));
}

/* --- the record --- */

static const char *state_name(enum delivery_state state)
{
	switch (state) {
	case DELIVERY_NEW:
		break;
	case DELIVERY_FETCHING:
		return "FETCHING";
	case DELIVERY_STAGED:
		return "STAGED";
	}
	return "NEW";
}

/* Creates the record with its first line, or adds one. */
static int write_state(struct delivery *delivery, const struct boxdir *box,
		       int64_t wall_ns, struct err *err)
{
	char count[NUMBER_SIZE];
	char done[NUMBER_SIZE];
	char size[NUMBER_SIZE];
	char safe[NUMBER_SIZE];
	char safe_size[NUMBER_SIZE];
	(void)snprintf(count, sizeof(count), "%u", delivery->count);
	(void)snprintf(done, sizeof(done), "%u", delivery->done);
	(void)snprintf(size, sizeof(size), "%" PRIu64, delivery->size);
	(void)snprintf(safe, sizeof(safe), "%u", delivery->safe);
	(void)snprintf(safe_size, sizeof(safe_size), "%" PRIu64,
		       delivery->safe_size);
	struct record_field fields[8] = {
		{ "report", delivery->report ? "yes" : "no" },
		{ "count", count },
		{ "done", done },
		{ "size", size },
		{ "safe", safe },
		{ "safe_size", safe_size },
	};
	size_t n = 6;
	if (delivery->folder[0] != '\0')
		fields[n++] = (struct record_field){ "folder",
						     delivery->folder };
	if (delivery->second[0] != '\0')
		fields[n++] = (struct record_field){ "second",
						     delivery->second };
	if (delivery->record.fd >= 0)
		return record_append(&delivery->record, wall_ns,
				     state_name(delivery->state), fields, n,
				     err);
	char name[TEXT_NAME_SIZE];
	file_name(delivery, DELIVERY_SUFFIX, name);
	return record_create(&delivery->record, box->inbound, name, wall_ns,
			     state_name(delivery->state), fields, n, err);
}

static bool read_count(const struct record_line *line, const char *key,
		       unsigned *ret)
{
	uint64_t n = record_get_u64(line, key, UINT64_MAX);
	if (n > UINT_MAX)
		return false;
	*ret = (unsigned)n;
	return true;
}

static bool read_numbers(const struct record_line *line,
			 struct delivery *delivery)
{
	const char *report = record_get(line, "report");
	delivery->size = record_get_u64(line, "size", UINT64_MAX);
	delivery->safe_size = record_get_u64(line, "safe_size", UINT64_MAX);
	return report && text_bool(report, &delivery->report) &&
	       read_count(line, "count", &delivery->count) &&
	       read_count(line, "done", &delivery->done) &&
	       read_count(line, "safe", &delivery->safe) &&
	       delivery->safe <= delivery->done &&
	       delivery->safe_size <= delivery->size &&
	       delivery->size < UINT64_MAX;
}

/* A name that is not there is "". */
static bool read_name(const struct record_line *line, const char *key,
		      char ret[TEXT_NAME_SIZE])
{
	const char *name = record_get(line, key);
	return text_copy(ret, TEXT_NAME_SIZE, name ? name : "") &&
	       (!name || text_is_file_name(name));
}

static bool read_place(const struct record_line *line,
		       struct delivery *delivery)
{
	return read_name(line, "folder", delivery->folder) &&
	       read_name(line, "second", delivery->second);
}

static int fold(void *ctx, const struct record_line *line, struct err *err)
{
	struct delivery *delivery = ctx;
	enum delivery_state state = DELIVERY_FETCHING;
	if (strcmp(line->state, "STAGED") == 0)
		state = DELIVERY_STAGED;
	else if (strcmp(line->state, "FETCHING") != 0)
		return err_set(err, ERR_INVALID,
			       "the record of message %s has the state %s: it "
			       "was written by a newer version, use that one",
			       delivery->id, line->state);
	if (!read_numbers(line, delivery) || !read_place(line, delivery))
		return err_set(err, ERR_INVALID,
			       "the record of message %s has a value that this "
			       "version cannot read",
			       delivery->id);
	delivery->state = state;
	return 0;
}

/* --- going on after a restart --- */

static int drop_record(struct delivery *delivery, const struct boxdir *box,
		       struct err *err)
{
	start_anew(delivery);
	char name[TEXT_NAME_SIZE];
	file_name(delivery, DELIVERY_SUFFIX, name);
	int r = fsx_remove(box->inbound, name, err);
	if (r < 0)
		return r;
	/* if we die here the record may come back; what is left in TEMP then
	 * is no worse than before */
	return fsx_sync_dir(box->inbound, name, err);
}

/* Opens the part and cuts it to what is safe; *ret_usable: there is that
 * much. */
static int open_part(struct delivery *delivery, const struct boxdir *box,
		     bool *ret_usable, struct err *err)
{
	char name[TEXT_NAME_SIZE];
	/* of a life that died before it could record STAGED */
	file_name(delivery, DELIVERY_SECOND, name);
	int r = fsx_remove(box->temp, name, err);
	if (r < 0)
		return r;
	file_name(delivery, ".part", name);
	r = fsx_open_own(box->temp, name, &delivery->part, err);
	if (r == -ERR_MISSING) {
		*ret_usable = false;
		return 0;
	}
	struct stat st;
	if (r >= 0)
		r = fsx_stat(delivery->part, name, &st, err);
	if (r < 0)
		return r;
	*ret_usable = (uint64_t)st.st_size >= delivery->safe_size;
	if (!*ret_usable)
		return 0;
	return fsx_truncate(delivery->part, name, delivery->safe_size, err);
}

static int go_on(struct delivery *delivery, const struct boxdir *box,
		 struct err *err)
{
	bool usable = false;
	int r = open_part(delivery, box, &usable, err);
	if (r < 0)
		return r;
	if (!usable || delivery->safe >= delivery->count)
		return drop_record(delivery, box, err);
	delivery->done = delivery->safe;
	delivery->size = delivery->safe_size;
	return 0;
}

/* The data is published first: while the part is in TEMP nothing was. */
static bool is_unpublished(const struct delivery *delivery,
			   const struct boxdir *box)
{
	char name[TEXT_NAME_SIZE];
	file_name(delivery, ".part", name);
	struct stat st;
	return fsx_stat_at(box->temp, name, &st, NULL) == 0;
}

static int read_record(struct delivery *delivery, const struct boxdir *box,
		       struct err *err)
{
	char name[TEXT_NAME_SIZE];
	file_name(delivery, DELIVERY_SUFFIX, name);
	bool torn = false;
	int r = record_open(&delivery->record, box->inbound, name, true, fold,
			    delivery, &torn, err);
	if (r == -ERR_MISSING) {
		start_anew(delivery);
		return 0;
	}
	if (r == -ERR_CORRUPT ||
	    (r == -ERR_INVALID && is_unpublished(delivery, box)))
		return drop_record(delivery, box, err);
	return r;
}

int delivery_resume(struct delivery *delivery, const struct boxdir *box,
		    const char *id, struct err *err)
{
	/* the form of a job's id would give both the same names in TEMP */
	if (!text_is_message_id(id) || job_is_id(id))
		return err_set(err, ERR_UNSAFE,
			       "the message id '%.64s' cannot be the name of "
			       "a file",
			       id);
	struct delivery found;
	delivery_init(&found);
	(void)text_copy(found.id, sizeof(found.id), id); /* was checked */
	int r = read_record(&found, box, err);
	if (r == 0 && found.state == DELIVERY_FETCHING)
		r = go_on(&found, box, err);
	if (r < 0) {
		delivery_release(&found);
		return r;
	}
	delivery_release(delivery);
	*delivery = found;
	return 0;
}

/* --- fetching --- */

int delivery_begin(struct delivery *delivery, const struct boxdir *box,
		   struct err *err)
{
	assert(delivery->state == DELIVERY_NEW);
	char name[TEXT_NAME_SIZE];
	file_name(delivery, ".part", name);
	close_part(delivery);
	int r = fsx_remove(box->temp, name, err);
	if (r == 0)
		r = fsx_create(box->temp, name, FILE_MODE, &delivery->part,
			       err);
	if (r < 0)
		return r;
	/* if we die here a part without record is left, for the sweep */
	delivery->count = 0;
	delivery->done = 0;
	delivery->size = 0;
	delivery->pending = 0;
	delivery->safe = 0;
	delivery->safe_size = 0;
	return 0;
}

int delivery_write(struct delivery *delivery, const void *data, size_t len,
		   struct err *err)
{
	assert(delivery->part >= 0);
	int r = fsx_pwrite(delivery->part, delivery->id, data, len,
			   delivery->size + delivery->pending, err);
	if (r == 0)
		delivery->pending += len;
	return r;
}

int delivery_rewind(struct delivery *delivery, struct err *err)
{
	assert(delivery->part >= 0);
	int r = fsx_truncate(delivery->part, delivery->id, delivery->size, err);
	if (r == 0)
		delivery->pending = 0;
	return r;
}

static int sync_part(const struct delivery *delivery, const struct boxdir *box,
		     struct err *err)
{
	int r = fsx_sync(delivery->part, delivery->id, err);
	if (r < 0 || delivery->done > 0)
		return r;
	return fsx_sync_dir(box->temp, "TEMP", err);
}

int delivery_chunk_done(struct delivery *delivery, const struct boxdir *box,
			unsigned count, bool between, int64_t wall_ns,
			struct err *err)
{
	assert(delivery->part >= 0 && delivery->state != DELIVERY_STAGED);
	if ((delivery->count != 0 && delivery->count != count) ||
	    delivery->done >= count)
		return err_set(err, ERR_CHANGED,
			       "message %s has %u chunks now, not %u: fetch it "
			       "anew",
			       delivery->id, count, delivery->count);
	int r = sync_part(delivery, box, err);
	if (r < 0)
		return r;
	/* if we die here the chunk is on disk but not recorded: the part will
	 * be cut back and the chunk fetched again */
	struct delivery next = *delivery;
	next.count = count;
	next.done++;
	next.size += next.pending;
	next.pending = 0;
	if (between) {
		next.safe = next.done;
		next.safe_size = next.size;
	}
	/* the last chunk is recorded by STAGED: fetched again after a crash, it
	 * brings the headers that the control file is made of */
	if (next.done < count) {
		next.state = DELIVERY_FETCHING;
		r = write_state(&next, box, wall_ns, err);
		if (r < 0)
			return r;
	}
	*delivery = next;
	return 0;
}

/* --- staging --- */

static int store_ctl(const struct delivery *delivery, const struct boxdir *box,
		     const struct ctl *ctl, struct err *err)
{
	AUTO_BUF struct buf text;
	buf_init(&text, CTL_ROOM);
	ctl_write(ctl, &text);
	char name[TEXT_NAME_SIZE];
	file_name(delivery, ".ctl", name);
	return fsx_store(box->temp, name, FILE_MODE, text.data, text.len, false,
			 err);
}

/* A report brings no data, but an attempt to fetch some may have. */
static int settle_part(const struct delivery *delivery,
		       const struct boxdir *box, struct err *err)
{
	if (!delivery->report)
		return fsx_sync(delivery->part, delivery->id, err);
	char name[TEXT_NAME_SIZE];
	file_name(delivery, ".part", name);
	return fsx_remove(box->temp, name, err);
}

/* Always a new one: what an earlier life left has other content by now. */
static int link_second(struct delivery *delivery, const struct boxdir *box,
		       struct err *err)
{
	char part[TEXT_NAME_SIZE];
	char second[TEXT_NAME_SIZE];
	file_name(delivery, ".part", part);
	file_name(delivery, DELIVERY_SECOND, second);
	int r = fsx_remove(box->temp, second, err);
	bool able = false;
	if (r == 0)
		r = fsx_link(box->temp, part, box->temp, second, &able, err);
	if (r == 0 && !able) {
		delivery->second[0] = '\0';
		delivery->second_lost = true;
	}
	return r;
}

int delivery_stage(struct delivery *delivery, const struct boxdir *box,
		   const struct ctl *ctl, int64_t wall_ns, struct err *err)
{
	if (delivery->state == DELIVERY_STAGED)
		return 0;
	assert(delivery->report ||
	       (delivery->part >= 0 && delivery->pending == 0 &&
		delivery->done > 0 && delivery->done == delivery->count));
	int r = settle_part(delivery, box, err);
	if (r == 0 && delivery->second[0] != '\0')
		r = link_second(delivery, box, err);
	if (r == 0)
		r = store_ctl(delivery, box, ctl, err);
	if (r < 0)
		return r;
	r = fsx_sync_dir(box->temp, "TEMP", err);
	if (r < 0)
		return r;
	/* if we die here all files are complete, but only the record lets
	 * them be published: they are made again */
	struct delivery next = *delivery;
	next.state = DELIVERY_STAGED;
	r = write_state(&next, box, wall_ns, err);
	if (r < 0)
		return r;
	*delivery = next;
	close_part(delivery);
	return 0;
}

/* --- the end --- */

int delivery_finish(struct delivery *delivery, const struct boxdir *box,
		    struct err *err)
{
	/* the record first: one that says STAGED without files in TEMP would
	 * claim that they were published */
	int r = drop_record(delivery, box, err);
	if (r < 0)
		return r;
	/* if we die here what is left in TEMP is for the sweep */
	static const char *const suffixes[] = { ".part", DELIVERY_SECOND,
						".ctl" };
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		char name[TEXT_NAME_SIZE];
		file_name(delivery, suffixes[i], name);
		r = fsx_remove(box->temp, name, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int delivery_drop(const struct boxdir *box, const char *id, bool *ret_dropped,
		  struct err *err)
{
	struct delivery delivery;
	delivery_init(&delivery);
	int r = delivery_resume(&delivery, box, id, err);
	bool unfinished = r == 0 && delivery.state != DELIVERY_STAGED;
	if (unfinished)
		r = delivery_finish(&delivery, box, err);
	delivery_release(&delivery);
	if (r == 0)
		*ret_dropped = unfinished;
	return r;
}
