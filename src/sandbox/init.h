/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * meshdrop-sandbox --init: everything for a first try, in one new directory.
 *
 * Makes a CA, server and client certificates, the shared key, two mailboxes
 * with their folders, and settings for meshdropd that fit them. Refuses a
 * directory that has anything in it.
 */
#ifndef MESHDROP_SANDBOX_INIT_H
#define MESHDROP_SANDBOX_INIT_H

#include <stdint.h>

struct err;

int init_directory(const char *path, uint16_t port, struct err *err)
	__attribute__((warn_unused_result));

#endif
