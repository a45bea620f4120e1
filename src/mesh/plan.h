/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * How a payload is cut into requests. Pure.
 *
 * One request when it fits (the API: not every recipient can take chunks);
 * chunks of chunk_size uncompressed bytes, each compressed by itself, when it
 * does not and the sender allows it.
 */
#ifndef MESHDROP_MESH_PLAN_H
#define MESHDROP_MESH_PLAN_H

#include <stdbool.h>
#include <stdint.h>

struct err;

struct plan {
	uint64_t size;	/* of the payload, uncompressed */
	uint64_t chunk; /* uncompressed bytes in each chunk but the last */
	unsigned count; /* of requests, at least 1 */
};

/* fits: the whole body, compressed if it will be, is within request_limit.
 * ERR_LIMIT when it does not fit and chunking is not allowed, or would take
 * more than PROTO_CHUNKS_MAX chunks; ERR_INVALID for size 0. */
int plan_make(uint64_t size, bool fits, bool allow_chunking,
	      uint64_t chunk_size, struct plan *ret, struct err *err)
	__attribute__((warn_unused_result));

/* The bytes of chunk 1..count. */
void plan_range(const struct plan *plan, unsigned chunk, uint64_t *ret_offset,
		uint64_t *ret_length);

#endif
