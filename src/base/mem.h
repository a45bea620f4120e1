/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Memory: small fixed allocations that abort, wiping, and clean-up attributes.
 *
 * All durable state is on disk and every step can be repeated, so a daemon
 * without memory stops and starts again: dying is the tested path. Anything
 * whose size a file or the network decides goes through base/buf instead.
 */
#ifndef MESHDROP_BASE_MEM_H
#define MESHDROP_BASE_MEM_H

#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size)
	__attribute__((malloc, returns_nonnull));
void *xreallocarray(void *old, size_t count, size_t size)
	__attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t len)
	__attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), returns_nonnull));

/* Overwrites a secret in a way the compiler must keep. NULL is fine. */
void mem_wipe(void *p, size_t size);

/* As free and realloc, but nothing of the old content stays in memory: for a
 * library that copies secrets. realloc's NULL is handed on. */
void mem_free_wiped(void *p);
void *mem_realloc_wiped(void *p, size_t size);

/* For the attributes below; each takes a pointer to the variable. */
void mem_auto_free(void *p);
void mem_auto_close(const int *fd);

/* Freed at the end of the scope. */
#define AUTO_FREE __attribute__((cleanup(mem_auto_free)))
/* A descriptor only read from, or already synced: closed at the end of the
 * scope when not negative. A written file is closed with fsx_close. */
#define AUTO_CLOSE __attribute__((cleanup(mem_auto_close)))

#endif
