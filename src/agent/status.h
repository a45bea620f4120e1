/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * How we are, for people and monitoring: STATE_DIR/status.json, replaced
 * whole. Times are ISO 8601 in UTC, "" for never.
 */
#ifndef MESHDROP_AGENT_STATUS_H
#define MESHDROP_AGENT_STATUS_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct mailbox;

#define STATUS_FILE "status.json"

struct status_facts {
	const char *state; /* "starting", "running", "stopping", "stopped" */
	int64_t started_ns;
	int64_t certificate_ns; /* when the client certificate ends; 0 */
	struct mailbox *const *mailboxes;
	size_t count;
};

int status_write(int state_dir, const struct status_facts *facts,
		 struct err *err) __attribute__((warn_unused_result));

/* One line for systemd's STATUS=; ret is always ended. */
void status_line(const struct status_facts *facts, char *ret, size_t size);

#endif
