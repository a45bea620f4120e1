/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "mesh/track.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "mesh/proto.h"
#include "mesh/session.h"

static int get(const struct session *session, const char *path,
	       const char *accept, struct http_reply *reply, struct err *err)
{
	const struct http_field field = { "Accept", accept };
	const struct http_request request = {
		.method = HTTP_GET,
		.path = path,
		.fields = &field,
		.field_count = 1,
	};
	return session_exchange(session, &request, reply, err);
}

/* "Not there" decides whether a message is sent again, so only the service
 * itself may say it, not a box between it and us. */
static bool absent(const struct http_reply *reply)
{
	struct reply_error error;
	if (reply->status != 404)
		return false;
	reply_error_read(reply->body.data, reply->body.len, &error);
	return error.from_mesh;
}

static int refused(const struct session *session, const char *what,
		   const struct http_reply *reply, struct err *err)
{
	int r = session_refused(session, what, reply, err);
	if (reply->status != 404)
		return r;
	r = err_set(err, ERR_PROTOCOL,
		    "%s was answered 404, but not by the MESH service: is url "
		    "in meshdrop.conf right?",
		    what);
	err_widen(err, ERR_SERVICE, ERR_LATER);
	if (err)
		err->http = reply->status;
	return r;
}

static int read_track(const struct http_reply *reply, struct reply_track *ret,
		      struct err *err)
{
	int r = reply_track_read(reply->body.data, reply->body.len, ret, err);
	if (r < 0)
		err_widen(err, ERR_MESSAGE, ERR_LATER);
	return r;
}

static int ask(const struct session *session, const char *path,
	       enum track_found *ret_found, struct reply_track *ret,
	       struct err *err)
{
	struct http_reply reply;
	http_reply_init(&reply);
	int r = get(session, path, PROTO_ACCEPT_V1, &reply, err);
	if (r == 0) {
		if (reply.status == 200)
			r = read_track(&reply, ret, err);
		else if (reply.status != 300 && !absent(&reply))
			r = refused(session, "tracking", &reply, err);
	}
	if (r == 0)
		*ret_found = reply.status == 200 ? TRACK_ONE :
			     reply.status == 300 ? TRACK_SEVERAL :
						   TRACK_NONE;
	http_reply_release(&reply);
	return r;
}

/* An answer about another message says nothing about this one. */
static int check_id(const char *asked, const struct reply_track *track,
		    struct err *err)
{
	if (strcmp(asked, track->message_id) == 0)
		return 0;
	int r = err_set(err, ERR_PROTOCOL,
			"the answer to tracking is about message %s, not %s",
			track->message_id, asked);
	err_widen(err, ERR_MESSAGE, ERR_LATER);
	return r;
}

int track_message(const struct session *session, const char *message_id,
		  enum track_found *ret_found, struct reply_track *ret,
		  struct err *err)
{
	const char *const parts[] = { session->mailbox, "outbox", "tracking" };
	char path[PROTO_PATH_MAX];
	if (!text_is_message_id(message_id))
		return err_set(err, ERR_INVALID, "this is no message id");
	int r = proto_path(parts, 3, path, err);
	if (r < 0)
		return r;
	size_t len = strlen(path);
	int n = snprintf(path + len, sizeof(path) - len, "?messageID=%s",
			 message_id);
	if (n < 0 || (size_t)n >= sizeof(path) - len)
		return err_set(err, ERR_INVALID,
			       "an id is too long for an address");
	enum track_found found = TRACK_NONE;
	struct reply_track track;
	r = ask(session, path, &found, &track, err);
	if (r == 0 && found == TRACK_ONE)
		r = check_id(message_id, &track, err);
	if (r < 0)
		return r;
	if (found == TRACK_ONE)
		*ret = track;
	*ret_found = found;
	return 0;
}

int track_local(const struct session *session, const char *local_id,
		enum track_found *ret_found, struct reply_track *ret,
		struct err *err)
{
	const char *const parts[] = { session->mailbox, "outbox", "tracking",
				      local_id };
	char path[PROTO_PATH_MAX];
	if (local_id[0] == '\0' || strchr(local_id, '/') ||
	    strcmp(local_id, ".") == 0 || strcmp(local_id, "..") == 0)
		return err_set(err, ERR_INVALID,
			       "this LocalId is empty or has a '/' and so "
			       "cannot be asked for");
	int r = proto_path(parts, 4, path, err);
	return r < 0 ? r : ask(session, path, ret_found, ret, err);
}

static int look_up(const struct session *session, const char *const *parts,
		   size_t count, struct reply_lookup *ret, struct err *err)
{
	char path[PROTO_PATH_MAX];
	int r = proto_path(parts, count, path, err);
	if (r < 0)
		return r;
	struct http_reply reply;
	http_reply_init(&reply);
	r = get(session, path, PROTO_ACCEPT, &reply, err);
	if (r == 0 && reply.status != 200)
		r = session_refused(session, "the look-up", &reply, err);
	if (r == 0)
		r = reply_lookup_read(reply.body.data, reply.body.len, ret,
				      err);
	http_reply_release(&reply);
	return r;
}

int track_endpoint(const struct session *session, const char *ods_code,
		   const char *workflow, struct reply_lookup *ret,
		   struct err *err)
{
	const char *const parts[] = { "endpointlookup", ods_code, workflow };
	return look_up(session, parts, 3, ret, err);
}

int track_workflow(const struct session *session, const char *workflow,
		   struct reply_lookup *ret, struct err *err)
{
	const char *const parts[] = { "workflowsearch", workflow };
	return look_up(session, parts, 2, ret, err);
}
