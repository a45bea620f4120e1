/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "import/element.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "import/fileset.h"

#define NAME_SIZE 64
#define SECRET_MAX 512 /* as conf/secret has it */

int element_complain(const struct cfg_part *part, enum cfg_field field,
		     struct err *err, const char *what)
{
	return err_set(err, ERR_INVALID, "line %d: <%s> %s",
		       part->values[field].line, cfg_name(field), what);
}

int element_missing(const struct cfg_part *part, enum cfg_field field,
		    struct err *err)
{
	if (part->values[field].text)
		return element_complain(part, field, err, "is empty");
	return err_set(err, ERR_INVALID, "line %d: <%s> is missing", part->line,
		       cfg_name(field));
}

int element_number(const struct cfg_part *part,
		   const struct element_range *range, uint64_t *ret,
		   struct err *err)
{
	const char *text = cfg_text(part, range->field);
	uint64_t n = range->preset;
	if (text && (!text_u64(text, UINT64_MAX, &n) || n < range->least ||
		     (n > range->most && !range->cut)))
		return err_set(err, ERR_INVALID,
			       "line %d: <%s> is '%.32s' and must be a number "
			       "from %" PRIu64 " to %" PRIu64,
			       part->values[range->field].line,
			       cfg_name(range->field), text, range->least,
			       range->most);
	*ret = n > range->most ? range->most : n;
	return 0;
}

int element_flag(const struct cfg_part *part, enum cfg_field field, bool preset,
		 bool *ret, struct err *err)
{
	const char *text = cfg_text(part, field);
	bool flag = preset;
	if (text && !text_flag(text, &flag))
		return element_complain(part, field, err, "is neither Y nor N");
	*ret = flag;
	return 0;
}

/* What a secret's file may hold. */
int element_secret(const struct cfg_part *part, enum cfg_field field,
		   struct err *err)
{
	const char *text = cfg_text(part, field);
	if (!text)
		return element_missing(part, field, err);
	if (strlen(text) > SECRET_MAX)
		return element_complain(part, field, err, "is too long");
	return 0;
}

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

int element_check(const struct cfg_part *part, struct err *err)
{
	for (size_t i = 0; i < CFG_FIELD_COUNT; i++) {
		enum cfg_field field = (enum cfg_field)i;
		const char *text = cfg_text(part, field);
		if (text && has_control(text))
			return element_complain(part, field, err,
						"holds a control character or "
						"a line end");
	}
	return 0;
}

/* A note about a number; what was not set is said where it matters. */
void element_note(struct fileset *set, const struct cfg_part *part,
		  const struct element_range *range, uint64_t n,
		  const char *now)
{
	char old[NAME_SIZE];
	const char *text = cfg_text(part, range->field);
	(void)snprintf(old, sizeof(old), "%s %.20s", cfg_name(range->field),
		       text ? text : "(not set)");
	uint64_t asked = n;
	if (text && text_u64(text, UINT64_MAX, &asked) && asked > n)
		fileset_note(set, old, "%s; more is not possible", now);
	else
		fileset_note(set, old, "%s%s", now,
			     text ? "" : ", as the Java client has it");
}
