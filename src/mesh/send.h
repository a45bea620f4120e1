/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Sending: open a message (the first POST) and send its further chunks.
 *
 * One call is one POST, never more. The caller has made its intent durable
 * before send_open; what came of it is in the outcome.
 */
#ifndef MESHDROP_MESH_SEND_H
#define MESHDROP_MESH_SEND_H

#include "mesh/outcome.h"
#include "mesh/payload.h"
#include "mesh/proto.h"

struct session;

/* POST /outbox with chunk 1 of count. */
void send_open(const struct session *session,
	       const struct proto_message *message,
	       const struct payload *payload, unsigned count,
	       struct outcome *ret);
/* POST /outbox/{id}/{chunk}, 2 <= chunk <= count. */
void send_chunk(const struct session *session, const char *message_id,
		const struct payload *payload, unsigned chunk, unsigned count,
		struct outcome *ret);

#endif
