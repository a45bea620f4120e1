/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* A gzip stream that arrives in pieces: how it is cut makes no difference, and
 * the ceiling holds. What we compress is read as it was. */
#include "config.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
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
	struct gz_reader *gz = gz_reader_new(0);
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

static void there_and_back(const uint8_t *data, size_t size)
{
	struct err err;
	uint64_t length = 0;
	bool between;
	struct sum plain = { .hash = 1 };
	struct sum back = { .hash = 1 };
	int from = fuzz_file(data, size);
	int to = fuzz_file(data, 0);
	int r = gz_compress(from, "from", 0, size, to, MOST * 2, &length, &err);
	FUZZ_HOLDS(r == 0 && length <= MOST * 2);
	uint8_t *packed = xmalloc((size_t)length);
	FUZZ_HOLDS(pread(to, packed, (size_t)length, 0) == (ssize_t)length);
	FUZZ_HOLDS(take(&plain, data, size, &err) == 0);
	r = feed(packed, (size_t)length, 1000, &back, &between);
	FUZZ_HOLDS(r == 0 && between);
	FUZZ_HOLDS(plain.bytes == back.bytes && plain.hash == back.hash);
	free(packed);
	(void)close(from); /* both are in memory */
	(void)close(to);
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
	if (data[0] > 0xf0 && size > 1)
		there_and_back(data + 1, size - 1);
	return 0;
}
