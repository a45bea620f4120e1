/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The Java client's meshclient.cfg: XML in, values with their lines out.
 *
 * Every element that is known of the client, in any order; <Client> blocks may
 * stand anywhere below the root. An element that is not known, that stands
 * twice in one place or in the wrong place, an attribute below the root, or
 * text between elements is an error that names the line, because nothing of a
 * configuration may get lost on the way. A DOCTYPE is refused. Values lose the
 * blanks around them; some are secrets, so all are wiped.
 */
#ifndef MESHDROP_IMPORT_CFG_H
#define MESHDROP_IMPORT_CFG_H

#include <stddef.h>

struct err;

#define CFG_SIZE_MAX ((size_t)1 << 20)
#define CFG_VALUE_MAX ((size_t)4096)
#define CFG_CLIENTS_MAX 1000

enum cfg_field {
	CFG_PRIMARY_URL,
	CFG_LOG_PATH,
	CFG_KEYSTORE_PATH,
	CFG_KEYSTORE_PASSWORD,
	CFG_WORK_PATH,
	CFG_PROXY_PATH,
	CFG_SIGNAL_PATH,
	CFG_POLL_PERIOD,
	CFG_SERVER_RETRY,
	CFG_MAX_MESSAGES,
	CFG_MAX_CONNECTIONS,
	CFG_AUTO_UPGRADE,
	CFG_AUTHENTICATION_KEY,
	CFG_PROCESSING_DELAY,
	/* from here on inside <Client> */
	CFG_CLIENT_IDENTITY,
	CFG_CLIENT_AUTHENTICATION,
	CFG_MAILBOX_TYPE,
	CFG_INTERFACE_ROOT,
	CFG_CLIENT_LOG_LEVEL,
	CFG_COLLECT_REPORT,
	CFG_DELAY_REPORT,
	CFG_TRANSFER_REPORT,
	CFG_POLL_REPORT,
	CFG_SAVE_SENT,
	CFG_FIELD_COUNT,
};

struct cfg_value {
	char *text; /* owned; NULL: the element is not there */
	int line;
};

/* The part outside the clients, or one client; the others' fields are unused. */
struct cfg_part {
	struct cfg_value values[CFG_FIELD_COUNT];
	int line; /* where the part begins */
};

struct cfg {
	struct cfg_part common;
	struct cfg_part *clients; /* owned, in the order of the file */
	size_t client_count;
};

/* The error's text begins with "line N: ". */
int cfg_read(const char *text, size_t len, struct cfg *ret, struct err *err)
	__attribute__((warn_unused_result));
void cfg_release(struct cfg *cfg);

/* The element's name. */
const char *cfg_name(enum cfg_field field);
/* NULL when the element is not there or is empty. */
const char *cfg_text(const struct cfg_part *part, enum cfg_field field);
/* Takes the place of a value; text is copied. */
void cfg_set(struct cfg_value *value, const char *text, int line);

#endif
