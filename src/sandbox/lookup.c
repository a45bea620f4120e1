/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <stddef.h>
#include <string.h>

#include <microhttpd.h>

#include "base/json.h"
#include "base/uuid.h"
#include "sandbox/handlers.h"
#include "sandbox/mailbox.h"
#include "sandbox/reply.h"
#include "sandbox/request.h"
#include "sandbox/sandbox.h"

void lookup_handshake(struct request *rq)
{
	static const char *const names[] = { "mex-clientversion", "mex-osname",
					     "mex-osversion" };
	json_t *problems = json_array();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!request_raw_header(rq, names[i]))
			(void)json_array_append_new(
				problems,
				reply_problem("header", names[i],
					      "Field required", "missing"));
	if (json_array_size(problems) > 0) {
		reply_problems(&rq->reply, problems);
		return;
	}
	json_decref(problems);
	if (rq->reply.version >= 2)
		reply_empty(&rq->reply, MHD_HTTP_OK);
	else
		reply_json(&rq->reply, MHD_HTTP_OK,
			   json_pack("{s:s}", "mailboxId", rq->box->id));
}

void lookup_update(struct request *rq)
{
	reply_empty(&rq->reply, MHD_HTTP_OK);
}

void lookup_ping(struct request *rq)
{
	reply_json(&rq->reply, MHD_HTTP_OK,
		   json_pack("{s:s, s:s, s:s, s:s}", "env", "sandbox",
			     "build_label", PACKAGE_VERSION, "status",
			     "running", "outcome", "Yes"));
}

static json_t *entry(const struct mailbox *box, unsigned version)
{
	if (version >= 2)
		return json_pack("{s:s, s:s}", "mailbox_id", box->id,
				 "mailbox_name", box->name);
	return json_pack("{s:s, s:s, s:s}", "address", box->id, "description",
			 box->name, "endpoint_type", "MESH");
}

/* ods may be NULL for any. */
static json_t *find(const struct mailboxes *boxes, const char *ods,
		    const char *workflow, unsigned version)
{
	json_t *results = json_array();

	for (size_t i = 0; i < boxes->count; i++) {
		const struct mailbox *box = &boxes->items[i];

		if ((!ods || strcmp(box->ods_code, ods) == 0) &&
		    mailbox_allows(box, workflow))
			(void)json_array_append_new(results,
						    entry(box, version));
	}
	return results;
}

void lookup_endpoint(struct request *rq)
{
	unsigned version = rq->reply.version;
	json_t *results = find(&rq->sandbox->boxes, rq->args[0], rq->args[1],
			       version);
	json_t *json = json_pack("{s:o}", "results", results);
	char hex[33];

	if (version < 2) {
		uuid_hex(hex, sizeof(hex) - 1);
		(void)json_object_set_new(json, "query_id", json_string(hex));
	}
	reply_json(&rq->reply, MHD_HTTP_OK, json);
}

void lookup_workflow(struct request *rq)
{
	json_t *results = find(&rq->sandbox->boxes, NULL, rq->args[0], 2);

	reply_json(&rq->reply, MHD_HTTP_OK,
		   json_pack("{s:o}", "results", results));
}
