/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * From the old installation to the new settings. Pure: values in, texts out.
 *
 * Every element becomes something, or a note says why it has no counterpart.
 * What the Java client would have taken by default is written out where our
 * default differs. Relative paths inside the new files, so that they can be
 * moved together; folders of the old installation are named in full.
 */
#ifndef MESHDROP_IMPORT_TRANSLATE_H
#define MESHDROP_IMPORT_TRANSLATE_H

struct err;
struct fileset;
struct old;

/* The shared key when it does not come with the configuration; both NULL when
 * there is none. Without trailing newline. */
struct translate_key {
	const char *given; /* with --shared-key: goes before all others */
	const char *kept;  /* from a shared.key that is there already */
};

/* ERR_INVALID names element and line; the caller puts the file in front. */
int translate(const struct old *old, const struct translate_key *key,
	      struct fileset *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
