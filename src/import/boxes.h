/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * From the <Client> blocks to the mailbox files. Pure, as import/translate.
 */
#ifndef MESHDROP_IMPORT_BOXES_H
#define MESHDROP_IMPORT_BOXES_H

struct err;
struct fileset;
struct old;

/* Adds a mailbox file and a password for each, and notes. */
int boxes_translate(const struct old *old, struct fileset *set, struct err *err)
	__attribute__((warn_unused_result));

#endif
