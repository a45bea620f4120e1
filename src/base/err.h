/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * One record for every failure: what broke, how widely, and what to do.
 *
 * A function that can fail returns 0 or a negative enum err_code and takes a
 * struct err as its last parameter, which it fills once, near the cause, with
 * a sentence for people: what failed, which file or setting, what to do. The
 * text is never empty and never holds a secret. Callers may put context in
 * front of it; they decide by the fields and never parse the text. A NULL
 * record is allowed where only the result matters. Nothing here logs.
 */
#ifndef MESHDROP_BASE_ERR_H
#define MESHDROP_BASE_ERR_H

#include <stdarg.h>

#define ERR_TEXT_MAX 512

enum err_code {
	ERR_NONE = 0,
	ERR_IO,	      /* the system refused; sys has errno */
	ERR_NOSPACE,  /* no blocks, inodes, quota or descriptors left */
	ERR_SYNC,     /* fsync failed: what was written is unknown, stop */
	ERR_DENIED,   /* permission */
	ERR_MISSING,  /* no such file, message or mailbox */
	ERR_EXISTS,   /* the name is taken */
	ERR_UNSAFE,   /* a link, a device, a name that is not ours to touch */
	ERR_BUSY,     /* somebody else holds the lock */
	ERR_CHANGED,  /* a file is not the one we looked at before */
	ERR_INVALID,  /* input breaks its rules */
	ERR_LIMIT,    /* input is larger than we allow */
	ERR_CORRUPT,  /* content is damaged */
	ERR_CONFIG,   /* a setting is wrong */
	ERR_NETWORK,  /* no usable conversation took place */
	ERR_TLS,      /* certificate, key or trust */
	ERR_AUTH,     /* the service refused who we say we are */
	ERR_PROTOCOL, /* the service answered what it must not */
	ERR_REFUSED,  /* the service refused this request, with a reason */
	ERR_STOPPED,  /* we were asked to stop */
};

/* What is broken. */
enum err_scope {
	ERR_MESSAGE, /* this message only */
	ERR_MAILBOX, /* everything in this mailbox */
	ERR_SERVICE, /* everything */
};

/* What to do about it. */
enum err_retry {
	ERR_NEVER, /* somebody has to change something first */
	ERR_LATER, /* the same call may work later */
};

struct err {
	enum err_code code;
	enum err_scope scope;
	enum err_retry retry;
	int http; /* HTTP status, 0 if none */
	int sys;  /* errno, 0 if none */
	char text[ERR_TEXT_MAX];
};

void err_clear(struct err *err);

/* Each sets the record and returns -code, so that a caller can return it.
 * Scope becomes ERR_MESSAGE and retry ERR_NEVER; err_widen changes both. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int err_vset(struct err *err, enum err_code code, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

/* As err_set, from an errno: chooses the code (and ERR_LATER where waiting can
 * help) and puts ": what the system said" at the end. */
int err_sys(struct err *err, int sys, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts text in front: "prefix: text". */
void err_prefix(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

void err_widen(struct err *err, enum err_scope scope, enum err_retry retry);

/* A stable word for records and logs, such as "no-space"; never NULL. */
const char *err_code_name(enum err_code code);

#endif
