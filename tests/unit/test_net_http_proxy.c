/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/http.h"
#include "net_server.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define LARGE ((uint64_t)2 << 20)
#define BURST_NS (HTTP_BURST_MS * CLOCK_MS)
#define TRIES_MOST 20

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define ACCEPTED                                              \
	"HTTP/1.1 202 Accepted\r\nContent-Length: 19\r\n\r\n" \
	"{\"message_id\":\"M1\"}"
#define TUNNEL "HTTP/1.1 200 Connection established\r\nX-By: proxy\r\n\r\n"
#define REFUSES(status) "HTTP/1.1 " status " No\r\nContent-Length: 2\r\n\r\nno"
#define ASK_LOGIN(ways)                                       \
	"HTTP/1.1 407 Proxy Authentication Required\r\n" ways \
	"Content-Length: 2\r\n\r\nno"
#define BASIC "Proxy-Authenticate: Basic realm=\"proxy\"\r\n"
#define DIGEST                                                       \
	"Proxy-Authenticate: Digest realm=\"proxy\", nonce=\"n1\", " \
	"qop=\"auth\", algorithm=MD5\r\n"
#define NTLM(more) "Proxy-Authenticate: NTLM" more "\r\n"
#define NEGOTIATE "Proxy-Authenticate: Negotiate\r\n"

/* The server is the proxy, and what is at the end of its tunnels. */
struct fixture {
	struct net_server *server;
	struct http_client *client;
	struct http_reply reply;
	struct err err;
	FILE *file;
	bool go_on;
	const char *user;
	int64_t connect_ns;
};

static bool ask_go_on(void *ctx)
{
	const struct fixture *f = ctx;
	return f->go_on;
}

static void connect_by(struct fixture *f, const char *proxy)
{
	const struct http_settings settings = {
		.url = "http://mesh.invalid:8080",
		.proxy = proxy,
		.proxy_user = f->user,
		.proxy_password = f->user ? "open sesame" : NULL,
		.connect_timeout_ns = f->connect_ns ? f->connect_ns :
						      10 * CLOCK_SECOND,
		.stall_timeout_ns = 30 * CLOCK_SECOND,
		.go_on = ask_go_on,
		.ctx = f,
	};
	assert_int_equal(http_client_new(&settings, &f->client, &f->err), 0);
}

static void serve(struct fixture *f, const struct net_step *steps, size_t count)
{
	f->server = net_server_start(steps, count);
	connect_by(f, net_server_url(f->server));
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	f->go_on = true;
	http_reply_init(&f->reply);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	f->client = http_client_free(f->client);
	net_server_free(f->server);
	http_reply_release(&f->reply);
	if (f->file)
		(void)fclose(f->file); /* only read from */
	free(f);
	return 0;
}

static int get(struct fixture *f)
{
	const struct http_request request = {
		.method = HTTP_GET,
		.path = "/inbox",
	};
	return http_exchange(f->client, &request, &f->reply, &f->err);
}

static int post(struct fixture *f, uint64_t length)
{
	if (!f->file)
		f->file = tmpfile();
	assert_non_null(f->file);
	assert_int_equal(ftruncate(fileno(f->file), (off_t)length), 0);
	const struct http_source from = {
		.fd = fileno(f->file),
		.label = "a.dat",
		.length = length,
	};
	const struct http_field fields[] = {
		{ "Content-Type", "application/octet-stream" },
		{ "Authorization", "NHSMESH X26ABC1:token" },
	};
	const struct http_request request = {
		.method = HTTP_POST,
		.path = "/outbox",
		.fields = fields,
		.field_count = COUNT(fields),
		.source = &from,
	};
	return http_exchange(f->client, &request, &f->reply, &f->err);
}

static const char *head_at(const struct fixture *f, size_t at)
{
	const struct net_seen *seen = net_server_seen(f->server, at);
	assert_non_null(seen);
	return seen->head;
}

static bool starts(const char *head, const char *line)
{
	return strncmp(head, line, strlen(line)) == 0;
}

static void hang_up(struct fixture *f)
{
	f->client = http_client_free(f->client);
	net_server_free(f->server);
	f->server = NULL;
}

/* The proxy sees where we want to go, and the service not how we came. false:
 * we were not let go on for so long that it was no burst. */
static bool tunnelled_in_a_burst(struct fixture *f)
{
	static const struct net_step steps[] = {
		{ .answer = TUNNEL },
		{ .answer = ACCEPTED },
		{ .answer = ACCEPTED },
	};
	/* The environment has no say. */
	assert_int_equal(setenv("no_proxy", "*", 1), 0);
	serve(f, steps, COUNT(steps));
	int64_t begin = clock_mono_ns();
	int first = post(f, LARGE);
	int second = post(f, LARGE);
	bool burst = clock_mono_ns() - begin < BURST_NS;
	assert_int_equal(unsetenv("no_proxy"), 0);
	net_server_stop(f->server);
	if (!burst && net_server_count(f->server, "CONNECT") != 1)
		return false;
	assert_int_equal(first, 0);
	assert_int_equal(second, 0);
	assert_int_equal(f->reply.status, 202);
	assert_int_equal(f->reply.sent, HTTP_SENT_WHOLE);
	assert_null(http_reply_header(&f->reply, "x-by"));
	const char *head = head_at(f, 0);
	assert_true(starts(head, "CONNECT mesh.invalid:8080 HTTP/1.1\r\n"));
	assert_null(strcasestr(head, "authorization"));
	assert_null(strcasestr(head, "outbox"));
	assert_null(strcasestr(head, "content-type"));
	head = head_at(f, 1);
	assert_true(starts(head, "POST /outbox HTTP/1.1\r\n"));
	assert_non_null(strstr(head, "Authorization: NHSMESH"));
	assert_null(strcasestr(head, "proxy"));
	/* A burst shares the tunnel. */
	assert_int_equal(net_server_count(f->server, "CONNECT"), 1);
	assert_int_equal(net_server_count(f->server, "POST"), 2);
	return true;
}

static void test_tunnel(void **state)
{
	struct fixture *f = *state;
	for (unsigned tries = 1; !tunnelled_in_a_burst(f); tries++) {
		assert_true(tries < TRIES_MOST);
		hang_up(f);
	}
}

static void log_in(struct fixture *f, const char *question, const char *answer)
{
	const struct net_step steps[] = {
		{ .answer = question },
		{ .answer = TUNNEL },
		{ .answer = ACCEPTED },
	};
	f->user = "ward";
	serve(f, steps, COUNT(steps));
	assert_int_equal(post(f, 5), 0);
	net_server_stop(f->server);
	assert_int_equal(f->reply.status, 202);
	assert_string_equal(f->reply.body.data, "{\"message_id\":\"M1\"}");
	assert_null(strcasestr(head_at(f, 0), "authorization"));
	assert_non_null(strstr(head_at(f, 1), answer));
	assert_null(strcasestr(head_at(f, 1), "NHSMESH"));
	assert_null(strcasestr(head_at(f, 2), "proxy"));
	assert_null(strstr(head_at(f, 2), answer));
	assert_int_equal(net_server_seen(f->server, 2)->body, 5);
	assert_int_equal(net_server_count(f->server, "POST"), 1);
}

/* Negotiate first, as such proxies offer it: we have no ticket. */
static void test_log_in_basic(void **state)
{
	/* ward:open sesame */
	log_in(*state, ASK_LOGIN(NEGOTIATE BASIC),
	       "Proxy-Authorization: Basic d2FyZDpvcGVuIHNlc2FtZQ==\r\n");
}

static void test_log_in_digest(void **state)
{
	log_in(*state, ASK_LOGIN(BASIC DIGEST),
	       "Proxy-Authorization: Digest username=\"ward\"");
}

/* Three steps on one connection; the middle one is a challenge of 01234567. */
static void test_log_in_ntlm(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = {
		{ .answer = ASK_LOGIN(NEGOTIATE NTLM("") BASIC) },
		{ .answer = ASK_LOGIN(
			  NTLM(" TlRMTVNTUAACAAAAAAAAADAAAAABggAA"
			       "MDEyMzQ1NjcAAAAAAAAAAAAAAAAwAAAA")) },
		{ .answer = TUNNEL },
		{ .answer = ACCEPTED },
	};
	if ((curl_version_info(CURLVERSION_NOW)->features &
	     CURL_VERSION_NTLM) == 0)
		skip();
	f->user = "WARDS\\ward";
	serve(f, steps, COUNT(steps));
	assert_int_equal(post(f, 5), 0);
	net_server_stop(f->server);
	assert_int_equal(f->reply.status, 202);
	for (size_t i = 1; i <= 2; i++) {
		assert_non_null(strstr(head_at(f, i),
				       "Proxy-Authorization: NTLM TlRMTVNTUA"));
		assert_int_equal(net_server_seen(f->server, i)->connection,
				 net_server_seen(f->server, 1)->connection);
	}
	assert_null(strcasestr(head_at(f, 3), "proxy"));
	assert_int_equal(net_server_count(f->server, "POST"), 1);
}

struct refusal_case {
	const char *name;
	const char *answer;
	bool user;
	const char *says;
};

static const struct refusal_case refusals[] = {
	{ "407, no user", ASK_LOGIN(BASIC), false, "set proxy_user" },
	{ "407, wrong user", ASK_LOGIN(BASIC), true, "does not accept user" },
	{ "407, wrong digest", ASK_LOGIN(DIGEST), true,
	  "does not accept user" },
	{ "407, no way", ASK_LOGIN(NEGOTIATE), true, "no way of logging in" },
	{ "403", REFUSES("403"), false, "does not allow" },
	{ "405", REFUSES("405"), false, "does not know CONNECT" },
	{ "501", REFUSES("501"), false, "does not know CONNECT" },
	{ "502", REFUSES("502"), false, "cannot reach the service" },
	{ "503", REFUSES("503"), true, "cannot reach the service" },
	{ "504", REFUSES("504"), false, "cannot reach the service" },
	{ "500", REFUSES("500"), false, "refuses to connect" },
	{ "302", REFUSES("302"), false, "refuses to connect" },
	{ "nothing", NULL, false, "ended the connection" },
	{ "cut", "HTTP/1.1 200 Conn", false, "ended the connection" },
	{ "cut in headers", "HTTP/1.1 200 Connection\r\nX-", false,
	  "(proxy in meshdrop.conf)" },
	{ "no HTTP", "\001\002\003 whatever\r\n\r\n", false,
	  "(proxy in meshdrop.conf)" },
};

/* Whatever happens before the tunnel stands: nothing was sent. */
static void refuse(struct fixture *f, const struct refusal_case *c)
{
	const struct net_step step = { .answer = c->answer, .close = true };
	f->user = c->user ? "ward" : NULL;
	serve(f, &step, 1);
	int r = post(f, 5);
	net_server_stop(f->server);
	const char *proxy = net_server_url(f->server) + strlen("http://");
	if (r != -ERR_NETWORK || !strstr(f->err.text, c->says) ||
	    !strstr(f->err.text, proxy))
		fail_msg("%s: %d: %s", c->name, r, r < 0 ? f->err.text : "");
	assert_non_null(strstr(f->err.text, "mesh.invalid:8080"));
	assert_null(strstr(f->err.text, "sesame"));
	assert_int_equal(f->err.scope, ERR_SERVICE);
	assert_int_equal(f->err.retry, ERR_LATER);
	assert_int_equal(f->reply.sent, HTTP_SENT_NOTHING);
	assert_int_equal(f->reply.status, 0);
	assert_int_equal(f->reply.body.len, 0);
	assert_int_equal(net_server_count(f->server, "POST"), 0);
	hang_up(f);
}

static void test_refusals(void **state)
{
	for (size_t i = 0; i < COUNT(refusals); i++)
		refuse(*state, &refusals[i]);
}

static void no_proxy(struct fixture *f, const char *proxy, const char *says)
{
	connect_by(f, proxy);
	assert_int_equal(post(f, 5), -ERR_NETWORK);
	assert_int_equal(f->reply.sent, HTTP_SENT_NOTHING);
	if (!strstr(f->err.text, says) || !strstr(f->err.text, proxy + 7))
		fail_msg("%s", f->err.text);
}

/* With an empty part in it nobody outside this machine is asked for it. */
static void test_unknown(void **state)
{
	no_proxy(*state, "http://proxy..invalid:3128", "cannot be resolved");
}

static void test_away(void **state)
{
	char url[NET_SERVER_URL_SIZE];
	AUTO_CLOSE int nobody = net_server_nobody(url);
	assert_true(nobody >= 0);
	no_proxy(*state, url, "cannot reach the proxy");
}

static void test_silent(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = { { .answer = NULL } };
	f->connect_ns = CLOCK_SECOND;
	f->server = net_server_start(steps, 1);
	no_proxy(f, net_server_url(f->server), "connect_timeout");
}

static void test_stop(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = { { .answer = NULL } };
	serve(f, steps, 1);
	f->go_on = false;
	assert_int_equal(get(f), -ERR_STOPPED);
	assert_int_equal(f->reply.sent, HTTP_SENT_NOTHING);
}

/* A tunnel that was used before takes the POST and dies. false: it was not used
 * again, as it was no burst. */
static bool once_in_a_burst(struct fixture *f, uint64_t length, bool unread)
{
	const struct net_step steps[] = {
		{ .answer = TUNNEL },
		{ .answer = OK_EMPTY },
		{ .close = true, .unread = unread },
		{ .answer = TUNNEL },
		{ .answer = ACCEPTED },
	};
	serve(f, steps, COUNT(steps));
	int64_t begin = clock_mono_ns();
	assert_int_equal(get(f), 0);
	int r = post(f, length);
	bool burst = clock_mono_ns() - begin < BURST_NS;
	net_server_stop(f->server);
	if (!burst && net_server_count(f->server, "CONNECT") != 1)
		return false;
	assert_int_equal(r, -ERR_NETWORK);
	assert_int_equal(net_server_count(f->server, "POST"), 1);
	assert_int_equal(f->reply.status, 0);
	assert_int_not_equal(f->reply.sent, HTTP_SENT_NOTHING);
	assert_null(strstr(f->err.text, "proxy"));
	return true;
}

static void once(struct fixture *f, uint64_t length, bool unread)
{
	for (unsigned tries = 1; !once_in_a_burst(f, length, unread); tries++) {
		assert_true(tries < TRIES_MOST);
		hang_up(f);
	}
}

static void test_once(void **state)
{
	once(*state, 100, false);
}

static void test_once_unread(void **state)
{
	once(*state, LARGE, true);
}

/* A new tunnel that takes the POST and dies. */
static void test_once_fresh(void **state)
{
	struct fixture *f = *state;
	static const struct net_step steps[] = {
		{ .answer = TUNNEL },
		{ .close = true },
		{ .answer = TUNNEL },
		{ .answer = ACCEPTED },
	};
	serve(f, steps, COUNT(steps));
	assert_int_equal(post(f, 5), -ERR_NETWORK);
	net_server_stop(f->server);
	assert_int_equal(net_server_count(f->server, "POST"), 1);
	assert_int_equal(f->reply.sent, HTTP_SENT_WHOLE);
}

/* In the tunnel a 407 is the service's own odd answer, not a question of the
 * proxy's. */
static void odd_407(struct fixture *f, const char *question)
{
	const struct net_step steps[] = {
		{ .answer = question },
		{ .answer = TUNNEL },
		{ .answer = question },
		{ .answer = ACCEPTED },
	};
	f->user = "ward";
	serve(f, steps, COUNT(steps));
	int r = post(f, 5);
	net_server_stop(f->server);
	assert_int_equal(net_server_count(f->server, "POST"), 1);
	assert_null(strcasestr(head_at(f, 2), "proxy-authorization"));
	assert_int_equal(f->reply.sent, HTTP_SENT_WHOLE);
	assert_int_equal(f->reply.status, 407);
	assert_int_equal(r, 0);
}

static void test_odd_407(void **state)
{
	odd_407(*state, ASK_LOGIN(BASIC));
}

static void test_odd_407_digest(void **state)
{
	odd_407(*state, ASK_LOGIN(DIGEST));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tunnel),	  TEST(test_log_in_basic),
		TEST(test_log_in_digest), TEST(test_log_in_ntlm),
		TEST(test_refusals),	  TEST(test_unknown),
		TEST(test_away),	  TEST(test_silent),
		TEST(test_stop),	  TEST(test_once),
		TEST(test_once_unread),	  TEST(test_once_fresh),
		TEST(test_odd_407),	  TEST(test_odd_407_digest),
	};
	struct err err;
	if (http_global_init(&err) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
