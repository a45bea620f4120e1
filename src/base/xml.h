/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Small XML files that anybody may have written, element by element.
 *
 * expat behind the rules that hold for all of ours: no DOCTYPE, and so no
 * entities of a file's own; UTF-8, ISO-8859-1 or US-ASCII, told by mark or
 * declaration; a ceiling for the size. What is wrong is said once, as "line N:
 * what", and ends the reading. Lack of memory ends the process, and is never
 * mistaken for a fault of the file. Pure.
 */
#ifndef MESHDROP_BASE_XML_H
#define MESHDROP_BASE_XML_H

#include <stddef.h>

#include "base/err.h"

struct xml;

/* Called as the file goes; none after xml_refuse. */
struct xml_rules {
	const char *what; /* "a control file"; for messages */
	const char *root; /* name of the root element */
	size_t most;	  /* bytes */
	/* attributes: names and values in turn, then NULL. */
	void (*start)(struct xml *xml, void *ctx, const char *name,
		      const char *const *attributes);
	void (*end)(struct xml *xml, void *ctx);
	/* A value comes in any number of parts. */
	void (*text)(struct xml *xml, void *ctx, const char *s, size_t len);
	void *ctx;
};

/* ERR_INVALID, ERR_LIMIT, or what a handler refused with. */
int xml_read(const char *text, size_t len, const struct xml_rules *rules,
	     struct err *err) __attribute__((warn_unused_result));

/* For handlers: the first refusal counts. */
void xml_refuse(struct xml *xml, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int xml_line(const struct xml *xml);
/* Of the element that starts or ends; the root is 1. */
unsigned xml_depth(const struct xml *xml);

#endif
