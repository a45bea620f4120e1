/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Receiving as a whole: list, fetch, publish, acknowledge, with every answer
 * from the input (tests/fuzz/answers) and the real folders, records and ledger
 * below, over some lives of the mailbox.
 *
 * What must hold, whatever the service says: a message is acknowledged only
 * once its files are in their folder, complete as they were sent; and at the
 * end nothing of a message that is not acknowledged is published in part.
 *
 * The first piece may hold words instead of an answer: "deliver" for a folder
 * by workflow, "second" for the sender's file names there, "filter", and "taken" for
 * other files of those names in the folders.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "agent/incoming.h"
#include "agent/mailbox.h"
#include "agent/recover.h"
#include "agent/turn.h"
#include "answers.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "fuzz.h"
#include "spool/delivery.h"
#include "spool/ledger.h"

#define LIVES 6
#define TURNS 4
#define KNOWN_MOST 64
#define CONTENT_MOST ((size_t)1 << 20)

/* --- what the service has said, apart from the program --- */

/* The body of the last good answer to each request for a chunk. */
struct chunk {
	char id[TEXT_ID_SIZE];
	unsigned number;
	bool gzip;
	bool last;
	bool report;
	uint8_t *data; /* owned */
	size_t size;
};

struct model {
	struct mailbox *mailbox;
	struct chunk chunks[KNOWN_MOST];
	size_t count;
	bool full; /* more chunks than we keep: contents are not compared */
};

/* "/messageexchange/BOX/inbox/ID[/N]" or ".../ID/status/acknowledged" */
static bool read_path(const char *path, char ret_id[TEXT_ID_SIZE],
		      unsigned *ret_chunk)
{
	const char *start = strstr(path, "/inbox/");
	if (!start)
		return false;
	start += strlen("/inbox/");
	size_t len = strcspn(start, "/");
	FUZZ_HOLDS(len > 0 && len < TEXT_ID_SIZE);
	memcpy(ret_id, start, len);
	ret_id[len] = '\0';
	uint64_t chunk = 1;
	if (start[len] == '/' && !text_u64(start + len + 1, UINT_MAX, &chunk))
		chunk = 0; /* it is the acknowledge */
	*ret_chunk = (unsigned)chunk;
	return true;
}

static struct chunk *find_chunk(struct model *model, const char *id,
				unsigned number)
{
	for (size_t i = 0; i < model->count; i++)
		if (model->chunks[i].number == number &&
		    strcmp(model->chunks[i].id, id) == 0)
			return &model->chunks[i];
	return NULL;
}

static bool says(const struct http_reply *reply, const char *name,
		 const char *value)
{
	const char *said = http_reply_header(reply, name);
	return said && text_equal_nocase(said, value);
}

static void remember(struct model *model, const char *id, unsigned number,
		     const struct http_reply *reply,
		     const struct fuzz_piece *body)
{
	struct chunk *chunk = find_chunk(model, id, number);
	if (!chunk && model->count == KNOWN_MOST) {
		model->full = true;
		return;
	}
	if (!chunk)
		chunk = &model->chunks[model->count++];
	free(chunk->data);
	*chunk = (struct chunk){
		.number = number,
		.gzip = says(reply, "content-encoding", "gzip") ||
			says(reply, "content-encoding", "x-gzip"),
		.last = reply->status == 200,
		.report = says(reply, "mex-messagetype", "REPORT"),
		.data = xmalloc(body->size + 1),
		.size = body->size,
	};
	(void)snprintf(chunk->id, sizeof(chunk->id), "%s", id);
	if (body->size > 0)
		memcpy(chunk->data, body->data, body->size);
}

/* Plain and straight: one buffer, one member after the other. */
static size_t inflate_all(const struct buf *from, uint8_t *to, size_t room)
{
	size_t used = 0;
	z_stream z = {
		.next_in = (Bytef *)from->data,
		.avail_in = (uInt)from->len,
	};
	while (z.avail_in > 0) {
		FUZZ_HOLDS(inflateInit2(&z, 15 + 16) == Z_OK);
		z.next_out = to + used;
		z.avail_out = (uInt)(room - used);
		int r = inflate(&z, Z_FINISH);
		FUZZ_HOLDS(r == Z_STREAM_END);
		used = room - z.avail_out;
		(void)inflateEnd(&z);
	}
	return used;
}

/* Chunks that follow each other and are gzip are one stream. */
static size_t decode(struct model *model, const char *id, uint8_t *to)
{
	size_t used = 0;
	bool last = false;
	unsigned number = 1;
	while (!last) {
		struct buf stream;
		buf_init(&stream, CONTENT_MOST);
		const struct chunk *chunk = find_chunk(model, id, number);
		FUZZ_HOLDS(chunk != NULL);
		bool gzip = chunk && chunk->gzip;
		while (chunk && chunk->gzip == gzip && !last) {
			FUZZ_HOLDS(
				buf_append(&stream, chunk->data, chunk->size));
			last = chunk->last;
			chunk = find_chunk(model, id, ++number);
		}
		FUZZ_HOLDS(used + stream.len <= CONTENT_MOST);
		if (gzip)
			used += inflate_all(&stream, to + used,
					    CONTENT_MOST - used);
		else
			memcpy(to + used, stream.data, stream.len);
		used += gzip ? 0 : stream.len;
		buf_release(&stream);
	}
	return used;
}

/* --- what there is --- */

static const char *const folders[] = { "IN", "lab" };

static int open_found(const struct model *model, const char *id,
		      const char *suffix)
{
	char name[TEXT_NAME_SIZE];
	delivery_name(id, suffix, name);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		char path[300];
		(void)snprintf(path, sizeof(path), "%s/%s", folders[i], name);
		struct stat st;
		int fd = openat(model->mailbox->dir.base, path,
				O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
			return fd;
		if (fd >= 0)
			(void)close(fd); /* one of take_names */
	}
	return -1;
}

static void check_content(struct model *model, const char *id, int fd)
{
	static uint8_t expected[CONTENT_MOST];
	static uint8_t found[CONTENT_MOST + 1];
	size_t size = decode(model, id, expected);
	ssize_t n = read(fd, found, sizeof(found));
	FUZZ_HOLDS(n >= 0 && (size_t)n == size);
	FUZZ_HOLDS(memcmp(expected, found, size) == 0);
}

/* As the service makes them. Nothing keeps another message's second name from
 * being the file of one with an id of another form. */
static bool is_usual(const char *id)
{
	size_t digits = strspn(id, "0123456789");
	return digits >= 20 && id[digits] == '_';
}

static void check_acknowledge(struct model *model, const char *id)
{
	FUZZ_HOLDS(ledger_delivered(model->mailbox->ledger, id));
	int ctl = open_found(model, id, ".ctl");
	FUZZ_HOLDS(ctl >= 0);
	struct stat st;
	FUZZ_HOLDS(fstat(ctl, &st) == 0 && st.st_size > 0);
	(void)close(ctl);
	const struct chunk *first = find_chunk(model, id, 1);
	if (model->full || !first || !is_usual(id))
		return;
	int dat = open_found(model, id, ".dat");
	FUZZ_HOLDS(dat >= 0 || first->report);
	if (dat < 0)
		return;
	check_content(model, id, dat);
	(void)close(dat);
}

/* --- the conversation --- */

static const char *look(void *ctx, const struct http_request *request)
{
	char id[TEXT_ID_SIZE];
	unsigned chunk;
	if (request->method == HTTP_PUT) {
		FUZZ_HOLDS(strstr(request->path, "/status/acknowledged"));
		FUZZ_HOLDS(read_path(request->path, id, &chunk));
		check_acknowledge(ctx, id);
	}
	return NULL;
}

static void note(void *ctx, const struct http_request *request, int r,
		 const struct http_reply *reply, const struct fuzz_piece *body)
{
	char id[TEXT_ID_SIZE];
	unsigned chunk;
	if (r == 0 && request->method == HTTP_GET &&
	    (reply->status == 200 || reply->status == 206) &&
	    read_path(request->path, id, &chunk))
		remember(ctx, id, chunk, reply, body);
}

/* --- lives of a mailbox --- */

static int64_t wall_ns(void)
{
	return INT64_C(1795342800) * 1000000000;
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
		.go_on = answers_go_on,
		.ctx = client,
	};
	for (unsigned i = 0; i < TURNS && answers_go_on(client); i++) {
		struct err err;
		bool more = false;
		int r = incoming_run(&turn, &more, &err);
		FUZZ_HOLDS(r == 0 || err.text[0] != '\0');
		if (client->full)
			answers_revive(client);
		/* what was put aside is tried again */
		for (size_t k = 0; k < mailbox->in.poison_count; k++)
			mailbox->in.poison[k].due_ns = 0;
	}
}

static void live(const struct conf *conf, const struct conf_mailbox *set,
		 int state, struct model *model, struct http_client *client)
{
	struct mailbox *mailbox;
	struct err err;
	int r = mailbox_open(conf, set, state, &mailbox, &err);
	FUZZ_HOLDS(r == 0);
	r = recover_mailbox(mailbox, &err);
	FUZZ_HOLDS(r == 0);
	model->mailbox = mailbox;
	run(mailbox, conf, client);
	answers_revive(client);
	(void)mailbox_close(mailbox); /* always NULL */
}

/* Data that is published has its control file, or a record that will bring
 * it: after a whole life without answers it is there. */
static void check_entry(struct model *model, int dirfd, const char *name)
{
	char stem[TEXT_NAME_SIZE];
	char ctl[TEXT_NAME_SIZE + 8];
	struct stat st;
	if (!text_is_file_name(name))
		return;
	scan_stem(name, stem);
	if (!find_chunk(model, stem, 1) || !is_usual(stem) ||
	    strcmp(name + strlen(stem), ".dat") != 0)
		return; /* no message's, but maybe a second name */
	(void)snprintf(ctl, sizeof(ctl), "%s.ctl", stem);
	FUZZ_HOLDS(fstatat(dirfd, ctl, &st, 0) == 0);
}

static void check_end(struct model *model, const char *root)
{
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		char path[640];
		(void)snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
		DIR *dir = opendir(path);
		if (!dir)
			continue;
		for (const struct dirent *entry = readdir(dir); entry;
		     entry = readdir(dir))
			check_entry(model, dirfd(dir), entry->d_name);
		(void)closedir(dir); /* it was only read */
	}
}

/* --- the input --- */

static bool has_word(const struct fuzz_piece *piece, const char *word)
{
	return piece->size > 0 &&
	       memmem(piece->data, piece->size, word, strlen(word));
}

/* Somebody's, of other sizes than any message here. */
static void take_names(void)
{
	static const char *const names[] = {
		"root/IN",
		"root/lab",
		"root/IN/20261122101500000000_ABCDEF.dat",
		"root/lab/20261122101500000000_ABCDE0.ctl",
		"root/lab/letter.pdf",
		"root/lab/letter~20261122101500000000_ABCDE0.pdf",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char path[600];
		(void)snprintf(path, sizeof(path), "%s/%s", fuzz_dir(),
			       names[i]);
		FUZZ_HOLDS(mkdir(path, 0700) == 0);
	}
}

static size_t read_words(const uint8_t *data, size_t size,
			 struct conf_mailbox *set,
			 struct conf_delivery *delivery, bool *ret_taken)
{
	static char filter[] = "LAB*";
	struct fuzz_piece piece = { .size = 0 };
	size_t at = 0;
	if (!fuzz_next(data, size, &at, &piece) || has_word(&piece, "HTTP") ||
	    piece.size > 100)
		return 0;
	*ret_taken = has_word(&piece, "taken");
	if (*ret_taken)
		take_names();
	delivery->second_name = has_word(&piece, "second");
	set->deliveries = delivery;
	set->delivery_count = has_word(&piece, "deliver") ? 1 : 0;
	set->workflow_filter = has_word(&piece, "filter") ? filter : NULL;
	return at < size ? at : size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char lab[] = "LAB*";
	static char ack[] = "ACK";
	static char *workflows[] = { lab, ack };
	static char folder[] = "lab";
	char root[600];
	log_set_level(0); /* nothing is said */
	int state = fuzz_empty("state");
	(void)close(fuzz_empty("root"));
	(void)snprintf(root, sizeof(root), "%s/root", fuzz_dir());
	struct conf_delivery delivery = {
		.workflows = { .items = workflows, .count = 2 },
		.folder = folder,
	};
	struct conf_mailbox set = {
		.id = "X26ABC1",
		.root = root,
		.max_messages = 50,
	};
	const struct conf conf = { .max_message = CONTENT_MOST };
	bool taken = false;
	size_t at = read_words(data, size, &set, &delivery, &taken);
	struct model *model = xcalloc(1, sizeof(*model));
	struct http_client client = {
		.data = data + at,
		.size = size - at,
		.before = look,
		.after = note,
		.ctx = model,
	};
	for (unsigned i = 0; i < LIVES && !client.at_end; i++)
		live(&conf, &set, state, model, &client);
	client.at_end = true;
	live(&conf, &set, state, model, &client);
	if (!taken)
		check_end(model, root);
	for (size_t i = 0; i < model->count; i++)
		free(model->chunks[i].data);
	free(model);
	(void)close(state);
	return 0;
}
