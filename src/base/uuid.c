/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "base/uuid.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* The kernel's generator does not fail once it is up; a daemon that cannot
 * make unique names must not go on. */
static void fill(unsigned char *bytes, size_t len)
{
	ssize_t n;
	do {
		n = getrandom(bytes, len, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0 || (size_t)n != len)
		abort();
}

void uuid_make(char ret[UUID_SIZE])
{
	unsigned char b[16];
	fill(b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	(void)snprintf(ret, UUID_SIZE,
		       "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
		       "%02x%02x%02x%02x%02x%02x",
		       b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8],
		       b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

void uuid_hex(char *ret, size_t digits)
{
	unsigned char bytes[32];
	assert(digits <= 2 * sizeof(bytes));
	fill(bytes, (digits + 1) / 2);
	for (size_t i = 0; i < digits; i++) {
		unsigned nibble = i % 2 ? bytes[i / 2] & 15u :
					  bytes[i / 2] >> 4;
		ret[i] = "0123456789abcdef"[nibble];
	}
	ret[digits] = '\0';
}
