/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/forms.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "mesh/inbox.h"
#include "spool/job.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define TEXT_MOST ((size_t)1 << 20)
#define ID "20260614083012123456_A1B2C3"
#define OLD_ID "20260101000000000000_0F0F0F"

/* --- helpers --- */

struct pair {
	enum ctl_field field;
	const char *value;
};

static void set_all(struct ctl *ctl, const struct pair *pairs, size_t count)
{
	ctl_init(ctl);
	for (size_t i = 0; i < count; i++)
		ctl_set(ctl, pairs[i].field, pairs[i].value);
}

/* A control file as a careful sender writes it, in an order of its own. */
static void make_full(struct ctl *ret)
{
	static const struct pair pairs[] = {
		{ CTL_WORKFLOW_ID, "DEMO_LETTERS" },
		{ CTL_TO_DTS, "X26ABC2" },
		{ CTL_FROM_DTS, "X26ABC1" },
		{ CTL_SUBJECT, "Clinic letters" },
		{ CTL_LOCAL_ID, "letters-0417" },
		{ CTL_DTS_ID, OLD_ID },
		{ CTL_ALLOW_CHUNKING, "Y" },
		{ CTL_ENCRYPTED, "N" },
		{ CTL_COMPRESS, "Y" },
		{ CTL_MESSAGE_TYPE, "Data" },
		{ CTL_ADDRESS_TYPE, "DTS" },
		{ CTL_VERSION, "1.0" },
	};
	set_all(ret, pairs, COUNT(pairs));
}

/* The least that is taken. */
static void make_minimal(struct ctl *ret)
{
	static const struct pair pairs[] = {
		{ CTL_VERSION, "1.0" },	      { CTL_ADDRESS_TYPE, "DTS" },
		{ CTL_MESSAGE_TYPE, "Data" }, { CTL_FROM_DTS, "X26ABC1" },
		{ CTL_TO_DTS, "X26ABC2" },
	};
	set_all(ret, pairs, COUNT(pairs));
}

static const struct ctl_status sent = {
	.time = "20260614093012",
	.event = "TRANSFER",
	.success = true,
	.code = "00",
	.text = "Data Transfer success confirmation.",
};

static const struct ctl_status refused = {
	.time = "20260614093012",
	.event = "SEND",
	.success = false,
	.code = "12",
	.text = "Unregistered to address",
};

static const struct ctl_status collected = {
	.time = "20260614093011",
	.event = "COLLECT",
	.success = true,
	.code = "00",
	.text = "Data collect success confirmation.",
};

static void assert_same(const struct ctl *a, const struct ctl *b)
{
	for (size_t i = 0; i < CTL_COUNT; i++) {
		assert_int_equal(!a->value[i], !b->value[i]);
		if (a->value[i])
			assert_string_equal(a->value[i], b->value[i]);
	}
}

/* To the byte; and we can read what we write. Releases. */
static void finish(struct ctl *ctl, const char *expected)
{
	AUTO_BUF struct buf text;
	buf_init(&text, TEXT_MOST);
	ctl_write(ctl, &text);
	assert_string_equal(text.data, expected);
	assert_int_equal(text.len, strlen(expected));
	struct ctl again;
	struct err err;
	if (ctl_read(text.data, text.len, &again, &err) < 0)
		fail_msg("%s", err.text);
	assert_same(&again, ctl);
	ctl_release(&again);
	ctl_release(ctl);
}

#define TOP_DATA                              \
	"<DTSControl>\n"                      \
	"  <Version>1.0</Version>\n"          \
	"  <AddressType>DTS</AddressType>\n"  \
	"  <MessageType>Data</MessageType>\n" \
	"  <From_DTS>X26ABC1</From_DTS>\n"
#define TOP_REPORT                              \
	"<DTSControl>\n"                        \
	"  <Version>1.0</Version>\n"            \
	"  <AddressType>DTS</AddressType>\n"    \
	"  <MessageType>Report</MessageType>\n" \
	"  <From_DTS>X26ABC1</From_DTS>\n"
#define STATUS_SENT                                                            \
	"  <StatusRecord>\n"                                                   \
	"    <DateTime>20260614093012</DateTime>\n"                            \
	"    <Event>TRANSFER</Event>\n"                                        \
	"    <Status>SUCCESS</Status>\n"                                       \
	"    <StatusCode>00</StatusCode>\n"                                    \
	"    <Description>Data Transfer success confirmation.</Description>\n" \
	"  </StatusRecord>\n"                                                  \
	"</DTSControl>\n"
#define STATUS_REFUSED                                             \
	"  <StatusRecord>\n"                                       \
	"    <DateTime>20260614093012</DateTime>\n"                \
	"    <Event>SEND</Event>\n"                                \
	"    <Status>ERROR</Status>\n"                             \
	"    <StatusCode>12</StatusCode>\n"                        \
	"    <Description>Unregistered to address</Description>\n" \
	"  </StatusRecord>\n"                                      \
	"</DTSControl>\n"

/* --- SENT and FAILED --- */

/* What OUT had, how it was sent, how it ended, what the file says then. */
static void assert_archived(const struct ctl *out, const char *local_id,
			    const char *message_id, bool gzip,
			    const struct ctl_status *status,
			    const char *expected)
{
	struct job job;
	struct ctl archived;
	job_init(&job);
	assert_true(text_copy(job.local_id, sizeof(job.local_id), local_id));
	assert_true(
		text_copy(job.message_id, sizeof(job.message_id), message_id));
	job.gzip = gzip;
	forms_archived(out, &job, status, &archived);
	finish(&archived, expected);
	job_release(&job);
}

static const char sent_full[] = TOP_DATA
	"  <To_DTS>X26ABC2</To_DTS>\n"
	"  <Subject>Clinic letters</Subject>\n"
	"  <LocalId>letters-0417</LocalId>\n"
	"  <DTSId>" ID "</DTSId>\n"
	"  <Compress>Y</Compress>\n"
	"  <Encrypted>N</Encrypted>\n"
	"  <WorkflowId>DEMO_LETTERS</WorkflowId>\n"
	"  <IsCompressed>Y</IsCompressed>\n"
	"  <AllowChunking>Y</AllowChunking>\n" STATUS_SENT;

static void test_sent(void **state)
{
	(void)state;
	struct ctl out;
	make_full(&out);
	assert_archived(&out, "letters-0417", ID, true, &sent, sent_full);
	ctl_release(&out);
}

/* A StatusRecord and an IsCompressed that the sender wrote are not ours. */
static void test_sent_replaces_what_is_ours(void **state)
{
	(void)state;
	struct ctl out;
	make_full(&out);
	ctl_set(&out, CTL_IS_COMPRESSED, "N");
	ctl_set_status(&out, &refused);
	assert_archived(&out, "letters-0417", ID, true, &sent, sent_full);
	ctl_release(&out);
}

/* What was missing stays out, but for what applications read without looking
 * whether it is there; a LocalId that we made is told. */
static void test_sent_minimal(void **state)
{
	(void)state;
	struct ctl out;
	make_minimal(&out);
	assert_archived(&out, "20260614083012123-0f1e2d3c", ID, false, &sent,
			TOP_DATA
			"  <To_DTS>X26ABC2</To_DTS>\n"
			"  <Subject></Subject>\n"
			"  <LocalId>20260614083012123-0f1e2d3c</LocalId>\n"
			"  <DTSId>" ID "</DTSId>\n"
			"  <WorkflowId></WorkflowId>\n"
			"  <IsCompressed>N</IsCompressed>\n" STATUS_SENT);
	ctl_release(&out);
}

/* Empty elements that the sender wrote stay, in their places. */
static void test_sent_keeps_empty_elements(void **state)
{
	(void)state;
	static const enum ctl_field empty[] = {
		CTL_FROM_ESMTP, CTL_TO_ESMTP,	    CTL_SUBJECT,
		CTL_PARTNER_ID, CTL_PROCESS_ID,	    CTL_DATA_CHECKSUM,
		CTL_ENCRYPTED,	CTL_ALLOW_CHUNKING,
	};
	struct ctl out;
	make_minimal(&out);
	for (size_t i = 0; i < COUNT(empty); i++)
		ctl_set(&out, empty[i], "");
	assert_archived(&out, "", ID, false, &sent,
			TOP_DATA
			"  <To_DTS>X26ABC2</To_DTS>\n"
			"  <From_ESMTP></From_ESMTP>\n"
			"  <To_ESMTP></To_ESMTP>\n"
			"  <Subject></Subject>\n"
			"  <LocalId></LocalId>\n"
			"  <DTSId>" ID "</DTSId>\n"
			"  <PartnerId></PartnerId>\n"
			"  <Encrypted></Encrypted>\n"
			"  <WorkflowId></WorkflowId>\n"
			"  <ProcessId></ProcessId>\n"
			"  <DataChecksum></DataChecksum>\n"
			"  <IsCompressed>N</IsCompressed>\n"
			"  <AllowChunking></AllowChunking>\n" STATUS_SENT);
	ctl_release(&out);
}

/* Refused before it had a LocalId to be sent with: the sender's stays. */
static void test_failed(void **state)
{
	(void)state;
	struct ctl out;
	make_full(&out);
	ctl_set(&out, CTL_DTS_ID, NULL);
	ctl_set(&out, CTL_SUBJECT, "Ward 5 & 6 <urgent>");
	assert_archived(&out, "", "", false, &refused,
			TOP_DATA
			"  <To_DTS>X26ABC2</To_DTS>\n"
			"  <Subject>Ward 5 &amp; 6 &lt;urgent&gt;</Subject>\n"
			"  <LocalId>letters-0417</LocalId>\n"
			"  <DTSId></DTSId>\n"
			"  <Compress>Y</Compress>\n"
			"  <Encrypted>N</Encrypted>\n"
			"  <WorkflowId>DEMO_LETTERS</WorkflowId>\n"
			"  <IsCompressed>N</IsCompressed>\n"
			"  <AllowChunking>Y</AllowChunking>\n" STATUS_REFUSED);
	ctl_release(&out);
}

/* The control file could not be read: a stand-in goes the same way. */
static void test_failed_unreadable(void **state)
{
	(void)state;
	static const struct ctl_status unreadable = {
		.time = "20260614093012",
		.event = "COLLECT",
		.success = false,
		.code = "01",
		.text = "line 3: the elements are not nested",
	};
	struct ctl out;
	forms_unreadable("X26ABC1", &out);
	assert_null(out.value[CTL_STATUS_EVENT]);
	assert_archived(
		&out, "", "", false, &unreadable,
		TOP_DATA
		"  <To_DTS></To_DTS>\n"
		"  <Subject></Subject>\n"
		"  <LocalId></LocalId>\n"
		"  <DTSId></DTSId>\n"
		"  <WorkflowId></WorkflowId>\n"
		"  <IsCompressed>N</IsCompressed>\n"
		"  <StatusRecord>\n"
		"    <DateTime>20260614093012</DateTime>\n"
		"    <Event>COLLECT</Event>\n"
		"    <Status>ERROR</Status>\n"
		"    <StatusCode>01</StatusCode>\n"
		"    <Description>line 3: the elements are not nested</Description>\n"
		"  </StatusRecord>\n"
		"</DTSControl>\n");
	ctl_release(&out);
}

static void test_unreadable_alone(void **state)
{
	(void)state;
	struct ctl ctl;
	forms_unreadable("X26ABC1", &ctl);
	finish(&ctl, TOP_DATA "  <To_DTS></To_DTS>\n"
			      "  <Subject></Subject>\n"
			      "  <LocalId></LocalId>\n"
			      "  <WorkflowId></WorkflowId>\n"
			      "</DTSControl>\n");
}

/* --- reports of our own --- */

/* Echoed as found, a DTSId of an earlier sending too; nothing is compressed
 * yet. */
static void test_collect_report(void **state)
{
	(void)state;
	struct ctl out;
	struct ctl report;
	make_full(&out);
	ctl_set(&out, CTL_IS_COMPRESSED, "Y");
	ctl_set_status(&out, &sent);
	forms_report(&out, &collected, &report);
	finish(&report, TOP_REPORT
	       "  <To_DTS>X26ABC2</To_DTS>\n"
	       "  <Subject>Clinic letters</Subject>\n"
	       "  <LocalId>letters-0417</LocalId>\n"
	       "  <DTSId>" OLD_ID "</DTSId>\n"
	       "  <Compress>Y</Compress>\n"
	       "  <Encrypted>N</Encrypted>\n"
	       "  <WorkflowId>DEMO_LETTERS</WorkflowId>\n"
	       "  <IsCompressed>N</IsCompressed>\n"
	       "  <AllowChunking>Y</AllowChunking>\n"
	       "  <StatusRecord>\n"
	       "    <DateTime>20260614093011</DateTime>\n"
	       "    <Event>COLLECT</Event>\n"
	       "    <Status>SUCCESS</Status>\n"
	       "    <StatusCode>00</StatusCode>\n"
	       "    <Description>Data collect success confirmation.</Description>\n"
	       "  </StatusRecord>\n"
	       "</DTSControl>\n");
	ctl_release(&out);
}

static void test_error_report_of_minimal(void **state)
{
	(void)state;
	struct ctl out;
	struct ctl report;
	make_minimal(&out);
	forms_report(&out, &refused, &report);
	finish(&report,
	       TOP_REPORT "  <To_DTS>X26ABC2</To_DTS>\n"
			  "  <Subject></Subject>\n"
			  "  <LocalId></LocalId>\n"
			  "  <WorkflowId></WorkflowId>\n"
			  "  <IsCompressed>N</IsCompressed>\n" STATUS_REFUSED);
	ctl_release(&out);
}

/* Not even the elements that no sender may leave out. */
static void test_report_of_nothing(void **state)
{
	(void)state;
	struct ctl out;
	struct ctl report;
	ctl_init(&out);
	forms_report(&out, &refused, &report);
	finish(&report, "<DTSControl>\n"
			"  <Version></Version>\n"
			"  <AddressType></AddressType>\n"
			"  <MessageType>Report</MessageType>\n"
			"  <From_DTS></From_DTS>\n"
			"  <To_DTS></To_DTS>\n"
			"  <Subject></Subject>\n"
			"  <LocalId></LocalId>\n"
			"  <WorkflowId></WorkflowId>\n"
			"  <IsCompressed>N</IsCompressed>\n" STATUS_REFUSED);
	ctl_release(&out);
}

static void test_poll_report(void **state)
{
	(void)state;
	static const struct ctl_status polled = {
		.time = "20260614093000",
		.event = "RECEIVE",
		.success = true,
		.code = "00",
		.text = "Poll Report Success confirmation",
	};
	struct ctl report;
	forms_poll("X26ABC1", &polled, &report);
	finish(&report, TOP_REPORT
	       "  <To_DTS>X26ABC1</To_DTS>\n"
	       "  <Subject></Subject>\n"
	       "  <LocalId></LocalId>\n"
	       "  <WorkflowId></WorkflowId>\n"
	       "  <StatusRecord>\n"
	       "    <DateTime>20260614093000</DateTime>\n"
	       "    <Event>RECEIVE</Event>\n"
	       "    <Status>SUCCESS</Status>\n"
	       "    <StatusCode>00</StatusCode>\n"
	       "    <Description>Poll Report Success confirmation</Description>\n"
	       "  </StatusRecord>\n"
	       "</DTSControl>\n");
}

/* --- what the service sends --- */

static void say(char **at, const char *value)
{
	free(*at);
	*at = xstrdup(value);
}

static void make_head(struct inbox_head *head)
{
	inbox_head_init(head);
	assert_true(text_copy(head->id, sizeof(head->id), ID));
	say(&head->from, "X26ABC2");
	say(&head->to, "X26ABC1");
	say(&head->workflow, "DEMO_RESULTS");
	say(&head->subject, "RESULT");
	say(&head->local_id, "answer-77");
	say(&head->file_name, "answer.dat");
}

static void make_report(struct inbox_head *head)
{
	make_head(head);
	head->report = true;
	say(&head->from, "");
	say(&head->linked_id, OLD_ID);
	say(&head->status_event, "SEND");
	say(&head->status, "ERROR");
	say(&head->status_code, "14");
	say(&head->status_text, "Message not collected after 5 days");
	say(&head->status_time, "20260619083100");
}

/* Received by X26ABC1 at stamp; releases. */
static void assert_received(struct inbox_head *head, const char *stamp,
			    const char *expected)
{
	struct ctl ctl;
	forms_received(head, "X26ABC1", stamp, &ctl);
	finish(&ctl, expected);
	inbox_head_release(head);
}

#define RECEIVED_TO_CHECKSUM                              \
	"<DTSControl>\n"                                  \
	"  <Version>1.0</Version>\n"                      \
	"  <AddressType>ALL</AddressType>\n"              \
	"  <MessageType>Data</MessageType>\n"             \
	"  <From_DTS>X26ABC2</From_DTS>\n"                \
	"  <To_DTS>X26ABC1</To_DTS>\n"                    \
	"  <From_ESMTP>x26abc2@dts.nhs.uk</From_ESMTP>\n" \
	"  <To_ESMTP>x26abc1@dts.nhs.uk</To_ESMTP>\n"     \
	"  <Subject>RESULT</Subject>\n"                   \
	"  <LocalId>answer-77</LocalId>\n"                \
	"  <DTSId>" ID "</DTSId>\n"                       \
	"  <PartnerId></PartnerId>\n"                     \
	"  <Compress>N</Compress>\n"                      \
	"  <Encrypted>N</Encrypted>\n"                    \
	"  <WorkflowId>DEMO_RESULTS</WorkflowId>\n"       \
	"  <ProcessId></ProcessId>\n"                     \
	"  <DataChecksum></DataChecksum>\n"               \
	"  <IsCompressed>N</IsCompressed>\n"

#define STATUS_RECEIVED                                                     \
	"  <StatusRecord>\n"                                                \
	"    <DateTime>20260614093012</DateTime>\n"                         \
	"    <Event>TRANSFER</Event>\n"                                     \
	"    <Status>SUCCESS</Status>\n"                                    \
	"    <StatusCode>00</StatusCode>\n"                                 \
	"    <Description>Transferred to recipient mailbox</Description>\n" \
	"  </StatusRecord>\n"                                               \
	"</DTSControl>\n"

static const char received_plain[] = RECEIVED_TO_CHECKSUM STATUS_RECEIVED;

static void test_received(void **state)
{
	(void)state;
	struct inbox_head head;
	make_head(&head);
	assert_received(&head, "20260614093012", received_plain);
}

/* Who asked is the recipient when nobody is named. */
static void test_received_without_recipient(void **state)
{
	(void)state;
	struct inbox_head head;
	make_head(&head);
	say(&head.to, "");
	assert_received(&head, "20260614093012", received_plain);
}

/* The transport's compression is gone before the file is there. */
static void test_received_compressed_is_plain(void **state)
{
	(void)state;
	struct inbox_head head;
	make_head(&head);
	head.compressed = true;
	assert_received(&head, "20260614093012", received_plain);
}

static void test_received_status_is_passed_on(void **state)
{
	(void)state;
	struct inbox_head head;
	make_head(&head);
	say(&head.status_time, "20260614083015");
	say(&head.status_event, "RECEIVE");
	say(&head.status, "WARNING");
	say(&head.status_code, "05");
	say(&head.status_text, "Late & slow");
	assert_received(&head, "20260614093012",
			RECEIVED_TO_CHECKSUM
			"  <StatusRecord>\n"
			"    <DateTime>20260614083015</DateTime>\n"
			"    <Event>RECEIVE</Event>\n"
			"    <Status>WARNING</Status>\n"
			"    <StatusCode>05</StatusCode>\n"
			"    <Description>Late &amp; slow</Description>\n"
			"  </StatusRecord>\n"
			"</DTSControl>\n");
}

static void test_received_with_everything(void **state)
{
	(void)state;
	struct inbox_head head;
	make_head(&head);
	head.encrypted = true;
	say(&head.from, "X26_Ab-9");
	say(&head.subject, "Caf\xc3\xa9 <5> & more");
	say(&head.partner_id, "partner-3");
	say(&head.process_id, "process-4");
	say(&head.checksum, "0123456789abcdef");
	say(&head.linked_id, OLD_ID); /* of a report only */
	assert_received(&head, "20260614093012",
			"<DTSControl>\n"
			"  <Version>1.0</Version>\n"
			"  <AddressType>ALL</AddressType>\n"
			"  <MessageType>Data</MessageType>\n"
			"  <From_DTS>X26_Ab-9</From_DTS>\n"
			"  <To_DTS>X26ABC1</To_DTS>\n"
			"  <From_ESMTP>x26_ab-9@dts.nhs.uk</From_ESMTP>\n"
			"  <To_ESMTP>x26abc1@dts.nhs.uk</To_ESMTP>\n"
			"  <Subject>Caf\xc3\xa9 &lt;5&gt; &amp; more</Subject>\n"
			"  <LocalId>answer-77</LocalId>\n"
			"  <DTSId>" ID "</DTSId>\n"
			"  <PartnerId>partner-3</PartnerId>\n"
			"  <Compress>N</Compress>\n"
			"  <Encrypted>Y</Encrypted>\n"
			"  <WorkflowId>DEMO_RESULTS</WorkflowId>\n"
			"  <ProcessId>process-4</ProcessId>\n"
			"  <DataChecksum>0123456789abcdef</DataChecksum>\n"
			"  <IsCompressed>N</IsCompressed>\n" STATUS_RECEIVED);
}

#define REPORT_TO_STATUS                              \
	"<DTSControl>\n"                              \
	"  <Version>1.0</Version>\n"                  \
	"  <AddressType>ALL</AddressType>\n"          \
	"  <MessageType>Report</MessageType>\n"       \
	"  <From_DTS></From_DTS>\n"                   \
	"  <To_DTS>X26ABC1</To_DTS>\n"                \
	"  <From_ESMTP></From_ESMTP>\n"               \
	"  <To_ESMTP>x26abc1@dts.nhs.uk</To_ESMTP>\n" \
	"  <Subject>RESULT</Subject>\n"               \
	"  <LocalId>answer-77</LocalId>\n"            \
	"  <DTSId>" ID "</DTSId>\n"                   \
	"  <PartnerId>" OLD_ID "</PartnerId>\n"       \
	"  <Compress>N</Compress>\n"                  \
	"  <Encrypted>N</Encrypted>\n"                \
	"  <WorkflowId>DEMO_RESULTS</WorkflowId>\n"   \
	"  <ProcessId></ProcessId>\n"                 \
	"  <DataChecksum></DataChecksum>\n"           \
	"  <IsCompressed>N</IsCompressed>\n"

/* The message it is about goes where a partner would be. */
static void test_received_report(void **state)
{
	(void)state;
	struct inbox_head head;
	make_report(&head);
	assert_received(
		&head, "20260619093101",
		REPORT_TO_STATUS
		"  <StatusRecord>\n"
		"    <DateTime>20260619083100</DateTime>\n"
		"    <Event>SEND</Event>\n"
		"    <Status>ERROR</Status>\n"
		"    <StatusCode>14</StatusCode>\n"
		"    <Description>Message not collected after 5 days</Description>\n"
		"  </StatusRecord>\n"
		"</DTSControl>\n");
}

/* A report that does not say what happened is bad news without a reason. */
static void test_received_report_without_reason(void **state)
{
	(void)state;
	struct inbox_head head;
	make_report(&head);
	say(&head.partner_id, "partner-3");
	say(&head.status_event, "");
	say(&head.status, "");
	say(&head.status_code, "");
	say(&head.status_text, "");
	assert_received(&head, "20260619093101",
			REPORT_TO_STATUS
			"  <StatusRecord>\n"
			"    <DateTime>20260619083100</DateTime>\n"
			"    <Event>SEND</Event>\n"
			"    <Status>ERROR</Status>\n"
			"    <StatusCode></StatusCode>\n"
			"    <Description></Description>\n"
			"  </StatusRecord>\n"
			"</DTSControl>\n");
}

/* --- what goes in is left alone --- */

static void test_originals_are_untouched(void **state)
{
	(void)state;
	struct ctl out;
	struct ctl before;
	struct ctl form;
	struct job job;
	make_minimal(&out);
	make_minimal(&before);
	job_init(&job);
	assert_true(text_copy(job.local_id, sizeof(job.local_id), "made-up"));
	forms_archived(&out, &job, &sent, &form);
	ctl_release(&form);
	forms_report(&out, &refused, &form);
	ctl_release(&form);
	assert_same(&out, &before);
	ctl_release(&out);
	ctl_release(&before);
	job_release(&job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sent),
		cmocka_unit_test(test_sent_replaces_what_is_ours),
		cmocka_unit_test(test_sent_minimal),
		cmocka_unit_test(test_sent_keeps_empty_elements),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_failed_unreadable),
		cmocka_unit_test(test_unreadable_alone),
		cmocka_unit_test(test_collect_report),
		cmocka_unit_test(test_error_report_of_minimal),
		cmocka_unit_test(test_report_of_nothing),
		cmocka_unit_test(test_poll_report),
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_received_without_recipient),
		cmocka_unit_test(test_received_compressed_is_plain),
		cmocka_unit_test(test_received_status_is_passed_on),
		cmocka_unit_test(test_received_with_everything),
		cmocka_unit_test(test_received_report),
		cmocka_unit_test(test_received_report_without_reason),
		cmocka_unit_test(test_originals_are_untouched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
