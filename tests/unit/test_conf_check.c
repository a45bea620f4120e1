/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/* What the daemon's settings must be besides their types and bounds. */
#include "config.h"

#include "conf/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf_set.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

/* --- url --- */

struct address {
	const char *text;
	const char *tidy; /* NULL: refused */
};

static const struct address addresses[] = {
	{ "https://mesh.example", "https://mesh.example" },
	{ "https://mesh.example/", "https://mesh.example" },
	{ "https://mesh.example:443/messageexchange",
	  "https://mesh.example:443" },
	{ "https://mesh.example/messageexchange/", "https://mesh.example" },
	{ "HTTPS://Mesh.Example", "https://Mesh.Example" },
	{ "https://127.0.0.1:1", "https://127.0.0.1:1" },
	{ "https://[::1]:65535/", "https://[::1]:65535" },
	{ "https://[fe80::1]", "https://[fe80::1]" },
	{ "https://a_b-c", "https://a_b-c" },
	{ "mesh.example", NULL },
	{ "ftp://mesh.example", NULL },
	{ "https:/mesh.example", NULL },
	{ "https://", NULL },
	{ "https:///x", NULL },
	{ "https://:8443", NULL },
	{ "https://a:", NULL },
	{ "https://a:0", NULL },
	{ "https://a:65536", NULL },
	{ "https://a:80x", NULL },
	{ "https://a:+80", NULL },
	{ "https://a:000080", NULL },
	{ "https://a b", NULL },
	{ "https://a /", NULL },
	{ "https://a//", NULL },
	{ "https://a/messageexchange/X26", NULL },
	{ "https://a/messageexchangex", NULL },
	{ "https://a/?x", NULL },
	{ "https://a?x", NULL },
	{ "https://a#x", NULL },
	{ "https://user:hunter2@a", NULL },
	{ "https://user@a", NULL },
	{ "https://[::1", NULL },
	{ "https://[]", NULL },
	{ "https://[::1]x", NULL },
	{ "https://[::g]", NULL },
	{ "https://a\\b", NULL },
	{ "https://\xc3\xa9", NULL },
};

static void checks_the_address(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		char text[512];
		print_message("  %s\n", addresses[i].text);
		int n = snprintf(text, sizeof(text),
				 "[service]\nurl = %s\nshared_key_file = "
				 "shared.key\nca_file=ca.pem\ncertificate="
				 "client.pem\nprivate_key=client.key\n",
				 addresses[i].text);
		assert_true(n > 0);
		set_write(text);
		struct conf *conf = NULL;
		int r = set_load(&conf);
		if (addresses[i].tidy) {
			assert_int_equal(r, 0);
			assert_string_equal(conf->url, addresses[i].tidy);
			assert_null(conf_free(conf));
		} else {
			assert_int_equal(set_said.errors, 1);
			assert_non_null(
				strstr(set_said.text,
				       "E @/meshdrop.conf:2: [service] url "
				       "must be https://host[:port]: "));
		}
	}
}

static void warns_of_plain_http(void **state)
{
	(void)state;
	set_write("[service]\nurl = http://127.0.0.1:8700/\n"
		  "shared_key_file = shared.key\n");
	struct conf *conf = set_loaded(
		"W @/meshdrop.conf:2: [service] url is plain http: anyone on "
		"the way can read and change the messages; use https except "
		"for a sandbox on this machine\n");
	assert_true(conf->plain_http);
	assert_string_equal(conf->url, "http://127.0.0.1:8700");
	assert_null(conf->ca_file);
	assert_null(conf_free(conf));
}

static void check_poll_warning(const char *url, const char *poll, bool warned)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
			 "[daemon]\npoll_interval = %s\n[service]\nurl = %s\n"
			 "shared_key_file = shared.key\nca_file=ca.pem\n"
			 "certificate=client.pem\nprivate_key=client.key\n",
			 poll, url);
	assert_true(n > 0);
	set_write(text);
	struct conf *conf = set_loaded(
		warned ? "W @/meshdrop.conf:2: [daemon] poll_interval is under "
			 "5m: the service asks for at most one look into an "
			 "inbox in five minutes\n" :
			 "");
	assert_null(conf_free(conf));
}

static void warns_of_quick_polling(void **state)
{
	(void)state;
	check_poll_warning("https://mesh-sync.spineservices.nhs.uk", "4m",
			   true);
	check_poll_warning("https://mesh.NHS.uk:443/", "299s", true);
	check_poll_warning("https://nhs.uk", "1s", true);
	check_poll_warning("https://mesh.nhs.uk", "5m", false);
	check_poll_warning("https://mesh.notnhs.uk", "4m", false);
	check_poll_warning("https://nhs.uk.example", "4m", false);
	check_poll_warning("https://127.0.0.1", "1s", false);
}

#define SERVICE_FILES                                                    \
	"shared_key_file = shared.key\nca_file = ca.pem\ncertificate = " \
	"client.pem\nprivate_key = client.key\n"

static void takes_an_environment(void **state)
{
	(void)state;
	set_write("[service]\nenvironment = int\n" SERVICE_FILES);
	struct conf *conf = set_loaded("");
	assert_string_equal(conf->environment, "int");
	assert_string_equal(conf->url, "https://msg.intspineservices.nhs.uk");
	assert_false(conf->plain_http);
	assert_null(conf_free(conf));
	set_write("[service]\nenvironment = Int\n" SERVICE_FILES);
	set_refused("E @/meshdrop.conf:2: [service] environment must be one of "
		    "live|int|dep, not 'Int'\n");
	set_write("[service]\n" SERVICE_FILES);
	set_refused("E @/meshdrop.conf: [service] url is missing (address of "
		    "the MESH service: https://host[:port]); or set "
		    "environment to live, int or dep\n");
	set_write("[service]\nurl = https://a\nenvironment = "
		  "live\n" SERVICE_FILES);
	set_refused("E @/meshdrop.conf:3: [service] environment and url are "
		    "both set; environment = live is url = "
		    "https://mesh-sync.spineservices.nhs.uk\n");
	/* It is as polite there as with the address. */
	set_write("[daemon]\npoll_interval = 1m\n[service]\nenvironment = "
		  "live\n" SERVICE_FILES);
	assert_null(conf_free(set_loaded(
		"W @/meshdrop.conf:2: [daemon] poll_interval is under 5m: the "
		"service asks for at most one look into an inbox in five "
		"minutes\n")));
	/* And needs the files of https. */
	set_write("[service]\nenvironment = dep\nshared_key_file = "
		  "shared.key\n");
	struct conf *none = NULL;
	assert_true(set_load(&none) < 0);
	assert_int_equal(set_said.errors, 3);
}

static void warns_of_the_health_network(void **state)
{
	(void)state;
	set_write("[service]\nurl = https://msg.int.spine2.ncrs.nhs.uk/"
		  "messageexchange\n" SERVICE_FILES);
	struct conf *conf = set_loaded(
		"W @/meshdrop.conf:2: [service] url is an address of the health "
		"network (HSCN), which is deprecated; the internet has "
		"https://msg.intspineservices.nhs.uk\n");
	assert_string_equal(conf->url, "https://msg.int.spine2.ncrs.nhs.uk");
	assert_null(conf_free(conf));
}

/* --- proxy --- */

static void check_proxy(const char *text, const char *tidy)
{
	char whole[1024];
	(void)snprintf(whole, sizeof(whole), SET_SERVICE "proxy = %s\n", text);
	set_write(whole);
	struct conf *conf = NULL;
	int r = set_load(&conf);
	print_message("  %s\n", text);
	if (tidy) {
		assert_int_equal(r, 0);
		assert_string_equal(conf->proxy, tidy);
		assert_null(conf_free(conf));
		return;
	}
	assert_int_equal(set_said.errors, 1);
	assert_non_null(strstr(set_said.text,
			       "E @/meshdrop.conf:7: [service] proxy must be "
			       "http://host[:port], with the name in "
			       "proxy_user: "));
}

static void checks_the_proxy(void **state)
{
	(void)state;
	check_proxy("http://proxy", "http://proxy:3128");
	check_proxy("http://proxy/", "http://proxy:3128");
	check_proxy("HTTP://Proxy.example:8080", "http://Proxy.example:8080");
	check_proxy("http://10.0.0.1:80/", "http://10.0.0.1:80");
	check_proxy("http://[::1]", "http://[::1]:3128");
	check_proxy("https://proxy:3128", NULL);
	check_proxy("proxy:3128", NULL);
	check_proxy("socks5://proxy", NULL);
	check_proxy("http://user:hunter2@proxy:3128", NULL);
	check_proxy("http://proxy:0", NULL);
	check_proxy("http://proxy:3128/x", NULL);
	check_proxy("http://proxy/messageexchange", NULL);
	check_proxy("http://", NULL);
}

static void checks_who_we_are_to_the_proxy(void **state)
{
	(void)state;
	help_write(&set_dir, "proxy.pw", 0600, "proxy hunter2\n");
	set_write(SET_SERVICE "proxy = http://p\nproxy_user = DOMAIN\\me\n"
			      "proxy_password_file = proxy.pw\n");
	struct conf *conf = set_loaded("");
	assert_string_equal(conf->proxy_user, "DOMAIN\\me");
	assert_string_equal(conf->proxy_password_file,
			    help_path(&set_dir, "proxy.pw"));
	assert_string_equal(conf->proxy_password.text, "proxy hunter2");
	assert_null(conf_free(conf));
	set_write(SET_SERVICE "proxy = http://p\nproxy_user = me\n");
	set_refused("E @/meshdrop.conf:8: [service] proxy_password_file is "
		    "missing: proxy_user and proxy_password_file need each "
		    "other\n");
	set_write(SET_SERVICE
		  "proxy = http://p\nproxy_password_file = proxy.pw\n");
	set_refused("E @/meshdrop.conf:8: [service] proxy_user is missing: "
		    "proxy_user and proxy_password_file need each other\n");
	set_write(SET_SERVICE
		  "proxy_user = me\nproxy_password_file = proxy.pw\n");
	set_refused("E @/meshdrop.conf:7: [service] proxy is missing: "
		    "proxy_user has no use without it\n");
	set_write(SET_SERVICE "proxy = http://p\nproxy_user = me:hunter2\n"
			      "proxy_password_file = proxy.pw\n");
	set_refused("E @/meshdrop.conf:8: [service] proxy_user must not hold "
		    "':': the password has a file of its own "
		    "(proxy_password_file)\n");
	help_write(&set_dir, "proxy.pw", 0644, "hunter2\n");
	set_write(SET_SERVICE "proxy = http://p\nproxy_user = me\n"
			      "proxy_password_file = proxy.pw\n");
	set_refused(
		"E @/meshdrop.conf:9: proxy_password_file: '@/proxy.pw' can "
		"be reached by other users (mode 0644); change that with "
		"chmod 600\n");
}

/* --- signal file --- */

static void checks_the_signal_file(void **state)
{
	(void)state;
	help_mkdir(&set_dir, "run");
	set_write(SET_SERVICE "[daemon]\nsignal_file = run/mexclient.sig\n");
	struct conf *conf = set_loaded("");
	assert_string_equal(conf->signal_file,
			    help_path(&set_dir, "run/mexclient.sig"));
	assert_null(conf_free(conf));
	set_write(SET_SERVICE "[daemon]\nsignal_file = other/sig\n");
	set_refused("E @/meshdrop.conf:8: [daemon] signal_file: cannot open "
		    "directory '@/other': No such file or directory\n");
	set_write(SET_SERVICE "[daemon]\nsignal_file = ca.pem/sig\n");
	set_refused("E @/meshdrop.conf:8: [daemon] signal_file: cannot open "
		    "directory '@/ca.pem': Not a directory\n");
	set_write(SET_SERVICE "[daemon]\nsignal_file = run/..\n");
	set_refused("E @/meshdrop.conf:8: [daemon] signal_file must be the "
		    "path of a file\n");
	set_write(SET_SERVICE "[daemon]\nsignal_file = /\n");
	set_refused("E @/meshdrop.conf:8: [daemon] signal_file must be the "
		    "path of a file\n");
	set_write(SET_SERVICE "[daemon]\nsignal_file = /sig\n");
	assert_null(conf_free(set_loaded("")));
}

/* --- files named by settings --- */

static void https_needs_its_files(void **state)
{
	(void)state;
	set_write("[service]\nurl = https://a\nshared_key_file = "
		  "shared.key\n");
	set_refused("E @/meshdrop.conf: [service] ca_file is missing; an "
		    "https url needs it\n"
		    "E @/meshdrop.conf: [service] certificate is missing; an "
		    "https url needs it\n"
		    "E @/meshdrop.conf: [service] private_key is missing; an "
		    "https url needs it\n");
}

static void https_files_must_be_there(void **state)
{
	(void)state;
	assert_int_equal(unlink(help_path(&set_dir, "ca.pem")), 0);
	assert_int_equal(unlink(help_path(&set_dir, "client.pem")), 0);
	assert_int_equal(unlink(help_path(&set_dir, "client.key")), 0);
	help_mkdir(&set_dir, "client.pem");
	assert_int_equal(mkfifo(help_path(&set_dir, "client.key"), 0600), 0);
	struct conf *conf = NULL;
	assert_true(set_load(&conf) < 0);
	assert_int_equal(set_said.errors, 3);
	assert_non_null(strstr(set_said.text,
			       "E @/meshdrop.conf:4: [service] ca_file: cannot "
			       "open '@/ca.pem': No such file or directory\n"));
	assert_non_null(strstr(set_said.text,
			       "E @/meshdrop.conf:5: [service] certificate: "));
	assert_non_null(strstr(set_said.text,
			       "E @/meshdrop.conf:6: [service] private_key: "));
}

static void refuses_an_open_key(void **state)
{
	(void)state;
	help_write(&set_dir, "client.key", 0644, "x");
	set_refused(
		"E @/meshdrop.conf:6: [service] private_key: '@/client.key' "
		"can be reached by other users (mode 0644); change that with "
		"chmod 600\n");
}

static void secrets_must_be_closed(void **state)
{
	(void)state;
	help_write(&set_dir, "shared.key", 0644, "hunter2");
	help_write(&set_dir, "password", 0600, "hunter2\r\n");
	set_refused(
		"E @/meshdrop.conf:3: shared_key_file: '@/shared.key' can be "
		"reached by other users (mode 0644); change that with chmod "
		"600\n"
		"E @/mailboxes.d/one.yaml:2: password_file: "
		"'@/password' holds a control character; it "
		"must be one line without Windows line ends\n");
}

/* --- time zone and numbers --- */

static void check_zone(const char *zone, const char *part)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
			 SET_SERVICE "[daemon]\ntimezone = %s", zone);
	assert_true(n > 0);
	set_write(text);
	struct conf *conf = NULL;
	int r = set_load(&conf);
	if (!part) {
		assert_int_equal(r, 0);
		assert_string_equal(conf->timezone, zone);
		assert_null(conf_free(conf));
		return;
	}
	assert_int_equal(set_said.errors, 1);
	assert_non_null(strstr(set_said.text, "E @/meshdrop.conf:8: [daemon] "
					      "timezone must be "));
	assert_non_null(strstr(set_said.text, part));
}

static void checks_the_zone(void **state)
{
	(void)state;
	check_zone("UTC", NULL);
	check_zone("Europe/London", NULL);
	check_zone("Europe/Londn", "No such file");
	check_zone("Europe", "regular");
	check_zone("zone.tab", "not a time zone");
	check_zone("../zoneinfo/UTC", "not a path");
	check_zone("/usr/share/zoneinfo/UTC", "not a path");
	check_zone("GMT0BST", "No such file");
}

static void chunk_fits_into_request(void **state)
{
	(void)state;
	set_write(SET_SERVICE "[daemon]\nchunk_size = 50M\n"
			      "request_limit = 49M\n");
	set_refused("E @/meshdrop.conf:8: [daemon] chunk_size (50000000 "
		    "bytes) must not be over request_limit (49000000 "
		    "bytes)\n");
	set_write(SET_SERVICE "[daemon]\nrequest_limit = 19M\n");
	set_refused("E @/meshdrop.conf:8: [daemon] chunk_size (20000000 "
		    "bytes) must not be over request_limit (19000000 "
		    "bytes)\n");
	set_write(SET_SERVICE "[daemon]\nrequest_limit = 20M\n");
	assert_null(conf_free(set_loaded("")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_make, set_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(checks_the_address),
		TEST(warns_of_plain_http),
		TEST(warns_of_quick_polling),
		TEST(https_needs_its_files),
		TEST(https_files_must_be_there),
		TEST(refuses_an_open_key),
		TEST(secrets_must_be_closed),
		TEST(checks_the_zone),
		TEST(chunk_fits_into_request),
		TEST(takes_an_environment),
		TEST(warns_of_the_health_network),
		TEST(checks_the_proxy),
		TEST(checks_who_we_are_to_the_proxy),
		TEST(checks_the_signal_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
