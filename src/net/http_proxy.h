/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Why there is no tunnel through the proxy, in words for people.
 *
 * Nothing reached the service, so the error is about the way to it, for every
 * message, and later may be better: ERR_NETWORK, ERR_SERVICE, ERR_LATER. Pure.
 */
#ifndef MESHDROP_NET_HTTP_PROXY_H
#define MESHDROP_NET_HTTP_PROXY_H

#include <stdbool.h>

struct err;

/* How it ended. */
struct http_proxy_end {
	const char *proxy; /* http://host:port */
	bool has_user;
	int status; /* of the answer to CONNECT; 0: none */
	bool unresolved;
	bool unreached;
	bool timed_out;
	const char *words; /* the library's */
};

/* url is what was wanted. */
int http_proxy_explain(const struct http_proxy_end *end, const char *url,
		       struct err *err);

#endif
