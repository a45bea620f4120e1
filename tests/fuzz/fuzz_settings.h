/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What the targets for settings files share: a loader that counts complaints
 * and looks at their words, and settings written as `meshdrop config` does.
 */
#ifndef MESHDROP_TESTS_FUZZ_SETTINGS_H
#define MESHDROP_TESTS_FUZZ_SETTINGS_H

#include "conf/schema.h"

struct buf;

/* target is zeroed and gets the presets. */
void fuzz_loader(enum schema_scope scope, void *target, unsigned *count,
		 struct schema_load *ret);

/* All that is set, as a file of the scope. */
void fuzz_print(enum schema_scope scope, const void *target, struct buf *ret);

#endif
