/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/gzip.h"

#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "base/err.h"
#include "base/fsx.h"

#define WINDOW 65536
#define GZIP_BITS (15 + 16)

/* One direction of work; the zlib stream belongs to the caller. */
struct work {
	z_stream z;
	int in_fd;
	int out_fd;
	uint64_t in_at;
	uint64_t out_at;
	uint64_t most;
	bool ended; /* the last member is complete */
	unsigned char in[WINDOW];
	unsigned char out[WINDOW];
};

static int fill(struct work *w, struct err *err)
{
	size_t got = 0;

	if (fsx_pread(w->in_fd, "chunk", w->in, sizeof(w->in), w->in_at, &got,
		      err) < 0)
		return -(int)err->code;
	w->in_at += got;
	w->z.next_in = w->in;
	w->z.avail_in = (uInt)got;
	return 0;
}

static int drain(struct work *w, struct err *err)
{
	size_t made = sizeof(w->out) - w->z.avail_out;

	if (w->out_at + made > w->most)
		return err_set(err, ERR_LIMIT,
			       "chunk expands to more than %llu bytes",
			       (unsigned long long)w->most);
	if (made > 0 &&
	    fsx_pwrite(w->out_fd, "chunk", w->out, made, w->out_at, err) < 0)
		return -(int)err->code;
	w->out_at += made;
	w->z.next_out = w->out;
	w->z.avail_out = sizeof(w->out);
	return 0;
}

/* Uses up what is in the input window. */
static int expand_window(struct work *w, struct err *err)
{
	do {
		if (w->ended && w->z.avail_in > 0) {
			if (inflateReset(&w->z) != Z_OK)
				return err_set(err, ERR_CORRUPT,
					       "zlib refused to start again");
			w->ended = false;
		}

		int status = inflate(&w->z, Z_NO_FLUSH);

		if (status != Z_OK && status != Z_STREAM_END &&
		    status != Z_BUF_ERROR)
			return err_set(err, ERR_CORRUPT,
				       "chunk is not gzip, or is damaged");
		w->ended = status == Z_STREAM_END;

		bool full = w->z.avail_out == 0;

		if (drain(w, err) < 0)
			return -(int)err->code;
		if (!full && w->z.avail_in == 0)
			return 0;
	} while (w->z.avail_in > 0 || !w->ended);
	return 0;
}

int gzip_expand(int in_fd, int out_fd, uint64_t most, uint64_t *ret_size,
		struct err *err)
{
	struct work w = { .in_fd = in_fd, .out_fd = out_fd, .most = most };
	int result = 0;

	w.z.next_out = w.out;
	w.z.avail_out = sizeof(w.out);
	if (inflateInit2(&w.z, GZIP_BITS) != Z_OK)
		return err_set(err, ERR_LIMIT, "zlib has no memory");
	for (;;) {
		result = fill(&w, err);
		if (result < 0 || w.z.avail_in == 0)
			break;
		result = expand_window(&w, err);
		if (result < 0)
			break;
	}
	(void)inflateEnd(&w.z); /* nothing to lose */
	if (result == 0 && !w.ended)
		result = err_set(err, ERR_CORRUPT, "chunk ends in mid-stream");
	if (result == 0)
		*ret_size = w.out_at;
	return result;
}

static int compress_all(struct work *w, struct err *err)
{
	int status = Z_OK;

	while (status != Z_STREAM_END) {
		if (w->z.avail_in == 0 && fill(w, err) < 0)
			return -(int)err->code;
		/* An empty window after a read is the end of the file. */
		status = deflate(&w->z,
				 w->z.avail_in == 0 ? Z_FINISH : Z_NO_FLUSH);
		if (status == Z_STREAM_ERROR)
			return err_set(err, ERR_CORRUPT, "zlib failed");
		if (drain(w, err) < 0)
			return -(int)err->code;
	}
	return 0;
}

int gzip_compress(int in_fd, int out_fd, uint64_t *ret_size, struct err *err)
{
	struct work w = { .in_fd = in_fd,
			  .out_fd = out_fd,
			  .most = UINT64_MAX };

	w.z.next_out = w.out;
	w.z.avail_out = sizeof(w.out);
	if (deflateInit2(&w.z, 6, Z_DEFLATED, GZIP_BITS, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return err_set(err, ERR_LIMIT, "zlib has no memory");

	int result = compress_all(&w, err);

	(void)deflateEnd(&w.z); /* nothing to lose */
	if (result == 0)
		*ret_size = w.out_at;
	return result;
}
