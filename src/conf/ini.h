/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * meshdrop.conf: inih behind a reader that refuses what inih would silently
 * change.
 *
 * Refused with file and line: a line longer than inih's buffer, a NUL byte, an
 * indented line (it would continue the value before), an inline comment
 * (" ;" inside a value), a section name that is too long, a key outside a
 * section, a line that is neither. A UTF-8 byte order mark is accepted.
 */
#ifndef MESHDROP_CONF_INI_H
#define MESHDROP_CONF_INI_H

struct schema_load;

/* Offers every key to load; complaints go there. */
void ini_read(struct schema_load *load, const char *text, unsigned long len);

#endif
