/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The mailboxes this server knows, from mailboxes.json.
 *
 * Read once at start: an array of objects with id, password, name, ods_code
 * and workflows (patterns as in a shell; "*" is any).
 */
#ifndef MESHDROP_SANDBOX_MAILBOX_H
#define MESHDROP_SANDBOX_MAILBOX_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct err;

struct mailbox {
	const char *id; /* all borrowed from the file's JSON */
	const char *password;
	const char *name;
	const char *ods_code;
	const json_t *workflows;
};

struct mailboxes {
	json_t *json; /* owned */
	struct mailbox *items;
	size_t count;
};

int mailboxes_load(struct mailboxes *boxes, int dirfd, struct err *err)
	__attribute__((warn_unused_result));
void mailboxes_release(struct mailboxes *boxes);

/* In any case of letters, as the service does it. */
const struct mailbox *mailboxes_find(const struct mailboxes *boxes,
				     const char *id);
bool mailbox_allows(const struct mailbox *box, const char *workflow);

#endif
