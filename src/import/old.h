/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The old installation, read whole: configuration, keystore, proxy.ini, and
 * whether the folder of the signal file is there. It is only read.
 *
 * Relative paths are those of a client that was started in the folder of its
 * configuration. Errors name the file. What the environment holds is asked of
 * the caller, and the time given by it.
 */
#ifndef MESHDROP_IMPORT_OLD_H
#define MESHDROP_IMPORT_OLD_H

#include <stdbool.h>
#include <stdint.h>

#include "import/cfg.h"
#include "import/expand.h"
#include "import/identity.h"
#include "import/proxyini.h"

struct err;

enum old_variables {
	OLD_REFUSE, /* a value that looks like one is an error */
	OLD_EXPAND,
	OLD_LITERAL, /* values are what they are */
};

struct old_options {
	const char *path;     /* of the configuration */
	const char *keystore; /* in place of KeyStorePath; NULL */
	enum old_variables variables;
	expand_lookup_fn *lookup;
	void *lookup_ctx;
	int64_t now_s;
};

/* All owned. */
struct old {
	struct cfg cfg;
	char *folder;	     /* of the configuration; absolute */
	char *keystore_path; /* NULL: there is none, and plain http */
	const char *keystore_kind;
	char *key_alias;
	size_t key_count;
	struct identity identity;
	char *proxy_path; /* of proxy.ini; NULL: ProxyPath is not set */
	bool has_proxy;	  /* proxy.ini is there */
	struct proxyini proxy;
	char *signal_file; /* where it would be; NULL: not set */
	bool has_signal;   /* its folder is there */
};

int old_read(const struct old_options *options, struct old *ret,
	     struct err *err) __attribute__((warn_unused_result));
void old_release(struct old *old);

/* Whether PrimaryURL is https, or missing. */
bool old_is_https(const struct old *old);
/* A path of the configuration as an absolute one. Owned by the caller. */
char *old_path(const struct old *old, const char *path);

#endif
