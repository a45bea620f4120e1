/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * One pair on its way out: its durable record and the legal moves.
 *
 * See doc/ARCHITECTURE.md for what each state means and what a restart does.
 * job_move is the only way to change the state: it writes the line, makes it
 * durable, and only then changes the struct. An illegal move is our bug and
 * asserts.
 *
 *   CLAIMED ─► OPENING ─► OPEN ─► ACCEPTED ─► ARCHIVING ─► (removed)
 *      ▲  └──────┬───────► REJECTED ──────────┘
 *      ├─ DEFERRED (from CLAIMED, OPENING, OPEN; goes back to where it was)
 *      └─ UNKNOWN (from OPENING) ─► ACCEPTED | CLAIMED | HELD | REJECTED
 */
#ifndef MESHDROP_SPOOL_JOB_H
#define MESHDROP_SPOOL_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "spool/record.h"
#include "spool/scan.h"

struct boxdir;
struct err;

enum job_state {
	JOB_CLAIMED,  /* ours; nothing sent, or all that was sent is void */
	JOB_OPENING,  /* the first POST may or may not have arrived */
	JOB_OPEN,     /* the server gave an id; chunks 1..done have their 202 */
	JOB_ACCEPTED, /* the server has all of it */
	JOB_REJECTED, /* it will not be sent: code and text say why */
	JOB_DEFERRED, /* not before not_before; then back to resume */
	JOB_UNKNOWN,  /* the only POST may have been taken: ask */
	JOB_HELD,     /* the truth cannot be found out, or an operator asked */
	JOB_ARCHIVING, /* what goes to SENT or FAILED, and IN, is in TEMP */
};
#define JOB_STATE_COUNT 9

#define JOB_ID_SIZE 40
#define JOB_TEXT_SIZE 256
#define JOB_SUFFIX ".job" /* of the record's name */

struct job {
	char id[JOB_ID_SIZE]; /* also the name of its files */
	enum job_state state;
	int64_t state_ns;   /* wall time of the last line */
	int64_t created_ns; /* wall time of the first */

	/* the pair, as it was in OUT; or a file of a route, as it was in that
	 * folder, and the name and identity of what was written for it */
	char route[TEXT_NAME_SIZE]; /* the folder, below the root; "" OUT */
	char ctl_name[TEXT_NAME_SIZE];
	char dat_name[TEXT_NAME_SIZE]; /* "" when there is no data file */
	struct scan_identity ctl;
	struct scan_identity dat;
	char collect_name[TEXT_NAME_SIZE]; /* COLLECT report in IN; "" none */

	/* sending */
	char local_id[301];	       /* as sent */
	bool local_id_made;	       /* by us: unique */
	char message_id[TEXT_ID_SIZE]; /* given by the server */
	bool gzip;
	int64_t dat_ctime_ns; /* when the upload began; 0: not known */
	uint64_t body_size;   /* of the first request, as it left */
	uint64_t chunk_size;
	unsigned chunk_count;
	unsigned chunks_done;
	bool confirm;		     /* the last chunk's fate has to be asked */
	unsigned attempts;	     /* first POSTs that the service answered */
	int64_t opening_ns;	     /* wall time of the last intent */
	char baseline[TEXT_ID_SIZE]; /* what tracking knew before it:
				      * "" not asked, "none", "several" or an
				      * id */

	/* waiting and asking */
	enum job_state resume; /* state behind DEFERRED and HELD */
	int64_t not_before_ns; /* wall time */
	unsigned absent;       /* look-ups that said "not there" */
	unsigned failures;     /* since the last success; for the backoff */

	/* end */
	char event[TEXT_EVENT_SIZE]; /* of the StatusRecord: COLLECT, TRANSFER,
				      * SEND; becomes a part of a name */
	char code[TEXT_CODE_SIZE];
	char text[JOB_TEXT_SIZE]; /* why; also for DEFERRED, UNKNOWN, HELD */
	bool failed;		  /* ARCHIVING: to FAILED, not SENT */
	bool keep_original;	  /* ARCHIVING: the control file could not be
				   * read; it goes along as STEM.ctl.original */
	char archive_stem[TEXT_NAME_SIZE];
	char report_name[TEXT_NAME_SIZE]; /* in IN; "" none */

	struct record record;
};

void job_init(struct job *job);
void job_release(struct job *job);

/* Whether it has the form that job_make_id gives. */
bool job_is_id(const char *id);

/* "CLAIMED" ... */
const char *job_state_name(enum job_state state);
bool job_may_move(enum job_state from, enum job_state to);

/* yyyyMMddHHmmss, 3 digits of a second, '-', 8 random hexadecimal digits. */
void job_make_id(int64_t wall_ns, char ret[JOB_ID_SIZE]);

/* Writes the first line (CLAIMED) from the fields of the pair. */
int job_create(struct job *job, const struct boxdir *box, int64_t wall_ns,
	       struct err *err) __attribute__((warn_unused_result));
/* Sets the state and writes it with the fields that belong to it; the caller
 * has set those fields. CLAIMED makes void what was sent: message_id,
 * chunks_done, confirm and absent are reset. Until it returns 0 the old line
 * stands on disk and the state is the old one. */
int job_move(struct job *job, enum job_state to, int64_t wall_ns,
	     struct err *err) __attribute__((warn_unused_result));
/* Reads a record by its id; writable: for going on with it. A torn tail is
 * cut off and told. ERR_CORRUPT: the record never was, because job_create died
 * in it; the pair is untouched in OUT and the file may be removed. ERR_INVALID:
 * damaged, or written by a newer version; it and its pair must stay where they
 * are until somebody has looked. */
int job_load(struct job *job, int jobs_dir, const char *id, bool writable,
	     bool *ret_torn, struct err *err)
	__attribute__((warn_unused_result));
/* Whether the record has become so long that nothing more should be begun: what
 * room it has left is for the job's end. */
bool job_is_long(const struct job *job);
/* Removes the record: nothing is left to do. */
int job_finish(struct job *job, const struct boxdir *box, struct err *err)
	__attribute__((warn_unused_result));

/* All ids in a jobs folder, oldest first. */
struct job_list {
	char (*ids)[JOB_ID_SIZE]; /* owned */
	size_t count;
};
int job_list_read(int jobs_dir, struct job_list *ret, struct err *err)
	__attribute__((warn_unused_result));
void job_list_release(struct job_list *list);

#endif
