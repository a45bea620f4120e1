/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * meshdropd: the daemon's command line.
 */
#include "config.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "agent/service.h"
#include "base/log.h"
#include "conf/conf.h"

static const char usage[] =
	"usage: meshdropd [-c FILE] [--once | --check] [--debug]\n"
	"\n"
	"Sends pairs of .dat and .ctl files dropped in OUT over MESH, and puts\n"
	"received messages and reports into IN. See meshdropd(8).\n"
	"\n"
	"  -c, --config FILE  settings (" CONF_DEFAULT_PATH ")\n"
	"      --once         one full cycle for every mailbox, then exit\n"
	"      --check        check the settings: exit status 0 or 78\n"
	"      --debug        say more\n"
	"  -h, --help         this text\n"
	"  -V, --version      the version\n";

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "once", no_argument, NULL, '1' },
		{ "check", no_argument, NULL, 'n' },
		{ "debug", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = CONF_DEFAULT_PATH;
	bool once = false;
	bool check = false;
	for (;;) {
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread yet */
		int c = getopt_long(argc, argv, "c:hV", options, NULL);
		if (c < 0)
			break;
		if (c == 'c') {
			path = optarg;
		} else if (c == '1') {
			once = true;
		} else if (c == 'n') {
			check = true;
		} else if (c == 'd') {
			log_set_level(LOG_LEVEL_DEBUG);
		} else if (c == 'h') {
			(void)fputs(usage, stdout);
			return SERVICE_OK;
		} else if (c == 'V') {
			(void)puts("meshdropd " PACKAGE_VERSION);
			return SERVICE_OK;
		} else {
			(void)fputs(usage, stderr);
			return SERVICE_USAGE;
		}
	}
	if (optind < argc || (once && check)) {
		(void)fputs(usage, stderr);
		return SERVICE_USAGE;
	}
	return (int)(check ? service_check(path) : service_run(path, once));
}
