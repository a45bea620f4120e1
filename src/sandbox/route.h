/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Which handler answers which method and path.
 */
#ifndef MESHDROP_SANDBOX_ROUTE_H
#define MESHDROP_SANDBOX_ROUTE_H

struct request;

enum route_flag {
	ROUTE_AUTH = 1u << 0,	 /* a token of the mailbox in the path */
	ROUTE_UPLOAD = 1u << 1,	 /* the body is a chunk */
	ROUTE_ADMIN = 1u << 2,	 /* the body is small; not in the journal */
	ROUTE_PRIVATE = 1u << 3, /* the path is not for the log */
};

struct route {
	const char *method;
	const char *pattern; /* "*" is a mailbox, "?" an argument */
	unsigned flags;
	void (*run)(struct request *rq);
};

/* Cuts path (which must start with '/') in place and fills in route, box_id
 * and args of the request; otherwise puts 404 or 405 into its reply. */
void route_find(struct request *rq, const char *method, char *path);

#endif
