/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Records and ledger as they lie on disk after anything.
 *
 * The first byte says what the rest is: a job's record, a delivery's or the
 * ledger, and whether each line is given a right sum, without which nothing
 * behind the first check would be reached.
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

static int open_folder(const char *name)
{
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/%s", fuzz_dir(), name);
	(void)mkdir(path, 0700); /* there already, from the second call on */
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_HOLDS(fd >= 0);
	return fd;
}

static void read_job(int dirfd)
{
	struct job job;
	struct err err;
	bool torn;
	job_init(&job);
	if (job_load(&job, dirfd, JOB, true, &torn, &err) == 0) {
		FUZZ_HOLDS(text_is_file_name(job.ctl_name));
		FUZZ_HOLDS(job.chunks_done <= job.chunk_count);
	} else {
		FUZZ_HOLDS(err.text[0] != '\0');
	}
	job_release(&job);
}

static void read_delivery(struct boxdir *box)
{
	struct delivery delivery;
	struct err err;
	delivery_init(&delivery);
	if (delivery_resume(&delivery, box, MESSAGE, &err) == 0)
		FUZZ_HOLDS(delivery.safe <= delivery.done);
	else
		FUZZ_HOLDS(err.text[0] != '\0');
	delivery_release(&delivery);
}

static void read_ledger(int dirfd)
{
	struct ledger *ledger = NULL;
	struct err err;
	if (ledger_open(dirfd, WALL_NS, &ledger, &err) < 0) {
		FUZZ_HOLDS(err.text[0] != '\0');
		return;
	}
	bool before = ledger_delivered(ledger, MESSAGE);
	int r = ledger_add_delivered(ledger, MESSAGE, 1, false, WALL_NS, &err);
	FUZZ_HOLDS(r == 0 && ledger_delivered(ledger, MESSAGE));
	(void)ledger_close(ledger); /* always NULL */
	/* What was durable is read again, whatever lay around it. */
	r = ledger_open(dirfd, WALL_NS, &ledger, &err);
	FUZZ_HOLDS(r == 0 && ledger_delivered(ledger, MESSAGE));
	(void)before;
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
	box.jobs = open_folder("jobs");
	box.inbound = open_folder("inbound");
	box.ledger = open_folder("ledger");
	box.temp = open_folder("temp");
	if (data[0] % 4 == 0) {
		write_file(box.jobs, JOB JOB_SUFFIX, &text);
		read_job(box.jobs);
	} else if (data[0] % 4 == 1) {
		write_file(box.inbound, MESSAGE DELIVERY_SUFFIX, &text);
		write_file(box.temp, MESSAGE ".part", &text);
		read_delivery(&box);
	} else {
		write_file(box.ledger, "2026-11.log", &text);
		read_ledger(box.ledger);
	}
	boxdir_release(&box);
	buf_release(&text);
	return 0;
}
