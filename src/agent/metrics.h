/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The numbers of status.json for a monitoring system: STATE_DIR/metrics.prom in
 * the text format of Prometheus, for node_exporter's textfile collector. Pure.
 */
#ifndef MESHDROP_AGENT_METRICS_H
#define MESHDROP_AGENT_METRICS_H

#include <stddef.h>

#include "base/json.h"

struct buf;
struct err;

#define METRICS_FILE "metrics.prom" /* the collector wants the ending */
#define METRICS_MAX ((size_t)8 << 20)

/* Of the object that becomes status.json. A number that is not there, or a time
 * that never was, has no line. Fails only when ret has no room. */
int metrics_compose(const json_t *status, struct buf *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
