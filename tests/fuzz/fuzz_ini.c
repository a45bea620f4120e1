/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* meshdrop.conf: whatever is in it, nothing leaks and every complaint can be
 * shown on a terminal. What is taken can be written, and read as the same. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "conf/conf.h"
#include "conf/ini.h"
#include "fuzz.h"
#include "fuzz_settings.h"

/* A relative path grows by its folder, and the reader has a limit. */
static bool has_long_line(const char *text)
{
	for (; *text != '\0'; text += strcspn(text, "\n") + 1)
		if (strcspn(text, "\n") > 190)
			return true;
	return false;
}

static void write_and_read(const struct conf *conf)
{
	struct buf first;
	struct buf second;
	struct schema_load load;
	unsigned count;
	struct conf again = { .file = NULL };
	buf_init(&first, (size_t)1 << 20);
	buf_init(&second, (size_t)1 << 20);
	fuzz_print(SCHEMA_DAEMON, conf, &first);
	if (has_long_line(first.data)) {
		buf_release(&first);
		buf_release(&second);
		return;
	}
	fuzz_loader(SCHEMA_DAEMON, &again, &count, &load);
	ini_read(&load, first.data, first.len);
	schema_finish(&load);
	FUZZ_HOLDS(!load.failed);
	fuzz_print(SCHEMA_DAEMON, &again, &second);
	FUZZ_HOLDS(first.len == second.len &&
		   memcmp(first.data, second.data, first.len) == 0);
	schema_release(SCHEMA_DAEMON, &again);
	buf_release(&first);
	buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf conf = { .file = NULL };
	struct schema_load load;
	unsigned count;
	fuzz_loader(SCHEMA_DAEMON, &conf, &count, &load);
	char *text = fuzz_text(data, size);
	ini_read(&load, text, size);
	schema_finish(&load);
	FUZZ_HOLDS(load.failed == (count > 0));
	if (!load.failed)
		write_and_read(&conf);
	free(text);
	schema_release(SCHEMA_DAEMON, &conf);
	return 0;
}
