/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "import/p12.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "base/text.h"
#include "import/keystore.h"

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
#include <openssl/provider.h>
#endif

#define DEPTH_MAX 4

/* Sun's mark of a certificate that is trusted; others stand beside a key. */
#define TRUSTED "2.16.840.1.113894.746875.1.1"

struct walk {
	struct keystore *store;
	const char *password;
	bool failed; /* something could not be decrypted or read */
};

/* --- bags --- */

static void take_key(struct walk *walk, const PKCS12_SAFEBAG *bag,
		     const PKCS8_PRIV_KEY_INFO *info)
{
	struct keystore *store = walk->store;
	store->key_count++;
	if (store->key_count > 1)
		return;
	store->key = info ? EVP_PKCS82PKEY(info) : NULL;
	if (!store->key)
		walk->failed = true;
	/* the cast: older versions lack the const, and change nothing */
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): see above */
	char *alias = PKCS12_get_friendlyname((PKCS12_SAFEBAG *)(uintptr_t)bag);
	text_escape(store->alias, sizeof(store->alias), alias ? alias : "");
	OPENSSL_free(alias);
}

static bool is_trusted(const PKCS12_SAFEBAG *bag)
{
	const STACK_OF(X509_ATTRIBUTE) *attributes = PKCS12_SAFEBAG_get0_attrs(
		bag);
	for (int i = 0; i < sk_X509_ATTRIBUTE_num(attributes); i++) {
		char name[64];
		X509_ATTRIBUTE *attribute = sk_X509_ATTRIBUTE_value(attributes,
								    i);
		if (OBJ_obj2txt(name, sizeof(name),
				X509_ATTRIBUTE_get0_object(attribute), 1) > 0 &&
		    strcmp(name, TRUSTED) == 0)
			return true;
	}
	return false;
}

static void take_certificate(struct walk *walk, PKCS12_SAFEBAG *bag)
{
	if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate)
		return;
	X509 *certificate = PKCS12_SAFEBAG_get1_cert(bag);
	if (!certificate)
		walk->failed = true;
	else if (is_trusted(bag))
		keystore_push(walk->store->trusted, certificate);
	else
		keystore_push(walk->store->chain, certificate);
}

/* NOLINTBEGIN(misc-no-recursion): DEPTH_MAX ends it */
static void take_bags(struct walk *walk, const STACK_OF(PKCS12_SAFEBAG) * bags,
		      int depth);

static void take_bag(struct walk *walk, PKCS12_SAFEBAG *bag, int depth)
{
	PKCS8_PRIV_KEY_INFO *info = NULL;
	switch (PKCS12_SAFEBAG_get_nid(bag)) {
	case NID_keyBag:
		take_key(walk, bag, PKCS12_SAFEBAG_get0_p8inf(bag));
		break;
	case NID_pkcs8ShroudedKeyBag:
		info = PKCS12_decrypt_skey(bag, walk->password, -1);
		take_key(walk, bag, info);
		PKCS8_PRIV_KEY_INFO_free(info);
		break;
	case NID_certBag:
		take_certificate(walk, bag);
		break;
	case NID_safeContentsBag:
		take_bags(walk, PKCS12_SAFEBAG_get0_safes(bag), depth + 1);
		break;
	default: /* a number of OpenSSL's, not an enum of ours */
		break;
	}
}

/* Calls itself through take_bag, to a depth that nothing real has. */
static void take_bags(struct walk *walk, const STACK_OF(PKCS12_SAFEBAG) * bags,
		      int depth)
{
	if (depth > DEPTH_MAX) {
		walk->failed = true;
		return;
	}
	for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); i++)
		take_bag(walk, sk_PKCS12_SAFEBAG_value(bags, i), depth);
}
/* NOLINTEND(misc-no-recursion) */

static void take_safe(struct walk *walk, PKCS7 *safe)
{
	STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
	if (PKCS7_type_is_data(safe))
		bags = PKCS12_unpack_p7data(safe);
	else if (PKCS7_type_is_encrypted(safe))
		bags = PKCS12_unpack_p7encdata(safe, walk->password, -1);
	if (bags)
		take_bags(walk, bags, 0);
	else
		walk->failed = true;
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
}

static bool take_all(struct walk *walk, PKCS12 *p12)
{
	STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(p12);
	if (!safes)
		walk->failed = true;
	for (int i = 0; i < sk_PKCS7_num(safes); i++)
		take_safe(walk, sk_PKCS7_value(safes, i));
	sk_PKCS7_pop_free(safes, PKCS7_free);
	return !walk->failed;
}

/* --- old ciphers --- */

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
/* The default provider stays as well. False: this machine has none. */
static bool load_legacy(OSSL_PROVIDER **ret)
{
	*ret = OSSL_PROVIDER_try_load(NULL, "legacy", 1);
	return *ret;
}

static void unload_legacy(OSSL_PROVIDER *provider)
{
	if (provider)
		(void)OSSL_PROVIDER_unload(provider); /* was only borrowed */
}
#endif

static void begin_anew(struct keystore *store)
{
	keystore_release(store);
	keystore_init(store);
	store->kind = "PKCS#12";
	ERR_clear_error();
}

/* 0, or what is to be said. */
static const char *read_safes(PKCS12 *p12, const char *password,
			      struct keystore *store)
{
	struct walk walk = { .store = store, .password = password };
	if (take_all(&walk, p12))
		return NULL;
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
	OSSL_PROVIDER *legacy = NULL;
	begin_anew(store);
	walk.failed = false;
	bool have = load_legacy(&legacy);
	bool good = take_all(&walk, p12);
	unload_legacy(legacy);
	if (good)
		return NULL;
	if (!have)
		return "cannot be read: it is damaged, or encrypted with an "
		       "old cipher, for which this machine lacks OpenSSL's "
		       "legacy provider; make a new one of it with 'keytool "
		       "-importkeystore' or 'openssl pkcs12' where both are";
#endif
	return "is a PKCS#12 keystore that is damaged, or its key has another "
	       "password than the rest";
}

/* --- all of it --- */

/* The key's own certificate is among the others. */
static void find_certificate(struct keystore *store)
{
	STACK_OF(X509) *const stacks[] = { store->chain, store->trusted };
	for (size_t k = 0; k < 2 && store->key && !store->certificate; k++) {
		for (int i = 0; i < sk_X509_num(stacks[k]); i++) {
			X509 *x509 = sk_X509_value(stacks[k], i);
			if (X509_check_private_key(x509, store->key) != 1)
				continue;
			store->certificate = sk_X509_delete(stacks[k], i);
			break;
		}
	}
}

static int read_whole(PKCS12 *p12, const char *password, struct keystore *store,
		      struct err *err)
{
	if (PKCS12_mac_present(p12) && !PKCS12_verify_mac(p12, password, -1))
		return err_set(err, ERR_AUTH,
			       "cannot be opened with KeyStorePassword: the "
			       "password is wrong, or the file is damaged");
	const char *wrong = read_safes(p12, password, store);
	if (wrong)
		return err_set(err, ERR_CORRUPT, "%s", wrong);
	find_certificate(store);
	return 0;
}

int p12_read(const unsigned char *data, size_t len, const char *password,
	     struct keystore *store, struct err *err)
{
	const unsigned char *at = data;
	PKCS12 *p12 = d2i_PKCS12(NULL, &at, (long)len);
	store->kind = "PKCS#12";
	int r = 0;
	if (!p12 || at != data + len)
		r = err_set(err, ERR_CORRUPT,
			    "is a PKCS#12 keystore that is damaged, or "
			    "something else");
	else
		r = read_whole(p12, password, store, err);
	PKCS12_free(p12);
	return r;
}
