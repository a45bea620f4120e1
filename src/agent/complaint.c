/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/complaint.h"

#include "base/clock.h"
#include "base/text.h"

#define SILENCE_FIRST (60 * CLOCK_SECOND)
#define SILENCE_MOST (3600 * CLOCK_SECOND)

bool complaint_raise(struct complaint *complaint, enum err_code code,
		     const char *text, int64_t mono_ns)
{
	bool same = complaint->text[0] != '\0' && complaint->code == code;
	if (!same)
		*complaint = (struct complaint){ .code = code };
	(void)text_copy(complaint->text, sizeof(complaint->text), text);
	complaint->times++;
	if (same && mono_ns < complaint->next_ns)
		return false;
	complaint->next_ns = mono_ns + clock_backoff_ns(complaint->said,
							SILENCE_FIRST,
							SILENCE_MOST);
	complaint->said++;
	return true;
}

bool complaint_clear(struct complaint *complaint)
{
	bool was = complaint->text[0] != '\0';
	*complaint = (struct complaint){ .times = 0 };
	return was;
}
