/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <microhttpd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/handlers.h"
#include "sandbox/message.h"
#include "sandbox/reply.h"
#include "sandbox/request.h"
#include "sandbox/sandbox.h"

static const struct refusal not_found = { 404, "", "", "Not Found" };
static const struct refusal several = { 300, "", "", "Multiple Choices" };

/* Bytes that are not UTF-8 cannot go into JSON as they are. */
static json_t *foreign(const char *text)
{
	char clean[4096];
	json_t *json = json_string(text);

	if (json)
		return json;
	text_escape(clean, sizeof(clean), text);
	return json_string(clean);
}

static void put(json_t *json, const char *key, json_t *value)
{
	(void)json_object_set_new(json, key, value);
}

static void put_text(json_t *json, const char *key, const char *text)
{
	put(json, key, foreign(text));
}

static void put_file_name(json_t *json, const char *key,
			  const struct message *m)
{
	char name[MESSAGE_ID_SIZE + 8];
	const char *given = message_get(m, MESSAGE_FILE_NAME);

	(void)snprintf(name, sizeof(name), "%s.dat", m->id);
	put_text(json, key, given[0] != '\0' ? given : name);
}

static const struct mailbox *box_of(const struct request *rq,
				    const struct message *m,
				    enum message_text which)
{
	return mailboxes_find(&rq->sandbox->boxes, message_get(m, which));
}

/* sender... or recipient..., as version 1 has them. */
static void put_party(json_t *json, const char *role, const char *id,
		      const struct mailbox *box)
{
	const char *ods = box ? box->ods_code : "";
	const struct {
		const char *suffix;
		const char *value;
	} facts[] = {
		{ "", id },	    { "Name", box ? box->name : "" },
		{ "OrgCode", ods }, { "OrgName", "" },
		{ "Smtp", "" },	    { "OdsCode", ods },
	};
	char key[40];

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		(void)snprintf(key, sizeof(key), "%s%s", role, facts[i].suffix);
		put_text(json, key, facts[i].value);
	}
}

static bool has_failed(const struct message *m)
{
	return m->status == MESSAGE_ERROR || m->status == MESSAGE_UNDELIVERABLE;
}

static void put_v1_content(json_t *json, const struct message *m)
{
	bool gzip = message_get(m, MESSAGE_ENCODING)[0] != '\0';

	put_text(json, "addressType", "ALL");
	put_text(json, "checksum", message_get(m, MESSAGE_CHECKSUM));
	put(json, "chunkCount", json_integer((json_int_t)m->total));
	put_text(json, "compressFlag", message_get(m, MESSAGE_COMPRESSED));
	put_text(json, "contentEncoding", message_get(m, MESSAGE_ENCODING));
	put(json, "contentsBase64", json_null());
	put_text(json, "encryptedFlag", message_get(m, MESSAGE_ENCRYPTED));
	put_file_name(json, "fileName", m);
	put(json, "fileSize", json_integer((json_int_t)message_size(m)));
	put(json, "isCompressed", json_boolean(gzip));
	put_text(json, "localId", message_get(m, MESSAGE_LOCAL_ID));
	put_text(json, "messageType", "DATA");
	put_text(json, "partnerId", message_get(m, MESSAGE_PARTNER_ID));
	put_text(json, "subject", message_get(m, MESSAGE_SUBJECT));
	put_text(json, "version", "1.0");
	put_text(json, "workflowId", message_get(m, MESSAGE_WORKFLOW));
}

static void put_v1_failure(json_t *json, const struct message *m)
{
	char stamp[CLOCK_STAMP_SIZE];

	clock_stamp_utc(m->status_ns, stamp);
	put_text(json, "failureDate", stamp);
	put_text(json, "failureDiagnostic",
		 message_get(m, MESSAGE_DESCRIPTION));
	put_text(json, "linkedMsgId", message_get(m, MESSAGE_LINKED));
	put_text(json, "statusCode", message_get(m, MESSAGE_CODE));
	put_text(json, "statusEvent", message_get(m, MESSAGE_EVENT));
	put_text(json, "statusDescription",
		 message_get(m, MESSAGE_DESCRIPTION));
}

static void put_v1_state(const struct request *rq, json_t *json,
			 const struct message *m)
{
	char stamp[CLOCK_STAMP_SIZE];
	char status[24];
	int64_t life_ns = rq->sandbox->settings.expiry_s * CLOCK_SECOND;

	(void)snprintf(status, sizeof(status), "%s",
		       message_status_name(m->status));
	status[0] = (char)(status[0] - 'a' + 'A');
	put_text(json, "messageId", m->id);
	put_text(json, "dtsId", m->id);
	put_text(json, "processId", "");
	put_text(json, "status", status);
	put_text(json, "statusSuccess", has_failed(m) ? "ERROR" : "SUCCESS");
	clock_stamp_utc(m->created_ns, stamp);
	put_text(json, "uploadTimestamp", stamp);
	clock_stamp_utc(m->created_ns + life_ns, stamp);
	put_text(json, "expiryTime", stamp);
	clock_stamp_utc(m->status_ns, stamp);
	put_text(json, "statusTimestamp", stamp);
	if (m->status == MESSAGE_ACKNOWLEDGED)
		put_text(json, "downloadTimestamp", stamp);
	else
		put(json, "downloadTimestamp", json_null());
}

static json_t *track_v1(const struct request *rq, const struct message *m)
{
	const struct mailbox *to = box_of(rq, m, MESSAGE_TO);
	json_t *json = json_object();

	put_v1_content(json, m);
	put_v1_state(rq, json, m);
	put_party(json, "sender", message_get(m, MESSAGE_FROM),
		  box_of(rq, m, MESSAGE_FROM));
	put_party(json, "recipient", message_get(m, MESSAGE_TO), to);
	put_text(json, "meshRecipientOdsCode", to ? to->ods_code : "");
	put(json, "senderBillingEntity", json_null());
	put(json, "recipientBillingEntity", json_null());
	if (has_failed(m))
		put_v1_failure(json, m);
	return json;
}

/* Microseconds and no zone, as the service writes it. */
static void put_iso(json_t *json, const char *key, int64_t wall_ns)
{
	char text[CLOCK_ISO_SIZE];
	char full[40];

	clock_iso(wall_ns, text);
	(void)snprintf(full, sizeof(full), "%.19s.%06u", text,
		       (unsigned)(wall_ns / 1000 % 1000000));
	put_text(json, key, full);
}

static json_t *track_v2(const struct request *rq, const struct message *m)
{
	const struct mailbox *to = box_of(rq, m, MESSAGE_TO);
	int64_t life_ns = rq->sandbox->settings.expiry_s * CLOCK_SECOND;
	json_t *json = json_object();

	put_text(json, "message_id", m->id);
	put_text(json, "local_id", message_get(m, MESSAGE_LOCAL_ID));
	put_text(json, "workflow_id", message_get(m, MESSAGE_WORKFLOW));
	put_file_name(json, "filename", m);
	put_iso(json, "expiry_time", m->created_ns + life_ns);
	put_iso(json, "upload_timestamp", m->created_ns);
	put_text(json, "recipient", message_get(m, MESSAGE_TO));
	put_text(json, "recipient_name", to ? to->name : "");
	put_text(json, "recipient_ods_code", to ? to->ods_code : "");
	put_text(json, "recipient_org_code", to ? to->ods_code : "");
	put_text(json, "recipient_org_name", "");
	put(json, "status_success", json_boolean(!has_failed(m)));
	put_text(json, "status", message_status_name(m->status));
	if (has_failed(m)) {
		put_iso(json, "status_timestamp", m->status_ns);
		put_text(json, "status_event", message_get(m, MESSAGE_EVENT));
		put_text(json, "status_code", message_get(m, MESSAGE_CODE));
		put_text(json, "status_description",
			 message_get(m, MESSAGE_DESCRIPTION));
	}
	return json;
}

/* Only the sender may ask, and tracking can lag behind. */
static bool is_trackable(const struct request *rq, const struct message *m)
{
	int64_t delay_ns = rq->sandbox->settings.track_delay_s * CLOCK_SECOND;

	return !m->report &&
	       strcmp(message_get(m, MESSAGE_FROM), rq->box->id) == 0 &&
	       m->created_ns + delay_ns <= rq->now_ns;
}

void tracking_by_id(struct request *rq)
{
	const char *id = request_query(rq, "messageID");
	json_t *problems = NULL;
	const struct message *m = NULL;

	if (!id) {
		problems = json_array();
		(void)json_array_append_new(problems,
					    reply_problem("query", "messageID",
							  "Field required",
							  "missing"));
		reply_problems(&rq->reply, problems);
		return;
	}
	m = store_find(&rq->sandbox->store, id);
	if (!m || !is_trackable(rq, m))
		reply_refuse(&rq->reply, &not_found, NULL);
	else if (rq->reply.version >= 2)
		reply_json_versioned(&rq->reply, MHD_HTTP_OK, track_v2(rq, m));
	else
		reply_json(&rq->reply, MHD_HTTP_OK, track_v1(rq, m));
}

/* Deprecated, and so it has only the body of version 1. */
void tracking_by_local_id(struct request *rq)
{
	const struct sandbox *sb = rq->sandbox;
	const struct message *found = NULL;
	size_t count = 0;

	for (size_t i = 0; i < sb->store.count; i++) {
		const struct message *m = sb->store.items[i];

		if (sb->settings.track_local_id && is_trackable(rq, m) &&
		    strcmp(message_get(m, MESSAGE_LOCAL_ID), rq->args[0]) ==
			    0) {
			found = m;
			count++;
		}
	}
	if (count == 0)
		reply_refuse(&rq->reply, &not_found, NULL);
	else if (count > 1)
		reply_refuse(&rq->reply, &several, NULL);
	else
		reply_json(&rq->reply, MHD_HTTP_OK, track_v1(rq, found));
}
