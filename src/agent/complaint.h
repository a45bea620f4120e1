/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Saying a lasting failure at once, then ever more rarely, then once when it
 * has cleared. Pure: the caller gives the time and does the saying.
 */
#ifndef MESHDROP_AGENT_COMPLAINT_H
#define MESHDROP_AGENT_COMPLAINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct complaint {
	char text[ERR_TEXT_MAX]; /* "": nothing is wrong */
	enum err_code code;
	unsigned times; /* raised since the last clear */
	unsigned said;
	int64_t next_ns; /* monotonic: silent until then */
};

/* True when this is the moment to say it: another code, or the same after its
 * silence (1 minute, doubling up to an hour). The words of one cause may
 * change from try to try; that alone is nothing new. */
bool complaint_raise(struct complaint *complaint, enum err_code code,
		     const char *text, int64_t mono_ns);
/* True when there was something to clear. */
bool complaint_clear(struct complaint *complaint);

#endif
