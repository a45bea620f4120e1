/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The settings of one daemon: files in, one immutable object out.
 *
 * conf_load reads meshdrop.conf and the mailbox files beside it, checks every
 * key against conf/schema, checks values against each other, loads secrets and
 * freezes the result. It touches no mailbox folder. On failure it reports
 * everything that is wrong, not just the first thing, each as
 * "file:line: what is wrong", and returns nothing: a reload keeps the old
 * object. Warnings (plain http) are reported too and do not fail.
 *
 * Times are nanoseconds, sizes bytes. Strings are owned by the object.
 */
#ifndef MESHDROP_CONF_CONF_H
#define MESHDROP_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "conf/secret.h"

struct err;

#define CONF_DEFAULT_PATH "/etc/meshdrop/meshdrop.conf"

enum conf_ambiguous {
	CONF_HOLD,
	CONF_RESEND,
	CONF_FAIL,
};

/* Owned texts. */
struct conf_texts {
	char **items;
	size_t count;
};

/* Files dropped into a folder of their own: each becomes a message. */
struct conf_route {
	char *folder; /* one name below the mailbox's root */
	char *match;  /* of file names: '*', '?' and at most one "{to}" */
	char *to;     /* templates, as base/template has it */
	char *workflow;
	char *subject;	/* "" none */
	char *local_id; /* "" as local_id_when_empty has it */
	bool compress;
	bool encrypted;
	bool allow_chunking;
};

/* Where received messages of some workflows go instead of IN. */
struct conf_delivery {
	struct conf_texts workflows; /* "NAME", or "START*" */
	char *folder;		     /* one name below the mailbox's root */
	bool second_name;	     /* also under the sender's file name */
};

/* What is told to a program of the operator's. */
enum conf_event {
	CONF_ON_RECEIVE, /* a message is in its folder for good */
	CONF_ON_REPORT,	 /* a report is in IN for good */
	CONF_ON_FAILED,	 /* a pair is in FAILED for good */
	CONF_EVENT_COUNT,
};

struct conf_hook {
	struct conf_texts command; /* argv; count 0: none */
	int64_t timeout_ns;
};

/* When what is settled may be removed; 0: never for that reason. */
struct conf_retention {
	int64_t age_ns;
	uint64_t size;
};

struct conf_mailbox {
	char id[TEXT_MAILBOX_SIZE]; /* as written; never folded */
	char *file;		    /* where it was read from */
	char *root;		    /* holds IN OUT SENT FAILED TEMP */
	char *password_file;
	struct secret password;
	bool report_collect;
	bool report_transfer;
	bool report_poll;
	bool report_delay;
	bool save_sent;
	uint64_t max_messages; /* received, and sent, in one turn */
	uint64_t server_retry; /* answered attempts before giving up */
	uint64_t on_ambiguous; /* enum conf_ambiguous */
	bool local_id_generate;
	int64_t orphan_report_ns;  /* a .dat alone for so long; 0: no report */
	char *workflow_filter;	   /* of the inbox, as the API has it; NULL */
	struct conf_route *routes; /* owned, in the order of the file */
	size_t route_count;
	struct conf_delivery *deliveries; /* owned; the first that fits */
	size_t delivery_count;
	struct conf_hook hooks[CONF_EVENT_COUNT];
	uint64_t hooks_parallel; /* of this mailbox, at a time */
	struct conf_retention keep_sent;
	struct conf_retention keep_failed;
	struct conf_retention keep_in; /* only what was taken */
};

struct conf {
	char *file;
	/* [service] */
	char *environment; /* live, int or dep, which gave url; NULL: none */
	char *url;	   /* scheme and host, no path, no trailing slash */
	bool plain_http;
	char *shared_key_file;
	struct secret shared_key;
	char *ca_file;		   /* NULL only for plain http */
	char *certificate;	   /* the same */
	char *private_key;	   /* the same */
	char *proxy;		   /* http://host:port; NULL: none */
	char *proxy_user;	   /* NULL: none */
	char *proxy_password_file; /* NULL: none */
	struct secret proxy_password;
	int64_t connect_timeout_ns;
	int64_t stall_timeout_ns;
	/* [daemon] */
	char *state_dir;
	char *mailboxes_dir;
	char *timezone;
	char *signal_file; /* NULL: none */
	bool log_personal_data;
	bool confine; /* give up what we do not need */
	int64_t poll_interval_ns;
	int64_t scan_interval_ns;
	int64_t processing_delay_ns;
	int64_t resolve_after_ns;
	int64_t resolve_gap_ns;
	uint64_t connections;
	uint64_t chunk_size;
	uint64_t request_limit;
	uint64_t max_message;
	uint64_t reserve;

	struct conf_mailbox *mailboxes; /* sorted by id, at least one */
	size_t mailbox_count;
};

/* Called once for each thing that is wrong. */
typedef void conf_report_fn(void *ctx, bool fatal, const char *text);

/* 0, or -ERR_CONFIG after at least one fatal report. */
int conf_load(const char *path, conf_report_fn *report, void *ctx,
	      struct conf **ret) __attribute__((warn_unused_result));
/* Wipes the secrets. NULL is fine; returns NULL. */
struct conf *conf_free(struct conf *conf);

/* NULL when there is none of that id (compared without case). */
const struct conf_mailbox *conf_mailbox_find(const struct conf *conf,
					     const char *id);

#endif
