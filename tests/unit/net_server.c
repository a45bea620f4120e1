/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "net_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define CONNECTIONS 8

struct connection {
	int fd; /* -1: free */
	unsigned number;
	size_t head_len; /* 0: the head has not been read */
	size_t used;	 /* bytes of head read so far */
	size_t left;	 /* bytes of body still to come */
	bool answered;
	struct net_seen *seen;
};

struct net_server {
	const struct net_step *steps;
	size_t step_count;
	char url[NET_SERVER_URL_SIZE];
	int listen_fd;
	int stop[2];
	pthread_t thread;
	bool running;
	unsigned accepted;
	struct net_seen seen[NET_SERVER_SEEN_MAX];
	size_t count;
	struct connection connections[CONNECTIONS];
};

static void drop(struct connection *c)
{
	close(c->fd);
	*c = (struct connection){ .fd = -1 };
}

static const struct net_step *step_of(const struct net_server *server,
				      const struct net_seen *seen)
{
	size_t at = (size_t)(seen - server->seen);
	return &server->steps[at < server->step_count ? at :
							server->step_count - 1];
}

static void answer(struct connection *c, const struct net_step *step)
{
	size_t len = step->len;
	if (step->answer && len == 0)
		len = strlen(step->answer);
	for (size_t at = 0; at < len;) {
		ssize_t n = send(c->fd, step->answer + at, len - at,
				 MSG_NOSIGNAL);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	c->answered = true;
}

static void next_request(struct connection *c)
{
	*c = (struct connection){ .fd = c->fd, .number = c->number };
}

/* What to do once the head, or the head and the body, are there. */
static void act(struct net_server *server, struct connection *c)
{
	const struct net_step *step = step_of(server, c->seen);
	if (step->unread) {
		drop(c);
		return;
	}
	if (!c->answered && (step->early || c->left == 0))
		answer(c, step);
	if (c->left > 0)
		return;
	c->seen->whole = true;
	if (step->close)
		drop(c);
	else
		next_request(c);
}

static void head_done(struct net_server *server, struct connection *c)
{
	const char *length = strcasestr(c->seen->head, "\r\nContent-Length:");
	if (length)
		(void)sscanf(length + 17, "%zu", &c->left); /* or none */
	act(server, c);
}

/* Heads come byte by byte, so that no body is taken for a head. */
static void read_head(struct net_server *server, struct connection *c)
{
	char first;
	if (recv(c->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) {
		drop(c);
		return;
	}
	if (!c->seen) {
		if (server->count == NET_SERVER_SEEN_MAX) {
			drop(c);
			return;
		}
		c->seen = &server->seen[server->count++];
		c->seen->connection = c->number;
	}
	char *head = c->seen->head;
	for (;;) {
		ssize_t n = recv(c->fd, head + c->used, 1, MSG_DONTWAIT);
		if (n == 0)
			drop(c);
		if (n <= 0)
			return;
		c->used++;
		head[c->used] = '\0';
		if (c->used + 1 == sizeof(c->seen->head) ||
		    strstr(head + (c->used < 4 ? 0 : c->used - 4),
			   "\r\n\r\n")) {
			c->head_len = c->used;
			head_done(server, c);
			return;
		}
	}
}

static void read_body(struct net_server *server, struct connection *c)
{
	char data[65536];
	size_t want = c->left < sizeof(data) ? c->left : sizeof(data);
	ssize_t n = recv(c->fd, data, want, MSG_DONTWAIT);
	if (n <= 0) {
		drop(c);
		return;
	}
	c->seen->body += (size_t)n;
	c->left -= (size_t)n;
	if (c->left == 0)
		act(server, c);
}

static void take_connection(struct net_server *server)
{
	int fd = accept(server->listen_fd, NULL, NULL);
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &server->connections[i];
		if (fd >= 0 && c->fd < 0) {
			*c = (struct connection){
				.fd = fd,
				.number = ++server->accepted,
			};
			return;
		}
	}
	if (fd >= 0)
		close(fd);
}

static void turn(struct net_server *server, const struct pollfd *fds)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &server->connections[i];
		if (c->fd < 0 || fds[i].fd != c->fd || fds[i].revents == 0)
			continue;
		if (c->head_len == 0)
			read_head(server, c);
		else
			read_body(server, c);
	}
	if (fds[CONNECTIONS].revents != 0)
		take_connection(server);
}

static void *serve(void *ctx)
{
	struct net_server *server = ctx;
	for (;;) {
		struct pollfd fds[CONNECTIONS + 2];
		for (size_t i = 0; i < CONNECTIONS; i++)
			fds[i] = (struct pollfd){
				.fd = server->connections[i].fd,
				.events = POLLIN,
			};
		fds[CONNECTIONS] = (struct pollfd){ .fd = server->listen_fd,
						    .events = POLLIN };
		fds[CONNECTIONS + 1] = (struct pollfd){ .fd = server->stop[0],
							.events = POLLIN };
		if (poll(fds, CONNECTIONS + 2, -1) < 0)
			continue;
		if (fds[CONNECTIONS + 1].revents != 0)
			return NULL;
		turn(server, fds);
	}
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

int net_server_nobody(char ret_url[NET_SERVER_URL_SIZE])
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(fd >= 0, "socket");
	must(bind(fd, (struct sockaddr *)&at, len) == 0, "bind");
	must(getsockname(fd, (struct sockaddr *)&at, &len) == 0, "getsockname");
	(void)snprintf(ret_url, NET_SERVER_URL_SIZE, "http://127.0.0.1:%u",
		       (unsigned)ntohs(at.sin_port)); /* fits */
	return fd;
}

struct net_server *net_server_start(const struct net_step *steps, size_t count)
{
	struct net_server *server = xcalloc(1, sizeof(*server));
	server->steps = steps;
	server->step_count = count;
	for (size_t i = 0; i < CONNECTIONS; i++)
		server->connections[i].fd = -1;
	server->listen_fd = net_server_nobody(server->url);
	must(listen(server->listen_fd, CONNECTIONS) == 0, "listen");
	must(pipe(server->stop) == 0, "pipe");
	must(pthread_create(&server->thread, NULL, serve, server) == 0,
	     "pthread_create");
	server->running = true;
	return server;
}

const char *net_server_url(const struct net_server *server)
{
	return server->url;
}

void net_server_stop(struct net_server *server)
{
	if (!server->running)
		return;
	server->running = false;
	must(write(server->stop[1], "x", 1) == 1, "write");
	must(pthread_join(server->thread, NULL) == 0, "pthread_join");
}

size_t net_server_count(const struct net_server *server, const char *method)
{
	size_t count = 0;
	for (size_t i = 0; i < server->count; i++) {
		if (strncmp(server->seen[i].head, method, strlen(method)) == 0)
			count++;
	}
	return count;
}

const struct net_seen *net_server_seen(const struct net_server *server,
				       size_t at)
{
	return at < server->count ? &server->seen[at] : NULL;
}

void net_server_free(struct net_server *server)
{
	if (!server)
		return;
	net_server_stop(server);
	for (size_t i = 0; i < CONNECTIONS; i++) {
		if (server->connections[i].fd >= 0)
			drop(&server->connections[i]);
	}
	close(server->listen_fd);
	close(server->stop[0]);
	close(server->stop[1]);
	free(server);
}
