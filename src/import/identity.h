/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * From a keystore to the three PEM files: who we are, and whom we trust.
 *
 * The certificate comes with the authorities above it as far as the keystore
 * has them, without a root. Trusted are all certificates that the keystore
 * marks so, and the authorities beside the key; ones that have ended are left
 * out and counted. An identity that cannot work (no key, a key that does not
 * fit, a certificate that has ended, nobody to trust) is an error that says
 * what to do. Reads no clock.
 */
#ifndef MESHDROP_IMPORT_IDENTITY_H
#define MESHDROP_IMPORT_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct err;
struct keystore;

#define IDENTITY_NAME_SIZE 256
#define IDENTITY_DATE_SIZE 16

struct identity {
	struct buf certificate; /* PEM, the own one first */
	struct buf key;		/* PEM, without a passphrase */
	struct buf ca;		/* PEM */
	char subject[IDENTITY_NAME_SIZE];
	char ends[IDENTITY_DATE_SIZE]; /* 2027-01-31 */
	size_t chain_count; /* authorities behind the own certificate */
	size_t ca_count;
	size_t ca_ended; /* left out */
};

void identity_init(struct identity *identity);
/* Wipes the key. */
void identity_release(struct identity *identity);

int identity_make(const struct keystore *store, int64_t now_s,
		  struct identity *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
