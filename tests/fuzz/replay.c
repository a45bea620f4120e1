/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Gives a target what libFuzzer would give it: each file that is named or lies
 * in a folder that is named, or the target's seed corpus in the source tree.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define INPUT_MAX ((size_t)4 << 20)

static bool replay(const char *path)
{
	static uint8_t input[INPUT_MAX];
	FILE *file = fopen(path, "rbe");
	if (!file) {
		(void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	size_t size = fread(input, 1, sizeof(input), file);
	bool good = !ferror(file);
	(void)fclose(file); /* it was only read */
	/* In memory of its own, so that the sanitizers see its end. */
	uint8_t *copy = malloc(size > 0 ? size : 1);
	if (!copy || !good)
		abort();
	memcpy(copy, input, size);
	(void)LLVMFuzzerTestOneInput(copy, size); /* always 0 */
	free(copy);
	return true;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	return strncmp(name, "lt-", 3) == 0 ? name + 3 : name;
}

/* -1: it is no folder. */
static int replay_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	if (!dir)
		return -1;
	int count = 0;
	for (const struct dirent *entry = readdir(dir); entry;
	     entry = readdir(dir)) {
		char path[PATH_MAX];
		(void)snprintf(path, sizeof(path), "%s/%s", folder,
			       entry->d_name);
		if (entry->d_name[0] != '.' && replay(path))
			count++;
	}
	(void)closedir(dir); /* it was only read */
	return count;
}

static int replay_corpus(const char *program)
{
	const char *top = getenv("MESHDROP_SRCDIR");
	const char *name = base_name(program) + strlen("fuzz_");
	char folder[PATH_MAX / 2];
	(void)snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s",
		       top ? top : ".", name);
	int count = replay_folder(folder);
	if (count < 0)
		(void)fprintf(stderr, "%s: %s\n", folder, strerror(errno));
	return count;
}

static int replay_named(const char *path)
{
	int count = replay_folder(path);
	return count >= 0 ? count : replay(path);
}

int main(int argc, char **argv)
{
	int count = 0;
	for (int i = 1; i < argc; i++)
		count += replay_named(argv[i]);
	if (argc == 1)
		count = replay_corpus(argv[0]);
	(void)printf("%s: %d inputs\n", base_name(argv[0]), count);
	return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
