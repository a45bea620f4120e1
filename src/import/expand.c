/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "import/expand.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define DIGITS "0123456789"
#define LETTERS CAPITALS "abcdefghijklmnopqrstuvwxyz"

/* One "$NAME" or "${NAME}". */
struct name {
	const char *start;
	size_t len;
	size_t whole; /* with what is around it */
};

static bool read_name(const char *s, const char *first, const char *rest,
		      struct name *ret)
{
	if (s[0] != '$')
		return false;
	bool braced = s[1] == '{';
	const char *start = s + (braced ? 2 : 1);
	if (!*start || !strchr(first, *start))
		return false;
	size_t len = strspn(start, rest);
	if (braced && start[len] != '}')
		return false;
	*ret = (struct name){
		.start = start,
		.len = len,
		.whole = len + (braced ? 3 : 1),
	};
	return true;
}

bool expand_is_wanted(const char *text)
{
	struct name name;
	return read_name(text, CAPITALS, CAPITALS DIGITS, &name);
}

static int append(struct buf *ret, const char *data, size_t len,
		  struct err *err)
{
	if (buf_append(ret, data, len))
		return 0;
	return err_set(err, ERR_LIMIT,
		       "is longer than %zu bytes when its variables are put in",
		       ret->max);
}

static int replace(const struct name *name, expand_lookup_fn *lookup, void *ctx,
		   struct buf *ret, struct err *err)
{
	AUTO_FREE char *copy = xstrndup(name->start, name->len);
	const char *value = lookup(ctx, copy);
	if (!value)
		return err_set(err, ERR_MISSING,
			       "the environment variable '%.64s' is not set",
			       copy);
	return append(ret, value, strlen(value), err);
}

int expand_text(const char *text, expand_lookup_fn *lookup, void *ctx,
		struct buf *ret, struct err *err)
{
	struct name name;
	int r = 0;
	while (*text && r == 0) {
		if (read_name(text, LETTERS, LETTERS DIGITS, &name)) {
			r = replace(&name, lookup, ctx, ret, err);
			text += name.whole;
			continue;
		}
		size_t plain = 1 + strcspn(text + 1, "$");
		r = append(ret, text, plain, err);
		text += plain;
	}
	return r;
}
