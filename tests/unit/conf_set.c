/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "conf_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

struct help_log set_said;
struct help_dir set_dir;

int set_make(void **state)
{
	(void)state;
	help_log_clear(&set_said);
	help_dir_make(&set_dir);
	help_write(&set_dir, "meshdrop.conf", 0644, SET_SERVICE);
	help_write(&set_dir, "shared.key", 0600, "shared hunter2\n");
	help_write(&set_dir, "ca.pem", 0644, "x");
	help_write(&set_dir, "client.pem", 0644, "x");
	help_write(&set_dir, "client.key", 0600, "x");
	help_write(&set_dir, "password", 0600, "box hunter2\n");
	help_mkdir(&set_dir, "mailboxes.d");
	help_write(&set_dir, "mailboxes.d/one.yaml", 0644, SET_BOX("X26ABC1"));
	return 0;
}

int set_remove(void **state)
{
	(void)state;
	help_dir_remove(&set_dir);
	return 0;
}

void set_write(const char *text)
{
	help_write(&set_dir, "meshdrop.conf", 0644, text);
}

int set_load(struct conf **ret)
{
	help_log_clear(&set_said);
	int r = conf_load(help_path(&set_dir, "meshdrop.conf"), help_report,
			  &set_said, ret);
	help_log_shorten(&set_said, &set_dir);
	assert_int_equal(r, set_said.errors > 0 ? -(int)ERR_CONFIG : 0);
	assert_null(strstr(set_said.text, "hunter2"));
	return r;
}

void set_refused(const char *expected)
{
	struct conf kept = { .connections = 77 };
	struct conf *conf = &kept;
	assert_true(set_load(&conf) < 0);
	assert_string_equal(set_said.text, expected);
	assert_ptr_equal(conf, &kept);
	assert_int_equal(kept.connections, 77);
}

struct conf *set_loaded(const char *warnings)
{
	struct conf *conf = NULL;
	int r = set_load(&conf);
	assert_string_equal(set_said.text, warnings);
	assert_int_equal(r, 0);
	assert_non_null(conf);
	return conf;
}
