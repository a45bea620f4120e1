/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* A keystore of the Java client: JKS or PKCS#12. Whatever is read has a key
 * that can be used, or is refused with a text. A JKS file is read once more
 * with its checksum put right, without which nothing behind it is reached. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/err.h"
#include "base/mem.h"
#include "fuzz.h"
#include "import/identity.h"
#include "import/keystore.h"

#define NOW INT64_C(1800000000)
#define PASSWORD "changeit"
#define SUM_SIZE ((size_t)20)

static void read_one(const uint8_t *data, size_t size)
{
	struct keystore store;
	struct identity identity;
	struct err err;
	err_clear(&err);
	if (keystore_read(data, size, PASSWORD, &store, &err) < 0) {
		FUZZ_HOLDS(err.text[0] != '\0');
		return;
	}
	FUZZ_HOLDS(store.key || store.key_count == 0);
	if (identity_make(&store, NOW, &identity, &err) < 0) {
		FUZZ_HOLDS(err.text[0] != '\0');
	} else {
		FUZZ_HOLDS(identity.ca_count > 0 && identity.key.len > 0);
		identity_release(&identity);
	}
	keystore_release(&store);
}

static void put_sum(uint8_t *data, size_t size)
{
	static const char whitener[] = "Mighty Aphrodite";
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	FUZZ_HOLDS(ctx && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) == 1);
	for (const char *c = PASSWORD; *c != '\0'; c++) {
		const char wide[2] = { 0, *c };
		FUZZ_HOLDS(EVP_DigestUpdate(ctx, wide, 2) == 1);
	}
	FUZZ_HOLDS(EVP_DigestUpdate(ctx, whitener, strlen(whitener)) == 1);
	FUZZ_HOLDS(EVP_DigestUpdate(ctx, data, size - SUM_SIZE) == 1);
	FUZZ_HOLDS(EVP_DigestFinal_ex(ctx, data + size - SUM_SIZE, NULL) == 1);
	EVP_MD_CTX_free(ctx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t magic[] = { 0xfe, 0xed, 0xfe, 0xed };
	read_one(data, size);
	if (size <= SUM_SIZE || memcmp(data, magic, sizeof(magic)) != 0)
		return 0;
	uint8_t *copy = xmalloc(size);
	memcpy(copy, data, size);
	put_sum(copy, size);
	read_one(copy, size);
	free(copy);
	return 0;
}
