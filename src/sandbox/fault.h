/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Faults on order: a queue of what shall go wrong with which request.
 *
 * A fault is a JSON object. Which request: method, path (a part of path and
 * query), skip (so many matching requests pass first), count (so many are
 * hit; 1). What happens: refuse (closed before the work), status (answered
 * with it instead of the work; with "after": true the work is done first),
 * body, content_type, headers (null takes one away), delay_ms (the answer is
 * held), cut_after (bytes of the body sent before the connection is closed),
 * drop_reply (closed after the work). Without status the work is done and its
 * answer bent.
 */
#ifndef MESHDROP_SANDBOX_FAULT_H
#define MESHDROP_SANDBOX_FAULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct reply;

/* NULL when it is a fault, else what is wrong with it. */
const char *fault_check(json_t *fault);
/* The first that fits is used up by one; the caller owns the result. */
json_t *fault_take(json_t *queue, const char *method, const char *target);

/* All take NULL for no fault. */
bool fault_is_set(const json_t *fault, const char *key);
int64_t fault_number(const json_t *fault, const char *key, int64_t otherwise);
/* Answers in place of the work. */
bool fault_is_instead(const json_t *fault);
void fault_bend(const json_t *fault, struct reply *reply);

#endif
