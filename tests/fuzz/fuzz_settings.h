/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What the targets for settings files share: a loader that counts complaints
 * and looks at their words.
 */
#ifndef MESHDROP_TESTS_FUZZ_SETTINGS_H
#define MESHDROP_TESTS_FUZZ_SETTINGS_H

#include "conf/schema.h"

/* target is zeroed and gets the presets. */
void fuzz_loader(enum schema_scope scope, void *target, unsigned *count,
		 struct schema_load *ret);

#endif
