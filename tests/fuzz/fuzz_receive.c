/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Receiving as a whole: list, fetch, publish, acknowledge, with every answer
 * from the input and the real folders, records and ledger below.
 *
 * The network's door is replaced: http_exchange here takes the next piece of
 * the input as the answer. What must hold, whatever the service says: a message
 * is acknowledged only once its files are in IN, complete as they were sent.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/incoming.h"
#include "agent/mailbox.h"
#include "agent/turn.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "conf/conf.h"
#include "fuzz.h"
#include "net/http.h"
#include "net/http_reply.h"
#include "spool/ledger.h"

#define MOST_EXCHANGES 200

/* --- the network's door --- */

struct http_client {
	const uint8_t *data;
	size_t size;
	size_t at;
	unsigned exchanges;
	struct mailbox *mailbox;
};

static void check_acknowledge(const struct http_client *client,
			      const char *path)
{
	char id[TEXT_ID_SIZE];
	const char *end = strstr(path, "/status/acknowledged");
	FUZZ_HOLDS(end != NULL);
	const char *start = end;
	while (start > path && start[-1] != '/')
		start--;
	(void)snprintf(id, sizeof(id), "%.*s", (int)(end - start), start);
	FUZZ_HOLDS(ledger_delivered(client->mailbox->ledger, id));
	char name[TEXT_NAME_SIZE];
	struct stat st;
	(void)snprintf(name, sizeof(name), "%s.ctl", id);
	FUZZ_HOLDS(fstatat(client->mailbox->dir.in, name, &st, 0) == 0);
	FUZZ_HOLDS(st.st_size > 0);
}

static int read_head(struct http_head *head, const struct fuzz_piece *piece,
		     size_t *at, struct err *err)
{
	while (*at < piece->size && head->state != HTTP_HEAD_DONE) {
		const uint8_t *line = piece->data + *at;
		const uint8_t *end = memchr(line, '\n', piece->size - *at);
		size_t len = end ? (size_t)(end - line) + 1 : piece->size - *at;
		int r = http_head_line(head, (const char *)line, len, err);
		if (r < 0)
			return r;
		*at += len;
	}
	if (head->state != HTTP_HEAD_DONE)
		return err_set(err, ERR_NETWORK, "the answer ends in its head");
	return 0;
}

static int hand_over(const struct http_request *request,
		     struct http_reply *reply, const uint8_t *body, size_t size,
		     struct err *err)
{
	const struct http_sink *sink = request->sink;
	if (!sink || (reply->status != 200 && reply->status != 206))
		return buf_append(&reply->body, body, size) ?
			       0 :
			       err_set(err, ERR_PROTOCOL, "too long a body");
	int r = sink->begin ? sink->begin(sink->ctx, reply, err) : 0;
	/* In two parts, as a network would. */
	size_t half = size / 2;
	if (r == 0 && half > 0)
		r = sink->write(sink->ctx, body, half, err);
	if (r == 0 && size > half)
		r = sink->write(sink->ctx, body + half, size - half, err);
	return r;
}

int http_exchange(struct http_client *client,
		  const struct http_request *request, struct http_reply *reply,
		  struct err *err)
{
	struct fuzz_piece piece;
	struct http_head head;
	size_t at = 0;
	if (request->method == HTTP_PUT)
		check_acknowledge(client, request->path);
	client->exchanges++;
	http_head_init(&head, reply);
	reply->sent = HTTP_SENT_WHOLE;
	if (client->exchanges > MOST_EXCHANGES ||
	    !fuzz_next(client->data, client->size, &client->at, &piece)) {
		int r = err_set(err, ERR_NETWORK, "no answer is left");
		err_widen(err, ERR_SERVICE, ERR_LATER);
		return r;
	}
	int r = read_head(&head, &piece, &at, err);
	if (r < 0)
		return r;
	return hand_over(request, reply, piece.data + at, piece.size - at, err);
}

int http_client_new(const struct http_settings *settings,
		    struct http_client **ret, struct err *err)
{
	(void)settings;
	(void)ret;
	return err_set(err, ERR_NETWORK, "there is no network here");
}

struct http_client *http_client_free(struct http_client *client)
{
	(void)client;
	return NULL;
}

int http_global_init(struct err *err)
{
	return err_set(err, ERR_NETWORK, "there is no network here");
}

/* --- one life of a mailbox --- */

static bool go_on(void *ctx)
{
	const struct http_client *client = ctx;
	return client->exchanges < MOST_EXCHANGES;
}

static int64_t wall_ns(void)
{
	return INT64_C(1795342800) * 1000000000;
}

static void empty_folder(int dirfd)
{
	int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_HOLDS(copy >= 0);
	DIR *dir = fdopendir(copy);
	FUZZ_HOLDS(dir != NULL);
	for (const struct dirent *entry = readdir(dir); entry;
	     entry = readdir(dir))
		if (entry->d_type == DT_REG)
			(void)unlinkat(dirfd, entry->d_name, 0);
	(void)closedir(dir); /* it was only read */
}

static void empty_all(const struct boxdir *box)
{
	const int folders[] = { box->in, box->temp, box->inbound, box->ledger };
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		empty_folder(folders[i]);
}

static void run(struct mailbox *mailbox, const struct conf *conf,
		struct http_client *client)
{
	struct turn turn = {
		.conf = conf,
		.mailbox = mailbox,
		.session = {
			.http = client,
			.mailbox = mailbox->set->id,
			.mailbox_file = "X26ABC1.yaml",
			.password_file = "password",
			.shared_key_file = "key",
			.password = "password",
			.shared_key = "key",
			.wall_ns = wall_ns,
		},
		.go_on = go_on,
		.ctx = client,
	};
	struct err err;
	bool more = false;
	int r = incoming_run(&turn, &more, &err);
	FUZZ_HOLDS(r == 0 || err.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int state = -1;
	static char root[512];
	if (state < 0) {
		log_set_level(0); /* nothing is said */
		(void)snprintf(root, sizeof(root), "%s/root", fuzz_dir());
		state = open(fuzz_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		FUZZ_HOLDS(state >= 0);
	}
	const struct conf_mailbox set = {
		.id = "X26ABC1",
		.root = root,
		.max_messages = 50,
	};
	const struct conf conf = { .max_message = 1000000 };
	struct mailbox *mailbox;
	struct err err;
	int r = mailbox_open(&conf, &set, state, &mailbox, &err);
	FUZZ_HOLDS(r == 0);
	struct http_client client = {
		.data = data,
		.size = size,
		.mailbox = mailbox,
	};
	run(mailbox, &conf, &client);
	empty_all(&mailbox->dir);
	(void)mailbox_close(mailbox); /* always NULL */
	return 0;
}
