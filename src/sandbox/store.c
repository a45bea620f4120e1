/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/uuid.h"
#include "sandbox/message.h"

#define RECORD_SUFFIX ".json"
#define FILE_SIZE (TEXT_ID_SIZE + 16)

void store_init(struct store *store)
{
	*store = (struct store){ .fd = -1 };
}

void store_release(struct store *store)
{
	for (size_t i = 0; i < store->count; i++)
		store->items[i] = message_free(store->items[i]);
	free(store->items);
	mem_auto_close(&store->fd);
	store_init(store);
}

size_t store_after(const struct store *store, const char *id)
{
	size_t low = 0;
	size_t high = store->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(store->items[middle]->id, id) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct message *store_find(const struct store *store, const char *id)
{
	size_t after = store_after(store, id);

	if (after > 0 && strcmp(store->items[after - 1]->id, id) == 0)
		return store->items[after - 1];
	return NULL;
}

static void insert(struct store *store, struct message *m)
{
	size_t at = store_after(store, m->id);

	if (store->count == store->room) {
		store->room = store->room > 0 ? 2 * store->room : 64;
		store->items = xreallocarray(store->items, store->room,
					     sizeof(struct message *));
	}
	memmove(store->items + at + 1, store->items + at,
		(store->count - at) * sizeof(struct message *));
	store->items[at] = m;
	store->count++;
	if (m->created_ns / 1000 > store->last_us)
		store->last_us = m->created_ns / 1000;
}

void store_name(struct store *store, struct message *m, int64_t now_ns)
{
	char stamp[CLOCK_STAMP_SIZE];
	char hex[7];
	int64_t us = now_ns / 1000;

	/* A clock set back must not make ids go back. */
	if (us <= store->last_us)
		us = store->last_us + 1;
	store->last_us = us;
	m->created_ns = us * 1000;
	clock_stamp_utc(m->created_ns, stamp);
	uuid_hex(hex, sizeof(hex) - 1);
	for (char *p = hex; *p != '\0'; p++)
		if (*p >= 'a' && *p <= 'f')
			*p = (char)(*p - 'a' + 'A');
	(void)snprintf(m->id, sizeof(m->id), "%s%06u_%s", stamp,
		       (unsigned)(us % 1000000), hex);
}

static void chunk_name(char name[FILE_SIZE], const char *id, unsigned number)
{
	(void)snprintf(name, FILE_SIZE, "%s.%u", id, number);
}

int store_put_chunk(const struct store *store, const struct message *m,
		    unsigned number, int dirfd, const char *name,
		    struct err *err)
{
	char own[FILE_SIZE];

	chunk_name(own, m->id, number);
	return fsx_replace(dirfd, name, store->fd, own, err);
}

int store_open_chunk(const struct store *store, const struct message *m,
		     unsigned number, int *ret_fd, uint64_t *ret_size,
		     struct err *err)
{
	char name[FILE_SIZE];
	struct stat st;
	int fd = -1;

	chunk_name(name, m->id, number);
	if (fsx_open_read(store->fd, name, &fd, &st, err) < 0)
		return -(int)err->code;
	*ret_fd = fd;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

int store_save(const struct store *store, const struct message *m,
	       struct err *err)
{
	AUTO_JSON json_t *json = message_to_json(m);
	AUTO_FREE char *text = json_dumps(json, JSON_INDENT(1));
	char name[FILE_SIZE];

	if (!text)
		return err_set(err, ERR_INVALID,
			       "cannot write the record of message %s", m->id);
	(void)snprintf(name, sizeof(name), "%s" RECORD_SUFFIX, m->id);
	/* If we die here: the old record, and the request was not answered. */
	return fsx_store(store->fd, name, 0600, text, strlen(text), false, err);
}

int store_add(struct store *store, struct message *m, struct err *err)
{
	int result = store_save(store, m, err);

	if (result < 0)
		(void)message_free(m);
	else
		insert(store, m);
	return result;
}

static int remove_message(const struct store *store, const struct message *m,
			  struct err *err)
{
	char name[FILE_SIZE];

	/* If we die after this: chunks without a record, swept at start. */
	(void)snprintf(name, sizeof(name), "%s" RECORD_SUFFIX, m->id);
	if (fsx_remove(store->fd, name, err) < 0)
		return -(int)err->code;
	for (unsigned i = 1; i <= m->total; i++) {
		if (message_chunk_size(m, i) < 0)
			continue;
		chunk_name(name, m->id, i);
		if (fsx_remove(store->fd, name, err) < 0)
			return -(int)err->code;
	}
	return 0;
}

static bool is_of(const struct message *m, const char *mailbox)
{
	return !mailbox || strcmp(message_get(m, MESSAGE_FROM), mailbox) == 0 ||
	       strcmp(message_get(m, MESSAGE_TO), mailbox) == 0;
}

int store_clear(struct store *store, const char *mailbox, struct err *err)
{
	size_t kept = 0;
	int result = 0;

	for (size_t i = 0; i < store->count; i++) {
		struct message *m = store->items[i];

		if (result == 0 && is_of(m, mailbox))
			result = remove_message(store, m, err);
		if (result < 0 || !is_of(m, mailbox))
			store->items[kept++] = m;
		else
			(void)message_free(m);
	}
	store->count = kept;
	return result;
}

static int load_record(struct store *store, const char *name, struct err *err)
{
	AUTO_BUF struct buf text;
	AUTO_JSON json_t *json = NULL;

	buf_init(&text, JSON_MAX_SIZE);
	if (fsx_load(store->fd, name, &text, err) < 0 ||
	    json_read(text.data, text.len, &json, err) < 0) {
		err_prefix(err, "messages/%s", name);
		return -(int)err->code;
	}

	struct message *m = message_from_json(json);

	if (!m || strncmp(name, m->id, strlen(m->id)) != 0) {
		(void)message_free(m);
		return err_set(err, ERR_CORRUPT,
			       "messages/%s is not a message record: remove it",
			       name);
	}
	insert(store, m);
	return 0;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name);
	size_t tail = strlen(suffix);

	return len > tail && strcmp(name + len - tail, suffix) == 0;
}

/* A chunk whose message is unknown belongs to a request that was cut. */
static int sweep(const struct store *store, const char *name, struct err *err)
{
	char id[TEXT_ID_SIZE];
	const char *dot = strchr(name, '.');
	size_t len = dot ? (size_t)(dot - name) : 0;

	if (len == 0 || len >= sizeof(id))
		return 0;
	memcpy(id, name, len);
	id[len] = '\0';
	if (store_find(store, id))
		return 0;
	return fsx_remove(store->fd, name, err);
}

static int walk(struct store *store, bool records, struct err *err)
{
	struct fsx_dir *dir = NULL;
	const char *name = NULL;
	int result = fsx_dir_open(store->fd, &dir, err);

	while (result == 0) {
		result = fsx_dir_next(dir, &name, err);
		if (result < 0 || !name)
			break;
		if (!records)
			result = sweep(store, name, err);
		else if (has_suffix(name, RECORD_SUFFIX))
			result = load_record(store, name, err);
	}
	(void)fsx_dir_close(dir); /* only read */
	return result;
}

int store_open(struct store *store, int dirfd, struct err *err)
{
	if (fsx_make_dir(dirfd, "messages", 0700, err) < 0 ||
	    fsx_open_dir(dirfd, "messages", &store->fd, err) < 0)
		return -(int)err->code;
	if (walk(store, true, err) < 0)
		return -(int)err->code;
	return walk(store, false, err);
}
