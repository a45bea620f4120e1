/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * meshdrop send: a copy of a file, with a control file, into OUT.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "cli/cmd.h"
#include "cli/drop.h"
#include "cli/folder.h"
#include "cli/show.h"
#include "conf/conf.h"
#include "mesh/proto.h"
#include "spool/ctl.h"
#include "spool/scan.h"

#define STEM_DIGITS 8
#define CONTROL_MAX ((size_t)1 << 20)

struct send {
	/* from the command line */
	const char *mailbox;
	const char *to;
	const char *workflow;
	const char *subject;
	const char *local_id;
	const char *name;
	const char *path;
	bool no_compress;
	bool allow_chunking;

	const struct conf *conf;
	const struct conf_mailbox *set;
	bool stream; /* standard input */
	int fd;	     /* of the file; owned, -1 for standard input */
	uint64_t size;
	char stem[TEXT_NAME_SIZE];
	char dat_name[TEXT_NAME_SIZE];
	char ctl_name[TEXT_NAME_SIZE];
	struct ctl ctl;
};

/* --- what is sent --- */

static int open_file(struct send *send, struct err *err)
{
	send->stream = strcmp(send->path, "-") == 0;
	if (send->stream)
		return 0;
	struct stat st;
	int r = fsx_open_path(send->path, &send->fd, &st, err);
	if (r < 0)
		return r;
	send->size = (uint64_t)st.st_size;
	if (send->size == 0)
		return err_set(err, ERR_INVALID,
			       "'%s' is empty; MESH cannot carry that",
			       send->path);
	return 0;
}

static const char *or_null(const char *s)
{
	return s && s[0] != '\0' ? s : NULL;
}

static const char *flag(bool value)
{
	return value ? "Y" : "N";
}

static void fill_ctl(struct send *send)
{
	struct ctl *ctl = &send->ctl;
	ctl_set(ctl, CTL_VERSION, "1.0");
	ctl_set(ctl, CTL_ADDRESS_TYPE, "DTS");
	ctl_set(ctl, CTL_MESSAGE_TYPE, "Data");
	ctl_set(ctl, CTL_FROM_DTS, send->set->id);
	ctl_set(ctl, CTL_TO_DTS, send->to);
	ctl_set(ctl, CTL_SUBJECT, or_null(send->subject));
	ctl_set(ctl, CTL_LOCAL_ID, or_null(send->local_id));
	ctl_set(ctl, CTL_COMPRESS, flag(!send->no_compress));
	ctl_set(ctl, CTL_ENCRYPTED, flag(false));
	ctl_set(ctl, CTL_WORKFLOW_ID, send->workflow);
	ctl_set(ctl, CTL_ALLOW_CHUNKING, flag(send->allow_chunking));
}

/* What meshdropd would refuse is refused here. */
static int check_values(const struct send *send, struct err *err)
{
	const struct ctl *ctl = &send->ctl;
	const struct proto_message message = {
		.to = ctl_get(ctl, CTL_TO_DTS),
		.workflow = ctl_get(ctl, CTL_WORKFLOW_ID),
		.subject = ctl_get(ctl, CTL_SUBJECT),
		.local_id = ctl_get(ctl, CTL_LOCAL_ID),
		.file_name = send->dat_name,
	};
	int r = ctl_check_out(ctl, send->set->id, err);
	return r < 0 ? r : proto_check(&message, err);
}

/* --- its name --- */

static bool is_good_stem(const char *stem)
{
	return stem[0] != '\0' && stem[0] != '.' &&
	       strlen(stem) + strlen(".dat") < TEXT_NAME_SIZE &&
	       text_is_file_name(stem) &&
	       text_is_header_value(stem, PROTO_FILE_NAME_MAX);
}

static void set_stem(struct send *send, const char *stem)
{
	(void)text_copy(send->stem, sizeof(send->stem), stem); /* it fits */
	/* both fit: is_good_stem left room for the ending */
	int n = snprintf(send->dat_name, sizeof(send->dat_name), "%s.dat",
			 stem);
	int m = snprintf(send->ctl_name, sizeof(send->ctl_name), "%s.ctl",
			 stem);
	if (n < 0 || m < 0)
		send->dat_name[0] = '\0'; /* refused as a name of a file */
}

/* A name that nobody else has. base may be "". */
static void make_stem(struct send *send, const char *base)
{
	char hex[STEM_DIGITS + 1];
	char stamp[CLOCK_STAMP_SIZE];
	uuid_hex(hex, STEM_DIGITS);
	clock_stamp_utc(clock_wall_ns(), stamp);
	AUTO_FREE char *longer = xasprintf("%s-%s", base, hex);
	AUTO_FREE char *made = xasprintf("send-%s-%s", stamp, hex);
	set_stem(send, base[0] != '\0' && is_good_stem(longer) ? longer : made);
}

/* The file's own name without its last ending, where that can be used. */
static void derive_stem(struct send *send)
{
	char stem[TEXT_NAME_SIZE] = "";
	const char *slash = strrchr(send->path, '/');
	const char *base = slash ? slash + 1 : send->path;
	if (!send->stream && strlen(base) < sizeof(stem))
		(void)text_copy(stem, sizeof(stem), base); /* it fits */
	char *dot = strrchr(stem, '.');
	if (dot)
		*dot = '\0';
	if (is_good_stem(stem))
		set_stem(send, stem);
	else
		make_stem(send, "");
}

static int choose_name(struct send *send, struct err *err)
{
	if (!send->name) {
		derive_stem(send);
		return 0;
	}
	if (!is_good_stem(send->name))
		return err_set(err, ERR_INVALID,
			       "'%.80s' cannot be a name in OUT: printable "
			       "ASCII without '/', not hidden, at most %d "
			       "characters",
			       send->name,
			       TEXT_NAME_SIZE - 1 - (int)strlen(".dat"));
	set_stem(send, send->name);
	return 0;
}

/* A stem in OUT would make a pair with our file. */
static int find_free_name(struct send *send, const struct drop *drop,
			  struct err *err)
{
	bool taken = false;
	int r = drop_is_taken(drop, send->stem, &taken, err);
	if (r < 0 || !taken)
		return r;
	if (send->name)
		return err_set(err, ERR_EXISTS,
			       "a file named '%s' is in OUT already: choose "
			       "another --name",
			       send->name);
	AUTO_FREE char *base = xstrdup(send->stem);
	make_stem(send, base);
	return 0;
}

/* --- into OUT --- */

static int check_room(const struct send *send, int out_dir, struct err *err)
{
	uint64_t left;
	int r = fsx_free_bytes(out_dir, &left, err);
	if (r < 0)
		return r;
	uint64_t reserve = send->conf->reserve;
	if (left > reserve && left - reserve > send->size)
		return 0;
	char have[SHOW_SIZE];
	char keep[SHOW_SIZE];
	show_bytes(left, have);
	show_bytes(reserve, keep);
	return err_set(err, ERR_NOSPACE,
		       "there is no room for a copy in '%s': %s are free, of "
		       "which %s stay in reserve",
		       send->set->root, have, keep);
}

static int put_pair(struct send *send, struct drop *drop, struct err *err)
{
	AUTO_BUF struct buf text;
	buf_init(&text, CONTROL_MAX);
	ctl_write(&send->ctl, &text);
	int fd = send->stream ? STDIN_FILENO : send->fd;
	const char *label = send->stream ? "standard input" : send->path;
	int r = drop_data(drop, fd, send->stream, label, &send->size, err);
	if (r == 0 && send->size == 0)
		r = err_set(err, ERR_INVALID,
			    "%s was empty; MESH cannot carry that", label);
	if (r == 0)
		r = drop_control(drop, &text, err);
	if (r == 0)
		r = find_free_name(send, drop, err);
	if (r == 0)
		r = drop_publish(drop, send->dat_name, send->ctl_name, err);
	return r;
}

static int send_file(struct send *send, struct err *err)
{
	AUTO_CLOSE int out_dir = -1;
	int r = folder_make(send->set->root, "OUT", &out_dir, err);
	if (r == 0)
		r = check_room(send, out_dir, err);
	if (r < 0)
		return r;
	struct drop drop;
	drop_init(&drop, out_dir);
	/* a taken name is found before the work as well as after it */
	r = find_free_name(send, &drop, err);
	if (r == 0)
		r = put_pair(send, &drop, err);
	if (r < 0)
		drop_undo(&drop, err);
	return r;
}

/* --- the command --- */

static int prepare(struct send *send, struct err *err)
{
	int r = open_file(send, err);
	if (r == 0)
		r = choose_name(send, err);
	if (r < 0)
		return r;
	fill_ctl(send);
	return check_values(send, err);
}

static enum cmd_exit answer(struct cmd_run *run, struct send *send)
{
	send->set = cmd_mailbox(run, send->conf, send->mailbox);
	if (!send->set)
		return run->exit;
	struct err err;
	ctl_init(&send->ctl);
	int r = prepare(send, &err);
	if (r == 0)
		r = send_file(send, &err);
	ctl_release(&send->ctl);
	mem_auto_close(&send->fd);
	if (r < 0) {
		cmd_fail(run, &err);
		return run->exit;
	}
	(void)printf("%s\n%s\n", send->dat_name, send->ctl_name);
	return CMD_OK;
}

static bool read_options(struct cmd_run *run, struct send *send)
{
	const struct cmd_option options[] = {
		{ .name = "mailbox", .letter = 'm', .value = &send->mailbox },
		{ .name = "to", .value = &send->to },
		{ .name = "workflow", .value = &send->workflow },
		{ .name = "subject", .value = &send->subject },
		{ .name = "local-id", .value = &send->local_id },
		{ .name = "name", .value = &send->name },
		{ .name = "no-compress", .flag = &send->no_compress },
		{ .name = "allow-chunking", .flag = &send->allow_chunking },
	};
	if (!cmd_options(run, options, sizeof(options) / sizeof(*options), 1,
			 1))
		return false;
	send->path = run->argv[0];
	if (send->to && send->workflow)
		return true;
	cmd_complain_usage(run, "%s is missing",
			   send->to ? "--workflow" : "--to");
	return false;
}

static enum cmd_exit send_run(struct cmd_run *run)
{
	struct send send = { .fd = -1 };
	if (!read_options(run, &send))
		return run->exit;
	struct conf *conf = cmd_conf(run);
	if (!conf)
		return run->exit;
	send.conf = conf;
	enum cmd_exit code = answer(run, &send);
	(void)conf_free(conf);
	return code;
}

const struct cmd cmd_send = {
	.name = "send",
	.summary = "Puts a copy of a file into OUT, with a control file",
	.arguments = "--to ID --workflow WORKFLOW [OPTION...] FILE",
	.help = "Prints the two names in OUT; meshdropd sends the pair. FILE "
		"\"-\" is standard\n"
		"input. The names are FILE's own, or made anew where that "
		"cannot be used or is\n"
		"taken.\n"
		"\n"
		"  -m, --mailbox MAILBOX    the sender; needed with more than one\n"
		"      --to ID              the recipient's mailbox (To_DTS)\n"
		"      --workflow WORKFLOW  WorkflowId\n"
		"      --subject TEXT       Subject\n"
		"      --local-id ID        LocalId: what \"track\" can ask for\n"
		"      --name STEM          the names are STEM.dat and "
		"STEM.ctl\n"
		"      --no-compress        send it as it is\n"
		"      --allow-chunking     in several requests if it is large; "
		"the recipient\n"
		"                           must be able to take that\n",
	.function = send_run,
};
