/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/text.h"
#include "sandbox/init.h"
#include "sandbox/sandbox.h"
#include "sandbox/server.h"

#define EXIT_OK 0
#define EXIT_FAILED 1
#define EXIT_USAGE 64
#define EXIT_BUSY 75
#define EXIT_CONFIG 78

#define DEFAULT_PORT 8700
#define DEFAULT_EXPIRY_S (INT64_C(5) * 86400)
#define EXPIRY_MAX_S UINT64_C(1000000000)

static const char usage_text[] =
	"Usage: meshdrop-sandbox --init DIR [--port N]\n"
	"       meshdrop-sandbox --dir DIR [OPTION]...\n"
	"A MESH server for one machine, to try meshdrop without an account.\n"
	"\n"
	"  --init DIR               make certificates, keys, two mailboxes\n"
	"                           and settings in a new directory\n"
	"  --dir DIR                serve that directory on 127.0.0.1\n"
	"  --port N                 port (default 8700; 0 is any free one)\n"
	"  --port-file FILE         write the port number there when ready\n"
	"  --plain                  HTTP without TLS\n"
	"  --lenient                do not check the order of chunks, or the\n"
	"                           time and single use of tokens\n"
	"  --message-expiry SECONDS how long a message waits (default 432000)\n"
	"  --help, --version\n";

enum option_code {
	OPTION_INIT = 256,
	OPTION_DIR,
	OPTION_PORT,
	OPTION_PORT_FILE,
	OPTION_PLAIN,
	OPTION_LENIENT,
	OPTION_EXPIRY,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{ "init", required_argument, NULL, OPTION_INIT },
	{ "dir", required_argument, NULL, OPTION_DIR },
	{ "port", required_argument, NULL, OPTION_PORT },
	{ "port-file", required_argument, NULL, OPTION_PORT_FILE },
	{ "plain", no_argument, NULL, OPTION_PLAIN },
	{ "lenient", no_argument, NULL, OPTION_LENIENT },
	{ "message-expiry", required_argument, NULL, OPTION_EXPIRY },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

struct arguments {
	struct sandbox_options serve;
	const char *init;
	bool help;
	bool version;
};

static bool take_number(const char *name, uint64_t most, uint64_t *ret)
{
	if (text_u64(optarg, most, ret))
		return true;
	(void)fprintf(stderr,
		      "meshdrop-sandbox: %s must be a number up to "
		      "%llu, not '%s'\n",
		      name, (unsigned long long)most, optarg);
	return false;
}

static bool take_option(struct arguments *arguments, int code)
{
	struct sandbox_options *serve = &arguments->serve;
	uint64_t number = 0;

	switch (code) {
	case OPTION_INIT:
		arguments->init = optarg;
		return true;
	case OPTION_DIR:
		serve->dir = optarg;
		return true;
	case OPTION_PORT:
		if (!take_number("--port", UINT16_MAX, &number))
			return false;
		serve->port = (uint16_t)number;
		return true;
	case OPTION_PORT_FILE:
		serve->port_file = optarg;
		return true;
	case OPTION_EXPIRY:
		if (!take_number("--message-expiry", EXPIRY_MAX_S, &number))
			return false;
		serve->expiry_s = (int64_t)number;
		return true;
	case OPTION_PLAIN:
		serve->plain = true;
		return true;
	case OPTION_LENIENT:
		serve->lenient = true;
		return true;
	case OPTION_HELP:
		arguments->help = true;
		return true;
	case OPTION_VERSION:
		arguments->version = true;
		return true;
	default:
		return false; /* getopt has said what is wrong */
	}
}

static bool read_arguments(int argc, char **argv, struct arguments *arguments)
{
	for (;;) {
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread yet */
		int code = getopt_long(argc, argv, "", long_options, NULL);

		if (code < 0)
			break;
		if (!take_option(arguments, code))
			return false;
	}
	if (arguments->help || arguments->version)
		return true;
	if (arguments->init && arguments->serve.port == 0) {
		(void)fputs("meshdrop-sandbox: --init needs a port that can be "
			    "written down\n",
			    stderr);
		return false;
	}
	if (optind < argc || !arguments->init == !arguments->serve.dir) {
		(void)fputs("meshdrop-sandbox: give one of --init DIR and "
			    "--dir DIR\n",
			    stderr);
		return false;
	}
	return true;
}

static int serve(const struct sandbox_options *options, struct err *err)
{
	struct sandbox sandbox;
	int result = sandbox_open(&sandbox, options, err);

	if (result == 0)
		result = server_run(&sandbox, err);
	sandbox_close(&sandbox);
	return result;
}

static int exit_status(const struct err *err)
{
	if (err->code == ERR_BUSY)
		return EXIT_BUSY;
	return err->code == ERR_CONFIG ? EXIT_CONFIG : EXIT_FAILED;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {
		.serve = { .port = DEFAULT_PORT, .expiry_s = DEFAULT_EXPIRY_S },
	};
	struct err err;
	int result = 0;

	err_clear(&err);
	if (!read_arguments(argc, argv, &arguments)) {
		(void)fputs("Try 'meshdrop-sandbox --help'.\n", stderr);
		return EXIT_USAGE;
	}
	if (arguments.help)
		return fputs(usage_text, stdout) < 0 ? EXIT_FAILED : EXIT_OK;
	if (arguments.version)
		return puts("meshdrop-sandbox " PACKAGE_VERSION) < 0 ?
			       EXIT_FAILED :
			       EXIT_OK;
	if (arguments.init)
		result = init_directory(arguments.init, arguments.serve.port,
					&err);
	else
		result = serve(&arguments.serve, &err);
	if (result == 0)
		return EXIT_OK;
	(void)fprintf(stderr, "meshdrop-sandbox: %s\n", err.text);
	return exit_status(&err);
}
