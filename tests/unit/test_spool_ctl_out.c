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
#include "spool/ctl.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void assert_same(const struct ctl *a, const struct ctl *b)
{
	for (size_t i = 0; i < CTL_COUNT; i++) {
		assert_int_equal(!a->value[i], !b->value[i]);
		if (a->value[i])
			assert_string_equal(a->value[i], b->value[i]);
	}
}

/* --- the struct --- */

static void test_copy_and_release(void **state)
{
	(void)state;
	struct ctl a;
	struct ctl b;
	ctl_init(&a);
	ctl_init(&b);
	ctl_set(&a, CTL_SUBJECT, "s");
	ctl_set(&b, CTL_SUBJECT, "other");
	ctl_set(&b, CTL_LOCAL_ID, "gone");
	ctl_copy(&b, &a);
	assert_same(&a, &b);
	assert_ptr_not_equal(a.value[CTL_SUBJECT], b.value[CTL_SUBJECT]);
	ctl_copy(&a, &a);
	assert_string_equal(ctl_get(&a, CTL_SUBJECT), "s");
	/* a value may be set from itself */
	ctl_set(&a, CTL_SUBJECT, ctl_get(&a, CTL_SUBJECT));
	assert_string_equal(ctl_get(&a, CTL_SUBJECT), "s");
	ctl_release(&a);
	ctl_release(&a);
	ctl_release(&b);
	ctl_release(NULL);
	assert_string_equal(ctl_get(&a, CTL_SUBJECT), "");
}

static void test_flags(void **state)
{
	(void)state;
	struct ctl ctl;
	ctl_init(&ctl);
	bool value = false;
	assert_true(ctl_flag(&ctl, CTL_COMPRESS, true, &value));
	assert_true(value);
	ctl_set(&ctl, CTL_COMPRESS, "");
	assert_true(ctl_flag(&ctl, CTL_COMPRESS, false, &value));
	assert_false(value);
	ctl_set(&ctl, CTL_COMPRESS, "y");
	assert_true(ctl_flag(&ctl, CTL_COMPRESS, false, &value));
	assert_true(value);
	ctl_set(&ctl, CTL_COMPRESS, "N");
	assert_true(ctl_flag(&ctl, CTL_COMPRESS, true, &value));
	assert_false(value);
	value = true;
	ctl_set(&ctl, CTL_COMPRESS, "perhaps");
	assert_false(ctl_flag(&ctl, CTL_COMPRESS, false, &value));
	assert_true(value);
	ctl_release(&ctl);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(ctl_field_name(CTL_TO_DTS), "To_DTS");
	assert_string_equal(ctl_field_name(CTL_DATA_CHECKSUM), "DataChecksum");
	assert_string_equal(ctl_field_name(CTL_STATUS_TEXT), "Description");
	for (size_t i = 0; i < CTL_COUNT; i++)
		assert_non_null(ctl_field_name((enum ctl_field)i));
}

/* --- what OUT must have --- */

#define SECRET "secret-value"

struct rule {
	enum ctl_field field;
	const char *value; /* put in place of the good one */
	int result;
	const char *word; /* in the text of the failure */
};

static const struct rule rules[] = {
	{ CTL_VERSION, NULL, 0, NULL },
	{ CTL_VERSION, "3", 0, NULL },
	{ CTL_ADDRESS_TYPE, NULL, 0, NULL },
	{ CTL_ADDRESS_TYPE, "", 0, NULL },
	{ CTL_ADDRESS_TYPE, "all", 0, NULL },
	{ CTL_ADDRESS_TYPE, "smtp", 0, NULL },
	{ CTL_ADDRESS_TYPE, "FAX", -(int)ERR_INVALID, "AddressType" },
	{ CTL_MESSAGE_TYPE, NULL, 0, NULL },
	{ CTL_MESSAGE_TYPE, "", 0, NULL },
	{ CTL_MESSAGE_TYPE, "DATA", 0, NULL },
	{ CTL_MESSAGE_TYPE, "Report", -(int)ERR_INVALID, "MessageType" },
	{ CTL_FROM_DTS, NULL, 0, NULL },
	{ CTL_FROM_DTS, "", 0, NULL },
	{ CTL_FROM_DTS, "x26Abc1", 0, NULL },
	{ CTL_FROM_DTS, "X26ABC9", -(int)ERR_REFUSED,
	  "From_DTS is not this mailbox" },
	{ CTL_TO_DTS, NULL, -(int)ERR_INVALID, "To_DTS" },
	{ CTL_TO_DTS, "", -(int)ERR_INVALID, "To_DTS" },
	{ CTL_SUBJECT, NULL, 0, NULL },
	{ CTL_WORKFLOW_ID, NULL, 0, NULL },
	{ CTL_COMPRESS, "maybe", -(int)ERR_INVALID, "Compress" },
	{ CTL_COMPRESS, "", 0, NULL },
	{ CTL_ENCRYPTED, "X", -(int)ERR_INVALID, "Encrypted" },
	{ CTL_ENCRYPTED, "true", 0, NULL },
	{ CTL_IS_COMPRESSED, "gzip", 0, NULL },
	{ CTL_ALLOW_CHUNKING, "2", -(int)ERR_INVALID, "AllowChunking" },
	{ CTL_ALLOW_CHUNKING, "n", 0, NULL },
	{ CTL_STATUS_EVENT, "TRANSFER", 0, NULL },
};

static void fill_good(struct ctl *ctl)
{
	ctl_init(ctl);
	ctl_set(ctl, CTL_VERSION, "1.0");
	ctl_set(ctl, CTL_ADDRESS_TYPE, "DTS");
	ctl_set(ctl, CTL_MESSAGE_TYPE, "Data");
	ctl_set(ctl, CTL_FROM_DTS, "X26ABC1");
	ctl_set(ctl, CTL_TO_DTS, SECRET);
	ctl_set(ctl, CTL_SUBJECT, SECRET);
	ctl_set(ctl, CTL_LOCAL_ID, SECRET);
	ctl_set(ctl, CTL_WORKFLOW_ID, "DEMO_LETTERS");
}

static void test_out_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++) {
		struct ctl ctl;
		struct err err;
		fill_good(&ctl);
		err_clear(&err);
		ctl_set(&ctl, rules[i].field, rules[i].value);
		int r = ctl_check_out(&ctl, "X26ABC1", &err);
		assert_int_equal(r, rules[i].result);
		if (r < 0) {
			assert_non_null(strstr(err.text, rules[i].word));
			assert_null(strstr(err.text, SECRET));
		}
		ctl_release(&ctl);
	}
}

static void test_out_by_mail_only(void **state)
{
	(void)state;
	struct ctl ctl;
	struct err err;
	fill_good(&ctl);
	ctl_set(&ctl, CTL_ADDRESS_TYPE, "SMTP");
	ctl_set(&ctl, CTL_TO_DTS, NULL);
	assert_int_equal(ctl_check_out(&ctl, "X26ABC1", &err),
			 -(int)ERR_INVALID);
	assert_non_null(strstr(err.text, "SMTP"));
	assert_non_null(strstr(err.text, "To_DTS"));
	ctl_release(&ctl);
}

static void test_out_codes(void **state)
{
	(void)state;
	static const struct {
		enum ctl_field field;
		const char *value;
		const char *code;
	} codes[] = {
		{ CTL_FROM_DTS, "X26ABC9", "07" },
		{ CTL_TO_DTS, "", "08" },
		{ CTL_ADDRESS_TYPE, "POST", "10" },
		{ CTL_MESSAGE_TYPE, "Report", "11" },
		{ CTL_COMPRESS, "perhaps", "06" },
	};
	for (size_t i = 0; i < COUNT(codes); i++) {
		struct ctl ctl;
		struct err err;
		const char *code = NULL;
		fill_good(&ctl);
		assert_int_equal(ctl_judge_out(&ctl, "X26ABC1", &code, &err),
				 0);
		assert_null(code);
		ctl_set(&ctl, codes[i].field, codes[i].value);
		assert_true(ctl_judge_out(&ctl, "X26ABC1", &code, &err) < 0);
		assert_string_equal(code, codes[i].code);
		ctl_release(&ctl);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy_and_release),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_out_rules),
		cmocka_unit_test(test_out_by_mail_only),
		cmocka_unit_test(test_out_codes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
