/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/log.h"
#include "base/mem.h"
#include "sandbox/fault.h"
#include "sandbox/listen.h"
#include "sandbox/request.h"
#include "sandbox/sandbox.h"
#include "sandbox/tls.h"

#define CONNECTION_MEMORY ((size_t)256 * 1024)
#define IDLE_SECONDS 300u
#define PEM_MAX ((size_t)1 << 20)

static volatile sig_atomic_t stop_asked;

/* What the daemon needs while it runs. */
struct server {
	struct sandbox *sb;
	struct MHD_Daemon *daemon;
	uint16_t port;
	struct buf key;
	struct buf cert;
	struct buf trust;
};

static void on_signal(int number)
{
	(void)number;
	stop_asked = 1;
}

/* --- what libmicrohttpd calls --- */

static void on_error(void *cls, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void on_error(void *cls, const char *fmt, va_list ap)
{
	char text[512];

	(void)cls;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\r\n")] = '\0';
	log_event(LOG_LEVEL_DEBUG, "http", NULL, "text=\"%s\"", text);
}

static void on_connection(void *cls, struct MHD_Connection *connection,
			  void **ctx, enum MHD_ConnectionNotificationCode what)
{
	struct sandbox *sb = cls;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		int64_t *number = xmalloc(sizeof(*number));

		*number = ++sb->connections;
		*ctx = number;
		if (!sb->options->plain)
			tls_require_client(connection);
	} else {
		mem_auto_free(ctx);
		*ctx = NULL;
	}
}

static void *on_target(void *cls, const char *target,
		       struct MHD_Connection *connection)
{
	struct request *rq = request_new(cls, target);
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	rq->connection = connection;
	if (info && info->socket_context)
		rq->connection_number = *(const int64_t *)info->socket_context;
	return rq;
}

static void on_completed(void *cls, struct MHD_Connection *connection,
			 void **ctx, enum MHD_RequestTerminationCode how)
{
	(void)cls;
	(void)connection;
	(void)how;
	*ctx = request_free(*ctx);
}

static void hold(struct request *rq, int64_t delay_ms)
{
	struct sandbox *sb = rq->sandbox;

	rq->wake_ns = clock_mono_ns() + delay_ms * CLOCK_MS;
	rq->next_held = sb->held;
	sb->held = rq;
	MHD_suspend_connection(rq->connection);
}

static enum MHD_Result answer(struct request *rq)
{
	int64_t cut_after = fault_number(rq->fault, "cut_after", -1);

	return reply_send(&rq->reply, rq->connection, cut_after) ? MHD_YES :
								   MHD_NO;
}

static enum MHD_Result on_body(struct request *rq, const char *data,
			       size_t *size)
{
	int64_t delay_ms = fault_number(rq->fault, "delay_ms", 0);

	if (*size > 0) {
		request_take(rq, data, *size);
		*size = 0;
		return MHD_YES;
	}
	if (!request_finish(rq))
		return MHD_NO;
	if (delay_ms > 0) {
		hold(rq, delay_ms);
		return MHD_YES;
	}
	return answer(rq);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection,
				  const char *url, const char *method,
				  const char *version, const char *data,
				  size_t *size, void **ctx)
{
	struct request *rq = *ctx;

	(void)cls;
	(void)connection;
	(void)version;
	switch (rq->state) {
	case REQUEST_NEW:
		return request_begin(rq, method, url) ? MHD_YES : MHD_NO;
	case REQUEST_BODY:
		return on_body(rq, data, size);
	case REQUEST_DONE:
		return answer(rq);
	}
	return MHD_NO;
}

/* --- start --- */

static int load_pem(const struct sandbox *sb, const char *name, struct buf *ret,
		    struct err *err)
{
	return fsx_load(sb->root_fd, name, ret, err);
}

static int load_certificates(struct server *server, struct err *err)
{
	const struct sandbox *sb = server->sb;

	if (sb->options->plain)
		return 0;
	if (load_pem(sb, "server.key", &server->key, err) < 0 ||
	    load_pem(sb, "server.pem", &server->cert, err) < 0 ||
	    load_pem(sb, "ca.pem", &server->trust, err) < 0) {
		err_prefix(err, "cannot serve https from '%s'",
			   sb->options->dir);
		return -(int)err->code;
	}
	return 0;
}

static int start(struct server *server, struct err *err)
{
	struct sandbox *sb = server->sb;
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
			 MHD_USE_ERROR_LOG;
	char priorities[] = TLS_PRIORITIES;
	const struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, server->key.data },
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, server->cert.data },
		{ MHD_OPTION_HTTPS_MEM_TRUST, 0, server->trust.data },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, priorities },
		{ MHD_OPTION_END, 0, NULL },
	};
	const struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
	int fd = -1;

	if (listen_open(sb->options->port, &fd, &server->port, err) < 0)
		return -(int)err->code;
	if (!sb->options->plain)
		flags |= MHD_USE_TLS;
	server->daemon = MHD_start_daemon(
		flags, server->port, NULL, NULL, on_request, sb,
		MHD_OPTION_EXTERNAL_LOGGER, on_error, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK,
		on_target, sb, MHD_OPTION_NOTIFY_COMPLETED, on_completed, sb,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, sb,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_ARRAY,
		sb->options->plain ? none : tls, MHD_OPTION_END);
	if (server->daemon)
		return 0;
	(void)close(fd); /* nothing was sent on it */
	return err_set(err, ERR_TLS,
		       "cannot start the server; are server.pem, server.key "
		       "and ca.pem those that --init made?");
}

/* --- the loop --- */

/* Lets those continue whose time has come; all of them when now is INT64_MAX.
 * Returns when the loop has to go on: at once when somebody continues, which
 * libmicrohttpd's own timeout does not say. INT64_MAX is never. */
static int64_t wake(struct sandbox *sb, int64_t now_ns)
{
	struct request **link = &sb->held;
	int64_t next_ns = INT64_MAX;

	while (*link) {
		struct request *rq = *link;

		if (rq->wake_ns <= now_ns) {
			*link = rq->next_held;
			rq->next_held = NULL;
			MHD_resume_connection(rq->connection);
			next_ns = 0;
			continue;
		}
		if (rq->wake_ns < next_ns)
			next_ns = rq->wake_ns;
		link = &rq->next_held;
	}
	return next_ns;
}

/* How long to wait; NULL is for ever. */
static const struct timespec *patience(const struct server *server,
				       int64_t next_ns, int64_t now_ns,
				       struct timespec *ret)
{
	MHD_UNSIGNED_LONG_LONG ms = 0;
	int64_t wait_ns = INT64_MAX;

	if (next_ns != INT64_MAX)
		wait_ns = next_ns > now_ns ? next_ns - now_ns : 0;
	if (MHD_get_timeout(server->daemon, &ms) == MHD_YES &&
	    (int64_t)ms < wait_ns / CLOCK_MS)
		wait_ns = (int64_t)ms * CLOCK_MS;
	if (wait_ns == INT64_MAX)
		return NULL;
	ret->tv_sec = wait_ns / CLOCK_SECOND;
	ret->tv_nsec = wait_ns % CLOCK_SECOND;
	return ret;
}

static int serve(struct server *server, const sigset_t *open_signals,
		 struct err *err)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	if (!info)
		return err_set(err, ERR_IO, "libmicrohttpd has no epoll");

	struct pollfd poll_fd = { .fd = info->epoll_fd, .events = POLLIN };

	while (!stop_asked) {
		int64_t now_ns = clock_mono_ns();
		int64_t next_ns = wake(server->sb, now_ns);
		struct timespec time;

		/* Signals come only here, so none is missed. */
		if (ppoll(&poll_fd, 1, patience(server, next_ns, now_ns, &time),
			  open_signals) < 0 &&
		    errno != EINTR)
			return err_sys(err, errno, "cannot wait for requests");
		(void)MHD_run(server->daemon); /* NO only when it is stopped */
	}
	return 0;
}

static void catch_signals(sigset_t *ret_before)
{
	struct sigaction stop = { .sa_handler = on_signal };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t stopping;

	(void)sigemptyset(&stop.sa_mask);
	(void)sigemptyset(&ignore.sa_mask);
	(void)sigemptyset(&stopping);
	(void)sigaddset(&stopping, SIGTERM);
	(void)sigaddset(&stopping, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &stopping, ret_before);
	(void)sigdelset(ret_before, SIGTERM);
	(void)sigdelset(ret_before, SIGINT);
	(void)sigaction(SIGTERM, &stop, NULL);
	(void)sigaction(SIGINT, &stop, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
}

static int announce(const struct server *server, struct err *err)
{
	const char *port_file = server->sb->options->port_file;

	if (port_file && listen_tell(port_file, server->port, err) < 0)
		return -(int)err->code;
	if (printf("meshdrop-sandbox: listening on %s://127.0.0.1:%u\n",
		   server->sb->options->plain ? "http" : "https",
		   (unsigned)server->port) < 0 ||
	    fflush(stdout) != 0)
		return err_sys(err, errno, "cannot write to standard output");
	return 0;
}

int server_run(struct sandbox *sb, struct err *err)
{
	struct server server = { .sb = sb };
	sigset_t open_signals;
	int result = 0;

	buf_init(&server.key, PEM_MAX);
	buf_init(&server.cert, PEM_MAX);
	buf_init(&server.trust, PEM_MAX);
	catch_signals(&open_signals);
	result = load_certificates(&server, err);
	if (result == 0)
		result = start(&server, err);
	if (result == 0)
		result = announce(&server, err);
	if (result == 0)
		result = serve(&server, &open_signals, err);
	if (server.daemon) {
		/* It cannot stop while connections are suspended. */
		(void)wake(sb, INT64_MAX);
		(void)MHD_run(server.daemon);
		MHD_stop_daemon(server.daemon);
	}
	buf_release(&server.key);
	buf_release(&server.cert);
	buf_release(&server.trust);
	return result;
}
