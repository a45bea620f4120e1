/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/resolve.h"
#include "base/clock.h"
#include "base/text.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define HOUR (3600 * CLOCK_SECOND)
/* What the service's clock and ours may be apart. */
#define SKEW (2 * HOUR)
/* 2026-11-22T07:06:00Z */
#define OPENING (INT64_C(1795331160) * CLOCK_SECOND)
#define NOW (OPENING + 5 * 60 * CLOCK_SECOND)
#define ID "20261122070601123456_A1B2C3"
#define OLD_ID "20261121070601123456_D4E5F6"

/* --- a case in which everything agrees, for a test to change --- */

static struct reply_track track_that_agrees(void)
{
	struct reply_track track = {
		.message_id = ID,
		.local_id = "letters-0417",
		.recipient = "X26ABC2",
		.workflow = "DEMO_LETTERS",
		.file_name = "letters.dat",
		.status = REPLY_STATUS_ACCEPTED,
		.file_size = 4711,
		.uploaded_ns = OPENING + CLOCK_SECOND,
	};
	return track;
}

static struct resolve_case case_of(const struct reply_track *track)
{
	struct resolve_case facts = {
		.to = "X26ABC2",
		.workflow = "DEMO_LETTERS",
		.file_name = "letters.dat",
		.size = 4711,
		.body_size = 815,
		.opening_ns = OPENING,
		.now_ns = NOW,
		.baseline = "none",
		.absent = 0,
		.found = TRACK_ONE,
		.track = track,
	};
	return facts;
}

/* Every verdict has a sentence that fits a record. */
static enum resolve_verdict decide(const struct resolve_case *facts)
{
	const char *why = NULL;
	enum resolve_verdict verdict = resolve_decide(facts, &why);
	assert_non_null(why);
	assert_true(text_is_header_value(why, 255));
	assert_string_not_equal(why, "");
	return verdict;
}

static enum resolve_verdict decide_track(const struct reply_track *track)
{
	struct resolve_case facts = case_of(track);
	return decide(&facts);
}

/* --- none, several --- */

static void test_none_once_asks_again(void **state)
{
	(void)state;
	struct resolve_case facts = case_of(NULL);
	facts.found = TRACK_NONE;
	assert_int_equal(decide(&facts), RESOLVE_AGAIN);
}

static void test_none_twice_resends(void **state)
{
	(void)state;
	struct resolve_case facts = case_of(NULL);
	facts.found = TRACK_NONE;
	facts.absent = 1;
	assert_int_equal(decide(&facts), RESOLVE_RESEND);
	facts.absent = 2;
	assert_int_equal(decide(&facts), RESOLVE_RESEND);
}

/* Which of them is ours, if any, cannot be told, however often we look. */
static void test_several_holds(void **state)
{
	(void)state;
	static const char *const baselines[] = { "", "none", "several",
						 OLD_ID };
	for (size_t i = 0; i < COUNT(baselines); i++) {
		struct resolve_case facts = case_of(NULL);
		facts.found = TRACK_SEVERAL;
		facts.baseline = baselines[i];
		assert_int_equal(decide(&facts), RESOLVE_HOLD);
		facts.absent = 5;
		assert_int_equal(decide(&facts), RESOLVE_HOLD);
	}
}

/* --- one --- */

static void test_one_that_agrees(void **state)
{
	(void)state;
	struct reply_track track = track_that_agrees();
	static const char *const baselines[] = { "none", OLD_ID };
	for (size_t i = 0; i < COUNT(baselines); i++) {
		struct resolve_case facts = case_of(&track);
		facts.baseline = baselines[i];
		assert_int_equal(decide(&facts), RESOLVE_ADOPT);
		facts.absent = 1; /* it was late */
		assert_int_equal(decide(&facts), RESOLVE_ADOPT);
	}
}

/* Known before we began, so it is another one: ours is not there. */
static void test_one_that_is_the_baseline(void **state)
{
	(void)state;
	struct reply_track track = track_that_agrees();
	struct resolve_case facts = case_of(&track);
	facts.baseline = ID;
	assert_int_equal(decide(&facts), RESOLVE_AGAIN);
	facts.absent = 1;
	assert_int_equal(decide(&facts), RESOLVE_RESEND);
	(void)text_copy(track.recipient, sizeof(track.recipient), "X26ABC3");
	assert_int_equal(decide(&facts), RESOLVE_RESEND);
	facts.absent = 0;
	assert_int_equal(decide(&facts), RESOLVE_AGAIN);
}

static void test_nearly_the_baseline_is_another(void **state)
{
	(void)state;
	static const char *const near[] = {
		"20261122070601123456_A1B2C4",
		"20261122070601123456_A1B2C",
		"20261122070601123456_A1B2C33",
	};
	struct reply_track track = track_that_agrees();
	for (size_t i = 0; i < COUNT(near); i++) {
		struct resolve_case facts = case_of(&track);
		facts.baseline = near[i];
		assert_int_equal(decide(&facts), RESOLVE_ADOPT);
	}
}

/* --- off by one thing --- */

static void test_other_recipient(void **state)
{
	(void)state;
	static const char *const others[] = { "X26ABC1", "X26ABC", "X26ABC22",
					      " X26ABC2", "ABC2" };
	for (size_t i = 0; i < COUNT(others); i++) {
		struct reply_track track = track_that_agrees();
		(void)text_copy(track.recipient, sizeof(track.recipient),
				others[i]);
		assert_int_equal(decide_track(&track), RESOLVE_HOLD);
	}
}

/* The service may answer in its own spelling of a mailbox. */
static void test_recipient_in_other_case(void **state)
{
	(void)state;
	struct reply_track track = track_that_agrees();
	struct resolve_case facts = case_of(&track);
	facts.to = "x26abc2";
	assert_int_equal(decide(&facts), RESOLVE_ADOPT);
}

/* Where it went was the service's choice: nothing to compare with. */
static void test_routed_recipient_holds(void **state)
{
	(void)state;
	struct reply_track track = track_that_agrees();
	struct resolve_case facts = case_of(&track);
	facts.to = "GPPROVIDER_9990000018_01011970_EXAMPLE";
	assert_int_equal(decide(&facts), RESOLVE_HOLD);
}

static void test_other_workflow(void **state)
{
	(void)state;
	static const char *const others[] = { "DEMO_RESULTS", "DEMO_LETTER",
					      "DEMO_LETTERS_ACK", "DEMO" };
	for (size_t i = 0; i < COUNT(others); i++) {
		struct reply_track track = track_that_agrees();
		(void)text_copy(track.workflow, sizeof(track.workflow),
				others[i]);
		assert_int_equal(decide_track(&track), RESOLVE_HOLD);
	}
}

static void test_other_file_name(void **state)
{
	(void)state;
	static const char *const others[] = { "letters2.dat", "letters",
					      "letters.dat.dat", "etters.dat",
					      "letters.csv" };
	for (size_t i = 0; i < COUNT(others); i++) {
		struct reply_track track = track_that_agrees();
		(void)text_copy(track.file_name, sizeof(track.file_name),
				others[i]);
		assert_int_equal(decide_track(&track), RESOLVE_HOLD);
	}
}

struct size_case {
	int64_t size;
	enum resolve_verdict verdict;
};

/* The payload has 4711 bytes, what left (compressed) 815. */
static void test_size(void **state)
{
	(void)state;
	static const struct size_case cases[] = {
		{ 4711, RESOLVE_ADOPT }, { 815, RESOLVE_ADOPT },
		{ 4710, RESOLVE_HOLD },	 { 4712, RESOLVE_HOLD },
		{ 814, RESOLVE_HOLD },	 { 816, RESOLVE_HOLD },
		{ 0, RESOLVE_HOLD },	 { INT64_MAX, RESOLVE_HOLD },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reply_track track = track_that_agrees();
		track.file_size = cases[i].size;
		assert_int_equal(decide_track(&track), cases[i].verdict);
	}
}

static void test_size_beyond_32_bits(void **state)
{
	(void)state;
	struct reply_track track = track_that_agrees();
	struct resolve_case facts = case_of(&track);
	facts.size = UINT64_C(50000000000);
	facts.body_size = facts.size;
	track.file_size = INT64_C(50000000000);
	assert_int_equal(decide(&facts), RESOLVE_ADOPT);
	track.file_size -= INT64_C(1) << 32;
	assert_int_equal(decide(&facts), RESOLVE_HOLD);
}

struct time_case {
	int64_t uploaded_ns;
	enum resolve_verdict verdict;
};

static void test_time(void **state)
{
	(void)state;
	static const struct time_case cases[] = {
		{ OPENING, RESOLVE_ADOPT },
		{ NOW, RESOLVE_ADOPT },
		{ OPENING - HOUR, RESOLVE_ADOPT },
		{ NOW + HOUR, RESOLVE_ADOPT },
		{ OPENING - SKEW, RESOLVE_ADOPT },
		{ OPENING - SKEW - 1, RESOLVE_HOLD },
		{ NOW + SKEW, RESOLVE_ADOPT },
		{ NOW + SKEW + 1, RESOLVE_HOLD },
		{ OPENING - 24 * HOUR, RESOLVE_HOLD },
		{ NOW + 24 * HOUR, RESOLVE_HOLD },
		{ 1, RESOLVE_HOLD },
		{ INT64_MAX, RESOLVE_HOLD },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reply_track track = track_that_agrees();
		track.uploaded_ns = cases[i].uploaded_ns;
		assert_int_equal(decide_track(&track), cases[i].verdict);
	}
}

/* Something of this LocalId is there and it is not ours: to look again or to
 * resend because we have looked twice would be a guess. */
static void test_difference_holds_however_often(void **state)
{
	(void)state;
	struct reply_track track = track_that_agrees();
	track.file_size = 1;
	struct resolve_case facts = case_of(&track);
	for (unsigned absent = 0; absent < 4; absent++) {
		facts.absent = absent;
		assert_int_equal(decide(&facts), RESOLVE_HOLD);
	}
}

/* --- what was not said --- */

static void test_needs_recipient_and_file_name(void **state)
{
	(void)state;
	struct reply_track track = track_that_agrees();
	track.recipient[0] = '\0';
	assert_int_equal(decide_track(&track), RESOLVE_HOLD);
	track = track_that_agrees();
	track.file_name[0] = '\0';
	assert_int_equal(decide_track(&track), RESOLVE_HOLD);
	struct reply_track bare = { .message_id = ID, .file_size = -1 };
	assert_int_equal(decide_track(&bare), RESOLVE_HOLD);
}

/* Empty on both sides is not agreement either. */
static void test_nothing_agrees_with_nothing(void **state)
{
	(void)state;
	struct reply_track track = track_that_agrees();
	track.recipient[0] = '\0';
	struct resolve_case facts = case_of(&track);
	facts.to = "";
	assert_int_equal(decide(&facts), RESOLVE_HOLD);
	track = track_that_agrees();
	track.file_name[0] = '\0';
	facts = case_of(&track);
	facts.file_name = "";
	assert_int_equal(decide(&facts), RESOLVE_HOLD);
}

/* The service may leave members out or null: that is no agreement. */
static void test_unsaid_does_not_agree(void **state)
{
	(void)state;
	struct reply_track track = track_that_agrees();
	track.workflow[0] = '\0';
	assert_int_equal(decide_track(&track), RESOLVE_HOLD);
	track = track_that_agrees();
	track.file_size = -1;
	assert_int_equal(decide_track(&track), RESOLVE_HOLD);
	track = track_that_agrees();
	track.uploaded_ns = 0;
	assert_int_equal(decide_track(&track), RESOLVE_HOLD);
}

/* A single POST is never "uploading". */
static void test_uploading_is_another(void **state)
{
	(void)state;
	struct reply_track track = track_that_agrees();
	track.status = REPLY_STATUS_UPLOADING;
	assert_int_equal(decide_track(&track), RESOLVE_HOLD);
}

/* A 417 whose answer was lost: tracking has the message, without content. */
static void test_refused(void **state)
{
	(void)state;
	struct reply_track track = track_that_agrees();
	track.status = REPLY_STATUS_ERROR;
	track.file_size = 0;
	assert_int_equal(decide_track(&track), RESOLVE_REJECT);
	track.file_size = -1;
	assert_int_equal(decide_track(&track), RESOLVE_REJECT);
	(void)text_copy(track.file_name, sizeof(track.file_name), "other.dat");
	assert_int_equal(decide_track(&track), RESOLVE_HOLD);
	track = track_that_agrees();
	track.status = REPLY_STATUS_ERROR;
	track.uploaded_ns = OPENING - 24 * HOUR;
	assert_int_equal(decide_track(&track), RESOLVE_HOLD);
}

/* Whose LocalId is it? Only ours, or asked for before and nobody else's. */
static void test_whose_local_id(void **state)
{
	(void)state;
	static const struct {
		bool unique;
		bool shared;
		const char *baseline;
		enum resolve_verdict verdict;
	} cases[] = {
		{ false, false, "none", RESOLVE_ADOPT },
		{ false, false, OLD_ID, RESOLVE_ADOPT },
		{ false, false, "", RESOLVE_HOLD },
		{ false, false, "several", RESOLVE_HOLD },
		{ false, true, "none", RESOLVE_HOLD },
		{ false, true, OLD_ID, RESOLVE_HOLD },
		{ true, false, "", RESOLVE_ADOPT },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reply_track track = track_that_agrees();
		struct resolve_case facts = case_of(&track);
		facts.unique = cases[i].unique;
		facts.shared = cases[i].shared;
		facts.baseline = cases[i].baseline;
		assert_int_equal(decide(&facts), cases[i].verdict);
	}
}

/* One thing unsaid does not excuse another that differs. */
static void test_unsaid_excuses_nothing(void **state)
{
	(void)state;
	struct reply_track track = track_that_agrees();
	track.workflow[0] = '\0';
	track.file_size = 4712;
	assert_int_equal(decide_track(&track), RESOLVE_HOLD);
	track = track_that_agrees();
	track.file_size = -1;
	track.uploaded_ns = OPENING - 24 * HOUR;
	assert_int_equal(decide_track(&track), RESOLVE_HOLD);
	track = track_that_agrees();
	track.uploaded_ns = 0;
	(void)text_copy(track.workflow, sizeof(track.workflow), "DEMO_OTHER");
	assert_int_equal(decide_track(&track), RESOLVE_HOLD);
}

/* A message without a WorkflowId cannot be the one that has one. */
static void test_workflow_that_we_did_not_send(void **state)
{
	(void)state;
	struct reply_track track = track_that_agrees();
	struct resolve_case facts = case_of(&track);
	facts.workflow = "";
	assert_int_equal(decide(&facts), RESOLVE_HOLD);
}

/* --- the reasons tell the outcomes apart --- */

static void test_reasons_differ(void **state)
{
	(void)state;
	struct reply_track same = track_that_agrees();
	struct reply_track other = track_that_agrees();
	other.file_size = 1;
	struct resolve_case cases[] = {
		case_of(&same), case_of(&other), case_of(NULL),
		case_of(NULL),	case_of(NULL),
	};
	cases[2].found = TRACK_NONE;
	cases[3].found = TRACK_NONE;
	cases[3].absent = 1;
	cases[4].found = TRACK_SEVERAL;
	const char *why[COUNT(cases)];
	for (size_t i = 0; i < COUNT(cases); i++) {
		(void)resolve_decide(&cases[i], &why[i]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(why[i], why[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none_once_asks_again),
		cmocka_unit_test(test_none_twice_resends),
		cmocka_unit_test(test_several_holds),
		cmocka_unit_test(test_one_that_agrees),
		cmocka_unit_test(test_one_that_is_the_baseline),
		cmocka_unit_test(test_nearly_the_baseline_is_another),
		cmocka_unit_test(test_other_recipient),
		cmocka_unit_test(test_recipient_in_other_case),
		cmocka_unit_test(test_routed_recipient_holds),
		cmocka_unit_test(test_other_workflow),
		cmocka_unit_test(test_other_file_name),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_size_beyond_32_bits),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_difference_holds_however_often),
		cmocka_unit_test(test_needs_recipient_and_file_name),
		cmocka_unit_test(test_nothing_agrees_with_nothing),
		cmocka_unit_test(test_unsaid_does_not_agree),
		cmocka_unit_test(test_uploading_is_another),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_whose_local_id),
		cmocka_unit_test(test_unsaid_excuses_nothing),
		cmocka_unit_test(test_workflow_that_we_did_not_send),
		cmocka_unit_test(test_reasons_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
