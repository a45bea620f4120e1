/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "spool/ctl.h"
#include "spool/job.h"
#include "spool/ledger.h"
#include "spool/pair.h"
#include "spool_box.h"

#define CTL_TEXT                                               \
	"<DTSControl><Version>1.0</Version>"                   \
	"<From_DTS>X26ABC1</From_DTS><To_DTS>X26ABC2</To_DTS>" \
	"</DTSControl>\n"

static struct spool_box box;
static struct job job;
static struct err err;

static void put_pair(struct spool_box *to)
{
	box_put(to->box.out, "a.ctl", CTL_TEXT);
	box_put(to->box.out, "a.DAT", "payload");
}

/* A job for a pair in OUT; no record yet. */
static void describe(struct job *ret, const struct spool_box *from)
{
	job_init(ret);
	SET(ret->id, BOX_JOB);
	SET(ret->ctl_name, "a.ctl");
	SET(ret->dat_name, "a.DAT");
	SET(ret->collect_name, "a_COLLECT.ctl");
	box_identity(from->box.out, "a.ctl", &ret->ctl);
	box_identity(from->box.out, "a.DAT", &ret->dat);
}

static int set_up(void **state)
{
	(void)state;
	spool_box_make(&box);
	put_pair(&box);
	describe(&job, &box);
	box_put(box.box.temp, BOX_JOB ".collect", "collected");
	err_clear(&err);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	job_release(&job);
	spool_box_remove(&box);
	return 0;
}

static void expect_claimed(void)
{
	assert_int_equal(box_count(box.box.out), 0);
	box_expect(box.box.temp, BOX_JOB ".ctl", CTL_TEXT);
	box_expect(box.box.temp, BOX_JOB ".dat", "payload");
	box_expect(box.box.in, "a_COLLECT.ctl", "collected");
	assert_int_equal(box_count(box.box.temp), 2);
}

/* --- claim --- */

static void test_claim(void **state)
{
	(void)state;
	assert_int_equal(pair_claim(&box.box, &job, &err), 0);
	expect_claimed();
	/* a repeated claim changes nothing, also when the report is taken */
	assert_int_equal(pair_claim(&box.box, &job, &err), 0);
	expect_claimed();
	assert_int_equal(unlinkat(box.box.in, "a_COLLECT.ctl", 0), 0);
	assert_int_equal(pair_claim(&box.box, &job, &err), 0);
	assert_int_equal(box_count(box.box.in), 0);
}

/* Each folder as a death leaves it. */
static void test_claim_from_middle(void **state)
{
	(void)state;
	assert_int_equal(renameat(box.box.out, "a.ctl", box.box.temp,
				  BOX_JOB ".ctl"),
			 0);
	assert_int_equal(pair_claim(&box.box, &job, &err), 0);
	expect_claimed();
	assert_int_equal(renameat(box.box.in, "a_COLLECT.ctl", box.box.temp,
				  BOX_JOB ".collect"),
			 0);
	assert_int_equal(pair_claim(&box.box, &job, &err), 0);
	expect_claimed();
}

static void test_claim_only_control(void **state)
{
	(void)state;
	*job.dat_name = '\0';
	assert_int_equal(pair_claim(&box.box, &job, &err), 0);
	box_expect(box.box.out, "a.DAT", "payload");
	assert_true(box_has(box.box.temp, BOX_JOB ".ctl"));
}

static void test_claim_nothing_there(void **state)
{
	(void)state;
	assert_int_equal(unlinkat(box.box.out, "a.ctl", 0), 0);
	assert_int_equal(pair_claim(&box.box, &job, &err), -ERR_MISSING);
	box_expect(box.box.out, "a.DAT", "payload"); /* not ours to take */
	/* another file by that name is not the pair either */
	box_put(box.box.out, "a.ctl", "another");
	assert_int_equal(pair_claim(&box.box, &job, &err), -ERR_MISSING);
	box_expect(box.box.out, "a.ctl", "another");
	assert_int_equal(box_count(box.box.in), 0);
}

static void test_claim_data_missing(void **state)
{
	(void)state;
	assert_int_equal(unlinkat(box.box.out, "a.DAT", 0), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pair_claim(&box.box, &job, &err),
				 -ERR_CHANGED);
		assert_string_equal(err.text,
				    ".dat file is missing or inaccessible");
		box_expect(box.box.temp, BOX_JOB ".ctl", CTL_TEXT);
	}
	assert_int_equal(box_count(box.box.in), 0);
}

static void test_claim_data_replaced(void **state)
{
	(void)state;
	box_put(box.box.out, "new", "other data");
	assert_int_equal(renameat(box.box.out, "new", box.box.out, "a.DAT"), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pair_claim(&box.box, &job, &err),
				 -ERR_CHANGED);
		box_expect(box.box.out, "a.DAT", "other data");
	}
}

static void test_claim_changed_in_temp(void **state)
{
	(void)state;
	assert_int_equal(pair_claim(&box.box, &job, &err), 0);
	box_put(box.box.temp, BOX_JOB ".dat", "longer payload");
	assert_int_equal(pair_claim(&box.box, &job, &err), -ERR_CHANGED);
	assert_int_equal(unlinkat(box.box.temp, BOX_JOB ".ctl", 0), 0);
	assert_int_equal(pair_claim(&box.box, &job, &err), -ERR_CHANGED);
	box_expect(box.box.temp, BOX_JOB ".dat", "longer payload");
}

static void test_claim_control_changed_in_temp(void **state)
{
	(void)state;
	assert_int_equal(pair_claim(&box.box, &job, &err), 0);
	box_put(box.box.temp, BOX_JOB ".ctl", CTL_TEXT " ");
	assert_int_equal(pair_claim(&box.box, &job, &err), -ERR_CHANGED);
	box_expect(box.box.temp, BOX_JOB ".dat", "payload");
}

static void test_claim_link_in_the_way(void **state)
{
	(void)state;
	assert_int_equal(unlinkat(box.box.out, "a.DAT", 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", box.box.out, "a.DAT"), 0);
	assert_int_equal(pair_claim(&box.box, &job, &err), -ERR_CHANGED);
	assert_true(box_has(box.box.out, "a.DAT"));
}

static void test_collect_name_taken(void **state)
{
	(void)state;
	box_put(box.box.in, "a_COLLECT.ctl", "somebody's");
	assert_int_equal(pair_claim(&box.box, &job, &err), 0);
	box_expect(box.box.in, "a_COLLECT.ctl", "somebody's");
	assert_int_equal(box_count(box.box.temp), 2);
}

/* A folder that is gone is not a move that was done. */
static void test_folder_removed(void **state)
{
	(void)state;
	char path[PATH_MAX];
	scratch_path(&box.scratch, "root/IN", path);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(pair_claim(&box.box, &job, &err), -ERR_IO);
	assert_true(box_has(box.box.temp, BOX_JOB ".collect"));
}

/* --- reading --- */

static void test_read_out(void **state)
{
	(void)state;
	struct ctl ctl;
	struct scan_identity identity;
	assert_int_equal(pair_read_out(&box.box, "a.ctl", &ctl, &identity,
				       &err),
			 0);
	assert_string_equal(ctl_get(&ctl, CTL_TO_DTS), "X26ABC2");
	assert_true(pair_same(&identity, &job.ctl));
	ctl_release(&ctl);
	box_put(box.box.out, "bad.ctl", "<DTSControl>");
	assert_int_equal(pair_read_out(&box.box, "bad.ctl", &ctl, &identity,
				       &err),
			 -ERR_INVALID);
	assert_int_equal(symlinkat("a.ctl", box.box.out, "link.ctl"), 0);
	assert_int_equal(pair_read_out(&box.box, "link.ctl", &ctl, &identity,
				       &err),
			 -ERR_UNSAFE);
	AUTO_FREE char *large = xcalloc(1, CTL_SIZE_MAX + 1);
	box_put_bytes(box.box.out, "large.ctl", large, CTL_SIZE_MAX + 1);
	assert_int_equal(pair_read_out(&box.box, "large.ctl", &ctl, &identity,
				       &err),
			 -ERR_LIMIT);
	assert_int_equal(pair_read_out(&box.box, "no.ctl", &ctl, &identity,
				       &err),
			 -ERR_MISSING);
}

static void test_read_claimed(void **state)
{
	(void)state;
	assert_int_equal(pair_claim(&box.box, &job, &err), 0);
	struct ctl ctl;
	assert_int_equal(pair_read_claimed(&box.box, &job, &ctl, &err), 0);
	ctl_release(&ctl);
	AUTO_CLOSE int fd = -1;
	assert_int_equal(pair_open_data(&box.box, &job, &fd, &err), 0);
	char text[16] = "";
	assert_int_equal(read(fd, text, sizeof(text)), 7);
	assert_string_equal(text, "payload");
	assert_int_equal(pair_still_same(fd, &job, &err), 0);
	box_put(box.box.temp, BOX_JOB ".dat", "PAYLOAD+");
	assert_int_equal(pair_still_same(fd, &job, &err), -ERR_CHANGED);
	int other = -1;
	assert_int_equal(pair_open_data(&box.box, &job, &other, &err),
			 -ERR_CHANGED);
	box_put(box.box.temp, BOX_JOB ".ctl", CTL_TEXT " ");
	assert_int_equal(pair_read_claimed(&box.box, &job, &ctl, &err),
			 -ERR_CHANGED);
	assert_int_equal(unlinkat(box.box.temp, BOX_JOB ".dat", 0), 0);
	assert_int_equal(pair_open_data(&box.box, &job, &other, &err),
			 -ERR_MISSING);
	assert_int_equal(other, -1);
}

/* --- names --- */

static void test_choose_stem(void **state)
{
	(void)state;
	char stem[TEXT_NAME_SIZE];
	assert_int_equal(pair_choose_stem(&box.box, &job, false, stem, &err),
			 0);
	assert_string_equal(stem, "a");
	box_put(box.box.sent, "a.DAT", "older");
	assert_int_equal(pair_choose_stem(&box.box, &job, false, stem, &err),
			 0);
	assert_string_equal(stem, "a~" BOX_JOB);
	assert_int_equal(pair_choose_stem(&box.box, &job, true, stem, &err), 0);
	assert_string_equal(stem, "a");
	box_put(box.box.sent, "a~" BOX_JOB ".ctl", "older");
	assert_int_equal(pair_choose_stem(&box.box, &job, false, stem, &err),
			 -ERR_EXISTS);
}

static void test_choose_stem_long(void **state)
{
	(void)state;
	/* 125 characters of two bytes: the cut is between two of them */
	char name[TEXT_NAME_SIZE] = "x";
	for (size_t i = 0; i < 125; i++)
		memcpy(name + 1 + 2 * i, "\xc3\xa9", 3);
	(void)snprintf(job.ctl_name, sizeof(job.ctl_name), "%.251s.ctl", name);
	(void)snprintf(job.dat_name, sizeof(job.dat_name), "%.251s.dat", name);
	assert_int_equal(strlen(job.ctl_name), 255);
	box_put(box.box.sent, job.ctl_name, "older");
	char stem[TEXT_NAME_SIZE];
	assert_int_equal(pair_choose_stem(&box.box, &job, false, stem, &err),
			 0);
	assert_in_range(strlen(stem), 249, 251);
	assert_non_null(strstr(stem, "\xc3\xa9~" BOX_JOB));
	assert_string_equal(strchr(stem, '~'), "~" BOX_JOB);
	char report[TEXT_NAME_SIZE];
	assert_int_equal(pair_choose_report(&box.box, job.ctl_name, "COLLECT",
					    "20261122070000", report, &err),
			 0);
	assert_in_range(strlen(report), 250, 255);
	assert_non_null(strstr(report, "\xc3\xa9_COLLECT_20261122070000.ctl"));
}

static void test_choose_report(void **state)
{
	(void)state;
	static const char *const wanted[] = {
		"a.b_SEND_20261122070000.ctl",
		"a.b_SEND_20261122070000_1.ctl",
		"a.b_SEND_20261122070000_2.ctl",
	};
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		char name[TEXT_NAME_SIZE];
		assert_int_equal(pair_choose_report(&box.box, "a.b.ctl", "SEND",
						    "20261122070000", name,
						    &err),
				 0);
		assert_string_equal(name, wanted[i]);
		box_put(box.box.in, name, "");
	}
}

/* --- archive --- */

/* The job as it is when the archive begins. */
static void put_archiving(bool failed)
{
	assert_int_equal(pair_claim(&box.box, &job, &err), 0);
	assert_int_equal(unlinkat(box.box.in, "a_COLLECT.ctl", 0), 0);
	box_put(box.box.temp, BOX_JOB ".new", "rewritten");
	box_put(box.box.temp, BOX_JOB ".report", "report");
	job.state = JOB_ARCHIVING;
	job.failed = failed;
	SET(job.archive_stem, "a");
	SET(job.report_name, "a_report.ctl");
}

static void expect_archived(int dirfd)
{
	box_expect(dirfd, "a.DAT", "payload");
	box_expect(dirfd, "a.ctl", "rewritten");
	box_expect(box.box.in, "a_report.ctl", "report");
	assert_int_equal(box_count(dirfd), 2);
	assert_int_equal(box_count(box.box.in), 1);
	assert_int_equal(box_count(box.box.temp), 0);
}

static void test_archive(void **state)
{
	(void)state;
	put_archiving(false);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pair_archive(&box.box, &job, true, &err), 0);
		expect_archived(box.box.sent);
	}
}

static void test_archive_failed(void **state)
{
	(void)state;
	put_archiving(true);
	assert_int_equal(pair_archive(&box.box, &job, true, &err), 0);
	expect_archived(box.box.failed);
	assert_int_equal(box_count(box.box.sent), 0);
}

/* Every folder as a death leaves it: the first n moves were done. */
static void test_archive_from_middle(void **state)
{
	(void)state;
	put_archiving(false);
	const struct {
		const char *from;
		int dirfd;
		const char *to;
	} moves[] = {
		{ BOX_JOB ".dat", box.box.sent, "a.DAT" },
		{ BOX_JOB ".new", box.box.sent, "a.ctl" },
		{ BOX_JOB ".report", box.box.in, "a_report.ctl" },
	};
	const size_t count = sizeof(moves) / sizeof(*moves);
	for (size_t n = 0; n <= count; n++) {
		for (size_t i = 0; i < n; i++)
			assert_int_equal(renameat(box.box.temp, moves[i].from,
						  moves[i].dirfd, moves[i].to),
					 0);
		assert_int_equal(pair_archive(&box.box, &job, true, &err), 0);
		expect_archived(box.box.sent);
		for (size_t i = 0; i < count; i++)
			assert_int_equal(renameat(moves[i].dirfd, moves[i].to,
						  box.box.temp, moves[i].from),
					 0);
		box_put(box.box.temp, BOX_JOB ".ctl", CTL_TEXT);
	}
}

static void test_archive_not_kept(void **state)
{
	(void)state;
	put_archiving(false);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pair_archive(&box.box, &job, false, &err), 0);
		assert_int_equal(box_count(box.box.sent), 0);
		assert_int_equal(box_count(box.box.temp), 0);
		box_expect(box.box.in, "a_report.ctl", "report");
	}
}

/* Names that were free when they were chosen. */
static void test_archive_names_taken(void **state)
{
	(void)state;
	put_archiving(false);
	box_put(box.box.sent, "a.DAT", "somebody's");
	box_put(box.box.sent, "a.ctl", "somebody's");
	box_put(box.box.in, "a_report.ctl", "somebody's");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pair_archive(&box.box, &job, true, &err), 0);
		box_expect(box.box.sent, "a.DAT", "somebody's");
		box_expect(box.box.sent, "a.ctl", "somebody's");
		box_expect(box.box.in, "a_report.ctl", "somebody's");
		box_expect(box.box.sent, "a~" BOX_JOB ".DAT", "payload");
		box_expect(box.box.sent, "a~" BOX_JOB ".ctl", "rewritten");
		box_expect(box.box.in, "a_report~" BOX_JOB ".ctl", "report");
		assert_int_equal(box_count(box.box.temp), 0);
	}
}

/* A control file that could not be read goes along, and over nothing. */
static void test_archive_keep_original(void **state)
{
	(void)state;
	put_archiving(true);
	job.keep_original = true;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pair_archive(&box.box, &job, true, &err), 0);
		box_expect(box.box.failed, "a.ctl.original", CTL_TEXT);
		box_expect(box.box.failed, "a.ctl", "rewritten");
		assert_int_equal(box_count(box.box.failed), 3);
		assert_int_equal(box_count(box.box.temp), 0);
	}
	box_put(box.box.temp, BOX_JOB ".ctl", "again");
	assert_int_equal(pair_archive(&box.box, &job, true, &err), 0);
	box_expect(box.box.failed, "a.ctl.original", CTL_TEXT);
	box_expect(box.box.failed, "a.ctl~" BOX_JOB ".original", "again");
}

/* What a consumer took since is not missing. */
static void test_archive_taken_since(void **state)
{
	(void)state;
	put_archiving(false);
	assert_int_equal(unlinkat(box.box.temp, BOX_JOB ".dat", 0), 0);
	assert_int_equal(unlinkat(box.box.temp, BOX_JOB ".report", 0), 0);
	assert_int_equal(pair_archive(&box.box, &job, true, &err), 0);
	assert_int_equal(box_count(box.box.sent), 1);
	assert_int_equal(box_count(box.box.temp), 0);
}

static void test_stage(void **state)
{
	(void)state;
	struct ctl ctl;
	box_ctl(&ctl, "M1");
	box_put(box.box.temp, BOX_JOB ".new", "an old attempt");
	assert_int_equal(pair_stage(&box.box, &job, "new", &ctl, &err), 0);
	ctl_release(&ctl);
	size_t len = 0;
	AUTO_FREE char *text = box_read(box.box.temp, BOX_JOB ".new", &len);
	assert_non_null(strstr(text, "<DTSId>M1</DTSId>"));
}

/* --- a whole life, with deaths --- */

static int post(const struct spool_box *to)
{
	int fd = openat(to->scratch.fd, "server",
			O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int r = fd >= 0 && write(fd, "x", 1) == 1 ? 0 : -ERR_IO;
	mem_auto_close(&fd);
	return r;
}

static int begin(struct spool_box *from, struct job *ret, struct err *why)
{
	struct ctl ctl;
	describe(ret, from);
	box_ctl(&ctl, "");
	int r = pair_stage(&from->box, ret, "collect", &ctl, why);
	ctl_release(&ctl);
	return r < 0 ? r : job_create(ret, &from->box, BOX_NOW, why);
}

/* Until everything that was claimed is ours, and the server has it. */
static int send_it(struct spool_box *from, struct job *mine, struct err *why)
{
	int r = pair_claim(&from->box, mine, why);
	if (r < 0)
		return r;
	mine->opening_ns = BOX_NOW;
	r = job_move(mine, JOB_OPENING, BOX_NOW, why);
	if (r == 0)
		r = post(from);
	if (r < 0)
		return r;
	SET(mine->message_id, "M1");
	return job_move(mine, JOB_ACCEPTED, BOX_NOW, why);
}

static int ask(struct spool_box *from, struct job *mine, struct err *why)
{
	bool there = box_has(from->scratch.fd, "server");
	if (there)
		SET(mine->message_id, "M1");
	return job_move(mine, there ? JOB_ACCEPTED : JOB_CLAIMED, BOX_NOW, why);
}

static int prepare(struct spool_box *from, struct job *mine, struct err *why)
{
	struct ctl ctl;
	box_ctl(&ctl, "M1");
	int r = pair_stage(&from->box, mine, "new", &ctl, why);
	if (r == 0)
		r = pair_stage(&from->box, mine, "report", &ctl, why);
	ctl_release(&ctl);
	if (r == 0)
		r = fsx_sync_dir(from->box.temp, "TEMP", why);
	if (r == 0)
		r = pair_choose_stem(&from->box, mine, false,
				     mine->archive_stem, why);
	if (r == 0)
		r = pair_choose_report(&from->box, "a.ctl", "SEND", "2026",
				       mine->report_name, why);
	return r < 0 ? r : job_move(mine, JOB_ARCHIVING, BOX_NOW, why);
}

static int settle(struct spool_box *from, struct job *mine, struct err *why)
{
	struct ledger *ledger = NULL;
	int r = pair_archive(&from->box, mine, true, why);
	if (r == 0)
		r = ledger_open(from->box.ledger, BOX_NOW, &ledger, why);
	if (r == 0)
		r = ledger_add_sent(ledger, mine, BOX_NOW, why);
	ledger = ledger_close(ledger);
	return r < 0 ? r : job_finish(mine, &from->box, why);
}

static int step(struct spool_box *from, struct job *mine, struct err *why)
{
	if (mine->state == JOB_CLAIMED)
		return send_it(from, mine, why);
	if (mine->state == JOB_OPENING)
		return ask(from, mine, why);
	if (mine->state == JOB_ACCEPTED)
		return prepare(from, mine, why);
	return settle(from, mine, why);
}

static int load_or_begin(struct spool_box *from, struct job *mine,
			 struct err *why)
{
	if (!box_has(from->box.jobs, BOX_JOB JOB_SUFFIX))
		return begin(from, mine, why);
	bool torn = false;
	int r = job_load(mine, from->box.jobs, BOX_JOB, true, &torn, why);
	if (r != -ERR_CORRUPT)
		return r;
	r = fsx_remove(from->box.jobs, BOX_JOB JOB_SUFFIX, why);
	return r < 0 ? r : begin(from, mine, why);
}

static int run(struct spool_box *from, struct err *why)
{
	if (!box_has(from->box.jobs, BOX_JOB JOB_SUFFIX) &&
	    !box_has(from->box.out, "a.ctl"))
		return 0;
	struct job mine;
	job_init(&mine);
	int r = load_or_begin(from, &mine, why);
	while (r == 0 && box_has(from->box.jobs, BOX_JOB JOB_SUFFIX))
		r = step(from, &mine, why);
	job_release(&mine);
	return r;
}

/* Wherever it died: the data is in one place, and whoever is told something
 * finds it true. */
static void check_dead(struct spool_box *at)
{
	const struct boxdir *dir = &at->box;
	assert_int_equal(box_has(dir->out, "a.DAT") +
				 box_has(dir->temp, BOX_JOB ".dat") +
				 box_has(dir->sent, "a.DAT"),
			 1);
	assert_int_equal(box_has(dir->out, "a.ctl") +
				 box_has(dir->temp, BOX_JOB ".ctl") +
				 box_has(dir->sent, "a.ctl"),
			 box_has(dir->sent, "a.ctl") &&
					 box_has(dir->temp, BOX_JOB ".ctl") ?
				 2 :
				 1);
	if (!box_has(dir->out, "a.DAT")) /* the control file goes first */
		assert_false(box_has(dir->out, "a.ctl"));
	if (box_has(dir->in, "a_COLLECT.ctl"))
		assert_false(box_has(dir->out, "a.DAT"));
	if (box_has(dir->sent, "a.ctl"))
		assert_true(box_has(dir->sent, "a.DAT"));
	if (box_has(dir->in, "a_SEND_2026.ctl"))
		assert_true(box_has(dir->sent, "a.ctl"));
	else
		assert_true(box_has(dir->out, "a.ctl") ||
			    box_has(dir->temp, BOX_JOB ".ctl"));
}

static void check_end(struct spool_box *at)
{
	check_dead(at);
	box_expect(at->scratch.fd, "server", "x"); /* once */
	box_expect(at->box.sent, "a.DAT", "payload");
	assert_true(box_has(at->box.sent, "a.ctl"));
	assert_int_equal(box_count(at->box.sent), 2);
	assert_true(box_has(at->box.in, "a_COLLECT.ctl"));
	assert_true(box_has(at->box.in, "a_SEND_2026.ctl"));
	assert_int_equal(box_count(at->box.in), 2);
	assert_int_equal(box_count(at->box.out), 0);
	assert_int_equal(box_count(at->box.temp), 0);
	assert_int_equal(box_count(at->box.jobs), 0);
	size_t len = 0;
	AUTO_FREE char *lines = box_read(at->box.ledger, "2026-11.log", &len);
	assert_ptr_equal(strchr(lines, '\n'), lines + len - 1); /* once */
}

static void test_killed_at_each_step(void **state)
{
	(void)state;
	const struct spool_story story = {
		.set_up = put_pair,
		.run = run,
		.between = check_dead,
		.check = check_end,
	};
	assert_true(spool_story_tell(&story) > 500);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_claim),
		TEST(test_claim_from_middle),
		TEST(test_claim_only_control),
		TEST(test_claim_nothing_there),
		TEST(test_claim_data_missing),
		TEST(test_claim_data_replaced),
		TEST(test_claim_changed_in_temp),
		TEST(test_claim_control_changed_in_temp),
		TEST(test_claim_link_in_the_way),
		TEST(test_collect_name_taken),
		TEST(test_folder_removed),
		TEST(test_read_out),
		TEST(test_read_claimed),
		TEST(test_choose_stem),
		TEST(test_choose_stem_long),
		TEST(test_choose_report),
		TEST(test_archive),
		TEST(test_archive_failed),
		TEST(test_archive_from_middle),
		TEST(test_archive_not_kept),
		TEST(test_archive_names_taken),
		TEST(test_archive_keep_original),
		TEST(test_archive_taken_since),
		TEST(test_stage),
		cmocka_unit_test(test_killed_at_each_step),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
