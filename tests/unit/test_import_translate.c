/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "import/fileset.h"
#include "import/old.h"
#include "import/proxyini.h"
#include "import/translate.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define HEAD                                                              \
	"# Written by meshdrop import from a meshclient.cfg; see "        \
	"meshdrop.conf(5).\n"                                             \
	"# Relative paths are resolved from the folder of this file.\n\n" \
	"[service]\n"
#define PEM_LINES                    \
	"ca_file = ca.pem\n"         \
	"certificate = client.pem\n" \
	"private_key = client.key\n"
#define BOX                                                   \
	"<Client><ClientIdentity>X26ABC1</ClientIdentity>"    \
	"<ClientAuthentication>secret</ClientAuthentication>" \
	"<InterfaceRoot>/srv/mesh/X26ABC1</InterfaceRoot></Client>"
#define URL(url) "<PrimaryURL>" url "</PrimaryURL>"
#define KEY "<AuthenticationKey>shared</AuthenticationKey>"

static const struct translate_key no_key = { .given = NULL };

static void put(struct buf *buf, const char *text)
{
	buf_init(buf, 1024);
	assert_true(buf_puts(buf, text));
}

/* As old_read makes it, of an installation in /app. */
static void make_old(const char *text, struct old *ret)
{
	struct err err;
	*ret = (struct old){
		.folder = xstrdup("/app"),
		.keystore_path = xstrdup("/app/k"),
		.keystore_kind = "JKS",
		.key_alias = xstrdup("a"),
		.key_count = 1,
		.identity = { .subject = "CN=x", .ends = "2030-01-01" },
	};
	put(&ret->identity.certificate, "CERTIFICATE");
	put(&ret->identity.key, "PRIVATE");
	put(&ret->identity.ca, "CA");
	ret->identity.ca_count = 1;
	AUTO_FREE char *whole = xasprintf("<MESHConfig>%s</MESHConfig>", text);
	if (cfg_read(whole, strlen(whole), &ret->cfg, &err) < 0)
		fail_msg("%s", err.text);
}

static void add_proxy(struct old *old, const char *text)
{
	struct err err;
	old->proxy_path = xstrdup("/app/proxy/proxy.ini");
	old->has_proxy = true;
	if (proxyini_read(text, strlen(text), &old->proxy, &err) < 0)
		fail_msg("%s", err.text);
}

static const struct fileset_file *find(const struct fileset *set,
				       const char *name)
{
	for (size_t i = 0; i < set->file_count; i++)
		if (strcmp(set->files[i].name, name) == 0)
			return &set->files[i];
	fail_msg("there is no %s", name);
	return NULL;
}

static void expect_file(const struct fileset *set, const char *name,
			bool secret, const char *text)
{
	const struct fileset_file *file = find(set, name);
	assert_string_equal(file->text.data, text);
	assert_int_equal(file->secret, secret);
}

static void expect_note(const struct fileset *set, const char *old,
			const char *now)
{
	for (size_t i = 0; i < set->note_count; i++)
		if (strcmp(set->notes[i].old, old) == 0 &&
		    strstr(set->notes[i].now, now))
			return;
	for (size_t i = 0; i < set->note_count; i++)
		print_message("%s -> %s\n", set->notes[i].old,
			      set->notes[i].now);
	fail_msg("there is no note '%s' with '%s'", old, now);
}

static void translate_ok(const struct old *old, const struct translate_key *key,
			 struct fileset *ret)
{
	struct err err;
	if (translate(old, key, ret, &err) < 0)
		fail_msg("%s", err.text);
}

/* --- whole configurations --- */

static const char all_text[] =
	"<PrimaryURL>https://mesh-sync.spineservices.nhs.uk/"
	"messageexchange/</PrimaryURL>"
	"<LogPath>l</LogPath><WorkPath>w</WorkPath>"
	"<AutoUpgrade>Y</AutoUpgrade><PollPeriod>5</PollPeriod>"
	"<ServerRetry>7</ServerRetry><MaxMessages>50</MaxMessages>"
	"<MaxConnections>2</MaxConnections>"
	"<ProcessingDelay>0</ProcessingDelay>"
	"<Client><InterfaceRoot>it's/here</InterfaceRoot>"
	"<ClientIdentity>b-1</ClientIdentity>"
	"<ClientAuthentication>p w</ClientAuthentication>"
	"<CollectReport>N</CollectReport>"
	"<TransferReport>Y</TransferReport>"
	"<PollReport>true</PollReport><DelayReport>y</DelayReport>"
	"<SaveSent>n</SaveSent><MailboxType>MESH</MailboxType>"
	"<ClientLogLevel>1</ClientLogLevel></Client>";

static void test_all(void **state)
{
	(void)state;
	struct old old;
	struct fileset set;
	AUTO_FREE char *whole = xasprintf("%s" KEY BOX, all_text);
	make_old(whole, &old);
	add_proxy(&old, "host=p\nport=81\nuser=u\npassword=w\nx=1");
	old.signal_file = xstrdup("/app/sig/mexclient.sig");
	old.has_signal = true;
	translate_ok(&old, &no_key, &set);
	expect_file(&set, "meshdrop.conf", false,
		    HEAD "environment = live\n"
			 "shared_key_file = shared.key\n" PEM_LINES
			 "proxy = http://p:81\n"
			 "proxy_user = u\n"
			 "proxy_password_file = proxy-password\n"
			 "\n[daemon]\n"
			 "poll_interval = 5m\n"
			 "processing_delay = 0s\n"
			 "connections = 2\n"
			 "signal_file = /app/sig/mexclient.sig\n");
	expect_file(&set, "mailboxes.d/b-1.yaml", false,
		    "# Written by meshdrop import; see "
		    "meshdrop-mailbox(5).\n"
		    "mailbox: b-1\n"
		    "password_file: ../b-1.password\n"
		    "root: '/app/it''s/here'\n"
		    "reports: {collect: false, transfer: true, poll: true, "
		    "delay: true}\n"
		    "save_sent: false\n"
		    "max_messages: 50\n"
		    "server_retry: 7\n");
	expect_file(&set, "b-1.password", true, "p w\n");
	expect_file(&set, "X26ABC1.password", true, "secret\n");
	expect_file(&set, "shared.key", true, "shared\n");
	expect_file(&set, "proxy-password", true, "w\n");
	expect_file(&set, "client.pem", false, "CERTIFICATE");
	expect_file(&set, "client.key", true, "PRIVATE");
	expect_file(&set, "ca.pem", false, "CA");
	assert_int_equal(set.file_count, 10);
	expect_note(&set, "LogPath", "nothing: ");
	expect_note(&set, "WorkPath", "nothing: ");
	expect_note(&set, "AutoUpgrade", "nothing: ");
	expect_note(&set, "b-1: MailboxType", "nothing: ");
	expect_note(&set, "b-1: ClientLogLevel", "nothing: ");
	expect_note(&set, "b-1: SaveSent", "save_sent: false");
	expect_note(&set, "proxy.ini", "not taken: x;");
	expect_note(&set, "PollPeriod 5", "poll_interval = 5m");
	fileset_release(&set);
	old_release(&old);
}

static void test_defaults(void **state)
{
	(void)state;
	struct old old;
	struct fileset set;
	make_old(URL("https://x:1") KEY BOX, &old);
	translate_ok(&old, &no_key, &set);
	expect_file(&set, "meshdrop.conf", false,
		    HEAD "url = https://x:1\n"
			 "shared_key_file = shared.key\n" PEM_LINES
			 "\n[daemon]\npoll_interval = 30m\n");
	const char *yaml = find(&set, "mailboxes.d/X26ABC1.yaml")->text.data;
	assert_non_null(strstr(yaml, "{collect: true, transfer: false, poll: "
				     "false, delay: false}\nsave_sent: true\n"
				     "max_messages: 100\nserver_retry: 3\n"));
	expect_note(&set, "PollPeriod (not set)", "as the Java client has it");
	fileset_release(&set);
	old_release(&old);
}

/* Plain http needs no keystore. */
static void test_plain(void **state)
{
	(void)state;
	struct old old;
	struct fileset set;
	make_old(URL("http://localhost:8700") KEY BOX, &old);
	mem_auto_free(&old.keystore_path);
	old.keystore_path = NULL;
	translate_ok(&old, &no_key, &set);
	expect_file(&set, "meshdrop.conf", false,
		    HEAD "url = http://localhost:8700\n"
			 "shared_key_file = shared.key\n"
			 "\n[daemon]\npoll_interval = 30m\n");
	expect_note(&set, "PrimaryURL http://localhost:8700", "tests only");
	fileset_release(&set);
	old_release(&old);
}

/* --- addresses --- */

static const struct {
	const char *url;
	const char *line;
	const char *note;
} urls[] = {
	{ "https://mesh-sync.spineservices.nhs.uk", "environment = live\n",
	  "live" },
	{ "https://MESH-SYNC.spineservices.NHS.uk:443/", "environment = live\n",
	  "live" },
	{ "https://msg.intspineservices.nhs.uk/messageexchange",
	  "environment = int\n", "int" },
	{ "https://msg.depspineservices.nhs.uk//messageexchange//",
	  "environment = dep\n", "dep" },
	{ "https://mesh.spineservices.nhs.uk",
	  "url = https://mesh.spineservices.nhs.uk\n", "url" },
	{ "https://mesh-sync.spineservices.nhs.uk:8443",
	  "url = https://mesh-sync.spineservices.nhs.uk:8443\n", "url" },
	{ "http://mesh-sync.spineservices.nhs.uk",
	  "url = http://mesh-sync.spineservices.nhs.uk\n", "plain" },
	{ "https://mesh-sync.national.ncrs.nhs.uk/messageexchange",
	  "url = https://mesh-sync.national.ncrs.nhs.uk\n", "HSCN" },
	{ "https://msg.int.spine2.ncrs.nhs.uk:443",
	  "url = https://msg.int.spine2.ncrs.nhs.uk:443\n", "HSCN" },
	{ "https://10.97.89.163", "url = https://10.97.89.163\n",
	  "for this address" },
	{ "https://[::1]:1", "url = https://[::1]:1\n", "url" },
};

static void test_urls(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(urls); i++) {
		struct old old;
		struct fileset set;
		AUTO_FREE char *text = xasprintf(URL("%s") KEY BOX,
						 urls[i].url);
		AUTO_FREE char *want = xasprintf(HEAD "%s", urls[i].line);
		make_old(text, &old);
		translate_ok(&old, &no_key, &set);
		const char *conf = find(&set, FILESET_CONF)->text.data;
		if (strncmp(conf, want, strlen(want)) != 0)
			fail_msg("%s: %s", urls[i].url, conf);
		if (!strstr(set.notes[0].now, urls[i].note))
			fail_msg("%s: %s", urls[i].url, set.notes[0].now);
		fileset_release(&set);
		old_release(&old);
	}
}

/* --- the shared key --- */

static void test_shared_key(void **state)
{
	static const struct {
		const char *own;
		struct translate_key key;
		const char *text; /* NULL: refused */
		bool kept;
	} cases[] = {
		{ KEY, { NULL, NULL }, "shared\n", false },
		{ KEY, { "given", NULL }, "given\n", false },
		{ KEY, { NULL, "kept" }, "shared\n", false },
		{ "", { "given", "kept" }, "given\n", false },
		{ "", { NULL, "kept" }, "kept\n", true },
		{ "", { NULL, NULL }, NULL, false },
		{ "<AuthenticationKey/>", { NULL, NULL }, NULL, false },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err;
		struct old old;
		struct fileset set;
		AUTO_FREE char *text = xasprintf(URL("https://x") "%s" BOX,
						 cases[i].own);
		make_old(text, &old);
		int r = translate(&old, &cases[i].key, &set, &err);
		if (cases[i].text) {
			assert_int_equal(r, 0);
			expect_file(&set, "shared.key", true, cases[i].text);
			assert_int_equal(find(&set, "shared.key")->kept,
					 cases[i].kept);
			fileset_release(&set);
		} else {
			assert_int_equal(r, -(int)ERR_INVALID);
			assert_non_null(strstr(err.text, "--shared-key"));
			assert_non_null(strstr(err.text, "service desk"));
		}
		old_release(&old);
	}
}

/* --- limits and mistakes --- */

static void test_cut(void **state)
{
	(void)state;
	struct old old;
	struct fileset set;
	make_old(URL("https://x") "<MaxMessages>9999</MaxMessages>"
				  "<MaxConnections>100</MaxConnections>" KEY BOX,
		 &old);
	translate_ok(&old, &no_key, &set);
	assert_non_null(strstr(find(&set, FILESET_CONF)->text.data,
			       "connections = 64\n"));
	expect_note(&set, "MaxMessages 9999", "more is not possible");
	fileset_release(&set);
	old_release(&old);
}

static void test_notes_on_roots(void **state)
{
	(void)state;
	struct old old;
	struct fileset set;
	make_old(URL("https://x") KEY BOX
		 "<Client><ClientIdentity>H</ClientIdentity>"
		 "<ClientAuthentication>s</ClientAuthentication>"
		 "<InterfaceRoot>/home/mesh/H</InterfaceRoot></Client>"
		 "<Client><ClientIdentity>V</ClientIdentity>"
		 "<ClientAuthentication>s</ClientAuthentication>"
		 "<InterfaceRoot>./data//V</InterfaceRoot></Client>",
		 &old);
	translate_ok(&old, &no_key, &set);
	expect_note(&set, "X26ABC1: InterfaceRoot", "root: /srv/mesh/X26ABC1");
	expect_note(&set, "H: InterfaceRoot", "ProtectHome=no");
	expect_note(&set, "V: InterfaceRoot",
		    "root: /app/data//V; under systemd also ReadWritePaths=");
	fileset_release(&set);
	old_release(&old);
}

static void test_proxies(void **state)
{
	static const struct {
		const char *ini; /* NULL: not there */
		const char *old;
		const char *now;
	} cases[] = {
		{ NULL, "ProxyPath", "is not there" },
		{ "# nothing", "ProxyPath", "names no proxy" },
		{ "[a]\nproxy=p:1", "proxy.ini: host, port",
		  "proxy = http://p:1; its sections" },
		{ "proxy=p:1\nuser=u", "proxy.ini", "its user is not taken" },
		{ "proxy=p:1\npassword=u", "proxy.ini",
		  "its password is not taken" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct old old;
		struct fileset set;
		make_old(URL("https://x") KEY BOX, &old);
		if (cases[i].ini)
			add_proxy(&old, cases[i].ini);
		else
			old.proxy_path = xstrdup("/app/proxy/proxy.ini");
		translate_ok(&old, &no_key, &set);
		expect_note(&set, cases[i].old, cases[i].now);
		assert_null(strstr(find(&set, FILESET_CONF)->text.data,
				   "proxy_user"));
		fileset_release(&set);
		old_release(&old);
	}
}

static const struct {
	const char *text;
	const char *why;
} bads[] = {
	{ KEY BOX, "<PrimaryURL> is missing" },
	{ URL("") KEY BOX, "line 1: <PrimaryURL> is empty" },
	{ URL("mesh.example") KEY BOX, "does not begin with https://" },
	{ URL("https://x") KEY, "holds no <Client>" },
	{ URL("https://x") KEY "<PollPeriod>0</PollPeriod>" BOX,
	  "<PollPeriod> is '0' and must be a number from 1 to 1440" },
	{ URL("https://x") KEY "<PollPeriod>5m</PollPeriod>" BOX,
	  "<PollPeriod> is '5m'" },
	{ URL("https://x") KEY "<MaxMessages>-1</MaxMessages>" BOX,
	  "<MaxMessages> is '-1'" },
	{ URL("https://x") KEY "<ProcessingDelay>9999</ProcessingDelay>" BOX,
	  "<ProcessingDelay> is '9999'" },
	{ URL("https://x") KEY BOX "\n" BOX,
	  "line 2: mailbox X26ABC1 was already given on line 1" },
	{ URL("https://x") KEY "<Client/>", "<ClientIdentity> is missing" },
	{ URL("https://x") KEY
	  "<Client><ClientIdentity>a b</ClientIdentity></Client>",
	  "is not a mailbox id" },
	{ URL("https://x") KEY
	  "<Client><ClientIdentity>a</ClientIdentity></Client>",
	  "<ClientAuthentication> is missing" },
	{ URL("https://x") KEY
	  "<Client><ClientIdentity>a</ClientIdentity>"
	  "<ClientAuthentication>b\nc</ClientAuthentication></Client>",
	  "<ClientAuthentication> holds a control character" },
	{ URL("https://x&#10;[daemon]&#10;confine = no") KEY BOX,
	  "<PrimaryURL> holds a control character" },
	{ URL("https://x") KEY
	  "<Client><ClientIdentity>a</ClientIdentity>"
	  "<ClientAuthentication>b</ClientAuthentication>"
	  "<InterfaceRoot>/a&#13;b</InterfaceRoot></Client>",
	  "<InterfaceRoot> holds a control character" },
	{ URL("https://x") KEY
	  "<Client><ClientIdentity>a</ClientIdentity>"
	  "<ClientAuthentication>b</ClientAuthentication></Client>",
	  "<InterfaceRoot> is missing" },
	{ URL("https://x") KEY
	  "<Client><ClientIdentity>a</ClientIdentity>"
	  "<ClientAuthentication>b</ClientAuthentication>"
	  "<InterfaceRoot>c</InterfaceRoot><SaveSent>x</SaveSent></Client>",
	  "<SaveSent> is neither Y nor N" },
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bads); i++) {
		struct err err;
		struct old old;
		struct fileset set = { .file_count = 4711 };
		make_old(bads[i].text, &old);
		assert_int_equal(translate(&old, &no_key, &set, &err),
				 -(int)ERR_INVALID);
		if (!strstr(err.text, bads[i].why))
			fail_msg("%s: %s", bads[i].text, err.text);
		assert_int_equal(set.file_count, 4711);
		old_release(&old);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_shared_key),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_notes_on_roots),
		cmocka_unit_test(test_proxies),
		cmocka_unit_test(test_bad),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
