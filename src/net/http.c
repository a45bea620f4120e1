/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "net/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/http_proxy.h"
#include "net/http_reply.h"
#include "net/tls.h"

/* CURLOPT_PREREQFUNCTION tells when a request is about to leave, so that a
 * second one can be stopped. */
#define HAVE_PREREQ (LIBCURL_VERSION_NUM >= 0x075000)
#define HAVE_PROTOCOLS_STR (LIBCURL_VERSION_NUM >= 0x075500)

/* Of TLS 1.2; those of 1.3 are all good. Level 2: no key, signature or exchange
 * under 112 bits, whatever a system's or a user's openssl.cnf says. */
#define CIPHERS "DEFAULT:!aNULL:!eNULL:!EXP:!RC4:!3DES:!PSK:!SRP:@SECLEVEL=2"

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_SECOND INT64_C(1000000000)

struct http_client {
	struct http_settings settings;
	CURL *curl; /* owned; its connections live as long */
	bool clean; /* the last exchange left a connection fit for a POST */
};

/* What one call of http_exchange knows. */
struct exchange {
	struct http_client *client;
	const struct http_request *request;
	struct http_reply *reply;
	struct http_head head;
	struct curl_slist *fields; /* owned; has the token */
	char *url;		   /* owned */
	uint64_t given;		   /* bytes of our body handed to libcurl */
	uint64_t taken;		   /* bytes of the answer's body */
	unsigned starts;	   /* times a request was about to leave */
	bool sinking;
	int r; /* the first failure in a callback, in err */
	struct err err;
	char words[CURL_ERROR_SIZE]; /* libcurl's */
};

static uint64_t body_length(const struct http_request *request)
{
	return request->source ? request->source->length : 0;
}

/* Somebody who took a request and said nothing, or nonsense, may have failed on
 * this request only. */
static enum err_scope scope_of(const struct exchange *x)
{
	bool asked = x->starts > 0 || x->given > 0 || x->head.bytes > 0;
	return asked ? ERR_MESSAGE : ERR_SERVICE;
}

/* --- callbacks --- */

#if HAVE_PREREQ
/* libcurl repeats a request by itself when a used connection turns out to be
 * dead, a POST too. The token serves one attempt, and a POST may have been
 * taken: there is no second time. */
static int on_start(void *ctx, char *remote, char *local, int remote_port,
		    int local_port)
{
	(void)remote;
	(void)local;
	(void)remote_port;
	(void)local_port;
	struct exchange *x = ctx;
	return ++x->starts > 1 ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}
#endif

static int read_source(struct exchange *x, char *data, size_t want)
{
	const struct http_source *source = x->request->source;
	size_t got = 0;
	int r = fsx_pread(source->fd, source->label, data, want,
			  source->offset + x->given, &got, &x->err);
	if (r < 0)
		return r;
	if (got < want)
		return err_set(&x->err, ERR_CHANGED,
			       "%s became shorter while it was sent",
			       source->label);
	/* The look comes after the read: a change up to here is seen. */
	if (x->given + want == source->length && source->last_look)
		return source->last_look(source->ctx, &x->err);
	return 0;
}

static size_t on_read(char *data, size_t size, size_t count, void *ctx)
{
	struct exchange *x = ctx;
	uint64_t left = body_length(x->request) - x->given;
	size_t want = size * count;
	if (want > left)
		want = (size_t)left;
	if (want == 0)
		return 0;
	x->r = read_source(x, data, want);
	if (x->r < 0)
		return CURL_READFUNC_ABORT;
	x->given += want;
	return want;
}

static int open_sink(struct exchange *x)
{
	const struct http_sink *sink = x->request->sink;
	int status = x->reply->status;
	if (!sink || x->request->method != HTTP_GET ||
	    (status != 200 && status != 206))
		return 0;
	if (!http_head_framed(&x->head))
		return err_set(&x->err, ERR_PROTOCOL,
			       "the answer has no Content-Length: nobody could "
			       "tell whether it is complete");
	x->sinking = true;
	return sink->begin ? sink->begin(sink->ctx, x->reply, &x->err) : 0;
}

static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
	struct exchange *x = ctx;
	size_t len = size * count;
	bool trailer = x->head.state == HTTP_HEAD_DONE;
	/* A trailer counts, too: libcurl keeps each one. */
	x->r = http_head_line(&x->head, data, len, &x->err);
	if (x->r == 0 && !trailer && x->head.state == HTTP_HEAD_DONE)
		x->r = open_sink(x);
	return x->r < 0 ? 0 : len;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct exchange *x = ctx;
	size_t len = size * count;
	x->taken += len;
	if (x->sinking)
		x->r = x->request->sink->write(x->request->sink->ctx, data, len,
					       &x->err);
	else if (!buf_append(&x->reply->body, data, len))
		x->r = err_set(&x->err, ERR_PROTOCOL,
			       "the answer is longer than %zu bytes",
			       HTTP_BODY_MAX);
	return x->r < 0 ? 0 : len;
}

/* The time that so many bytes may take; by it a drip that never stalls ends. */
static int64_t time_for(const struct http_settings *settings, uint64_t bytes)
{
	int64_t stall_ns = settings->stall_timeout_ns;
	int64_t patience_ns = stall_ns > INT64_MAX / 4 / HTTP_STALLS_MOST ?
				      INT64_MAX / 4 :
				      stall_ns * HTTP_STALLS_MOST;
	int64_t seconds = (int64_t)(bytes / HTTP_BYTES_PER_SECOND);
	if (seconds > INT64_MAX / 4 / NS_PER_SECOND)
		seconds = INT64_MAX / 4 / NS_PER_SECOND;
	return patience_ns + seconds * NS_PER_SECOND +
	       settings->connect_timeout_ns;
}

static bool is_too_slow(const struct exchange *x, curl_off_t bytes)
{
	curl_off_t spent_us = 0;
	(void)curl_easy_getinfo(x->client->curl, CURLINFO_TOTAL_TIME_T,
				&spent_us); /* stays 0 */
	return spent_us >
	       time_for(&x->client->settings, (uint64_t)bytes) / NS_PER_US;
}

static int on_progress(void *ctx, curl_off_t down_total, curl_off_t down,
		       curl_off_t up_total, curl_off_t up)
{
	(void)down_total;
	(void)up_total;
	struct exchange *x = ctx;
	const struct http_settings *settings = &x->client->settings;
	if (x->r == 0 && is_too_slow(x, down + up)) {
		x->r = err_set(&x->err, ERR_NETWORK,
			       "the service is too slow: %lld bytes came and "
			       "went in the time for many more "
			       "(stall_timeout)",
			       (long long)down + up);
		err_widen(&x->err, scope_of(x), ERR_LATER);
		return 1;
	}
	if (!settings->go_on || settings->go_on(settings->ctx))
		return 0;
	if (x->r == 0) {
		x->r = err_set(&x->err, ERR_STOPPED,
			       "the conversation with the service was ended "
			       "because we were asked to stop");
		err_widen(&x->err, ERR_SERVICE, ERR_LATER);
	}
	return 1;
}

/* --- options --- */

#define SET(option, value) \
	(ok = curl_easy_setopt(curl, option, value) == CURLE_OK && ok)

static bool set_limits(CURL *curl, const struct http_settings *settings)
{
	bool ok = true;
	int64_t stall = (settings->stall_timeout_ns + NS_PER_SECOND - 1) /
			NS_PER_SECOND;
	int64_t connect = settings->connect_timeout_ns / NS_PER_MS;
	SET(CURLOPT_CONNECTTIMEOUT_MS, connect > 0 ? (long)connect : 1L);
	SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
	SET(CURLOPT_LOW_SPEED_TIME, stall > 0 ? (long)stall : 1L);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_NOSIGNAL, 1L);
	return ok;
}

/* What libcurl would do by itself, off. */
static bool set_manners(CURL *curl)
{
	bool ok = true;
#if HAVE_PROTOCOLS_STR
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
	SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_HTTP_CONTENT_DECODING, 0L);
	SET(CURLOPT_HTTP_TRANSFER_DECODING, 1L);
	SET(CURLOPT_KEEP_SENDING_ON_ERROR, 0L);
	return ok;
}

/* Set in any case, so that nothing comes from the environment. */
static bool set_proxy(CURL *curl, const struct http_settings *settings)
{
	bool ok = true;
	SET(CURLOPT_PROXY, settings->proxy ? settings->proxy : "");
	SET(CURLOPT_NOPROXY, settings->proxy ? "" : "*");
	SET(CURLOPT_PROXYTYPE, (long)CURLPROXY_HTTP);
	SET(CURLOPT_HTTPPROXYTUNNEL, 1L);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	/* Our fields, the token among them, are for the service alone. */
	SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	SET(CURLOPT_PROXYAUTH,
	    (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST | CURLAUTH_NTLM));
	SET(CURLOPT_PROXYUSERNAME, settings->proxy_user);
	SET(CURLOPT_PROXYPASSWORD, settings->proxy_password);
	return ok;
}

static bool set_tls(CURL *curl, const struct http_settings *settings)
{
	bool ok = true;
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_CIPHER_LIST, CIPHERS);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_CAINFO, settings->ca_file);
	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_SSLCERTTYPE, "PEM");
	SET(CURLOPT_SSLCERT, settings->certificate);
	SET(CURLOPT_SSLKEYTYPE, "PEM");
	SET(CURLOPT_SSLKEY, settings->private_key);
	return ok;
}

static bool set_callbacks(CURL *curl, struct exchange *x)
{
	bool ok = true;
	SET(CURLOPT_ERRORBUFFER, x->words);
	SET(CURLOPT_READFUNCTION, on_read);
	SET(CURLOPT_READDATA, x);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, x);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, x);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, x);
#if HAVE_PREREQ
	SET(CURLOPT_PREREQFUNCTION, on_start);
	SET(CURLOPT_PREREQDATA, x);
#endif
	return ok;
}

/* A POST without a body could be repeated whole by libcurl, and without
 * on_start so could the head of any other. */
static bool needs_fresh(const struct exchange *x)
{
	return !x->client->clean || !HAVE_PREREQ ||
	       body_length(x->request) == 0;
}

/* No read position, no seek function: a body that has begun cannot be sent
 * again. */
static bool set_post(CURL *curl, const struct exchange *x)
{
	bool ok = true;
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_length(x->request));
	return ok;
}

static bool set_method(CURL *curl, const struct exchange *x)
{
	bool ok = true;
	switch (x->request->method) {
	case HTTP_GET:
		SET(CURLOPT_HTTPGET, 1L);
		break;
	case HTTP_HEAD:
		SET(CURLOPT_NOBODY, 1L);
		break;
	case HTTP_PUT:
		ok = set_post(curl, x);
		SET(CURLOPT_CUSTOMREQUEST, "PUT");
		break;
	case HTTP_POST:
		ok = set_post(curl, x);
		SET(CURLOPT_MAXAGE_CONN, (long)HTTP_BURST_MS / 1000);
		SET(CURLOPT_FRESH_CONNECT, needs_fresh(x) ? 1L : 0L);
		break;
	}
	return ok;
}

static void add_field(struct exchange *x, const char *line)
{
	struct curl_slist *fields = curl_slist_append(x->fields, line);
	if (!fields)
		abort(); /* as xmalloc does */
	x->fields = fields;
}

static int add_fields(struct exchange *x, struct err *err)
{
	const struct http_request *request = x->request;
	bool typed = false;
	for (size_t i = 0; i < request->field_count; i++) {
		const struct http_field *field = &request->fields[i];
		/* libcurl would send a line end as it is. */
		if (!text_is_header_value(field->value, HTTP_HEADERS_MAX) ||
		    field->value[0] == '\0')
			return err_set(err, ERR_INVALID,
				       "the value of the header %s cannot be "
				       "sent",
				       field->name);
		AUTO_BUF struct buf line;
		buf_init(&line, HTTP_HEADERS_MAX);
		if (!buf_printf(&line, "%s: %s", field->name, field->value))
			return err_set(err, ERR_INVALID,
				       "the header %s is too long",
				       field->name);
		add_field(x, line.data);
		typed = typed || text_equal_nocase(field->name, "Content-Type");
	}
	add_field(x, "Expect:");
	if (!typed)
		add_field(x, "Content-Type:");
	return 0;
}

static int prepare(struct exchange *x, struct err *err)
{
	CURL *curl = x->client->curl;
	const struct http_settings *settings = &x->client->settings;
	size_t url_len = strlen(settings->url);
	while (url_len > 0 && settings->url[url_len - 1] == '/')
		url_len--;
	x->url = xasprintf("%.*s%s", (int)url_len, settings->url,
			   x->request->path);
	int r = add_fields(x, err);
	if (r < 0)
		return r;
	curl_easy_reset(curl); /* connections stay */
	bool ok = set_limits(curl, settings) && set_manners(curl) &&
		  set_proxy(curl, settings) && set_tls(curl, settings) &&
		  set_callbacks(curl, x) && set_method(curl, x);
	SET(CURLOPT_URL, x->url);
	SET(CURLOPT_HTTPHEADER, x->fields);
	if (!ok)
		return err_set(err, ERR_NETWORK,
			       "libcurl refuses an option that we need: is it "
			       "built with HTTP and TLS?");
	return 0;
}

#undef SET

/* --- what came of it --- */

struct cause {
	CURLcode rc;
	enum err_code code;
	const char *text; /* about the host */
};

static const struct cause causes[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, ERR_NETWORK,
	  "cannot reach the host (url in meshdrop.conf)" },
	{ CURLE_COULDNT_CONNECT, ERR_NETWORK,
	  "cannot reach the host (url in meshdrop.conf)" },
	{ CURLE_OPERATION_TIMEDOUT, ERR_NETWORK,
	  "no progress in time (connect_timeout, stall_timeout)" },
	{ CURLE_URL_MALFORMAT, ERR_PROTOCOL,
	  "the address cannot be used (url in meshdrop.conf)" },
	{ CURLE_UNSUPPORTED_PROTOCOL, ERR_PROTOCOL,
	  "this is no HTTP/1.1 conversation (url in meshdrop.conf)" },
	{ CURLE_WEIRD_SERVER_REPLY, ERR_PROTOCOL,
	  "the answer breaks the rules of HTTP" },
	{ CURLE_BAD_CONTENT_ENCODING, ERR_PROTOCOL,
	  "the answer breaks the rules of HTTP" },
	{ CURLE_SSL_CONNECT_ERROR, ERR_TLS,
	  "no TLS conversation (url, certificate, private_key)" },
	{ CURLE_PEER_FAILED_VERIFICATION, ERR_TLS,
	  "the server's certificate is not one that ca_file vouches for" },
	{ CURLE_SSL_CACERT_BADFILE, ERR_TLS, "cannot use ca_file" },
	{ CURLE_SSL_CERTPROBLEM, ERR_TLS,
	  "cannot use certificate with private_key" },
	{ CURLE_SSL_CIPHER, ERR_TLS, "no common TLS cipher" },
};

static const struct cause opened_cause = {
	.code = ERR_TLS,
	.text = "the server's certificate is not one that ca_file vouches for, "
		"or the proxy opens TLS: it must let it through as it is",
};

static const struct cause other_cause = {
	.code = ERR_NETWORK,
	.text = "the connection ended before the answer was complete",
};

/* TLS 1.3 refuses a client behind the handshake, and a balancer may do so
 * without a word. */
static const struct cause unsaid_cause = {
	.code = ERR_NETWORK,
	.text = "the connection ended before an answer came; if it does so "
		"each time, the service may refuse our certificate "
		"(certificate, url)",
};

static const struct cause plain_cause = {
	.code = ERR_NETWORK,
	.text = "the connection ended before an answer came; does the service "
		"want https (url)?",
};

static bool used_before(const struct exchange *x)
{
	long connects = 0;
	(void)curl_easy_getinfo(x->client->curl, CURLINFO_NUM_CONNECTS,
				&connects); /* stays 0: taken as used */
	return x->starts > 1 || connects == 0;
}

/* Only of the handshake: what ends a conversation later says nothing about
 * certificates, but for a refusal, which TLS 1.3 has behind the handshake. */
static const char *explain_tls(const struct exchange *x, CURLcode rc)
{
	long result = 0;
	if (rc == CURLE_PEER_FAILED_VERIFICATION)
		(void)curl_easy_getinfo(x->client->curl,
					CURLINFO_SSL_VERIFYRESULT,
					&result); /* stays 0 */
	else if (rc != CURLE_SSL_CONNECT_ERROR && !tls_is_refusal(x->words))
		return NULL;
	return tls_explain(result, x->words);
}

static struct cause find_cause(const struct exchange *x, CURLcode rc)
{
	/* It may be a proxy's certificate: the server is not blamed. */
	if (rc == CURLE_PEER_FAILED_VERIFICATION && x->client->settings.proxy &&
	    !strstr(x->words, "target host name"))
		return opened_cause;
	const char *text = explain_tls(x, rc);
	if (text)
		return (struct cause){ .code = ERR_TLS, .text = text };
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (causes[i].rc == rc)
			return causes[i];
	if (x->head.bytes > 0 || used_before(x))
		return other_cause;
	bool plain = text_starts_nocase(x->url, "http://");
	return plain ? plain_cause : unsaid_cause;
}

/* What the proxy answered to the last CONNECT; 0: nothing, or there was none. */
static int connect_status(const struct exchange *x)
{
	long status = 0;
	(void)curl_easy_getinfo(x->client->curl, CURLINFO_HTTP_CONNECTCODE,
				&status); /* stays 0 */
	return (int)status;
}

/* Whether there is a proxy and it never opened the tunnel. */
static bool no_tunnel(const struct exchange *x)
{
	return x->client->settings.proxy && x->starts == 0 && x->given == 0 &&
	       x->head.bytes == 0 && connect_status(x) / 100 != 2;
}

/* A proxy may also end in the middle of a good answer; behind the tunnel the
 * first to fail would be TLS. */
static bool at_proxy(const struct exchange *x, CURLcode rc)
{
	return no_tunnel(x) || (x->client->settings.proxy && x->starts == 0 &&
				x->given == 0 && rc == CURLE_RECV_ERROR);
}

static int explain_proxy(const struct exchange *x, CURLcode rc, struct err *err)
{
	const struct http_settings *settings = &x->client->settings;
	struct http_proxy_end end = {
		.proxy = settings->proxy,
		.has_user = settings->proxy_user,
		.status = connect_status(x),
		.unresolved = rc == CURLE_COULDNT_RESOLVE_PROXY,
		.unreached = rc == CURLE_COULDNT_CONNECT,
		.timed_out = rc == CURLE_OPERATION_TIMEDOUT,
		.words = x->words[0] != '\0' ? x->words :
					       curl_easy_strerror(rc),
	};
	return http_proxy_explain(&end, x->url, err);
}

static int explain(const struct exchange *x, CURLcode rc, struct err *err)
{
	if (at_proxy(x, rc))
		return explain_proxy(x, rc, err);
	struct cause cause = find_cause(x, rc);
	const char *host = strstr(x->url, "://");
	host = host ? host + 3 : x->url;
	const char *said = x->words[0] != '\0' ? x->words :
						 curl_easy_strerror(rc);
	/* A stopped second attempt hides why the first one failed. */
	if (x->starts > 1)
		said = curl_easy_strerror(CURLE_GOT_NOTHING);
	char words[CURL_ERROR_SIZE];
	text_escape(words, sizeof(words), said);
	int r = err_set(err, cause.code, "%.*s: %s: %s",
			(int)strcspn(host, "/"), host, cause.text, words);
	err_widen(err, scope_of(x), ERR_LATER);
	if (err)
		err->http = x->reply->status;
	return r;
}

static enum http_sent how_far(const struct exchange *x)
{
	bool begun = x->starts > 0 || x->given > 0;
#if !HAVE_PREREQ
	long size = 0;
	(void)curl_easy_getinfo(x->client->curl, CURLINFO_REQUEST_SIZE, &size);
	begun = begun || (size > 0 && !no_tunnel(x)); /* counts CONNECT, too */
#endif
	/* A server that refuses the certificate never completed the handshake
	 * and so cannot have read what we sent behind it. */
	if (!begun ||
	    (x->head.bytes == 0 && tls_is_refusal(x->words) && !used_before(x)))
		return HTTP_SENT_NOTHING;
	return x->given == body_length(x->request) ? HTTP_SENT_WHOLE :
						     HTTP_SENT_PART;
}

static int check_whole(const struct exchange *x, struct err *err)
{
	int r = 0;
	if (x->head.state != HTTP_HEAD_DONE)
		r = err_set(err, ERR_PROTOCOL,
			    "the answer has no end of "
			    "headers");
	else if (x->sinking && x->head.has_length && x->head.length != x->taken)
		r = err_set(err, ERR_PROTOCOL,
			    "the answer has another length than it says");
	return r;
}

static int conclude(struct exchange *x, CURLcode rc, struct err *err)
{
	x->reply->sent = how_far(x);
	x->reply->stale = rc != CURLE_OK && x->r == 0 && x->head.bytes == 0 &&
			  x->starts > 0 && used_before(x);
	int r;
	if (x->r < 0) {
		r = x->r;
		if (err)
			*err = x->err;
	} else if (rc != CURLE_OK) {
		r = explain(x, rc, err);
	} else {
		r = check_whole(x, err);
	}
	/* Another server, or the same one later, may do better. */
	if (r == -ERR_PROTOCOL && err)
		err->retry = ERR_LATER;
	x->client->clean = r == 0 && !x->head.close;
	return r;
}

static void release(struct exchange *x)
{
	for (struct curl_slist *field = x->fields; field; field = field->next)
		mem_wipe(field->data, strlen(field->data));
	curl_slist_free_all(x->fields);
	free(x->url);
}

int http_exchange(struct http_client *client,
		  const struct http_request *request, struct http_reply *reply,
		  struct err *err)
{
	struct exchange x = {
		.client = client,
		.request = request,
		.reply = reply,
	};
	reply->status = 0;
	reply->sent = HTTP_SENT_NOTHING;
	reply->stale = false;
	buf_clear(&reply->headers);
	buf_clear(&reply->body);
	http_head_init(&x.head, reply);
	int r = prepare(&x, err);
	if (r == 0)
		r = conclude(&x, curl_easy_perform(client->curl), err);
	release(&x);
	return r;
}

int http_client_new(const struct http_settings *settings,
		    struct http_client **ret, struct err *err)
{
	CURL *curl = curl_easy_init();
	if (!curl)
		return err_set(err, ERR_NETWORK, "libcurl cannot be started");
	struct http_client *client = xcalloc(1, sizeof(*client));
	client->settings = *settings;
	client->curl = curl;
	*ret = client;
	return 0;
}

struct http_client *http_client_free(struct http_client *client)
{
	if (client)
		curl_easy_cleanup(client->curl);
	free(client);
	return NULL;
}

int http_global_init(struct err *err)
{
	/* It would write the keys of each conversation into that file. */
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread yet */
	if (unsetenv("SSLKEYLOGFILE") < 0)
		return err_sys(err, errno, "cannot change the environment");
	/* It copies passwords and tokens, and would free them as they are. */
	CURLcode rc = curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc,
					   mem_free_wiped, mem_realloc_wiped,
					   strdup, calloc);
	if (rc != CURLE_OK)
		return err_set(err, ERR_NETWORK,
			       "libcurl cannot be started: %s",
			       curl_easy_strerror(rc));
	return 0;
}
