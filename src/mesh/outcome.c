/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "mesh/outcome.h"

#include <stddef.h>

#include "base/clock.h"
#include "net/http.h"

#define RETRY_AFTER_MAX_S UINT64_C(86400)

enum outcome_step outcome_step_of(unsigned chunk, unsigned count)
{
	if (count <= 1)
		return OUTCOME_SINGLE;
	if (chunk <= 1)
		return OUTCOME_FIRST;
	return chunk < count ? OUTCOME_MIDDLE : OUTCOME_LAST;
}

static bool opens(enum outcome_step step)
{
	return step == OUTCOME_SINGLE || step == OUTCOME_FIRST;
}

/* What to do when nobody knows whether the service took the request. */
static enum outcome_kind unclear(enum outcome_step step)
{
	switch (step) {
	case OUTCOME_SINGLE:
		return OUTCOME_UNKNOWN;
	case OUTCOME_FIRST:
		return OUTCOME_RESTART;
	case OUTCOME_MIDDLE:
		return OUTCOME_LATER;
	case OUTCOME_LAST:
		return OUTCOME_CONFIRM;
	}
	return OUTCOME_UNKNOWN;
}

static enum outcome_kind on_accepted(enum outcome_step step,
				     const struct http_reply *reply,
				     struct outcome *ret)
{
	if (!opens(step))
		return OUTCOME_TAKEN;
	if (reply_message_id(reply->body.data, reply->body.len,
			     ret->message_id))
		return OUTCOME_TAKEN;
	return unclear(step);
}

/* A status that means: not processed. */
static enum outcome_kind on_client_error(enum outcome_step step, int status,
					 bool from_mesh)
{
	/* The upload is not known, or known with another count. */
	if (!opens(step) && (status == 404 || status == 406 || status == 410))
		return step == OUTCOME_LAST ? OUTCOME_CONFIRM : OUTCOME_RESTART;
	if (!opens(step) && status == 423)
		return OUTCOME_CONFIRM;
	if (status == 404 || status == 405)
		return OUTCOME_LATER;
	return from_mesh ? OUTCOME_REFUSED : OUTCOME_LATER;
}

static enum outcome_kind decide(enum outcome_step step,
				const struct http_reply *reply,
				struct outcome *ret)
{
	int status = reply->status;
	switch (status) {
	case 202:
		return on_accepted(step, reply, ret);
	case 413:
	case 417:
	case 422:
		return OUTCOME_REFUSED;
	case 401:
		ret->auth = true;
		return OUTCOME_LATER;
	case 403:
		/* The token of a request that was taken, sent again by
		 * something on the way, is refused too. */
		ret->auth = true;
		return step == OUTCOME_SINGLE ? OUTCOME_UNKNOWN : OUTCOME_LATER;
	case 408:
		return unclear(step);
	case 425:
	case 429:
		return OUTCOME_LATER;
	}
	if (status < 400 || status >= 500)
		return unclear(step);
	return on_client_error(step, status, ret->error.from_mesh);
}

/* Seconds, or a date that counts from the server's own. */
static int64_t retry_after(const struct http_reply *reply)
{
	const char *value = http_reply_header(reply, "retry-after");
	const char *date = http_reply_header(reply, "date");
	int64_t most = (int64_t)RETRY_AFTER_MAX_S * CLOCK_SECOND;
	int64_t then;
	int64_t now;
	int64_t wait = 0;
	uint64_t seconds;
	if (!value)
		return 0;
	if (text_u64(value, UINT32_MAX, &seconds))
		wait = (int64_t)seconds * CLOCK_SECOND;
	else if (date && http_date_read(value, &then) &&
		 http_date_read(date, &now) && then > now)
		wait = then - now;
	return wait < most ? wait : most;
}

/* Whether the service spoke, and not a box between it and us. */
static bool spoke(enum outcome_step step, const struct outcome *outcome)
{
	int status = outcome->http;
	if (status == 0)
		return false;
	if (outcome->error.from_mesh)
		return true;
	return !(status == 400 || status == 405 ||
		 (status == 404 && opens(step)));
}

static void set_why(const struct http_reply *reply, struct outcome *ret)
{
	char shown[384];
	enum err_code code = ret->kind == OUTCOME_REFUSED ? ERR_REFUSED :
			     ret->auth			  ? ERR_AUTH :
			     reply->status == 202	  ? ERR_PROTOCOL :
							    ERR_NETWORK;
	reply_error_show(&ret->error, reply->status, shown, sizeof(shown));
	if (reply->status == 202)
		(void)err_set(&ret->err, code,
			      "the service took the message but its answer has "
			      "no message id");
	else if (ret->kind == OUTCOME_REFUSED)
		(void)err_set(&ret->err, code,
			      "the service refused the message: %s", shown);
	else
		(void)err_set(&ret->err, code,
			      "the service answered the upload with %s", shown);
	if (ret->kind != OUTCOME_REFUSED)
		err_widen(&ret->err,
			  ret->auth ? ERR_MAILBOX :
				      (reply->status >= 500 ? ERR_SERVICE :
							      ERR_MESSAGE),
			  ERR_LATER);
	ret->err.http = reply->status;
}

/* Whether the body's source ended the request, and not the conversation. */
static bool is_own(int r)
{
	return r != -ERR_NETWORK && r != -ERR_TLS && r != -ERR_PROTOCOL &&
	       r != -ERR_LIMIT && r != -ERR_STOPPED && r != -ERR_INVALID;
}

/* No complete answer came. */
static enum outcome_kind without_answer(enum outcome_step step, int r,
					const struct http_reply *reply)
{
	if (reply->sent == HTTP_SENT_NOTHING)
		return OUTCOME_LATER;
	/* Our own reading, or the last look, failed: we kept the last bytes. */
	if (is_own(r) && reply->sent == HTTP_SENT_PART)
		return OUTCOME_LATER;
	return unclear(step);
}

void outcome_judge(enum outcome_step step, int r,
		   const struct http_reply *reply, const struct err *err,
		   struct outcome *ret)
{
	*ret = (struct outcome){ .http = r < 0 ? 0 : reply->status };
	if (r < 0) {
		ret->kind = without_answer(step, r, reply);
		ret->err = *err;
		ret->err.http = reply->status;
		ret->answered = reply->status != 0;
		return;
	}
	if (reply->status != 202)
		reply_error_read(reply->body.data, reply->body.len,
				 &ret->error);
	ret->kind = decide(step, reply, ret);
	ret->answered = spoke(step, ret);
	if (ret->kind != OUTCOME_TAKEN)
		set_why(reply, ret);
	if (ret->kind != OUTCOME_TAKEN && ret->kind != OUTCOME_REFUSED)
		ret->retry_after_ns = retry_after(reply);
}
