/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/ctl.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "base/xml.h"

#define STATUS "StatusRecord"

struct reader {
	struct ctl ctl;
	struct buf text; /* of the leaf so far */
	unsigned skip;	 /* depth of the unknown element we are in; 0: none */
	bool in_status;
	bool seen_status;
	enum ctl_field leaf; /* the element we are in; CTL_COUNT: none */
};

static enum ctl_field find_field(const char *name, bool in_status)
{
	if (!in_status && strcmp(name, "DataCheckSum") == 0)
		return CTL_DATA_CHECKSUM;
	size_t i = in_status ? CTL_STATUS_TIME : 0;
	size_t end = in_status ? CTL_COUNT : CTL_STATUS_TIME;
	for (; i < end; i++)
		if (strcmp(name, ctl_field_name((enum ctl_field)i)) == 0)
			return (enum ctl_field)i;
	return CTL_COUNT;
}

static void start_status(struct xml *xml, struct reader *reader)
{
	if (reader->seen_status)
		xml_refuse(xml, ERR_INVALID, STATUS " is there twice");
	reader->seen_status = true;
	reader->in_status = true;
}

static void start_element(struct xml *xml, struct reader *reader,
			  const char *name)
{
	if (!reader->in_status && strcmp(name, STATUS) == 0) {
		start_status(xml, reader);
		return;
	}
	enum ctl_field field = find_field(name, reader->in_status);
	if (field == CTL_COUNT) {
		reader->skip = xml_depth(xml);
		return;
	}
	if (reader->ctl.value[field])
		xml_refuse(xml, ERR_INVALID, "%s is there twice",
			   ctl_field_name(field));
	reader->leaf = field;
	buf_clear(&reader->text);
}

static void on_start(struct xml *xml, void *ctx, const char *name,
		     const char *const *ignored)
{
	struct reader *reader = ctx;
	(void)ignored; /* attributes mean nothing here */
	if (xml_depth(xml) > CTL_DEPTH_MAX)
		xml_refuse(xml, ERR_LIMIT,
			   "elements are nested more than %d deep",
			   CTL_DEPTH_MAX);
	else if (reader->skip > 0)
		return;
	else if (reader->leaf != CTL_COUNT)
		xml_refuse(xml, ERR_INVALID, "%s has an element inside",
			   ctl_field_name(reader->leaf));
	else if (xml_depth(xml) > 1)
		start_element(xml, reader, name);
}

static void on_end(struct xml *xml, void *ctx)
{
	struct reader *reader = ctx;
	if (reader->skip > 0) {
		if (reader->skip == xml_depth(xml))
			reader->skip = 0;
	} else if (reader->leaf != CTL_COUNT) {
		ctl_set(&reader->ctl, reader->leaf,
			text_trim(reader->text.data));
		reader->leaf = CTL_COUNT;
	} else {
		reader->in_status = false;
	}
}

static void on_text(struct xml *xml, void *ctx, const char *s, size_t len)
{
	struct reader *reader = ctx;
	if (reader->leaf == CTL_COUNT)
		return;
	if (!buf_append(&reader->text, s, len))
		xml_refuse(xml, ERR_LIMIT, "%s has more than %zu bytes",
			   ctl_field_name(reader->leaf), CTL_TEXT_MAX);
}

int ctl_read(const char *text, size_t len, struct ctl *ret, struct err *err)
{
	struct reader reader = { .leaf = CTL_COUNT };
	const struct xml_rules rules = {
		.what = "a control file",
		.root = "DTSControl",
		.most = CTL_SIZE_MAX,
		.start = on_start,
		.end = on_end,
		.text = on_text,
		.ctx = &reader,
	};
	ctl_init(&reader.ctl);
	buf_init(&reader.text, CTL_TEXT_MAX);
	int r = xml_read(text, len, &rules, err);
	buf_release(&reader.text);
	if (r < 0) {
		ctl_release(&reader.ctl);
		return r;
	}
	*ret = reader.ctl;
	return 0;
}
