/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/job_fields.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char *const state_names[JOB_STATE_COUNT] = {
	[JOB_CLAIMED] = "CLAIMED",     [JOB_OPENING] = "OPENING",
	[JOB_OPEN] = "OPEN",	       [JOB_ACCEPTED] = "ACCEPTED",
	[JOB_REJECTED] = "REJECTED",   [JOB_DEFERRED] = "DEFERRED",
	[JOB_UNKNOWN] = "UNKNOWN",     [JOB_HELD] = "HELD",
	[JOB_ARCHIVING] = "ARCHIVING",
};

const char *job_state_name(enum job_state state)
{
	return state_names[state];
}

bool job_state_read(const char *name, enum job_state *ret)
{
	for (size_t i = 0; i < JOB_STATE_COUNT; i++)
		if (strcmp(name, state_names[i]) == 0) {
			*ret = (enum job_state)i;
			return true;
		}
	return false;
}

enum kind {
	KIND_TEXT,
	KIND_EVENT, /* text_is_event, or "" */
	KIND_ID,    /* text_is_message_id, or "" */
	KIND_BOOL,
	KIND_COUNT, /* unsigned */
	KIND_SIZE,  /* uint64_t */
	KIND_TIME,  /* int64_t */
	KIND_STATE, /* enum job_state */
	KIND_FILE,  /* struct scan_identity: inode:size:mtime:ctime */
};

#define BIT(state) (1u << (unsigned)(state))
#define CLAIMED BIT(JOB_CLAIMED)
#define OPENING BIT(JOB_OPENING)
#define OPEN BIT(JOB_OPEN)
#define ACCEPTED BIT(JOB_ACCEPTED)
#define REJECTED BIT(JOB_REJECTED)
#define DEFERRED BIT(JOB_DEFERRED)
#define UNKNOWN BIT(JOB_UNKNOWN)
#define HELD BIT(JOB_HELD)
#define ARCHIVING BIT(JOB_ARCHIVING)
#define WAITING (DEFERRED | UNKNOWN | HELD)
#define ENDED (ACCEPTED | REJECTED | ARCHIVING)

#define AT(field) offsetof(struct job, field), sizeof(((struct job *)0)->field)

struct fact {
	const char *key;
	size_t offset;
	size_t size;
	enum kind kind;
	unsigned states; /* whose line carries it */
};

/* CLAIMED tells all of the pair again: it is also where a job returns to when
 * what was sent is void. */
static const struct fact facts[] = {
	{ "route", AT(route), KIND_TEXT, CLAIMED },
	{ "ctl", AT(ctl_name), KIND_TEXT, CLAIMED },
	{ "ctl_file", AT(ctl), KIND_FILE, CLAIMED },
	{ "dat", AT(dat_name), KIND_TEXT, CLAIMED },
	{ "dat_file", AT(dat), KIND_FILE, CLAIMED },
	{ "collect", AT(collect_name), KIND_TEXT, CLAIMED },
	{ "local_id", AT(local_id), KIND_TEXT, CLAIMED | OPENING },
	{ "local_id_made", AT(local_id_made), KIND_BOOL, CLAIMED | OPENING },
	{ "message_id", AT(message_id), KIND_ID,
	  CLAIMED | OPEN | WAITING | ENDED },
	{ "gzip", AT(gzip), KIND_BOOL, OPENING },
	{ "dat_ctime", AT(dat_ctime_ns), KIND_TIME, OPENING },
	{ "body", AT(body_size), KIND_SIZE, OPENING },
	{ "chunk_size", AT(chunk_size), KIND_SIZE, OPENING },
	{ "chunks", AT(chunk_count), KIND_COUNT, OPENING | OPEN | ACCEPTED },
	{ "done", AT(chunks_done), KIND_COUNT,
	  CLAIMED | OPEN | WAITING | ACCEPTED },
	{ "confirm", AT(confirm), KIND_BOOL, CLAIMED | OPEN | WAITING },
	{ "attempts", AT(attempts), KIND_COUNT,
	  CLAIMED | OPENING | OPEN | WAITING | ENDED },
	{ "opening", AT(opening_ns), KIND_TIME, OPENING },
	{ "baseline", AT(baseline), KIND_TEXT, OPENING },
	{ "resume", AT(resume), KIND_STATE, DEFERRED | HELD },
	{ "not_before", AT(not_before_ns), KIND_TIME, WAITING },
	{ "absent", AT(absent), KIND_COUNT, CLAIMED | UNKNOWN | HELD },
	{ "failures", AT(failures), KIND_COUNT,
	  CLAIMED | OPENING | OPEN | WAITING | ENDED },
	{ "event", AT(event), KIND_EVENT, ENDED },
	{ "code", AT(code), KIND_TEXT, WAITING | ENDED },
	{ "text", AT(text), KIND_TEXT, WAITING | ENDED },
	{ "failed", AT(failed), KIND_BOOL, ARCHIVING },
	{ "keep_original", AT(keep_original), KIND_BOOL, ARCHIVING },
	{ "stem", AT(archive_stem), KIND_TEXT, ARCHIVING },
	{ "report", AT(report_name), KIND_TEXT, ARCHIVING },
};

#define FACT_COUNT (sizeof(facts) / sizeof(*facts))
_Static_assert(FACT_COUNT <= RECORD_FIELDS_MAX, "a line holds all fields");

/* Whether the value stands in the job as it does in the line. */
static bool is_text(enum kind kind)
{
	return kind == KIND_TEXT || kind == KIND_EVENT || kind == KIND_ID;
}

/* --- out --- */

static void put_file(char ret[JOB_NUMBER_SIZE], const void *from)
{
	struct scan_identity file;
	memcpy(&file, from, sizeof(file));
	(void)snprintf(ret, JOB_NUMBER_SIZE, /* fits */
		       "%" PRIu64 ":%" PRIu64 ":%" PRId64 ":%" PRId64,
		       file.inode, file.size, file.mtime_ns, file.ctime_ns);
}

static void put_state(char ret[JOB_NUMBER_SIZE], const void *from)
{
	enum job_state state;
	memcpy(&state, from, sizeof(state));
	(void)snprintf(ret, JOB_NUMBER_SIZE, "%s", job_state_name(state));
}

static void put_number(char ret[JOB_NUMBER_SIZE], enum kind kind,
		       const void *from)
{
	unsigned count;
	uint64_t size;
	int64_t time;
	switch (kind) {
	case KIND_TEXT:
	case KIND_EVENT:
	case KIND_ID:
		break;
	case KIND_BOOL:
		(void)snprintf(ret, JOB_NUMBER_SIZE, "%s",
			       *(const bool *)from ? "yes" : "no");
		break;
	case KIND_COUNT:
		memcpy(&count, from, sizeof(count));
		(void)snprintf(ret, JOB_NUMBER_SIZE, "%u", count);
		break;
	case KIND_SIZE:
		memcpy(&size, from, sizeof(size));
		(void)snprintf(ret, JOB_NUMBER_SIZE, "%" PRIu64, size);
		break;
	case KIND_TIME:
		memcpy(&time, from, sizeof(time));
		(void)snprintf(ret, JOB_NUMBER_SIZE, "%" PRId64, time);
		break;
	case KIND_STATE:
		put_state(ret, from);
		break;
	case KIND_FILE:
		put_file(ret, from);
		break;
	}
}

void job_facts_make(const struct job *job, struct job_facts *ret)
{
	ret->count = 0;
	for (size_t i = 0; i < FACT_COUNT; i++) {
		const struct fact *fact = &facts[i];
		if ((fact->states & BIT(job->state)) == 0)
			continue;
		const char *from = (const char *)job + fact->offset;
		char *number = ret->numbers[ret->count];
		put_number(number, fact->kind, from);
		ret->fields[ret->count++] = (struct record_field){
			.key = fact->key,
			.value = is_text(fact->kind) ? from : number,
		};
	}
}

/* --- in --- */

static bool read_time(const char *value, int64_t *ret)
{
	bool minus = *value == '-';
	uint64_t n;
	if (!text_u64(value + (minus ? 1 : 0), INT64_MAX, &n))
		return false;
	*ret = minus ? -(int64_t)n : (int64_t)n;
	return true;
}

/* Cuts the part before the next colon off; NULL at the end. */
static const char *next_part(char **rest)
{
	char *part = *rest;
	if (!part)
		return NULL;
	char *colon = strchr(part, ':');
	if (colon)
		*colon = '\0';
	*rest = colon ? colon + 1 : NULL;
	return part;
}

static bool read_file(const char *value, void *to)
{
	char text[JOB_NUMBER_SIZE];
	if (!text_copy(text, sizeof(text), value))
		return false;
	char *rest = text;
	const char *inode = next_part(&rest);
	const char *size = next_part(&rest);
	const char *mtime = next_part(&rest);
	const char *ctime = next_part(&rest);
	struct scan_identity file;
	if (rest || !ctime || !text_u64(inode, UINT64_MAX, &file.inode) ||
	    !text_u64(size, UINT64_MAX, &file.size) ||
	    !read_time(mtime, &file.mtime_ns) ||
	    !read_time(ctime, &file.ctime_ns))
		return false;
	memcpy(to, &file, sizeof(file));
	return true;
}

static bool read_count(const char *value, void *to)
{
	uint64_t n;
	if (!text_u64(value, UINT_MAX, &n))
		return false;
	unsigned count = (unsigned)n;
	memcpy(to, &count, sizeof(count));
	return true;
}

static bool read_state(const char *value, void *to)
{
	enum job_state state;
	if (!job_state_read(value, &state))
		return false;
	memcpy(to, &state, sizeof(state));
	return true;
}

static bool read_word(const struct fact *fact, const char *value,
		      bool is_word(const char *s), char *to)
{
	return text_copy(to, fact->size, value) &&
	       (is_word(value) || text_copy(to, fact->size, ""));
}

static bool apply(const struct fact *fact, const char *value, struct job *job)
{
	char *to = (char *)job + fact->offset;
	switch (fact->kind) {
	case KIND_TEXT:
		return text_copy(to, fact->size, value);
	case KIND_EVENT:
		return read_word(fact, value, text_is_event, to);
	case KIND_ID:
		return read_word(fact, value, text_is_message_id, to);
	case KIND_BOOL:
		return text_bool(value, (bool *)to);
	case KIND_COUNT:
		return read_count(value, to);
	case KIND_SIZE:
		return text_u64(value, UINT64_MAX, (uint64_t *)(void *)to);
	case KIND_TIME:
		return read_time(value, (int64_t *)(void *)to);
	case KIND_STATE:
		return read_state(value, to);
	case KIND_FILE:
		return read_file(value, to);
	}
	return false;
}

const char *job_facts_apply(const struct record_line *line,
			    enum job_state state, struct job *job)
{
	for (size_t i = 0; i < FACT_COUNT; i++) {
		const struct fact *fact = &facts[i];
		const char *value = record_get(line, fact->key);
		if (value && (fact->states & BIT(state)) != 0 &&
		    !apply(fact, value, job))
			return fact->key;
	}
	return NULL;
}
