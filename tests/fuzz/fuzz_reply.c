/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* The body of an answer: every reader of JSON, whatever was asked. */
#include "config.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "fuzz.h"
#include "mesh/reply.h"

static bool is_clean(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static void read_error(const char *body, size_t len)
{
	struct reply_error error;
	char shown[512];
	reply_error_read(body, len, &error);
	FUZZ_HOLDS(is_clean(error.text));
	FUZZ_HOLDS(error.message_id[0] == '\0' ||
		   text_is_message_id(error.message_id));
	reply_error_show(&error, 417, shown, sizeof(shown));
	FUZZ_HOLDS(shown[0] != '\0' && is_clean(shown));
}

static void read_page(const char *body, size_t len)
{
	struct reply_page page;
	struct err err;
	if (reply_page_read(body, len, &page, &err) < 0) {
		FUZZ_HOLDS(err.text[0] != '\0');
		return;
	}
	FUZZ_HOLDS(page.count + page.refused <= REPLY_PAGE_MAX);
	for (size_t i = 0; i < page.count; i++)
		FUZZ_HOLDS(text_is_message_id(page.ids[i]));
	FUZZ_HOLDS(!page.next || page.next[0] == '/');
	reply_page_release(&page);
}

static void read_others(const char *body, size_t len)
{
	struct reply_track track;
	struct reply_lookup lookup;
	struct err err;
	char id[TEXT_ID_SIZE];
	if (reply_message_id(body, len, id))
		FUZZ_HOLDS(text_is_message_id(id));
	if (reply_track_read(body, len, &track, &err) == 0) {
		FUZZ_HOLDS(track.file_size >= -1);
		FUZZ_HOLDS(is_clean(track.failure));
	}
	if (reply_lookup_read(body, len, &lookup, &err) == 0) {
		FUZZ_HOLDS(lookup.count <= REPLY_LOOKUP_MAX);
		reply_lookup_release(&lookup);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *body = (const char *)data;
	read_error(body, size);
	read_page(body, size);
	read_others(body, size);
	return 0;
}
