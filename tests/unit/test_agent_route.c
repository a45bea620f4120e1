/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "agent/open.h"
#include "agent/route.h"
#include "base/text.h"
#include "conf/conf.h"
#include "spool/ctl.h"
#include "spool/job.h"

#define SET(array, text) ((void)text_copy(array, sizeof(array), text))

static struct conf_route routes[] = {
	{
		.folder = (char[]){ "letters" },
		.match = (char[]){ "{to}_*.pdf" },
		.to = (char[]){ "{to}" },
		.workflow = (char[]){ "TOC_DISCH_DMS" },
		.subject = (char[]){ "{filename} of {date}" },
		.local_id = (char[]){ "{stem}-{time}" },
		.compress = true,
		.allow_chunking = true,
	},
	{
		.folder = (char[]){ "letters" },
		.match = (char[]){ "*.txt" },
		.to = (char[]){ "X26ABC2" },
		.workflow = (char[]){ "TEXTS" },
		.subject = (char[]){ "" },
		.local_id = (char[]){ "" },
		.encrypted = true,
	},
	{
		.folder = (char[]){ "all" },
		.match = (char[]){ "*" },
		.to = (char[]){ "{stem}" },
		.workflow = (char[]){ "ANY" },
		.subject = (char[]){ "{{{filename}" },
		.local_id = (char[]){ "" },
	},
};

static const struct conf_mailbox set = {
	.id = "X26ABC1",
	.routes = routes,
	.route_count = sizeof(routes) / sizeof(*routes),
};

static void expect_route(const char *folder, const char *name, int wanted,
			 const char *wanted_to)
{
	char to[TEXT_NAME_SIZE] = "";
	const struct conf_route *found = route_find(&set, folder, name, to);
	assert_ptr_equal(found, wanted < 0 ? NULL : &routes[wanted]);
	if (found)
		assert_string_equal(to, wanted_to);
}

static void test_find(void **state)
{
	(void)state;
	expect_route("letters", "GP0001_x.pdf", 0, "GP0001");
	expect_route("Letters", "GP0001_x.pdf", 0, "GP0001");
	expect_route("letters", "a.txt", 1, "");
	expect_route("letters", "_x.pdf", -1, "");
	expect_route("letters", "a.doc", -1, "");
	expect_route("all", "a.doc", 2, "");
	expect_route("other", "a.txt", -1, "");
}

static void make(size_t route, const char *name, struct ctl *ret)
{
	char to[TEXT_NAME_SIZE] = "";
	assert_ptr_equal(route_find(&set, routes[route].folder, name, to),
			 &routes[route]);
	const struct route_file file = {
		.name = name,
		.to = to,
		.stamp = "20261122083159",
	};
	route_control(&routes[route], set.id, &file, ret);
}

static void expect(const struct ctl *ctl, enum ctl_field field,
		   const char *wanted)
{
	assert_string_equal(ctl_get(ctl, field), wanted);
}

static void test_control(void **state)
{
	(void)state;
	struct ctl ctl;
	make(0, "GP0001_a & b.pdf", &ctl);
	expect(&ctl, CTL_VERSION, "1.0");
	expect(&ctl, CTL_ADDRESS_TYPE, "DTS");
	expect(&ctl, CTL_MESSAGE_TYPE, "Data");
	expect(&ctl, CTL_FROM_DTS, "X26ABC1");
	expect(&ctl, CTL_TO_DTS, "GP0001");
	expect(&ctl, CTL_SUBJECT, "GP0001_a & b.pdf of 20261122");
	expect(&ctl, CTL_LOCAL_ID, "GP0001_a & b-083159");
	expect(&ctl, CTL_WORKFLOW_ID, "TOC_DISCH_DMS");
	expect(&ctl, CTL_COMPRESS, "Y");
	expect(&ctl, CTL_ENCRYPTED, "N");
	expect(&ctl, CTL_ALLOW_CHUNKING, "Y");
	assert_int_equal(ctl_check_out(&ctl, "X26ABC1", NULL), 0);
	ctl_release(&ctl);
	make(1, "a.txt", &ctl);
	expect(&ctl, CTL_TO_DTS, "X26ABC2");
	expect(&ctl, CTL_SUBJECT, "");
	expect(&ctl, CTL_LOCAL_ID, "");
	expect(&ctl, CTL_COMPRESS, "N");
	expect(&ctl, CTL_ENCRYPTED, "Y");
	expect(&ctl, CTL_ALLOW_CHUNKING, "N");
	ctl_release(&ctl);
}

/* A name becomes safe where it only describes, and is refused where it says
 * who gets the message. */
static void test_bytes_of_no_header(void **state)
{
	(void)state;
	struct ctl ctl;
	make(2, "X26\xc3\xa9\xff", &ctl);
	expect(&ctl, CTL_SUBJECT, "{X26___");
	const char *to = ctl_get(&ctl, CTL_TO_DTS);
	assert_memory_equal(to, "X26", 3);
	assert_int_equal(strlen(to), 12);
	assert_false(text_is_header_value(to, 100));
	ctl_release(&ctl);
}

/* The longest name, each byte of it refused. */
static void test_longest(void **state)
{
	(void)state;
	char name[TEXT_NAME_SIZE];
	memset(name, 0xe9, sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	struct ctl ctl;
	make(2, name, &ctl);
	assert_int_equal(strlen(ctl_get(&ctl, CTL_TO_DTS)), 765);
	assert_int_equal(strlen(ctl_get(&ctl, CTL_SUBJECT)), 256);
	ctl_release(&ctl);
}

static void test_file_name(void **state)
{
	(void)state;
	struct job job;
	char name[TEXT_NAME_SIZE + 8];
	job_init(&job);
	SET(job.route, "letters");
	SET(job.ctl_name, "caf\xc3\xa9.pdf.ctl");
	SET(job.dat_name, "caf\xc3\xa9.pdf");
	open_file_name(&job, name, sizeof(name));
	assert_string_equal(name, "caf__.pdf");
	SET(job.route, "");
	SET(job.dat_name, "a.DAT");
	open_file_name(&job, name, sizeof(name));
	assert_string_equal(name, "a.dat");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_bytes_of_no_header),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_file_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
