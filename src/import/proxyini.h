/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The Java client's proxy.ini, of which no description is public.
 *
 * Lines of "name = value" or "name: value"; sections count for nothing. Names
 * are taken in several spellings: letter case, '.', '_' and '-' do not matter,
 * "http", "https" and "proxy" around the word are allowed, so that Host,
 * proxy_host and https.proxyHost are one; what is said for https goes before
 * what is said for http. A host may carry its port and "http://". A name that
 * is not known is kept to be told, not an error.
 */
#ifndef MESHDROP_IMPORT_PROXYINI_H
#define MESHDROP_IMPORT_PROXYINI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct err;

#define PROXYINI_SIZE_MAX ((size_t)64 << 10)
#define PROXYINI_VALUE_SIZE 513

enum proxyini_field {
	PROXYINI_HOST,
	PROXYINI_PORT,
	PROXYINI_USER,
	PROXYINI_PASSWORD,
	PROXYINI_ENABLED,
	PROXYINI_COUNT,
};

struct proxyini {
	char values[PROXYINI_COUNT][PROXYINI_VALUE_SIZE]; /* "" not there */
	bool used; /* there is a proxy, with host and port */
	bool had_sections;
	struct buf unknown; /* "name, name" */
};

void proxyini_init(struct proxyini *ini);
/* Wipes the password. */
void proxyini_release(struct proxyini *ini);

/* The error's text begins with "line N: " where there is one. */
int proxyini_read(const char *text, size_t len, struct proxyini *ret,
		  struct err *err) __attribute__((warn_unused_result));

#endif
