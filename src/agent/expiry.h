/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * How near the end of a certificate is, and which warning that deserves. Pure.
 */
#ifndef MESHDROP_AGENT_EXPIRY_H
#define MESHDROP_AGENT_EXPIRY_H

#include <limits.h>
#include <stdint.h>

#define EXPIRY_DAY INT64_C(86400)
#define EXPIRY_NONE INT_MAX

enum expiry {
	EXPIRY_EARLY, /* not valid yet */
	EXPIRY_GOOD,
	EXPIRY_SOON, /* within 60 days */
	EXPIRY_OVER,
};

/* Seconds since 1970, all of them. */
enum expiry expiry_of(int64_t not_before_s, int64_t not_after_s, int64_t now_s);
/* "not-yet-valid", "good", "expires", "expired". */
const char *expiry_name(enum expiry expiry);
/* Whole days left, rounded down; 0 or less when it is over. */
int64_t expiry_days(int64_t not_after_s, int64_t now_s);
/* The last warning that is due: 60, 30, 14 or 7 days before the end, then one
 * for each day down to 1; when it is over 0, and one less each day. It is to be
 * said when it is lower than the last one that was. */
int expiry_mark(int64_t not_after_s, int64_t now_s);

#endif
