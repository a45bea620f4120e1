/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The only door to the network, and the only user of libcurl.
 *
 * One client serves one thread. A call does one exchange: it sends one request
 * at most once and returns when a complete, well-framed answer of any status
 * is there, or why there is none and how much of the request had left. What
 * libcurl would do by itself is off: redirects, decoding, Expect:, netrc,
 * proxies from the environment, and sending anything again (curl issue 18417):
 * a POST takes only a connection whose last exchange went well within the last
 * HTTP_BURST_MS (libcurl counts whole seconds: under 2 s), a body cannot be
 * rewound, and a second attempt inside libcurl is stopped before its first
 * byte; so a connection that dies is an honest failure. TLS 1.2 or newer,
 * verified against ca_file alone.
 *
 * With a proxy, everything goes through a tunnel (CONNECT), http too. The
 * proxy sees host and port of the service and its own credentials, the service
 * none of these. Until the tunnel stands, nothing has been sent: whatever the
 * proxy says, or fails to say, is HTTP_SENT_NOTHING and no answer. Of the ways
 * to log in at a proxy Basic, Digest and NTLM are used, the strongest that it
 * offers; not Negotiate, which asks for a ticket and knows no password.
 *
 * What libcurl has copied of secrets is overwritten when it is freed.
 *
 * Nothing here knows MESH, waits between attempts or logs.
 */
#ifndef MESHDROP_NET_HTTP_H
#define MESHDROP_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct err;
struct http_client;
struct http_reply;

#define HTTP_BURST_MS 1000
#define HTTP_BODY_MAX ((size_t)4 << 20) /* an answer kept in memory */
#define HTTP_HEADERS_MAX ((size_t)64 << 10)
#define HTTP_HEADER_LINES_MAX 100 /* with those of 1xx and of trailers */
/* No exchange goes on for longer than connect_timeout, so many stall_timeouts
 * and what its bytes need at this speed. */
#define HTTP_STALLS_MOST 10
#define HTTP_BYTES_PER_SECOND 1000u

/* Borrowed for the life of the client. */
struct http_settings {
	const char *url; /* scheme://host[:port] */
	const char *ca_file;
	const char *certificate;
	const char *private_key;
	const char *proxy;	    /* http://host:port; NULL: none */
	const char *proxy_user;	    /* NULL: none */
	const char *proxy_password; /* NULL: none */
	int64_t connect_timeout_ns; /* until the tunnel stands */
	int64_t stall_timeout_ns;   /* under 1 byte a second for this long */
	/* Called often during an exchange, at least once a second; false ends
	 * it with ERR_STOPPED. May be NULL. */
	bool (*go_on)(void *ctx);
	void *ctx;
};

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_PUT,
	HTTP_POST,
};

/* One header to send; value passed text_is_header_value. */
struct http_field {
	const char *name;
	const char *value;
};

/* A range of a file as body. last_look (may be NULL) is asked before the last
 * bytes are handed over; a negative answer ends the exchange with the last
 * byte unsent. */
struct http_source {
	int fd;
	const char *label;
	uint64_t offset;
	uint64_t length;
	int (*last_look)(void *ctx, struct err *err);
	void *ctx;
};

/* Takes the body of a 200 or 206 as it arrives, once the headers are known and
 * only if the answer is explicitly framed; bodies of other statuses go to
 * http_reply.body. */
struct http_sink {
	int (*begin)(void *ctx, const struct http_reply *reply,
		     struct err *err); /* may be NULL */
	int (*write)(void *ctx, const void *data, size_t len, struct err *err);
	void *ctx;
};

struct http_request {
	enum http_method method;
	const char *path; /* begins with '/'; already encoded */
	const struct http_field *fields;
	size_t field_count;
	const struct http_source *source; /* NULL: no body, length 0 */
	const struct http_sink *sink;	  /* NULL: body into the reply */
};

/* How much of the request can have reached the server. */
enum http_sent {
	HTTP_SENT_NOTHING, /* no byte of the request left */
	HTTP_SENT_PART,	   /* the request was begun */
	HTTP_SENT_WHOLE,   /* all of it was handed to the system */
};

struct http_reply {
	int status; /* 0: no answer */
	enum http_sent sent;
	/* An idempotent request may be made once more: a connection that had
	 * been used before ended without a byte of an answer. */
	bool stale;
	struct buf headers; /* "name: value" and a NUL each, lower-case names */
	struct buf body;
};

void http_reply_init(struct http_reply *reply);
void http_reply_release(struct http_reply *reply);
/* Value of a header by lower-case name, or NULL; valid until the reply is
 * released. A header that came twice with different values is refused by
 * http_exchange when it matters (framing, mex-*). */
const char *http_reply_header(const struct http_reply *reply, const char *name);

/* "Sun, 22 Nov 2026 06:26:16 GMT", as in Date and Retry-After. */
bool http_date_read(const char *text, int64_t *ret_wall_ns);

int http_client_new(const struct http_settings *settings,
		    struct http_client **ret, struct err *err)
	__attribute__((warn_unused_result));
struct http_client *http_client_free(struct http_client *client);

/* 0: reply holds a complete answer of any status. Otherwise reply->sent says
 * how far it went, reply->status what was seen of the answer (0 if nothing),
 * and the error names the setting to look at where one can be named: url,
 * ca_file, certificate, private_key, proxy and its user. Codes: ERR_NETWORK, ERR_TLS,
 * ERR_PROTOCOL (framing, limits), ERR_STOPPED, or what source and sink said. */
int http_exchange(struct http_client *client,
		  const struct http_request *request, struct http_reply *reply,
		  struct err *err) __attribute__((warn_unused_result));

/* Once per process, before any thread. */
int http_global_init(struct err *err) __attribute__((warn_unused_result));

#endif
