/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/route.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <microhttpd.h>

#include "base/buf.h"
#include "sandbox/handlers.h"
#include "sandbox/reply.h"
#include "sandbox/request.h"

#define PREFIX "/messageexchange/"
#define PARTS 8
#define METHODS_MAX 128

/* Fixed words stand before the patterns in which they could be a mailbox. */
static const struct route routes[] = {
	{ "GET", "_ping", 0, lookup_ping },
	{ "GET", "endpointlookup/?/?", 0, lookup_endpoint },
	{ "GET", "workflowsearch/?", 0, lookup_workflow },
	{ "DELETE", "admin/reset", ROUTE_ADMIN, admin_reset },
	{ "DELETE", "admin/reset/?", ROUTE_ADMIN, admin_reset_mailbox },
	{ "POST", "admin/report", ROUTE_ADMIN, admin_report },
	{ "POST", "admin/message/?/event", ROUTE_ADMIN, admin_event },
	{ "GET", "admin/message/?", ROUTE_ADMIN, admin_message },
	{ "GET", "admin/mailbox/?", ROUTE_ADMIN, admin_mailbox },
	{ "GET", "admin/log", ROUTE_ADMIN, control_log },
	{ "DELETE", "admin/log", ROUTE_ADMIN, control_clear_log },
	{ "POST", "admin/fault", ROUTE_ADMIN, control_add_fault },
	{ "GET", "admin/fault", ROUTE_ADMIN, control_faults },
	{ "DELETE", "admin/fault", ROUTE_ADMIN, control_clear_faults },
	{ "POST", "admin/settings", ROUTE_ADMIN, control_settings },
	{ "POST", "*", ROUTE_AUTH, lookup_handshake },
	{ "GET", "*", ROUTE_AUTH, lookup_handshake },
	{ "POST", "*/update", ROUTE_AUTH, lookup_update },
	{ "GET", "*/count", ROUTE_AUTH, list_count },
	{ "GET", "*/inbox", ROUTE_AUTH, list_inbox },
	{ "GET", "*/inbox/?", ROUTE_AUTH, inbox_get },
	{ "HEAD", "*/inbox/?", ROUTE_AUTH, inbox_head },
	{ "GET", "*/inbox/?/?", ROUTE_AUTH, inbox_get },
	{ "PUT", "*/inbox/?/status/acknowledged", ROUTE_AUTH,
	  inbox_acknowledge },
	{ "POST", "*/outbox", ROUTE_AUTH | ROUTE_UPLOAD, outbox_send },
	{ "GET", "*/outbox/tracking", ROUTE_AUTH, tracking_by_id },
	{ "GET", "*/outbox/tracking/?", ROUTE_AUTH | ROUTE_PRIVATE,
	  tracking_by_local_id },
	{ "POST", "*/outbox/?/?", ROUTE_AUTH | ROUTE_UPLOAD, outbox_chunk },
};

#define ROUTES (sizeof(routes) / sizeof(routes[0]))

struct match {
	const char *box_id;
	const char *args[REQUEST_ARGS];
	size_t count;
};

static bool part_fits(const char *want, size_t len, const char *part,
		      struct match *match)
{
	if (part[0] == '\0')
		return false;
	if (len == 1 && want[0] == '*') {
		match->box_id = part;
		return strcmp(part, "admin") != 0;
	}
	if (len == 1 && want[0] == '?') {
		match->args[match->count++] = part;
		return true;
	}
	return strlen(part) == len && strncmp(part, want, len) == 0;
}

static bool fits(const struct route *route, const char *const parts[],
		 size_t count, struct match *ret)
{
	const char *want = route->pattern;
	struct match match = { .box_id = NULL };

	for (size_t i = 0; i < count; i++) {
		size_t len = strcspn(want, "/");

		if (len == 0 || !part_fits(want, len, parts[i], &match))
			return false;
		want += len;
		if (*want == '/')
			want++;
	}
	if (*want != '\0')
		return false;
	*ret = match;
	return true;
}

static size_t cut(char *path, const char *parts[PARTS])
{
	size_t count = 0;

	while (path && count < PARTS)
		parts[count++] = strsep(&path, "/");
	return count;
}

static void refuse(struct reply *re, const struct buf *allowed)
{
	if (allowed->len == 0) {
		reply_detail(re, MHD_HTTP_NOT_FOUND, "Not Found");
		return;
	}
	reply_header(re, "allow", allowed->data);
	reply_detail(re, MHD_HTTP_METHOD_NOT_ALLOWED, "Method Not Allowed");
}

static void use(struct request *rq, const struct route *route,
		const struct match *match)
{
	rq->route = route;
	rq->box_id = match->box_id;
	for (size_t i = 0; i < REQUEST_ARGS; i++)
		rq->args[i] = match->args[i];
}

void route_find(struct request *rq, const char *method, char *path)
{
	const char *parts[PARTS];
	struct match match;
	AUTO_BUF struct buf allowed;

	buf_init(&allowed, METHODS_MAX);
	if (strncmp(path, PREFIX, strlen(PREFIX)) != 0) {
		refuse(&rq->reply, &allowed);
		return;
	}

	size_t count = cut(path + strlen(PREFIX), parts);

	for (size_t i = 0; i < ROUTES; i++) {
		if (!fits(&routes[i], parts, count, &match))
			continue;
		if (strcmp(routes[i].method, method) == 0) {
			use(rq, &routes[i], &match);
			return;
		}
		/* Never full: a path has three methods at most. */
		(void)!buf_printf(&allowed, "%s%s", allowed.len > 0 ? ", " : "",
				  routes[i].method);
	}
	refuse(&rq->reply, &allowed);
}
