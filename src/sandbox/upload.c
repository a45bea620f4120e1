/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/upload.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/fsx.h"
#include "base/mem.h"

void upload_init(struct upload *upload)
{
	*upload = (struct upload){ .dirfd = -1, .fd = -1 };
}

int upload_open(struct upload *upload, int dirfd, uint64_t number,
		struct err *err)
{
	upload->dirfd = dirfd;
	(void)snprintf(upload->name, sizeof(upload->name), "%" PRIu64, number);
	return fsx_create(dirfd, upload->name, 0600, &upload->fd, err);
}

int upload_write(struct upload *upload, const char *data, size_t len,
		 struct err *err)
{
	int result = 0;

	if (upload->size + len > UPLOAD_MAX)
		upload->too_large = true;
	if (!upload->too_large && upload->fd >= 0)
		result = fsx_pwrite(upload->fd, upload->name, data, len,
				    upload->size, err);
	upload->size += len;
	return result;
}

void upload_release(struct upload *upload)
{
	if (upload->fd >= 0) {
		mem_auto_close(&upload->fd);
		/* What stays here is swept at the next start. */
		(void)!fsx_remove(upload->dirfd, upload->name, NULL);
	}
	upload_init(upload);
}

int upload_sweep(int dirfd, struct err *err)
{
	struct fsx_dir *dir = NULL;
	const char *name = NULL;
	int result = fsx_dir_open(dirfd, &dir, err);

	while (result == 0) {
		result = fsx_dir_next(dir, &name, err);
		if (result < 0 || !name)
			break;
		result = fsx_remove(dirfd, name, err);
	}
	(void)fsx_dir_close(dir); /* only read */
	return result;
}
