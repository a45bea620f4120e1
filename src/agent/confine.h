/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What the daemon may open once it runs: the mailboxes' roots and the state
 * folder to change them, the folders of settings, keys and certificates and
 * what the C library and OpenSSL need to read them, nothing else.
 *
 * The kernel holds it (base/fsx_confine): by thread, and for good. The thread
 * that starts hooks must exist before and stays outside, because hooks are
 * programs of the operator's; settings without hooks leave nobody outside.
 */
#ifndef MESHDROP_AGENT_CONFINE_H
#define MESHDROP_AGENT_CONFINE_H

struct conf;
struct confine;
struct err;
struct hooks;

/* Before the first worker. Says in the log what came of it; NULL: the daemon
 * goes on as before. */
struct confine *confine_enter(const struct conf *conf, const char *conf_path,
			      struct hooks *hooks);
struct confine *confine_free(struct confine *confine);

/* Whether new settings stay within; NULL holds anything. */
int confine_check(const struct confine *confine, const struct conf *conf,
		  struct err *err) __attribute__((warn_unused_result));

#endif
