/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/ctl.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <expat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define ROOT "DTSControl"
#define STATUS "StatusRecord"

struct reader {
	XML_Parser parser;
	struct ctl ctl;
	struct buf text; /* of the leaf so far */
	unsigned depth;	 /* the root is 1 */
	unsigned skip;	 /* depth of the unknown element we are in; 0: none */
	bool in_status;
	bool seen_status;
	enum ctl_field leaf; /* the element we are in; CTL_COUNT: none */
	int result;
	struct err *err;
};

/* Says it once; expat may call a handler or two after it was stopped. */
__attribute__((format(printf, 3, 4))) static void
refuse(struct reader *reader, enum err_code code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	reader->result = err_vset(reader->err, code, fmt, ap);
	va_end(ap);
	err_prefix(reader->err, "line %lu",
		   (unsigned long)XML_GetCurrentLineNumber(reader->parser));
	(void)XML_StopParser(reader->parser, XML_FALSE); /* result is set */
}

/* --- what expat tells --- */

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

static void start_status(struct reader *reader)
{
	if (reader->seen_status)
		refuse(reader, ERR_INVALID, STATUS " is there twice");
	reader->seen_status = true;
	reader->in_status = true;
}

static void start_element(struct reader *reader, const char *name)
{
	if (!reader->in_status && strcmp(name, STATUS) == 0) {
		start_status(reader);
		return;
	}
	enum ctl_field field = find_field(name, reader->in_status);
	if (field == CTL_COUNT) {
		reader->skip = reader->depth;
		return;
	}
	if (reader->ctl.value[field])
		refuse(reader, ERR_INVALID, "%s is there twice",
		       ctl_field_name(field));
	reader->leaf = field;
	buf_clear(&reader->text);
}

static void on_start(void *ctx, const XML_Char *name, const XML_Char **ignored)
{
	struct reader *reader = ctx;
	(void)ignored; /* attributes mean nothing here */
	if (reader->result < 0)
		return;
	reader->depth++;
	if (reader->depth > CTL_DEPTH_MAX)
		refuse(reader, ERR_LIMIT,
		       "elements are nested more than %d deep", CTL_DEPTH_MAX);
	else if (reader->skip > 0)
		return;
	else if (reader->leaf != CTL_COUNT)
		refuse(reader, ERR_INVALID, "%s has an element inside",
		       ctl_field_name(reader->leaf));
	else if (reader->depth > 1)
		start_element(reader, name);
	else if (strcmp(name, ROOT) != 0)
		refuse(reader, ERR_INVALID, "the root element is not " ROOT);
}

static void on_end(void *ctx, const XML_Char *name)
{
	struct reader *reader = ctx;
	(void)name; /* expat has compared it with that of the start */
	if (reader->result < 0)
		return;
	if (reader->skip > 0) {
		if (reader->skip == reader->depth)
			reader->skip = 0;
	} else if (reader->leaf != CTL_COUNT) {
		ctl_set(&reader->ctl, reader->leaf,
			text_trim(reader->text.data));
		reader->leaf = CTL_COUNT;
	} else {
		reader->in_status = false;
	}
	reader->depth--;
}

static void on_text(void *ctx, const XML_Char *s, int len)
{
	struct reader *reader = ctx;
	if (reader->result < 0 || reader->leaf == CTL_COUNT)
		return;
	if (!buf_append(&reader->text, s, (size_t)len))
		refuse(reader, ERR_LIMIT, "%s has more than %zu bytes",
		       ctl_field_name(reader->leaf), CTL_TEXT_MAX);
}

/* With it go all entities of a file's own, inside and outside. */
static void on_doctype(void *ctx, const XML_Char *name, const XML_Char *system,
		       const XML_Char *public, int has_subset)
{
	(void)name;
	(void)system;
	(void)public;
	(void)has_subset;
	refuse(ctx, ERR_INVALID, "has a DOCTYPE, which is not allowed");
}

/* --- one parse --- */

static void *grow(void *old, size_t size)
{
	return xreallocarray(old, 1, size);
}

/* Lack of memory must never be mistaken for a fault of the file. */
static XML_Parser new_parser(struct reader *reader)
{
	static const XML_Memory_Handling_Suite memory = {
		.malloc_fcn = xmalloc,
		.realloc_fcn = grow,
		.free_fcn = free,
	};
	XML_Parser parser = XML_ParserCreate_MM(NULL, &memory, NULL);
	if (!parser)
		abort();
	XML_SetUserData(parser, reader);
	XML_SetElementHandler(parser, on_start, on_end);
	XML_SetCharacterDataHandler(parser, on_text);
	XML_SetStartDoctypeDeclHandler(parser, on_doctype);
	return parser;
}

static const char *explain(enum XML_Error code)
{
	static const struct {
		enum XML_Error code;
		const char *text;
	} texts[] = {
		{ XML_ERROR_NO_ELEMENTS, "ends too early: is it complete?" },
		{ XML_ERROR_UNCLOSED_TOKEN, "ends too early: is it complete?" },
		{ XML_ERROR_PARTIAL_CHAR, "ends too early: is it complete?" },
		{ XML_ERROR_SYNTAX, "is not XML" },
		{ XML_ERROR_INVALID_TOKEN,
		  "has a character that is not allowed there: is one of & < > "
		  "not escaped, or is the file not in its encoding?" },
		{ XML_ERROR_UNKNOWN_ENCODING,
		  "is not in UTF-8, ISO-8859-1 or US-ASCII" },
		{ XML_ERROR_INCORRECT_ENCODING,
		  "is not in the encoding that its declaration names" },
		{ XML_ERROR_JUNK_AFTER_DOC_ELEMENT,
		  "has something after the end of " ROOT },
		{ XML_ERROR_MISPLACED_XML_PI,
		  "has something before its XML declaration" },
		{ XML_ERROR_TAG_MISMATCH,
		  "an element is ended by another one's end tag" },
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i].code == code)
			return texts[i].text;
	return XML_ErrorString(code);
}

/* UTF-16, with mark or without, would otherwise be found out and read. */
static int check_bytes(const char *text, size_t len, struct err *err)
{
	if (len > CTL_SIZE_MAX)
		return err_set(err, ERR_LIMIT,
			       "line 1: a control file has at most %zu bytes, "
			       "this one is larger",
			       CTL_SIZE_MAX);
	if (len == 0)
		return err_set(err, ERR_INVALID, "line 1: is empty");
	if ((len > 1 && (memcmp(text, "\xff\xfe", 2) == 0 ||
			 memcmp(text, "\xfe\xff", 2) == 0)) ||
	    memchr(text, '\0', len))
		return err_set(err, ERR_INVALID,
			       "line 1: is not in UTF-8, ISO-8859-1 or "
			       "US-ASCII");
	return 0;
}

static void parse(struct reader *reader, const char *text, size_t len)
{
	reader->parser = new_parser(reader);
	if (XML_Parse(reader->parser, text, (int)len, 1) != XML_STATUS_OK &&
	    reader->result == 0)
		refuse(reader, ERR_INVALID, "%s",
		       explain(XML_GetErrorCode(reader->parser)));
	XML_ParserFree(reader->parser);
}

int ctl_read(const char *text, size_t len, struct ctl *ret, struct err *err)
{
	int r = check_bytes(text, len, err);
	if (r < 0)
		return r;
	struct reader reader = { .leaf = CTL_COUNT, .err = err };
	ctl_init(&reader.ctl);
	buf_init(&reader.text, CTL_TEXT_MAX);
	parse(&reader, text, len);
	buf_release(&reader.text);
	if (reader.result < 0) {
		ctl_release(&reader.ctl);
		return reader.result;
	}
	*ret = reader.ctl;
	return 0;
}
