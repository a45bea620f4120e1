/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* A keystore of the Java client: JKS or PKCS#12. Whatever is read has a key
 * that can be used, or is refused with a text. */
#include "config.h"

#include "base/err.h"
#include "fuzz.h"
#include "import/identity.h"
#include "import/keystore.h"

#define NOW INT64_C(1800000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keystore store;
	struct identity identity;
	struct err err;
	err_clear(&err);
	if (keystore_read(data, size, "changeit", &store, &err) < 0) {
		FUZZ_HOLDS(err.text[0] != '\0');
		return 0;
	}
	FUZZ_HOLDS(store.key || store.key_count == 0);
	if (identity_make(&store, NOW, &identity, &err) < 0) {
		FUZZ_HOLDS(err.text[0] != '\0');
	} else {
		FUZZ_HOLDS(identity.ca_count > 0 && identity.key.len > 0);
		identity_release(&identity);
	}
	keystore_release(&store);
	return 0;
}
