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

#include "base/err.h"
#include "import/proxyini.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct {
	const char *text;
	bool used;
	const char *host;
	const char *port;
	const char *user;
	const char *password;
	const char *unknown;
} goods[] = {
	{ "host=proxy.example\nport=8080\n", true, "proxy.example", "8080", "",
	  "", "" },
	{ "[Proxy]\r\nHost = p\r\nPort: 1\r\nUserName=u\r\nPassword=a=b;c\r\n",
	  true, "p", "1", "u", "a=b;c", "" },
	{ "https.proxyHost=s\nhttps.proxyPort=2\nhttp.proxyHost=h\n"
	  "http.proxyPort=1\n",
	  true, "s", "2", "", "", "" },
	{ "http.proxyHost=h\nhttp.proxyPort=1\nhttps.proxyHost=s\n"
	  "https.proxyPort=2",
	  true, "s", "2", "", "", "" },
	{ "PROXY_SERVER=p\nproxy-port=3\nproxyUser=u\nProxy_Pass=w", true, "p",
	  "3", "u", "w", "" },
	{ "proxy=http://p.example:3128/", true, "p.example", "3128", "", "",
	  "" },
	{ "host=p:81\nport=82", true, "p", "82", "", "", "" },
	{ "host=[::1]:81", true, "[::1]", "81", "", "", "" },
	{ "\xef\xbb\xbfhost=p\nport=1", true, "p", "1", "", "", "" },
	{ "useProxy=N\nhost=p\nport=1", false, "p", "1", "", "", "" },
	{ "proxyEnabled=true\nhost=p\nport=1", true, "p", "1", "", "", "" },
	{ "# host=p\n; port=1\n! x\n\n", false, "", "", "", "", "" },
	{ "", false, "", "", "", "", "" },
	{ "host=\nport=\n", false, "", "", "", "", "" },
	{ "host=p\nport=1\nntdomain=x\nfoo=y", true, "p", "1", "", "",
	  "ntdomain, foo" },
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++) {
		struct err err;
		struct proxyini ini;
		const char *text = goods[i].text;
		if (proxyini_read(text, strlen(text), &ini, &err) < 0)
			fail_msg("%s: %s", text, err.text);
		assert_int_equal(ini.used, goods[i].used);
		assert_string_equal(ini.values[PROXYINI_HOST], goods[i].host);
		assert_string_equal(ini.values[PROXYINI_PORT], goods[i].port);
		assert_string_equal(ini.values[PROXYINI_USER], goods[i].user);
		assert_string_equal(ini.values[PROXYINI_PASSWORD],
				    goods[i].password);
		assert_string_equal(ini.unknown.data, goods[i].unknown);
		assert_int_equal(ini.had_sections, strchr(text, '[') == text);
		proxyini_release(&ini);
	}
}

static const struct {
	const char *text;
	const char *why;
} bads[] = {
	{ "host=p", "no port" },
	{ "host=p\nport=0", "the proxy's port is not a number" },
	{ "host=p\nport=x", "the proxy's port is not a number" },
	{ "host=p\nport=65536", "the proxy's port is not a number" },
	{ "host=p\nhost=q\nport=1", "line 2: the proxy's host is there twice" },
	{ "host=p\nhello", "line 2: this is not 'name = value'" },
	{ "host=https://p:1", "with https" },
	{ "enabled=maybe", "neither yes nor no" },
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bads); i++) {
		struct err err;
		struct proxyini ini = { .used = true };
		const char *text = bads[i].text;
		assert_int_equal(proxyini_read(text, strlen(text), &ini, &err),
				 -(int)ERR_INVALID);
		if (!strstr(err.text, bads[i].why))
			fail_msg("%s: %s", text, err.text);
		assert_true(ini.used);
	}
	struct err err;
	struct proxyini ini;
	assert_int_equal(proxyini_read("h\0o", 3, &ini, &err),
			 -(int)ERR_INVALID);
}

static void test_long(void **state)
{
	(void)state;
	struct err err;
	struct proxyini ini;
	char text[2000];
	memset(text, 'x', sizeof(text));
	text[1000] = '=';
	/* a name that is long is only not known */
	assert_int_equal(proxyini_read(text, 1500, &ini, &err), 0);
	assert_true(ini.unknown.len > 0);
	proxyini_release(&ini);
	memcpy(text, "host=", 5);
	text[1000] = 'x';
	assert_int_equal(proxyini_read(text, sizeof(text), &ini, &err),
			 -(int)ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
