/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * One message on its way in: its durable record.
 *
 *   FETCHING k/n ─► STAGED ─► (published) ─► ledger ─► (removed)
 *
 * A message in one chunk has no record before STAGED. STAGED means: all files
 * named there are complete and durable in TEMP; a source gone from TEMP has
 * been renamed into its folder. DELIVERED is the line in the ledger; after it
 * the record is of no use.
 *
 * Its files are called ID.dat and ID.ctl there; with an id that begins with '-',
 * ~ID.dat and ~ID.ctl, because a program would take the former for options. No
 * id has a '~'.
 *
 * The folder is IN, or the one that STAGED names, whatever the settings say by
 * then. With a second name TEMP/ID.second is a hard link to TEMP/ID.part, and
 * becomes that name.
 */
#ifndef MESHDROP_SPOOL_DELIVERY_H
#define MESHDROP_SPOOL_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "spool/ctl.h"
#include "spool/record.h"

struct boxdir;
struct err;

#define DELIVERY_SUFFIX ".msg" /* of the record's name */
#define DELIVERY_SECOND ".second"

enum delivery_state {
	DELIVERY_NEW,	   /* no record */
	DELIVERY_FETCHING, /* chunks 1..done are in TEMP/ID.part */
	DELIVERY_STAGED,
};

struct delivery {
	char id[TEXT_ID_SIZE]; /* message id; names its files, see above */
	enum delivery_state state;
	bool report;	/* no data file */
	unsigned count; /* chunks */
	unsigned done;
	uint64_t size;	  /* decoded bytes in the part after done chunks */
	uint64_t pending; /* bytes of the next chunk written behind them */
	unsigned safe;	  /* last chunk that ended between gzip members */
	uint64_t safe_size;
	/* Where it goes: set before it is staged. */
	char folder[TEXT_NAME_SIZE]; /* below the root; "": IN */
	char second[TEXT_NAME_SIZE]; /* as spool/second makes it; "": none */
	bool second_lost;	     /* there should be one, but cannot be */
	int part;		     /* owned descriptor of TEMP/ID.part; -1 */
	struct record record;
};

/* What its file with that suffix is called in its folder. */
void delivery_name(const char *id, const char *suffix,
		   char ret[TEXT_NAME_SIZE]);
/* The id whose files are called so; where there is none, it is the stem. */
const char *delivery_stem_id(const char *stem);

void delivery_init(struct delivery *delivery);
void delivery_release(struct delivery *delivery);

/* Opens what an earlier life left for this id, or a new state. FETCHING goes
 * on behind the last safe chunk: the part is cut to safe_size and done is
 * safe. A record whose part is missing or too short starts anew, and so does
 * one that never was or is damaged, as long as the part shows that nothing was
 * published; ERR_INVALID: damaged, and it may have been. ERR_UNSAFE: an id that
 * cannot be a file's name. */
int delivery_resume(struct delivery *delivery, const struct boxdir *box,
		    const char *id, struct err *err)
	__attribute__((warn_unused_result));
/* From NEW: creates an empty TEMP/ID.part, replacing one without record. Not
 * needed for a report. */
int delivery_begin(struct delivery *delivery, const struct boxdir *box,
		   struct err *err) __attribute__((warn_unused_result));
int delivery_write(struct delivery *delivery, const void *data, size_t len,
		   struct err *err) __attribute__((warn_unused_result));
/* Forgets what came of the chunk that was being fetched. */
int delivery_rewind(struct delivery *delivery, struct err *err)
	__attribute__((warn_unused_result));
/* Chunk done + 1 of count is whole: syncs the part and records it (unless it
 * is the last). between: the gzip state is between members. ERR_CHANGED:
 * count is not what it was. On failure the chunk is still pending. */
int delivery_chunk_done(struct delivery *delivery, const struct boxdir *box,
			unsigned count, bool between, int64_t wall_ns,
			struct err *err) __attribute__((warn_unused_result));
/* All chunks are there (or report is set): makes TEMP/ID.second where one is
 * wanted, writes TEMP/ID.ctl, syncs TEMP, records STAGED. Where there are no
 * hard links the second name is left out. */
int delivery_stage(struct delivery *delivery, const struct boxdir *box,
		   const struct ctl *ctl, int64_t wall_ns, struct err *err)
	__attribute__((warn_unused_result));
/* From STAGED: .dat, the second name, then .ctl into the folder (made where it
 * is missing), back to back, then syncs it and TEMP. A source that is gone was
 * moved. A name taken there: by the same size, the staged copy is dropped;
 * otherwise ERR_EXISTS. A second name that is taken gets "~ID"; if that is
 * taken too, it is left out. May be repeated. */
int delivery_publish(struct delivery *delivery, const struct boxdir *box,
		     struct err *err) __attribute__((warn_unused_result));
/* Removes the record, and whatever TEMP still has of it; the state is NEW
 * then. Also for giving up what was fetched so far. */
int delivery_finish(struct delivery *delivery, const struct boxdir *box,
		    struct err *err) __attribute__((warn_unused_result));
/* Gives up what an earlier turn or life fetched of a message: it can be fetched
 * again as long as it is not acknowledged. One that is STAGED stays, because
 * some of it may be published; so does a record that is damaged. */
int delivery_drop(const struct boxdir *box, const char *id, bool *ret_dropped,
		  struct err *err) __attribute__((warn_unused_result));

/* All records of a mailbox, by id. */
struct delivery_found {
	char id[TEXT_ID_SIZE];
	int64_t mtime_ns; /* when the last line was written */
	bool marked;	  /* the caller's; false at first */
};
struct delivery_list {
	struct delivery_found *items; /* owned */
	size_t count;
};
int delivery_list_read(const struct boxdir *box, struct delivery_list *ret,
		       struct err *err) __attribute__((warn_unused_result));
/* NULL: there is none. */
struct delivery_found *delivery_list_find(const struct delivery_list *list,
					  const char *id);
void delivery_list_release(struct delivery_list *list);

#endif
