/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Records and ledger as they lie on disk after anything.
 *
 * The first byte says what the rest is: a job's record, a delivery's or the
 * ledger, and whether each line is given a right sum, without which nothing
 * behind the first check would be reached. What could be read is gone on with,
 * and must then be read again as it was.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "fuzz.h"
#include "spool/boxdir.h"
#include "spool/delivery.h"
#include "spool/job.h"
#include "spool/job_fields.h"
#include "spool/ledger.h"

#define WALL_NS (INT64_C(1795342800) * 1000000000) /* November 2026 */
#define JOB "20261122101500123-0123abcd"
#define MESSAGE "20261122101500000000_ABCDEF"

static void put(struct buf *ret, const void *data, size_t len)
{
	FUZZ_HOLDS(buf_append(ret, data, len));
}

static void put_with_sums(struct buf *ret, const uint8_t *data, size_t size)
{
	size_t at = 0;
	while (at < size) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		size_t len = end ? (size_t)(end - data) - at : size - at;
		char sum[16];
		int n = snprintf(sum, sizeof(sum), " #%08lx\n",
				 crc32(0, data + at, (unsigned)len));
		put(ret, data + at, len);
		put(ret, sum, (size_t)n);
		at += len + 1;
	}
}

static void write_file(int dirfd, const char *name, const struct buf *text)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0600);
	FUZZ_HOLDS(fd >= 0);
	FUZZ_HOLDS(write(fd, text->data, text->len) == (ssize_t)text->len);
	FUZZ_HOLDS(close(fd) == 0);
}

/* All facts that the state's line carries, as text. */
static void show_job(const struct job *job, struct buf *ret)
{
	struct job_facts facts;
	job_facts_make(job, &facts);
	FUZZ_HOLDS(record_format(ret, 1, WALL_NS, job_state_name(job->state),
				 facts.fields, facts.count));
}

/* What was read can be gone on with, and is read again as the same. */
static void move_on(struct job *job, const struct boxdir *box)
{
	struct buf before;
	struct buf after;
	struct job again;
	struct err err;
	bool torn;
	buf_init(&before, (size_t)1 << 20);
	buf_init(&after, (size_t)1 << 20);
	for (unsigned to = 0; to < JOB_STATE_COUNT; to++) {
		if (!job_may_move(job->state, (enum job_state)to) ||
		    to == JOB_OPEN || to == JOB_DEFERRED || to == JOB_HELD)
			continue; /* those need facts of their own */
		if (job_move(job, (enum job_state)to, WALL_NS, &err) < 0)
			break; /* the record is full */
		show_job(job, &before);
		FUZZ_HOLDS(job_load(&again, box->jobs, JOB, false, &torn,
				    &err) == 0);
		show_job(&again, &after);
		FUZZ_HOLDS(!torn && before.len == after.len &&
			   memcmp(before.data, after.data, before.len) == 0);
		job_release(&again);
		break;
	}
	buf_release(&before);
	buf_release(&after);
}

static void read_job(const struct boxdir *box)
{
	struct job job;
	struct err err;
	bool torn;
	job_init(&job);
	if (job_load(&job, box->jobs, JOB, true, &torn, &err) == 0) {
		FUZZ_HOLDS(text_is_file_name(job.ctl_name));
		FUZZ_HOLDS(job.state != JOB_OPEN ||
			   job.chunks_done < job.chunk_count);
		move_on(&job, box);
	} else {
		FUZZ_HOLDS(err.text[0] != '\0');
	}
	job_release(&job);
}

static void fetch_next(struct delivery *delivery, struct boxdir *box)
{
	struct err err;
	unsigned done = delivery->done;
	uint64_t size = delivery->size;
	int r = delivery_write(delivery, "x", 1, &err);
	if (r == 0)
		r = delivery_chunk_done(delivery, box, delivery->count, true,
					WALL_NS, &err);
	if (r < 0 || delivery->done == delivery->count)
		return; /* full, or the last one, which is not recorded */
	FUZZ_HOLDS(delivery->done == done + 1 && delivery->size == size + 1);
	r = delivery_resume(delivery, box, MESSAGE, &err);
	FUZZ_HOLDS(r == 0 && delivery->state == DELIVERY_FETCHING);
	FUZZ_HOLDS(delivery->done == done + 1 && delivery->size == size + 1);
}

static void read_delivery(struct boxdir *box)
{
	struct delivery delivery;
	struct err err;
	delivery_init(&delivery);
	if (delivery_resume(&delivery, box, MESSAGE, &err) == 0) {
		FUZZ_HOLDS(delivery.safe <= delivery.done);
		if (delivery.state == DELIVERY_FETCHING)
			fetch_next(&delivery, box);
	} else {
		FUZZ_HOLDS(err.text[0] != '\0');
	}
	delivery_release(&delivery);
}

/* Other months lie there, too, and the newest may be one to come. */
static void put_months(int dirfd, uint8_t which)
{
	static const char *const names[] = { "2026-10.log", "2026-12.log",
					     "2020-01.log", "2026-09.log" };
	struct buf line;
	buf_init(&line, 1000);
	const struct record_field field = { "id", "OLDER" };
	FUZZ_HOLDS(record_format(&line, 1, WALL_NS, "DELIVERED", &field, 1));
	for (size_t i = 0; i < 4; i++)
		if ((which & 1u << i) != 0)
			write_file(dirfd, names[i], &line);
	buf_release(&line);
}

static void read_ledger(int dirfd)
{
	struct ledger *ledger = NULL;
	struct err err;
	if (ledger_open(dirfd, WALL_NS, &ledger, &err) < 0) {
		FUZZ_HOLDS(err.text[0] != '\0');
		return;
	}
	char local[400];
	struct job job;
	job_init(&job);
	(void)snprintf(job.id, sizeof(job.id), "%s", JOB);
	(void)snprintf(job.ctl_name, sizeof(job.ctl_name), "a b%%.ctl");
	(void)snprintf(job.local_id, sizeof(job.local_id), "new");
	job.state = JOB_ACCEPTED;
	job.opening_ns = WALL_NS;
	(void)snprintf(local, sizeof(local), "%s", ledger_last_local(ledger));
	bool known = local[0] == '\0' || ledger_sent_local(ledger, local);
	FUZZ_HOLDS(known);
	int r = ledger_add_delivered(ledger, MESSAGE, 1, false, WALL_NS, &err);
	FUZZ_HOLDS(r == 0 && ledger_delivered(ledger, MESSAGE));
	bool had = ledger_has_job(ledger, JOB);
	r = ledger_add_sent(ledger, &job, WALL_NS, &err);
	FUZZ_HOLDS(r == 0 && ledger_has_job(ledger, JOB));
	(void)ledger_close(ledger); /* always NULL */
	/* What was durable is read again, whatever lay around it. */
	r = ledger_open(dirfd, WALL_NS, &ledger, &err);
	FUZZ_HOLDS(r == 0 && ledger_delivered(ledger, MESSAGE));
	FUZZ_HOLDS(ledger_has_job(ledger, JOB));
	FUZZ_HOLDS(had || ledger_sent_local(ledger, "new"));
	FUZZ_HOLDS(local[0] == '\0' || ledger_sent_local(ledger, local));
	(void)ledger_close(ledger);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 65536)
		return 0;
	struct buf text;
	buf_init(&text, (size_t)4 << 20);
	if ((data[0] & 4) != 0)
		put_with_sums(&text, data + 1, size - 1);
	else
		put(&text, data + 1, size - 1);
	struct boxdir box;
	boxdir_init(&box);
	box.jobs = fuzz_empty("jobs");
	box.inbound = fuzz_empty("inbound");
	box.ledger = fuzz_empty("ledger");
	box.temp = fuzz_empty("temp");
	if (data[0] % 4 == 0) {
		write_file(box.jobs, JOB JOB_SUFFIX, &text);
		read_job(&box);
	} else if (data[0] % 4 == 1) {
		write_file(box.inbound, MESSAGE DELIVERY_SUFFIX, &text);
		write_file(box.temp, MESSAGE ".part", &text);
		read_delivery(&box);
	} else {
		bool old = (data[0] & 8) != 0; /* a new month begins */
		write_file(box.ledger, old ? "2026-10.log" : "2026-11.log",
			   &text);
		put_months(box.ledger, data[0] >> 4);
		read_ledger(box.ledger);
	}
	boxdir_release(&box);
	buf_release(&text);
	return 0;
}
