/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The daemon from start to end.
 */
#ifndef MESHDROP_AGENT_SERVICE_H
#define MESHDROP_AGENT_SERVICE_H

#include <stdbool.h>

/* Exit codes, as in sysexits.h. */
enum service_exit {
	SERVICE_OK = 0,
	SERVICE_FAILED = 1,
	SERVICE_USAGE = 64,
	SERVICE_BUSY = 75,
	SERVICE_CONFIG = 78,
};

/* Checks the settings and says on standard error what is wrong. */
enum service_exit service_check(const char *conf_path);
/* Runs until told to stop, or for one cycle. */
enum service_exit service_run(const char *conf_path, bool once);

#endif
