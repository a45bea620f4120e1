/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What the table of settings cannot say about meshdrop.conf: the form of the
 * address, files that must be there, and settings that depend on each other.
 *
 * Runs after all keys were read and only complains; the address is brought
 * into its short form, and plain_http is set; environment gives url, and a
 * proxy without a port is given one. Opens files to see that they can
 * be read but looks at no content except a time zone's first bytes.
 */
#ifndef MESHDROP_CONF_CHECK_H
#define MESHDROP_CONF_CHECK_H

struct schema_load;

/* load->target is the struct conf. */
void check_daemon(struct schema_load *load);

#endif
