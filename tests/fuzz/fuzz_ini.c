/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* meshdrop.conf: whatever is in it, nothing leaks and every complaint can be
 * shown on a terminal. */
#include "config.h"

#include <stdlib.h>

#include "conf/conf.h"
#include "conf/ini.h"
#include "fuzz.h"
#include "fuzz_settings.h"

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
	free(text);
	schema_release(SCHEMA_DAEMON, &conf);
	return 0;
}
