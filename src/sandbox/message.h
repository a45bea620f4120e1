/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * One message as the sandbox remembers it, and its form on disk (JSON).
 *
 * Texts are kept byte for byte as the sender gave them, also when they are not
 * UTF-8. Nothing here touches a file.
 */
#ifndef MESHDROP_SANDBOX_MESSAGE_H
#define MESHDROP_SANDBOX_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* yyyyMMddHHmmssffffff_ and six hexadecimal digits */
#define MESSAGE_ID_SIZE 28
/* More than this in one message is refused. */
#define MESSAGE_CHUNKS_MAX 100000

enum message_status {
	MESSAGE_UPLOADING,
	MESSAGE_ACCEPTED,
	MESSAGE_ACKNOWLEDGED,
	MESSAGE_UNDELIVERABLE,
	MESSAGE_ERROR,
};

enum message_text {
	MESSAGE_FROM,
	MESSAGE_TO,
	MESSAGE_WORKFLOW,
	MESSAGE_LOCAL_ID,
	MESSAGE_FILE_NAME,
	MESSAGE_SUBJECT,
	MESSAGE_PARTNER_ID,
	MESSAGE_CHECKSUM,
	MESSAGE_ENCRYPTED,
	MESSAGE_COMPRESSED,
	MESSAGE_CONTENT_TYPE,
	MESSAGE_ENCODING,
	MESSAGE_LINKED,
	MESSAGE_CODE,
	MESSAGE_EVENT,
	MESSAGE_DESCRIPTION,
	MESSAGE_TEXTS, /* how many there are */
};

struct message {
	char id[MESSAGE_ID_SIZE];
	enum message_status status;
	bool report;
	unsigned total;		   /* chunks announced; 0 for a report */
	char *text[MESSAGE_TEXTS]; /* owned; NULL when absent */
	json_t *sizes;		   /* owned; null where a chunk is missing */
	int64_t created_ns;
	int64_t status_ns;
	int64_t visible_ns; /* accepted, and from here on in the inbox */
};

struct message *message_new(void);
struct message *message_free(struct message *message);

/* NULL and "" take the text away. */
void message_set(struct message *message, enum message_text which,
		 const char *value);
/* Never NULL. */
const char *message_get(const struct message *message, enum message_text which);
/* The key of a text on disk and in admin replies. */
const char *message_text_key(enum message_text which);

const char *message_status_name(enum message_status status);
bool message_status_parse(const char *name, enum message_status *ret);

/* Bytes of chunk number (from 1), or -1 while it is missing. */
int64_t message_chunk_size(const struct message *message, unsigned number);
void message_set_chunk(struct message *message, unsigned number, int64_t size);
/* True when chunks 1 to number are all there. */
bool message_has_up_to(const struct message *message, unsigned number);
int64_t message_size(const struct message *message);

/* The caller owns the result. */
json_t *message_to_json(const struct message *message);
/* NULL when it is not a message of ours. */
struct message *message_from_json(const json_t *json);

#endif
