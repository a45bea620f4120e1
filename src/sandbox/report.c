/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sandbox/message.h"
#include "sandbox/reply.h"
#include "sandbox/sandbox.h"

#define REPORT_LIFE_S (INT64_C(5) * 86400)

static const struct refusal not_collected = {
	0, "SEND", "14", "Message not collected by recipient after 5 days"
};

static struct message *make_report(const struct message *failed,
				   const struct refusal *why)
{
	static const enum message_text copied[] = { MESSAGE_WORKFLOW,
						    MESSAGE_LOCAL_ID,
						    MESSAGE_FILE_NAME };
	struct message *m = message_new();
	const char *subject = message_get(failed, MESSAGE_SUBJECT);
	AUTO_FREE char *title = xasprintf("NDR%s%s",
					  subject[0] != '\0' ? ": " : "",
					  subject);
	AUTO_FREE char *name = xasprintf("%s.dat", failed->id);

	m->report = true;
	for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++)
		message_set(m, copied[i], message_get(failed, copied[i]));
	if (message_get(failed, MESSAGE_FILE_NAME)[0] == '\0')
		message_set(m, MESSAGE_FILE_NAME, name);
	message_set(m, MESSAGE_SUBJECT, title);
	/* The reader is the sender of what failed. */
	message_set(m, MESSAGE_TO, message_get(failed, MESSAGE_FROM));
	message_set(m, MESSAGE_LINKED, failed->id);
	message_set(m, MESSAGE_CODE, why->code);
	message_set(m, MESSAGE_EVENT, why->event);
	message_set(m, MESSAGE_DESCRIPTION, why->text);
	m->status = MESSAGE_ACCEPTED;
	return m;
}

int report_failure(struct sandbox *sb, struct message *failed,
		   const struct refusal *why, int64_t now_ns, struct err *err)
{
	struct message *m = make_report(failed, why);

	store_name(&sb->store, m, now_ns);
	m->status_ns = now_ns;
	m->visible_ns = now_ns;
	message_set(failed, MESSAGE_LINKED, m->id);
	return store_add(&sb->store, m, err);
}

static bool has_report(const struct sandbox *sb, const struct message *m)
{
	for (size_t i = store_after(&sb->store, m->id); i < sb->store.count;
	     i++) {
		const struct message *r = sb->store.items[i];

		if (r->report &&
		    strcmp(message_get(r, MESSAGE_LINKED), m->id) == 0)
			return true;
	}
	return false;
}

static int expire(struct sandbox *sb, struct message *m, int64_t now_ns,
		  struct err *err)
{
	enum message_status before = m->status;

	/* If we die between the two: the message is still there, expires again
	 * and then has its report. */
	if (!m->report && !has_report(sb, m) &&
	    report_failure(sb, m, &not_collected, now_ns, err) < 0)
		return -(int)err->code;
	m->status = MESSAGE_UNDELIVERABLE;
	m->status_ns = now_ns;
	if (!m->report) {
		message_set(m, MESSAGE_CODE, not_collected.code);
		message_set(m, MESSAGE_EVENT, not_collected.event);
		message_set(m, MESSAGE_DESCRIPTION, not_collected.text);
	}
	if (store_save(&sb->store, m, err) < 0) {
		m->status = before;
		return -(int)err->code;
	}
	return 0;
}

/* A short life is for trying out what happens then; whoever does that wants
 * to see the report, which lives as on the service. */
static int64_t life_ns(const struct sandbox *sb, const struct message *m)
{
	int64_t life_s = sb->settings.expiry_s;

	if (m->report && life_s < REPORT_LIFE_S)
		life_s = REPORT_LIFE_S;
	return life_s * CLOCK_SECOND;
}

void report_expired(struct sandbox *sb, int64_t now_ns)
{
	/* Reports made here join behind these and are not old. */
	size_t count = sb->store.count;
	struct err err;

	for (size_t i = 0; i < count; i++) {
		struct message *m = sb->store.items[i];

		if (m->status != MESSAGE_ACCEPTED ||
		    m->visible_ns + life_ns(sb, m) > now_ns)
			continue;
		if (expire(sb, m, now_ns, &err) < 0)
			log_event(LOG_LEVEL_ERROR, "sandbox-failed", NULL,
				  "message %s cannot expire: %s", m->id,
				  err.text);
	}
}
