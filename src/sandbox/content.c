/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/content.h"

#include <stdio.h>

#include <openssl/evp.h>

#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "sandbox/gzip.h"
#include "sandbox/message.h"
#include "sandbox/sandbox.h"

/* Larger plain chunks go out as they are, so that tests meet both forms. */
#define PACK_MAX UINT64_C(1000000)
#define EXPAND_MAX (UINT64_C(8) << 30)

/* Replaces the content by its other form. */
static int recode(const struct sandbox *sb, struct content *content,
		  bool to_gzip, struct err *err)
{
	AUTO_CLOSE int from = content->fd;
	int to = -1;
	int result = fsx_open_unnamed(sb->uploads_fd, &to, err);

	content->fd = -1;
	if (result < 0)
		return result;
	if (to_gzip)
		result = gzip_compress(from, to, &content->len, err);
	else
		result = gzip_expand(from, to, EXPAND_MAX, &content->len, err);
	if (result < 0) {
		mem_auto_close(&to);
		return result;
	}
	content->fd = to;
	content->gzip = to_gzip;
	return 0;
}

int content_open(const struct sandbox *sb, const struct message *m,
		 unsigned number, bool takes_gzip, bool pack,
		 struct content *ret, struct err *err)
{
	struct content content = {
		.fd = -1,
		.gzip = message_get(m, MESSAGE_ENCODING)[0] != '\0',
	};
	int result = store_open_chunk(&sb->store, m, number, &content.fd,
				      &content.len, err);

	if (result == 0 && content.gzip && !takes_gzip)
		result = recode(sb, &content, false, err);
	else if (result == 0 && !content.gzip && takes_gzip && pack &&
		 content.len > 0 && content.len <= PACK_MAX)
		result = recode(sb, &content, true, err);
	if (result == 0)
		*ret = content;
	return result;
}

static int hash_file(EVP_MD_CTX *ctx, int fd, struct err *err)
{
	char data[65536];
	uint64_t at = 0;

	for (;;) {
		size_t got = 0;

		if (fsx_pread(fd, "chunk", data, sizeof(data), at, &got, err) <
		    0)
			return -(int)err->code;
		if (got == 0)
			return 0;
		at += got;
		if (EVP_DigestUpdate(ctx, data, got) != 1)
			return err_set(err, ERR_INVALID, "SHA-256 failed");
	}
}

static int hash_chunks(const struct sandbox *sb, const struct message *m,
		       EVP_MD_CTX *ctx, struct err *err)
{
	for (unsigned i = 1; i <= m->total; i++) {
		struct content content = { .fd = -1 };

		if (content_open(sb, m, i, false, false, &content, err) < 0)
			return -(int)err->code;

		int result = hash_file(ctx, content.fd, err);

		mem_auto_close(&content.fd);
		if (result < 0)
			return result;
	}
	return 0;
}

int content_hash(const struct sandbox *sb, const struct message *m,
		 char ret[CONTENT_HASH_SIZE], struct err *err)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int result = 0;

	if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		result = err_set(err, ERR_INVALID, "SHA-256 failed");
	if (result == 0)
		result = hash_chunks(sb, m, ctx, err);
	if (result == 0 && EVP_DigestFinal_ex(ctx, digest, &len) != 1)
		result = err_set(err, ERR_INVALID, "SHA-256 failed");
	EVP_MD_CTX_free(ctx);
	for (unsigned i = 0; result == 0 && i < len; i++)
		(void)snprintf(ret + (size_t)2 * i, 3, "%02x", digest[i]);
	return result;
}
