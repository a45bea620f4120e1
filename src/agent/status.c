/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/certs.h"
#include "agent/expiry.h"
#include "agent/hooks.h"
#include "agent/mailbox.h"
#include "agent/metrics.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsx.h"
#include "base/json.h"
#include "base/mem.h"
#include "conf/conf.h"

static void put_text(json_t *object, const char *key, const char *value)
{
	if (json_object_set_new(object, key, json_shown(value)) < 0)
		abort(); /* out of memory */
}

static void put_number(json_t *object, const char *key, uint64_t value)
{
	if (json_object_set_new(object, key, json_integer((json_int_t)value)) <
	    0)
		abort(); /* out of memory */
}

static void put_time(json_t *object, const char *key, int64_t wall_ns)
{
	char text[CLOCK_ISO_SIZE] = "";
	if (wall_ns != 0)
		clock_iso(wall_ns, text);
	put_text(object, key, text);
}

static void put_hooks(json_t *object, const struct mailbox *mailbox)
{
	struct hooks_counts counts;
	hooks_counts(mailbox->hooks, mailbox->set->id, &counts);
	put_number(object, "hooks_run", counts.run);
	put_number(object, "hooks_failed", counts.failed);
	put_number(object, "hooks_dropped", counts.dropped);
	put_number(object, "hooks_waiting", counts.waiting);
}

static json_t *describe(struct mailbox *mailbox)
{
	struct mailbox_view view;
	mailbox_view_copy(mailbox, &view);
	json_t *object = json_object();
	put_text(object, "id", mailbox->set->id);
	put_text(object, "root", mailbox->set->root);
	put_number(object, "sent", view.sent);
	put_number(object, "failed", view.failed);
	put_number(object, "received", view.received);
	put_number(object, "reports", view.reports);
	put_number(object, "sending", view.sending);
	put_number(object, "deferred", view.deferred);
	put_number(object, "unknown", view.unknown);
	put_number(object, "held", view.held);
	put_number(object, "settling", view.settling);
	put_number(object, "waiting", view.waiting);
	put_number(object, "left_alone", view.left_alone);
	put_number(object, "not_taken", view.poisoned);
	put_number(object, "removed", view.removed);
	put_hooks(object, mailbox);
	if (json_object_set_new(object, "oldest_in_out_s",
				view.oldest_s < 0 ?
					json_null() :
					json_integer(view.oldest_s)) < 0)
		abort(); /* out of memory */
	put_time(object, "last_poll", view.last_poll_ns);
	put_time(object, "last_contact", view.last_contact_ns);
	put_time(object, "last_handshake", view.last_handshake_ns);
	put_text(object, "trouble", view.trouble);
	return object;
}

static json_t *describe_certificate(const struct certs_item *item,
				    int64_t now_s)
{
	const struct tls_certificate *facts = &item->facts;
	enum expiry expiry = expiry_of(facts->not_before, facts->not_after,
				       now_s);
	json_t *object = json_object();
	put_text(object, "setting", item->setting);
	put_number(object, "place", item->place);
	put_text(object, "subject", facts->subject);
	put_time(object, "starts", facts->not_before * CLOCK_SECOND);
	put_time(object, "ends", facts->not_after * CLOCK_SECOND);
	put_text(object, "state", expiry_name(expiry));
	return object;
}

/* The first one is ours. */
static void put_certificates(json_t *root, const struct certs *certs)
{
	int64_t now_s = clock_wall_ns() / CLOCK_SECOND;
	json_t *list = json_array();
	put_time(root, "certificate_ends",
		 certs->count > 0 ?
			 certs->items[0].facts.not_after * CLOCK_SECOND :
			 0);
	for (size_t i = 0; i < certs->count && i < STATUS_CERTIFICATES; i++)
		if (json_array_append_new(list,
					  describe_certificate(&certs->items[i],
							       now_s)) < 0)
			abort(); /* out of memory */
	if (json_object_set_new(root, "certificates", list) < 0)
		abort(); /* out of memory */
}

static json_t *compose(const struct status_facts *facts)
{
	json_t *root = json_object();
	json_t *list = json_array();
	put_text(root, "version", PACKAGE_VERSION);
	put_text(root, "state", facts->state);
	put_number(root, "pid", (uint64_t)getpid());
	put_time(root, "started", facts->started_ns);
	put_time(root, "written", clock_wall_ns());
	put_certificates(root, facts->certs);
	for (size_t i = 0; i < facts->count; i++)
		if (json_array_append_new(list, describe(facts->mailboxes[i])) <
		    0)
			abort(); /* out of memory */
	if (json_object_set_new(root, "mailboxes", list) < 0)
		abort(); /* out of memory */
	return root;
}

static int write_metrics(int state_dir, const json_t *status, struct err *err)
{
	AUTO_BUF struct buf text;
	buf_init(&text, METRICS_MAX);
	int r = metrics_compose(status, &text, err);
	if (r == 0)
		r = fsx_store(state_dir, METRICS_FILE, 0644, text.data,
			      text.len, false, err);
	return r;
}

int status_write(int state_dir, const struct status_facts *facts,
		 struct err *err)
{
	AUTO_JSON json_t *root = compose(facts);
	AUTO_FREE char *text = json_dumps(root, JSON_INDENT(1));
	if (!text)
		return err_set(err, ERR_INVALID,
			       "cannot write %s: a name in it "
			       "is not UTF-8",
			       STATUS_FILE);
	int r = fsx_store(state_dir, STATUS_FILE, 0644, text, strlen(text),
			  false, err);
	return r < 0 ? r : write_metrics(state_dir, root, err);
}

void status_line(const struct status_facts *facts, char *ret, size_t size)
{
	uint64_t sent = 0;
	uint64_t received = 0;
	uint64_t open = 0;
	uint64_t held = 0;
	size_t troubled = 0;
	for (size_t i = 0; i < facts->count; i++) {
		struct mailbox_view view;
		mailbox_view_copy(facts->mailboxes[i], &view);
		sent += view.sent;
		received += view.received;
		open += view.sending + view.deferred + view.unknown;
		held += view.held;
		troubled += view.trouble[0] != '\0';
	}
	(void)snprintf(ret, size,
		       "%zu mailboxes (%zu in trouble), %llu sent, "
		       "%llu received, %llu under way, %llu held",
		       facts->count, troubled, (unsigned long long)sent,
		       (unsigned long long)received, (unsigned long long)open,
		       (unsigned long long)held); /* may be cut */
}
