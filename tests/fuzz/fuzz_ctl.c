/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* A control file that somebody dropped: what is read can be written, and what
 * is written is read as the same again. */
#include "config.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "fuzz.h"
#include "spool/ctl.h"

static void write_and_read(const struct ctl *ctl)
{
	AUTO_BUF struct buf first;
	AUTO_BUF struct buf second;
	buf_init(&first, (size_t)1 << 20);
	buf_init(&second, (size_t)1 << 20);
	struct ctl again;
	struct err err;
	ctl_write(ctl, &first);
	if (first.len > CTL_SIZE_MAX)
		return; /* markup grew: our own files may be larger */
	int r = ctl_read(first.data, first.len, &again, &err);
	FUZZ_HOLDS(r == 0);
	ctl_write(&again, &second);
	FUZZ_HOLDS(first.len == second.len &&
		   memcmp(first.data, second.data, first.len) == 0);
	ctl_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctl ctl;
	struct err err;
	ctl_init(&ctl);
	if (ctl_read((const char *)data, size, &ctl, &err) < 0) {
		FUZZ_HOLDS(err.text[0] != '\0');
		return 0;
	}
	int r = ctl_check_out(&ctl, "X26ABC1", &err);
	FUZZ_HOLDS(r == 0 || err.text[0] != '\0');
	write_and_read(&ctl);
	ctl_release(&ctl);
	return 0;
}
