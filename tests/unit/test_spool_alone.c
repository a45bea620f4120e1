/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* A file of a route: claim, archive, and death at each step. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "spool/ctl.h"
#include "spool/job.h"
#include "spool/pair.h"
#include "spool/sweep.h"
#include "spool_box.h"

#define NAME "a.pdf"
#define DAY (INT64_C(86400) * INT64_C(1000000000))

static struct spool_box box;
static int folder;
static struct job job;
static struct err err;

static int open_letters(const struct spool_box *from)
{
	int fd = -1;
	assert_int_equal(boxdir_open_folder(&from->box, "letters", true, &fd,
					    NULL),
			 0);
	return fd;
}

static void put_file(struct spool_box *to)
{
	AUTO_CLOSE int fd = open_letters(to);
	box_put(fd, NAME, "payload");
}

static void describe(struct job *ret)
{
	job_init(ret);
	SET(ret->id, BOX_JOB);
	SET(ret->route, "letters");
	pair_name_alone(ret, NAME);
}

static int stage(struct spool_box *at, struct job *mine, struct err *why)
{
	struct ctl ctl;
	box_ctl(&ctl, "");
	int r = pair_stage_alone(&at->box, mine, &ctl, why);
	ctl_release(&ctl);
	return r < 0 ? r : fsx_sync_dir(at->box.temp, "TEMP", why);
}

static int set_up(void **state)
{
	(void)state;
	spool_box_make(&box);
	put_file(&box);
	folder = open_letters(&box);
	describe(&job);
	box_identity(folder, NAME, &job.dat);
	assert_int_equal(stage(&box, &job, &err), 0);
	err_clear(&err);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	job_release(&job);
	mem_auto_close(&folder);
	spool_box_remove(&box);
	return 0;
}

static void expect_claimed(void)
{
	box_expect(box.box.temp, BOX_JOB ".dat", "payload");
	assert_true(box_has(box.box.temp, BOX_JOB ".ctl"));
	assert_int_equal(box_count(box.box.temp), 2);
	struct ctl ctl;
	assert_int_equal(pair_read_claimed(&box.box, &job, &ctl, &err), 0);
	assert_string_equal(ctl_get(&ctl, CTL_TO_DTS), "X26ABC2");
	ctl_release(&ctl);
	int fd = -1;
	assert_int_equal(pair_open_data(&box.box, &job, &fd, &err), 0);
	mem_auto_close(&fd);
}

static void move(int from_dir, const char *from, int to_dir, const char *to)
{
	assert_int_equal(renameat(from_dir, from, to_dir, to), 0);
}

static void claim(int wanted)
{
	assert_int_equal(pair_claim(&box.box, &job, &err), wanted);
}

/* --- claim --- */

static void test_claim(void **state)
{
	(void)state;
	claim(0);
	expect_claimed();
	assert_int_equal(box_count(folder), 0);
	claim(0); /* once more changes nothing */
	expect_claimed();
}

static void test_claim_from_middle(void **state)
{
	(void)state;
	move(folder, NAME, box.box.temp, BOX_JOB ".dat");
	claim(0);
	expect_claimed();
	/* a power cut may bring the older of both moves back */
	move(box.box.temp, BOX_JOB ".dat", folder, NAME);
	claim(0);
	expect_claimed();
}

/* The next file by that name is not ours. */
static void test_next_file(void **state)
{
	(void)state;
	claim(0);
	box_put(folder, NAME, "next payload");
	claim(0);
	expect_claimed();
	box_expect(folder, NAME, "next payload");
}

/* A power cut may leave both names of a file. */
static void test_both_names(void **state)
{
	(void)state;
	assert_int_equal(linkat(folder, NAME, box.box.temp, BOX_JOB ".dat", 0),
			 0);
	assert_int_equal(linkat(box.box.temp, BOX_JOB ".route", box.box.temp,
				BOX_JOB ".ctl", 0),
			 0);
	claim(0);
	expect_claimed();
	assert_int_equal(box_count(folder), 0);
}

/* The route was taken out of the settings, and its folder away with it. */
static void test_folder_gone(void **state)
{
	(void)state;
	move(folder, NAME, box.box.temp, BOX_JOB ".dat");
	assert_int_equal(unlinkat(box.box.base, "letters", AT_REMOVEDIR), 0);
	claim(0);
	expect_claimed();
}

static void test_void(void **state)
{
	(void)state;
	move(folder, NAME, folder, "renamed.pdf");
	claim(-ERR_MISSING);
	assert_non_null(strstr(err.text, "letters"));
	box_put(folder, NAME, "another file");
	claim(-ERR_MISSING);
	box_expect(folder, NAME, "another file");
	assert_int_equal(box_count(box.box.temp), 1);
	pair_unstage(&box.box, &job);
	assert_int_equal(box_count(box.box.temp), 0);
}

static void test_folder_became_a_link(void **state)
{
	(void)state;
	move(box.box.base, "letters", box.box.base, "elsewhere");
	assert_int_equal(symlinkat("elsewhere", box.box.base, "letters"), 0);
	claim(-ERR_MISSING);
	box_expect(folder, NAME, "payload");
}

static void test_changed(void **state)
{
	(void)state;
	claim(0);
	box_put(box.box.temp, BOX_JOB ".dat", "longer payload");
	claim(-ERR_CHANGED);
	assert_int_equal(unlinkat(box.box.temp, BOX_JOB ".dat", 0), 0);
	claim(-ERR_CHANGED); /* it was here: not void */
	assert_string_equal(err.text, ".dat file is missing or inaccessible");
}

static void test_control_lost(void **state)
{
	(void)state;
	assert_int_equal(unlinkat(box.box.temp, BOX_JOB ".route", 0), 0);
	claim(-ERR_CHANGED);
	box_expect(box.box.temp, BOX_JOB ".dat", "payload");
}

static void test_look(void **state)
{
	(void)state;
	assert_int_equal(pair_look(folder, NAME, &job.dat, &err), 0);
	assert_int_equal(symlinkat(NAME, folder, "link"), 0);
	assert_int_equal(pair_look(folder, "link", &job.dat, &err),
			 -ERR_UNSAFE);
	box_put(folder, NAME, "longer payload");
	assert_int_equal(pair_look(folder, NAME, &job.dat, &err), -ERR_CHANGED);
	assert_int_equal(unlinkat(folder, NAME, 0), 0);
	assert_int_equal(pair_look(folder, NAME, &job.dat, &err), -ERR_MISSING);
}

/* --- names --- */

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(job.ctl_name, "a.pdf.ctl");
	assert_string_equal(job.dat_name, "a.pdf");
	char stem[TEXT_NAME_SIZE];
	assert_int_equal(pair_choose_stem(&box.box, &job, false, stem, &err),
			 0);
	assert_string_equal(stem, "a.pdf");
	box_put(box.box.sent, "a.pdf.dat", "an older one");
	assert_int_equal(pair_choose_stem(&box.box, &job, false, stem, &err),
			 0);
	assert_string_equal(stem, "a.pdf~" BOX_JOB);
}

/* 255 bytes, the last of them in characters of three. */
static void test_long_name(void **state)
{
	(void)state;
	char name[TEXT_NAME_SIZE];
	memset(name, 'n', 240);
	(void)snprintf(name + 240, 16, "€€€€€");
	pair_name_alone(&job, name);
	assert_string_equal(job.dat_name, name);
	assert_int_equal(strlen(job.ctl_name), 253); /* whole characters */
	assert_memory_equal(job.ctl_name, name, 249);
	assert_string_equal(job.ctl_name + 249, ".ctl");
	char stem[TEXT_NAME_SIZE];
	assert_int_equal(pair_choose_stem(&box.box, &job, true, stem, &err), 0);
	assert_int_equal(strlen(stem), 249);
	assert_memory_equal(stem, name, 249);
	char report[TEXT_NAME_SIZE];
	assert_int_equal(pair_choose_report(&box.box, job.ctl_name, "COLLECT",
					    "20261122070000", report, &err),
			 0);
	assert_in_range(strlen(report), 250, 255);
}

/* --- a whole life, with deaths --- */

static int begin(struct spool_box *at, struct job *mine, struct err *why)
{
	AUTO_CLOSE int fd = open_letters(at);
	describe(mine);
	box_identity(fd, NAME, &mine->dat);
	int r = stage(at, mine, why);
	return r < 0 ? r : job_create(mine, &at->box, BOX_NOW, why);
}

static int prepare(struct spool_box *at, struct job *mine, struct err *why)
{
	struct ctl ctl;
	box_ctl(&ctl, "M1");
	int r = pair_stage(&at->box, mine, "new", &ctl, why);
	ctl_release(&ctl);
	if (r == 0)
		r = pair_choose_stem(&at->box, mine, true, mine->archive_stem,
				     why);
	if (r == 0)
		r = fsx_sync_dir(at->box.temp, "TEMP", why);
	mine->failed = true;
	return r < 0 ? r : job_move(mine, JOB_ARCHIVING, BOX_NOW, why);
}

static int step(struct spool_box *at, struct job *mine, struct err *why)
{
	if (mine->state == JOB_CLAIMED) {
		int r = pair_claim(&at->box, mine, why);
		return r < 0 ? r : job_move(mine, JOB_REJECTED, BOX_NOW, why);
	}
	if (mine->state == JOB_REJECTED)
		return prepare(at, mine, why);
	int r = pair_archive(&at->box, mine, true, why);
	return r < 0 ? r : job_finish(mine, &at->box, why);
}

static int load_or_begin(struct spool_box *at, struct job *mine,
			 struct err *why)
{
	if (!box_has(at->box.jobs, BOX_JOB JOB_SUFFIX))
		return begin(at, mine, why);
	bool torn = false;
	int r = job_load(mine, at->box.jobs, BOX_JOB, true, &torn, why);
	if (r != -ERR_CORRUPT)
		return r;
	r = fsx_remove(at->box.jobs, BOX_JOB JOB_SUFFIX, why);
	return r < 0 ? r : begin(at, mine, why);
}

static bool is_dropped(const struct spool_box *at)
{
	AUTO_CLOSE int fd = open_letters(at);
	return box_has(fd, NAME);
}

static int run(struct spool_box *at, struct err *why)
{
	if (!box_has(at->box.jobs, BOX_JOB JOB_SUFFIX) && !is_dropped(at))
		return 0;
	struct job mine;
	job_init(&mine);
	int r = load_or_begin(at, &mine, why);
	while (r == 0 && box_has(at->box.jobs, BOX_JOB JOB_SUFFIX))
		r = step(at, &mine, why);
	job_release(&mine);
	return r;
}

static void check_dead(struct spool_box *at)
{
	const struct boxdir *dir = &at->box;
	assert_int_equal(is_dropped(at) + box_has(dir->temp, BOX_JOB ".dat") +
				 box_has(dir->failed, "a.pdf.dat"),
			 1);
	if (box_has(dir->temp, BOX_JOB ".dat"))
		assert_true(box_has(dir->temp, BOX_JOB ".ctl") ||
			    box_has(dir->temp, BOX_JOB ".route"));
	if (box_has(dir->temp, BOX_JOB ".ctl"))
		assert_false(is_dropped(at));
	if (box_has(dir->failed, "a.pdf.ctl"))
		assert_true(box_has(dir->failed, "a.pdf.dat"));
	if (!is_dropped(at) && !box_has(dir->failed, "a.pdf.ctl"))
		assert_true(box_has(dir->jobs, BOX_JOB JOB_SUFFIX));
}

static void check_end(struct spool_box *at)
{
	check_dead(at);
	box_expect(at->box.failed, "a.pdf.dat", "payload");
	assert_int_equal(box_count(at->box.failed), 2);
	assert_int_equal(box_count(at->box.temp), 0);
	assert_int_equal(box_count(at->box.jobs), 0);
}

static void test_killed_at_each_step(void **state)
{
	(void)state;
	const struct spool_story story = {
		.set_up = put_file,
		.run = run,
		.between = check_dead,
		.check = check_end,
	};
	assert_true(spool_story_tell(&story) > 200);
}

/* --- what no record knows --- */

static int sweep(struct spool_box *at, struct err *why)
{
	size_t removed;
	size_t returned;
	return sweep_temp(&at->box, BOX_NOW, DAY, &removed, &returned, why);
}

static void test_sweep(void **state)
{
	(void)state;
	assert_int_equal(sweep(&box, &err), 0);
	assert_true(box_has(box.box.temp, BOX_JOB ".route")); /* young */
	size_t removed = 0;
	size_t returned = 0;
	assert_int_equal(sweep_temp(&box.box, INT64_MAX, DAY, &removed,
				    &returned, &err),
			 0);
	assert_int_equal(removed, 1);
	assert_int_equal(returned, 0);
	box_expect(folder, NAME, "payload");
}

static void lose_the_record(struct spool_box *at)
{
	box_put(at->box.temp, BOX_JOB ".dat", "data");
	box_put(at->box.temp, BOX_JOB ".route", "control");
}

/* Data never goes back without the words that say to whom it goes. */
static void check_returned(struct spool_box *at)
{
	box_expect(at->box.out, BOX_JOB ".dat", "data");
	box_expect(at->box.out, BOX_JOB ".ctl", "control");
	assert_int_equal(box_count(at->box.out), 2);
	assert_int_equal(box_count(at->box.temp), 0);
}

static void check_return(struct spool_box *at)
{
	if (box_has(at->box.out, BOX_JOB ".dat"))
		box_expect(at->box.out, BOX_JOB ".ctl", "control");
}

static void test_sweep_killed_at_each_step(void **state)
{
	(void)state;
	const struct spool_story story = {
		.set_up = lose_the_record,
		.run = sweep,
		.between = check_return,
		.check = check_returned,
	};
	assert_true(spool_story_tell(&story) > 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_claim),
		TEST(test_claim_from_middle),
		TEST(test_next_file),
		TEST(test_both_names),
		TEST(test_folder_gone),
		TEST(test_void),
		TEST(test_folder_became_a_link),
		TEST(test_changed),
		TEST(test_control_lost),
		TEST(test_look),
		TEST(test_names),
		TEST(test_long_name),
		cmocka_unit_test(test_killed_at_each_step),
		TEST(test_sweep),
		cmocka_unit_test(test_sweep_killed_at_each_step),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
