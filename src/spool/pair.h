/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Moving a pair between folders, so that every step can be repeated.
 *
 * Names in TEMP belong to a job: ID.ctl and ID.dat are the pair itself,
 * ID.new the control file for the archive, ID.report and ID.collect reports
 * on their way to IN. A file that is gone from TEMP once a record says it was
 * there has been moved, even if somebody took it since.
 *
 * A file of a route stands alone in its folder. Its control file is ours:
 * ID.route in TEMP, written before the record and called ID.ctl once the file
 * is there as ID.dat. So ID.route says that its file may still be where it was
 * dropped, and nothing but the file itself is ever seen by others.
 */
#ifndef MESHDROP_SPOOL_PAIR_H
#define MESHDROP_SPOOL_PAIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "spool/ctl.h"
#include "spool/scan.h"

struct boxdir;
struct err;
struct job;

void pair_identity(const struct stat *st, struct scan_identity *ret);
/* The same file with the same content: all but ctime. */
bool pair_same(const struct scan_identity *a, const struct scan_identity *b);

/* Moves a file once, never over another one. *ret_gone: there was nothing left
 * to move, so an earlier life has done it. A folder that was removed under us
 * is an error and never mistaken for that. Syncs nothing. */
int pair_move(int from_dir, const char *from, int to_dir, const char *to,
	      bool *ret_gone, struct err *err)
	__attribute__((warn_unused_result));

/* Reads a control file of OUT before it is claimed; the identity is that of
 * the file that was read. ERR_UNSAFE, ERR_INVALID, ERR_LIMIT: it can never be
 * used. ERR_CHANGED: somebody is writing it, look again later. ERR_DENIED or
 * ERR_BUSY, of the message's scope and to be tried later: its owner keeps it from
 * us; so do the functions below that open a file of a pair. */
int pair_read_out(const struct boxdir *box, const char *ctl_name,
		  struct ctl *ret, struct scan_identity *ret_identity,
		  struct err *err) __attribute__((warn_unused_result));

/* Before a data file, or a file of a route, is claimed: ERR_CHANGED when it is
 * not as wanted; ERR_MISSING, ERR_UNSAFE, ERR_DENIED or ERR_BUSY when it cannot
 * be had. */
int pair_look(int folder, const char *name, const struct scan_identity *wanted,
	      struct err *err) __attribute__((warn_unused_result));
/* The names of a job from a file alone: the file's own, and that plus ".ctl",
 * cut (between characters) where that would be too long. */
void pair_name_alone(struct job *job, const char *name);
/* Before job_create of such a job: writes ID.route and sets the identity of
 * the control file, which is its size. Synced; the folder is not. */
int pair_stage_alone(const struct boxdir *box, struct job *job,
		     const struct ctl *ctl, struct err *err)
	__attribute__((warn_unused_result));
/* Removes what was staged for a claim that was given up, as far as possible. */
void pair_unstage(const struct boxdir *box, const struct job *job);

/* After job_create: OUT to TEMP, control file first, data second, and the
 * COLLECT report to IN; syncs. May be repeated after any crash. ERR_MISSING:
 * the pair is neither in OUT nor in TEMP (somebody took it before we did; the
 * job is void). ERR_CHANGED: what is there is not what was claimed; what could
 * be taken is in TEMP now (a data file that is another one by now stays in
 * OUT), and no COLLECT report was published.
 * Of a route: the file from its folder first, then ID.route to ID.ctl. The
 * folder is opened by its name, so that it need not be in the settings any
 * more; where there is none, the file is gone.
 * ERR_DENIED: a file may not be moved; pair_is_untouched says whether any was. */
int pair_claim(const struct boxdir *box, const struct job *job, struct err *err)
	__attribute__((warn_unused_result));
/* Whether neither file of the pair is in TEMP, for certain. */
bool pair_is_untouched(const struct boxdir *box, const struct job *job);

/* The claimed control file; ERR_CHANGED when it is not the claimed one. */
int pair_read_claimed(const struct boxdir *box, const struct job *job,
		      struct ctl *ret, struct err *err)
	__attribute__((warn_unused_result));
/* The claimed data file for reading, for an upload that begins; all that
 * likewise, and ERR_MISSING. Sets dat_ctime_ns: from here on nothing at all may
 * be done to the file. */
int pair_begin_data(const struct boxdir *box, struct job *job, int *ret_fd,
		    struct err *err) __attribute__((warn_unused_result));
/* The same for an upload that goes on: compares dat_ctime_ns. */
int pair_open_data(const struct boxdir *box, const struct job *job, int *ret_fd,
		   struct err *err) __attribute__((warn_unused_result));
/* Looks again, through the descriptor: ERR_CHANGED when it was touched, also by
 * one who put its times back. */
int pair_still_same(int fd, const struct job *job, struct err *err)
	__attribute__((warn_unused_result));

/* Writes one file of a job into TEMP ("new", "report", "collect"), replacing
 * an old attempt, synced; the folder is not. */
int pair_stage(const struct boxdir *box, const struct job *job,
	       const char *suffix, const struct ctl *ctl, struct err *err)
	__attribute__((warn_unused_result));
/* A stem for the archive that is free there for both files: the pair's own,
 * or with "~ID" added. */
int pair_choose_stem(const struct boxdir *box, const struct job *job,
		     bool failed, char ret[TEXT_NAME_SIZE], struct err *err)
	__attribute__((warn_unused_result));
/* A name for a report in IN that is free: STEM_EVENT_STAMP[_n].ctl; the event
 * is one by text_is_event. */
int pair_choose_report(const struct boxdir *box, const char *ctl_name,
		       const char *event, const char *stamp,
		       char ret[TEXT_NAME_SIZE], struct err *err)
	__attribute__((warn_unused_result));

/* For a job in ARCHIVING (its "new" and "report" are staged and TEMP is
 * synced): data to SENT or FAILED, then the new control file, then the report
 * to IN, then the old control file away (or, with keep_original, beside the
 * new one as STEM.ctl.original); syncs all folders. keep false (only for SENT):
 * the pair is removed instead of archived. A name that somebody took meanwhile
 * gets "~ID" added to its stem. May be repeated. */
int pair_archive(const struct boxdir *box, const struct job *job, bool keep,
		 struct err *err) __attribute__((warn_unused_result));
/* After it: what the data file or the control file is called in the archive;
 * "" when it is not there (any more). */
void pair_archived(const struct boxdir *box, const struct job *job, bool data,
		   char ret[TEXT_NAME_SIZE]);

#endif
