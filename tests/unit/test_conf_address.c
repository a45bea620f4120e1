/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* Addresses in settings, and the service's environments. */
#include "config.h"

#include "conf/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

static void takes_an_address_apart(void **state)
{
	(void)state;
	struct address a;
	const char *text = "HTTPS://Mesh.example:8443/x?y";
	assert_null(address_parse(text, &a));
	assert_false(a.plain);
	assert_ptr_equal(a.host, text + 8);
	assert_int_equal(a.host_len, 12);
	assert_true(a.has_port);
	assert_int_equal(a.len, 17);
	assert_string_equal(a.rest, "/x?y");
	assert_null(address_parse("http://[::1]", &a));
	assert_true(a.plain);
	assert_false(a.has_port);
	assert_int_equal(a.host_len, 5);
	assert_string_equal(a.rest, "");
}

static void is_untouched_on_failure(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"a",
		"ftp://a",
		"https://",
		"https://u@a",
		"https://a:",
		"https://a b",
		"https://[::1",
		"http://a:0",
		"http://:1",
	};
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct address a = { .len = 77 };
		assert_non_null(address_parse(wrong[i], &a));
		assert_int_equal(a.len, 77);
	}
}

static void check_below(const char *text, bool below)
{
	struct address a;
	assert_null(address_parse(text, &a));
	assert_int_equal(address_is_below(&a, "nhs.uk"), below);
}

static void knows_what_is_below_a_domain(void **state)
{
	(void)state;
	check_below("https://nhs.uk", true);
	check_below("https://NHS.UK:443/", true);
	check_below("https://a.b.nhs.uk/x", true);
	check_below("https://xnhs.uk", false);
	check_below("https://nhs.uk.example", false);
	check_below("https://a/.nhs.uk", false);
	check_below("https://uk", false);
}

static void knows_the_environments(void **state)
{
	(void)state;
	assert_string_equal(address_of_environment("live"),
			    "https://mesh-sync.spineservices.nhs.uk");
	assert_string_equal(address_of_environment("int"),
			    "https://msg.intspineservices.nhs.uk");
	assert_string_equal(address_of_environment("dep"),
			    "https://msg.depspineservices.nhs.uk");
	assert_null(address_of_environment("Live"));
	assert_null(address_of_environment(""));
}

static const struct {
	const char *old;
	const char *now; /* NULL: it is not an old one */
} networks[] = {
	{ "https://mesh-sync.national.ncrs.nhs.uk",
	  "https://mesh-sync.spineservices.nhs.uk" },
	{ "https://MESH-SYNC.National.NCRS.nhs.uk:443/messageexchange",
	  "https://mesh-sync.spineservices.nhs.uk" },
	{ "https://msg.int.spine2.ncrs.nhs.uk",
	  "https://msg.intspineservices.nhs.uk" },
	{ "https://msg.dep.spine2.ncrs.nhs.uk/",
	  "https://msg.depspineservices.nhs.uk" },
	{ "https://other.spine2.ncrs.nhs.uk",
	  "https://mesh-sync.spineservices.nhs.uk" },
	{ "https://msg.spine2.ncrs.nhs.uk",
	  "https://mesh-sync.spineservices.nhs.uk" },
	{ "https://spine2.ncrs.nhs.uk",
	  "https://mesh-sync.spineservices.nhs.uk" },
	{ "https://msg.intspineservices.nhs.uk", NULL },
	{ "https://mesh-sync.spineservices.nhs.uk", NULL },
	{ "https://ncrs.nhs.uk", NULL },
	{ "https://127.0.0.1", NULL },
};

static void knows_what_the_internet_has_instead(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(networks); i++) {
		struct address a;
		assert_null(address_parse(networks[i].old, &a));
		AUTO_FREE char *now = address_instead_of(&a);
		if (networks[i].now)
			assert_string_equal(now, networks[i].now);
		else
			assert_null(now);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_an_address_apart),
		cmocka_unit_test(is_untouched_on_failure),
		cmocka_unit_test(knows_what_is_below_a_domain),
		cmocka_unit_test(knows_the_environments),
		cmocka_unit_test(knows_what_the_internet_has_instead),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
