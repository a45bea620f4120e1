/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The lines of a check: "ok", "warn" or "FAIL", whose matter it is, and what
 * was found or what to do.
 */
#ifndef MESHDROP_CLI_VERDICT_H
#define MESHDROP_CLI_VERDICT_H

struct verdict {
	unsigned good;
	unsigned warned;
	unsigned failed;
};

void verdict_ok(struct verdict *verdict, const char *subject, const char *fmt,
		...) __attribute__((format(printf, 3, 4)));
void verdict_warn(struct verdict *verdict, const char *subject, const char *fmt,
		  ...) __attribute__((format(printf, 3, 4)));
void verdict_fail(struct verdict *verdict, const char *subject, const char *fmt,
		  ...) __attribute__((format(printf, 3, 4)));
/* The last line: how many failed. */
void verdict_sum(const struct verdict *verdict);

#endif
