/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/metrics.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

static void compose(const char *json, size_t max, int r, struct buf *ret)
{
	struct err err;
	AUTO_JSON json_t *status = NULL;
	assert_int_equal(json_read(json, strlen(json), &status, &err), 0);
	buf_init(ret, max);
	assert_int_equal(metrics_compose(status, ret, &err), r);
	assert_true(buf_append(ret, "", 1));
}

static const char full[] =
	"{\"version\":\"1.2\",\"state\":\"running\",\"pid\":7,"
	"\"started\":\"2026-11-22T07:06:00.123Z\",\"written\":"
	"\"1970-01-01T00:01:00.000Z\",\"certificates\":["
	"{\"setting\":\"certificate\",\"place\":1,\"subject\":\"CN=x\","
	"\"ends\":\"1970-01-02T00:00:00.000Z\"},"
	"{\"setting\":\"ca_file\",\"place\":2,\"subject\":"
	"\"CN=a\\\\,b \\\"c\\\" \\n\",\"ends\":\"\"},"
	"{\"setting\":\"ca_file\",\"place\":1,\"subject\":"
	"\"CN=a\\\\,b \\\"c\\\" \\n\","
	"\"ends\":\"1970-01-03T00:00:00.000Z\"}],"
	"\"mailboxes\":["
	"{\"id\":\"X26ABC1\",\"sent\":12,\"held\":1,"
	"\"oldest_in_out_s\":null,\"last_poll\":\"\","
	"\"last_contact\":\"1970-01-01T00:00:05.900Z\","
	"\"trouble\":\"no route\"},"
	"{\"id\":\"X26ABC2\",\"sent\":0,\"oldest_in_out_s\":31,"
	"\"trouble\":\"\"}]}";

static void expect(const char *text, const char *line)
{
	AUTO_FREE char *whole = xasprintf("\n%s\n", line);
	if (!strstr(text, whole))
		fail_msg("no line '%s' in\n%s", line, text);
}

static void refuse(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in\n%s", part, text);
}

static void test_lines(void **state)
{
	(void)state;
	AUTO_BUF struct buf text;
	compose(full, METRICS_MAX, 0, &text);
	expect(text.data, "meshdrop_info{version=\"1.2\"} 1");
	expect(text.data, "meshdrop_running 1");
	expect(text.data, "meshdrop_start_time_seconds 1795331160");
	expect(text.data, "meshdrop_written_time_seconds 60");
	expect(text.data, "# TYPE meshdrop_sent_total counter");
	expect(text.data, "meshdrop_sent_total{mailbox=\"X26ABC1\"} 12");
	expect(text.data, "meshdrop_sent_total{mailbox=\"X26ABC2\"} 0");
	expect(text.data, "# TYPE meshdrop_held gauge");
	expect(text.data, "meshdrop_held{mailbox=\"X26ABC1\"} 1");
	expect(text.data,
	       "meshdrop_oldest_in_out_seconds{mailbox=\"X26ABC2\"} 31");
	expect(text.data,
	       "meshdrop_last_contact_time_seconds{mailbox=\"X26ABC1\"} 5");
	expect(text.data, "meshdrop_trouble{mailbox=\"X26ABC1\"} 1");
	expect(text.data, "meshdrop_trouble{mailbox=\"X26ABC2\"} 0");
	expect(text.data,
	       "meshdrop_certificate_end_time_seconds{setting=\"certificate\","
	       "place=\"1\",subject=\"CN=x\"} 86400");
	expect(text.data,
	       "meshdrop_certificate_end_time_seconds{setting=\"ca_file\","
	       "place=\"1\",subject=\"CN=a\\\\,b \\\"c\\\" \\n\"} 172800");
	/* what is not known is not said */
	refuse(text.data, "oldest_in_out_seconds{mailbox=\"X26ABC1\"}");
	refuse(text.data, "last_poll_time_seconds{");
	refuse(text.data, "place=\"2\"");
	refuse(text.data, "meshdrop_held{mailbox=\"X26ABC2\"}");
	refuse(text.data, "no route");
	assert_int_equal(text.data[text.len - 2], '\n');
}

static void test_stopped(void **state)
{
	(void)state;
	AUTO_BUF struct buf text;
	compose("{\"version\":\"1\",\"state\":\"stopped\"}", METRICS_MAX, 0,
		&text);
	expect(text.data, "meshdrop_running 0");
	refuse(text.data, "meshdrop_sent_total{");
}

static void test_no_room(void **state)
{
	(void)state;
	for (size_t max = 1; max < 1000; max += 111) {
		struct err err;
		AUTO_JSON json_t *status = NULL;
		AUTO_BUF struct buf text;
		assert_int_equal(json_read(full, strlen(full), &status, &err),
				 0);
		buf_init(&text, max);
		assert_int_equal(metrics_compose(status, &text, &err),
				 -ERR_LIMIT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_no_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
