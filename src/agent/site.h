/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * All that one daemon serves: its settings, its state folder, its mailboxes.
 *
 * site_open does everything that must have worked before anybody may think
 * that the daemon runs: settings, certificates, folders, locks, recovery.
 */
#ifndef MESHDROP_AGENT_SITE_H
#define MESHDROP_AGENT_SITE_H

#include <stddef.h>
#include <stdint.h>

#include "agent/certs.h"
#include "agent/complaint.h"

struct conf;
struct confine;
struct err;
struct hooks;
struct mailbox;

struct site {
	struct conf *conf;
	int state_dir;
	int64_t started_ns; /* wall time */
	struct certs certs;
	struct complaint status; /* status.json cannot be written */
	struct mailbox **mailboxes;
	size_t count;
	struct hooks *hooks;	 /* shared by the mailboxes */
	struct confine *confine; /* NULL: we may open what we like */
};

/* Reads the settings and says in the log what is wrong with them; NULL then. */
struct conf *site_load_conf(const char *path);

/* Takes over conf, also on failure. */
int site_open(struct site *site, struct conf *conf, struct err *err)
	__attribute__((warn_unused_result));
void site_close(struct site *site);

/* Replaces the settings while no turn runs: all of it or nothing. Takes over
 * conf, also on failure. */
int site_reload(struct site *site, struct conf *conf, struct err *err)
	__attribute__((warn_unused_result));

/* What has to be looked at now and then; between turns or beside them. */
void site_look(struct site *site);

/* Writes status.json and metrics.prom; a failure is only logged, as
 * agent/complaint has it. */
void site_write_status(struct site *site, const char *state);

#endif
