/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Facts about the certificate files, for checks and warnings before any
 * connection is made, and words for why a connection came to nothing. The
 * conversation itself is libcurl's.
 */
#ifndef MESHDROP_NET_TLS_H
#define MESHDROP_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define TLS_SUBJECT_SIZE 256

struct tls_certificate {
	char subject[TLS_SUBJECT_SIZE];
	/* Seconds since 1970 UTC; what is beyond 64 bits of nanoseconds, as
	 * the year 9999 for "no end", is as far away as these reach. */
	int64_t not_before;
	int64_t not_after;
};

struct tls_facts {
	struct tls_certificate client;
	struct tls_certificate *cas; /* owned; as in the file, at least one */
	size_t ca_count;
};

/* Reads the three files, checks that the key belongs to the certificate. The
 * error names the setting (ca_file, certificate, private_key) and the file. */
int tls_inspect(const char *ca_file, const char *certificate,
		const char *private_key, struct tls_facts *ret, struct err *err)
	__attribute__((warn_unused_result));
void tls_facts_release(struct tls_facts *facts);

/* Why there is no conversation, with the settings to look at, from the result
 * of the verification (0: good, or not come to) and the words of OpenSSL; NULL
 * when neither tells. Pure. */
const char *tls_explain(long verify_result, const char *words);
/* Whether the words are a server's that will not talk to us with our
 * certificate: it said so in place of ending the handshake. Pure. */
bool tls_is_refusal(const char *words);

#endif
