/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Asking what became of a message, and who can take one.
 */
#ifndef MESHDROP_MESH_TRACK_H
#define MESHDROP_MESH_TRACK_H

#include "mesh/reply.h"

struct err;
struct session;

enum track_found {
	TRACK_ONE,
	TRACK_NONE,
	TRACK_SEVERAL, /* 300: more than one message has this local id */
};

/* By the service's id (v1 answer, which says more about failures). An answer
 * about another message is ERR_PROTOCOL. */
int track_message(const struct session *session, const char *message_id,
		  enum track_found *ret_found, struct reply_track *ret,
		  struct err *err) __attribute__((warn_unused_result));
/* By our own id: the only way to ask about an answer that was lost. A local id
 * that cannot be asked for (it has a '/') is ERR_INVALID. */
int track_local(const struct session *session, const char *local_id,
		enum track_found *ret_found, struct reply_track *ret,
		struct err *err) __attribute__((warn_unused_result));

int track_endpoint(const struct session *session, const char *ods_code,
		   const char *workflow, struct reply_lookup *ret,
		   struct err *err) __attribute__((warn_unused_result));
int track_workflow(const struct session *session, const char *workflow,
		   struct reply_lookup *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
