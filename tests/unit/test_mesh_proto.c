/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "mesh/proto.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct proto_message good = {
	.to = "X26ABC2",
	.workflow = "TEST_WORKFLOW",
	.subject = "a subject",
	.local_id = "L-1",
	.file_name = "a b.csv",
	.partner_id = "P",
	.process_id = "Q",
	.checksum = "SHA-256:00ff / x",
};

static void expect(const struct proto_message *message, const char *element,
		   const char *secret)
{
	struct err err = { .code = ERR_NONE };
	assert_int_equal(proto_check(message, &err), -ERR_INVALID);
	if (!strstr(err.text, element))
		fail_msg("'%s' does not name %s", err.text, element);
	if (secret && strstr(err.text, secret))
		fail_msg("'%s' says the value", err.text);
}

static void test_good(void **state)
{
	(void)state;
	struct err err;
	assert_int_equal(proto_check(&good, &err), 0);
	const struct proto_message least = { .to = "A",
					     .workflow = "B",
					     .subject = "" };
	assert_int_equal(proto_check(&least, &err), 0);
}

static void test_required(void **state)
{
	(void)state;
	struct proto_message message = good;
	message.to = NULL;
	expect(&message, "To_DTS", NULL);
	message.to = "";
	expect(&message, "To_DTS", NULL);
	message.to = "  ";
	expect(&message, "To_DTS", NULL);
	message = good;
	message.workflow = "";
	expect(&message, "WorkflowId", NULL);
}

struct value_rule {
	size_t at; /* of the member */
	const char *element;
	size_t max;
	bool no_url;
};

#define AT(member) offsetof(struct proto_message, member)

static const struct value_rule rules[] = {
	{ AT(to), "To_DTS", PROTO_TO_MAX, true },
	{ AT(workflow), "WorkflowId", PROTO_WORKFLOW_MAX, true },
	{ AT(subject), "Subject", PROTO_SUBJECT_MAX, false },
	{ AT(local_id), "LocalId", PROTO_LOCAL_ID_MAX, false },
	{ AT(file_name), "FileName", PROTO_FILE_NAME_MAX, false },
	{ AT(partner_id), "PartnerId", PROTO_PARTNER_MAX, false },
	{ AT(process_id), "ProcessId", PROTO_PARTNER_MAX, false },
	{ AT(checksum), "DataChecksum", PROTO_CHECKSUM_MAX, true },
};

static struct proto_message with(const struct value_rule *rule,
				 const char *value)
{
	struct proto_message message = good;
	memcpy((char *)&message + rule->at, &value, sizeof(value));
	return message;
}

static void test_values(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"SMITH\n",   "SMITH\r\nMex-To: EVIL", "SMITH\t", "SMITH\001",
		"SMITH\177", "SMITH\303\244",
	};
	struct err err;
	char longest[600];
	for (size_t i = 0; i < COUNT(rules); i++) {
		for (size_t k = 0; k < COUNT(bad); k++) {
			const struct proto_message message = with(&rules[i],
								  bad[k]);
			expect(&message, rules[i].element, "SMITH");
		}
		memset(longest, 'a', sizeof(longest));
		longest[rules[i].max] = '\0';
		struct proto_message message = with(&rules[i], longest);
		assert_int_equal(proto_check(&message, &err), 0);
		longest[rules[i].max] = 'a';
		longest[rules[i].max + 1] = '\0';
		message = with(&rules[i], longest);
		expect(&message, rules[i].element, "aaaa");
		message = with(&rules[i], "https://SMITH");
		if (rules[i].no_url)
			expect(&message, rules[i].element, "SMITH");
		else
			assert_int_equal(proto_check(&message, &err), 0);
	}
}

static void test_checksum(void **state)
{
	(void)state;
	static const char *const bad[] = { "a==", "a+b", "a_b", "a.b" };
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct proto_message message = good;
		message.checksum = bad[i];
		expect(&message, "DataChecksum", NULL);
	}
}

static void test_path(void **state)
{
	(void)state;
	const char *const parts[] = { "X26ABC1", "outbox", "a/b c?d%" };
	char path[PROTO_PATH_MAX];
	char large[PROTO_PATH_MAX];
	struct err err;
	assert_int_equal(proto_path(parts, 3, path, &err), 0);
	assert_string_equal(path, "/messageexchange/X26ABC1/outbox/"
				  "a%2Fb%20c%3Fd%25");
	memset(large, 'a', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	const char *const too_long[] = { large, "b" };
	assert_int_equal(proto_path(too_long, 2, path, &err), -ERR_INVALID);
	assert_string_equal(path, "/messageexchange/X26ABC1/outbox/"
				  "a%2Fb%20c%3Fd%25");
}

static void test_range(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok;
		unsigned chunk;
		unsigned count;
	} cases[] = {
		{ NULL, true, 1, 1 },	   { "", true, 1, 1 },
		{ "1:1", true, 1, 1 },	   { "2:3", true, 2, 3 },
		{ " 2 : 3 ", true, 2, 3 }, { "{2:3}", true, 2, 3 },
		{ "{ 2:3 }", true, 2, 3 }, { "1:0", true, 1, 1 },
		{ "0:0", true, 1, 1 },	   { "3:2", false, 0, 0 },
		{ "0:2", false, 0, 0 },	   { "2", false, 0, 0 },
		{ "x", false, 0, 0 },	   { "1:2:3", false, 0, 0 },
		{ "-1:2", false, 0, 0 },   { "{1:2", false, 0, 0 },
		{ "1:2}", false, 0, 0 },   { "1:99999999999", false, 0, 0 },
		{ "{", false, 0, 0 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned chunk = 0;
		unsigned count = 0;
		bool ok = proto_range_parse(cases[i].text, &chunk, &count);
		if (ok != cases[i].ok || chunk != cases[i].chunk ||
		    count != cases[i].count)
			fail_msg("'%s': %d %u %u",
				 cases[i].text ? cases[i].text : "NULL", ok,
				 chunk, count);
	}
	char range[PROTO_RANGE_SIZE];
	proto_range(4294967295u, 4294967295u, range);
	assert_string_equal(range, "4294967295:4294967295");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),   cmocka_unit_test(test_required),
		cmocka_unit_test(test_values), cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_path),   cmocka_unit_test(test_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
