/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * A directory for one test, gone afterwards with all that is in it.
 *
 * Everything here asserts that it worked.
 */
#ifndef MESHDROP_TESTS_SCRATCH_H
#define MESHDROP_TESTS_SCRATCH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct scratch {
	char path[PATH_MAX];
	int fd;
};

void scratch_make(struct scratch *scratch);
void scratch_remove(struct scratch *scratch);

/* Names may have several components. */
void scratch_write(const struct scratch *scratch, const char *name,
		   const char *text);
void scratch_mkdir(const struct scratch *scratch, const char *name,
		   mode_t mode);
void scratch_path(const struct scratch *scratch, const char *name,
		  char ret[PATH_MAX]);
/* Open descriptors of this process. */
size_t scratch_count_fds(void);
/* Whether the suite "static" runs this under valgrind, which answers some system
 * calls otherwise than the system: there a failed exec is no failed posix_spawn,
 * /proc/self/exe is valgrind, and there is no pidfd_open. */
bool scratch_on_valgrind(void);

#endif
