/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <microhttpd.h>
#include <openssl/evp.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/handlers.h"
#include "sandbox/message.h"
#include "sandbox/reply.h"
#include "sandbox/request.h"
#include "sandbox/sandbox.h"

#define RESULTS_LEAST 10
#define RESULTS_MOST 5000
#define RESULTS_DEFAULT 500
#define POSITION_LEAST 24
#define POSITION_MOST 1000
#define POSITION_MARK "mbx:"
#define POSITION_SIZE 64

/* What a listing asks for. */
struct query {
	size_t most;
	const char *filter;   /* NULL for none */
	const char *position; /* NULL for the start */
};

static bool is_listed(const struct request *rq, const struct message *m)
{
	return m->status == MESSAGE_ACCEPTED && m->visible_ns <= rq->now_ns &&
	       strcmp(message_get(m, MESSAGE_TO), rq->box->id) == 0;
}

/* !WF WF* *WF* and their opposites; one filter only. */
static bool passes(const char *filter, const char *workflow)
{
	bool negated = filter[0] == '!';
	const char *want = filter + (negated ? 1 : 0);
	size_t len = strlen(want);
	bool open_end = len > 0 && want[len - 1] == '*';
	bool open_start = open_end && len > 1 && want[0] == '*';
	AUTO_BUF struct buf word;
	bool found = false;

	buf_init(&word, 512);
	want += open_start ? 1 : 0;
	len -= (open_start ? 1u : 0u) + (open_end ? 1u : 0u);
	if (!buf_append(&word, want, len))
		return false;
	if (open_start)
		found = strstr(workflow, word.data) != NULL;
	else if (open_end)
		found = strncmp(workflow, word.data, len) == 0;
	else
		found = strcmp(workflow, word.data) == 0;
	return found != negated;
}

static void check_length(const struct request *rq, const char *name,
			 size_t least, size_t most, json_t *problems)
{
	const char *value = request_raw_query(rq, name);
	char text[80];

	if (!value || (strlen(value) >= least && strlen(value) <= most))
		return;
	(void)snprintf(text, sizeof(text),
		       "String should have %zu to %zu characters", least, most);
	(void)json_array_append_new(problems, reply_problem("query", name, text,
							    "string_length"));
}

static json_t *read_query(const struct request *rq, struct query *ret)
{
	json_t *problems = json_array();
	const char *most = request_raw_query(rq, "max_results");
	uint64_t number = RESULTS_DEFAULT;

	if (most &&
	    (!text_u64(most, RESULTS_MOST, &number) || number < RESULTS_LEAST))
		(void)json_array_append_new(
			problems,
			reply_problem("query", "max_results",
				      "Input should be a number from 10 to "
				      "5000",
				      "number_range"));
	check_length(rq, "continue_from", POSITION_LEAST, POSITION_MOST,
		     problems);
	check_length(rq, "workflow_filter", 2, 255, problems);
	ret->most = (size_t)number;
	ret->position = request_query(rq, "continue_from");
	ret->filter = request_query(rq, "workflow_filter");
	return problems;
}

/* Version 2 hides the last id in a word that only we can read; the padding
 * makes sure that clients escape it. */
static void position_make(const char *id, char ret[POSITION_SIZE])
{
	char text[POSITION_SIZE / 2];
	int len = snprintf(text, sizeof(text), POSITION_MARK "%s", id);

	(void)EVP_EncodeBlock((unsigned char *)ret, (const unsigned char *)text,
			      len);
}

static bool position_read(const char *position, char ret_id[MESSAGE_ID_SIZE])
{
	unsigned char text[POSITION_SIZE] = "";
	size_t len = strlen(position);
	const size_t mark = strlen(POSITION_MARK);

	if (len >= POSITION_SIZE ||
	    EVP_DecodeBlock(text, (const unsigned char *)position, (int)len) <
		    0 ||
	    memcmp(text, POSITION_MARK, mark) != 0)
		return false;
	return text_copy(ret_id, MESSAGE_ID_SIZE, (const char *)text + mark) &&
	       text_is_message_id(ret_id);
}

/* Both versions leave their place in the list as "after this id". */
static bool find_start(const struct request *rq, const struct query *query,
		       size_t *ret)
{
	char id[MESSAGE_ID_SIZE] = "";

	*ret = 0;
	if (!query->position)
		return true;
	if (rq->reply.version < 2) {
		*ret = store_after(&rq->sandbox->store, query->position);
		return true;
	}
	if (!position_read(query->position, id))
		return false;
	*ret = store_after(&rq->sandbox->store, id);
	return true;
}

/* Version 2 filters a page after it was cut, as the service may: a page can
 * then be short or empty while there is a next one. Version 1 has no next,
 * so it has to filter before. Returns the last message looked at if there are
 * more behind it, else NULL. */
static const struct message *collect(const struct request *rq, size_t at,
				     const struct query *query, json_t *ret)
{
	const struct store *store = &rq->sandbox->store;
	const struct message *last = NULL;
	size_t taken = 0;

	for (; at < store->count; at++) {
		const struct message *m = store->items[at];

		if (!is_listed(rq, m))
			continue;

		bool wanted = !query->filter ||
			      passes(query->filter,
				     message_get(m, MESSAGE_WORKFLOW));

		if (!wanted && rq->reply.version < 2)
			continue;
		if (taken == query->most)
			return last;
		taken++;
		last = m;
		if (wanted)
			(void)json_array_append_new(ret, json_string(m->id));
	}
	return NULL;
}

static size_t count_listed(const struct request *rq)
{
	const struct store *store = &rq->sandbox->store;
	size_t count = 0;

	for (size_t i = 0; i < store->count; i++)
		count += is_listed(rq, store->items[i]) ? 1 : 0;
	return count;
}

static bool add_parameter(struct buf *link, char *mark, const char *name,
			  const char *value)
{
	char escaped[3 * POSITION_MOST + 1];

	if (!text_url_encode(escaped, sizeof(escaped), value) ||
	    !buf_printf(link, "%c%s=%s", *mark, name, escaped))
		return false;
	*mark = '&';
	return true;
}

/* Relative, and escaped: clients have to cope with both. NULL when too long,
 * which the limits of the query exclude. */
static json_t *make_link(const struct request *rq, const struct query *query,
			 const char *position)
{
	char number[24];
	char mark = '?';
	AUTO_BUF struct buf link;
	bool fits = false;

	buf_init(&link, 8192);
	(void)snprintf(number, sizeof(number), "%zu", query->most);
	fits = buf_printf(&link, "/messageexchange/%s/inbox", rq->box->id);
	if (fits && query->most != RESULTS_DEFAULT)
		fits = add_parameter(&link, &mark, "max_results", number);
	if (fits && query->filter)
		fits = add_parameter(&link, &mark, "workflow_filter",
				     query->filter);
	if (fits && position)
		fits = add_parameter(&link, &mark, "continue_from", position);
	return fits ? json_string(link.data) : NULL;
}

static json_t *make_links(const struct request *rq, const struct query *query,
			  const struct message *last)
{
	char position[POSITION_SIZE];
	json_t *links = json_object();

	(void)json_object_set_new(links, "self",
				  make_link(rq, query, query->position));
	if (last) {
		position_make(last->id, position);
		(void)json_object_set_new(links, "next",
					  make_link(rq, query, position));
	}
	return links;
}

void list_inbox(struct request *rq)
{
	struct query query = { .most = RESULTS_DEFAULT };
	json_t *problems = read_query(rq, &query);
	size_t start = 0;

	if (json_array_size(problems) > 0) {
		reply_problems(&rq->reply, problems);
		return;
	}
	json_decref(problems);
	if (!find_start(rq, &query, &start)) {
		reply_unexplained(&rq->reply, MHD_HTTP_INTERNAL_SERVER_ERROR);
		return;
	}

	json_t *ids = json_array();
	const struct message *last = collect(rq, start, &query, ids);
	json_t *json = json_pack("{s:o}", "messages", ids);

	if (rq->reply.version >= 2) {
		size_t count = count_listed(rq);

		(void)json_object_set_new(json, "links",
					  make_links(rq, &query, last));
		(void)json_object_set_new(json, "approx_inbox_count",
					  json_integer((json_int_t)count));
	}
	reply_json_versioned(&rq->reply, MHD_HTTP_OK, json);
}

void list_count(struct request *rq)
{
	json_t *json = json_pack("{s:I}", "count",
				 (json_int_t)count_listed(rq));

	if (rq->reply.version < 2) {
		(void)json_object_set_new(json, "internalID",
					  json_string(rq->box->id));
		(void)json_object_set_new(json, "allResultsIncluded",
					  json_true());
	}
	reply_json(&rq->reply, MHD_HTTP_OK, json);
}
