/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The Authorization header of one request (mesh-api: "MESH Authorization
 * header"):
 *
 *   NHSMESH mailbox:nonce:count:minute:hex(hmac-sha256(shared key,
 *           mailbox:nonce:count:password:minute))
 *
 * Pure. A token serves one request and one attempt: every caller makes a new
 * nonce each time and counts from 0.
 */
#ifndef MESHDROP_NET_TOKEN_H
#define MESHDROP_NET_TOKEN_H

#include <stddef.h>

struct err;

#define TOKEN_SIZE 256

struct token_parts {
	const char *mailbox;
	const char *password;
	const char *shared_key;
	const char *nonce;  /* a UUID */
	unsigned count;	    /* uses of this nonce before this one */
	const char *minute; /* yyyyMMddHHmm, UTC */
};

/* Writes the header's value; the caller wipes it. */
int token_make(const struct token_parts *parts, char ret[TOKEN_SIZE],
	       struct err *err) __attribute__((warn_unused_result));

#endif
