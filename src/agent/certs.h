/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The certificates that the settings name, and the warnings before they end.
 *
 * A warning is said 60, 30, 14 and 7 days before the end, then each day, also
 * when it is over: each once as long as the process lives. What is used for
 * connections are the files as they are then, so they are read again every hour;
 * files that are wrong in between leave what was known. Logs.
 */
#ifndef MESHDROP_AGENT_CERTS_H
#define MESHDROP_AGENT_CERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/complaint.h"
#include "net/tls.h"

struct conf;

struct certs_item {
	const char *setting; /* certificate or ca_file */
	size_t place;	     /* in its file, from 1 */
	struct tls_certificate facts;
	int said; /* as expiry_mark has it */
	bool early_said;
};

/* All zero: none, as with plain http. */
struct certs {
	struct certs_item *items; /* owned; ours, then the CAs, by their ends */
	size_t count;
	int64_t read_ns; /* monotonic */
	struct complaint unread;
};

/* Into empty ones. Nothing is said. */
int certs_load(struct certs *certs, const struct conf *conf, struct err *err)
	__attribute__((warn_unused_result));
void certs_release(struct certs *certs);
/* Takes the place of the old ones; what was said of a certificate stays said.
 * Leaves fresh empty. */
void certs_adopt(struct certs *certs, struct certs *fresh);
/* Says what is due. */
void certs_say(struct certs *certs, const struct conf *conf);
/* The same, and reads the files again when an hour has passed. */
void certs_look(struct certs *certs, const struct conf *conf);

#endif
