/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "mesh/proto.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define RANGE_MAX 1000000u

static bool said(const char *value)
{
	return value && value[0] != '\0';
}

/* The value may say who the patient is: only its element is named. */
static int check_value(const char *element, const char *value, size_t max,
		       struct err *err)
{
	if (!said(value))
		return 0;
	if (strlen(value) > max)
		return err_set(err, ERR_INVALID,
			       "%s has more than %zu characters", element, max);
	if (!text_is_header_value(value, max))
		return err_set(err, ERR_INVALID,
			       "%s has a character that MESH headers cannot "
			       "carry (only printable ASCII is allowed)",
			       element);
	return 0;
}

static int check_no_url(const char *element, const char *value, struct err *err)
{
	if (!said(value))
		return 0;
	if (strcasestr(value, "http://") || strcasestr(value, "https://"))
		return err_set(err, ERR_INVALID,
			       "%s has a web address in it, which MESH refuses",
			       element);
	return 0;
}

static int check_checksum(const char *value, struct err *err)
{
	if (!said(value))
		return 0;
	for (const char *p = value; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p) && !strchr(" :-/", *p))
			return err_set(err, ERR_INVALID,
				       "DataChecksum may have only letters, "
				       "digits, blanks, ':', '-' and '/'");
	}
	return 0;
}

/* HTTP drops blanks at both ends, so a value of blanks is none. */
static bool blank(const char *value)
{
	return !value || value[strspn(value, " ")] == '\0';
}

static int check_required(const struct proto_message *message, struct err *err)
{
	if (blank(message->to))
		return err_set(err, ERR_INVALID, "To_DTS is missing or empty");
	if (blank(message->workflow))
		return err_set(err, ERR_INVALID,
			       "WorkflowId is missing or empty");
	return 0;
}

int proto_check(const struct proto_message *message, struct err *err)
{
	const struct {
		const char *element;
		const char *value;
		size_t max;
		bool no_url;
	} rules[] = {
		{ "To_DTS", message->to, PROTO_TO_MAX, true },
		{ "WorkflowId", message->workflow, PROTO_WORKFLOW_MAX, true },
		{ "Subject", message->subject, PROTO_SUBJECT_MAX, false },
		{ "LocalId", message->local_id, PROTO_LOCAL_ID_MAX, false },
		{ "FileName", message->file_name, PROTO_FILE_NAME_MAX, false },
		{ "PartnerId", message->partner_id, PROTO_PARTNER_MAX, false },
		{ "ProcessId", message->process_id, PROTO_PARTNER_MAX, false },
		{ "DataChecksum", message->checksum, PROTO_CHECKSUM_MAX, true },
	};
	int r = check_required(message, err);
	for (size_t i = 0; r == 0 && i < sizeof(rules) / sizeof(rules[0]);
	     i++) {
		r = check_value(rules[i].element, rules[i].value, rules[i].max,
				err);
		if (r == 0 && rules[i].no_url)
			r = check_no_url(rules[i].element, rules[i].value, err);
	}
	return r < 0 ? r : check_checksum(message->checksum, err);
}

int proto_path(const char *const *parts, size_t count, char ret[PROTO_PATH_MAX],
	       struct err *err)
{
	char path[PROTO_PATH_MAX] = PROTO_PATH_START;
	size_t len = strlen(path);
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && len < sizeof(path) - 1)
			path[len++] = '/';
		if (!text_url_encode(path + len, sizeof(path) - len, parts[i]))
			return err_set(err, ERR_INVALID,
				       "an id is too long for an address");
		len += strlen(path + len);
	}
	memcpy(ret, path, len + 1);
	return 0;
}

void proto_range(unsigned chunk, unsigned count, char ret[PROTO_RANGE_SIZE])
{
	/* two numbers of at most ten digits */
	(void)snprintf(ret, PROTO_RANGE_SIZE, "%u:%u", chunk, count);
}

/* A blank-trimmed copy of the text between the braces, or NULL. */
static char *without_braces(char *s)
{
	s = text_trim(s);
	size_t len = strlen(s);
	if (s[0] != '{')
		return s;
	if (s[len - 1] != '}')
		return NULL;
	s[len - 1] = '\0';
	return text_trim(s + 1);
}

bool proto_range_parse(const char *text, unsigned *ret_chunk,
		       unsigned *ret_count)
{
	uint64_t chunk = 1;
	uint64_t count = 1;
	AUTO_FREE char *copy = xstrdup(text ? text : "");
	char *s = without_braces(copy);
	if (!s)
		return false;
	if (s[0] != '\0') {
		char *colon = strchr(s, ':');
		if (!colon)
			return false;
		*colon = '\0';
		if (!text_u64(text_trim(s), RANGE_MAX, &chunk) ||
		    !text_u64(text_trim(colon + 1), RANGE_MAX, &count))
			return false;
		if (count == 0) /* "1:0", as reports have it */
			chunk = count = 1;
	}
	if (chunk < 1 || chunk > count)
		return false;
	*ret_chunk = (unsigned)chunk;
	*ret_count = (unsigned)count;
	return true;
}
