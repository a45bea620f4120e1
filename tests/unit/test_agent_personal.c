/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/personal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/mailbox.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "spool/ctl.h"

static void check_mask(const char *text, const char *value, const char *wanted)
{
	AUTO_FREE char *copy = xstrdup(text);
	personal_mask(copy, &value, 1);
	assert_string_equal(copy, wanted);
}

static void test_mask(void **state)
{
	(void)state;
	check_mask("no name here", "SMITH", "no name here");
	check_mask("SMITH", "SMITH", "***");
	check_mask("a SMITH and smith, Smiths", "SMITH", "a *** and ***, ***s");
	check_mask("SMITHSMITH", "SMITH", "***");
	check_mask("Bob", "Bob", "***");
	check_mask("", "SMITH", "");
	check_mask("text", "", "text");
}

/* The part that is left of one when another in it is gone is a name, too. */
static void test_values_that_overlap(void **state)
{
	(void)state;
	static const char *const values[] = { "X26ABC2", "Mrs X at X26ABC2", "",
					      "at x26", "ABC2 end" };
	AUTO_FREE char *text = xstrdup("Mrs X at X26ABC2 or X26ABC2 END. at");
	personal_mask(text, values, sizeof(values) / sizeof(*values));
	assert_string_equal(text, "*** or ***. at");
}

static void test_short_value_stays(void **state)
{
	(void)state;
	check_mask("N is no NHS number", "N", "N is no NHS number");
	check_mask("NO is no number", "NO", "NO is no number");
}

static void test_cut_value(void **state)
{
	(void)state;
	check_mask("unknown: 9434765919_0101", "9434765919_01011980_SMITH",
		   "unknown: ***");
	check_mask("unknown: 943", "9434765919_01011980_SMITH", "unknown: 943");
}

static void fill(struct ctl *ctl)
{
	ctl_init(ctl);
	ctl_set(ctl, CTL_TO_DTS, "X26ABC2");
	ctl_set(ctl, CTL_SUBJECT, "a \"quoted\" one");
}

static void test_facts(void **state)
{
	(void)state;
	struct conf conf = { .log_personal_data = true };
	struct mailbox mailbox = { .conf = &conf };
	struct ctl ctl;
	fill(&ctl);
	AUTO_FREE char *shown = personal_facts(&mailbox, &ctl);
	assert_string_equal(shown,
			    " to=\"X26ABC2\" subject=\"a 'quoted' one\"");
	ctl_release(&ctl);
}

static void test_no_facts(void **state)
{
	(void)state;
	struct conf conf = { .log_personal_data = false };
	struct mailbox mailbox = { .conf = &conf };
	struct ctl ctl;
	fill(&ctl);
	AUTO_FREE char *shown = personal_facts(&mailbox, &ctl);
	assert_string_equal(shown, "");
	ctl_release(&ctl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mask),
		cmocka_unit_test(test_values_that_overlap),
		cmocka_unit_test(test_short_value_stays),
		cmocka_unit_test(test_cut_value),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_no_facts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
