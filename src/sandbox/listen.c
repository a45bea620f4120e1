/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"

static int bind_loopback(int fd, uint16_t port, uint16_t *ret_port,
			 struct err *err)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	const int one = 1;

	/* A port in TIME_WAIT may be taken again; a listening one may not. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		return err_sys(err, errno, "cannot prepare a socket");
	if (bind(fd, (const struct sockaddr *)&address, len) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		return err_sys(err, errno,
			       "cannot listen on 127.0.0.1:%u; choose another "
			       "with --port, or --port 0 for any",
			       (unsigned)port);
	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return err_sys(err, errno, "cannot read the port number");
	*ret_port = ntohs(address.sin_port);
	return 0;
}

int listen_open(uint16_t port, int *ret_fd, uint16_t *ret_port, struct err *err)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_sys(err, errno, "cannot make a socket");

	int result = bind_loopback(fd, port, ret_port, err);

	if (result == 0)
		*ret_fd = fd;
	else
		(void)close(fd); /* nothing was sent on it */
	return result;
}

int listen_tell(const char *path, uint16_t port, struct err *err)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir = slash ? xstrndup(path,
					       (size_t)(slash - path) + 1) :
				      xstrdup(".");
	AUTO_CLOSE int fd = -1;
	char text[16];

	(void)snprintf(text, sizeof(text), "%u\n", (unsigned)port);
	if (fsx_open_root(dir, &fd, err) < 0 ||
	    fsx_store(fd, slash ? slash + 1 : path, 0644, text, strlen(text),
		      false, err) < 0) {
		err_prefix(err, "cannot write the port file '%s'", path);
		return -(int)err->code;
	}
	return 0;
}
