/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

bool notify_is_abstract(void)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): only this thread sets */
	const char *path = getenv("NOTIFY_SOCKET");
	return path && path[0] == '@';
}

void notify_send(const char *lines)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): only this thread sets */
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	if (!path || (path[0] != '/' && path[0] != '@') ||
	    !text_copy(to.sun_path, sizeof(to.sun_path), path))
		return;
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				    strlen(path));
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0'; /* an abstract name */
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, lines, strlen(lines), MSG_NOSIGNAL,
		     (const struct sockaddr *)&to, len); /* see header */
}

void notify_ready(const char *status)
{
	AUTO_FREE char *lines = xasprintf("READY=1\nSTATUS=%s\n", status);
	notify_send(lines);
}

void notify_reloading(void)
{
	AUTO_FREE char *lines = xasprintf("RELOADING=1\nMONOTONIC_USEC=%lld\n",
					  (long long)(clock_mono_ns() / 1000));
	notify_send(lines);
}

void notify_stopping(void)
{
	notify_send("STOPPING=1\n");
}

int64_t notify_watchdog_ns(void)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): only this thread sets */
	const char *usec = getenv("WATCHDOG_USEC");
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): only this thread sets */
	const char *pid = getenv("WATCHDOG_PID");
	uint64_t value = 0;
	uint64_t ours = 0;
	if (!usec || !text_u64(usec, INT64_MAX / 1000, &value))
		return 0;
	if (pid &&
	    (!text_u64(pid, INT32_MAX, &ours) || ours != (uint64_t)getpid()))
		return 0;
	return (int64_t)value * 1000;
}
