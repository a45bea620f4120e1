/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * A whole configuration without a fault in a directory of its own, for a test
 * to change and then to load. Texts show the directory as '@'.
 */
#ifndef MESHDROP_TESTS_CONF_SET_H
#define MESHDROP_TESTS_CONF_SET_H

#include "conf/conf.h"
#include "conf_help.h"

#define SET_SERVICE                         \
	"[service]\n"                       \
	"url = https://mesh.example:8443\n" \
	"shared_key_file = shared.key\n"    \
	"ca_file = ca.pem\n"                \
	"certificate = client.pem\n"        \
	"private_key = client.key\n"
#define SET_BOX(id)                                     \
	"mailbox: " id "\npassword_file: ../password\n" \
	"root: /srv/mesh/" id "\n"

extern struct help_log set_said;
extern struct help_dir set_dir;

/* Before and after each test. */
int set_make(void **state);
int set_remove(void **state);

void set_write(const char *text);
int set_load(struct conf **ret);
/* Loading fails with these complaints; nothing comes back, and what the
 * caller had is untouched. */
void set_refused(const char *expected);
/* Loading works with these warnings; the caller frees. */
struct conf *set_loaded(const char *warnings);

#endif
