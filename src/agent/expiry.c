/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/expiry.h"

#include <stddef.h>

static const int steps[] = { 7, 14, 30, 60 };

#define LAST_STEP 60

enum expiry expiry_of(int64_t not_before_s, int64_t not_after_s, int64_t now_s)
{
	if (not_after_s <= now_s)
		return EXPIRY_OVER;
	if (not_before_s > now_s)
		return EXPIRY_EARLY;
	return not_after_s - now_s <= LAST_STEP * EXPIRY_DAY ? EXPIRY_SOON :
							       EXPIRY_GOOD;
}

const char *expiry_name(enum expiry expiry)
{
	switch (expiry) {
	case EXPIRY_EARLY:
		return "not-yet-valid";
	case EXPIRY_GOOD:
		return "good";
	case EXPIRY_SOON:
		return "expires";
	case EXPIRY_OVER:
		return "expired";
	}
	return "";
}

int64_t expiry_days(int64_t not_after_s, int64_t now_s)
{
	return (not_after_s - now_s) / EXPIRY_DAY;
}

int expiry_mark(int64_t not_after_s, int64_t now_s)
{
	int64_t left = not_after_s - now_s;
	if (left > LAST_STEP * EXPIRY_DAY)
		return EXPIRY_NONE;
	if (left <= 0)
		return left / EXPIRY_DAY < INT_MIN ? INT_MIN :
						     (int)(left / EXPIRY_DAY);
	/* A day that has begun counts whole: 60 from 60 days before. */
	int days = (int)((left + EXPIRY_DAY - 1) / EXPIRY_DAY);
	if (days <= steps[0])
		return days;
	size_t i = 0;
	while (days > steps[i])
		i++;
	return steps[i];
}
