/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "sandbox/auth.h"
#include "sandbox/fault.h"
#include "sandbox/report.h"
#include "sandbox/route.h"
#include "sandbox/sandbox.h"

#define BODY_MAX ((size_t)1 << 20)
/* Its name differs between versions of libmicrohttpd. */
#define TOO_LARGE 413u

static const struct refusal bad_accept = {
	400, "", "", "Accept header api format incorrect"
};
static const struct refusal unreadable = {
	403, "", "", "Error reading from Authorization header"
};
static const struct refusal mismatch = { 403, "", "",
					 "Mailbox id does not match token" };
static const struct refusal no_mailbox = { 403, "SEND", "EPL-151",
					   "No mailbox matched" };
static const struct refusal wrong_token = { 403, "", "",
					    "Invalid Authentication Token" };
static const struct refusal used_token = {
	403, "", "", "Error Duplicated Authentication Token"
};

struct request *request_new(struct sandbox *sb, const char *target)
{
	struct request *rq = xcalloc(1, sizeof(*rq));

	rq->sandbox = sb;
	rq->state = REQUEST_NEW;
	rq->target = xstrdup(target);
	upload_init(&rq->upload);
	buf_init(&rq->body, BODY_MAX);
	reply_init(&rq->reply);
	return rq;
}

struct request *request_free(struct request *rq)
{
	if (!rq)
		return NULL;
	/* Refused by a fault, or the client went away. */
	if (rq->state == REQUEST_BODY && rq->entry)
		journal_set(rq->entry, "body_bytes", (int64_t)rq->upload.size);
	upload_release(&rq->upload);
	buf_release(&rq->body);
	reply_release(&rq->reply);
	json_decref(rq->fault);
	json_decref(rq->entry);
	free(rq->path);
	free(rq->target);
	free(rq);
	return NULL;
}

const char *request_raw_header(const struct request *rq, const char *name)
{
	return MHD_lookup_connection_value(rq->connection, MHD_HEADER_KIND,
					   name);
}

const char *request_header(const struct request *rq, const char *name)
{
	const char *value = request_raw_header(rq, name);

	return value && value[0] != '\0' ? value : NULL;
}

struct wanted {
	const char *name;
	const char *value;
};

static enum MHD_Result look_at(void *cls, enum MHD_ValueKind kind,
			       const char *name, const char *value)
{
	struct wanted *wanted = cls;

	(void)kind;
	if (strcmp(name, wanted->name) == 0)
		wanted->value = value ? value : "";
	return MHD_YES;
}

/* libmicrohttpd's own look-up takes names in any case of letters, which is
 * right for headers only; of several the last counts. */
const char *request_raw_query(const struct request *rq, const char *name)
{
	struct wanted wanted = { .name = name };

	(void)MHD_get_connection_values(rq->connection, MHD_GET_ARGUMENT_KIND,
					look_at, &wanted);
	return wanted.value;
}

const char *request_query(const struct request *rq, const char *name)
{
	const char *value = request_raw_query(rq, name);

	return value && value[0] != '\0' ? value : NULL;
}

bool request_takes_gzip(const struct request *rq)
{
	const char *offer = request_header(rq, "Accept-Encoding");

	return offer && strstr(offer, "gzip");
}

void request_broke(struct request *rq, const struct err *err)
{
	log_event(LOG_LEVEL_ERROR, "sandbox-failed", rq->box_id, "%s",
		  err->text);
	reply_unexplained(&rq->reply, MHD_HTTP_INTERNAL_SERVER_ERROR);
}

/* 0 when the header names a version that cannot be read. */
static unsigned version_of(const char *accept)
{
	static const char prefix[] = "application/vnd.mesh";
	char number[2] = "";

	if (!accept || !strstr(accept, prefix))
		return 1;
	if (strncmp(accept, prefix, strlen(prefix)) != 0 ||
	    sscanf(accept + strlen(prefix), ".v%1[1-9]", number) != 1 ||
	    strcmp(accept + strlen(prefix) + strlen(".v1"), "+json") != 0)
		return 0;
	return number[0] == '1' ? 1 : 2;
}

static void check_token(struct request *rq)
{
	const struct sandbox *sb = rq->sandbox;
	const struct mailbox *box = mailboxes_find(&sb->boxes, rq->box_id);
	struct auth_token token;
	const char *header = request_header(rq, "Authorization");
	const struct refusal *refusal = NULL;

	if (!auth_parse(header, &token))
		refusal = &unreadable;
	else if (token.foreign)
		refusal = &mismatch;
	else if (!box)
		refusal = &no_mailbox;
	else if (strcmp(token.mailbox, box->id) != 0)
		refusal = &mismatch;
	else if (!auth_verify(&token, box, sb->shared_key.data,
			      sb->shared_key.len))
		refusal = &wrong_token;
	else if (!sb->options->lenient && !auth_is_timely(&token, rq->now_ns))
		refusal = &wrong_token;
	if (refusal)
		reply_refuse(&rq->reply, refusal, NULL);
	else
		rq->box = box;
}

static void use_token(struct request *rq)
{
	struct nonces *nonces = &rq->sandbox->nonces;
	struct auth_token token;
	char used[AUTH_TOKEN_MAX];
	struct err err;

	if (rq->sandbox->options->lenient)
		return;
	if (!auth_parse(request_header(rq, "Authorization"), &token))
		return;
	(void)snprintf(used, sizeof(used), "%s:%s:%s", token.mailbox,
		       token.nonce, token.count);
	if (nonces_has(nonces, used))
		reply_refuse(&rq->reply, &used_token, NULL);
	else if (nonces_add(nonces, used, rq->now_ns, &err) < 0)
		request_broke(rq, &err);
}

static void check_head(struct request *rq)
{
	unsigned version = version_of(request_header(rq, "Accept"));

	if (version == 0) {
		reply_refuse(&rq->reply, &bad_accept, NULL);
		return;
	}
	rq->reply.version = version;
	if ((rq->route->flags & ROUTE_AUTH) == 0)
		return;
	check_token(rq);
	if (rq->reply.status == 0)
		use_token(rq);
}

static bool is_admin(const char *url)
{
	return strncmp(url, "/messageexchange/admin/", 23) == 0;
}

static void note_arrival(struct request *rq, const char *method)
{
	struct sandbox *sb = rq->sandbox;

	rq->entry = journal_add(&sb->journal, method, rq->target,
				request_header(rq, "Authorization"),
				rq->connection_number);
	rq->fault = fault_take(sb->faults, method, rq->target);
}

bool request_begin(struct request *rq, const char *method, const char *url)
{
	struct sandbox *sb = rq->sandbox;
	struct err err;

	rq->state = REQUEST_BODY;
	rq->method = method;
	rq->now_ns = clock_wall_ns();
	if (!is_admin(url))
		note_arrival(rq, method);
	if (fault_is_set(rq->fault, "refuse"))
		return false;
	if (fault_is_instead(rq->fault)) {
		fault_bend(rq->fault, &rq->reply);
		return true;
	}
	rq->path = xstrdup(url);
	route_find(rq, method, rq->path);
	if (rq->reply.status == 0)
		check_head(rq);
	if (rq->reply.status == 0 && (rq->route->flags & ROUTE_UPLOAD) != 0 &&
	    upload_open(&rq->upload, sb->uploads_fd, ++sb->uploads, &err) < 0)
		request_broke(rq, &err);
	return true;
}

void request_take(struct request *rq, const char *data, size_t len)
{
	struct err err;

	if (rq->reply.status != 0) {
		/* Already refused: the rest is only read away. */
		rq->upload.size += len;
		return;
	}
	if ((rq->route->flags & ROUTE_ADMIN) != 0 &&
	    !buf_append(&rq->body, data, len))
		reply_unexplained(&rq->reply, TOO_LARGE);
	else if (upload_write(&rq->upload, data, len, &err) < 0)
		request_broke(rq, &err);
}

static void work(struct request *rq)
{
	rq->now_ns = clock_wall_ns();
	report_expired(rq->sandbox, rq->now_ns);
	if (rq->upload.too_large)
		reply_unexplained(&rq->reply, TOO_LARGE);
	else
		rq->route->run(rq);
}

static void note_answer(const struct request *rq)
{
	const char *shown = rq->target;
	size_t len = strcspn(shown, "?");

	if (rq->route && (rq->route->flags & ROUTE_PRIVATE) != 0) {
		shown = rq->route->pattern;
		len = strlen(shown);
	}
	log_event(LOG_LEVEL_INFO, "request", rq->box_id,
		  "method=%s path=\"%.*s\" status=%u body=%llu", rq->method,
		  (int)len, shown, rq->reply.status,
		  (unsigned long long)rq->upload.size);
	if (!rq->entry)
		return;
	journal_set(rq->entry, "status", (int64_t)rq->reply.status);
	journal_set(rq->entry, "body_bytes", (int64_t)rq->upload.size);
	(void)json_object_set_new(rq->entry, "complete", json_true());
}

bool request_finish(struct request *rq)
{
	bool answers = !fault_is_set(rq->fault, "drop_reply");

	rq->state = REQUEST_DONE;
	if (rq->reply.status == 0)
		work(rq);
	if (rq->fault && !fault_is_instead(rq->fault))
		fault_bend(rq->fault, &rq->reply);
	note_answer(rq);
	if (!answers)
		journal_set(rq->entry, "status", 0);
	return answers;
}
