/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Where the sandbox can be reached: on loopback, and nowhere else.
 */
#ifndef MESHDROP_SANDBOX_LISTEN_H
#define MESHDROP_SANDBOX_LISTEN_H

#include <stdint.h>

struct err;

/* Listens on 127.0.0.1; port 0 is any free one. */
int listen_open(uint16_t port, int *ret_fd, uint16_t *ret_port, struct err *err)
	__attribute__((warn_unused_result));

/* Writes the number to a file, which appears whole or not at all. */
int listen_tell(const char *path, uint16_t port, struct err *err)
	__attribute__((warn_unused_result));

#endif
