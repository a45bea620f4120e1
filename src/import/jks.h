/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Java's own keystore format, JKS, versions 1 and 2.
 *
 * All numbers big-endian: magic, version, number of entries; an entry is a tag
 * (1 key, 2 trusted certificate), alias and time, then for a key the protected
 * key and its chain, for the other one certificate. At the end a SHA-1 over the
 * password (UTF-16BE), the words "Mighty Aphrodite" and all that came before.
 * A key is an EncryptedPrivateKeyInfo of Sun's own protector: salt (20), key
 * XOR a stream of SHA-1 (password, then salt or the block before), check (20).
 */
#ifndef MESHDROP_IMPORT_JKS_H
#define MESHDROP_IMPORT_JKS_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct keystore;

#define JKS_MAGIC UINT32_C(0xfeedfeed)

/* Fills a fresh store; after an error it may be half filled. */
int jks_read(const unsigned char *data, size_t len, const char *password,
	     struct keystore *store, struct err *err)
	__attribute__((warn_unused_result));

#endif
