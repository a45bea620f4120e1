/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"
#include "mesh/payload.h"
#include "net/gz.h"
#include "scratch.h"

#define TEXT "0123456789abcdefghij0123456789abcdefghij"

struct fixture {
	struct scratch scratch;
	struct payload_origin origin;
	struct err err;
	size_t fds;
};

static int look(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	return 0;
}

static void setup(struct fixture *f)
{
	scratch_make(&f->scratch);
	scratch_write(&f->scratch, "a.dat", TEXT);
	f->origin = (struct payload_origin){
		.label = "a.dat",
		.temp_dir = f->scratch.fd,
		.last_look = look,
		.ctx = f,
	};
	assert_int_equal(fsx_open_read(f->scratch.fd, "a.dat", &f->origin.fd,
				       NULL, &f->err),
			 0);
	f->fds = scratch_count_fds();
}

static void teardown(struct fixture *f)
{
	/* Nothing was left open. */
	assert_int_equal(scratch_count_fds(), f->fds);
	assert_int_equal(fsx_close(&f->origin.fd, "a.dat", &f->err), 0);
	scratch_remove(&f->scratch);
}

static void test_plain(void **state)
{
	(void)state;
	struct fixture f;
	struct payload payload;
	setup(&f);
	assert_int_equal(payload_make(&f.origin, 10, 20, false, 20, &payload,
				      &f.err),
			 0);
	assert_int_equal(payload.source.fd, f.origin.fd);
	assert_int_equal(payload.source.offset, 10);
	assert_int_equal(payload.source.length, 20);
	assert_ptr_equal(payload.source.last_look, look);
	assert_ptr_equal(payload.source.ctx, &f);
	assert_int_equal(payload.own_fd, -1);
	assert_false(payload.gzip);
	payload_release(&payload);
	teardown(&f);
}

static int collect(void *ctx, const void *data, size_t len, struct err *err)
{
	if (!buf_append(ctx, data, len))
		return err_set(err, ERR_IO, "the test's buffer is full");
	return 0;
}

static void test_gzip(void **state)
{
	(void)state;
	struct fixture f;
	struct payload payload;
	char packed[200];
	size_t len = 0;
	struct buf plain;
	setup(&f);
	buf_init(&plain, 1000);
	assert_int_equal(payload_make(&f.origin, 10, 20, true, 200, &payload,
				      &f.err),
			 0);
	assert_true(payload.gzip);
	assert_int_equal(payload.source.fd, payload.own_fd);
	assert_int_equal(payload.source.offset, 0);
	assert_ptr_equal(payload.source.last_look, look);
	assert_int_equal(fsx_pread(payload.source.fd, "packed", packed,
				   sizeof(packed), 0, &len, &f.err),
			 0);
	assert_int_equal(payload.source.length, len);
	struct gz_reader *gz = gz_reader_new(0);
	assert_int_equal(gz_reader_feed(gz, packed, len, 1000, collect, &plain,
					&f.err),
			 0);
	assert_true(gz_reader_between(gz));
	gz_reader_free(gz);
	assert_string_equal(plain.data, "abcdefghij0123456789");
	buf_release(&plain);
	payload_release(&payload);
	payload_release(&payload); /* twice is fine */
	teardown(&f);
}

static void test_failures(void **state)
{
	(void)state;
	struct fixture f;
	struct payload payload = { .own_fd = 4711 };
	setup(&f);
	assert_int_equal(payload_make(&f.origin, 0, 40, false, 39, &payload,
				      &f.err),
			 -ERR_LIMIT);
	assert_int_equal(payload_make(&f.origin, 0, 40, true, 10, &payload,
				      &f.err),
			 -ERR_LIMIT);
	assert_int_equal(payload_make(&f.origin, 30, 20, true, 200, &payload,
				      &f.err),
			 -ERR_CHANGED);
	assert_non_null(strstr(f.err.text, "a.dat"));
	assert_int_equal(payload.own_fd, 4711);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_gzip),
		cmocka_unit_test(test_failures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
