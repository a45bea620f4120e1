/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_ROOM 256

void buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf){ .max = max, .room = 1 };
	buf->data = xcalloc(1, 1);
}

void buf_release(struct buf *buf)
{
	if (!buf || !buf->data)
		return;
	mem_wipe(buf->data, buf->room);
	free(buf->data);
	*buf = (struct buf){ .data = NULL };
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->data[0] = '\0';
}

/* A grown secret must not stay behind in freed memory, so no realloc. */
static void grow(struct buf *buf, size_t room)
{
	size_t want = buf->room < FIRST_ROOM ? FIRST_ROOM : buf->room;
	while (want < room)
		want *= 2;
	char *data = xmalloc(want);
	memcpy(data, buf->data, buf->len + 1);
	mem_wipe(buf->data, buf->room);
	free(buf->data);
	buf->data = data;
	buf->room = want;
}

/* For len bytes more and the NUL. */
static bool make_room(struct buf *buf, size_t len)
{
	assert(buf->data);
	if (len > buf->max - buf->len)
		return false;
	if (buf->len + len + 1 > buf->room)
		grow(buf, buf->len + len + 1);
	return true;
}

bool buf_append(struct buf *buf, const void *data, size_t len)
{
	if (!make_room(buf, len))
		return false;
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
	return true;
}

bool buf_puts(struct buf *buf, const char *s)
{
	return buf_append(buf, s, strlen(s));
}

/* Straight into its place: vasprintf grows by copies that nobody wipes. */
bool buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	size_t len = (size_t)n;
	if (!make_room(buf, len))
		return false;
	va_start(ap, fmt);
	(void)vsnprintf(buf->data + buf->len, len + 1, fmt, ap); /* as before */
	va_end(ap);
	buf->len += len;
	return true;
}
