/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "mesh/session.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/uuid.h"
#include "mesh/proto.h"
#include "mesh/reply.h"
#include "net/token.h"

#define CLIENT_VERSION "meshdrop/" PACKAGE_VERSION
#define CLOCK_SLACK_NS (INT64_C(5) * 60 * CLOCK_SECOND)

/* One attempt with a token that nobody has seen. */
static int attempt(const struct session *session,
		   const struct http_request *request,
		   struct http_field *fields, size_t token_at,
		   struct http_reply *reply, struct err *err)
{
	char nonce[UUID_SIZE];
	char minute[CLOCK_MINUTE_SIZE];
	char token[TOKEN_SIZE];
	uuid_make(nonce);
	clock_minute_utc(session->wall_ns(), minute);
	const struct token_parts parts = {
		.mailbox = session->mailbox,
		.password = session->password,
		.shared_key = session->shared_key,
		.nonce = nonce,
		.minute = minute,
	};
	int r = token_make(&parts, token, err);
	if (r < 0)
		return r;
	fields[token_at] = (struct http_field){ "Authorization", token };
	r = http_exchange(session->http, request, reply, err);
	mem_wipe(token, sizeof(token));
	return r;
}

int session_exchange(const struct session *session,
		     const struct http_request *request,
		     struct http_reply *reply, struct err *err)
{
	struct http_field fields[SESSION_FIELDS_MAX];
	size_t count = 0;
	bool accept = false;
	assert(request->field_count + 3 <= SESSION_FIELDS_MAX);
	for (; count < request->field_count; count++) {
		fields[count] = request->fields[count];
		accept = accept ||
			 text_equal_nocase(fields[count].name, "Accept");
	}
	if (!accept)
		fields[count++] = (struct http_field){ "Accept", PROTO_ACCEPT };
	fields[count++] = (struct http_field){ "User-Agent", CLIENT_VERSION };
	size_t token_at = count++;
	struct http_request full = *request;
	full.fields = fields;
	full.field_count = count;

	/* A refused token leaves nothing of the last exchange behind. */
	reply->status = 0;
	reply->sent = HTTP_SENT_NOTHING;
	reply->stale = false;
	int r = attempt(session, &full, fields, token_at, reply, err);
	if (r < 0 && reply->stale && request->method != HTTP_POST)
		r = attempt(session, &full, fields, token_at, reply, err);
	return r;
}

/* ", and this clock is 7 minutes ahead of the server's" when it may be why. */
static void show_clock(const struct session *session,
		       const struct http_reply *reply, char *ret, size_t size)
{
	int64_t server_ns;
	const char *date = http_reply_header(reply, "date");
	ret[0] = '\0';
	if (!date || !http_date_read(date, &server_ns))
		return;
	int64_t ahead = session->wall_ns() - server_ns;
	bool behind = ahead < 0;
	if (behind)
		ahead = -ahead;
	if (ahead > CLOCK_SLACK_NS)
		/* at most a few words; cut is fine */
		(void)snprintf(ret, size,
			       "; and set the clock, which is %lld minutes %s "
			       "the server's",
			       (long long)(ahead / (60 * CLOCK_SECOND)),
			       behind ? "behind" : "ahead of");
}

static int refused_login(const struct session *session,
			 const struct http_reply *reply, struct err *err)
{
	struct reply_error error;
	reply_error_read(reply->body.data, reply->body.len, &error);
	char clock[96];
	show_clock(session, reply, clock, sizeof(clock));
	int r;
	if (strcmp(error.code, "EPL-151") == 0)
		r = err_set(err, ERR_AUTH,
			    "the service does not know mailbox %s: check "
			    "mailbox in %s%s",
			    session->mailbox, session->mailbox_file, clock);
	else
		r = err_set(err, ERR_AUTH,
			    "the service refuses mailbox %s%s%s%s: check "
			    "password_file (%s), [service] shared_key_file "
			    "(%s)%s",
			    session->mailbox, error.text[0] ? " (" : "",
			    error.text, error.text[0] ? ")" : "",
			    session->password_file, session->shared_key_file,
			    clock);
	err_widen(err, ERR_MAILBOX, ERR_LATER);
	if (err)
		err->http = reply->status;
	return r;
}

/* Some servers say "unknown mailbox" with status 200. */
static bool denied(const struct http_reply *reply)
{
	if (reply->status == 401 || reply->status == 403)
		return true;
	struct reply_error error;
	reply_error_read(reply->body.data, reply->body.len, &error);
	return reply->status == 200 && error.from_mesh && error.code[0] != '\0';
}

static int handshake(const struct session *session, const char *path,
		     struct http_reply *reply, struct err *err)
{
	struct utsname system;
	if (uname(&system) < 0)
		system = (struct utsname){ .sysname = "Linux",
					   .release = "0",
					   .machine = "unknown" };
	const struct http_field fields[] = {
		{ "Mex-ClientVersion", CLIENT_VERSION },
		{ "Mex-OSName", system.sysname },
		{ "Mex-OSVersion", system.release },
		{ "Mex-OSArchitecture", system.machine },
	};
	const struct http_request request = {
		.method = HTTP_POST,
		.path = path,
		.fields = fields,
		.field_count = sizeof(fields) / sizeof(fields[0]),
	};
	int r = session_exchange(session, &request, reply, err);
	if (r < 0)
		return r;
	if (denied(reply))
		return refused_login(session, reply, err);
	if (reply->status != 200)
		return session_refused(session, "the handshake", reply, err);
	return 0;
}

int session_handshake(const struct session *session, struct err *err)
{
	char path[PROTO_PATH_MAX];
	int r = proto_path(&session->mailbox, 1, path, err);
	if (r < 0)
		return r;
	struct http_reply reply;
	http_reply_init(&reply);
	r = handshake(session, path, &reply, err);
	http_reply_release(&reply);
	return r;
}

struct verdict {
	enum err_code code;
	enum err_scope scope;
	enum err_retry retry;
};

static struct verdict judge(int status)
{
	if (status == 401 || status == 403)
		return (struct verdict){ ERR_AUTH, ERR_MAILBOX, ERR_LATER };
	if (status == 404 || status == 410)
		return (struct verdict){ ERR_MISSING, ERR_MESSAGE, ERR_NEVER };
	if (status == 429)
		return (struct verdict){ ERR_LIMIT, ERR_SERVICE, ERR_LATER };
	if (status >= 500)
		return (struct verdict){ ERR_NETWORK, ERR_SERVICE, ERR_LATER };
	return (struct verdict){ ERR_PROTOCOL, ERR_MESSAGE, ERR_LATER };
}

int session_refused(const struct session *session, const char *what,
		    const struct http_reply *reply, struct err *err)
{
	struct reply_error error;
	char shown[384];
	reply_error_read(reply->body.data, reply->body.len, &error);
	reply_error_show(&error, reply->status, shown, sizeof(shown));
	const struct verdict verdict = judge(reply->status);
	int r = err_set(err, verdict.code, "%s of mailbox %s was answered %s",
			what, session->mailbox, shown);
	err_widen(err, verdict.scope, verdict.retry);
	if (err)
		err->http = reply->status;
	return r;
}
