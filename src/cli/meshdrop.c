/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * meshdrop: the operator's tool. Finds the command and runs it.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/proc.h"
#include "cli/cmd.h"
#include "conf/conf.h"

/* In the order of --help. */
static const struct cmd *const commands[] = {
	&cmd_check,   &cmd_status, &cmd_list,	 &cmd_send,   &cmd_hold,
	&cmd_release, &cmd_retry,  &cmd_resolve, &cmd_verify, &cmd_track,
	&cmd_lookup,  &cmd_inbox,  &cmd_config,	 &cmd_import,
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static void print_usage(FILE *to)
{
	(void)fputs("usage: meshdrop [-c FILE] COMMAND [OPTION...] [ARG...]\n",
		    to);
}

static void print_help(void)
{
	print_usage(stdout);
	(void)fputs("\nLooks after the file exchange that meshdropd does. See "
		    "meshdrop(1).\n\nCommands:\n",
		    stdout);
	for (size_t i = 0; i < COMMANDS; i++)
		(void)printf("  %s%*s%s\n", commands[i]->name,
			     (int)(10 - strlen(commands[i]->name)), "",
			     commands[i]->summary);
	(void)fputs("\nOptions:\n"
		    "  -c, --config FILE  settings (" CONF_DEFAULT_PATH ")\n"
		    "  -h, --help         this text; after a command: how it "
		    "is used\n"
		    "  -V, --version      the version\n"
		    "\nExit status:\n"
		    "  0   it worked, and nothing is wrong\n"
		    "  1   it failed, or something is wrong\n"
		    "  64  the command line cannot be understood\n"
		    "  75  meshdropd is busy: an order waits for it\n"
		    "  78  the settings are wrong\n",
		    stdout);
}

static const struct cmd *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/* The options before the command. False: that was all. */
static bool take_options(int argc, char **argv, const char **ret_path,
			 enum cmd_exit *ret_exit)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	for (;;) {
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread yet */
		int c = getopt_long(argc, argv, "+:c:hV", options, NULL);
		if (c < 0)
			return true;
		if (c == 'c') {
			*ret_path = optarg;
			continue;
		}
		*ret_exit = CMD_OK;
		if (c == 'h') {
			print_help();
		} else if (c == 'V') {
			(void)puts("meshdrop " PACKAGE_VERSION);
		} else {
			cmd_complain("option '%s' %s", argv[optind - 1],
				     c == ':' ? "needs a value" :
						"is not known here");
			print_usage(stderr);
			*ret_exit = CMD_USAGE;
		}
		return false;
	}
}

static enum cmd_exit run_command(int argc, char **argv, const char *conf_path)
{
	if (argc == 0) {
		print_usage(stderr);
		(void)fputs("'meshdrop --help' lists the commands\n", stderr);
		return CMD_USAGE;
	}
	const struct cmd *cmd = find(argv[0]);
	if (!cmd) {
		cmd_complain("there is no command '%s'; 'meshdrop --help' lists "
			     "them",
			     argv[0]);
		return CMD_USAGE;
	}
	struct cmd_run run = {
		.cmd = cmd,
		.conf_path = conf_path,
		.argc = argc,
		.argv = argv,
		.exit = CMD_FAILED,
	};
	return cmd->function(&run);
}

/* An answer that did not arrive is none. */
static int finish(enum cmd_exit code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return (int)code;
	if (errno != EPIPE)
		cmd_complain("cannot write to standard output");
	return (int)(code == CMD_OK ? CMD_FAILED : code);
}

int main(int argc, char **argv)
{
	/* passwords will be in memory: never in a core file */
	(void)proc_seal(); /* lowering is always allowed */
	log_set_level(LOG_LEVEL_WARNING);
	const char *conf_path = CONF_DEFAULT_PATH;
	enum cmd_exit code = CMD_OK;
	if (take_options(argc, argv, &conf_path, &code))
		code = run_command(argc - optind, argv + optind, conf_path);
	return finish(code);
}
