/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * A mailbox file: libyaml, reduced to plain nested mappings of scalars, and to
 * lists where the table has one.
 *
 * Refused with file and line: aliases, anchors, tags, several documents,
 * sequences where none belongs, duplicate keys, nesting over 4, anything after
 * the document, null values.
 */
#ifndef MESHDROP_CONF_YAML_H
#define MESHDROP_CONF_YAML_H

struct schema_load;

/* Offers every scalar to load as (parents, key, value). */
void yaml_read(struct schema_load *load, const char *text, unsigned long len);

#endif
