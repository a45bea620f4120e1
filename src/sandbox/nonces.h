/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Tokens that were used: each is good for one request.
 *
 * A token can be valid from two hours before to two hours after its time, so
 * it is remembered for a little more than four. The list is also kept in the
 * file "tokens", appended to with each token, so that a restart forgets none.
 */
#ifndef MESHDROP_SANDBOX_NONCES_H
#define MESHDROP_SANDBOX_NONCES_H

#include <stdbool.h>
#include <stdint.h>

#define NONCES_BUCKETS 1024

struct err;
struct nonce;

struct nonces {
	int fd;
	uint64_t size; /* of the file */
	struct nonce *buckets[NONCES_BUCKETS];
};

void nonces_init(struct nonces *nonces);
/* Reads the file below dirfd and writes it anew without what is too old. */
int nonces_open(struct nonces *nonces, int dirfd, int64_t now_ns,
		struct err *err) __attribute__((warn_unused_result));
void nonces_release(struct nonces *nonces);

bool nonces_has(const struct nonces *nonces, const char *token);
/* The token must have no line end in it. */
int nonces_add(struct nonces *nonces, const char *token, int64_t now_ns,
	       struct err *err) __attribute__((warn_unused_result));

#endif
