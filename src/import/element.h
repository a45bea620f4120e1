/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * One element's value, checked; complaints name the element and its line and
 * show no secret.
 */
#ifndef MESHDROP_IMPORT_ELEMENT_H
#define MESHDROP_IMPORT_ELEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "import/cfg.h"

struct err;
struct fileset;

struct element_range {
	enum cfg_field field;
	uint64_t least;
	uint64_t most;
	uint64_t preset; /* the Java client's, for an element that is missing */
	bool cut;	 /* what is over most becomes most, and that is said */
};

/* "line 7: <PollPeriod> is not ..." */
int element_complain(const struct cfg_part *part, enum cfg_field field,
		     struct err *err, const char *what);
/* That it is missing, or empty. */
int element_missing(const struct cfg_part *part, enum cfg_field field,
		    struct err *err);

int element_number(const struct cfg_part *part,
		   const struct element_range *range, uint64_t *ret,
		   struct err *err) __attribute__((warn_unused_result));
/* A note about a number; says so if it was not set, or too large. */
void element_note(struct fileset *set, const struct cfg_part *part,
		  const struct element_range *range, uint64_t n,
		  const char *now);
int element_flag(const struct cfg_part *part, enum cfg_field field, bool preset,
		 bool *ret, struct err *err)
	__attribute__((warn_unused_result));
/* Each value becomes part of a line: of the settings, where a line end would
 * begin another setting, of a secret's file, or on a terminal. */
int element_check(const struct cfg_part *part, struct err *err)
	__attribute__((warn_unused_result));
/* Whether it is there and is what the file of a secret may hold. */
int element_secret(const struct cfg_part *part, enum cfg_field field,
		   struct err *err) __attribute__((warn_unused_result));

#endif
