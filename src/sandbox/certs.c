/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/certs.h"

#include <stdbool.h>
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define DAY 86400L

struct certs_issuer {
	EVP_PKEY *key;
	X509 *cert;
};

struct extension {
	int nid;
	const char *value;
};

struct profile {
	const char *common_name;
	long days;
	struct extension extensions[6];
};

static const struct profile profiles[] = {
	[CERTS_CA] = {
		.common_name = "meshdrop sandbox CA",
		.days = 3650,
		.extensions = {
			{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
			{NID_key_usage, "critical,keyCertSign,cRLSign"},
			{NID_subject_key_identifier, "hash"},
		},
	},
	[CERTS_SERVER] = {
		.common_name = "localhost",
		.days = 3650,
		.extensions = {
			{NID_basic_constraints, "critical,CA:FALSE"},
			{NID_key_usage, "critical,digitalSignature"},
			{NID_ext_key_usage, "serverAuth"},
			{NID_subject_alt_name,
			 "DNS:localhost,IP:127.0.0.1,IP:::1"},
			{NID_subject_key_identifier, "hash"},
			{NID_authority_key_identifier, "keyid:always"},
		},
	},
	[CERTS_CLIENT] = {
		.common_name = "sandbox.api.mesh-client.example",
		.days = 1095,
		.extensions = {
			{NID_basic_constraints, "critical,CA:FALSE"},
			{NID_key_usage, "critical,digitalSignature"},
			{NID_ext_key_usage, "clientAuth"},
			{NID_subject_key_identifier, "hash"},
			{NID_authority_key_identifier, "keyid:always"},
		},
	},
};

struct certs_issuer *certs_issuer_free(struct certs_issuer *issuer)
{
	if (!issuer)
		return NULL;
	EVP_PKEY_free(issuer->key);
	X509_free(issuer->cert);
	free(issuer);
	return NULL;
}

static EVP_PKEY *make_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	EVP_PKEY *key = NULL;

	if (ctx && EVP_PKEY_keygen_init(ctx) > 0 &&
	    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1) >
		    0 &&
	    EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_NAMED_CURVE) > 0 &&
	    EVP_PKEY_keygen(ctx, &key) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static bool set_serial(X509 *cert)
{
	unsigned char bytes[16];
	BIGNUM *number = NULL;
	bool done = false;

	if (RAND_bytes(bytes, sizeof(bytes)) == 1) {
		bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
		number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	}
	if (number)
		done = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
	BN_free(number);
	return done;
}

static bool set_names(X509 *cert, const struct profile *profile, X509 *issuer)
{
	const unsigned char *organisation =
		(const unsigned char *)"meshdrop sandbox";
	X509_NAME *name = X509_get_subject_name(cert);

	return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
					  organisation, -1, -1, 0) == 1 &&
	       X509_NAME_add_entry_by_txt(
		       name, "CN", MBSTRING_UTF8,
		       (const unsigned char *)profile->common_name, -1, -1,
		       0) == 1 &&
	       X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1;
}

static bool set_extensions(X509 *cert, const struct profile *profile,
			   X509 *issuer)
{
	const size_t count = sizeof(profile->extensions) /
			     sizeof(profile->extensions[0]);
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	for (size_t i = 0; i < count; i++) {
		const struct extension *e = &profile->extensions[i];

		if (!e->value)
			break;

		X509_EXTENSION *made = X509V3_EXT_conf_nid(NULL, &ctx, e->nid,
							   e->value);
		int added = made ? X509_add_ext(cert, made, -1) : 0;

		X509_EXTENSION_free(made);
		if (added != 1)
			return false;
	}
	return true;
}

static bool fill(X509 *cert, const struct profile *profile, EVP_PKEY *key,
		 X509 *issuer)
{
	/* Starts an hour ago: clocks of two machines differ. */
	return X509_set_version(cert, 2) == 1 && set_serial(cert) &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
	       X509_gmtime_adj(X509_getm_notAfter(cert), profile->days * DAY) &&
	       X509_set_pubkey(cert, key) == 1 &&
	       set_names(cert, profile, issuer) &&
	       set_extensions(cert, profile, issuer);
}

static bool take_pem(BIO *bio, struct buf *ret)
{
	char *data = NULL;
	long len = BIO_get_mem_data(bio, &data);

	return len > 0 && buf_append(ret, data, (size_t)len);
}

static bool write_pem(EVP_PKEY *key, X509 *cert, struct buf *ret_cert,
		      struct buf *ret_key)
{
	BIO *cert_bio = BIO_new(BIO_s_mem());
	BIO *key_bio = BIO_new(BIO_s_secmem());
	bool done = cert_bio && key_bio &&
		    PEM_write_bio_X509(cert_bio, cert) == 1 &&
		    PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL,
					     NULL) == 1 &&
		    take_pem(cert_bio, ret_cert) && take_pem(key_bio, ret_key);

	BIO_free(cert_bio);
	BIO_free(key_bio);
	return done;
}

int certs_make(enum certs_kind kind, struct certs_issuer **issuer,
	       struct buf *ret_cert, struct buf *ret_key, struct err *err)
{
	const struct profile *profile = &profiles[kind];
	EVP_PKEY *key = make_key();
	X509 *cert = X509_new();
	bool own = kind == CERTS_CA;
	bool done = key && cert &&
		    fill(cert, profile, key, own ? cert : (*issuer)->cert) &&
		    X509_sign(cert, own ? key : (*issuer)->key, EVP_sha256()) >
			    0 &&
		    write_pem(key, cert, ret_cert, ret_key);

	if (done && own) {
		*issuer = xcalloc(1, sizeof(**issuer));
		(*issuer)->key = key;
		(*issuer)->cert = cert;
		return 0;
	}
	EVP_PKEY_free(key);
	X509_free(cert);
	if (!done)
		return err_set(err, ERR_TLS, "cannot make the certificate '%s'",
			       profile->common_name);
	return 0;
}
