/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What a command of the tool is, and what all of them need: options,
 * complaints, settings, the choice of a mailbox.
 *
 * A command is one struct, named in the table of cli/meshdrop. Its function
 * reads its options first (cmd_options), writes its answer to standard output
 * and complaints to standard error, and returns an exit code. Helpers here
 * that fail have said why and have set run->exit to what is to be returned.
 */
#ifndef MESHDROP_CLI_CMD_H
#define MESHDROP_CLI_CMD_H

#include <stdbool.h>
#include <stddef.h>

struct conf;
struct conf_mailbox;
struct err;

enum cmd_exit {
	CMD_OK = 0,
	CMD_FAILED = 1, /* it did not work, or something is wrong */
	CMD_USAGE = 64,
	CMD_BUSY = 75,
	CMD_CONFIG = 78,
};

struct cmd;

/* One call of a command. */
struct cmd_run {
	const struct cmd *cmd;
	const char *conf_path;
	int argc; /* with the command's name, until cmd_options */
	char **argv;
	enum cmd_exit exit;
};

struct cmd {
	const char *name;
	const char *summary;   /* one line */
	const char *arguments; /* behind the name in a usage line */
	const char *help;      /* the rest of its --help */
	enum cmd_exit (*function)(struct cmd_run *run);
};

extern const struct cmd cmd_check;
extern const struct cmd cmd_config;
extern const struct cmd cmd_hold;
extern const struct cmd cmd_import;
extern const struct cmd cmd_inbox;
extern const struct cmd cmd_list;
extern const struct cmd cmd_lookup;
extern const struct cmd cmd_release;
extern const struct cmd cmd_resolve;
extern const struct cmd cmd_retry;
extern const struct cmd cmd_send;
extern const struct cmd cmd_status;
extern const struct cmd cmd_track;
extern const struct cmd cmd_verify;

#define CMD_OPTIONS_MAX 12

/* One option: either a flag or one that takes a value. */
struct cmd_option {
	const char *name;
	char letter; /* 0: none */
	bool *flag;
	const char **value;
};

/* Reads the options, and --help and --config; from then on argc and argv are
 * the arguments, least to most of them. False: there is nothing left to do but
 * to return run->exit. */
bool cmd_options(struct cmd_run *run, const struct cmd_option *options,
		 size_t count, int least, int most)
	__attribute__((warn_unused_result));

/* "meshdrop: text" on standard error, escaped. */
void cmd_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same with the command's name and its usage; sets run->exit. */
void cmd_complain_usage(struct cmd_run *run, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Says what failed and sets run->exit to CMD_FAILED, or to CMD_CONFIG where a
 * setting is wrong. */
void cmd_fail(struct cmd_run *run, const struct err *err);

/* The settings; NULL after complaints ("file:line: what is wrong"). */
struct conf *cmd_conf(struct cmd_run *run);
/* The mailbox of that id in any letter case; id NULL: the only one there is.
 * NULL after a complaint. */
const struct conf_mailbox *cmd_mailbox(struct cmd_run *run,
				       const struct conf *conf, const char *id);

/* All that "meshdrop check" does, with its output. */
enum cmd_exit cmd_check_all(const char *conf_path, bool offline);

#endif
