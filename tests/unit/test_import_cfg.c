/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "import/cfg.h"
#include "import/expand.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *value_of(const struct cfg *cfg, enum cfg_field field)
{
	return cfg_text(&cfg->common, field);
}

static void read_ok(const char *text, struct cfg *ret)
{
	struct err err;
	if (cfg_read(text, strlen(text), ret, &err) < 0)
		fail_msg("%s", err.text);
}

static void test_all_elements(void **state)
{
	(void)state;
	struct cfg cfg;
	AUTO_BUF struct buf text;
	buf_init(&text, 65536);
	assert_true(buf_puts(&text, "<?xml version=\"1.0\"?>\n<MESHConfig>"));
	for (size_t i = 0; i < CFG_CLIENT_IDENTITY; i++)
		assert_true(buf_printf(&text, "<%s>v%zu</%s>\n",
				       cfg_name((enum cfg_field)i), i,
				       cfg_name((enum cfg_field)i)));
	assert_true(buf_puts(&text, "<Client>\n"));
	for (size_t i = CFG_CLIENT_IDENTITY; i < CFG_FIELD_COUNT; i++)
		assert_true(buf_printf(&text, "<%s>v%zu</%s>\n",
				       cfg_name((enum cfg_field)i), i,
				       cfg_name((enum cfg_field)i)));
	assert_true(buf_puts(&text, "</Client></MESHConfig>"));
	read_ok(text.data, &cfg);
	assert_int_equal(cfg.client_count, 1);
	for (size_t i = 0; i < CFG_FIELD_COUNT; i++) {
		AUTO_FREE char *want = xasprintf("v%zu", i);
		const struct cfg_part *part = i < CFG_CLIENT_IDENTITY ?
						      &cfg.common :
						      cfg.clients;
		assert_string_equal(part->values[i].text, want);
	}
	assert_int_equal(cfg.common.values[CFG_PRIMARY_URL].line, 2);
	assert_int_equal(cfg.common.values[CFG_LOG_PATH].line, 3);
	cfg_release(&cfg);
}

/* Clients first, between and last; blanks, CDATA, comments, references. */
static void test_any_order(void **state)
{
	(void)state;
	struct cfg cfg;
	static const char text[] =
		"\xef\xbb\xbf<MESHConfig xmlns:xsi='x'>\r\n"
		"<Client><ClientIdentity>A</ClientIdentity></Client>"
		"<!-- old --><PollPeriod> 30\r\n </PollPeriod>"
		"<Client><ClientIdentity>B</ClientIdentity></Client>"
		"<KeyStorePassword><![CDATA[a<b]]>&#163;&amp;"
		"</KeyStorePassword>\n<ProxyPath/>"
		"<Client><ClientIdentity>C</ClientIdentity></Client>"
		"</MESHConfig>\n";
	read_ok(text, &cfg);
	assert_int_equal(cfg.client_count, 3);
	assert_string_equal(cfg_text(&cfg.clients[2], CFG_CLIENT_IDENTITY),
			    "C");
	assert_string_equal(value_of(&cfg, CFG_POLL_PERIOD), "30");
	assert_string_equal(value_of(&cfg, CFG_KEYSTORE_PASSWORD),
			    "a<b\xc2\xa3&");
	assert_null(value_of(&cfg, CFG_PROXY_PATH)); /* empty */
	assert_non_null(cfg.common.values[CFG_PROXY_PATH].text);
	assert_null(cfg.common.values[CFG_LOG_PATH].text);
	cfg_release(&cfg);
}

static void test_encodings(void **state)
{
	(void)state;
	struct cfg cfg;
	read_ok("<?xml version='1.0' encoding='ISO-8859-1'?><MESHConfig>"
		"<KeyStorePassword>\xa3</KeyStorePassword></MESHConfig>",
		&cfg);
	assert_string_equal(value_of(&cfg, CFG_KEYSTORE_PASSWORD), "\xc2\xa3");
	cfg_release(&cfg);
}

static const struct {
	const char *text;
	enum err_code code;
	const char *why;
} bads[] = {
	{ "", ERR_INVALID, "line 1: is empty" },
	{ "<MESHConfig>", ERR_INVALID, "ends too early" },
	{ "hello", ERR_INVALID, "line 1: is not XML" },
	{ "<DTSControl/>", ERR_INVALID, "the root element is not MESHConfig" },
	{ "<MESHConfig>\n<Foo>1</Foo></MESHConfig>", ERR_INVALID,
	  "line 2: <Foo> is not known" },
	{ "<MESHConfig>\n<pollperiod>1</pollperiod></MESHConfig>", ERR_INVALID,
	  "line 2: <pollperiod> is not known" },
	{ "<MESHConfig><Client>\n\n<Bar/></Client></MESHConfig>", ERR_INVALID,
	  "line 3: <Bar> is not known" },
	{ "<MESHConfig><Client><Client/></Client></MESHConfig>", ERR_INVALID,
	  "<Client> is not known" },
	{ "<MESHConfig><PollPeriod>1</PollPeriod>\n"
	  "<PollPeriod>2</PollPeriod></MESHConfig>",
	  ERR_INVALID,
	  "line 2: <PollPeriod> is there twice; it was already on "
	  "line 1" },
	{ "<MESHConfig><Client><SaveSent/>\n<SaveSent/></Client></MESHConfig>",
	  ERR_INVALID, "line 2: <SaveSent> is there twice" },
	{ "<MESHConfig><SaveSent>Y</SaveSent></MESHConfig>", ERR_INVALID,
	  "<SaveSent> belongs inside a <Client>" },
	{ "<MESHConfig><Client><LogPath>Y</LogPath></Client></MESHConfig>",
	  ERR_INVALID, "<LogPath> belongs outside of <Client>" },
	{ "<MESHConfig><LogPath><b/></LogPath></MESHConfig>", ERR_INVALID,
	  "<LogPath> has an element inside" },
	{ "<MESHConfig><LogPath a='1'>x</LogPath></MESHConfig>", ERR_INVALID,
	  "attribute 'a' of <LogPath>" },
	{ "<MESHConfig>x</MESHConfig>", ERR_INVALID, "text between" },
	{ "<!DOCTYPE a [<!ENTITY b 'c'>]><MESHConfig/>", ERR_INVALID,
	  "DOCTYPE" },
	{ "<MESHConfig><LogPath>a&b</LogPath></MESHConfig>", ERR_INVALID,
	  "character that is not allowed" },
	{ "<MESHConfig><KeyStorePassword>\xa3</KeyStorePassword></MESHConfig>",
	  ERR_INVALID, "not saved in the encoding" },
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bads); i++) {
		struct err err;
		struct cfg cfg = { .client_count = 4711 };
		const char *text = bads[i].text;
		assert_int_equal(cfg_read(text, strlen(text), &cfg, &err),
				 -(int)bads[i].code);
		if (!strstr(err.text, bads[i].why) ||
		    strncmp(err.text, "line ", 5) != 0)
			fail_msg("%s: %s", text, err.text);
		assert_int_equal(cfg.client_count, 4711);
		assert_true(cfg_read(text, strlen(text), &cfg, NULL) < 0);
	}
}

static void test_limits(void **state)
{
	(void)state;
	struct err err;
	struct cfg cfg;
	AUTO_BUF struct buf text;
	buf_init(&text, CFG_SIZE_MAX + 100);
	assert_true(buf_puts(&text, "<MESHConfig><LogPath>"));
	for (size_t i = 0; i <= CFG_VALUE_MAX; i++)
		assert_true(buf_puts(&text, "x"));
	assert_true(buf_puts(&text, "</LogPath></MESHConfig>"));
	assert_int_equal(cfg_read(text.data, text.len, &cfg, &err),
			 -(int)ERR_LIMIT);
	buf_clear(&text);
	assert_true(buf_puts(&text, "<MESHConfig>"));
	for (size_t i = 0; i <= CFG_CLIENTS_MAX; i++)
		assert_true(buf_puts(&text, "<Client/>"));
	assert_true(buf_puts(&text, "</MESHConfig>"));
	assert_int_equal(cfg_read(text.data, text.len, &cfg, &err),
			 -(int)ERR_LIMIT);
	while (text.len <= CFG_SIZE_MAX)
		assert_true(buf_puts(&text, " "));
	assert_int_equal(cfg_read(text.data, text.len, &cfg, &err),
			 -(int)ERR_LIMIT);
}

/* --- variables --- */

static const char *look_up(void *ctx, const char *name)
{
	(void)ctx;
	if (strcmp(name, "HOME_DIR") == 0)
		return "/srv";
	if (strcmp(name, "id2") == 0)
		return "X26";
	return strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

static const struct {
	const char *text;
	bool wanted;
	const char *result; /* NULL: one that is not set */
} values[] = {
	{ "plain", false, "plain" },
	{ "", false, "" },
	{ "$HOME_DIR", true, "/srv" },
	{ "${HOME_DIR}x", true, "/srvx" },
	{ "$HOME_DIR/$id2", true, "/srv/X26" },
	{ "a$HOME_DIR", false, "a/srv" },
	{ "$id2", false, "X26" },
	{ "$EMPTY", true, "" },
	{ "$NOT_SET", true, NULL },
	{ "${NOT_SET}", true, NULL },
	{ "5$", false, "5$" },
	{ "$", false, "$" },
	{ "$$", false, "$$" },
	{ "$1", false, "$1" },
	{ "$-x", false, "$-x" },
	{ "${}", false, "${}" },
	{ "${HOME_DIR", false, "${HOME_DIR" },
	{ "${HOME-DIR}", false, "${HOME-DIR}" },
};

static void test_expand(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		struct err err;
		AUTO_BUF struct buf got;
		buf_init(&got, 100);
		assert_int_equal(expand_is_wanted(values[i].text),
				 values[i].wanted);
		int r = expand_text(values[i].text, look_up, NULL, &got, &err);
		if (values[i].result) {
			assert_int_equal(r, 0);
			assert_string_equal(got.data, values[i].result);
		} else {
			assert_int_equal(r, -(int)ERR_MISSING);
			assert_non_null(strstr(err.text, "'NOT_SET'"));
		}
	}
}

static void test_expand_limit(void **state)
{
	(void)state;
	struct err err;
	AUTO_BUF struct buf got;
	buf_init(&got, 5);
	assert_int_equal(expand_text("$HOME_DIR$HOME_DIR", look_up, NULL, &got,
				     &err),
			 -(int)ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_elements),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_expand_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
