/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "spool/ctl.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define DATA_MAX ((size_t)1 << 20)

/* --- helpers --- */

static char *data_path(const char *name)
{
	const char *top = getenv("MESHDROP_SRCDIR");
	if (!top)
		fail_msg("MESHDROP_SRCDIR has to name the source directory");
	return xasprintf("%s/tests/data/ctl/%s", top, name);
}

/* buf is set up here. */
static void load(const char *name, const char *suffix, struct buf *buf)
{
	AUTO_FREE char *file = xasprintf("%s%s", name, suffix);
	AUTO_FREE char *path = data_path(file);
	AUTO_CLOSE int fd = -1;
	struct err err;
	buf_init(buf, DATA_MAX);
	if (fsx_open_path(path, &fd, NULL, &err) < 0 ||
	    fsx_load_fd(fd, path, buf, &err) < 0)
		fail_msg("%s", err.text);
}

static void read_ok(const char *text, size_t len, struct ctl *ret)
{
	struct err err;
	if (ctl_read(text, len, ret, &err) < 0)
		fail_msg("%s", err.text);
}

static void assert_refused(const char *text, size_t len, enum err_code code,
			   const char *why)
{
	struct err err;
	char *const mark = (char *)(uintptr_t)0x10;
	struct ctl ctl = { .value = { mark } };
	assert_int_equal(ctl_read(text, len, &ctl, &err), -(int)code);
	assert_int_equal(err.code, code);
	assert_int_equal(err.retry, ERR_NEVER);
	assert_ptr_equal(ctl.value[0], mark);
	if (why)
		assert_string_equal(err.text, why);
	assert_int_equal(ctl_read(text, len, &ctl, NULL), -(int)code);
}

static void assert_written(const struct ctl *ctl, const char *expected)
{
	AUTO_BUF struct buf out;
	buf_init(&out, DATA_MAX);
	ctl_write(ctl, &out);
	assert_string_equal(out.data, expected);
	assert_int_equal(out.len, strlen(expected));
}

static void assert_same(const struct ctl *a, const struct ctl *b)
{
	for (size_t i = 0; i < CTL_COUNT; i++) {
		assert_int_equal(!a->value[i], !b->value[i]);
		if (a->value[i])
			assert_string_equal(a->value[i], b->value[i]);
	}
}

/* --- forms that are read --- */

static const char *const forms[] = {
	"sent",
	"sent-blank-in-end-tag",
	"sent-crlf-mixed-indent",
	"in-data",
	"in-data-no-indent",
	"in-dts-era-attributes",
	"in-report-collect",
	"out-address-type-all",
	"out-ascii-declared",
	"out-autorouting",
	"out-blanks-around-values",
	"out-cdata",
	"out-comments-and-instructions",
	"out-crlf-declaration",
	"out-entities",
	"out-latin1-declared",
	"out-leading-blank-line-upper-data",
	"out-minimal",
	"out-one-line",
	"out-tabs-no-final-newline",
	"out-template-trailing-blanks",
	"out-unknown-elements",
	"out-utf8-mark",
	"out-with-statusrecord",
};

static void test_forms_become_canonical(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		AUTO_BUF struct buf text;
		AUTO_BUF struct buf canonical;
		load(forms[i], ".ctl", &text);
		load(forms[i], ".canonical", &canonical);
		struct ctl ctl;
		read_ok(text.data, text.len, &ctl);
		assert_written(&ctl, canonical.data);
		ctl_release(&ctl);
	}
}

static void test_canonical_is_a_fixed_point(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		AUTO_BUF struct buf canonical;
		load(forms[i], ".canonical", &canonical);
		struct ctl ctl;
		read_ok(canonical.data, canonical.len, &ctl);
		assert_written(&ctl, canonical.data);
		ctl_release(&ctl);
	}
}

/* What the Java client wrote last is what we write, to the byte. */
static void test_own_forms_are_kept(void **state)
{
	(void)state;
	static const char *const own[] = { "sent", "in-data",
					   "in-report-collect" };
	for (size_t i = 0; i < COUNT(own); i++) {
		AUTO_BUF struct buf text;
		load(own[i], ".ctl", &text);
		struct ctl ctl;
		read_ok(text.data, text.len, &ctl);
		assert_written(&ctl, text.data);
		ctl_release(&ctl);
	}
}

struct value {
	const char *form;
	enum ctl_field field;
	const char *value; /* NULL: not there */
};

static const struct value values[] = {
	{ "sent", CTL_VERSION, "1.0" },
	{ "sent", CTL_FROM_ESMTP, NULL },
	{ "sent", CTL_STATUS_TEXT, "Data Transfer success confirmation." },
	{ "sent-blank-in-end-tag", CTL_IS_COMPRESSED, "Y" },
	{ "sent-blank-in-end-tag", CTL_STATUS_EVENT, "Transfer to relay" },
	{ "sent-blank-in-end-tag", CTL_STATUS_TEXT, "" },
	{ "sent-crlf-mixed-indent", CTL_STATUS_TIME, "20130207101500" },
	{ "in-dts-era-attributes", CTL_VERSION, "1.0" },
	{ "in-dts-era-attributes", CTL_TO_DTS, "newsite2" },
	{ "in-report-collect", CTL_MESSAGE_TYPE, "Report" },
	{ "out-blanks-around-values", CTL_SUBJECT,
	  "two  blanks\n    and a line" },
	{ "out-blanks-around-values", CTL_TO_DTS, "X26ABC2" },
	{ "out-blanks-around-values", CTL_LOCAL_ID, "id" },
	{ "out-blanks-around-values", CTL_PROCESS_ID, "" },
	{ "out-cdata", CTL_SUBJECT, "a <b> &amp; c" },
	{ "out-comments-and-instructions", CTL_LOCAL_ID, "ab" },
	{ "out-comments-and-instructions", CTL_VERSION, "1.0" },
	{ "out-crlf-declaration", CTL_DTS_ID, "" },
	{ "out-crlf-declaration", CTL_DATA_CHECKSUM, "" },
	{ "out-crlf-declaration", CTL_STATUS_EVENT, NULL },
	{ "out-entities", CTL_SUBJECT,
	  "Smith & Jones <ward 5> \"A\" 'B' \xe2\x82\xac" },
	{ "out-latin1-declared", CTL_SUBJECT,
	  "\xc3\x9c"
	  "berweisung f\xc3\xbcr Zo\xc3\xab" },
	{ "out-unknown-elements", CTL_VERSION, "1.0" },
	{ "out-unknown-elements", CTL_LOCAL_ID, NULL },
	{ "out-unknown-elements", CTL_STATUS_TIME, NULL },
	{ "out-unknown-elements", CTL_SUBJECT, NULL },
	{ "out-unknown-elements", CTL_COMPRESS, "N" },
	{ "out-with-statusrecord", CTL_STATUS_CODE, "00" },
};

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		AUTO_BUF struct buf text;
		load(values[i].form, ".ctl", &text);
		struct ctl ctl;
		read_ok(text.data, text.len, &ctl);
		const char *value = ctl.value[values[i].field];
		assert_int_equal(!value, !values[i].value);
		assert_string_equal(ctl_get(&ctl, values[i].field),
				    values[i].value ? values[i].value : "");
		ctl_release(&ctl);
	}
}

/* --- forms that are refused --- */

#define EARLY "ends too early: is it complete?"
#define CHARACTER                                                         \
	"has a character that is not allowed there: is one of & < > not " \
	"escaped, or is the file not saved in the encoding that it "      \
	"names (UTF-8 if none)?"
#define ENCODING "is not in UTF-8, ISO-8859-1 or US-ASCII"
#define DOCTYPE "has a DOCTYPE, which is not allowed"
#define AFTER "has something after the end of its root element"
#define NOT_ROOT                                                             \
	"line 1: the root element is not DTSControl: this is not a control " \
	"file"
#define DEEP "elements are nested more than 8 deep"

struct bad {
	const char *name;
	enum err_code code;
	const char *why;
};

static const struct bad bad_forms[] = {
	{ "bad-ascii-declared-utf8", ERR_INVALID, "line 8: " CHARACTER },
	{ "bad-bare-ampersand", ERR_INVALID, "line 7: " CHARACTER },
	{ "bad-binary", ERR_INVALID, "line 1: " CHARACTER },
	{ "bad-blank", ERR_INVALID, "line 3: " EARLY },
	{ "bad-control-character", ERR_INVALID, "line 7: " CHARACTER },
	{ "bad-control-reference", ERR_INVALID, NULL },
	{ "bad-declaration-after-blank-line", ERR_INVALID,
	  "line 2: has something before its XML declaration" },
	{ "bad-doctype", ERR_INVALID, "line 1: " DOCTYPE },
	{ "bad-doctype-external", ERR_INVALID, "line 2: " DOCTYPE },
	{ "bad-duplicate-checksum-spelling", ERR_INVALID,
	  "line 9: DataChecksum is there twice" },
	{ "bad-duplicate-element", ERR_INVALID,
	  "line 8: To_DTS is there twice" },
	{ "bad-duplicate-empty-element", ERR_INVALID,
	  "line 3: LocalId is there twice" },
	{ "bad-duplicate-in-statusrecord", ERR_INVALID,
	  "line 9: Event is there twice" },
	{ "bad-duplicate-statusrecord", ERR_INVALID,
	  "line 9: StatusRecord is there twice" },
	{ "bad-element-in-value", ERR_INVALID,
	  "line 6: To_DTS has an element inside" },
	{ "bad-empty", ERR_INVALID, "line 1: is empty" },
	{ "bad-entity-bomb", ERR_INVALID, "line 1: " DOCTYPE },
	{ "bad-gzip", ERR_INVALID, "line 1: " ENCODING },
	{ "bad-latin1-undeclared", ERR_INVALID, "line 7: " CHARACTER },
	{ "bad-mismatched-end", ERR_INVALID,
	  "line 7: an element is ended by another one's end tag" },
	{ "bad-nul-byte", ERR_INVALID, "line 1: " ENCODING },
	{ "bad-overlong-utf8", ERR_INVALID, "line 7: " CHARACTER },
	{ "bad-root-lower-case", ERR_INVALID, NOT_ROOT },
	{ "bad-root-prefix", ERR_INVALID, NOT_ROOT },
	{ "bad-surrogate", ERR_INVALID, "line 7: " CHARACTER },
	{ "bad-text-after-root", ERR_INVALID, "line 9: " AFTER },
	{ "bad-text-before-root", ERR_INVALID, "line 1: is not XML" },
	{ "bad-too-deep", ERR_LIMIT, "line 9: " DEEP },
	{ "bad-too-long-text", ERR_LIMIT,
	  "line 7: WorkflowId has more than 4096 bytes" },
	{ "bad-truncated", ERR_INVALID, "line 7: " EARLY },
	{ "bad-truncated-in-character", ERR_INVALID, "line 7: " EARLY },
	{ "bad-truncated-in-tag", ERR_INVALID, "line 7: " EARLY },
	{ "bad-two-roots", ERR_INVALID, "line 9: " AFTER },
	{ "bad-undefined-entity", ERR_INVALID, NULL },
	{ "bad-utf16-declared", ERR_INVALID,
	  "line 1: is not in the encoding that its declaration names" },
	{ "bad-utf16be-mark", ERR_INVALID, "line 1: " ENCODING },
	{ "bad-utf16le-mark", ERR_INVALID, "line 1: " ENCODING },
	{ "bad-utf16le-no-mark", ERR_INVALID, "line 1: " ENCODING },
	{ "bad-very-deep", ERR_LIMIT, "line 1: " DEEP },
	{ "bad-windows-1252-declared", ERR_INVALID, "line 1: " ENCODING },
	{ "bad-wrong-root", ERR_INVALID, NOT_ROOT },
};

static void test_bad_forms_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_forms); i++) {
		AUTO_BUF struct buf text;
		load(bad_forms[i].name, ".ctl", &text);
		assert_refused(text.data, text.len, bad_forms[i].code,
			       bad_forms[i].why);
	}
}

static bool is_listed(const char *file)
{
	size_t len = strlen(file) - strlen(".ctl");
	for (size_t i = 0; i < COUNT(forms); i++)
		if (strlen(forms[i]) == len &&
		    strncmp(forms[i], file, len) == 0)
			return true;
	for (size_t i = 0; i < COUNT(bad_forms); i++)
		if (strlen(bad_forms[i].name) == len &&
		    strncmp(bad_forms[i].name, file, len) == 0)
			return true;
	return false;
}

static void test_no_file_is_forgotten(void **state)
{
	(void)state;
	AUTO_FREE char *path = data_path("");
	DIR *dir = opendir(path);
	assert_non_null(dir);
	size_t count = 0;
	for (;;) {
		const struct dirent *entry = readdir(dir);
		if (!entry)
			break;
		const char *dot = strrchr(entry->d_name, '.');
		if (strcmp(dot, ".ctl") != 0)
			continue;
		if (!is_listed(entry->d_name))
			fail_msg("%s is in no list", entry->d_name);
		count++;
	}
	assert_int_equal(closedir(dir), 0);
	assert_int_equal(count, COUNT(forms) + COUNT(bad_forms));
}

/* --- limits --- */

static void test_size_limit(void **state)
{
	(void)state;
	AUTO_BUF struct buf text;
	load("out-minimal", ".ctl", &text);
	while (text.len < CTL_SIZE_MAX)
		assert_true(buf_append(&text, "\n", 1));
	struct ctl ctl;
	read_ok(text.data, text.len, &ctl);
	ctl_release(&ctl);
	assert_true(buf_append(&text, "\n", 1));
	assert_refused(text.data, text.len, ERR_LIMIT,
		       "line 1: a control file has at most 65536 bytes, this "
		       "one is larger");
}

static void put_subject(struct buf *text, size_t len)
{
	buf_clear(text);
	bool fits = buf_puts(text, "<DTSControl><Subject>");
	for (size_t i = 0; i < len; i++)
		fits = fits && buf_append(text, "s", 1);
	assert_true(fits && buf_puts(text, "</Subject></DTSControl>"));
}

static void test_text_limit(void **state)
{
	(void)state;
	AUTO_BUF struct buf text;
	buf_init(&text, DATA_MAX);
	put_subject(&text, CTL_TEXT_MAX);
	struct ctl ctl;
	read_ok(text.data, text.len, &ctl);
	assert_int_equal(strlen(ctl_get(&ctl, CTL_SUBJECT)), CTL_TEXT_MAX);
	ctl_release(&ctl);
	put_subject(&text, CTL_TEXT_MAX + 1);
	assert_refused(text.data, text.len, ERR_LIMIT,
		       "line 1: Subject has more than 4096 bytes");
}

static void test_depth_limit(void **state)
{
	(void)state;
	static const char fits[] =
		"<DTSControl><a><a><a><a><a><a><a/></a></a></a></a></a></a>"
		"</DTSControl>";
	struct ctl ctl;
	read_ok(fits, strlen(fits), &ctl);
	ctl_release(&ctl);
	static const char over[] =
		"<DTSControl><a><a><a><a><a><a><a><a/></a></a></a></a></a></a>"
		"</a></DTSControl>";
	assert_refused(over, strlen(over), ERR_LIMIT, "line 1: " DEEP);
}

/* --- damage --- */

static void test_every_cut_is_refused(void **state)
{
	(void)state;
	AUTO_BUF struct buf text;
	load("in-data", ".ctl", &text);
	/* without its last newline it is still complete */
	for (size_t len = 0; len < text.len - 1; len++)
		assert_refused(text.data, len, ERR_INVALID, NULL);
}

/* Read or refused, and what was read can be written and read again. */
static void check_any(const char *text, size_t len)
{
	struct ctl ctl;
	int r = ctl_read(text, len, &ctl, NULL);
	if (r < 0) {
		assert_true(r == -(int)ERR_INVALID || r == -(int)ERR_LIMIT);
		return;
	}
	if (!ctl.value[CTL_STATUS_EVENT])
		for (size_t i = CTL_STATUS_TIME; i < CTL_COUNT; i++)
			ctl_set(&ctl, (enum ctl_field)i, NULL);
	else
		for (size_t i = CTL_STATUS_TIME; i < CTL_COUNT; i++)
			if (!ctl.value[i])
				ctl_set(&ctl, (enum ctl_field)i, "");
	AUTO_BUF struct buf out;
	buf_init(&out, DATA_MAX);
	ctl_write(&ctl, &out);
	struct ctl again;
	read_ok(out.data, out.len, &again);
	assert_same(&ctl, &again);
	ctl_release(&ctl);
	ctl_release(&again);
}

static void test_any_changed_byte(void **state)
{
	(void)state;
	static const char others[] = "<>&/ \0\x80\xc3\r'";
	AUTO_BUF struct buf text;
	load("sent-blank-in-end-tag", ".ctl", &text);
	for (size_t i = 0; i < text.len; i++) {
		char old = text.data[i];
		for (size_t k = 0; k < sizeof(others) - 1; k++) {
			text.data[i] = others[k];
			check_any(text.data, text.len);
		}
		for (unsigned bit = 0; bit < 8; bit++) {
			text.data[i] = (char)((unsigned char)old ^ 1u << bit);
			check_any(text.data, text.len);
		}
		text.data[i] = old;
	}
}

/* --- writing --- */

static void test_write_order_and_absence(void **state)
{
	(void)state;
	struct ctl ctl;
	ctl_init(&ctl);
	assert_written(&ctl, "<DTSControl>\n</DTSControl>\n");
	ctl_set(&ctl, CTL_WORKFLOW_ID, "W");
	ctl_set(&ctl, CTL_PARTNER_ID, "");
	ctl_set(&ctl, CTL_VERSION, "1.0");
	assert_written(&ctl, "<DTSControl>\n"
			     "  <Version>1.0</Version>\n"
			     "  <PartnerId></PartnerId>\n"
			     "  <WorkflowId>W</WorkflowId>\n"
			     "</DTSControl>\n");
	ctl_set(&ctl, CTL_PARTNER_ID, NULL);
	ctl_set(&ctl, CTL_VERSION, NULL);
	assert_written(&ctl, "<DTSControl>\n"
			     "  <WorkflowId>W</WorkflowId>\n"
			     "</DTSControl>\n");
	ctl_release(&ctl);
}

static void test_write_status(void **state)
{
	(void)state;
	struct ctl ctl;
	ctl_init(&ctl);
	ctl_set(&ctl, CTL_STATUS_CODE, "00");
	assert_written(&ctl, "<DTSControl>\n</DTSControl>\n");
	ctl_set(&ctl, CTL_STATUS_EVENT, "SEND");
	assert_written(&ctl, "<DTSControl>\n"
			     "  <StatusRecord>\n"
			     "    <DateTime></DateTime>\n"
			     "    <Event>SEND</Event>\n"
			     "    <Status></Status>\n"
			     "    <StatusCode>00</StatusCode>\n"
			     "    <Description></Description>\n"
			     "  </StatusRecord>\n"
			     "</DTSControl>\n");
	ctl_set_status(&ctl, &(struct ctl_status){ .time = "20260614093012",
						   .event = "TRANSFER",
						   .success = false,
						   .code = "06",
						   .text = "a < b" });
	assert_written(&ctl, "<DTSControl>\n"
			     "  <StatusRecord>\n"
			     "    <DateTime>20260614093012</DateTime>\n"
			     "    <Event>TRANSFER</Event>\n"
			     "    <Status>ERROR</Status>\n"
			     "    <StatusCode>06</StatusCode>\n"
			     "    <Description>a &lt; b</Description>\n"
			     "  </StatusRecord>\n"
			     "</DTSControl>\n");
	ctl_set_status(&ctl, &(struct ctl_status){ .success = true });
	assert_string_equal(ctl_get(&ctl, CTL_STATUS), "SUCCESS");
	ctl_release(&ctl);
}

struct escape {
	const char *value;
	const char *written;
};

static const struct escape escapes[] = {
	{ "a & b < c > d \" '", "a &amp; b &lt; c &gt; d \" '" },
	{ "]]>", "]]&gt;" },
	{ "a\tb\nc\rd", "a\tb\nc&#13;d" },
	{ "a\x01"
	  "b\x1f"
	  "c\x0b"
	  "d\x7f",
	  "abcd\x7f" },
	{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
	  "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
	/* not UTF-8: alone, cut, too long, a surrogate, beyond the last */
	{ "a\x80z", "az" },
	{ "a\xc3", "a" },
	{ "a\xe2\x82z", "az" },
	{ "a\xc0\xafz", "az" },
	{ "a\xe0\x80\xafz", "az" },
	{ "a\xf0\x80\x80\xafz", "az" },
	{ "a\xed\xa0\x80z", "az" },
	{ "a\xf4\x90\x80\x80z", "az" },
	{ "a\xffz", "az" },
	{ "a\xef\xbf\xbez\xef\xbf\xbfy\xef\xbf\xbd", "azy\xef\xbf\xbd" },
};

static void test_write_escapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(escapes); i++) {
		struct ctl ctl;
		ctl_init(&ctl);
		ctl_set(&ctl, CTL_SUBJECT, escapes[i].value);
		AUTO_FREE char *expected =
			xasprintf("<DTSControl>\n  <Subject>%s</Subject>\n"
				  "</DTSControl>\n",
				  escapes[i].written);
		assert_written(&ctl, expected);
		check_any(expected, strlen(expected));
		ctl_release(&ctl);
	}
}

static void test_write_fits_whatever_is_set(void **state)
{
	(void)state;
	AUTO_FREE char *huge = xmalloc(DATA_MAX);
	memset(huge, '&', DATA_MAX - 1);
	huge[DATA_MAX - 1] = '\0';
	struct ctl ctl;
	ctl_init(&ctl);
	for (size_t i = 0; i < CTL_COUNT; i++)
		ctl_set(&ctl, (enum ctl_field)i, huge);
	AUTO_BUF struct buf out;
	buf_init(&out, (size_t)1 << 20);
	ctl_write(&ctl, &out);
	assert_true(out.len > CTL_COUNT * CTL_TEXT_MAX * 5);
	ctl_release(&ctl);
}

static void test_write_cuts_between_characters(void **state)
{
	(void)state;
	char value[CTL_TEXT_MAX + 8];
	memset(value, 'v', sizeof(value));
	memcpy(value + CTL_TEXT_MAX - 1, "\xc3\xa9", 3);
	struct ctl ctl;
	ctl_init(&ctl);
	ctl_set(&ctl, CTL_LOCAL_ID, value);
	AUTO_BUF struct buf out;
	buf_init(&out, DATA_MAX);
	ctl_write(&ctl, &out);
	struct ctl again;
	read_ok(out.data, out.len, &again);
	assert_int_equal(strlen(ctl_get(&again, CTL_LOCAL_ID)),
			 CTL_TEXT_MAX - 1);
	ctl_release(&again);
	ctl_release(&ctl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms_become_canonical),
		cmocka_unit_test(test_canonical_is_a_fixed_point),
		cmocka_unit_test(test_own_forms_are_kept),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_bad_forms_are_refused),
		cmocka_unit_test(test_no_file_is_forgotten),
		cmocka_unit_test(test_size_limit),
		cmocka_unit_test(test_text_limit),
		cmocka_unit_test(test_depth_limit),
		cmocka_unit_test(test_every_cut_is_refused),
		cmocka_unit_test(test_any_changed_byte),
		cmocka_unit_test(test_write_order_and_absence),
		cmocka_unit_test(test_write_status),
		cmocka_unit_test(test_write_escapes),
		cmocka_unit_test(test_write_fits_whatever_is_set),
		cmocka_unit_test(test_write_cuts_between_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
