/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Time: two clocks and the forms in which times are written.
 *
 * Only agent, cli and sandbox read a clock; everything below them is given the
 * time. Wall time is nanoseconds since 1970 UTC, monotonic time nanoseconds
 * since an unknown start; they are never mixed. Local time is that of TZ,
 * which the programs set from the timezone setting before any thread starts.
 */
#ifndef MESHDROP_BASE_CLOCK_H
#define MESHDROP_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_SECOND INT64_C(1000000000)
#define CLOCK_MS INT64_C(1000000)

#define CLOCK_MINUTE_SIZE 13 /* yyyyMMddHHmm */
#define CLOCK_STAMP_SIZE 15  /* yyyyMMddHHmmss */
#define CLOCK_ISO_SIZE 25    /* 2026-11-22T07:06:00.123Z */

/* Of a time as the system gives it, such as a file's. */
int64_t clock_ns(const struct timespec *time);
int64_t clock_wall_ns(void);
int64_t clock_mono_ns(void);

/* UTC, as the Authorization token wants it. */
void clock_minute_utc(int64_t wall_ns, char ret[CLOCK_MINUTE_SIZE]);
void clock_stamp_utc(int64_t wall_ns, char ret[CLOCK_STAMP_SIZE]);
/* Local time, as a StatusRecord wants it. */
void clock_stamp_local(int64_t wall_ns, char ret[CLOCK_STAMP_SIZE]);
void clock_iso(int64_t wall_ns, char ret[CLOCK_ISO_SIZE]);

/* Reads what the service sends: yyyyMMddHHmmss, or ISO 8601 with or without
 * fraction and zone; no zone means UTC. False when it is neither. */
bool clock_parse(const char *text, int64_t *ret_wall_ns);

/* How long to wait before the next attempt: doubles from first with each
 * failure (0 is the first) up to most. */
int64_t clock_backoff_ns(unsigned failures, int64_t first_ns, int64_t most_ns);

#endif
