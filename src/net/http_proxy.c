/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "net/http_proxy.h"

#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

static const char *say_status(int status, bool has_user)
{
	switch (status) {
	case 403:
		return "the proxy does not allow connections to the service: "
		       "have host and port of the service allowed there";
	case 405:
	case 501:
		return "the proxy does not know CONNECT: is this the address "
		       "of an HTTP proxy (proxy in meshdrop.conf)?";
	case 407:
		return has_user ? "the proxy does not accept user and "
				  "password, or no way of logging in that we "
				  "have (proxy_user, proxy_password_file)" :
				  "the proxy wants a user and a password (set "
				  "proxy_user and proxy_password_file)";
	case 502:
	case 503:
	case 504:
		return "the proxy cannot reach the service (url in "
		       "meshdrop.conf, or ask who runs the proxy)";
	}
	return "the proxy refuses to connect us with the service (proxy in "
	       "meshdrop.conf)";
}

static const char *say(const struct http_proxy_end *end)
{
	if (end->unresolved)
		return "the name of the proxy cannot be resolved (proxy in "
		       "meshdrop.conf)";
	if (end->unreached)
		return "cannot reach the proxy (proxy in meshdrop.conf)";
	if (end->timed_out)
		return "the proxy did not connect us in time (proxy, "
		       "connect_timeout)";
	if (end->status >= 300)
		return say_status(end->status, end->has_user);
	return "the proxy ended the connection before the service was reached "
	       "(proxy in meshdrop.conf)";
}

/* Host and port. */
static const char *host_of(const char *url, int *ret_len)
{
	const char *host = strstr(url, "://");
	host = host ? host + 3 : url;
	*ret_len = (int)strcspn(host, "/");
	return host;
}

int http_proxy_explain(const struct http_proxy_end *end, const char *url,
		       struct err *err)
{
	char words[256];
	int proxy_len;
	int len;
	const char *proxy = host_of(end->proxy, &proxy_len);
	const char *host = host_of(url, &len);
	text_escape(words, sizeof(words), end->words);
	int r = err_set(err, ERR_NETWORK, "proxy %.*s to %.*s: %s: %s",
			proxy_len, proxy, len, host, say(end), words);
	err_widen(err, ERR_SERVICE, ERR_LATER);
	return r;
}
