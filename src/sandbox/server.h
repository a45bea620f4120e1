/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The HTTP server around a sandbox.
 *
 * One thread: libmicrohttpd's epoll descriptor is waited on here, together
 * with signals and with answers that a fault holds back. So nothing needs a
 * lock, and a held answer (its connection is suspended) stops no other.
 */
#ifndef MESHDROP_SANDBOX_SERVER_H
#define MESHDROP_SANDBOX_SERVER_H

struct err;
struct sandbox;

/* Serves on 127.0.0.1 until SIGTERM or SIGINT. */
int server_run(struct sandbox *sb, struct err *err)
	__attribute__((warn_unused_result));

#endif
