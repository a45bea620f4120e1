/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * How we are, for people and monitoring: STATE_DIR/status.json, and the same
 * in numbers as STATE_DIR/metrics.prom, each replaced whole. Times are ISO 8601
 * in UTC, "" for never.
 */
#ifndef MESHDROP_AGENT_STATUS_H
#define MESHDROP_AGENT_STATUS_H

#include <stddef.h>
#include <stdint.h>

struct certs;
struct err;
struct mailbox;

#define STATUS_FILE "status.json"
/* Of a long list of CAs, those that end first. */
#define STATUS_CERTIFICATES 32

struct status_facts {
	const char *state; /* "starting", "running", "stopping", "stopped" */
	int64_t started_ns;
	const struct certs *certs;
	struct mailbox *const *mailboxes;
	size_t count;
};

int status_write(int state_dir, const struct status_facts *facts,
		 struct err *err) __attribute__((warn_unused_result));

/* One line for systemd's STATUS=; ret is always ended. */
void status_line(const struct status_facts *facts, char *ret, size_t size);

#endif
