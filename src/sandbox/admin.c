/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <microhttpd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/content.h"
#include "sandbox/handlers.h"
#include "sandbox/message.h"
#include "sandbox/reply.h"
#include "sandbox/request.h"
#include "sandbox/sandbox.h"

/* Above this the hash of a message is not worth the wait of all others. */
#define HASH_MAX INT64_C(268435456)

static void say(struct request *rq, unsigned status, const char *text)
{
	reply_json(&rq->reply, status, json_pack("{s:s}", "message", text));
}

/* A full reset also brings back the settings and ends all faults. */
void admin_reset(struct request *rq)
{
	struct sandbox *sb = rq->sandbox;
	struct err err;

	if (store_clear(&sb->store, NULL, &err) < 0) {
		request_broke(rq, &err);
		return;
	}
	journal_clear(&sb->journal);
	(void)json_array_clear(sb->faults);
	sandbox_default_settings(sb);
	say(rq, MHD_HTTP_OK, "all mailboxes reset");
}

void admin_reset_mailbox(struct request *rq)
{
	struct sandbox *sb = rq->sandbox;
	const struct mailbox *box = mailboxes_find(&sb->boxes, rq->args[0]);
	struct err err;

	if (!box) {
		say(rq, MHD_HTTP_NOT_FOUND, "mailbox does not exist");
	} else if (store_clear(&sb->store, box->id, &err) < 0) {
		request_broke(rq, &err);
	} else {
		AUTO_FREE char *text = xasprintf("mailbox %s reset", box->id);

		say(rq, MHD_HTTP_OK, text);
	}
}

/* NULL after an answer was given. The caller owns the result. */
static json_t *read_body(struct request *rq)
{
	json_t *json = NULL;
	struct err err;

	if (json_read(rq->body.data, rq->body.len, &json, &err) < 0) {
		say(rq, MHD_HTTP_BAD_REQUEST, err.text);
		return NULL;
	}
	return json;
}

struct member {
	const char *key;
	enum message_text which;
};

static void copy_members(struct message *m, const json_t *json,
			 const struct member *members, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *text = json_text(json, members[i].key);

		if (text)
			message_set(m, members[i].which, text);
	}
}

static int add_report(struct request *rq, const json_t *json,
		      const struct mailbox *box, struct err *err)
{
	static const struct member members[] = {
		{ "code", MESSAGE_CODE },
		{ "description", MESSAGE_DESCRIPTION },
		{ "workflow_id", MESSAGE_WORKFLOW },
		{ "subject", MESSAGE_SUBJECT },
		{ "local_id", MESSAGE_LOCAL_ID },
		{ "file_name", MESSAGE_FILE_NAME },
		{ "linked_message_id", MESSAGE_LINKED },
	};
	struct store *store = &rq->sandbox->store;
	struct message *m = message_new();

	m->report = true;
	message_set(m, MESSAGE_TO, box->id);
	message_set(m, MESSAGE_SUBJECT, "NDR");
	message_set(m, MESSAGE_EVENT, "SEND");
	copy_members(m, json, members, sizeof(members) / sizeof(members[0]));
	store_name(store, m, rq->now_ns);
	m->status = MESSAGE_ACCEPTED;
	m->status_ns = rq->now_ns;
	m->visible_ns = rq->now_ns;
	if (store_add(store, m, err) < 0)
		return -(int)err->code;
	reply_json(&rq->reply, MHD_HTTP_OK,
		   json_pack("{s:s}", "message_id", m->id));
	return 0;
}

void admin_report(struct request *rq)
{
	AUTO_JSON json_t *json = read_body(rq);
	const char *id = json_text(json, "mailbox_id");
	const struct mailbox *box = id ? mailboxes_find(&rq->sandbox->boxes,
							id) :
					 NULL;
	struct err err;

	if (!json)
		return;
	if (!box)
		say(rq, MHD_HTTP_NOT_FOUND, "mailbox does not exist");
	else if (!json_text(json, "code") || !json_text(json, "description") ||
		 !json_text(json, "workflow_id"))
		say(rq, MHD_HTTP_BAD_REQUEST,
		    "a report needs mailbox_id, code, description and "
		    "workflow_id");
	else if (add_report(rq, json, box, &err) < 0)
		request_broke(rq, &err);
}

void admin_event(struct request *rq)
{
	static const struct member members[] = {
		{ "code", MESSAGE_CODE },
		{ "event", MESSAGE_EVENT },
		{ "description", MESSAGE_DESCRIPTION },
		{ "linked_message_id", MESSAGE_LINKED },
	};
	struct store *store = &rq->sandbox->store;
	struct message *m = store_find(store, rq->args[0]);
	AUTO_JSON json_t *json = read_body(rq);
	enum message_status status = MESSAGE_ERROR;
	struct err err;

	if (!json)
		return;
	if (!m) {
		say(rq, MHD_HTTP_NOT_FOUND, "message does not exist");
		return;
	}
	if (!message_status_parse(json_text(json, "status"), &status)) {
		say(rq, MHD_HTTP_BAD_REQUEST,
		    "status is uploading, accepted, acknowledged, "
		    "undeliverable or error");
		return;
	}
	m->status = status;
	m->status_ns = rq->now_ns;
	if (status == MESSAGE_ACCEPTED)
		m->visible_ns = rq->now_ns;
	copy_members(m, json, members, sizeof(members) / sizeof(members[0]));
	if (store_save(store, m, &err) < 0)
		request_broke(rq, &err);
	else
		reply_empty(&rq->reply, MHD_HTTP_OK);
}

void admin_message(struct request *rq)
{
	const struct sandbox *sb = rq->sandbox;
	const struct message *m = store_find(&sb->store, rq->args[0]);
	char hash[CONTENT_HASH_SIZE] = "";
	json_t *json = NULL;
	struct err err;

	if (!m) {
		say(rq, MHD_HTTP_NOT_FOUND, "message does not exist");
		return;
	}
	json = message_to_json(m);
	(void)json_object_set_new(json, "size",
				  json_integer((json_int_t)message_size(m)));
	/* null: too large, incomplete, or not what it says it is. */
	if (message_size(m) <= HASH_MAX && content_hash(sb, m, hash, &err) == 0)
		(void)json_object_set_new(json, "sha256", json_string(hash));
	else
		(void)json_object_set_new(json, "sha256", json_null());
	reply_json(&rq->reply, MHD_HTTP_OK, json);
}

struct counts {
	size_t sent;
	size_t received;
	size_t status[MESSAGE_ERROR + 1]; /* of those received */
};

static void count(const struct sandbox *sb, const char *id, struct counts *ret)
{
	for (size_t i = 0; i < sb->store.count; i++) {
		const struct message *m = sb->store.items[i];

		if (strcmp(message_get(m, MESSAGE_FROM), id) == 0)
			ret->sent++;
		if (strcmp(message_get(m, MESSAGE_TO), id) == 0) {
			ret->received++;
			ret->status[m->status]++;
		}
	}
}

void admin_mailbox(struct request *rq)
{
	const struct sandbox *sb = rq->sandbox;
	const struct mailbox *box = mailboxes_find(&sb->boxes, rq->args[0]);
	struct counts counts = { .sent = 0 };
	json_t *json = NULL;

	if (!box) {
		say(rq, MHD_HTTP_NOT_FOUND, "mailbox does not exist");
		return;
	}
	count(sb, box->id, &counts);
	json = json_pack("{s:s, s:s, s:s, s:I, s:I}", "mailbox_id", box->id,
			 "mailbox_name", box->name, "ods_code", box->ods_code,
			 "sent", (json_int_t)counts.sent, "received",
			 (json_int_t)counts.received);
	for (size_t i = 0; i <= MESSAGE_ERROR; i++)
		(void)json_object_set_new(
			json, message_status_name((enum message_status)i),
			json_integer((json_int_t)counts.status[i]));
	reply_json(&rq->reply, MHD_HTTP_OK, json);
}
