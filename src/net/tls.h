/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Facts about the certificate files, for checks and warnings before any
 * connection is made. The conversation itself is libcurl's.
 */
#ifndef MESHDROP_NET_TLS_H
#define MESHDROP_NET_TLS_H

#include <stdbool.h>
#include <stdint.h>

struct err;

#define TLS_SUBJECT_SIZE 256

struct tls_facts {
	char subject[TLS_SUBJECT_SIZE]; /* of the client certificate */
	int64_t not_before;		/* seconds since 1970 UTC */
	int64_t not_after;
	int64_t ca_not_after; /* of the CA that expires first */
	unsigned ca_count;
};

/* Reads the three files, checks that the key belongs to the certificate. The
 * error names the setting (ca_file, certificate, private_key) and the file. */
int tls_inspect(const char *ca_file, const char *certificate,
		const char *private_key, struct tls_facts *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
