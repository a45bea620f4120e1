/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* A gzip stream that arrives in pieces: how it is cut makes no difference, and
 * the ceiling holds. */
#include "config.h"

#include "base/err.h"
#include "fuzz.h"
#include "net/gz.h"

#define MOST UINT64_C(100000)

struct sum {
	uint64_t bytes;
	uint64_t hash;
};

static int take(void *ctx, const void *data, size_t len, struct err *err)
{
	(void)err; /* nothing can fail */
	struct sum *sum = ctx;
	const uint8_t *bytes = data;
	for (size_t i = 0; i < len; i++)
		sum->hash = (sum->hash ^ bytes[i]) * UINT64_C(1099511628211);
	sum->bytes += len;
	FUZZ_HOLDS(sum->bytes <= MOST);
	return 0;
}

/* 0, or what the first piece that failed said. */
static int feed(const uint8_t *data, size_t size, size_t piece, struct sum *sum,
		bool *ret_between)
{
	struct gz_reader *gz = gz_reader_new();
	int r = 0;
	for (size_t at = 0; at < size && r == 0; at += piece) {
		struct err err;
		size_t len = size - at < piece ? size - at : piece;
		struct gz_reader *before = gz_reader_copy(gz);
		r = gz_reader_feed(gz, data + at, len, MOST, take, sum, &err);
		FUZZ_HOLDS(r == 0 || err.text[0] != '\0');
		if (r < 0)
			gz_reader_restore(gz, before);
		before = gz_reader_free(before);
	}
	*ret_between = gz_reader_between(gz);
	(void)gz_reader_free(gz); /* always NULL */
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	size_t piece = (size_t)data[0] % 64 + 1;
	struct sum whole = { .hash = 1 };
	struct sum parts = { .hash = 1 };
	bool whole_between;
	bool parts_between;
	int a = feed(data + 1, size - 1, size, &whole, &whole_between);
	int b = feed(data + 1, size - 1, piece, &parts, &parts_between);
	FUZZ_HOLDS((a == 0) == (b == 0));
	if (a == 0)
		FUZZ_HOLDS(whole.hash == parts.hash &&
			   whole.bytes == parts.bytes &&
			   whole_between == parts_between);
	return 0;
}
