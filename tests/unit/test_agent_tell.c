/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/hooks.h"
#include "agent/mailbox.h"
#include "agent/tell.h"
#include "base/clock.h"
#include "base/fsx.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "scratch.h"
#include "spool/job.h"
#include "spool_box.h"

#define WAIT_MS 20000

static struct scratch scratch;
static char root[PATH_MAX];
static struct conf conf;
static struct conf_mailbox set;
static struct mailbox *mailbox;
static struct hooks *hooks;
static char *command[3];

/* --- one mailbox whose hooks write down their environment --- */

static int set_up(void **state)
{
	(void)state;
	scratch_make(&scratch);
	scratch_mkdir(&scratch, "state", 0700);
	scratch_mkdir(&scratch, "root", 0770);
	scratch_mkdir(&scratch, "root/In", 0770);
	scratch_path(&scratch, "root", root);
	command[0] = xstrdup("/bin/sh");
	command[1] = xstrdup("-c");
	command[2] = xasprintf("tr '\\0' '\\n' </proc/$$/environ >'%s/told'",
			       scratch.path);
	set = (struct conf_mailbox){
		.id = "X26ABC1",
		.root = root,
		.hooks_parallel = 2,
	};
	for (size_t i = 0; i < CONF_EVENT_COUNT; i++)
		set.hooks[i] = (struct conf_hook){
			.command = { .items = command, .count = 3 },
			.timeout_ns = 60 * CLOCK_SECOND,
		};
	struct err err;
	int dirfd = -1;
	assert_int_equal(fsx_open_dir(scratch.fd, "state", &dirfd, &err), 0);
	if (mailbox_open(&conf, &set, dirfd, &mailbox, &err) < 0)
		fail_msg("%s", err.text);
	mem_auto_close(&dirfd);
	hooks = hooks_new();
	mailbox->hooks = hooks;
	assert_int_equal(setenv("TZ", "Europe/London", 1), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hooks = hooks_free(hooks);
	mailbox = mailbox_close(mailbox);
	for (size_t i = 0; i < 3; i++)
		free(command[i]);
	scratch_remove(&scratch);
	return 0;
}

/* What the hook was told; the caller frees it. */
static char *told(void)
{
	for (int waited = 0; !hooks_idle(hooks); waited += 10) {
		assert_true(waited < WAIT_MS);
		(void)poll(NULL, 0, 10);
	}
	size_t len = 0;
	char *text = box_read(scratch.fd, "told", &len);
	char *ended = xstrndup(text, len);
	free(text);
	return ended;
}

static const char *value_of(const struct hook *hook, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; hook->env[i]; i++)
		if (strncmp(hook->env[i], name, len) == 0 &&
		    hook->env[i][len] == '=')
			return hook->env[i] + len + 1;
	return NULL;
}

static void put_ctl(const char *name, const char *workflow)
{
	AUTO_FREE char *text = xasprintf(
		"<DTSControl><WorkflowId>%s</WorkflowId></DTSControl>",
		workflow);
	box_put(mailbox->dir.temp, name, text);
}

/* --- the run --- */

static void test_run(void **state)
{
	(void)state;
	const struct tell what = {
		.folder = "IN",
		.ctl = "M.ctl",
		.message_id = "M",
	};
	struct hook *hook = tell_hook(mailbox, CONF_ON_REPORT, &what);
	assert_non_null(hook);
	assert_string_equal(hook->mailbox, "X26ABC1");
	assert_string_equal(hook->event, "on_report");
	assert_string_equal(hook->about, "message=M");
	assert_int_equal(hook->timeout_ns, 60 * CLOCK_SECOND);
	assert_int_equal(hook->parallel, 2);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(hook->argv[i], command[i]);
		assert_ptr_not_equal(hook->argv[i], command[i]);
	}
	assert_null(hook->argv[3]);
	AUTO_FREE char *path = xasprintf("%s/In/M.ctl", root);
	assert_string_equal(value_of(hook, "MESHDROP_CTL"), path);
	assert_string_equal(value_of(hook, "MESHDROP_EVENT"), "on_report");
	assert_string_equal(value_of(hook, "TZ"), "Europe/London");
	assert_null(value_of(hook, "MESHDROP_DAT"));
	assert_null(value_of(hook, "MESHDROP_JOB"));
	assert_null(value_of(hook, "HOME"));
	hook = hook_free(hook);
	assert_null(hook);
}

static void test_every_value_fits(void **state)
{
	(void)state;
	const struct tell what = {
		.folder = "FAILED",
		.ctl = "c",
		.dat = "d",
		.message_id = "M",
		.job = "J",
		.workflow = "W",
		.status = "SEND 07",
	};
	struct hook *hook = tell_hook(mailbox, CONF_ON_FAILED, &what);
	static const char *const names[] = {
		"PATH",
		"LANG",
		"TZ",
		"MESHDROP_EVENT",
		"MESHDROP_MAILBOX",
		"MESHDROP_CTL",
		"MESHDROP_DAT",
		"MESHDROP_MESSAGE_ID",
		"MESHDROP_JOB",
		"MESHDROP_WORKFLOW",
		"MESHDROP_STATUS",
	};
	size_t count = sizeof(names) / sizeof(*names);
	for (size_t i = 0; i < count; i++)
		assert_non_null(value_of(hook, names[i]));
	assert_null(hook->env[count]);
	assert_string_equal(hook->about, "job=J");
	(void)hook_free(hook);
}

static void test_nobody_wants_to_know(void **state)
{
	(void)state;
	const struct tell what = { .folder = "IN", .message_id = "M" };
	set.hooks[CONF_ON_RECEIVE].command.count = 0;
	assert_null(tell_hook(mailbox, CONF_ON_RECEIVE, &what));
	tell_arrived(mailbox, "IN", "M", false, "");
	put_ctl("M.ctl", "W");
	char workflow[TELL_WORKFLOW_SIZE] = "x";
	tell_workflow(mailbox, CONF_ON_RECEIVE, "M.ctl", workflow);
	assert_string_equal(workflow, "");
	mailbox->hooks = NULL;
	tell_arrived(mailbox, "IN", "M", true, "");
	assert_true(hooks_idle(hooks));
	assert_int_equal(hooks_ended(hooks), 0);
}

/* --- the workflow --- */

static void test_workflow(void **state)
{
	(void)state;
	char workflow[TELL_WORKFLOW_SIZE];
	put_ctl("good.ctl", "TOC_1");
	put_ctl("odd.ctl", "a&#10;b");
	put_ctl("none.ctl", "");
	box_put(mailbox->dir.temp, "broken.ctl", "<DTSControl>");
	tell_workflow(mailbox, CONF_ON_RECEIVE, "good.ctl", workflow);
	assert_string_equal(workflow, "TOC_1");
	static const char *const bad[] = { "odd.ctl", "none.ctl", "broken.ctl",
					   "missing.ctl" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		tell_workflow(mailbox, CONF_ON_RECEIVE, bad[i], workflow);
		assert_string_equal(workflow, "");
	}
}

/* --- the moments --- */

static void test_arrived(void **state)
{
	(void)state;
	tell_arrived(mailbox, "IN", "M1", false, "W");
	AUTO_FREE char *text = told();
	AUTO_FREE char *dat = xasprintf("MESHDROP_DAT=%s/In/M1.dat\n", root);
	assert_non_null(strstr(text, dat));
	assert_non_null(strstr(text, "MESHDROP_EVENT=on_receive\n"));
	assert_non_null(strstr(text, "MESHDROP_WORKFLOW=W\n"));
}

/* A folder of a delivery of its own. */
static void test_arrived_elsewhere(void **state)
{
	(void)state;
	scratch_mkdir(&scratch, "root/lab", 0770);
	tell_arrived(mailbox, "LAB", "M1", false, "");
	AUTO_FREE char *text = told();
	AUTO_FREE char *ctl = xasprintf("MESHDROP_CTL=%s/lab/M1.ctl\n", root);
	assert_non_null(strstr(text, ctl));
	assert_null(strstr(text, "MESHDROP_WORKFLOW"));
}

static void make_failed(struct job *job)
{
	job_init(job);
	SET(job->id, BOX_JOB);
	SET(job->ctl_name, "file.ctl");
	SET(job->dat_name, "file.dat");
	SET(job->archive_stem, "file");
	SET(job->event, "SEND");
	SET(job->code, "12");
	job->failed = true;
}

static void test_failed(void **state)
{
	(void)state;
	struct job job;
	make_failed(&job);
	box_put(mailbox->dir.failed, "file.ctl", "c");
	box_put(mailbox->dir.failed, "file.dat", "d");
	tell_failed(mailbox, &job, "W");
	AUTO_FREE char *text = told();
	AUTO_FREE char *files = xasprintf("MESHDROP_CTL=%s/FAILED/file.ctl\n"
					  "MESHDROP_DAT=%s/FAILED/file.dat\n"
					  "MESHDROP_JOB=" BOX_JOB "\n"
					  "MESHDROP_WORKFLOW=W\n"
					  "MESHDROP_STATUS=SEND 12\n",
					  root, root);
	assert_non_null(strstr(text, files));
	job_release(&job);
}

/* The name was taken when it was moved there; the other file is not ours. */
static void test_failed_beside_a_stranger(void **state)
{
	(void)state;
	struct job job;
	make_failed(&job);
	box_put(mailbox->dir.failed, "file.ctl", "c");
	box_put(mailbox->dir.failed, "file~" BOX_JOB ".ctl", "c");
	tell_failed(mailbox, &job, "");
	AUTO_FREE char *text = told();
	AUTO_FREE char *ctl = xasprintf("MESHDROP_CTL=%s/FAILED/file~" BOX_JOB
					".ctl\n",
					root);
	assert_non_null(strstr(text, ctl));
	assert_null(strstr(text, "MESHDROP_DAT"));
	job_release(&job);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_run),
		TEST(test_every_value_fits),
		TEST(test_nobody_wants_to_know),
		TEST(test_workflow),
		TEST(test_arrived),
		TEST(test_arrived_elsewhere),
		TEST(test_failed),
		TEST(test_failed_beside_a_stranger),
	};
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
