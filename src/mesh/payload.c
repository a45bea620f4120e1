/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "mesh/payload.h"

#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "net/gz.h"

static int compress(const struct payload_origin *origin, uint64_t offset,
		    uint64_t length, uint64_t most, struct payload *payload,
		    struct err *err)
{
	AUTO_CLOSE int fd = -1;
	int r = fsx_open_unnamed(origin->temp_dir, &fd, err);
	if (r == 0)
		r = gz_compress(origin->fd, origin->label, offset, length, fd,
				most, &payload->source.length, err);
	if (r < 0)
		return r;
	payload->source.fd = fd;
	payload->source.offset = 0;
	payload->own_fd = fd;
	fd = -1;
	return 0;
}

int payload_make(const struct payload_origin *origin, uint64_t offset,
		 uint64_t length, bool gzip, uint64_t most, struct payload *ret,
		 struct err *err)
{
	struct payload payload = {
		.source = {
			.fd = origin->fd,
			.label = origin->label,
			.offset = offset,
			.length = length,
			.last_look = origin->last_look,
			.ctx = origin->ctx,
		},
		.gzip = gzip,
		.own_fd = -1,
	};
	if (gzip) {
		int r = compress(origin, offset, length, most, &payload, err);
		if (r < 0)
			return r;
	} else if (length > most) {
		return err_set(err, ERR_LIMIT, "%s has more than %llu bytes",
			       origin->label, (unsigned long long)most);
	}
	*ret = payload;
	return 0;
}

void payload_release(struct payload *payload)
{
	if (!payload)
		return;
	mem_auto_close(&payload->own_fd);
	*payload = (struct payload){ .source = { .fd = -1 }, .own_fd = -1 };
}
