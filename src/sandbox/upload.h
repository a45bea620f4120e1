/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * A request body on its way to disk: a file that is gone unless it is taken.
 */
#ifndef MESHDROP_SANDBOX_UPLOAD_H
#define MESHDROP_SANDBOX_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 100 MB a request, as documented. */
#define UPLOAD_MAX UINT64_C(100000000)

struct err;

struct upload {
	int dirfd; /* borrowed */
	int fd;
	char name[32];
	uint64_t size;
	bool too_large;
};

void upload_init(struct upload *upload);
int upload_open(struct upload *upload, int dirfd, uint64_t number,
		struct err *err) __attribute__((warn_unused_result));
/* Beyond the limit the bytes are dropped and too_large is set. */
int upload_write(struct upload *upload, const char *data, size_t len,
		 struct err *err) __attribute__((warn_unused_result));
/* Closes, and removes the file if nobody renamed it. */
void upload_release(struct upload *upload);
/* At start: removes what an earlier life left. */
int upload_sweep(int dirfd, struct err *err)
	__attribute__((warn_unused_result));

#endif
