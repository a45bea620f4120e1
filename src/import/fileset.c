/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "import/fileset.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

void fileset_release(struct fileset *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->file_count; i++) {
		free(set->files[i].name);
		buf_release(&set->files[i].text);
	}
	for (size_t i = 0; i < set->note_count; i++) {
		free(set->notes[i].old);
		free(set->notes[i].now);
	}
	free(set->files);
	free(set->notes);
	*set = (struct fileset){ .files = NULL };
}

struct fileset_file *fileset_add(struct fileset *set, const char *name,
				 bool secret)
{
	set->files = xreallocarray(set->files, set->file_count + 1,
				   sizeof(*set->files));
	struct fileset_file *file = &set->files[set->file_count++];
	*file = (struct fileset_file){
		.name = xstrdup(name),
		.secret = secret,
	};
	buf_init(&file->text, FILESET_TEXT_MAX);
	return file;
}

bool fileset_put(struct fileset *set, const char *name, bool secret,
		 const char *text)
{
	return buf_puts(&fileset_add(set, name, secret)->text, text);
}

void fileset_note(struct fileset *set, const char *old, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* may be cut */
	va_end(ap);
	set->notes = xreallocarray(set->notes, set->note_count + 1,
				   sizeof(*set->notes));
	set->notes[set->note_count++] = (struct fileset_note){
		.old = xstrdup(old),
		.now = xstrdup(text),
	};
}
