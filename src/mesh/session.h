/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * One mailbox's conversation with the service.
 *
 * A session borrows a client (the connection, owned by a worker) and the
 * mailbox's credentials, and makes a fresh token for every request. Cheap to
 * make; used by one thread at a time.
 */
#ifndef MESHDROP_MESH_SESSION_H
#define MESHDROP_MESH_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "net/http.h"

struct err;

/* Borrowed throughout. */
struct session {
	struct http_client *http;
	const char *mailbox;
	const char *mailbox_file;    /* for messages: where the password is */
	const char *password_file;   /* for messages */
	const char *shared_key_file; /* for messages */
	const char *password;
	const char *shared_key;
	int64_t (*wall_ns)(void); /* the clock, from above */
};

#define SESSION_FIELDS_MAX 24

/* Adds Authorization, Accept (unless there is one) and User-Agent to fields
 * and does one exchange. The path is the whole one, from proto_path or from a
 * page of the service. A GET, HEAD or PUT whose used connection died before
 * any answer is made once more, with a token of its own; a POST never. */
int session_exchange(const struct session *session,
		     const struct http_request *request,
		     struct http_reply *reply, struct err *err)
	__attribute__((warn_unused_result));

/* "Validate a mailbox", to be done once in 24 hours. A 403 is ERR_AUTH with
 * one sentence that names the settings to look at: password_file of the
 * mailbox, shared_key_file, the clock (using the server's Date header). */
int session_handshake(const struct session *session, struct err *err)
	__attribute__((warn_unused_result));

/* Turns an unexpected answer of an idempotent request into an error: ERR_AUTH
 * for 401/403, ERR_MISSING for 404/410, ERR_LIMIT for 429 (later), ERR_NETWORK
 * later for 5xx, ERR_PROTOCOL for the rest. what is the request for people. */
int session_refused(const struct session *session, const char *what,
		    const struct http_reply *reply, struct err *err);

#endif
