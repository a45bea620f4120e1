/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/route.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/template.h"
#include "conf/conf.h"
#include "spool/scan.h"

#define DATE_DIGITS 8
/* U+FFFD: no header can carry it. */
#define REFUSED "\xef\xbf\xbd"
/* Of a value: a name, each byte of it refused. */
#define VALUE_SIZE ((TEXT_NAME_SIZE - 1) * (sizeof(REFUSED) - 1) + 1)

const struct conf_route *route_find(const struct conf_mailbox *set,
				    const char *folder, const char *file_name,
				    char ret_to[TEXT_NAME_SIZE])
{
	for (size_t i = 0; i < set->route_count; i++) {
		const struct conf_route *route = &set->routes[i];
		if (text_equal_nocase(route->folder, folder) &&
		    pattern_match(route->match, file_name, ret_to,
				  TEXT_NAME_SIZE))
			return route;
	}
	return NULL;
}

/* A copy in which instead stands for what no header can carry. */
static void make_safe(char ret[VALUE_SIZE], const char *name,
		      const char *instead)
{
	size_t at = 0;
	size_t len = strlen(instead);
	for (; *name != '\0'; name++) {
		bool fine = *name >= 0x20 && *name <= 0x7e;
		memcpy(ret + at, fine ? name : instead, fine ? 1 : len);
		at += fine ? 1 : len;
	}
	ret[at] = '\0';
}

/* Each brace may become a value. */
static size_t room_for(const char *text)
{
	size_t size = strlen(text) + 1;
	for (const char *c = text; *c != '\0'; c++)
		if (*c == '{')
			size += VALUE_SIZE;
	return size;
}

/* template_check has seen the text when it was read. */
static void set_filled(struct ctl *ctl, enum ctl_field field, const char *text,
		       const struct route_file *file, const char *instead)
{
	char name[VALUE_SIZE];
	char stem[VALUE_SIZE];
	char date[DATE_DIGITS + 1];
	char plain[TEXT_NAME_SIZE];
	scan_stem(file->name, plain);
	make_safe(name, file->name, instead);
	make_safe(stem, plain, instead);
	memcpy(date, file->stamp, DATE_DIGITS);
	date[DATE_DIGITS] = '\0';
	const struct template_value values[] = {
		{ "filename", name }, { "stem", stem },
		{ "date", date },     { "time", file->stamp + DATE_DIGITS },
		{ "to", file->to },
	};
	size_t size = room_for(text);
	AUTO_FREE char *value = xcalloc(size, 1);
	bool fits = template_fill(text, values,
				  sizeof(values) / sizeof(*values), value,
				  size);
	assert(fits);
	ctl_set(ctl, field, value);
}

void route_control(const struct conf_route *route, const char *mailbox,
		   const struct route_file *file, struct ctl *ret)
{
	ctl_init(ret);
	ctl_set(ret, CTL_VERSION, "1.0");
	ctl_set(ret, CTL_ADDRESS_TYPE, "DTS");
	ctl_set(ret, CTL_MESSAGE_TYPE, "Data");
	ctl_set(ret, CTL_FROM_DTS, mailbox);
	set_filled(ret, CTL_TO_DTS, route->to, file, REFUSED);
	set_filled(ret, CTL_SUBJECT, route->subject, file, "_");
	set_filled(ret, CTL_LOCAL_ID, route->local_id, file, "_");
	ctl_set(ret, CTL_COMPRESS, route->compress ? "Y" : "N");
	ctl_set(ret, CTL_ENCRYPTED, route->encrypted ? "Y" : "N");
	ctl_set(ret, CTL_WORKFLOW_ID, route->workflow);
	ctl_set(ret, CTL_ALLOW_CHUNKING, route->allow_chunking ? "Y" : "N");
}
