/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What the service says in a body: error bodies in every form, ids, pages,
 * tracking. Pure, and fuzzed: any bytes may come.
 */
#ifndef MESHDROP_MESH_REPLY_H
#define MESHDROP_MESH_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct err;

/* An error body: v1, v2, validation, or anything else. The words of anything
 * else are not kept: they could say everything, and would be logged. */
struct reply_error {
	/* The body had a form that only the MESH API has: v1, v2 or
	 * validation. {"message": ..} and {"detail": ".."} come from any
	 * gateway. */
	bool from_mesh;
	/* "" when it breaks the rule for events or codes */
	char event[TEXT_EVENT_SIZE];
	char code[TEXT_CODE_SIZE];
	char text[256];			/* escaped, one line; "" if none */
	char message_id[TEXT_ID_SIZE];	/* "" if none */
	char internal_id[TEXT_ID_SIZE]; /* for the service desk; "" if none */
};

void reply_error_read(const char *body, size_t len, struct reply_error *ret);
/* "SEND 12: Unregistered to address"; for people. */
void reply_error_show(const struct reply_error *error, int http, char *ret,
		      size_t size);

/* messageID, message_id or messageId of a success. */
bool reply_message_id(const char *body, size_t len, char ret[TEXT_ID_SIZE]);

#define REPLY_PAGE_MAX 5000

/* One page of an inbox. Ids that break the rule for ids are counted, not
 * kept. */
struct reply_page {
	char (*ids)[TEXT_ID_SIZE]; /* owned */
	size_t count;
	size_t refused;
	char *next;	     /* owned; path of the next page, or NULL */
	bool odd_next;	     /* there was one that cannot be used */
	int64_t approximate; /* -1: not said */
};

int reply_page_read(const char *body, size_t len, struct reply_page *ret,
		    struct err *err) __attribute__((warn_unused_result));
void reply_page_release(struct reply_page *page);

enum reply_status {
	REPLY_STATUS_UNKNOWN,
	REPLY_STATUS_UPLOADING,
	REPLY_STATUS_ACCEPTED,
	REPLY_STATUS_ACKNOWLEDGED,
	REPLY_STATUS_UNDELIVERABLE,
	REPLY_STATUS_ERROR,
};

/* One tracking answer, v1 or v2; "" where nothing was said. */
struct reply_track {
	char message_id[TEXT_ID_SIZE];
	char local_id[301];
	char recipient[128];
	char workflow[301];
	char file_name[301];
	char status_text[64];
	char failure[256];
	enum reply_status status;
	int64_t file_size;    /* bytes; -1: not said */
	int64_t uploaded_ns;  /* wall time; 0: not said */
	char upload_time[64]; /* as sent */
	char expiry_time[64];
};

int reply_track_read(const char *body, size_t len, struct reply_track *ret,
		     struct err *err) __attribute__((warn_unused_result));

#define REPLY_LOOKUP_MAX 1000
struct reply_lookup_entry {
	char mailbox[128];
	char name[256];
};
struct reply_lookup {
	struct reply_lookup_entry *entries; /* owned */
	size_t count;
};
int reply_lookup_read(const char *body, size_t len, struct reply_lookup *ret,
		      struct err *err) __attribute__((warn_unused_result));
void reply_lookup_release(struct reply_lookup *lookup);

#endif
