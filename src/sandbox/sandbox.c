/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/sandbox.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "sandbox/report.h"
#include "sandbox/upload.h"

#define KEY_MAX 4096

void sandbox_default_settings(struct sandbox *sb)
{
	sb->settings = (struct sandbox_settings){
		.track_local_id = true,
		.expiry_s = sb->options->expiry_s,
	};
}

/* One line end after the key is the editor's, not the key's. */
static void trim_line_end(struct buf *buf)
{
	if (buf->len > 0 && buf->data[buf->len - 1] == '\n')
		buf->len--;
	if (buf->len > 0 && buf->data[buf->len - 1] == '\r')
		buf->len--;
	buf->data[buf->len] = '\0';
}

/* Two servers on one directory would overwrite each other's records. */
static int lock(struct sandbox *sb, struct err *err)
{
	int result = fsx_create(sb->root_fd, "lock", 0600, &sb->lock_fd, err);

	if (result == -(int)ERR_EXISTS)
		result = fsx_open_own(sb->root_fd, "lock", &sb->lock_fd, err);
	if (result == 0)
		result = fsx_lock(sb->lock_fd, "lock", err);
	return result;
}

static int load(struct sandbox *sb, struct err *err)
{
	if (fsx_open_root(sb->options->dir, &sb->root_fd, err) < 0 ||
	    mailboxes_load(&sb->boxes, sb->root_fd, err) < 0 ||
	    fsx_load(sb->root_fd, "shared.key", &sb->shared_key, err) < 0)
		return -(int)err->code;
	trim_line_end(&sb->shared_key);
	if (lock(sb, err) < 0 ||
	    fsx_make_dir(sb->root_fd, "uploads", 0700, err) < 0 ||
	    fsx_open_dir(sb->root_fd, "uploads", &sb->uploads_fd, err) < 0 ||
	    upload_sweep(sb->uploads_fd, err) < 0 ||
	    store_open(&sb->store, sb->root_fd, err) < 0)
		return -(int)err->code;
	return nonces_open(&sb->nonces, sb->root_fd, clock_wall_ns(), err);
}

int sandbox_open(struct sandbox *sb, const struct sandbox_options *options,
		 struct err *err)
{
	*sb = (struct sandbox){
		.options = options,
		.root_fd = -1,
		.lock_fd = -1,
		.uploads_fd = -1,
		.faults = json_array(),
	};
	buf_init(&sb->shared_key, KEY_MAX);
	store_init(&sb->store);
	nonces_init(&sb->nonces);
	journal_init(&sb->journal);
	sandbox_default_settings(sb);
	if (load(sb, err) < 0) {
		err_prefix(err, "cannot serve '%s'%s", options->dir,
			   err->code == ERR_MISSING ? " (made by --init?)" :
						      "");
		return -(int)err->code;
	}
	report_expired(sb, clock_wall_ns());
	return 0;
}

void sandbox_close(struct sandbox *sb)
{
	json_decref(sb->faults);
	journal_release(&sb->journal);
	nonces_release(&sb->nonces);
	store_release(&sb->store);
	mailboxes_release(&sb->boxes);
	buf_release(&sb->shared_key);
	mem_auto_close(&sb->uploads_fd);
	mem_auto_close(&sb->lock_fd);
	mem_auto_close(&sb->root_fd);
}
