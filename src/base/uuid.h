/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Names that nobody else has: random, from the kernel.
 */
#ifndef MESHDROP_BASE_UUID_H
#define MESHDROP_BASE_UUID_H

#include <stddef.h>
#include <stdint.h>

#define UUID_SIZE 37

/* A version 4 UUID in lower case. */
void uuid_make(char ret[UUID_SIZE]);

/* digits hexadecimal characters and a NUL; ret has digits + 1 bytes. */
void uuid_hex(char *ret, size_t digits);

#endif
