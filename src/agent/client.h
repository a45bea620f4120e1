/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * A connection to the service as the settings describe it.
 */
#ifndef MESHDROP_AGENT_CLIENT_H
#define MESHDROP_AGENT_CLIENT_H

#include <stdbool.h>

struct conf;
struct err;
struct http_client;

/* go_on (may be NULL) is asked during every exchange; false ends it. */
int client_new(const struct conf *conf, bool (*go_on)(void *ctx), void *ctx,
	       struct http_client **ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
