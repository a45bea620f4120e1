/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The body of one request, made from a range of the data file.
 *
 * Compressed bodies are written to an unnamed file first, so that their length
 * is known and what is sent cannot change under our hands. Memory does not
 * grow with the file.
 */
#ifndef MESHDROP_MESH_PAYLOAD_H
#define MESHDROP_MESH_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "net/http.h"

struct err;

struct payload {
	struct http_source source;
	bool gzip;
	int own_fd; /* owned: the compressed copy; -1 if none */
};

/* Where the bytes are. last_look may be NULL; see struct http_source. */
struct payload_origin {
	int fd;
	const char *label;
	int temp_dir; /* where the unnamed file may be made */
	int (*last_look)(void *ctx, struct err *err);
	void *ctx;
};

/* The range [offset, offset + length); ERR_LIMIT when the result has more than
 * most bytes (then nothing is held). */
int payload_make(const struct payload_origin *origin, uint64_t offset,
		 uint64_t length, bool gzip, uint64_t most, struct payload *ret,
		 struct err *err) __attribute__((warn_unused_result));
void payload_release(struct payload *payload);

#endif
