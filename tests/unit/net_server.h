/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * An HTTP server on a loopback port, in a thread, that does what a script
 * says: the n-th request it sees gets the n-th step, the last step serves all
 * that follow. It keeps what it saw, so that a test can count.
 */
#ifndef MESHDROP_TESTS_NET_SERVER_H
#define MESHDROP_TESTS_NET_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#define NET_SERVER_SEEN_MAX 16
#define NET_SERVER_URL_SIZE 64

struct net_step {
	const char *answer; /* NULL: none */
	size_t len;	    /* 0: strlen(answer) */
	bool early;	    /* answer before the body is read */
	bool unread;	    /* close without reading the body */
	bool close;	    /* close after the answer */
};

struct net_seen {
	char head[4096]; /* request line and headers */
	size_t body;	 /* bytes of body read */
	bool whole;
	unsigned connection; /* 1: the first that was accepted */
};

struct net_server;

struct net_server *net_server_start(const struct net_step *steps, size_t count);
/* "http://127.0.0.1:PORT" */
const char *net_server_url(const struct net_server *server);
/* A port at which nobody listens, nor anybody else can as long as the caller
 * keeps the descriptor. */
int net_server_nobody(char ret_url[NET_SERVER_URL_SIZE]);
/* Stops the thread; what was seen can be read until net_server_free. */
void net_server_stop(struct net_server *server);
size_t net_server_count(const struct net_server *server, const char *method);
const struct net_seen *net_server_seen(const struct net_server *server,
				       size_t at);
void net_server_free(struct net_server *server);

#endif
