/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * gzip from file to file in a fixed window. Both start at offset 0.
 */
#ifndef MESHDROP_SANDBOX_GZIP_H
#define MESHDROP_SANDBOX_GZIP_H

#include <stdint.h>

struct err;

/* Any number of members up to the end of the input; ERR_CORRUPT when it is
 * not gzip or stops early, ERR_LIMIT when more than most bytes come out. */
int gzip_expand(int in_fd, int out_fd, uint64_t most, uint64_t *ret_size,
		struct err *err) __attribute__((warn_unused_result));
int gzip_compress(int in_fd, int out_fd, uint64_t *ret_size, struct err *err)
	__attribute__((warn_unused_result));

#endif
