/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "cli/cmd.h"

#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/conf.h"

#define TEXT_MAX 2048
#define LONG_FIRST 256 /* getopt's value of the first option's long name */

/* --- complaints --- */

static void say(const char *prefix, const char *text)
{
	char safe[2 * TEXT_MAX];
	text_escape(safe, sizeof(safe), text);
	(void)fprintf(stderr, "%s%s\n", prefix, safe); /* nowhere else to go */
}

void cmd_complain(const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* may be cut */
	va_end(ap);
	say("meshdrop: ", text);
}

void cmd_complain_usage(struct cmd_run *run, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* may be cut */
	va_end(ap);
	cmd_complain("%s: %s", run->cmd->name, text);
	(void)fprintf(stderr,
		      "usage: meshdrop [-c FILE] %s%s%s\n"
		      "'meshdrop %s --help' says more\n",
		      run->cmd->name, run->cmd->arguments[0] ? " " : "",
		      run->cmd->arguments, run->cmd->name);
	run->exit = CMD_USAGE;
}

void cmd_fail(struct cmd_run *run, const struct err *err)
{
	cmd_complain("%s", err->text);
	run->exit = err->code == ERR_CONFIG ? CMD_CONFIG : CMD_FAILED;
}

/* --- options --- */

static void print_help(const struct cmd *cmd)
{
	(void)printf("usage: meshdrop [-c FILE] %s%s%s\n\n%s.\n%s%s", cmd->name,
		     cmd->arguments[0] ? " " : "", cmd->arguments, cmd->summary,
		     cmd->help[0] ? "\n" : "", cmd->help);
}

/* The table in getopt's two forms. */
static void translate(const struct cmd_option *options, size_t count,
		      struct option longs[CMD_OPTIONS_MAX + 3],
		      char letters[2 * CMD_OPTIONS_MAX + 8])
{
	assert(count <= CMD_OPTIONS_MAX);
	size_t len = 0;
	letters[len++] = ':'; /* we complain ourselves */
	letters[len++] = 'h';
	letters[len++] = 'c';
	letters[len++] = ':';
	for (size_t i = 0; i < count; i++) {
		bool takes = options[i].value;
		longs[i] = (struct option){
			.name = options[i].name,
			.has_arg = takes ? required_argument : no_argument,
			.val = LONG_FIRST + (int)i,
		};
		if (options[i].letter == '\0')
			continue;
		letters[len++] = options[i].letter;
		if (takes)
			letters[len++] = ':';
	}
	letters[len] = '\0';
	longs[count] = (struct option){ .name = "help", .val = 'h' };
	longs[count + 1] = (struct option){
		.name = "config",
		.has_arg = required_argument,
		.val = 'c',
	};
	longs[count + 2] = (struct option){ .name = NULL };
}

static const struct cmd_option *find(const struct cmd_option *options,
				     size_t count, int c)
{
	if (c >= LONG_FIRST)
		return &options[c - LONG_FIRST];
	for (size_t i = 0; i < count; i++)
		if (options[i].letter == (char)c)
			return &options[i];
	return NULL;
}

static void complain_option(struct cmd_run *run, bool lacks_value)
{
	const char *text = run->argv[optind - 1];
	char letter[] = { '-', (char)optopt, '\0' };
	if (optopt > 0 && optopt < LONG_FIRST)
		text = letter;
	if (lacks_value)
		cmd_complain_usage(run, "option '%s' needs a value", text);
	else
		cmd_complain_usage(run, "option '%s' is not known here", text);
}

/* False: the command is over. */
static bool take(struct cmd_run *run, const struct cmd_option *options,
		 size_t count, int c)
{
	if (c == 'h') {
		print_help(run->cmd);
		run->exit = CMD_OK;
		return false;
	}
	if (c == ':' || c == '?') {
		complain_option(run, c == ':');
		return false;
	}
	if (c == 'c') {
		run->conf_path = optarg;
		return true;
	}
	const struct cmd_option *option = find(options, count, c);
	assert(option); /* getopt gives what it was told */
	if (option->value)
		*option->value = optarg;
	else
		*option->flag = true;
	return true;
}

bool cmd_options(struct cmd_run *run, const struct cmd_option *options,
		 size_t count, int least, int most)
{
	struct option longs[CMD_OPTIONS_MAX + 3];
	char letters[2 * CMD_OPTIONS_MAX + 8];
	translate(options, count, longs, letters);
	optind = 0; /* glibc: begin anew, with another argv */
	for (;;) {
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread yet */
		int c = getopt_long(run->argc, run->argv, letters, longs, NULL);
		if (c < 0)
			break;
		if (!take(run, options, count, c))
			return false;
	}
	run->argc -= optind;
	run->argv += optind;
	if (run->argc > most)
		cmd_complain_usage(run, "'%s' is one argument too many",
				   run->argv[most]);
	else if (run->argc < least)
		cmd_complain_usage(run, "an argument is missing");
	return run->argc >= least && run->argc <= most;
}

/* --- settings --- */

/* Warnings are for meshdropd and for check. */
static void say_setting(void *ctx, bool fatal, const char *text)
{
	(void)ctx;
	if (fatal)
		say("", text);
}

struct conf *cmd_conf(struct cmd_run *run)
{
	struct conf *conf = NULL;
	if (conf_load(run->conf_path, say_setting, NULL, &conf) == 0)
		return conf;
	run->exit = CMD_CONFIG;
	return NULL;
}

static void complain_mailboxes(struct cmd_run *run, const struct conf *conf,
			       const char *id)
{
	AUTO_BUF struct buf names;
	buf_init(&names, TEXT_MAX / 2);
	bool all = true;
	for (size_t i = 0; i < conf->mailbox_count && all; i++)
		all = buf_printf(&names, "%s%s", i == 0 ? "" : ", ",
				 conf->mailboxes[i].id);
	if (id)
		cmd_complain_usage(run,
				   "mailbox '%.64s' is not in %s; there "
				   "is %s%s",
				   id, conf->mailboxes_dir, names.data,
				   all ? "" : " ...");
	else
		cmd_complain_usage(run, "say which mailbox with -m: %s%s",
				   names.data, all ? "" : " ...");
}

const struct conf_mailbox *cmd_mailbox(struct cmd_run *run,
				       const struct conf *conf, const char *id)
{
	const struct conf_mailbox *set = NULL;
	if (id)
		set = conf_mailbox_find(conf, id);
	else if (conf->mailbox_count == 1)
		set = &conf->mailboxes[0];
	if (!set)
		complain_mailboxes(run, conf, id);
	return set;
}
