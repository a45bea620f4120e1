/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What the table of settings cannot say about a mailbox file: names of folders,
 * patterns and templates, and settings that depend on each other.
 *
 * Runs after the keys were read. Only complains, but for one thing: a route
 * whose match has "{to}" goes to it unless the file says otherwise.
 */
#ifndef MESHDROP_CONF_CHECK_MAILBOX_H
#define MESHDROP_CONF_CHECK_MAILBOX_H

struct schema_load;

/* load->target is the struct conf_route or conf_delivery. */
void check_route(struct schema_load *load);
void check_delivery(struct schema_load *load);
/* load->target is the struct conf_mailbox. */
void check_mailbox(struct schema_load *load);

#endif
