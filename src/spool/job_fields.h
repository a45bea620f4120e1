/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Private to spool/job: between the fields of a job and those of a line.
 *
 * One table says which fields the line of each state carries. A key that the
 * table does not have is skipped, so that a newer version may add some; a
 * field that a line lacks keeps the value it had. An event or a message id that is
 * none is read as "": earlier versions took over what the service said.
 */
#ifndef MESHDROP_SPOOL_JOB_FIELDS_H
#define MESHDROP_SPOOL_JOB_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "spool/job.h"
#include "spool/record.h"

/* Four numbers of up to 20 characters. */
#define JOB_NUMBER_SIZE 88

struct job_facts {
	struct record_field fields[RECORD_FIELDS_MAX]; /* point here and into
							* the job */
	char numbers[RECORD_FIELDS_MAX][JOB_NUMBER_SIZE];
	size_t count;
};

/* What the line of the job's state says; valid as long as both live where
 * they are. */
void job_facts_make(const struct job *job, struct job_facts *ret);
/* Takes over what the line of that state says; the key that cannot be read,
 * or NULL when all is well. */
const char *job_facts_apply(const struct record_line *line,
			    enum job_state state, struct job *job);
/* The inverse of job_state_name. */
bool job_state_read(const char *name, enum job_state *ret);

#endif
