/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Mutual TLS: who may talk to the sandbox.
 */
#ifndef MESHDROP_SANDBOX_TLS_H
#define MESHDROP_SANDBOX_TLS_H

struct MHD_Connection;

/* TLS 1.2 and later. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* To be called before the handshake: from here on it fails, with an alert,
 * for a client without a certificate of our authority. */
void tls_require_client(struct MHD_Connection *connection);

#endif
