/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Secrets: passwords and keys, from files only.
 *
 * The file must be a regular one that others cannot read (mode & 077 is
 * refused, except group read when the owner is root and the group is root's or
 * the process's own: systemd shows its credentials as root:root 0440) and whose
 * owner is root or the process. One trailing newline is not
 * part of the secret; an empty secret or one with control bytes or over
 * SECRET_MAX bytes is refused. The text of an error never shows content.
 */
#ifndef MESHDROP_CONF_SECRET_H
#define MESHDROP_CONF_SECRET_H

#include <stddef.h>

struct err;
struct stat;

#define SECRET_MAX 512

struct secret {
	char text[SECRET_MAX + 1];
};

int secret_load(const char *path, struct secret *ret, struct err *err)
	__attribute__((warn_unused_result));
/* The rule about mode and owner alone; path is for the text. */
int secret_check(const char *path, const struct stat *st, struct err *err)
	__attribute__((warn_unused_result));
void secret_wipe(struct secret *secret);

#endif
