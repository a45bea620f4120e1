/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * PKCS#12 keystores, as openssl and newer keytools write them.
 *
 * Walks all bags, so that keys are counted and certificates kept that stand
 * beside them. Old ones are encrypted with RC2, for which OpenSSL 3 needs its
 * legacy provider: it is loaded for as long as it is needed, where the machine
 * has it.
 */
#ifndef MESHDROP_IMPORT_P12_H
#define MESHDROP_IMPORT_P12_H

#include <stddef.h>

struct err;
struct keystore;

/* Fills a fresh store; after an error it may be half filled. */
int p12_read(const unsigned char *data, size_t len, const char *password,
	     struct keystore *store, struct err *err)
	__attribute__((warn_unused_result));

#endif
