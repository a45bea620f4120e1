/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * A Java keystore as what is in it: one key with its certificate, and
 * certificates that are trusted.
 *
 * The first bytes decide what kind it is: JKS (import/jks), PKCS#12
 * (import/p12); JCEKS and anything else are refused with what to do. Of several
 * keys the first is taken, as the Java client does, and they are counted.
 * The errors tell a wrong password from a damaged file where that can be told.
 * Nothing here reads files.
 */
#ifndef MESHDROP_IMPORT_KEYSTORE_H
#define MESHDROP_IMPORT_KEYSTORE_H

#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

struct err;

#define KEYSTORE_SIZE_MAX ((size_t)4 << 20)
#define KEYSTORE_ALIAS_SIZE 128

/* All owned. */
struct keystore {
	const char *kind;		 /* "JKS" */
	char alias[KEYSTORE_ALIAS_SIZE]; /* of the first key, made printable */
	size_t key_count;
	EVP_PKEY *key;		/* NULL: there is none */
	X509 *certificate;	/* of the key; NULL: there is none */
	STACK_OF(X509) * chain; /* what stood beside it, in no order */
	STACK_OF(X509) * trusted;
};

/* ERR_AUTH: the password does not fit; ERR_CORRUPT: it is damaged. */
int keystore_read(const void *data, size_t len, const char *password,
		  struct keystore *ret, struct err *err)
	__attribute__((warn_unused_result));
void keystore_init(struct keystore *store);
void keystore_release(struct keystore *store);

/* Takes over the certificate. */
void keystore_push(STACK_OF(X509) * stack, X509 *certificate);

#endif
