/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "net/gz.h"

#include <stdlib.h>
#include <string.h>

#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif
#include <zlib.h>

#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"

#define LEVEL 6
#define WINDOW_GZIP (15 + 16) /* zlib: largest window, gzip wrapper only */
#define MEMORY_LEVEL 8
#define PIECE ((size_t)64 << 10)

static int too_long(struct err *err, const char *label, uint64_t most)
{
	return err_set(err, ERR_LIMIT,
		       "%s has more than %llu bytes when compressed", label,
		       (unsigned long long)most);
}

static int read_exactly(int fd, const char *label, void *data, size_t len,
			uint64_t offset, struct err *err)
{
	size_t got = 0;
	int r = fsx_pread(fd, label, data, len, offset, &got, err);
	if (r == 0 && got < len)
		r = err_set(err, ERR_CHANGED,
			    "%s became shorter while it was read", label);
	return r;
}

/* --- compression by zlib, in a fixed window --- */

struct packer {
	z_stream z;
	int from;
	const char *label;
	int to;
	uint64_t most;
	uint64_t written;
	unsigned char in[PIECE];
	unsigned char out[PIECE];
};

/* Compresses what is in the input window. */
static int pack(struct packer *p, int flush, struct err *err)
{
	int z;
	do {
		p->z.next_out = p->out;
		p->z.avail_out = (uInt)sizeof(p->out);
		z = deflate(&p->z, flush);
		if (z == Z_STREAM_ERROR)
			return err_set(err, ERR_IO,
				       "cannot compress %s: zlib "
				       "failed",
				       p->label);
		size_t len = sizeof(p->out) - p->z.avail_out;
		if (len > p->most - p->written)
			return too_long(err, p->label, p->most);
		int r = fsx_pwrite(p->to, p->label, p->out, len, p->written,
				   err);
		if (r < 0)
			return r;
		p->written += len;
	} while (flush == Z_FINISH ? z != Z_STREAM_END : p->z.avail_out == 0);
	return 0;
}

static int pack_range(struct packer *p, uint64_t offset, uint64_t length,
		      struct err *err)
{
	for (;;) {
		size_t want = length < PIECE ? (size_t)length : PIECE;
		int r = read_exactly(p->from, p->label, p->in, want, offset,
				     err);
		if (r < 0)
			return r;
		p->z.next_in = p->in;
		p->z.avail_in = (uInt)want;
		offset += want;
		length -= want;
		r = pack(p, length == 0 ? Z_FINISH : Z_NO_FLUSH, err);
		if (r < 0 || length == 0)
			return r;
	}
}

static int stream_compress(struct packer *p, uint64_t offset, uint64_t length,
			   struct err *err)
{
	if (deflateInit2(&p->z, LEVEL, Z_DEFLATED, WINDOW_GZIP, MEMORY_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		abort(); /* no memory; as xmalloc does */
	int r = pack_range(p, offset, length, err);
	(void)deflateEnd(&p->z); /* says only whether data was left */
	return r;
}

/* --- compression by libdeflate, of a whole block --- */

#ifdef HAVE_LIBDEFLATE
static int block_compress(struct packer *p, uint64_t offset, size_t length,
			  struct err *err)
{
	AUTO_FREE unsigned char *in = xmalloc(length + 1);
	int r = read_exactly(p->from, p->label, in, length, offset, err);
	if (r < 0)
		return r;
	struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(
		LEVEL);
	if (!compressor)
		abort(); /* no memory; as xmalloc does */
	size_t room = libdeflate_gzip_compress_bound(compressor, length);
	if (room > p->most)
		room = (size_t)p->most;
	AUTO_FREE unsigned char *out = xmalloc(room + 1);
	size_t len = libdeflate_gzip_compress(compressor, in, length, out,
					      room);
	libdeflate_free_compressor(compressor);
	if (len == 0)
		return too_long(err, p->label, p->most);
	r = fsx_pwrite(p->to, p->label, out, len, 0, err);
	p->written = len;
	return r;
}
#endif

static int compress_range(struct packer *p, uint64_t offset, uint64_t length,
			  struct err *err)
{
#ifdef HAVE_LIBDEFLATE
	if (length <= GZ_BLOCK_MAX)
		return block_compress(p, offset, (size_t)length, err);
#endif
	return stream_compress(p, offset, length, err);
}

int gz_compress(int from, const char *from_label, uint64_t offset,
		uint64_t length, int to, uint64_t most, uint64_t *ret_length,
		struct err *err)
{
	AUTO_FREE struct packer *p = xcalloc(1, sizeof(*p));
	p->from = from;
	p->label = from_label;
	p->to = to;
	p->most = most;
	int r = compress_range(p, offset, length, err);
	if (r == 0)
		*ret_length = p->written;
	return r;
}

/* --- expansion --- */

struct gz_reader {
	z_stream z;
	bool inside; /* of a member */
	uint64_t total;
	unsigned char out[PIECE];
};

struct gz_reader *gz_reader_new(uint64_t total)
{
	struct gz_reader *gz = xcalloc(1, sizeof(*gz));
	gz->total = total;
	if (inflateInit2(&gz->z, WINDOW_GZIP) != Z_OK)
		abort(); /* no memory; as xmalloc does */
	return gz;
}

struct gz_reader *gz_reader_free(struct gz_reader *gz)
{
	if (gz)
		(void)inflateEnd(&gz->z); /* frees whatever the state is */
	free(gz);
	return NULL;
}

static void copy_state(struct gz_reader *to, struct gz_reader *from)
{
	if (inflateCopy(&to->z, &from->z) != Z_OK)
		abort(); /* no memory; as xmalloc does */
	to->inside = from->inside;
	to->total = from->total;
}

struct gz_reader *gz_reader_copy(struct gz_reader *gz)
{
	struct gz_reader *copy = xcalloc(1, sizeof(*copy));
	copy_state(copy, gz);
	return copy;
}

void gz_reader_restore(struct gz_reader *gz, struct gz_reader *from)
{
	(void)inflateEnd(&gz->z); /* frees whatever the state is */
	copy_state(gz, from);
}

bool gz_reader_between(const struct gz_reader *gz)
{
	return !gz->inside;
}

int gz_reader_pass(struct gz_reader *gz, const void *data, size_t len,
		   uint64_t most, gz_write_fn *write, void *ctx,
		   struct err *err)
{
	if (gz->total > most || len > most - gz->total)
		return err_set(err, ERR_LIMIT,
			       "the message has more than %llu bytes",
			       (unsigned long long)most);
	gz->total += len;
	return len > 0 ? write(ctx, data, len, err) : 0;
}

/* One step; a negative answer for bytes that are no gzip. */
static int expand(struct gz_reader *gz, size_t *ret_len, struct err *err)
{
	if (!gz->inside && inflateReset(&gz->z) != Z_OK)
		return err_set(err, ERR_CORRUPT, "zlib cannot start anew");
	gz->inside = true;
	gz->z.next_out = gz->out;
	gz->z.avail_out = (uInt)sizeof(gz->out);
	int z = inflate(&gz->z, Z_NO_FLUSH);
	*ret_len = sizeof(gz->out) - gz->z.avail_out;
	if (z == Z_STREAM_END)
		gz->inside = false;
	else if (z != Z_OK && z != Z_BUF_ERROR)
		return err_set(err, ERR_CORRUPT,
			       "the data is not intact gzip (%s)",
			       gz->z.msg ? gz->z.msg : "zlib failed");
	return 0;
}

int gz_reader_feed(struct gz_reader *gz, const void *data, size_t len,
		   uint64_t most, gz_write_fn *write, void *ctx,
		   struct err *err)
{
	const unsigned char *p = data;
	while (len > 0) {
		size_t piece = len < PIECE ? len : PIECE;
		unsigned char in[PIECE];
		memcpy(in, p, piece); /* zlib's input is not const */
		gz->z.next_in = in;
		gz->z.avail_in = (uInt)piece;
		p += piece;
		len -= piece;
		bool full = false;
		while (gz->z.avail_in > 0 || full) {
			size_t got = 0;
			int r = expand(gz, &got, err);
			if (r == 0)
				r = gz_reader_pass(gz, gz->out, got, most,
						   write, ctx, err);
			if (r < 0)
				return r;
			/* Only inside a member can more be waiting. */
			full = gz->inside && got == sizeof(gz->out);
		}
	}
	return 0;
}
