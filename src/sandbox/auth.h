/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The Authorization header: NHSMESH mailbox:nonce:count:time:hash.
 *
 * Pure: whether a token was used before is the caller's question.
 */
#ifndef MESHDROP_SANDBOX_AUTH_H
#define MESHDROP_SANDBOX_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUTH_TOKEN_MAX 512

struct mailbox;

struct auth_token {
	char text[AUTH_TOKEN_MAX]; /* the parts below point into it */
	const char *mailbox;
	const char *nonce;
	const char *count;
	const char *time;
	const char *hash;
	bool foreign; /* another scheme than NHSMESH */
};

/* False when it is not a token at all; header may be NULL. */
bool auth_parse(const char *header, struct auth_token *ret);
/* Compares the hash without telling by its time how much was right. */
bool auth_verify(const struct auth_token *token, const struct mailbox *box,
		 const char *key, size_t key_len);
/* Within two hours of now. */
bool auth_is_timely(const struct auth_token *token, int64_t now_ns);

#endif
