/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/place.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "mesh/inbox.h"
#include "spool/delivery.h"

static char lab_a[] = "LAB_A";
static char lab_b[] = "LAB_B*";
static char all[] = "*";
static char lab[] = "lab";
static char more_labs[] = "labs";
static char rest[] = "rest";

static char *of_lab[] = { lab_a, lab_b };
static char *of_labs[] = { lab_b };
static char *of_rest[] = { all };

static struct conf_delivery deliveries[] = {
	{ .workflows = { of_lab, 2 }, .folder = lab, .second_name = true },
	{ .workflows = { of_labs, 1 }, .folder = more_labs },
	{ .workflows = { of_rest, 1 }, .folder = rest },
};

static struct conf_mailbox set = { .deliveries = deliveries };

static const char *folder_of(const char *workflow)
{
	const struct conf_delivery *found = place_find(&set, workflow);
	return found ? found->folder : "IN";
}

static void test_find(void **state)
{
	(void)state;
	set.delivery_count = 0;
	assert_string_equal(folder_of("LAB_A"), "IN");
	set.delivery_count = 2;
	assert_string_equal(folder_of("LAB_A"), "lab");
	assert_string_equal(folder_of("LAB_B"), "lab");
	assert_string_equal(folder_of("LAB_BLOOD"), "lab"); /* the first */
	assert_string_equal(folder_of("LAB_A2"), "IN");
	assert_string_equal(folder_of("lab_a"), "IN");
	assert_string_equal(folder_of("MY_LAB_B"), "IN");
	assert_string_equal(folder_of("LAB_"), "IN");
	assert_string_equal(folder_of(""), "IN");
	set.delivery_count = 3;
	assert_string_equal(folder_of("LAB_A"), "lab");
	assert_string_equal(folder_of("ANY"), "rest");
	assert_string_equal(folder_of(""), "rest");
}

static void choose(const char *workflow, const char *file_name, bool report,
		   struct delivery *ret)
{
	struct inbox_head head;
	inbox_head_init(&head);
	free(head.workflow);
	head.workflow = xstrdup(workflow);
	free(head.file_name);
	head.file_name = xstrdup(file_name);
	head.report = report;
	delivery_init(ret);
	(void)text_copy(ret->id, sizeof(ret->id), "M1");
	place_choose(&set, &head, ret);
	inbox_head_release(&head);
}

static void test_choose(void **state)
{
	(void)state;
	struct delivery delivery;
	set.delivery_count = 3;
	choose("LAB_A", "../x.pdf", false, &delivery);
	assert_string_equal(delivery.folder, "lab");
	assert_string_equal(delivery.second, "___x.pdf");
	choose("LAB_A", "", false, &delivery);
	assert_string_equal(delivery.folder, "lab");
	assert_string_equal(delivery.second, "");
	choose("ANY", "x.pdf", false, &delivery);
	assert_string_equal(delivery.folder, "rest");
	assert_string_equal(delivery.second, "");
	/* a report of the service */
	choose("LAB_A", "x.pdf", true, &delivery);
	assert_string_equal(delivery.folder, "");
	assert_string_equal(delivery.second, "");
	set.delivery_count = 1;
	choose("ANY", "x.pdf", false, &delivery);
	assert_string_equal(delivery.folder, "");
	assert_string_equal(delivery.second, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_choose),
	};
	return cmocka_run_group_tests_name("agent_place", tests, NULL, NULL);
}
