/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "fuzz_settings.h"

#include "fuzz.h"

static void count_complaint(void *ctx, bool fatal, const char *text)
{
	unsigned *count = ctx;
	if (fatal)
		(*count)++;
	for (const char *c = text; *c != '\0'; c++)
		FUZZ_HOLDS((unsigned char)*c >= 0x20 && *c != 0x7f);
}

void fuzz_loader(enum schema_scope scope, void *target, unsigned *count,
		 struct schema_load *ret)
{
	*count = 0;
	schema_preset(scope, target);
	*ret = (struct schema_load){
		.scope = scope,
		.target = target,
		.file = "/etc/meshdrop/fuzz",
		.report = count_complaint,
		.ctx = count,
	};
}
