/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "mesh/plan.h"

#include <assert.h>

#include "base/err.h"
#include "mesh/proto.h"

static int check(uint64_t size, bool fits, bool allow_chunking,
		 uint64_t chunk_size, struct err *err)
{
	if (size == 0)
		return err_set(err, ERR_INVALID,
			       "the data file is empty: MESH does not carry "
			       "empty messages");
	if (fits)
		return 0;
	if (!allow_chunking)
		return err_set(err, ERR_LIMIT,
			       "the data is too large for one request "
			       "(request_limit) and AllowChunking is not Y");
	if (chunk_size == 0)
		return err_set(err, ERR_INVALID, "chunk_size is 0");
	if ((size - 1) / chunk_size + 1 > PROTO_CHUNKS_MAX)
		return err_set(err, ERR_LIMIT,
			       "the data would take more than %u chunks: use a "
			       "larger chunk_size",
			       PROTO_CHUNKS_MAX);
	return 0;
}

int plan_make(uint64_t size, bool fits, bool allow_chunking,
	      uint64_t chunk_size, struct plan *ret, struct err *err)
{
	int r = check(size, fits, allow_chunking, chunk_size, err);
	if (r < 0)
		return r;
	struct plan plan = { .size = size, .chunk = size, .count = 1 };
	if (!fits) {
		plan.chunk = chunk_size;
		plan.count = (unsigned)((size - 1) / chunk_size + 1);
	}
	/* It does not fit, yet is smaller than a chunk: incompressible data
	 * just below a chunk_size over request_limit. Two halves do. */
	if (!fits && plan.count == 1 && size > 1) {
		plan.chunk = size / 2 + size % 2;
		plan.count = 2;
	}
	*ret = plan;
	return 0;
}

void plan_range(const struct plan *plan, unsigned chunk, uint64_t *ret_offset,
		uint64_t *ret_length)
{
	assert(chunk >= 1 && chunk <= plan->count);
	uint64_t offset = (chunk - 1) * plan->chunk;
	uint64_t left = plan->size - offset;
	*ret_offset = offset;
	*ret_length = left < plan->chunk ? left : plan->chunk;
}
