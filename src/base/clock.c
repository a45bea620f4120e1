/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What int64_t nanoseconds can hold, in whole years. */
#define FIRST_YEAR 1970
#define LAST_YEAR 2261

int64_t clock_ns(const struct timespec *time)
{
	return (int64_t)time->tv_sec * CLOCK_SECOND + (int64_t)time->tv_nsec;
}

static int64_t read_clock(clockid_t id)
{
	struct timespec now;
	if (clock_gettime(id, &now) < 0)
		abort(); /* both clocks exist on every Linux */
	return clock_ns(&now);
}

int64_t clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_mono_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* --- writing --- */

/* Whole seconds, downwards also before 1970. */
static time_t seconds_of(int64_t wall_ns)
{
	int64_t seconds = wall_ns / CLOCK_SECOND;
	return (time_t)(wall_ns % CLOCK_SECOND < 0 ? seconds - 1 : seconds);
}

static struct tm utc_of(int64_t wall_ns)
{
	time_t seconds = seconds_of(wall_ns);
	struct tm tm;
	if (!gmtime_r(&seconds, &tm))
		abort(); /* the years 1677 to 2262 are all there is */
	return tm;
}

void clock_minute_utc(int64_t wall_ns, char ret[CLOCK_MINUTE_SIZE])
{
	struct tm tm = utc_of(wall_ns);
	(void)strftime(ret, CLOCK_MINUTE_SIZE, "%Y%m%d%H%M", &tm); /* fits */
}

void clock_stamp_utc(int64_t wall_ns, char ret[CLOCK_STAMP_SIZE])
{
	struct tm tm = utc_of(wall_ns);
	(void)strftime(ret, CLOCK_STAMP_SIZE, "%Y%m%d%H%M%S", &tm); /* fits */
}

void clock_stamp_local(int64_t wall_ns, char ret[CLOCK_STAMP_SIZE])
{
	time_t seconds = seconds_of(wall_ns);
	struct tm tm;
	if (!localtime_r(&seconds, &tm))
		abort(); /* as in utc_of */
	(void)strftime(ret, CLOCK_STAMP_SIZE, "%Y%m%d%H%M%S", &tm); /* fits */
}

void clock_iso(int64_t wall_ns, char ret[CLOCK_ISO_SIZE])
{
	struct tm tm = utc_of(wall_ns);
	int64_t rest = wall_ns % CLOCK_SECOND;
	if (rest < 0)
		rest += CLOCK_SECOND;
	size_t len = strftime(ret, CLOCK_ISO_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(ret + len, CLOCK_ISO_SIZE - len, ".%03uZ",
		       (unsigned)(rest / CLOCK_MS) % 1000u); /* fits */
}

/* --- reading --- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A cursor over the text; ok falls once and stays down. */
struct scan {
	const char *at;
	bool ok;
};

static int take_number(struct scan *scan, int digits, int least, int most)
{
	int value = 0;
	for (int i = 0; i < digits && scan->ok; i++) {
		scan->ok = is_digit(*scan->at);
		if (scan->ok)
			value = value * 10 + (*scan->at++ - '0');
	}
	scan->ok = scan->ok && value >= least && value <= most;
	return value;
}

static bool take_optional(struct scan *scan, char c)
{
	if (!scan->ok || *scan->at != c)
		return false;
	scan->at++;
	return true;
}

static void take(struct scan *scan, char c)
{
	scan->ok = take_optional(scan, c);
}

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30,
				    31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return month == 2 && leap ? 29 : days[month - 1];
}

/* With marks: 2026-11-22T07:06:00, without: 20261122070600. */
static struct tm take_time(struct scan *scan, bool marks)
{
	struct tm tm = { .tm_isdst = 0 };
	int year = take_number(scan, 4, FIRST_YEAR, LAST_YEAR);
	if (marks)
		take(scan, '-');
	int month = take_number(scan, 2, 1, 12);
	if (marks)
		take(scan, '-');
	if (!scan->ok)
		return tm;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = take_number(scan, 2, 1, days_in_month(year, month));
	if (marks && !take_optional(scan, ' '))
		take(scan, 'T');
	tm.tm_hour = take_number(scan, 2, 0, 23);
	if (marks)
		take(scan, ':');
	tm.tm_min = take_number(scan, 2, 0, 59);
	if (marks)
		take(scan, ':');
	tm.tm_sec = take_number(scan, 2, 0, 60); /* 60: a leap second */
	return tm;
}

/* ".5" and ",5" and any number of digits; those after the ninth are lost. */
static int64_t take_fraction(struct scan *scan)
{
	if (!take_optional(scan, '.') && !take_optional(scan, ','))
		return 0;
	scan->ok = is_digit(*scan->at);
	int64_t ns = 0;
	int64_t worth = CLOCK_SECOND;
	for (; is_digit(*scan->at); scan->at++) {
		worth /= 10;
		ns += worth * (*scan->at - '0');
	}
	return ns;
}

/* Z, +01:00, +0100, +01 or nothing. */
static int64_t take_zone(struct scan *scan)
{
	if (take_optional(scan, 'Z'))
		return 0;
	bool east = take_optional(scan, '+');
	if (!east && !take_optional(scan, '-'))
		return 0;
	int64_t minutes = INT64_C(60) * take_number(scan, 2, 0, 23);
	bool colon = take_optional(scan, ':');
	if (colon || (scan->ok && *scan->at))
		minutes += take_number(scan, 2, 0, 59);
	return (east ? minutes : -minutes) * 60 * CLOCK_SECOND;
}

bool clock_parse(const char *text, int64_t *ret_wall_ns)
{
	struct scan scan = { .at = text, .ok = true };
	bool marks = strcspn(text, "-") == 4;
	struct tm tm = take_time(&scan, marks);
	int64_t fraction = marks ? take_fraction(&scan) : 0;
	int64_t ahead = marks ? take_zone(&scan) : 0;
	if (!scan.ok || *scan.at)
		return false;
	*ret_wall_ns = (int64_t)timegm(&tm) * CLOCK_SECOND + fraction - ahead;
	return true;
}

/* --- waiting --- */

int64_t clock_backoff_ns(unsigned failures, int64_t first_ns, int64_t most_ns)
{
	int64_t wait = first_ns;
	for (unsigned i = 0; i < failures && wait > 0 && wait < most_ns; i++) {
		if (wait > most_ns / 2)
			return most_ns;
		wait *= 2;
	}
	return wait < most_ns ? wait : most_ns;
}
