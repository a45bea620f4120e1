/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The bytes of a message as somebody will read them.
 */
#ifndef MESHDROP_SANDBOX_CONTENT_H
#define MESHDROP_SANDBOX_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct message;
struct sandbox;

#define CONTENT_HASH_SIZE 65

struct content {
	int fd; /* the caller's to close */
	uint64_t len;
	bool gzip;
};

/* Chunk number for a client that does or does not take gzip. A chunk stored
 * as gzip is expanded for one that does not; a small plain one is compressed
 * when pack is set. ERR_CORRUPT when what the sender called gzip is not. */
int content_open(const struct sandbox *sb, const struct message *message,
		 unsigned number, bool takes_gzip, bool pack,
		 struct content *ret, struct err *err)
	__attribute__((warn_unused_result));

/* SHA-256 of all chunks, decoded, in order. */
int content_hash(const struct sandbox *sb, const struct message *message,
		 char ret[CONTENT_HASH_SIZE], struct err *err)
	__attribute__((warn_unused_result));

#endif
