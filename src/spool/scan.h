/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Which pairs in OUT are ready.
 *
 * A pair is a .ctl and a .dat (extensions in any case) that share the name
 * before the last dot. It is ready when size, mtime, ctime and inode of both
 * were the same over the processing delay by our own observation: a file's own
 * times are not believed, copies carry old ones. With a delay of 0 a complete
 * pair is ready at first sight.
 *
 * Observations live in memory: after a restart the delay starts anew. Files
 * without partner, names that cannot be used, hidden files and folders are
 * left alone; a .ctl whose .dat is missing for orphan_delay is handed out as
 * an orphan. A .dat whose .ctl is missing for lone_delay (0: for ever) is named
 * until scan_told, so that it can be told of once. What can never be taken
 * (links, folders, devices; hidden names and such with control bytes) is counted
 * and, up to SCAN_ODD_MAX, named until scan_told_odd. Pairs come oldest control
 * file first, so that none starves; its age counts from ctime, which tells when
 * it came or was last touched and which a copy does not carry over. What was put
 * off (scan_put_off) comes behind the others, when its time has come or one of
 * its files has changed.
 *
 * scan_run_files looks at a folder in which each file stands alone, by the
 * same rules; what is no plain file there is never followed or opened.
 */
#ifndef MESHDROP_SPOOL_SCAN_H
#define MESHDROP_SPOOL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/text.h"

struct boxdir;
struct err;
struct scan;

/* Names looked at in one run; what is beyond them has its turn when OUT
 * becomes emptier. */
#define SCAN_NAMES_MAX ((size_t)1000000)
/* Lone data files named in one run. */
#define SCAN_LONE_MAX 100
/* Of what can never be taken, named in one run and remembered. */
#define SCAN_ODD_MAX 100

/* What makes a file the same one as before. */
struct scan_identity {
	uint64_t inode;
	uint64_t size;
	int64_t mtime_ns;
	int64_t ctime_ns; /* changes with a rename: not compared after one,
			   * see dat_ctime_ns of struct job */
};

struct scan_pair {
	char ctl_name[TEXT_NAME_SIZE]; /* as in OUT; "" for a file alone */
	char dat_name[TEXT_NAME_SIZE]; /* "" for an orphan */
	struct scan_identity ctl;
	struct scan_identity dat;
	int64_t steady_ns; /* how long it has not changed */
	unsigned put_off;  /* how often it was, as it is */
};

struct scan_rules {
	int64_t processing_delay_ns;
	int64_t orphan_delay_ns;
	int64_t lone_delay_ns;
};

struct scan_name {
	char text[TEXT_NAME_SIZE];
};

struct scan_oddity {
	char text[TEXT_NAME_SIZE]; /* may hold any byte but 0 and '/' */
	const char *why;	   /* for people; static */
};

struct scan_result {
	struct scan_pair *ready; /* owned */
	size_t count;
	struct scan_name *lone; /* owned; at most SCAN_LONE_MAX */
	size_t lone_count;
	struct scan_oddity *odd; /* owned; those to be told, SCAN_ODD_MAX */
	size_t odd_count;
	size_t odd_seen;  /* all that can never be taken */
	bool cut;	  /* there were more than SCAN_NAMES_MAX */
	size_t put_off;	  /* ready, but their time has not come */
	size_t settling;  /* pairs seen that are not steady yet */
	size_t waiting;	  /* .dat and .ctl files that are in no pair; files
			   * that are not wanted */
	int64_t next_ns;  /* until the first of them can be ready; -1 */
	int64_t oldest_s; /* age of the oldest .ctl seen, seconds; -1 */
};

/* A folder whose files stand alone. */
struct scan_folder {
	int fd;
	const char *path; /* for messages */
	/* Which of them are handed out; the others wait. */
	bool (*wanted)(const void *ctx, const char *name);
	const void *ctx;
};

struct scan *scan_new(void);
struct scan *scan_free(struct scan *scan);
/* Looks at OUT once; at most most pairs are handed out. mono_ns is the
 * monotonic time, wall_ns for ages. */
int scan_run(struct scan *scan, const struct boxdir *box,
	     const struct scan_rules *rules, int64_t mono_ns, int64_t wall_ns,
	     size_t most, struct scan_result *ret, struct err *err)
	__attribute__((warn_unused_result));
/* Looks at a folder of files that stand alone; the scan is for it only. */
int scan_run_files(struct scan *scan, const struct scan_folder *folder,
		   const struct scan_rules *rules, int64_t mono_ns,
		   int64_t wall_ns, size_t most, struct scan_result *ret,
		   struct err *err) __attribute__((warn_unused_result));
/* After each run, with the time at its end: what it saw for the first time is
 * known to be so only from then on. A slow folder must not shorten the delay. */
void scan_looked(struct scan *scan, int64_t mono_ns);
void scan_result_release(struct scan_result *result);
/* Forgets a name, so that its delay starts anew. */
void scan_forget(struct scan *scan, const char *ctl_name);
/* Does not hand out a pair, or a file that stands alone, before mono_ns, as long
 * as it is as it was. */
void scan_put_off(struct scan *scan, const char *name, int64_t mono_ns);
/* Names a lone data file no more, as long as it is the same file. */
void scan_told(struct scan *scan, const char *dat_name);
/* Names what can never be taken no more, as long as it is what it is. */
void scan_told_odd(struct scan *scan, const char *name);

/* The part of a file name before its last dot. */
void scan_stem(const char *name, char ret[TEXT_NAME_SIZE]);

#endif
