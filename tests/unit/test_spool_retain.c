/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "spool/retain.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define HOUR (3600 * CLOCK_SECOND)
#define NOW (INT64_C(1795330800) * CLOCK_SECOND)
#define FILES_MOST 8

/* Hours before NOW; size 1 and one link unless told. */
struct file {
	const char *name;
	int changed_h;
	int read_h; /* 0: before it came */
	unsigned links;
	uint64_t inode;
	uint64_t size;
	bool odd; /* a folder, a link */
};

struct story {
	const char *what;
	enum retain_kind kind;
	int64_t age_h;
	uint64_t size;
	bool cut;
	const char *wanted; /* names in the order of removal */
	struct file files[FILES_MOST];
};

/* --- one story --- */

static bool settled(void *ctx, const char *stem, bool report)
{
	const struct story *story = ctx;
	if (story->kind == RETAIN_ARCHIVE)
		return strncmp(stem, "busy", 4) != 0 && !report;
	return report || strncmp(stem, "ID", 2) == 0;
}

static void add(struct retain_list *list, enum retain_kind kind,
		const struct file *file, size_t n)
{
	int64_t changed = NOW - file->changed_h * HOUR;
	struct retain_file facts = {
		.inode = file->inode ? file->inode : 1000 + n,
		.size = file->size ? file->size : 1,
		.ctime_ns = changed,
		.atime_ns = file->read_h ? NOW - file->read_h * HOUR :
					   changed - HOUR,
		.links = file->links ? file->links : 1,
		.plain = !file->odd,
	};
	retain_list_add(list, kind, file->name, &facts);
}

static void say(char *text, size_t size, const char *name)
{
	size_t len = strlen(text);
	(void)snprintf(text + len, size - len, "%s%s", len > 0 ? " " : "",
		       name);
}

static void tell(const struct retain_list *list, const struct retain_plan *plan,
		 char *text, size_t size)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct retain_group *group = &plan->groups[i];
		for (size_t n = 0; n < group->count; n++)
			say(text, size, list->files[group->first + n].name);
		if (group->second != RETAIN_NONE)
			say(text, size, list->files[group->second].name);
	}
}

static void run(const struct story *story, bool backwards)
{
	struct retain_list list = { .cut = story->cut };
	for (size_t i = 0; i < FILES_MOST; i++) {
		size_t n = backwards ? FILES_MOST - 1 - i : i;
		if (story->files[n].name)
			add(&list, story->kind, &story->files[n], n);
	}
	const struct retain_rules rules = {
		.kind = story->kind,
		.age_ns = story->age_h * HOUR,
		.size = story->size,
		.wall_ns = NOW,
		.settled = settled,
		.ctx = (void *)(uintptr_t)story,
	};
	struct retain_plan plan;
	retain_choose(&list, &rules, &plan);
	char found[1000] = "";
	tell(&list, &plan, found, sizeof(found));
	if (strcmp(found, story->wanted) != 0)
		fail_msg("%s: '%s', not '%s'", story->what, found,
			 story->wanted);
	retain_plan_release(&plan);
	retain_list_release(&list);
}

static void run_all(const struct story *stories, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		run(&stories[i], false);
		run(&stories[i], true); /* the order of names says nothing */
	}
}

/* --- SENT and FAILED --- */

static const struct story archive[] = {
	{ .what = "nothing is there", .age_h = 1, .size = 1, .wanted = "" },
	{ .what = "no reason",
	  .wanted = "",
	  .files = { { "a.ctl", 9 }, { "a.dat", 9 } } },
	{ .what = "by age, the control file before its data",
	  .age_h = 5,
	  .wanted = "a.ctl a.dat",
	  .files = { { "a.dat", 9 },
		     { "a.ctl", 9 },
		     { "b.dat", 4 },
		     { "b.ctl", 4 } } },
	{ .what = "exactly so old is not older",
	  .age_h = 5,
	  .wanted = "",
	  .files = { { "a.ctl", 5 } } },
	{ .what = "the youngest file counts",
	  .age_h = 5,
	  .wanted = "",
	  .files = { { "a.dat", 9 }, { "a.ctl", 4 } } },
	{ .what = "reading does not matter",
	  .age_h = 5,
	  .wanted = "a.dat",
	  .files = { { "a.dat", 9, .read_h = 1 } } },
	{ .what = "the original goes along, first",
	  .age_h = 5,
	  .wanted = "a.ctl.original a.ctl a.dat",
	  .files = { { "a.ctl", 9 }, { "a.ctl.original", 9 }, { "a.dat", 9 } } },
	{ .what = "an original alone is nobody's",
	  .age_h = 5,
	  .wanted = "",
	  .files = { { "a.ctl.original", 9 } } },
	{ .what = "what a crash left, and the application's extensions",
	  .age_h = 5,
	  .wanted = "A.CTL A.DAT b.dat c.ctl",
	  .files = { { "A.CTL", 9 },
		     { "A.DAT", 9 },
		     { "b.dat", 8 },
		     { "c.ctl", 7 } } },
	{ .what = "foreign names",
	  .age_h = 5,
	  .size = 1,
	  .wanted = "",
	  .files = { { "a.zip", 9 },
		     { "notes", 9 },
		     { "a.ctl.bak", 9 },
		     { ".a.dat", 9 },
		     { ".ctl", 9 },
		     { "a.original", 9 } } },
	{ .what = "a link or a folder keeps its group",
	  .age_h = 5,
	  .size = 1,
	  .wanted = "",
	  .files = { { "a.ctl", 9 },
		     { "a.dat", 9, .odd = true },
		     { "b.dat", 9, .odd = true } } },
	{ .what = "several links keep their group, and are not counted",
	  .age_h = 5,
	  .size = 1,
	  .wanted = "",
	  .files = { { "a.ctl", 9 },
		     { "a.dat", 9, .links = 2, .size = 50 },
		     { "b.dat", 1 } } },
	{ .what = "under way",
	  .age_h = 5,
	  .size = 1,
	  .wanted = "idle.dat",
	  .files = { { "busy.ctl", 9 }, { "busy.dat", 9 }, { "idle.dat", 8 } } },
	{ .what = "from the future, or from this moment",
	  .age_h = 1,
	  .size = 1,
	  .wanted = "",
	  .files = { { "a.dat", -9, .size = 50 }, { "b.dat", 0 } } },
	{ .what = "by size, the oldest first, no more than needed",
	  .size = 25,
	  .wanted = "c.dat a.ctl a.dat",
	  .files = { { "a.ctl", 8, .size = 5 },
		     { "a.dat", 8, .size = 5 },
		     { "b.dat", 7, .size = 10 },
		     { "c.dat", 9, .size = 10 },
		     { "d.dat", 6, .size = 15 } } },
	{ .what = "exactly so much is not over",
	  .size = 20,
	  .wanted = "",
	  .files = { { "a.dat", 8, .size = 10 }, { "b.dat", 7, .size = 10 } } },
	{ .what = "what is under way fills the size, too",
	  .size = 15,
	  .wanted = "a.dat",
	  .files = { { "busy.dat", 9, .size = 10 },
		     { "a.dat", 8, .size = 10 } } },
	{ .what = "by both",
	  .age_h = 8,
	  .size = 15,
	  .wanted = "a.dat b.dat",
	  .files = { { "a.dat", 9, .size = 10 },
		     { "b.dat", 7, .size = 10 },
		     { "c.dat", 6, .size = 10 } } },
	{ .what = "the same age goes by name",
	  .size = 1,
	  .wanted = "a.dat b.dat",
	  .files = { { "b.dat", 9 }, { "a.dat", 9 }, { "c.dat", 9 } } },
	{ .what = "when there is more than was seen, only whole pairs",
	  .age_h = 5,
	  .cut = true,
	  .wanted = "a.ctl a.dat",
	  .files = { { "a.ctl", 9 },
		     { "a.dat", 9 },
		     { "b.dat", 9 },
		     { "c.ctl", 9 } } },
	{ .what = "a stem that begins another",
	  .age_h = 5,
	  .wanted = "a.ctl a.dat",
	  .files = { { "a.ctl", 9 },
		     { "a.dat", 9 },
		     { "a.b.ctl", 4 },
		     { "a.b.dat", 9 },
		     { "ab.dat", 4 } } },
};

static void test_archive(void **state)
{
	(void)state;
	run_all(archive, COUNT(archive));
}

/* --- IN --- */

#define REPORT "letter_COLLECT_20261122070000"

static const struct story in[] = {
	{ .what = "taken, and long ago",
	  .age_h = 5,
	  .wanted = "ID1.ctl ID1.dat",
	  .files = { { "ID1.dat", 90, 9 },
		     { "ID1.ctl", 90, 8 },
		     { "ID2.dat", 90, 9 },
		     { "ID2.ctl", 90, 4 } } },
	{ .what = "nobody has read it, or not all of it",
	  .age_h = 5,
	  .size = 1,
	  .wanted = "",
	  .files = { { "ID1.dat", 90 },
		     { "ID1.ctl", 90 },
		     { "ID2.dat", 90, 9 },
		     { "ID2.ctl", 90 },
		     { "ID3.dat", 90 },
		     { "ID3.ctl", 90, 9 } } },
	{ .what = "read at the moment it came, or before, proves nothing",
	  .age_h = 5,
	  .wanted = "",
	  .files = { { "ID1.dat", 9, 9 }, { "ID2.dat", 9, 10 } } },
	{ .what = "read in the future",
	  .age_h = 5,
	  .size = 1,
	  .wanted = "",
	  .files = { { "ID1.dat", 90, -9, .size = 50 } } },
	{ .what = "what a consumer or a crash left of it",
	  .age_h = 5,
	  .wanted = "ID1.dat ID2.ctl",
	  .files = { { "ID1.dat", 90, 9 }, { "ID2.ctl", 90, 8 } } },
	{ .what = "unknown to the ledger, and other names",
	  .age_h = 5,
	  .size = 1,
	  .wanted = "",
	  .files = { { "X.dat", 90, 9 },
		     { "X.ctl", 90, 9 },
		     { "ID1.DAT", 90, 9 },
		     { "ID1.CTL", 90, 9 },
		     { "ID1.ctl.original", 90, 9 },
		     { "ID1.pdf", 90, 9 } } },
	{ .what = "a report of ours",
	  .age_h = 5,
	  .wanted = REPORT ".ctl " REPORT "_1.ctl",
	  .files = { { REPORT ".ctl", 90, 9 },
		     { REPORT "_1.ctl", 90, 8 },
		     { REPORT "_2.ctl", 90 } } },
	{ .what = "a foreign pair with a report's name",
	  .age_h = 5,
	  .wanted = "",
	  .files = { { REPORT ".ctl", 90, 9 }, { REPORT ".dat", 90, 9 } } },
	{ .what = "a second name goes before the data",
	  .age_h = 5,
	  .wanted = "ID1.ctl ID1.dat letter.pdf",
	  .files = { { "ID1.dat", 90, 9, 2, 7 },
		     { "letter.pdf", 90, 9, 2, 7 },
		     { "ID1.ctl", 90, 9 } } },
	{ .what = "a second name that ends in .dat",
	  .age_h = 5,
	  .wanted = "ID1.ctl ID1.dat letter.dat",
	  .files = { { "ID1.dat", 90, 9, 2, 7 },
		     { "letter.dat", 90, 9, 2, 7 },
		     { "ID1.ctl", 90, 9 } } },
	{ .what = "two messages with second names",
	  .age_h = 5,
	  .wanted = "ID2.dat b.pdf ID1.dat a.pdf",
	  .files = { { "ID1.dat", 90, 8, 2, 7 },
		     { "a.pdf", 90, 8, 2, 7 },
		     { "ID2.dat", 90, 9, 2, 6 },
		     { "b.pdf", 90, 9, 2, 6 },
		     { "c.pdf", 90, 9, 2, 5 } } },
	{ .what = "another name outside, or two",
	  .age_h = 5,
	  .wanted = "",
	  .files = { { "ID1.dat", 90, 9, 2, 7 },
		     { "ID1.ctl", 90, 9 },
		     { "ID2.dat", 90, 9, 3, 6 },
		     { "letter.pdf", 90, 9, 3, 6 },
		     { "ID3.ctl", 90, 9, 2, 5 },
		     { "x.ctl", 90, 9, 2, 5 } } },
	{ .what = "by size, of what was taken only",
	  .size = 15,
	  .wanted = "ID1.dat",
	  .files = { { "ID1.dat", 90, 9, .size = 10 },
		     { "ID2.dat", 90, 8, .size = 10 },
		     { "ID3.dat", 90, .size = 100 },
		     { "X.dat", 90, 9, .size = 100 } } },
};

static void test_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(in); i++) {
		struct story story = in[i];
		story.kind = RETAIN_IN;
		run_all(&story, 1);
	}
}

/* --- names of reports --- */

static void test_report_names(void **state)
{
	(void)state;
	static const char *const good[] = {
		REPORT,
		REPORT "_1",
		REPORT "_999",
		"a_b_SEND_20261122070000",
		"X26ABC1_RECEIVE_20261122070000",
		"a_COLLECT_20261122070000_TRANSFER_20261122070000",
	};
	static const char *const bad[] = {
		"",
		"_",
		"letter",
		"20261122070000",
		"_20261122070000",
		"COLLECT_20261122070000",
		"_COLLECT_20261122070000",
		"letter_COLLECT_2026112207000",
		"letter_COLLECT_202611220700000",
		"letter_COLLECT_2026112207000a",
		"letter_collect_20261122070000",
		"letter_OTHER_20261122070000",
		"letter_COLLECT_20261122070000_",
		"letter_COLLECT_20261122070000_1000",
		"letter_COLLECT_20261122070000_1_1",
		"letter_COLLECT_20261122070000_x",
	};
	for (size_t i = 0; i < COUNT(good); i++)
		if (!retain_is_report(good[i]))
			fail_msg("'%s'", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (retain_is_report(bad[i]))
			fail_msg("'%s'", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_archive),
		cmocka_unit_test(test_in),
		cmocka_unit_test(test_report_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
