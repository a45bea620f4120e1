/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "import/identity.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "base/text.h"
#include "import/keystore.h"

#define PEM_MAX ((size_t)8 << 20)

void identity_init(struct identity *identity)
{
	*identity = (struct identity){ .ca_count = 0 };
	buf_init(&identity->certificate, PEM_MAX);
	buf_init(&identity->key, PEM_MAX);
	buf_init(&identity->ca, PEM_MAX);
}

void identity_release(struct identity *identity)
{
	buf_release(&identity->certificate);
	buf_release(&identity->key);
	buf_release(&identity->ca);
}

/* --- facts about one certificate --- */

static bool end_of(const X509 *x509, int64_t *ret)
{
	struct tm tm;
	if (ASN1_TIME_to_tm(X509_get0_notAfter(x509), &tm) != 1)
		return false;
	*ret = (int64_t)timegm(&tm);
	return true;
}

static bool has_ended(const X509 *x509, int64_t now_s)
{
	int64_t end = 0;
	return !end_of(x509, &end) || end <= now_s;
}

static void show_subject(const X509 *x509, char *ret, size_t size)
{
	char *text = NULL;
	BIO *out = BIO_new(BIO_s_mem());
	ret[0] = '\0';
	if (out &&
	    X509_NAME_print_ex(out, X509_get_subject_name(x509), 0,
			       XN_FLAG_RFC2253) >= 0 &&
	    BIO_write(out, "", 1) == 1 && BIO_get_mem_data(out, &text) > 0)
		text_escape(ret, size, text);
	BIO_free(out);
}

static void show_end(const X509 *x509, char ret[IDENTITY_DATE_SIZE])
{
	struct tm tm = { .tm_year = 0 };
	(void)ASN1_TIME_to_tm(X509_get0_notAfter(x509), &tm); /* was read */
	(void)strftime(ret, IDENTITY_DATE_SIZE, "%Y-%m-%d", &tm);
}

static bool is_self_issued(X509 *x509)
{
	return X509_check_issued(x509, x509) == X509_V_OK;
}

static bool is_authority(X509 *x509)
{
	return X509_check_ca(x509) > 0 || is_self_issued(x509);
}

/* --- PEM --- */

static bool take(BIO *bio, bool written, struct buf *ret)
{
	char *data = NULL;
	long len = written ? BIO_get_mem_data(bio, &data) : 0;
	bool done = len > 0 && buf_append(ret, data, (size_t)len);
	BIO_free(bio);
	return done;
}

static bool put_certificate(X509 *x509, struct buf *ret)
{
	BIO *bio = BIO_new(BIO_s_mem());
	return bio && take(bio, PEM_write_bio_X509(bio, x509) == 1, ret);
}

static bool put_key(EVP_PKEY *key, struct buf *ret)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	return bio && take(bio,
			   PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0,
						    NULL, NULL) == 1,
			   ret);
}

/* --- chain and trust --- */

static X509 *issuer_in(STACK_OF(X509) * stack, X509 *of)
{
	for (int i = 0; i < sk_X509_num(stack); i++) {
		X509 *candidate = sk_X509_value(stack, i);
		if (X509_check_issued(candidate, of) == X509_V_OK)
			return candidate;
	}
	return NULL;
}

static X509 *issuer_of(const struct keystore *store, X509 *of)
{
	X509 *found = issuer_in(store->chain, of);
	return found ? found : issuer_in(store->trusted, of);
}

static bool put_chain(const struct keystore *store, struct identity *ret)
{
	if (!put_certificate(store->certificate, &ret->certificate))
		return false;
	size_t most = (size_t)sk_X509_num(store->chain) +
		      (size_t)sk_X509_num(store->trusted);
	X509 *at = store->certificate;
	/* bounded: two that issue each other would go round for ever */
	for (size_t i = 0; i < most && !is_self_issued(at); i++) {
		at = issuer_of(store, at);
		if (!at || is_self_issued(at))
			break;
		if (!put_certificate(at, &ret->certificate))
			return false;
		ret->chain_count++;
	}
	return true;
}

static bool is_among(STACK_OF(X509) * stack, int count, const X509 *x509)
{
	for (int i = 0; i < count; i++)
		if (X509_cmp(sk_X509_value(stack, i), x509) == 0)
			return true;
	return false;
}

static bool trust(X509 *x509, int64_t now_s, struct identity *ret)
{
	if (has_ended(x509, now_s)) {
		ret->ca_ended++;
		return true;
	}
	ret->ca_count++;
	return put_certificate(x509, &ret->ca);
}

static bool put_trust(const struct keystore *store, int64_t now_s,
		      struct identity *ret)
{
	STACK_OF(X509) *trusted = store->trusted;
	STACK_OF(X509) *chain = store->chain;
	int all = sk_X509_num(trusted);
	bool good = true;
	for (int i = 0; i < all && good; i++)
		if (!is_among(trusted, i, sk_X509_value(trusted, i)))
			good = trust(sk_X509_value(trusted, i), now_s, ret);
	for (int i = 0; i < sk_X509_num(chain) && good; i++) {
		X509 *x509 = sk_X509_value(chain, i);
		if (is_authority(x509) && !is_among(trusted, all, x509) &&
		    !is_among(chain, i, x509))
			good = trust(x509, now_s, ret);
	}
	return good;
}

/* --- all of it --- */

static int check_owner(const struct keystore *store, int64_t now_s,
		       struct identity *ret, struct err *err)
{
	if (store->key_count == 0)
		return err_set(err, ERR_TLS,
			       "holds no private key, only certificates: is "
			       "it the keystore of this client?");
	if (!store->certificate)
		return err_set(err, ERR_TLS,
			       "holds no certificate that belongs to its key "
			       "'%s'",
			       store->alias);
	if (X509_check_private_key(store->certificate, store->key) != 1)
		return err_set(err, ERR_TLS,
			       "its key '%s' does not belong to the "
			       "certificate beside it",
			       store->alias);
	show_subject(store->certificate, ret->subject, sizeof(ret->subject));
	int64_t end = 0;
	if (!end_of(store->certificate, &end))
		return err_set(err, ERR_TLS, "its certificate has no end date");
	show_end(store->certificate, ret->ends);
	if (end <= now_s)
		return err_set(err, ERR_TLS,
			       "its certificate of %s ended on %s: get a new "
			       "one, put it into the keystore or make a new "
			       "keystore, and import that",
			       ret->subject, ret->ends);
	return 0;
}

static int fill(const struct keystore *store, int64_t now_s,
		struct identity *ret, struct err *err)
{
	int r = check_owner(store, now_s, ret, err);
	if (r < 0)
		return r;
	if (!put_chain(store, ret) || !put_key(store->key, &ret->key) ||
	    !put_trust(store, now_s, ret))
		return err_set(err, ERR_TLS,
			       "holds more, or other things, than can be "
			       "written as PEM");
	if (ret->ca_count == 0)
		return err_set(err, ERR_TLS,
			       "holds no certificate of an authority%s, so the "
			       "service could not be recognised: add the one "
			       "that the service names, with 'keytool "
			       "-importcert -alias ca -file CA.pem', and "
			       "import again",
			       ret->ca_ended > 0 ? " that has not ended" : "");
	return 0;
}

int identity_make(const struct keystore *store, int64_t now_s,
		  struct identity *ret, struct err *err)
{
	struct identity made;
	identity_init(&made);
	int r = fill(store, now_s, &made, err);
	ERR_clear_error();
	if (r < 0) {
		identity_release(&made);
		return r;
	}
	*ret = made;
	return 0;
}
