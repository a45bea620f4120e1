/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "mesh/plan.h"
#include "mesh/proto.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define M UINT64_C(1000000)

struct plan_case {
	uint64_t size;
	bool fits;
	bool allow;
	uint64_t chunk_size;
	int r;
	unsigned count;
	uint64_t last; /* length of the last chunk */
};

static void test_make(void **state)
{
	(void)state;
	static const struct plan_case cases[] = {
		{ 1, true, false, 20 * M, 0, 1, 1 },
		{ 500 * M, true, true, 20 * M, 0, 1, 500 * M },
		{ 500 * M, false, false, 20 * M, -ERR_LIMIT, 0, 0 },
		{ 500 * M, false, true, 20 * M, 0, 25, 20 * M },
		{ 500 * M + 1, false, true, 20 * M, 0, 26, 1 },
		{ 40 * M - 1, false, true, 20 * M, 0, 2, 20 * M - 1 },
		{ 20 * M, false, true, 20 * M, 0, 2, 10 * M },
		{ 20 * M - 1, false, true, 20 * M, 0, 2, 10 * M - 1 },
		{ 100000 * M, false, true, 10 * M, 0, 10000, 10 * M },
		{ 100000 * M + 1, false, true, 10 * M, -ERR_LIMIT, 0, 0 },
		{ UINT64_MAX, false, true, 1, -ERR_LIMIT, 0, 0 },
		{ 10, false, true, 0, -ERR_INVALID, 0, 0 },
		{ 0, true, true, 20 * M, -ERR_INVALID, 0, 0 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct plan_case *c = &cases[i];
		struct plan plan = { .count = 0 };
		struct err err;
		int r = plan_make(c->size, c->fits, c->allow, c->chunk_size,
				  &plan, &err);
		uint64_t offset = 0;
		uint64_t length = 0;
		if (plan.count > 0)
			plan_range(&plan, plan.count, &offset, &length);
		if (r != c->r || plan.count != c->count || length != c->last)
			fail_msg("case %zu: %d, %u chunks, last %llu", i, r,
				 plan.count, (unsigned long long)length);
	}
}

/* Every byte once, in order. */
static void test_ranges_cover(void **state)
{
	(void)state;
	for (uint64_t size = 2; size < 60; size++) {
		for (uint64_t chunk_size = 1; chunk_size < 20; chunk_size++) {
			struct plan plan;
			struct err err;
			assert_int_equal(plan_make(size, false, true,
						   chunk_size, &plan, &err),
					 0);
			uint64_t next = 0;
			for (unsigned k = 1; k <= plan.count; k++) {
				uint64_t offset;
				uint64_t length;
				plan_range(&plan, k, &offset, &length);
				assert_int_equal(offset, next);
				assert_true(length > 0 && length <= chunk_size);
				next += length;
			}
			assert_int_equal(next, size);
			assert_true(plan.count > 1);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_ranges_cover),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
