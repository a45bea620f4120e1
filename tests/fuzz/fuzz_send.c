/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Sending as a whole: a pair in OUT, whole turns over some lives of the
 * mailbox, every answer from the input (tests/fuzz/answers).
 *
 * Pieces of the input: words, control file, data, then answers. The words:
 * "chunks" for a limit of a few bytes, "resend" or "fail" as on_ambiguous,
 * "none" for no local id of ours, "inbox" to receive as well, "before" for a
 * message that was sent earlier. With "record" the pair lies in TEMP already,
 * and the control file's piece is followed by one with the job's record, whose
 * lines get right sums; "@CTL@" and "@DAT@" in it are the files' identities.
 *
 * What must hold, whatever the service says: a message that may have been
 * taken is sent again only after tracking was asked twice, one that was taken
 * never; what is sent is the data; and the data is in exactly one place, SENT
 * if the service took it. Then the service is honest, and knows of no message
 * but the earlier one: every job comes to its end, or is held for an operator.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <zlib.h>

#include "agent/mailbox.h"
#include "agent/recover.h"
#include "agent/turn.h"
#include "answers.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "fuzz.h"
#include "mesh/proto.h"
#include "mesh/reply.h"
#include "net/gz.h"
#include "spool/pair.h"

#define LIVES 8
#define TURNS 20
#define HONEST_TURNS 200 /* one chunk each, and some to ask and wait */
#define JOB "20261122101500123-0123abcd"
#define CHUNK 16u
#define DATA_MOST ((size_t)1000)
#define MARK "DATA:" /* so that no control file looks like it */

struct model {
	struct http_client *client;
	const uint8_t *data; /* with its mark */
	size_t size;
	bool resends; /* the site wants it so */
	bool receives;
	bool given; /* a record came with the input: what was before is not
		       * known */
	bool accepted;
	bool doubt;	 /* the only POST may have been taken */
	bool last_doubt; /* the last of several may have been taken */
	unsigned asked;	 /* answers of tracking since */
	bool known;	 /* one of them knew a message */
	bool honest;	 /* the input is at its end: see be_honest */
};

/* --- what is sent --- */

static int take(void *ctx, const void *data, size_t len, struct err *err)
{
	(void)err; /* the ceiling is ours */
	FUZZ_HOLDS(buf_append(ctx, data, len));
	return 0;
}

static void check_body(const struct model *model,
		       const struct http_request *request, size_t offset)
{
	struct buf raw;
	struct buf plain;
	struct err err;
	buf_init(&raw, DATA_MOST * 2);
	buf_init(&plain, DATA_MOST * 2);
	const struct http_source *source = request->source;
	FUZZ_HOLDS(source && source->length <= DATA_MOST * 2);
	char bytes[DATA_MOST * 2];
	ssize_t n = pread(source->fd, bytes, (size_t)source->length,
			  (off_t)source->offset);
	FUZZ_HOLDS(n >= 0 && (uint64_t)n == source->length);
	FUZZ_HOLDS(buf_append(&raw, bytes, (size_t)n));
	if (answers_field(request, "Content-Encoding")) {
		struct gz_reader *gz = gz_reader_new(0);
		int r = gz_reader_feed(gz, raw.data, raw.len, DATA_MOST * 2,
				       take, &plain, &err);
		FUZZ_HOLDS(r == 0 && gz_reader_between(gz));
		(void)gz_reader_free(gz); /* always NULL */
	} else {
		FUZZ_HOLDS(buf_append(&plain, raw.data, raw.len));
	}
	FUZZ_HOLDS(offset + plain.len <= model->size && plain.len > 0);
	FUZZ_HOLDS(memcmp(model->data + offset, plain.data, plain.len) == 0);
	buf_release(&raw);
	buf_release(&plain);
}

static bool ends_with(const char *text, const char *tail)
{
	size_t len = strlen(text);
	return len >= strlen(tail) &&
	       strcmp(text + len - strlen(tail), tail) == 0;
}

static void look_at_post(const struct model *model,
			 const struct http_request *request)
{
	FUZZ_HOLDS(!model->accepted);
	const char *range = answers_field(request, "Mex-Chunk-Range");
	if (ends_with(request->path, "/outbox")) {
		FUZZ_HOLDS(model->resends || !model->doubt ||
			   model->asked >= 2);
		FUZZ_HOLDS(!model->last_doubt || model->asked >= 1);
		check_body(model, request, 0);
	} else if (!model->given) {
		unsigned chunk = 0;
		unsigned count = 0;
		FUZZ_HOLDS(range && proto_range_parse(range, &chunk, &count));
		FUZZ_HOLDS(chunk >= 2);
		check_body(model, request, (chunk - 1) * CHUNK);
	}
}

/* --- a service that means well --- */

static const char *take_honestly(struct model *model,
				 const struct http_request *request)
{
	unsigned chunk = 1;
	unsigned count = 1;
	const char *range = answers_field(request, "Mex-Chunk-Range");
	look_at_post(model, request);
	FUZZ_HOLDS(!range || proto_range_parse(range, &chunk, &count));
	/* what a record from the input says of the files may be wrong, and
	 * then the last look ends the request */
	model->accepted = chunk == count && !model->given;
	return "HTTP/1.1 202 Accepted\r\n\r\n"
	       "{\"message_id\":\"20261122000000000000_HONEST\"}";
}

static const char *be_honest(struct model *model,
			     const struct http_request *request)
{
	bool outbox = strstr(request->path, "/outbox") != NULL;
	if (outbox && request->method == HTTP_POST)
		return take_honestly(model, request);
	if (outbox && ends_with(request->path, "earlier"))
		return "HTTP/1.1 200 OK\r\n\r\n"
		       "{\"messageId\":\"20261101000000000000_BEFORE\"}";
	if (outbox) {
		model->asked++;
		return "HTTP/1.1 404 Not Found\r\n\r\n"
		       "{\"errorEvent\":\"\",\"errorCode\":\"\","
		       "\"errorDescription\":\"Not Found\"}";
	}
	return "HTTP/1.1 200 OK\r\n\r\n{\"messages\":[]}";
}

static const char *look(void *ctx, const struct http_request *request)
{
	struct model *model = ctx;
	if (model->honest)
		return be_honest(model, request);
	bool outbox = strstr(request->path, "/outbox") != NULL;
	if (!outbox && request->method != HTTP_POST && model->receives)
		return NULL;
	if (!outbox && request->method == HTTP_GET)
		return "HTTP/1.1 200 OK\r\n\r\n{\"messages\":[]}";
	if (!outbox)
		return "HTTP/1.1 200 OK\r\n\r\n{}";
	if (request->method == HTTP_POST)
		look_at_post(ctx, request);
	return NULL;
}

/* --- what is answered --- */

/* Said plainly: not taken. */
static bool is_refusal(int r, const struct http_reply *reply)
{
	if (reply->sent == HTTP_SENT_NOTHING)
		return true;
	return r == 0 && reply->status >= 400 && reply->status < 500 &&
	       reply->status != 403 && reply->status != 408;
}

static void note_first(struct model *model, bool single, int r,
		       const struct http_reply *reply)
{
	char id[TEXT_ID_SIZE];
	bool taken = r == 0 && reply->status == 202 &&
		     reply_message_id(reply->body.data, reply->body.len, id);
	model->doubt = single && !is_refusal(r, reply);
	model->last_doubt = false;
	model->asked = 0;
	model->known = false;
	/* if it dies before the line is written it does not know */
	model->accepted = single && taken && !model->client->killed;
}

/* Only the last one can make the message whole. */
static void note_chunk(struct model *model, const char *range, int r,
		       const struct http_reply *reply)
{
	unsigned chunk;
	unsigned count;
	if (!proto_range_parse(range, &chunk, &count) || chunk < count)
		return;
	model->last_doubt = !is_refusal(r, reply);
	model->asked = 0;
	model->accepted = r == 0 && reply->status == 202 &&
			  !model->client->killed;
}

static void note(void *ctx, const struct http_request *request, int r,
		 const struct http_reply *reply, const struct fuzz_piece *body)
{
	(void)body; /* the reply has it */
	struct model *model = ctx;
	const char *range = answers_field(request, "Mex-Chunk-Range");
	if (!strstr(request->path, "/outbox"))
		return;
	if (request->method == HTTP_GET) {
		model->asked += r == 0 ? 1 : 0;
		model->known = model->known || (r == 0 && reply->status == 200);
	} else if (ends_with(request->path, "/outbox")) {
		note_first(model, !range, r, reply);
	} else if (range) {
		note_chunk(model, range, r, reply);
	}
}

/* --- lives --- */

/* Whatever waits for its time has waited. */
static void pass_time(struct mailbox *mailbox, bool receives)
{
	for (size_t i = 0; i < mailbox->out_count; i++)
		mailbox->out[i]->job.not_before_ns = 0;
	mailbox->handshake_due_ns = INT64_MAX;
	mailbox->poll_due_ns = receives ? 0 : INT64_MAX;
	mailbox->scan_due_ns = 0;
	mailbox->send_due_ns = 0;
	mailbox->contact_due_ns = 0;
}

static void live(const struct conf *conf, const struct conf_mailbox *set,
		 int state, struct http_client *client, bool final)
{
	const struct model *model = client->ctx;
	struct mailbox *mailbox;
	struct err err;
	int r = mailbox_open(conf, set, state, &mailbox, &err);
	FUZZ_HOLDS(r == 0);
	r = recover_mailbox(mailbox, &err);
	FUZZ_HOLDS(r == 0 || err.text[0] != '\0');
	unsigned idle = 0;
	for (unsigned i = 0; i < TURNS && idle < 2 && r == 0; i++) {
		struct turn_result result;
		unsigned before = client->exchanges;
		if (final)
			client->at_end = false; /* it will be so again */
		if (!answers_go_on(client))
			break;
		pass_time(mailbox, model->receives);
		turn_run(mailbox, client, answers_go_on, client, &result);
		if (client->full)
			answers_revive(client);
		idle += client->exchanges == before ? 1 : 0;
		if (final && i >= 2)
			break;
	}
	answers_revive(client);
	(void)mailbox_close(mailbox); /* always NULL */
}

/* The chunks in a record from the input need not be those of the data. */
static bool is_settled(const struct mailbox *mailbox, const struct model *model)
{
	for (size_t i = 0; i < mailbox->out_count; i++) {
		const struct job *job = &mailbox->out[i]->job;
		bool odd = model->given && job->chunk_count > 1;
		if (job->state != JOB_HELD && !odd)
			return false;
	}
	return true;
}

/* Whatever it was told before, it comes to an end with a service that means
 * well. */
static void live_well(const struct conf *conf, const struct conf_mailbox *set,
		      int state, struct http_client *client)
{
	struct model *model = client->ctx;
	struct mailbox *mailbox;
	struct err err;
	model->honest = true;
	client->at_end = false;
	FUZZ_HOLDS(mailbox_open(conf, set, state, &mailbox, &err) == 0);
	FUZZ_HOLDS(recover_mailbox(mailbox, &err) == 0);
	for (unsigned i = 0; i < HONEST_TURNS; i++) {
		struct turn_result result;
		pass_time(mailbox, model->receives);
		turn_run(mailbox, client, answers_go_on, client, &result);
		if (is_settled(mailbox, model))
			break;
	}
	FUZZ_HOLDS(is_settled(mailbox, model));
	(void)mailbox_close(mailbox); /* always NULL */
}

/* --- where the data is --- */

static bool is_data(int dirfd, const char *name, const struct model *model)
{
	char bytes[DATA_MOST + 64];
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	FUZZ_HOLDS(fd >= 0);
	ssize_t n = read(fd, bytes, sizeof(bytes));
	(void)close(fd); /* it was only read */
	return n >= 0 && (size_t)n == model->size &&
	       memcmp(bytes, model->data, model->size) == 0;
}

static unsigned count_data(const char *folder, const struct model *model)
{
	char path[600];
	unsigned count = 0;
	(void)snprintf(path, sizeof(path), "%s/root/%s", fuzz_dir(), folder);
	DIR *dir = opendir(path);
	FUZZ_HOLDS(dir != NULL);
	for (const struct dirent *entry = readdir(dir); entry;
	     entry = readdir(dir))
		if (entry->d_type == DT_REG &&
		    is_data(dirfd(dir), entry->d_name, model))
			count++;
	(void)closedir(dir); /* it was only read */
	return count;
}

static void check_end(const struct model *model)
{
	unsigned sent = count_data("SENT", model);
	FUZZ_HOLDS(sent + count_data("OUT", model) + count_data("TEMP", model) +
			   count_data("FAILED", model) ==
		   1);
	if (model->given)
		return;
	FUZZ_HOLDS(!model->accepted || sent == 1);
	FUZZ_HOLDS(sent == 0 || model->accepted || model->known ||
		   model->doubt || model->last_doubt);
}

/* --- the input --- */

struct input {
	struct fuzz_piece words;
	struct fuzz_piece ctl;
	struct fuzz_piece record;
	struct buf data;
	size_t at; /* the answers */
};

static bool has_word(const struct input *input, const char *word)
{
	return input->words.size > 0 &&
	       memmem(input->words.data, input->words.size, word, strlen(word));
}

static bool read_input(const uint8_t *bytes, size_t size, struct input *ret)
{
	struct fuzz_piece data;
	if (!fuzz_next(bytes, size, &ret->at, &ret->words) ||
	    !fuzz_next(bytes, size, &ret->at, &ret->ctl))
		return false;
	ret->record = (struct fuzz_piece){ .size = 0 };
	if (has_word(ret, "record") &&
	    !fuzz_next(bytes, size, &ret->at, &ret->record))
		return false;
	if (!fuzz_next(bytes, size, &ret->at, &data) ||
	    data.size > DATA_MOST - strlen(MARK) ||
	    memmem(ret->ctl.data, ret->ctl.size, MARK, strlen(MARK)))
		return false;
	return buf_puts(&ret->data, MARK) &&
	       buf_append(&ret->data, data.data, data.size);
}

static void write_file(const char *name, const void *data, size_t size,
		       char ret_identity[100])
{
	char path[600];
	struct stat st;
	struct scan_identity identity;
	(void)snprintf(path, sizeof(path), "%s/%s", fuzz_dir(), name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FUZZ_HOLDS(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	FUZZ_HOLDS(fstat(fd, &st) == 0 && close(fd) == 0);
	pair_identity(&st, &identity);
	(void)snprintf(ret_identity, 100, /* fits */
		       "%" PRIu64 ":%" PRIu64 ":%" PRId64 ":%" PRId64,
		       identity.inode, identity.size, identity.mtime_ns,
		       identity.ctime_ns);
}

static void put(struct buf *ret, const void *data, size_t len)
{
	FUZZ_HOLDS(buf_append(ret, data, len));
}

/* One line, with the identities in it and its sum behind it. */
static void put_line(struct buf *ret, const uint8_t *line, size_t len,
		     const char *ctl, const char *dat)
{
	size_t start = ret->len;
	for (size_t i = 0; i < len; i++) {
		bool mark = len - i >= 5 && ret->len < 100000;
		if (mark && memcmp(line + i, "@CTL@", 5) == 0) {
			put(ret, ctl, strlen(ctl));
			i += 4;
		} else if (mark && memcmp(line + i, "@DAT@", 5) == 0) {
			put(ret, dat, strlen(dat));
			i += 4;
		} else {
			put(ret, line + i, 1);
		}
	}
	char sum[16];
	int n = snprintf(sum, sizeof(sum), " #%08lx\n",
			 crc32(0, (const Bytef *)ret->data + start,
			       (uInt)(ret->len - start)));
	put(ret, sum, (size_t)n);
}

static void write_record(const struct fuzz_piece *piece, const char *ctl,
			 const char *dat)
{
	struct buf text;
	char identity[100];
	size_t at = 0;
	buf_init(&text, (size_t)4 << 20);
	while (at < piece->size) {
		const uint8_t *end = memchr(piece->data + at, '\n',
					    piece->size - at);
		size_t len = end ? (size_t)(end - piece->data) - at :
				   piece->size - at;
		put_line(&text, piece->data + at, len, ctl, dat);
		at += len + 1;
	}
	write_file("state/X26ABC1/jobs/" JOB ".job", text.data, text.len,
		   identity);
	buf_release(&text);
}

/* Tracking has to know this one. */
static void write_ledger(void)
{
	struct buf line;
	struct tm tm;
	char identity[100];
	char name[64];
	time_t now = time(NULL);
	const struct record_field fields[] = { { "job", "earlier" },
					       { "local_id", "earlier" } };
	buf_init(&line, DATA_MOST);
	FUZZ_HOLDS(record_format(&line, 1, (int64_t)now * 1000000000, "SENT",
				 fields, 2));
	FUZZ_HOLDS(gmtime_r(&now, &tm) != NULL);
	FUZZ_HOLDS(strftime(name, sizeof(name),
			    "state/X26ABC1/ledger/%Y-%m.log", &tm) > 0);
	write_file(name, line.data, line.len, identity);
	buf_release(&line);
}

static void make_folders(void)
{
	static const char *const names[] = {
		"root/OUT",
		"root/TEMP",
		"state/X26ABC1",
		"state/X26ABC1/jobs",
		"state/X26ABC1/ledger",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char path[600];
		(void)snprintf(path, sizeof(path), "%s/%s", fuzz_dir(),
			       names[i]);
		FUZZ_HOLDS(mkdir(path, 0700) == 0);
	}
}

static void lay_out(const struct input *input)
{
	char ctl[100];
	char dat[100];
	make_folders();
	bool given = input->record.size > 0;
	write_file(given ? "root/TEMP/" JOB ".ctl" : "root/OUT/a.ctl",
		   input->ctl.data, input->ctl.size, ctl);
	write_file(given ? "root/TEMP/" JOB ".dat" : "root/OUT/a.dat",
		   input->data.data, input->data.len, dat);
	if (has_word(input, "before"))
		write_ledger();
	if (given)
		write_record(&input->record, ctl, dat);
}

static void run(const struct input *input, struct http_client *client,
		int state)
{
	char root[600];
	(void)snprintf(root, sizeof(root), "%s/root", fuzz_dir());
	struct conf_mailbox set = {
		.id = "X26ABC1",
		.root = root,
		.save_sent = true,
		.max_messages = 10,
		.server_retry = 3,
		.report_collect = true,
		.report_transfer = true,
		.report_delay = true,
		.on_ambiguous = has_word(input, "resend") ? CONF_RESEND :
				has_word(input, "fail")	  ? CONF_FAIL :
							    CONF_HOLD,
		.local_id_generate = !has_word(input, "none"),
		.password = { .text = "password" },
	};
	const struct conf conf = {
		.chunk_size = CHUNK,
		.request_limit = has_word(input, "chunks") ? CHUNK : DATA_MOST,
		.poll_interval_ns = INT64_C(3600000000000),
		.max_message = DATA_MOST,
		.shared_key = { .text = "key" },
	};
	unsigned before =
		UINT_MAX; /* a life in which nothing was asked ends it */
	for (unsigned i = 0; i < LIVES && client->exchanges != before; i++) {
		before = client->exchanges;
		live(&conf, &set, state, client, false);
	}
	client->at = client->size + 1;
	live(&conf, &set, state, client, true);
	check_end(client->ctx);
	live_well(&conf, &set, state, client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { .at = 0 };
	log_set_level(0); /* nothing is said */
	buf_init(&input.data, DATA_MOST);
	if (!read_input(data, size, &input)) {
		buf_release(&input.data);
		return 0;
	}
	(void)close(fuzz_empty("root"));
	int state = fuzz_empty("state");
	lay_out(&input);
	struct model model = {
		.data = (const uint8_t *)input.data.data,
		.size = input.data.len,
		.resends = has_word(&input, "resend"),
		.receives = has_word(&input, "inbox"),
		.given = input.record.size > 0,
	};
	struct http_client client = {
		.data = data,
		.size = size,
		.at = input.at,
		.before = look,
		.after = note,
		.ctx = &model,
	};
	model.client = &client;
	run(&input, &client, state);
	check_end(&model);
	(void)close(state);
	buf_release(&input.data);
	return 0;
}
