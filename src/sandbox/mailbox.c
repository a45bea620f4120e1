/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/mailbox.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#define FILE_NAME "mailboxes.json"

const struct mailbox *mailboxes_find(const struct mailboxes *boxes,
				     const char *id)
{
	for (size_t i = 0; i < boxes->count; i++)
		if (text_equal_nocase(boxes->items[i].id, id))
			return &boxes->items[i];
	return NULL;
}

bool mailbox_allows(const struct mailbox *box, const char *workflow)
{
	for (size_t i = 0; i < json_array_size(box->workflows); i++) {
		const char *pattern = json_string_value(
			json_array_get(box->workflows, i));

		if (pattern && fnmatch(pattern, workflow, 0) == 0)
			return true;
	}
	return false;
}

static bool is_upper_id(const char *id)
{
	for (const char *p = id; *p != '\0'; p++)
		if (*p >= 'a' && *p <= 'z')
			return false;
	return text_is_mailbox_id(id);
}

static int add(struct mailboxes *boxes, const json_t *json, struct err *err)
{
	struct mailbox box = {
		.id = json_text(json, "id"),
		.password = json_text(json, "password"),
		.name = json_text(json, "name"),
		.ods_code = json_text(json, "ods_code"),
		.workflows = json_object_get(json, "workflows"),
	};

	if (!box.id || !box.password || !is_upper_id(box.id))
		return err_set(err, ERR_CONFIG,
			       FILE_NAME ": entry %zu needs an id in upper "
					 "case and a password",
			       boxes->count + 1);
	if (mailboxes_find(boxes, box.id))
		return err_set(err, ERR_CONFIG,
			       FILE_NAME ": mailbox %s is there twice", box.id);
	if (!json_is_array(box.workflows))
		return err_set(err, ERR_CONFIG,
			       FILE_NAME ": mailbox %s needs workflows, a list "
					 "such as [\"*\"]",
			       box.id);
	if (!box.name)
		box.name = box.id;
	if (!box.ods_code)
		box.ods_code = "";
	boxes->items[boxes->count++] = box;
	return 0;
}

int mailboxes_load(struct mailboxes *boxes, int dirfd, struct err *err)
{
	AUTO_BUF struct buf text;

	buf_init(&text, JSON_MAX_SIZE);
	if (fsx_load(dirfd, FILE_NAME, &text, err) < 0)
		return -(int)err->code;
	if (json_read(text.data, text.len, &boxes->json, err) < 0) {
		err_prefix(err, FILE_NAME);
		err->code = ERR_CONFIG;
		return -(int)ERR_CONFIG;
	}

	size_t count = json_array_size(boxes->json);

	if (count == 0)
		return err_set(err, ERR_CONFIG,
			       FILE_NAME " must be a list of mailboxes");
	boxes->items = xcalloc(count, sizeof(struct mailbox));
	for (size_t i = 0; i < count; i++)
		if (add(boxes, json_array_get(boxes->json, i), err) < 0)
			return -(int)err->code;
	return 0;
}

void mailboxes_release(struct mailboxes *boxes)
{
	json_decref(boxes->json);
	free(boxes->items);
	*boxes = (struct mailboxes){ .json = NULL };
}
