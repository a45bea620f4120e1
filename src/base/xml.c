/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "base/xml.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <expat.h>

#include "base/mem.h"

#define ENCODINGS "is not in UTF-8, ISO-8859-1 or US-ASCII"

struct xml {
	XML_Parser parser;
	const struct xml_rules *rules;
	unsigned depth;
	int result;
	struct err *err;
};

int xml_line(const struct xml *xml)
{
	return (int)XML_GetCurrentLineNumber(xml->parser);
}

unsigned xml_depth(const struct xml *xml)
{
	return xml->depth;
}

void xml_refuse(struct xml *xml, enum err_code code, const char *fmt, ...)
{
	if (xml->result < 0)
		return;
	va_list ap;
	va_start(ap, fmt);
	xml->result = err_vset(xml->err, code, fmt, ap);
	va_end(ap);
	err_prefix(xml->err, "line %d", xml_line(xml));
	(void)XML_StopParser(xml->parser, XML_FALSE); /* result is set */
}

/* --- what expat tells; a handler or two more after it was stopped --- */

static void on_start(void *ctx, const XML_Char *name,
		     const XML_Char **attributes)
{
	struct xml *xml = ctx;
	if (xml->result < 0)
		return;
	xml->depth++;
	if (xml->depth == 1 && strcmp(name, xml->rules->root) != 0)
		xml_refuse(xml, ERR_INVALID,
			   "the root element is not %s: this is not %s",
			   xml->rules->root, xml->rules->what);
	else
		xml->rules->start(xml, xml->rules->ctx, name,
				  (const char *const *)attributes);
}

static void on_end(void *ctx, const XML_Char *name)
{
	struct xml *xml = ctx;
	(void)name; /* expat has compared it with that of the start */
	if (xml->result < 0)
		return;
	xml->rules->end(xml, xml->rules->ctx);
	xml->depth--;
}

static void on_text(void *ctx, const XML_Char *s, int len)
{
	struct xml *xml = ctx;
	if (xml->result == 0)
		xml->rules->text(xml, xml->rules->ctx, s, (size_t)len);
}

/* With it go all entities of a file's own, inside and outside. */
static void on_doctype(void *ctx, const XML_Char *name, const XML_Char *system,
		       const XML_Char *public, int has_subset)
{
	(void)name;
	(void)system;
	(void)public;
	(void)has_subset;
	xml_refuse(ctx, ERR_INVALID, "has a DOCTYPE, which is not allowed");
}

/* --- one parse --- */

static void *grow(void *old, size_t size)
{
	return xreallocarray(old, 1, size);
}

static XML_Parser new_parser(struct xml *xml)
{
	static const XML_Memory_Handling_Suite memory = {
		.malloc_fcn = xmalloc,
		.realloc_fcn = grow,
		.free_fcn = free,
	};
	XML_Parser parser = XML_ParserCreate_MM(NULL, &memory, NULL);
	if (!parser)
		abort();
	XML_SetUserData(parser, xml);
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
		  "not escaped, or is the file not saved in the encoding that "
		  "it names (UTF-8 if none)?" },
		{ XML_ERROR_UNKNOWN_ENCODING, ENCODINGS },
		{ XML_ERROR_INCORRECT_ENCODING,
		  "is not in the encoding that its declaration names" },
		{ XML_ERROR_JUNK_AFTER_DOC_ELEMENT,
		  "has something after the end of its root element" },
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
static int check_bytes(const char *text, size_t len,
		       const struct xml_rules *rules, struct err *err)
{
	if (len > rules->most)
		return err_set(err, ERR_LIMIT,
			       "line 1: %s has at most %zu bytes, this one is "
			       "larger",
			       rules->what, rules->most);
	if (len == 0)
		return err_set(err, ERR_INVALID, "line 1: is empty");
	if ((len > 1 && (memcmp(text, "\xff\xfe", 2) == 0 ||
			 memcmp(text, "\xfe\xff", 2) == 0)) ||
	    memchr(text, '\0', len))
		return err_set(err, ERR_INVALID, "line 1: " ENCODINGS);
	return 0;
}

int xml_read(const char *text, size_t len, const struct xml_rules *rules,
	     struct err *err)
{
	int r = check_bytes(text, len, rules, err);
	if (r < 0)
		return r;
	struct xml xml = { .rules = rules, .err = err };
	xml.parser = new_parser(&xml);
	if (XML_Parse(xml.parser, text, (int)len, 1) != XML_STATUS_OK)
		xml_refuse(&xml, ERR_INVALID, "%s",
			   explain(XML_GetErrorCode(xml.parser)));
	XML_ParserFree(xml.parser);
	return xml.result;
}
