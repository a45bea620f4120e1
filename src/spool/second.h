/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The second name of a received message: what its sender called the file, made
 * safe. Pure.
 *
 * The sender decides what stands there, so nothing of it is believed. One
 * component; '_' stands for each control byte, each byte that is not UTF-8, for
 * '/', '\', ':', '*', '?', '"', '<', '>' and '|', for dots, dashes and blanks at
 * the start and for dots and blanks at the end. At most SECOND_MAX bytes: the
 * part before the extension is cut, between characters. A '_' at the end of a
 * name that would be taken for a control file ("x.ctl") or for the data of
 * another message (the form of an id, and ".dat").
 */
#ifndef MESHDROP_SPOOL_SECOND_H
#define MESHDROP_SPOOL_SECOND_H

#include <stdbool.h>

#include "base/text.h"

#define SECOND_MAX 200 /* without the '_' at the end */

/* False: there is none, because nothing was said or it is the message's own
 * name. file_name may have been through text_escape. */
bool second_name(const char *file_name, const char *id,
		 char ret[TEXT_NAME_SIZE]);
/* Where that name is taken: "stem~ID.extension". */
void second_aside(const char *name, const char *id, char ret[TEXT_NAME_SIZE]);

#endif
