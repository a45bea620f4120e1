/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Addresses in settings: "https://host[:port]", and the environments of the
 * service by name. Pure.
 */
#ifndef MESHDROP_CONF_ADDRESS_H
#define MESHDROP_CONF_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

struct address {
	bool plain;	  /* http, not https */
	const char *host; /* into the text; an IPv6 one with its brackets */
	size_t host_len;
	bool has_port;
	size_t len;	  /* of host and port */
	const char *rest; /* behind them */
};

/* NULL, or what is wrong. No part of the text is said: there may be a password
 * in it. */
const char *address_parse(const char *text, struct address *ret);
/* Whether the host is the domain or below it; letter case does not count. */
bool address_is_below(const struct address *address, const char *domain);

/* The address of "live", "int" or "dep"; NULL for anything else. */
const char *address_of_environment(const char *name);
/* The internet address that took the place of one on the health network (HSCN),
 * which the caller frees; NULL when it is not one of those. */
char *address_instead_of(const struct address *address);

#endif
