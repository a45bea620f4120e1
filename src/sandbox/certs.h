/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * A certificate authority for one sandbox: makes keys and certificates.
 *
 * Everything comes out as PEM text. EC P-256 keys, SHA-256 signatures. Keys
 * are wiped from memory when released.
 */
#ifndef MESHDROP_SANDBOX_CERTS_H
#define MESHDROP_SANDBOX_CERTS_H

struct buf;
struct err;

enum certs_kind {
	CERTS_CA,
	CERTS_SERVER,
	CERTS_CLIENT,
};

struct certs_issuer;

/* The authority signs itself and then the others. Both outputs are appended
 * to. With CERTS_CA a new issuer is made and handed over in *issuer. */
int certs_make(enum certs_kind kind, struct certs_issuer **issuer,
	       struct buf *ret_cert, struct buf *ret_key, struct err *err)
	__attribute__((warn_unused_result));
struct certs_issuer *certs_issuer_free(struct certs_issuer *issuer);

#endif
