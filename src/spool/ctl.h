/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The control file: an XML DTSControl, between text and struct. Pure.
 *
 * Reading takes any order of elements, any indentation, an XML declaration or
 * none, blank lines before the root, attributes on the root, blanks inside end
 * tags, CRLF, an old StatusRecord, unknown elements (skipped) and the spelling
 * DataCheckSum. It refuses a DOCTYPE, more than CTL_SIZE_MAX bytes, nesting
 * over CTL_DEPTH_MAX, an element over CTL_TEXT_MAX bytes, the same element
 * twice, a root other than DTSControl, and encodings other than UTF-8,
 * ISO-8859-1 and US-ASCII. Values are trimmed of white space at both ends.
 *
 * Writing puts the elements that are there (not NULL; "" gives an empty
 * element) into the one order of the Java client's SENT and IN files, two
 * spaces of indent, LF, no declaration, with what XML 1.0 cannot carry
 * dropped and a value from elsewhere cut to CTL_TEXT_MAX bytes.
 */
#ifndef MESHDROP_SPOOL_CTL_H
#define MESHDROP_SPOOL_CTL_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;

#define CTL_SIZE_MAX ((size_t)64 << 10)
#define CTL_TEXT_MAX ((size_t)4 << 10)
#define CTL_DEPTH_MAX 8

/* In the order of writing. The last five are inside StatusRecord. */
enum ctl_field {
	CTL_VERSION,
	CTL_ADDRESS_TYPE,
	CTL_MESSAGE_TYPE,
	CTL_FROM_DTS,
	CTL_TO_DTS,
	CTL_FROM_ESMTP,
	CTL_TO_ESMTP,
	CTL_SUBJECT,
	CTL_LOCAL_ID,
	CTL_DTS_ID,
	CTL_PARTNER_ID,
	CTL_COMPRESS,
	CTL_ENCRYPTED,
	CTL_WORKFLOW_ID,
	CTL_PROCESS_ID,
	CTL_DATA_CHECKSUM,
	CTL_IS_COMPRESSED,
	CTL_ALLOW_CHUNKING,
	CTL_STATUS_TIME,
	CTL_STATUS_EVENT,
	CTL_STATUS,
	CTL_STATUS_CODE,
	CTL_STATUS_TEXT,
	CTL_COUNT,
};

struct ctl {
	char *value[CTL_COUNT]; /* owned; NULL: not there */
};

/* One StatusRecord. */
struct ctl_status {
	const char *time; /* 14 digits, local */
	const char *event;
	bool success;
	const char *code;
	const char *text;
};

void ctl_init(struct ctl *ctl);
void ctl_release(struct ctl *ctl);
/* NULL removes. */
void ctl_set(struct ctl *ctl, enum ctl_field field, const char *value);
/* Never NULL: "" when absent. */
const char *ctl_get(const struct ctl *ctl, enum ctl_field field);
/* The flag Y or N, or preset when absent or empty; false when it is neither. */
bool ctl_flag(const struct ctl *ctl, enum ctl_field field, bool preset,
	      bool *ret);
void ctl_set_status(struct ctl *ctl, const struct ctl_status *status);
void ctl_copy(struct ctl *to, const struct ctl *from);
/* The element's name, such as "To_DTS". */
const char *ctl_field_name(enum ctl_field field);

/* ERR_INVALID or ERR_LIMIT with "line N: what is wrong". On success ret is a
 * new object; what was in it before is not released. */
int ctl_read(const char *text, size_t len, struct ctl *ret, struct err *err)
	__attribute__((warn_unused_result));
/* What a control file in OUT must have to be sent: From_DTS equal to the
 * mailbox (without case; ERR_REFUSED), To_DTS, MessageType Data, AddressType
 * DTS, SMTP, ALL or none, flags that are Y, N or empty (IsCompressed is the
 * client's and not looked at). Other rules are the API's (mesh/proto). */
int ctl_check_out(const struct ctl *ctl, const char *mailbox, struct err *err)
	__attribute__((warn_unused_result));
/* The same, with the StatusCode for what is wrong: of SEND, but 06 of
 * TRANSFER. Borrowed for ever. */
int ctl_judge_out(const struct ctl *ctl, const char *mailbox,
		  const char **ret_code, struct err *err)
	__attribute__((warn_unused_result));
/* Never fails below a ceiling of 1 MiB of ret. */
void ctl_write(const struct ctl *ctl, struct buf *ret);

#endif
