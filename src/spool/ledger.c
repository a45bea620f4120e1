/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/ledger.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "spool/job.h"
#include "spool/ledger_ids.h"
#include "spool/record.h"

#define DAY (INT64_C(86400) * CLOCK_SECOND)
#define NAME_SIZE 12 /* 2026-11.log */
#define LINE_ROOM ((size_t)8 << 10)
#define WINDOW ((size_t)64 << 10) /* holds more than one line */
#define SUM_DIGITS ((size_t)8)
#define LOCAL_SIZE sizeof(((struct job *)0)->local_id)

struct ledger {
	int dirfd;		/* borrowed */
	struct ledger_ids *ids; /* owned */
	int fd;			/* owned; the newest month, -1: none yet */
	char name[NAME_SIZE];	/* its name; "" none */
	uint64_t sequence;	/* of its last good line */
	uint64_t end;		/* offset behind its last line */
	char last_local[LOCAL_SIZE];
};

/* --- months --- */

static void month_name(int64_t wall_ns, char ret[NAME_SIZE])
{
	char stamp[CLOCK_STAMP_SIZE];
	clock_stamp_utc(wall_ns, stamp);
	(void)snprintf(ret, NAME_SIZE, "%.4s-%.2s.log", stamp, stamp + 4);
}

static bool is_month(const char *name)
{
	static const char form[] = "dddd-dd.log";
	size_t i = 0;
	for (; form[i] && name[i]; i++)
		if (form[i] == 'd' ? name[i] < '0' || name[i] > '9' :
				     name[i] != form[i])
			return false;
	return form[i] == name[i];
}

struct months {
	char (*names)[NAME_SIZE]; /* owned; in order of time */
	size_t count;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int find_months(struct months *months, struct fsx_dir *dir,
		       struct err *err)
{
	for (;;) {
		const char *name = NULL;
		int r = fsx_dir_next(dir, &name, err);
		if (r < 0 || !name)
			return r;
		if (!is_month(name))
			continue;
		months->names = xreallocarray(months->names, months->count + 1,
					      sizeof(*months->names));
		memcpy(months->names[months->count++], name, NAME_SIZE);
	}
}

static int list_months(int dirfd, struct months *ret, struct err *err)
{
	struct fsx_dir *dir = NULL;
	int r = fsx_dir_open(dirfd, &dir, err);
	if (r < 0)
		return r;
	struct months months = { .names = NULL };
	r = find_months(&months, dir, err);
	(void)fsx_dir_close(dir);
	if (r < 0) {
		free(months.names);
		return r;
	}
	if (months.count > 0)
		qsort(months.names, months.count, sizeof(*months.names),
		      by_name);
	*ret = months;
	return 0;
}

/* --- reading --- */

struct reading {
	struct ledger *ledger;
	int64_t since_ns; /* local ids older than that are free again */
	uint64_t sequence;
	uint64_t end; /* behind the last newline or good line */
};

static void learn_local(struct ledger *ledger, const char *local, bool sent)
{
	ledger_ids_add(ledger->ids, LEDGER_LOCAL, local);
	if (sent) /* too long for us is too long for tracking */
		(void)text_copy(ledger->last_local, LOCAL_SIZE, local);
}

static void learn(struct reading *reading, const struct record_line *line)
{
	struct ledger_ids *ids = reading->ledger->ids;
	const char *id = record_get(line, "id");
	const char *job = record_get(line, "job");
	const char *local = record_get(line, "local_id");
	if (id && strcmp(line->state, "DELIVERED") == 0)
		ledger_ids_add(ids, LEDGER_DELIVERED, id);
	if (job)
		ledger_ids_add(ids, LEDGER_JOB, job);
	if (local && *local && line->wall_ns >= reading->since_ns)
		learn_local(reading->ledger, local,
			    strcmp(line->state, "SENT") == 0);
	reading->sequence = line->sequence;
}

/* How far to go on from a line that is not good. Losing the memory of an id
 * means delivering it twice, so only the damaged line may be lost: if it was
 * its newline that broke, the next line starts behind its sum. */
static size_t skip_damage(const char *text, size_t len)
{
	const char *mark = memchr(text, '#', len);
	if (mark && len - (size_t)(mark - text) > SUM_DIGITS + 2)
		return (size_t)(mark - text) + SUM_DIGITS + 2;
	return len;
}

/* Reads the lines of a window; how much of it is done with. */
static size_t read_window(struct reading *reading, const char *text, size_t len)
{
	size_t at = 0;
	for (;;) {
		const char *end = memchr(text + at, '\n', len - at);
		if (!end)
			return at;
		size_t line_len = (size_t)(end - text) - at + 1;
		struct record_line line;
		size_t used = 0;
		if (record_parse(text + at, line_len, 0, &line, &used)) {
			learn(reading, &line);
			record_line_release(&line);
		} else {
			used = skip_damage(text + at, line_len);
		}
		at += used;
	}
}

static int read_month(struct reading *reading, int fd, const char *name,
		      struct err *err)
{
	AUTO_FREE char *window = xmalloc(WINDOW);
	reading->sequence = 0;
	reading->end = 0;
	for (;;) {
		size_t len = 0;
		int r = fsx_pread(fd, name, window, WINDOW, reading->end, &len,
				  err);
		if (r < 0)
			return r;
		size_t used = read_window(reading, window, len);
		if (used == 0 && len < WINDOW)
			return 0;
		/* a window without a newline is no line of ours */
		reading->end += used > 0 ? used : len;
	}
}

static int read_old(struct reading *reading, const char *name, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	int r = fsx_open_read(reading->ledger->dirfd, name, &fd, NULL, err);
	return r < 0 ? r : read_month(reading, fd, name, err);
}

/* Makes durable what was read, for it may have been in memory only, and cuts
 * a torn tail off, which would damage the line that is added to it. */
static int settle(const struct ledger *ledger, struct err *err)
{
	struct stat st;
	int r = fsx_stat(ledger->fd, ledger->name, &st, err);
	if (r < 0)
		return r;
	if ((uint64_t)st.st_size > ledger->end) {
		r = fsx_truncate(ledger->fd, ledger->name, ledger->end, err);
		if (r < 0)
			return r;
	}
	r = fsx_sync(ledger->fd, ledger->name, err);
	return r < 0 ? r : fsx_sync_dir(ledger->dirfd, ledger->name, err);
}

static int read_newest(struct reading *reading, const char *name,
		       struct err *err)
{
	struct ledger *ledger = reading->ledger;
	int r = fsx_open_own(ledger->dirfd, name, &ledger->fd, err);
	if (r < 0)
		return r;
	memcpy(ledger->name, name, NAME_SIZE);
	r = read_month(reading, ledger->fd, name, err);
	if (r < 0)
		return r;
	ledger->sequence = reading->sequence;
	ledger->end = reading->end;
	return settle(ledger, err);
}

static int read_months(struct ledger *ledger, const struct months *months,
		       int64_t wall_ns, struct err *err)
{
	struct reading reading = {
		.ledger = ledger,
		.since_ns = wall_ns - LEDGER_DAYS * DAY,
	};
	char oldest[NAME_SIZE];
	month_name(wall_ns - (LEDGER_DAYS + 31) * DAY, oldest);
	int r = 0;
	for (size_t i = 0; r == 0 && i < months->count; i++) {
		const char *name = months->names[i];
		size_t newer = months->count - i;
		if (newer == 1)
			r = read_newest(&reading, name, err);
		else if (newer <= LEDGER_KEEP || strcmp(name, oldest) >= 0)
			r = read_old(&reading, name, err);
		else /* if we die here it is old again next time */
			r = fsx_remove(ledger->dirfd, name, err);
	}
	return r;
}

int ledger_open(int dirfd, int64_t wall_ns, struct ledger **ret,
		struct err *err)
{
	struct months months;
	int r = list_months(dirfd, &months, err);
	if (r < 0)
		return r;
	struct ledger *ledger = xcalloc(1, sizeof(*ledger));
	*ledger = (struct ledger){ .dirfd = dirfd, .fd = -1 };
	ledger->ids = ledger_ids_new();
	r = read_months(ledger, &months, wall_ns, err);
	free(months.names);
	if (r < 0) {
		(void)ledger_close(ledger);
		return r;
	}
	*ret = ledger;
	return 0;
}

struct ledger *ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return NULL;
	/* every line was synced when it was written */
	mem_auto_close(&ledger->fd);
	(void)ledger_ids_free(ledger->ids);
	free(ledger);
	return NULL;
}

/* --- asking --- */

bool ledger_delivered(const struct ledger *ledger, const char *message_id)
{
	return ledger_ids_has(ledger->ids, LEDGER_DELIVERED, message_id);
}

bool ledger_sent_local(const struct ledger *ledger, const char *local_id)
{
	return ledger_ids_has(ledger->ids, LEDGER_LOCAL, local_id);
}

const char *ledger_last_local(const struct ledger *ledger)
{
	return ledger->last_local;
}

bool ledger_has_job(const struct ledger *ledger, const char *job_id)
{
	return ledger_ids_has(ledger->ids, LEDGER_JOB, job_id);
}

/* --- adding --- */

/* A new month: its file is made, and what was read goes through the sieve of
 * ledger_open again, so that a long life does not remember for ever. */
static int next_month(struct ledger *ledger, const char *name, int64_t wall_ns,
		      struct err *err)
{
	AUTO_CLOSE int fd = -1;
	int r = fsx_create(ledger->dirfd, name, 0600, &fd, err);
	if (r < 0 && r != -ERR_EXISTS)
		return r;
	/* if we die here the month is empty, which says nothing */
	struct ledger *fresh = NULL;
	r = ledger_open(ledger->dirfd, wall_ns, &fresh, err);
	if (r < 0)
		return r;
	struct ledger old = *ledger;
	*ledger = *fresh;
	*fresh = old;
	(void)ledger_close(fresh);
	return 0;
}

/* Months only go forward, whatever the clock does: lines are added to the
 * newest. */
static int open_month(struct ledger *ledger, int64_t wall_ns, struct err *err)
{
	char name[NAME_SIZE];
	month_name(wall_ns, name);
	if (ledger->fd >= 0 && strcmp(name, ledger->name) <= 0)
		return 0;
	return next_month(ledger, name, wall_ns, err);
}

static int add_line(struct ledger *ledger, int64_t wall_ns, const char *state,
		    const struct record_field *fields, size_t count,
		    struct err *err)
{
	int r = open_month(ledger, wall_ns, err);
	if (r < 0)
		return r;
	AUTO_BUF struct buf line;
	buf_init(&line, LINE_ROOM);
	if (!record_format(&line, ledger->sequence + 1, wall_ns, state, fields,
			   count))
		return err_set(err, ERR_LIMIT,
			       "cannot note a message in '%s': its names are "
			       "too long",
			       ledger->name);
	r = fsx_pwrite(ledger->fd, ledger->name, line.data, line.len,
		       ledger->end, err);
	if (r < 0)
		return r; /* the next line is written over the torn one */
	/* if we die here the line may be there, whole, torn or not at all */
	r = fsx_sync(ledger->fd, ledger->name, err);
	if (r < 0)
		return r;
	ledger->sequence++;
	ledger->end += line.len;
	return 0;
}

int ledger_add_delivered(struct ledger *ledger, const char *message_id,
			 uint64_t size, bool report, int64_t wall_ns,
			 struct err *err)
{
	if (ledger_delivered(ledger, message_id))
		return 0;
	char number[24];
	(void)snprintf(number, sizeof(number), "%" PRIu64, size); /* fits */
	const struct record_field fields[] = {
		{ "id", message_id },
		{ "size", number },
		{ "report", report ? "yes" : "no" },
	};
	int r = add_line(ledger, wall_ns, "DELIVERED", fields,
			 sizeof(fields) / sizeof(*fields), err);
	/* from here on the message may be acknowledged */
	if (r == 0)
		ledger_ids_add(ledger->ids, LEDGER_DELIVERED, message_id);
	return r;
}

int ledger_add_sent(struct ledger *ledger, const struct job *job,
		    int64_t wall_ns, struct err *err)
{
	if (ledger_has_job(ledger, job->id))
		return 0;
	bool failed = job->failed || job->state == JOB_REJECTED;
	/* what never left us has used up no local id */
	const char *local = job->opening_ns != 0 ? job->local_id : "";
	char number[24];
	(void)snprintf(number, sizeof(number), "%" PRIu64,
		       job->dat.size); /* fits */
	const struct record_field fields[] = {
		{ "job", job->id },    { "id", job->message_id },
		{ "local_id", local }, { "ctl", job->ctl_name },
		{ "size", number },    { "event", job->event },
		{ "code", job->code },
	};
	int r = add_line(ledger, wall_ns, failed ? "FAILED" : "SENT", fields,
			 sizeof(fields) / sizeof(*fields), err);
	if (r < 0)
		return r;
	ledger_ids_add(ledger->ids, LEDGER_JOB, job->id);
	if (*local)
		learn_local(ledger, local, !failed);
	return 0;
}
