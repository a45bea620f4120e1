/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "net/token.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define SECRET_MAX 4096

static int sign(const struct token_parts *parts, unsigned char *ret_hash,
		unsigned *ret_len, struct err *err)
{
	AUTO_BUF struct buf text;
	buf_init(&text, SECRET_MAX);
	if (!buf_printf(&text, "%s:%s:%u:%s:%s", parts->mailbox, parts->nonce,
			parts->count, parts->password, parts->minute))
		return err_set(err, ERR_CONFIG,
			       "the password of mailbox %s is too long: look at "
			       "its password_file",
			       parts->mailbox);
	if (!HMAC(EVP_sha256(), parts->shared_key,
		  (int)strlen(parts->shared_key),
		  (const unsigned char *)text.data, text.len, ret_hash,
		  ret_len))
		return err_set(err, ERR_CONFIG,
			       "cannot make a token: OpenSSL refuses "
			       "HMAC-SHA256 with this shared_key_file");
	return 0;
}

/* A part with the separator in it would be read as two by the server. */
static int check(const struct token_parts *parts, struct err *err)
{
	if (strchr(parts->mailbox, ':') || strchr(parts->nonce, ':'))
		return err_set(err, ERR_INVALID,
			       "a mailbox with ':' in its name cannot be used");
	size_t key_len = strlen(parts->shared_key);
	if (key_len == 0 || key_len > SECRET_MAX)
		return err_set(err, ERR_CONFIG,
			       "the shared key is empty or too long: look at "
			       "shared_key_file");
	return 0;
}

int token_make(const struct token_parts *parts, char ret[TOKEN_SIZE],
	       struct err *err)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned hash_len = 0;
	int r = check(parts, err);
	if (r == 0)
		r = sign(parts, hash, &hash_len, err);
	if (r < 0)
		return r;
	char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
	for (unsigned i = 0; i < hash_len; i++)
		(void)snprintf(hex + 2 * (size_t)i, 3, "%02x",
			       hash[i]); /* fits */
	char token[TOKEN_SIZE];
	int n = snprintf(token, sizeof(token), "NHSMESH %s:%s:%u:%s:%s",
			 parts->mailbox, parts->nonce, parts->count,
			 parts->minute, hex);
	if (n < 0 || n >= (int)sizeof(token))
		r = err_set(err, ERR_INVALID,
			    "the name of mailbox %s is too "
			    "long",
			    parts->mailbox);
	else
		memcpy(ret, token, (size_t)n + 1);
	mem_wipe(token, sizeof(token));
	mem_wipe(hex, sizeof(hex));
	mem_wipe(hash, sizeof(hash));
	return r;
}
