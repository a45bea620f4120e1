/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/metrics.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

enum kind {
	NUMBER,	 /* a member that is one */
	TIME,	 /* a text, which becomes seconds since 1970 */
	SET,	 /* 1 when a text is not empty */
	RUNNING, /* 1 when the state is that of a process at work */
};

struct metric {
	const char *key; /* in status.json */
	const char *name;
	const char *type;
	const char *help;
	enum kind kind;
};

/* What counts up begins at 0 with each start. */
#define COUNTER "counter"
#define GAUGE "gauge"

static const struct metric of_daemon[] = {
	{ "state", "running", GAUGE, "Whether the daemon has not stopped.",
	  RUNNING },
	{ "started", "start_time_seconds", GAUGE,
	  "When the daemon started, in seconds since 1970.", TIME },
	{ "written", "written_time_seconds", GAUGE,
	  "When these numbers were written, in seconds since 1970.", TIME },
};

static const struct metric of_certificate[] = {
	{ "starts", "certificate_start_time_seconds", GAUGE,
	  "When a certificate becomes valid, in seconds since 1970.", TIME },
	{ "ends", "certificate_end_time_seconds", GAUGE,
	  "When a certificate ends, in seconds since 1970.", TIME },
};

static const struct metric of_mailbox[] = {
	{ "sent", "sent_total", COUNTER, "Messages that the service has taken.",
	  NUMBER },
	{ "failed", "failed_total", COUNTER, "Messages that went to FAILED.",
	  NUMBER },
	{ "received", "received_total", COUNTER,
	  "Messages that were put into their folder.", NUMBER },
	{ "reports", "reports_total", COUNTER,
	  "Reports of the service that were put into IN.", NUMBER },
	{ "removed", "removed_total", COUNTER,
	  "Pairs, messages and reports that retention removed.", NUMBER },
	{ "sending", "sending", GAUGE, "Messages under way.", NUMBER },
	{ "deferred", "deferred", GAUGE, "Messages that are tried again later.",
	  NUMBER },
	{ "unknown", "unknown", GAUGE,
	  "Messages of which nobody knows yet whether they were taken.",
	  NUMBER },
	{ "held", "held", GAUGE, "Messages that wait for somebody to decide.",
	  NUMBER },
	{ "settling", "settling", GAUGE,
	  "Pairs in OUT that may still be written to.", NUMBER },
	{ "waiting", "waiting", GAUGE, "Files in OUT without their partner.",
	  NUMBER },
	{ "left_alone", "left_alone", GAUGE,
	  "Files in OUT and routes' folders that can never be taken.", NUMBER },
	{ "not_taken", "not_taken", GAUGE,
	  "Messages in the inbox that cannot be taken.", NUMBER },
	{ "oldest_in_out_s", "oldest_in_out_seconds", GAUGE,
	  "Age of the oldest control file in OUT.", NUMBER },
	{ "hooks_run", "hooks_run_total", COUNTER, "Hooks that were run.",
	  NUMBER },
	{ "hooks_failed", "hooks_failed_total", COUNTER,
	  "Hooks that were run and failed.", NUMBER },
	{ "hooks_dropped", "hooks_dropped_total", COUNTER,
	  "Hooks that were not run.", NUMBER },
	{ "hooks_waiting", "hooks_waiting", GAUGE,
	  "Hooks that wait or are running.", NUMBER },
	{ "last_poll", "last_poll_time_seconds", GAUGE,
	  "When the inbox was last listed, in seconds since 1970.", TIME },
	{ "last_contact", "last_contact_time_seconds", GAUGE,
	  "When the service last answered well, in seconds since 1970.", TIME },
	{ "last_handshake", "last_handshake_time_seconds", GAUGE,
	  "When the service last knew the mailbox, in seconds since 1970.",
	  TIME },
	{ "trouble", "trouble", GAUGE, "Whether something is wrong.", SET },
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Quotes, backslashes and line ends are escaped. */
static bool put_label(struct buf *out, const char *name, const char *value)
{
	bool ok = buf_printf(out, "%s=\"", name);
	for (const char *s = value ? value : ""; *s != '\0' && ok; s++) {
		if (*s == '\n')
			ok = buf_puts(out, "\\n");
		else if (*s == '"' || *s == '\\')
			ok = buf_printf(out, "\\%c", *s);
		else
			ok = buf_append(out, s, 1);
	}
	return ok && buf_puts(out, "\"");
}

/* False: there is nothing to say. */
static bool value_of(const struct metric *metric, const json_t *object,
		     int64_t *ret)
{
	const json_t *member = json_object_get(object, metric->key);
	const char *text = json_string_value(member);
	switch (metric->kind) {
	case NUMBER:
		*ret = json_integer_value(member);
		return json_is_integer(member);
	case TIME:
		if (!text || !clock_parse(text, ret))
			return false;
		*ret /= CLOCK_SECOND;
		return true;
	case SET:
		*ret = text && text[0] != '\0';
		return text;
	case RUNNING:
		*ret = text && strcmp(text, "stopped") != 0;
		return text;
	}
	return false;
}

static bool put_head(struct buf *out, const struct metric *metric)
{
	return buf_printf(out, "# HELP meshdrop_%s %s\n# TYPE meshdrop_%s %s\n",
			  metric->name, metric->help, metric->name,
			  metric->type);
}

/* Two CAs may have one name, and no two lines may have the same labels. */
static bool put_certificate_labels(struct buf *out, const json_t *object)
{
	return put_label(out, "setting", json_text(object, "setting")) &&
	       buf_printf(out, ",place=\"%" JSON_INTEGER_FORMAT "\",",
			  json_integer_value(
				  json_object_get(object, "place"))) &&
	       put_label(out, "subject", json_text(object, "subject"));
}

static bool put_mailbox_labels(struct buf *out, const json_t *object)
{
	return put_label(out, "mailbox", json_text(object, "id"));
}

static bool put_list(struct buf *out, const struct metric *metric,
		     const json_t *list,
		     bool (*put_labels)(struct buf *out, const json_t *object))
{
	bool ok = put_head(out, metric);
	for (size_t i = 0; i < json_array_size(list) && ok; i++) {
		const json_t *object = json_array_get(list, i);
		int64_t value;
		if (value_of(metric, object, &value))
			ok = buf_printf(out, "meshdrop_%s{", metric->name) &&
			     put_labels(out, object) &&
			     buf_printf(out, "} %" PRId64 "\n", value);
	}
	return ok;
}

static bool put_daemon(struct buf *out, const json_t *status)
{
	bool ok = buf_puts(out, "# HELP meshdrop_info The daemon's version.\n"
				"# TYPE meshdrop_info gauge\n"
				"meshdrop_info{") &&
		  put_label(out, "version", json_text(status, "version")) &&
		  buf_puts(out, "} 1\n");
	for (size_t i = 0; i < COUNT(of_daemon) && ok; i++) {
		int64_t value;
		if (value_of(&of_daemon[i], status, &value))
			ok = put_head(out, &of_daemon[i]) &&
			     buf_printf(out, "meshdrop_%s %" PRId64 "\n",
					of_daemon[i].name, value);
	}
	return ok;
}

int metrics_compose(const json_t *status, struct buf *ret, struct err *err)
{
	const json_t *certificates = json_object_get(status, "certificates");
	const json_t *mailboxes = json_object_get(status, "mailboxes");
	bool ok = put_daemon(ret, status);
	for (size_t i = 0; i < COUNT(of_certificate) && ok; i++)
		ok = put_list(ret, &of_certificate[i], certificates,
			      put_certificate_labels);
	for (size_t i = 0; i < COUNT(of_mailbox) && ok; i++)
		ok = put_list(ret, &of_mailbox[i], mailboxes,
			      put_mailbox_labels);
	if (!ok)
		return err_set(err, ERR_LIMIT,
			       "cannot write %s: too many mailboxes",
			       METRICS_FILE);
	return 0;
}
