/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "import/keystore.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "base/err.h"
#include "import/jks.h"
#include "import/p12.h"

#define MAGIC_JCEKS UINT32_C(0xcececece)
#define DER_SEQUENCE 0x30

void keystore_init(struct keystore *store)
{
	*store = (struct keystore){
		.chain = sk_X509_new_null(),
		.trusted = sk_X509_new_null(),
	};
	if (!store->chain || !store->trusted)
		abort(); /* as all small allocations do */
}

void keystore_release(struct keystore *store)
{
	if (!store)
		return;
	EVP_PKEY_free(store->key);
	X509_free(store->certificate);
	sk_X509_pop_free(store->chain, X509_free);
	sk_X509_pop_free(store->trusted, X509_free);
	*store = (struct keystore){ .kind = NULL };
}

void keystore_push(STACK_OF(X509) * stack, X509 *certificate)
{
	if (sk_X509_push(stack, certificate) <= 0)
		abort(); /* as all small allocations do */
}

static int read_kind(const unsigned char *data, size_t len,
		     const char *password, struct keystore *store,
		     struct err *err)
{
	uint32_t magic = 0;
	for (size_t i = 0; i < 4 && i < len; i++)
		magic = magic << 8 | data[i];
	if (len >= 4 && magic == JKS_MAGIC)
		return jks_read(data, len, password, store, err);
	if (len >= 4 && magic == MAGIC_JCEKS)
		return err_set(err, ERR_INVALID,
			       "is a JCEKS keystore, which cannot be read "
			       "here: make a PKCS#12 one of it with 'keytool "
			       "-importkeystore -srckeystore OLD "
			       "-destkeystore NEW -deststoretype PKCS12' and "
			       "give that with --keystore");
	if (len >= 1 && data[0] == DER_SEQUENCE)
		return p12_read(data, len, password, store, err);
	return err_set(err, ERR_INVALID,
		       "is neither a JKS nor a PKCS#12 keystore");
}

int keystore_read(const void *data, size_t len, const char *password,
		  struct keystore *ret, struct err *err)
{
	struct keystore store;
	keystore_init(&store);
	ERR_clear_error();
	int r = read_kind(data, len, password, &store, err);
	/* Nobody may find our failure in this thread's queue. */
	ERR_clear_error();
	if (r < 0) {
		keystore_release(&store);
		return r;
	}
	*ret = store;
	return 0;
}
