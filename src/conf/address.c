/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "conf/address.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define HOST_MAX 253

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

#define LIVE "https://mesh-sync.spineservices.nhs.uk"

/* 0 when there is no host at the start. */
static size_t host_length(const char *s)
{
	if (s[0] != '[') {
		size_t n = strspn(s, LETTERS DIGITS ".-_");
		return n <= HOST_MAX ? n : 0;
	}
	size_t n = strspn(s + 1, DIGITS "abcdefABCDEF:.");
	return n > 0 && s[1 + n] == ']' ? n + 2 : 0;
}

static bool is_port(const char *s, size_t len)
{
	char digits[6];
	uint64_t port = 0;
	if (len == 0 || len >= sizeof(digits))
		return false;
	memcpy(digits, s, len);
	digits[len] = '\0';
	return text_u64(digits, 65535, &port) && port > 0;
}

const char *address_parse(const char *text, struct address *ret)
{
	struct address a = { .plain = text_starts_nocase(text, "http://") };
	if (!a.plain && !text_starts_nocase(text, "https://"))
		return "it does not begin with https://";
	a.host = text + (a.plain ? strlen("http://") : strlen("https://"));
	size_t authority = strcspn(a.host, "/?#");
	if (memchr(a.host, '@', authority))
		return "a user name or password does not belong there";
	a.host_len = host_length(a.host);
	if (a.host_len == 0)
		return "there is no host name in it";
	a.len = a.host_len;
	a.has_port = a.host[a.len] == ':';
	if (a.has_port) {
		a.len = authority;
		const char *port = a.host + a.host_len + 1;
		if (!is_port(port, authority - a.host_len - 1))
			return "the port is not a number from 1 to 65535";
	}
	if (a.len != authority)
		return "the host name holds a character that none can have";
	a.rest = a.host + a.len;
	*ret = a;
	return NULL;
}

bool address_is_below(const struct address *address, const char *domain)
{
	size_t len = strlen(domain);
	if (address->host_len < len)
		return false;
	AUTO_FREE char *host = xstrndup(address->host, address->host_len);
	const char *tail = host + address->host_len - len;
	return text_equal_nocase(tail, domain) &&
	       (tail == host || tail[-1] == '.');
}

const char *address_of_environment(const char *name)
{
	static const struct {
		const char *name;
		const char *url;
	} known[] = {
		{ "live", LIVE },
		{ "int", "https://msg.intspineservices.nhs.uk" },
		{ "dep", "https://msg.depspineservices.nhs.uk" },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcmp(known[i].name, name) == 0)
			return known[i].url;
	}
	return NULL;
}

char *address_instead_of(const struct address *address)
{
	/* msg.int.spine2.ncrs.nhs.uk became msg.intspineservices.nhs.uk */
	if (address_is_below(address, "spine2.ncrs.nhs.uk")) {
		AUTO_FREE char *host = xstrndup(address->host,
						address->host_len);
		const char *name = host + strlen("msg.");
		size_t len = strcspn(name, ".");
		if (text_starts_nocase(host, "msg.") &&
		    text_equal_nocase(name + len, ".spine2.ncrs.nhs.uk"))
			return xasprintf("https://msg.%.*sspineservices.nhs.uk",
					 (int)len, name);
		return xstrdup(LIVE);
	}
	return address_is_below(address, "national.ncrs.nhs.uk") ?
		       xstrdup(LIVE) :
		       NULL;
}
