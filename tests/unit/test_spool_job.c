/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "spool/job.h"
#include "spool/job_fields.h"
#include "spool_box.h"

#define FILE_NAME BOX_JOB JOB_SUFFIX

static struct spool_box box;
static struct job job;
static struct err err;

/* A job with something in every field. */
static void fill(struct job *ret)
{
	job_init(ret);
	SET(ret->id, BOX_JOB);
	SET(ret->route, "letters to all");
	SET(ret->ctl_name, "a name 100%.ctl");
	SET(ret->dat_name, "a name 100%.dat");
	ret->ctl = (struct scan_identity){ 1, 2, -3, 4 };
	ret->dat = (struct scan_identity){ UINT64_MAX, 6, INT64_MAX, 8 };
	SET(ret->collect_name, "collect.ctl");
	SET(ret->local_id, "local #1");
	ret->local_id_made = true;
	SET(ret->message_id, "M1");
	ret->gzip = true;
	ret->dat_ctime_ns = INT64_MAX - 1;
	ret->body_size = 99;
	ret->chunk_size = 20000000;
	ret->chunk_count = 7;
	ret->chunks_done = 3;
	ret->confirm = true;
	ret->attempts = 2;
	ret->opening_ns = BOX_NOW + 1;
	SET(ret->baseline, "none");
	ret->resume = JOB_OPEN;
	ret->not_before_ns = BOX_NOW + 2;
	ret->absent = 1;
	ret->failures = 4;
	SET(ret->event, "SEND");
	SET(ret->code, "06");
	SET(ret->text, "it's late");
	ret->failed = true;
	ret->keep_original = true;
	SET(ret->archive_stem, "a name 100%");
	SET(ret->report_name, "report.ctl");
}

static int set_up(void **state)
{
	(void)state;
	spool_box_make(&box);
	fill(&job);
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

static void create(void)
{
	job_init(&job);
	SET(job.id, BOX_JOB);
	SET(job.ctl_name, "a.ctl");
	SET(job.dat_name, "a.dat");
	assert_int_equal(job_create(&job, &box.box, BOX_NOW, &err), 0);
}

static int load(struct job *ret, bool writable)
{
	bool torn = false;
	job_init(ret);
	return job_load(ret, box.box.jobs, BOX_JOB, writable, &torn, &err);
}

static void move(enum job_state to)
{
	assert_int_equal(job_move(&job, to, BOX_NOW, &err), 0);
}

/* --- the table of moves --- */

static void test_moves(void **state)
{
	(void)state;
	/* a row for each state, in order; '1' may follow */
	static const char *const wanted[JOB_STATE_COUNT] = {
		/* CLAIMED OPENING OPEN ACCEPTED REJECTED DEFERRED UNKNOWN
		 * HELD ARCHIVING */
		"010011010", /* CLAIMED */
		"101111100", /* OPENING */
		"101111110", /* OPEN */
		"000000001", /* ACCEPTED */
		"000000001", /* REJECTED */
		"101010010", /* DEFERRED */
		"100110110", /* UNKNOWN */
		"101111100", /* HELD */
		"000000000", /* ARCHIVING */
	};
	for (size_t from = 0; from < JOB_STATE_COUNT; from++)
		for (size_t to = 0; to < JOB_STATE_COUNT; to++)
			assert_int_equal(job_may_move((enum job_state)from,
						      (enum job_state)to),
					 wanted[from][to] == '1');
}

/* An illegal move is our bug: the process ends before the disk changes. */
static void test_illegal_move(void **state)
{
	(void)state;
	create();
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rlimit none = { 0, 0 };
		(void)setrlimit(RLIMIT_CORE, &none);
		(void)close(STDERR_FILENO);
		(void)signal(SIGABRT, SIG_DFL);
		_exit(job_move(&job, JOB_ARCHIVING, BOX_NOW, NULL) == 0 ? 0 :
									  1);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	struct job other;
	assert_int_equal(load(&other, false), 0);
	assert_int_equal(other.state, JOB_CLAIMED);
	job_release(&other);
}

/* --- names --- */

static void test_id(void **state)
{
	(void)state;
	char id[JOB_ID_SIZE];
	char other[JOB_ID_SIZE];
	job_make_id(BOX_NOW + 5000000, id);
	job_make_id(BOX_NOW + 5000000, other);
	assert_memory_equal(id, "20261122070000005-", 18);
	assert_true(job_is_id(id));
	assert_string_not_equal(id, other);
	static const char *const bad[] = {
		"",
		"20261122070000005",
		"20261122070000005-",
		"2026112207000000-0123abcd",
		"202611220700000050-0123abcd",
		"20261122070000005-0123abc",
		"20261122070000005-0123abcde",
		"20261122070000005-0123ABCD",
		"20261122070000005_0123abcd",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(job_is_id(bad[i]));
}

/* --- what a line carries --- */

static void expect_pair(const struct job *found)
{
	assert_string_equal(found->route, "letters to all");
	assert_string_equal(found->ctl_name, "a name 100%.ctl");
	assert_string_equal(found->dat_name, "a name 100%.dat");
	assert_string_equal(found->collect_name, "collect.ctl");
	assert_memory_equal(&found->ctl, &job.ctl, sizeof(job.ctl));
	assert_memory_equal(&found->dat, &job.dat, sizeof(job.dat));
	assert_string_equal(found->local_id, "local #1");
	assert_true(found->local_id_made);
}

static void test_create_and_load(void **state)
{
	(void)state;
	assert_int_equal(job_create(&job, &box.box, BOX_NOW + 1999999, &err),
			 0);
	struct job found;
	assert_int_equal(load(&found, true), 0);
	assert_string_equal(found.id, BOX_JOB);
	assert_int_equal(found.state, JOB_CLAIMED);
	assert_true(found.created_ns == BOX_NOW + 1000000);
	assert_true(found.created_ns == job.created_ns);
	assert_true(found.state_ns == job.state_ns);
	expect_pair(&found);
	assert_int_equal(found.attempts, 2);
	assert_int_equal(found.failures, 4);
	job_release(&found);
	struct job again;
	fill(&again);
	assert_int_equal(job_create(&again, &box.box, BOX_NOW, &err),
			 -ERR_EXISTS);
}

/* Every field is found again after the states that lead to an archive. */
static void test_every_field(void **state)
{
	(void)state;
	assert_int_equal(job_create(&job, &box.box, BOX_NOW, &err), 0);
	struct job wanted;
	fill(&wanted);
	static const enum job_state path[] = {
		JOB_OPENING, JOB_OPEN,	   JOB_UNKNOWN,
		JOB_HELD,    JOB_ACCEPTED, JOB_ARCHIVING,
	};
	for (size_t i = 0; i < sizeof(path) / sizeof(*path); i++)
		move(path[i]);
	struct job found;
	assert_int_equal(load(&found, false), 0);
	record_close(&found.record);
	expect_pair(&found);
	wanted.state = JOB_ARCHIVING;
	wanted.state_ns = BOX_NOW;
	wanted.created_ns = BOX_NOW;
	memcpy(&wanted.record, &found.record, sizeof(found.record));
	assert_string_equal(found.message_id, wanted.message_id);
	assert_string_equal(found.baseline, wanted.baseline);
	assert_string_equal(found.event, wanted.event);
	assert_string_equal(found.code, wanted.code);
	assert_string_equal(found.text, wanted.text);
	assert_string_equal(found.archive_stem, wanted.archive_stem);
	assert_string_equal(found.report_name, wanted.report_name);
	assert_true(found.gzip && found.confirm && found.failed);
	assert_true(found.keep_original);
	assert_true(found.state_ns == job.state_ns);
	assert_true(found.dat_ctime_ns == wanted.dat_ctime_ns);
	assert_int_equal(found.body_size, wanted.body_size);
	assert_int_equal(found.chunk_size, wanted.chunk_size);
	assert_int_equal(found.chunk_count, wanted.chunk_count);
	assert_int_equal(found.chunks_done, wanted.chunks_done);
	assert_int_equal(found.attempts, wanted.attempts);
	assert_int_equal(found.opening_ns, wanted.opening_ns);
	assert_int_equal(found.resume, wanted.resume);
	assert_int_equal(found.not_before_ns, wanted.not_before_ns);
	assert_int_equal(found.absent, wanted.absent);
	assert_int_equal(found.failures, wanted.failures);
	assert_int_equal(found.state, wanted.state);
	assert_int_equal(found.created_ns, wanted.created_ns);
}

/* What an earlier version took over from the service as it came. */
static void test_odd_words_of_a_service(void **state)
{
	(void)state;
	create();
	SET(job.event, "../x");
	SET(job.code, "a/b \"");
	SET(job.message_id, "x reason=\"y\"");
	move(JOB_REJECTED);
	struct job found;
	assert_int_equal(load(&found, false), 0);
	assert_int_equal(found.state, JOB_REJECTED);
	assert_string_equal(found.event, "");
	assert_string_equal(found.code, "a/b \""); /* only ever shown */
	assert_string_equal(found.message_id, "");
	job_release(&found);
}

static void test_start_over(void **state)
{
	(void)state;
	create();
	move(JOB_OPENING);
	SET(job.message_id, "M1");
	job.chunk_count = 9;
	job.chunks_done = 4;
	job.confirm = true;
	move(JOB_OPEN);
	job.failures = 3;
	job.attempts = 2;
	job.absent = 2;
	move(JOB_CLAIMED);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(job.message_id, "");
		assert_int_equal(job.chunks_done, 0);
		assert_false(job.confirm);
		assert_int_equal(job.absent, 0);
		assert_int_equal(job.failures, 3);
		assert_int_equal(job.attempts, 2);
		job_release(&job);
		assert_int_equal(load(&job, true), 0);
	}
}

static void test_chunks(void **state)
{
	(void)state;
	create();
	move(JOB_OPENING);
	SET(job.message_id, "M1");
	job.chunk_count = 300;
	for (unsigned k = 1; k < 300; k++) {
		job.chunks_done = k;
		move(JOB_OPEN);
	}
	struct job found;
	assert_int_equal(load(&found, false), 0);
	assert_int_equal(found.chunks_done, 299);
	assert_int_equal(found.record.sequence, 301);
	job_release(&found);
}

/* Nothing new is begun in a long record, but the job can always end. */
static void test_long(void **state)
{
	(void)state;
	create();
	assert_false(job_is_long(&job));
	uint64_t end = job.record.end;
	job.record.end = RECORD_LONG;
	assert_true(job_is_long(&job));
	job.resume = JOB_CLAIMED;
	move(JOB_HELD);
	move(JOB_REJECTED);
	move(JOB_ARCHIVING);
	assert_true(job.record.end > RECORD_LONG && end < RECORD_LONG);
}

/* Until job_move returns 0, the struct knows only what stands on disk. */
static void test_failed_move(void **state)
{
	(void)state;
	create();
	uint64_t end = job.record.end;
	job.record.end = RECORD_SIZE_MAX;
	assert_int_equal(job_move(&job, JOB_OPENING, BOX_NOW, &err),
			 -ERR_LIMIT);
	assert_int_equal(job.state, JOB_CLAIMED);
	job.record.end = end;
	move(JOB_OPENING);
}

/* --- records that are not as they should be --- */

static void put_line(struct buf *text, uint64_t sequence, const char *state,
		     const char *key, const char *value)
{
	const struct record_field fields[] = {
		{ "ctl", "a.ctl" },
		{ "dat", "a.dat" },
		{ key, value },
	};
	assert_true(record_format(text, sequence, BOX_NOW, state, fields, 3));
}

static int load_lines(const char *first, const char *second, const char *key,
		      const char *value)
{
	AUTO_BUF struct buf text;
	buf_init(&text, 10000);
	put_line(&text, 1, first, key, value);
	if (second)
		put_line(&text, 2, second, key, value);
	box_put(box.box.jobs, FILE_NAME, text.data);
	struct job found;
	int r = load(&found, true);
	job_release(&found);
	return r;
}

static void test_newer_version(void **state)
{
	(void)state;
	assert_int_equal(load_lines("CLAIMED", "OPENING", "a_new_key", "x"), 0);
	assert_int_equal(load_lines("CLAIMED", "PAUSED", "text", "x"),
			 -ERR_INVALID);
	assert_non_null(strstr(err.text, "newer version"));
	assert_true(box_has(box.box.jobs, FILE_NAME));
	assert_int_equal(load_lines("OPENING", NULL, "text", "x"),
			 -ERR_INVALID);
}

static void test_bad_values(void **state)
{
	(void)state;
	static const struct {
		const char *key;
		const char *value;
	} bad[] = {
		{ "attempts", "-1" },
		{ "attempts", "4294967296" },
		{ "local_id_made", "perhaps" },
		{ "ctl_file", "1:2:3" },
		{ "ctl_file", "1:2:3:4:5" },
		{ "ctl_file", "1:2:x:4" },
		{ "message_id",
		  "0123456789012345678901234567890123456789012345678901234567"
		  "8901234567890123456789012345678901234567890123456789012345"
		  "6789012345678" },
		{ "collect", "../x" },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(load_lines("CLAIMED", NULL, bad[i].key,
					    bad[i].value),
				 -ERR_INVALID);
	/* a key that the state does not carry is none of its business */
	assert_int_equal(load_lines("CLAIMED", NULL, "chunks", "x"), 0);
}

/* A record of the time when ctime was not kept: then it is not compared. */
static void test_without_ctime(void **state)
{
	(void)state;
	AUTO_BUF struct buf text;
	buf_init(&text, 10000);
	put_line(&text, 1, "CLAIMED", "done", "0");
	put_line(&text, 2, "OPENING", "chunks", "4");
	const struct record_field open[] = {
		{ "message_id", "M1" },
		{ "done", "1" },
	};
	assert_true(record_format(&text, 3, BOX_NOW, "OPEN", open, 2));
	box_put(box.box.jobs, FILE_NAME, text.data);
	struct job found;
	assert_int_equal(load(&found, true), 0);
	assert_int_equal(found.state, JOB_OPEN);
	assert_true(found.dat_ctime_ns == 0);
	job_release(&found);
}

static int load_states(const enum job_state *states, size_t count)
{
	AUTO_BUF struct buf text;
	buf_init(&text, 10000);
	for (size_t i = 0; i < count; i++) {
		job.state = states[i];
		struct job_facts facts;
		job_facts_make(&job, &facts);
		assert_true(record_format(&text, i + 1, BOX_NOW,
					  job_state_name(states[i]),
					  facts.fields, facts.count));
	}
	box_put(box.box.jobs, FILE_NAME, text.data);
	struct job found;
	int r = load(&found, true);
	job_release(&found);
	return r;
}

/* Every line has its right sum, and yet they cannot be. */
static void test_impossible(void **state)
{
	(void)state;
	static const enum job_state open[] = { JOB_CLAIMED, JOB_OPENING,
					       JOB_OPEN };
	static const enum job_state deferred[] = { JOB_CLAIMED, JOB_DEFERRED };
	static const enum job_state held[] = { JOB_CLAIMED, JOB_HELD };
	static const enum job_state jump[] = { JOB_CLAIMED, JOB_ACCEPTED };
	assert_int_equal(load_states(jump, 2), -ERR_INVALID);
	assert_non_null(strstr(err.text, "from CLAIMED to ACCEPTED"));
	assert_int_equal(load_states(open, 3), 0);
	job.chunks_done = job.chunk_count;
	assert_int_equal(load_states(open, 3), -ERR_INVALID);
	assert_non_null(strstr(err.text, "'done'"));
	job.chunks_done = 0;
	assert_int_equal(load_states(open, 3), -ERR_INVALID);
	job.chunks_done = 3;
	SET(job.message_id, "a/b");
	assert_int_equal(load_states(open, 3), -ERR_INVALID);
	job.resume = JOB_UNKNOWN;
	assert_int_equal(load_states(held, 2), 0);
	assert_int_equal(load_states(deferred, 2), -ERR_INVALID);
	assert_non_null(strstr(err.text, "'resume'"));
	job.resume = JOB_HELD;
	assert_int_equal(load_states(held, 2), -ERR_INVALID);
}

static void test_never_was(void **state)
{
	(void)state;
	box_put(box.box.jobs, FILE_NAME, "1 2026-11-22T07:00:00");
	struct job found;
	assert_int_equal(load(&found, true), -ERR_CORRUPT);
	box_put(box.box.jobs, FILE_NAME, "");
	assert_int_equal(load(&found, true), -ERR_CORRUPT);
}

/* A durable intent that is damaged must not read as a mere claim: the
 * message would be sent again. */
static void test_each_bit_flipped(void **state)
{
	(void)state;
	create();
	move(JOB_OPENING);
	job_release(&job);
	size_t len = 0;
	AUTO_FREE char *text = box_read(box.box.jobs, FILE_NAME, &len);
	for (size_t bit = 0; bit < len * 8; bit++) {
		text[bit / 8] ^= (char)(1 << bit % 8);
		box_put_bytes(box.box.jobs, FILE_NAME, text, len);
		text[bit / 8] ^= (char)(1 << bit % 8);
		struct job found;
		assert_int_equal(load(&found, true), -ERR_INVALID);
	}
}

/* Cut off at each byte the record tells the state before, and goes on. */
static void test_torn_at_each_byte(void **state)
{
	(void)state;
	create();
	size_t first = (size_t)job.record.end;
	move(JOB_OPENING);
	job_release(&job);
	size_t len = 0;
	AUTO_FREE char *text = box_read(box.box.jobs, FILE_NAME, &len);
	for (size_t cut = first; cut <= len; cut++) {
		box_put_bytes(box.box.jobs, FILE_NAME, text, cut);
		bool torn = false;
		job_init(&job);
		assert_int_equal(job_load(&job, box.box.jobs, BOX_JOB, true,
					  &torn, &err),
				 0);
		assert_int_equal(torn, cut != first && cut != len);
		assert_int_equal(job.state,
				 cut == len ? JOB_OPENING : JOB_CLAIMED);
		move(JOB_DEFERRED);
		job_release(&job);
		assert_int_equal(load(&job, false), 0);
		assert_int_equal(job.state, JOB_DEFERRED);
		job_release(&job);
	}
}

/* --- the end, and all of them --- */

static void test_finish(void **state)
{
	(void)state;
	create();
	assert_int_equal(job_finish(&job, &box.box, &err), 0);
	assert_int_equal(box_count(box.box.jobs), 0);
	assert_int_equal(job_finish(&job, &box.box, &err), 0);
}

static void test_list(void **state)
{
	(void)state;
	struct job_list list;
	assert_int_equal(job_list_read(box.box.jobs, &list, &err), 0);
	assert_int_equal(list.count, 0);
	job_list_release(&list);
	static const char *const names[] = {
		"20261122070000000-00000002.job",
		"20261122070000000-00000001.job",
		"20251122070000000-ffffffff.job",
		"20261122070000000-00000003.txt",
		".job",
		".20261122070000000-00000004.job",
		"2026112207000000000000000000000000000000-00000005.job",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		box_put(box.box.jobs, names[i], "");
	assert_int_equal(job_list_read(box.box.jobs, &list, &err), 0);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.ids[0], "20251122070000000-ffffffff");
	assert_string_equal(list.ids[1], "20261122070000000-00000001");
	assert_string_equal(list.ids[2], "20261122070000000-00000002");
	job_list_release(&list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moves),
		TEST(test_illegal_move),
		TEST(test_id),
		TEST(test_create_and_load),
		TEST(test_every_field),
		TEST(test_odd_words_of_a_service),
		TEST(test_start_over),
		TEST(test_chunks),
		TEST(test_long),
		TEST(test_failed_move),
		TEST(test_newer_version),
		TEST(test_bad_values),
		TEST(test_without_ctime),
		TEST(test_without_ctime),
		TEST(test_impossible),
		TEST(test_never_was),
		TEST(test_each_bit_flipped),
		TEST(test_torn_at_each_byte),
		TEST(test_finish),
		TEST(test_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
