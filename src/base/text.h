/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Strict reading of small texts, and the rules for names and header values.
 *
 * A reader takes a whole string and accepts all of it or nothing: no signs,
 * blanks or trailing characters that the form does not name. Outputs are
 * untouched on failure.
 */
#ifndef MESHDROP_BASE_TEXT_H
#define MESHDROP_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest message id, mailbox id and file name we handle, with the NUL. */
#define TEXT_ID_SIZE 129
#define TEXT_MAILBOX_SIZE 33
#define TEXT_NAME_SIZE 256
/* What MESH says of a message in a word or two, with the NUL. */
#define TEXT_EVENT_SIZE 16
#define TEXT_CODE_SIZE 64

bool text_u64(const char *s, uint64_t max, uint64_t *ret);
/* "20M", "4k", "100": decimal units k M G T, bytes without one. */
bool text_size(const char *s, uint64_t *ret);
/* "5m", "10s", "500ms", "24h", "35d", "0s"; a bare number is refused. */
bool text_duration(const char *s, int64_t *ret_ns);
/* yes/no true/false on/off, in any case. */
bool text_bool(const char *s, bool *ret);
/* Y/N as control files and mex headers have it, with the spellings seen in
 * the wild (TRUE, yes, 1 ...); false when it is none of them. */
bool text_flag(const char *s, bool *ret);

/* [A-Za-z0-9_-]{1,128}: safe in a URL and as a file name. */
bool text_is_message_id(const char *s);
/* [A-Za-z0-9_-]{1,32} */
bool text_is_mailbox_id(const char *s);
/* [A-Za-z0-9]{1,15}, as SEND: safe in the name of a file and bare in a log. */
bool text_is_event(const char *s);
/* [A-Za-z0-9 ._-]{1,63}, as 12, EPL-151, Invalid checksum. */
bool text_is_code(const char *s);
/* IN, OUT, SENT, FAILED or TEMP, in any letter case. */
bool text_is_own_folder(const char *s);
/* One component that may be opened: 1 to 255 bytes, no '/', not "." or "..",
 * no control bytes. */
bool text_is_file_name(const char *s);
/* Bytes 0x20 to 0x7e only, at most max of them. Such a value cannot end a
 * header line. */
bool text_is_header_value(const char *s, size_t max);

/* Copies with a NUL; false (and an empty string) when it does not fit. */
bool text_copy(char *dst, size_t size, const char *src);
/* Without white space at both ends; in place; returns the new start. */
char *text_trim(char *s);
bool text_equal_nocase(const char *a, const char *b);
bool text_starts_nocase(const char *s, const char *prefix);

/* Makes foreign text fit for a log or a terminal: control bytes, characters
 * that change the order of others, and bytes that are not UTF-8 become \xNN.
 * Always ends with a NUL; may be cut. */
void text_escape(char *dst, size_t size, const char *src);
/* The same, never cut; owned by the caller. */
char *text_escaped(const char *src);

/* Percent-encodes everything but unreserved characters; false when it does
 * not fit. */
bool text_url_encode(char *dst, size_t size, const char *src);

#endif
