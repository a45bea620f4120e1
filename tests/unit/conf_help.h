/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What the tests of the conf room share: a log of complaints and a directory
 * that is gone afterwards.
 */
#ifndef MESHDROP_TESTS_CONF_HELP_H
#define MESHDROP_TESTS_CONF_HELP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "conf/schema.h"

/* One line a complaint, after "E " (fatal) or "W ". */
struct help_log {
	char text[65536];
	size_t len;
	unsigned errors;
	unsigned warnings;
};

/* A conf_report_fn; ctx is the log. */
void help_report(void *ctx, bool fatal, const char *text);
void help_log_clear(struct help_log *log);

/* A loader for a file of that name, which need not exist. */
struct schema_load help_loader(enum schema_scope scope, const char *file,
			       void *target, struct help_log *log);
/* Frees the texts that a loader has stored into its target. */
void help_free_texts(enum schema_scope scope, void *target);

struct help_dir {
	char path[PATH_MAX];
};

void help_dir_make(struct help_dir *dir);
void help_dir_remove(struct help_dir *dir);
void help_mkdir(const struct help_dir *dir, const char *name);
void help_write(const struct help_dir *dir, const char *name, mode_t mode,
		const char *text);
void help_write_bytes(const struct help_dir *dir, const char *name, mode_t mode,
		      const void *data, size_t len);
/* Borrowed until the next call but seven. */
const char *help_path(const struct help_dir *dir, const char *name);
/* Puts '@' for the directory's path, so that texts can be compared. */
void help_log_shorten(struct help_log *log, const struct help_dir *dir);

#endif
