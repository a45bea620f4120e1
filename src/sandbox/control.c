/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <microhttpd.h>

#include "base/err.h"
#include "base/json.h"
#include "sandbox/fault.h"
#include "sandbox/handlers.h"
#include "sandbox/reply.h"
#include "sandbox/request.h"
#include "sandbox/sandbox.h"

#define SECONDS_MAX INT64_C(1000000000)

void control_log(struct request *rq)
{
	reply_json(&rq->reply, MHD_HTTP_OK,
		   json_pack("{s:O}", "requests",
			     rq->sandbox->journal.entries));
}

void control_clear_log(struct request *rq)
{
	journal_clear(&rq->sandbox->journal);
	reply_empty(&rq->reply, MHD_HTTP_OK);
}

void control_faults(struct request *rq)
{
	reply_json(&rq->reply, MHD_HTTP_OK,
		   json_pack("{s:O}", "faults", rq->sandbox->faults));
}

void control_clear_faults(struct request *rq)
{
	(void)json_array_clear(rq->sandbox->faults);
	reply_empty(&rq->reply, MHD_HTTP_OK);
}

static void complain(struct request *rq, const char *text)
{
	reply_json(&rq->reply, MHD_HTTP_BAD_REQUEST,
		   json_pack("{s:s}", "message", text));
}

void control_add_fault(struct request *rq)
{
	AUTO_JSON json_t *json = NULL;
	struct err err;

	if (json_read(rq->body.data, rq->body.len, &json, &err) < 0) {
		complain(rq, err.text);
		return;
	}

	const char *problem = fault_check(json);

	if (problem) {
		complain(rq, problem);
		return;
	}
	(void)json_array_append(rq->sandbox->faults, json);
	reply_empty(&rq->reply, MHD_HTTP_OK);
}

/* False when the key is unknown or the value not one for it. */
static bool set(struct sandbox_settings *settings, const char *key,
		const json_t *value)
{
	const struct {
		const char *key;
		int64_t *value;
	} numbers[] = {
		{ "track_delay_s", &settings->track_delay_s },
		{ "message_expiry_s", &settings->expiry_s },
		{ "async_delay_s", &settings->async_delay_s },
	};
	int64_t number = json_is_integer(value) ? json_integer_value(value) :
						  -1;

	if (strcmp(key, "track_local_id") == 0) {
		settings->track_local_id = json_is_true(value);
		return json_is_boolean(value);
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strcmp(numbers[i].key, key) != 0)
			continue;
		*numbers[i].value = number;
		return number >= 0 && number <= SECONDS_MAX;
	}
	return false;
}

/* All of them or none. */
void control_settings(struct request *rq)
{
	struct sandbox_settings settings = rq->sandbox->settings;
	AUTO_JSON json_t *json = NULL;
	const char *key;
	json_t *value;
	struct err err;

	if (json_read(rq->body.data, rq->body.len, &json, &err) < 0) {
		complain(rq, err.text);
		return;
	}
	if (!json_is_object(json)) {
		complain(rq, "settings are an object");
		return;
	}
	json_object_foreach(json, key, value)
	{
		if (set(&settings, key, value))
			continue;
		complain(rq, "settings are track_delay_s, message_expiry_s, "
			     "async_delay_s (seconds) and track_local_id");
		return;
	}
	rq->sandbox->settings = settings;
	reply_empty(&rq->reply, MHD_HTTP_OK);
}
