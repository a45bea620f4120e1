/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/auth.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "sandbox/mailbox.h"

#define SCHEME "NHSMESH "
#define TOLERANCE_NS (INT64_C(2) * 3600 * CLOCK_SECOND)
#define PARTS 5

bool auth_parse(const char *header, struct auth_token *ret)
{
	const char *part[PARTS];
	size_t count = 0;
	uint64_t uses = 0;

	if (!header || !text_is_header_value(header, AUTH_TOKEN_MAX - 1))
		return false;
	*ret = (struct auth_token){
		.foreign = strncmp(header, SCHEME, strlen(SCHEME)) != 0,
	};
	if (!ret->foreign)
		header += strlen(SCHEME);
	if (!text_copy(ret->text, sizeof(ret->text), header))
		return false;
	for (char *p = ret->text; p; count++) {
		if (count == PARTS)
			return false;
		part[count] = p;
		p = strchr(p, ':');
		if (p)
			*p++ = '\0';
	}
	if (count != PARTS || !text_u64(part[2], UINT64_MAX, &uses))
		return false;
	ret->mailbox = part[0];
	ret->nonce = part[1];
	ret->count = part[2];
	ret->time = part[3];
	ret->hash = part[4];
	return true;
}

static bool equal_hash(const unsigned char *digest, size_t len,
		       const char *text)
{
	char want[2 * EVP_MAX_MD_SIZE + 1] = "";
	char have[2 * EVP_MAX_MD_SIZE + 1] = "";

	for (size_t i = 0; i < len; i++)
		(void)snprintf(want + 2 * i, 3, "%02x", digest[i]);
	if (strlen(text) != 2 * len)
		return false;
	for (size_t i = 0; i < 2 * len; i++)
		have[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ?
					 text[i] - 'A' + 'a' :
					 text[i]);
	return CRYPTO_memcmp(want, have, 2 * len) == 0;
}

bool auth_verify(const struct auth_token *token, const struct mailbox *box,
		 const char *key, size_t key_len)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	AUTO_BUF struct buf text;

	buf_init(&text, 4096);
	if (!buf_printf(&text, "%s:%s:%s:%s:%s", token->mailbox, token->nonce,
			token->count, box->password, token->time))
		return false;
	if (!HMAC(EVP_sha256(), key, (int)key_len,
		  (const unsigned char *)text.data, text.len, digest, &len))
		return false;
	return equal_hash(digest, len, token->hash);
}

bool auth_is_timely(const struct auth_token *token, int64_t now_ns)
{
	char stamp[CLOCK_STAMP_SIZE];
	int64_t time_ns = 0;

	if (strlen(token->time) != CLOCK_MINUTE_SIZE - 1)
		return false;
	(void)snprintf(stamp, sizeof(stamp), "%s00", token->time);
	if (!clock_parse(stamp, &time_ns))
		return false;
	return time_ns >= now_ns - TOLERANCE_NS - 60 * CLOCK_SECOND &&
	       time_ns <= now_ns + TOLERANCE_NS;
}
