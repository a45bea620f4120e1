/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What the fuzz targets share.
 *
 * A target is one function from bytes to nothing: it ends the process when an
 * invariant does not hold. Built with --enable-fuzzing, libFuzzer calls it; in
 * every other build tests/fuzz/replay.c calls it with each file of the
 * target's seed corpus, so that "make check" replays what was once found.
 */
#ifndef MESHDROP_TESTS_FUZZ_H
#define MESHDROP_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An invariant of the target: says which one, and aborts. */
#define FUZZ_HOLDS(what) fuzz_holds((what), #what, __FILE__, __LINE__)
void fuzz_holds(bool holds, const char *what, const char *file, int line);

/* The bytes with a NUL behind them; to be freed. */
char *fuzz_text(const uint8_t *data, size_t size);

/* Takes the input apart: a piece ends at "\n%%\n" or at the end. *at moves
 * behind it; false when nothing is left. */
struct fuzz_piece {
	const uint8_t *data;
	size_t size;
};
bool fuzz_next(const uint8_t *data, size_t size, size_t *at,
	       struct fuzz_piece *ret);

/* A directory of this process, the same in every call, gone at exit. */
const char *fuzz_dir(void);
/* A folder in it, emptied or made; to be closed. */
int fuzz_empty(const char *name);
/* A file in memory with these bytes; to be closed. */
int fuzz_file(const uint8_t *data, size_t size);

#endif
