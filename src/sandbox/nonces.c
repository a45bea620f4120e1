/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/nonces.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/text.h"

#define FILE_NAME "tokens"
#define FILE_MAX ((size_t)256 << 20)
#define LINE_MAX_SIZE 1024
#define KEEP_NS (INT64_C(5) * 3600 * CLOCK_SECOND)

struct nonce {
	struct nonce *next;
	int64_t seen_ns;
	char *token; /* owned */
};

void nonces_init(struct nonces *nonces)
{
	*nonces = (struct nonces){ .fd = -1 };
}

static struct nonce *nonce_free(struct nonce *nonce)
{
	struct nonce *next = nonce->next;

	free(nonce->token);
	free(nonce);
	return next;
}

void nonces_release(struct nonces *nonces)
{
	for (size_t i = 0; i < NONCES_BUCKETS; i++)
		while (nonces->buckets[i])
			nonces->buckets[i] = nonce_free(nonces->buckets[i]);
	mem_auto_close(&nonces->fd);
	nonces_init(nonces);
}

/* FNV-1a */
static size_t bucket_of(const char *token)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (const char *p = token; *p != '\0'; p++)
		hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
	return (size_t)(hash % NONCES_BUCKETS);
}

bool nonces_has(const struct nonces *nonces, const char *token)
{
	const struct nonce *n = nonces->buckets[bucket_of(token)];

	for (; n; n = n->next)
		if (strcmp(n->token, token) == 0)
			return true;
	return false;
}

static void insert(struct nonces *nonces, const char *token, int64_t seen_ns,
		   int64_t now_ns)
{
	struct nonce **link = &nonces->buckets[bucket_of(token)];
	struct nonce *n = xcalloc(1, sizeof(*n));

	n->token = xstrdup(token);
	n->seen_ns = seen_ns;
	n->next = *link;
	*link = n;
	link = &n->next;
	while (*link) {
		if ((*link)->seen_ns + KEEP_NS < now_ns)
			*link = nonce_free(*link);
		else
			link = &(*link)->next;
	}
}

/* "seconds token"; a last line without its end was never answered for. */
static void load_line(struct nonces *nonces, char *line, int64_t now_ns)
{
	char *space = strchr(line, ' ');
	uint64_t seconds = 0;

	if (!space)
		return;
	*space = '\0';
	if (!text_u64(line, INT64_MAX / CLOCK_SECOND, &seconds))
		return;

	int64_t seen_ns = (int64_t)seconds * CLOCK_SECOND;

	if (seen_ns + KEEP_NS >= now_ns)
		insert(nonces, space + 1, seen_ns, now_ns);
}

static void load(struct nonces *nonces, struct buf *text, int64_t now_ns)
{
	char *line = text->data;

	for (;;) {
		char *end = strchr(line, '\n');

		if (!end)
			return;
		*end = '\0';
		load_line(nonces, line, now_ns);
		line = end + 1;
	}
}

static bool dump(const struct nonces *nonces, struct buf *ret)
{
	for (size_t i = 0; i < NONCES_BUCKETS; i++)
		for (const struct nonce *n = nonces->buckets[i]; n; n = n->next)
			if (!buf_printf(ret, "%" PRId64 " %s\n",
					n->seen_ns / CLOCK_SECOND, n->token))
				return false;
	return true;
}

int nonces_open(struct nonces *nonces, int dirfd, int64_t now_ns,
		struct err *err)
{
	AUTO_BUF struct buf text;
	AUTO_BUF struct buf kept;

	buf_init(&text, FILE_MAX);
	buf_init(&kept, FILE_MAX);
	if (fsx_load(dirfd, FILE_NAME, &text, err) < 0 &&
	    err->code != ERR_MISSING)
		return -(int)err->code;
	load(nonces, &text, now_ns);
	if (!dump(nonces, &kept))
		return err_set(err, ERR_LIMIT,
			       "the file " FILE_NAME
			       " is too large: remove it");
	/* If we die here: the old list is still whole. */
	if (fsx_store(dirfd, FILE_NAME, 0600, kept.data, kept.len, false, err) <
		    0 ||
	    fsx_open_own(dirfd, FILE_NAME, &nonces->fd, err) < 0)
		return -(int)err->code;
	nonces->size = kept.len;
	return 0;
}

int nonces_add(struct nonces *nonces, const char *token, int64_t now_ns,
	       struct err *err)
{
	AUTO_BUF struct buf line;

	buf_init(&line, LINE_MAX_SIZE);
	if (!buf_printf(&line, "%" PRId64 " %s\n", now_ns / CLOCK_SECOND,
			token))
		return err_set(err, ERR_LIMIT, "a token is too long");
	if (fsx_pwrite(nonces->fd, FILE_NAME, line.data, line.len, nonces->size,
		       err) < 0)
		return -(int)err->code;
	nonces->size += line.len;
	insert(nonces, token, now_ns, now_ns);
	return 0;
}
