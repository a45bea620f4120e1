/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Values that are names of environment variables.
 *
 * Sites that run the Java client in a container keep a meshclient.cfg with
 * $NAME or ${NAME} in place of values and have a script put them in (envsubst).
 * The rules are that script's: a name is letters, digits and '_', and does not
 * begin with a digit; a '$' before anything else stands for itself.
 */
#ifndef MESHDROP_IMPORT_EXPAND_H
#define MESHDROP_IMPORT_EXPAND_H

#include <stdbool.h>

struct buf;
struct err;

/* The value of a variable; NULL: it is not set. Borrowed. */
typedef const char *expand_lookup_fn(void *ctx, const char *name);

/* Whether the text begins with the name of a variable in capital letters, and
 * so looks as if it was to be replaced. */
bool expand_is_wanted(const char *text);

/* Appends the text with all names replaced to ret; ERR_MISSING names one that
 * is not set. */
int expand_text(const char *text, expand_lookup_fn *lookup, void *ctx,
		struct buf *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
