/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The whole state of a MESH server for one machine.
 *
 * One thread owns it: there are no locks. All that was answered for is in the
 * directory; the rest (settings, faults, journal) ends with the process.
 */
#ifndef MESHDROP_SANDBOX_SANDBOX_H
#define MESHDROP_SANDBOX_SANDBOX_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "sandbox/journal.h"
#include "sandbox/mailbox.h"
#include "sandbox/nonces.h"
#include "sandbox/store.h"

struct request;

struct sandbox_options {
	const char *dir;
	const char *port_file; /* NULL for none */
	uint16_t port;
	bool plain;
	bool lenient;
	int64_t expiry_s;
};

/* What POST admin/settings changes. */
struct sandbox_settings {
	int64_t track_delay_s;
	int64_t expiry_s;
	int64_t async_delay_s;
	bool track_local_id;
};

struct sandbox {
	const struct sandbox_options *options; /* borrowed */
	struct sandbox_settings settings;
	int root_fd;
	int lock_fd;
	int uploads_fd;
	uint64_t uploads;
	int64_t connections;
	struct buf shared_key;
	struct mailboxes boxes;
	struct store store;
	struct nonces nonces;
	struct journal journal;
	json_t *faults;	      /* owned; a queue */
	struct request *held; /* answers that wait for their time */
};

/* Reads the directory; sandbox_close is right after it in any case. */
int sandbox_open(struct sandbox *sb, const struct sandbox_options *options,
		 struct err *err) __attribute__((warn_unused_result));
void sandbox_close(struct sandbox *sb);

void sandbox_default_settings(struct sandbox *sb);

#endif
