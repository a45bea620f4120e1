/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const code_names[] = {
	[ERR_NONE] = "none",	    [ERR_IO] = "io",
	[ERR_NOSPACE] = "no-space", [ERR_SYNC] = "sync",
	[ERR_DENIED] = "denied",    [ERR_MISSING] = "missing",
	[ERR_EXISTS] = "exists",    [ERR_UNSAFE] = "unsafe",
	[ERR_BUSY] = "busy",	    [ERR_CHANGED] = "changed",
	[ERR_INVALID] = "invalid",  [ERR_LIMIT] = "limit",
	[ERR_CORRUPT] = "corrupt",  [ERR_CONFIG] = "config",
	[ERR_NETWORK] = "network",  [ERR_TLS] = "tls",
	[ERR_AUTH] = "auth",	    [ERR_PROTOCOL] = "protocol",
	[ERR_REFUSED] = "refused",  [ERR_STOPPED] = "stopped",
};

const char *err_code_name(enum err_code code)
{
	if ((size_t)code >= sizeof(code_names) / sizeof(*code_names))
		return "unknown";
	return code_names[code];
}

void err_clear(struct err *err)
{
	if (err)
		*err = (struct err){ .code = ERR_NONE };
}

int err_vset(struct err *err, enum err_code code, const char *fmt, va_list ap)
{
	if (!err)
		return -(int)code;
	err_clear(err);
	err->code = code;
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap); /* may be cut */
	return -(int)code;
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int r = err_vset(err, code, fmt, ap);
	va_end(ap);
	return r;
}

static enum err_code code_of(int sys)
{
	switch (sys) {
	case ENOSPC:
	case EDQUOT:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EFBIG:
		return ERR_NOSPACE;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_DENIED;
	case ENOENT:
	case ENOTDIR:
		return ERR_MISSING;
	case EEXIST:
		return ERR_EXISTS;
	case ELOOP:
	case EXDEV:
		return ERR_UNSAFE;
	default:
		return ERR_IO;
	}
}

int err_sys(struct err *err, int sys, const char *fmt, ...)
{
	enum err_code code = code_of(sys);
	va_list ap;
	va_start(ap, fmt);
	(void)err_vset(err, code, fmt, ap);
	va_end(ap);
	if (err) {
		char reason[128];
		const char *said = strerror_r(sys, reason, sizeof(reason));
		size_t len = strlen(err->text);
		(void)snprintf(err->text + len, sizeof(err->text) - len, ": %s",
			       said); /* may be cut */
		err->sys = sys;
		if (code == ERR_NOSPACE || code == ERR_IO)
			err_widen(err, ERR_MAILBOX, ERR_LATER);
	}
	return -(int)code;
}

void err_prefix(struct err *err, const char *fmt, ...)
{
	if (!err)
		return;
	char text[ERR_TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* may be cut */
	va_end(ap);
	/* Of a long one half is enough: the cause must stay. */
	size_t head = strnlen(text, sizeof(text) / 2);
	size_t tail = strnlen(err->text, sizeof(err->text) - head - 3);
	memmove(err->text + head + 2, err->text, tail);
	memcpy(err->text, text, head);
	memcpy(err->text + head, ": ", 2);
	err->text[head + 2 + tail] = '\0';
}

void err_widen(struct err *err, enum err_scope scope, enum err_retry retry)
{
	if (!err)
		return;
	err->scope = scope;
	err->retry = retry;
}
