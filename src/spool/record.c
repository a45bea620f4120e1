/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/record.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"

#define LINE_MAX_BYTES ((size_t)16 << 10)
#define SUM_DIGITS ((size_t)8)
#define SUM_SIZE (SUM_DIGITS + 2) /* with " #" */

/* CRC-32 of IEEE 802.3, bit by bit: a line is short. */
static uint32_t line_sum(const char *data, size_t len)
{
	uint32_t sum = UINT32_MAX;
	for (size_t i = 0; i < len; i++) {
		sum ^= (unsigned char)data[i];
		for (unsigned bit = 0; bit < 8; bit++)
			sum = (sum >> 1) ^ ((sum & 1) != 0 ? 0xedb88320u : 0u);
	}
	return ~sum;
}

/* --- facts of a line --- */

const char *record_get(const struct record_line *line, const char *key)
{
	for (size_t i = 0; i < line->field_count; i++)
		if (strcmp(line->fields[i].key, key) == 0)
			return line->fields[i].value;
	return NULL;
}

uint64_t record_get_u64(const struct record_line *line, const char *key,
			uint64_t preset)
{
	const char *value = record_get(line, key);
	uint64_t n = preset;
	if (value && !text_u64(value, UINT64_MAX, &n))
		n = preset;
	return n;
}

int64_t record_get_i64(const struct record_line *line, const char *key,
		       int64_t preset)
{
	const char *value = record_get(line, key);
	if (!value)
		return preset;
	bool minus = *value == '-';
	uint64_t n;
	if (!text_u64(value + (minus ? 1 : 0), INT64_MAX, &n))
		return preset;
	return minus ? -(int64_t)n : (int64_t)n;
}

/* --- writing a line --- */

static bool is_state(const char *s)
{
	size_t len = strlen(s);
	return len > 0 && len < RECORD_STATE_SIZE &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == len;
}

static bool is_key(const char *s)
{
	size_t len = strlen(s);
	return len > 0 && strspn(s, "abcdefghijklmnopqrstuvwxyz_") == len;
}

/* Bytes that would end a value or a line, or start the sum. */
static bool is_plain(char c)
{
	unsigned char byte = (unsigned char)c;
	return byte > ' ' && byte != '%' && byte != '#' && byte != 0x7f;
}

static bool put_value(struct buf *ret, const char *value)
{
	bool fits = true;
	for (; fits && *value; value++)
		fits = is_plain(*value) ?
			       buf_append(ret, value, 1) :
			       buf_printf(ret, "%%%02X",
					  (unsigned)(unsigned char)*value);
	return fits;
}

static bool put_field(struct buf *ret, const struct record_field *field)
{
	assert(is_key(field->key));
	return buf_printf(ret, " %s=", field->key) &&
	       put_value(ret, field->value);
}

static bool put_sum(struct buf *ret, size_t start)
{
	uint32_t sum = line_sum(ret->data + start, ret->len - start);
	return buf_printf(ret, " #%08" PRIx32 "\n", sum);
}

bool record_format(struct buf *ret, uint64_t sequence, int64_t wall_ns,
		   const char *state, const struct record_field *fields,
		   size_t count)
{
	assert(sequence > 0 && is_state(state) && count <= RECORD_FIELDS_MAX);
	size_t start = ret->len;
	char time[CLOCK_ISO_SIZE];
	clock_iso(wall_ns, time);
	bool fits = buf_printf(ret, "%" PRIu64 " %s %s", sequence, time, state);
	for (size_t i = 0; fits && i < count; i++)
		fits = put_field(ret, &fields[i]);
	fits = fits && put_sum(ret, start);
	if (!fits) {
		ret->len = start;
		ret->data[start] = '\0';
	}
	return fits;
}

/* --- reading a line --- */

/* Cuts the word before the next blank off; NULL at the end. */
static char *next_word(char **rest)
{
	char *word = *rest;
	if (!word)
		return NULL;
	char *blank = strchr(word, ' ');
	if (blank)
		*blank = '\0';
	*rest = blank ? blank + 1 : NULL;
	return word;
}

static bool hex_digit(char c, unsigned *ret)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;
	if (at)
		*ret = (unsigned)(at - digits);
	return at;
}

static bool decode(char *value)
{
	char *to = value;
	for (const char *from = value; *from; from++) {
		char c = *from;
		if (c == '%') {
			unsigned high;
			unsigned low;
			if (!hex_digit(from[1], &high) ||
			    !hex_digit(from[2], &low))
				return false;
			c = (char)(unsigned char)(high << 4 | low);
			from += 2;
		}
		*to++ = c;
	}
	*to = '\0';
	return true;
}

static bool parse_field(struct record_line *line, char *word)
{
	char *equals = strchr(word, '=');
	if (!equals || line->field_count == RECORD_FIELDS_MAX)
		return false;
	*equals = '\0';
	if (!is_key(word) || !decode(equals + 1))
		return false;
	line->fields[line->field_count++] = (struct record_field){
		.key = word, .value = equals + 1
	};
	return true;
}

static bool parse_words(struct record_line *line)
{
	char *rest = line->text;
	const char *number = next_word(&rest);
	const char *time = next_word(&rest);
	const char *state = next_word(&rest);
	if (!state || !text_u64(number, UINT64_MAX, &line->sequence) ||
	    line->sequence == 0 || !clock_parse(time, &line->wall_ns) ||
	    !is_state(state) ||
	    !text_copy(line->state, sizeof(line->state), state))
		return false;
	for (char *word = next_word(&rest); word; word = next_word(&rest))
		if (!parse_field(line, word))
			return false;
	return true;
}

/* len without the newline. A NUL is never ours. */
static bool is_whole(const char *text, size_t len)
{
	if (len <= SUM_SIZE || memchr(text, '\0', len))
		return false;
	char sum[SUM_SIZE + 1];
	(void)snprintf(sum, sizeof(sum), " #%08" PRIx32, /* fits */
		       line_sum(text, len - SUM_SIZE));
	return memcmp(text + len - SUM_SIZE, sum, SUM_SIZE) == 0;
}

bool record_parse(const char *text, size_t len, uint64_t sequence,
		  struct record_line *ret, size_t *ret_used)
{
	const char *end = memchr(text, '\n', len);
	if (!end || !is_whole(text, (size_t)(end - text)))
		return false;
	struct record_line line = { .sequence = 0 };
	line.text = xstrndup(text, (size_t)(end - text) - SUM_SIZE);
	if (!parse_words(&line) ||
	    (sequence != 0 && line.sequence != sequence)) {
		record_line_release(&line);
		return false;
	}
	*ret = line;
	*ret_used = (size_t)(end - text) + 1;
	return true;
}

void record_line_release(struct record_line *line)
{
	if (!line)
		return;
	free(line->text);
	line->text = NULL;
	line->field_count = 0;
}

/* --- files --- */

void record_init(struct record *record)
{
	*record = (struct record){ .fd = -1 };
}

void record_close(struct record *record)
{
	if (!record)
		return;
	/* every line was synced when it was written */
	mem_auto_close(&record->fd);
	record->fd = -1;
}

static int write_line(struct record *record, int64_t wall_ns, const char *state,
		      const struct record_field *fields, size_t count,
		      struct err *err)
{
	AUTO_BUF struct buf line;
	buf_init(&line, LINE_MAX_BYTES);
	if (!record_format(&line, record->sequence + 1, wall_ns, state, fields,
			   count) ||
	    record->end + line.len > RECORD_SIZE_MAX)
		return err_set(err, ERR_LIMIT,
			       "cannot add to the record '%s': it is full",
			       record->name);
	int r = fsx_pwrite(record->fd, record->name, line.data, line.len,
			   record->end, err);
	if (r < 0)
		return r;
	/* if we die here the line may be there, whole, torn or not at all */
	r = fsx_sync(record->fd, record->name, err);
	if (r < 0)
		return r;
	record->sequence++;
	record->end += line.len;
	return 0;
}

int record_append(struct record *record, int64_t wall_ns, const char *state,
		  const struct record_field *fields, size_t count,
		  struct err *err)
{
	assert(record->fd >= 0 && record->sequence > 0);
	return write_line(record, wall_ns, state, fields, count, err);
}

static int write_first(struct record *record, int dirfd, int64_t wall_ns,
		       const char *state, const struct record_field *fields,
		       size_t count, struct err *err)
{
	/* if we die here there is an empty record: it never was */
	int r = fsx_reserve(record->fd, record->name, RECORD_RESERVE, err);
	if (r < 0)
		return r;
	r = write_line(record, wall_ns, state, fields, count, err);
	if (r < 0)
		return r;
	/* if we die here the line is durable but its name may not be, and
	 * nothing was built on it */
	return fsx_sync_dir(dirfd, record->name, err);
}

int record_create(struct record *record, int dirfd, const char *name,
		  int64_t wall_ns, const char *state,
		  const struct record_field *fields, size_t count,
		  struct err *err)
{
	struct record made;
	record_init(&made);
	if (!text_copy(made.name, sizeof(made.name), name))
		return err_set(err, ERR_LIMIT,
			       "the name of the record '%.64s...' is too long",
			       name);
	int r = fsx_create(dirfd, name, 0600, &made.fd, err);
	if (r < 0)
		return r;
	r = write_first(&made, dirfd, wall_ns, state, fields, count, err);
	if (r < 0) {
		record_close(&made);
		if (fsx_remove(dirfd, name, NULL) < 0)
			err_prefix(err, "'%s' is left behind", name);
		return r;
	}
	*record = made;
	return 0;
}

/* What a write that was cut off leaves: the start of one line, or blocks
 * never written. A newline, or more behind a '#' than a sum, was a whole line
 * once: '#' is in no other place. */
static bool is_torn(const char *tail, size_t len)
{
	if (memchr(tail, '\n', len))
		return false;
	size_t used = strnlen(tail, len);
	const char *mark = memchr(tail, '#', used);
	return !mark || used - (size_t)(mark - tail) <= SUM_DIGITS + 1;
}

static int read_lines(struct record *record, const struct buf *text,
		      record_line_fn *fn, void *ctx, struct err *err)
{
	struct record_line line;
	size_t used = 0;
	while (record_parse(text->data + record->end, text->len - record->end,
			    record->sequence + 1, &line, &used)) {
		int r = fn ? fn(ctx, &line, err) : 0;
		record_line_release(&line);
		if (r < 0)
			return r;
		record->sequence++;
		record->end += used;
	}
	return 0;
}

static int read_all(struct record *record, record_line_fn *fn, void *ctx,
		    bool *ret_torn, struct err *err)
{
	AUTO_BUF struct buf text;
	buf_init(&text, RECORD_SIZE_MAX);
	int r = fsx_load_fd(record->fd, record->name, &text, err);
	if (r < 0)
		return r;
	r = read_lines(record, &text, fn, ctx, err);
	if (r < 0)
		return r;
	if (!is_torn(text.data + record->end, text.len - record->end))
		return err_set(err, ERR_INVALID,
			       "the record '%s' is damaged at line %" PRIu64
			       ": look at it, then resolve by hand",
			       record->name, record->sequence + 1);
	if (record->sequence == 0)
		return err_set(err, ERR_CORRUPT,
			       "the record '%s' was never finished",
			       record->name);
	*ret_torn = record->end < text.len;
	return 0;
}

/* After a kill the last line may be in memory only, and so may the name: what
 * we are about to build on must be durable, and so must the cut, or the rest
 * of a long torn line could stay behind a short new one. */
static int settle(const struct record *record, int dirfd, bool torn,
		  struct err *err)
{
	if (torn) {
		int r = fsx_truncate(record->fd, record->name, record->end,
				     err);
		if (r < 0)
			return r;
		/* the cut gave the blocks back; on a full disk the record
		 * has to do without */
		r = fsx_reserve(record->fd, record->name, RECORD_RESERVE, err);
		if (r < 0 && r != -ERR_NOSPACE)
			return r;
	}
	int r = fsx_sync(record->fd, record->name, err);
	return r < 0 ? r : fsx_sync_dir(dirfd, record->name, err);
}

int record_open(struct record *record, int dirfd, const char *name,
		bool writable, record_line_fn *fn, void *ctx, bool *ret_torn,
		struct err *err)
{
	struct record found;
	record_init(&found);
	(void)text_copy(found.name, sizeof(found.name), name); /* fsx checks */
	int r = writable ? fsx_open_own(dirfd, name, &found.fd, err) :
			   fsx_open_read(dirfd, name, &found.fd, NULL, err);
	if (r < 0)
		return r;
	bool torn = false;
	r = read_all(&found, fn, ctx, &torn, err);
	if (r == 0 && writable)
		r = settle(&found, dirfd, torn, err);
	if (r < 0) {
		record_close(&found);
		return r;
	}
	*record = found;
	*ret_torn = torn;
	return 0;
}
