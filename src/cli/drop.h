/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Putting a pair into OUT so that nobody ever sees half of it.
 *
 * Both files are written and synced under hidden names, which meshdropd leaves
 * alone, then renamed: data first, control file last, never over another file.
 * What fails before the last rename leaves nothing behind.
 */
#ifndef MESHDROP_CLI_DROP_H
#define MESHDROP_CLI_DROP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct buf;
struct err;

#define DROP_HIDDEN_SIZE 48

struct drop {
	int dir; /* OUT; borrowed */
	char hidden_dat[DROP_HIDDEN_SIZE];
	char hidden_ctl[DROP_HIDDEN_SIZE];
};

void drop_init(struct drop *drop, int out_dir);

/* Copies the file at fd, or a stream such as a pipe, whole. label is its name
 * for messages. SIGINT, SIGTERM and SIGHUP end it with ERR_STOPPED. */
int drop_data(struct drop *drop, int fd, bool stream, const char *label,
	      uint64_t *ret_size, struct err *err)
	__attribute__((warn_unused_result));
int drop_control(struct drop *drop, const struct buf *text, struct err *err)
	__attribute__((warn_unused_result));
/* Whether a control or data file of that stem is in OUT, in any case. */
int drop_is_taken(const struct drop *drop, const char *stem, bool *ret,
		  struct err *err) __attribute__((warn_unused_result));
/* Both under their names, durably. ERR_EXISTS. */
int drop_publish(struct drop *drop, const char *dat_name, const char *ctl_name,
		 struct err *err) __attribute__((warn_unused_result));
/* After a failure: removes what is still hidden, and says in err what it could
 * not remove. */
void drop_undo(const struct drop *drop, struct err *err);

#endif
