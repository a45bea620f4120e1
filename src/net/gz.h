/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * gzip: whole ranges out, streams in.
 *
 * Compression makes exactly one member from a range of a file, into another
 * file, so that the length is known before the request is sent; memory is
 * bounded (libdeflate for ranges up to GZ_BLOCK_MAX where configure found it,
 * zlib's stream otherwise). Expansion is ours, never libcurl's: it takes any
 * number of members, carries its state over calls (a sender may have cut one
 * stream into chunks), has an output ceiling, and knows whether it stands
 * between members: only then is the data complete.
 */
#ifndef MESHDROP_NET_GZ_H
#define MESHDROP_NET_GZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct gz_reader;

#define GZ_BLOCK_MAX ((uint64_t)32 << 20)

/* Compresses length bytes of from at offset into to, from its start. Output
 * over most bytes is ERR_LIMIT (early, not after all the work). A source
 * shorter than length is ERR_CHANGED. */
int gz_compress(int from, const char *from_label, uint64_t offset,
		uint64_t length, int to, uint64_t most, uint64_t *ret_length,
		struct err *err) __attribute__((warn_unused_result));

/* Gets expanded bytes; non-zero (a negative err_code) stops. */
typedef int gz_write_fn(void *ctx, const void *data, size_t len,
			struct err *err);

/* total: bytes of the same message that an earlier reader gave out. */
struct gz_reader *gz_reader_new(uint64_t total);
struct gz_reader *gz_reader_free(struct gz_reader *gz);
/* ERR_CORRUPT for bytes that are not gzip, a bad checksum or trailing
 * garbage; ERR_LIMIT when the total over all calls passes most. */
int gz_reader_feed(struct gz_reader *gz, const void *data, size_t len,
		   uint64_t most, gz_write_fn *write, void *ctx,
		   struct err *err) __attribute__((warn_unused_result));
/* Bytes that are not compressed, into the same total. */
int gz_reader_pass(struct gz_reader *gz, const void *data, size_t len,
		   uint64_t most, gz_write_fn *write, void *ctx,
		   struct err *err) __attribute__((warn_unused_result));
/* Another one in the same state, to go back to with gz_reader_restore. */
struct gz_reader *gz_reader_copy(struct gz_reader *gz);
void gz_reader_restore(struct gz_reader *gz, struct gz_reader *from);
/* True when every member begun has ended. */
bool gz_reader_between(const struct gz_reader *gz);

#endif
