/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* A meshclient.cfg, and behind "%%" a proxy.ini: what can be read and
 * translated has all files of a set, each of them text of one kind. */
#include "config.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "fuzz.h"
#include "import/fileset.h"
#include "import/old.h"
#include "import/translate.h"

static void check_set(const struct fileset *set, size_t clients)
{
	size_t boxes = 0;
	for (size_t i = 0; i < set->file_count; i++) {
		const struct fileset_file *file = &set->files[i];
		size_t len = strlen(FILESET_BOXES);
		/* a name is one component, or one below the boxes */
		bool box = strncmp(file->name, FILESET_BOXES "/", len + 1) == 0;
		FUZZ_HOLDS(!strchr(file->name + (box ? len + 1 : 0), '/'));
		FUZZ_HOLDS(strlen(file->text.data) == file->text.len);
		boxes += box ? 1 : 0;
	}
	FUZZ_HOLDS(boxes == clients);
}

static void translate_one(struct old *old)
{
	const struct translate_key key = { .kept = "key" };
	struct fileset set;
	struct err err;
	if (translate(old, &key, &set, &err) < 0) {
		FUZZ_HOLDS(err.text[0] != '\0');
		return;
	}
	check_set(&set, old->cfg.client_count);
	fileset_release(&set);
}

static void add_proxy(struct old *old, const struct fuzz_piece *ini)
{
	struct err err;
	old->proxy_path = xstrdup("/app/proxy.ini");
	if (proxyini_read((const char *)ini->data, ini->size, &old->proxy,
			  &err) == 0)
		old->has_proxy = true;
	else
		FUZZ_HOLDS(err.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0;
	struct err err;
	struct fuzz_piece cfg = { .size = 0 };
	struct fuzz_piece ini;
	struct old old = { .folder = NULL };
	if (!fuzz_next(data, size, &at, &cfg))
		return 0;
	if (cfg_read((const char *)cfg.data, cfg.size, &old.cfg, &err) < 0) {
		FUZZ_HOLDS(strncmp(err.text, "line ", 5) == 0);
		return 0;
	}
	old.folder = xstrdup("/app");
	identity_init(&old.identity);
	if (fuzz_next(data, size, &at, &ini))
		add_proxy(&old, &ini);
	translate_one(&old);
	old_release(&old);
	return 0;
}
