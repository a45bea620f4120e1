/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *checked(void *p)
{
	if (!p) {
		static const char said[] = "out of memory, stopping\n";
		ssize_t n = write(STDERR_FILENO, said, sizeof(said) - 1);
		(void)n; /* nothing is left to do about it */
		abort();
	}
	return p;
}

void *xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
	return checked(calloc(count ? count : 1, size ? size : 1));
}

void *xreallocarray(void *old, size_t count, size_t size)
{
	return checked(reallocarray(old, count ? count : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return checked(strdup(s));
}

char *xstrndup(const char *s, size_t len)
{
	return checked(strndup(s, len));
}

char *xasprintf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return checked(n < 0 ? NULL : s);
}

void mem_wipe(void *p, size_t size)
{
	if (p)
		explicit_bzero(p, size);
}

void mem_free_wiped(void *p)
{
	mem_wipe(p, malloc_usable_size(p));
	free(p);
}

/* Not realloc itself: when it moves, it leaves the old content behind. */
void *mem_realloc_wiped(void *p, size_t size)
{
	void *made = malloc(size ? size : 1);
	if (!made)
		return NULL;
	size_t had = malloc_usable_size(p); /* 0 for NULL */
	if (had > 0)
		memcpy(made, p, had < size ? had : size);
	mem_free_wiped(p);
	return made;
}

void mem_auto_free(void *p)
{
	void **var = p;
	free(*var);
}

void mem_auto_close(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing was written through it */
}
