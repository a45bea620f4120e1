/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Growable bytes with a ceiling.
 *
 * For everything whose size a file or the network decides. Going over the
 * ceiling is an ordinary error that leaves the content as it was. The content
 * is always followed by a NUL byte that does not count, so data can be used
 * as a string when its source has no NUL bytes of its own.
 */
#ifndef MESHDROP_BASE_BUF_H
#define MESHDROP_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;  /* owned; never NULL after buf_init */
	size_t len;  /* bytes in use */
	size_t room; /* bytes allocated */
	size_t max;  /* ceiling of len */
};

void buf_init(struct buf *buf, size_t max);
/* Wipes, frees and leaves an object that only buf_init may follow. */
void buf_release(struct buf *buf);
void buf_clear(struct buf *buf);

/* False when the ceiling would be passed. */
bool buf_append(struct buf *buf, const void *data, size_t len)
	__attribute__((warn_unused_result));
bool buf_puts(struct buf *buf, const char *s)
	__attribute__((warn_unused_result));
bool buf_printf(struct buf *buf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), warn_unused_result));

#define AUTO_BUF __attribute__((cleanup(buf_release)))

#endif
