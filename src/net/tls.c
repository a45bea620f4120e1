/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "net/tls.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/text.h"

#define PEM_MAX ((size_t)4 << 20)

/* OpenSSL must never ask at the terminal. */
static int no_passphrase(char *buf, int size, int rwflag, void *ctx)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)ctx;
	return -1;
}

static int bad_file(struct err *err, const char *setting, const char *path,
		    const char *what)
{
	/* Nobody may find our failure in this thread's queue. */
	ERR_clear_error();
	int r = err_set(err, ERR_TLS, "%s %s %s", setting, path, what);
	err_widen(err, ERR_SERVICE, ERR_NEVER);
	return r;
}

static int load(const char *setting, const char *path, struct buf *ret,
		struct err *err)
{
	AUTO_CLOSE int fd = -1;
	int r = fsx_open_path(path, &fd, NULL, err);
	if (r == 0)
		r = fsx_load_fd(fd, path, ret, err);
	if (r < 0)
		err_prefix(err, "%s", setting);
	return r;
}

static BIO *memory(const struct buf *buf)
{
	return BIO_new_mem_buf(buf->data, (int)buf->len);
}

/* "No end" is the year 9999 (RFC 5280 4.1.2.5), which no clock here can hold. */
static int64_t clamp(int64_t s)
{
	if (s > INT64_MAX / CLOCK_SECOND)
		return INT64_MAX / CLOCK_SECOND;
	return s < INT64_MIN / CLOCK_SECOND ? INT64_MIN / CLOCK_SECOND : s;
}

static bool when(const ASN1_TIME *at, int64_t *ret)
{
	struct tm tm;
	if (!at || ASN1_TIME_to_tm(at, &tm) != 1)
		return false;
	*ret = clamp((int64_t)timegm(&tm));
	return true;
}

static void show_subject(const X509 *certificate, char *ret, size_t size)
{
	char *text = NULL;
	BIO *out = BIO_new(BIO_s_mem());
	ret[0] = '\0';
	if (out &&
	    X509_NAME_print_ex(out, X509_get_subject_name(certificate), 0,
			       XN_FLAG_RFC2253) >= 0 &&
	    BIO_write(out, "", 1) == 1 && BIO_get_mem_data(out, &text) > 0)
		text_escape(ret, size, text);
	BIO_free(out);
}

static int describe(const X509 *certificate, const char *setting,
		    const char *path, struct tls_certificate *ret,
		    struct err *err)
{
	if (!when(X509_get0_notBefore(certificate), &ret->not_before) ||
	    !when(X509_get0_notAfter(certificate), &ret->not_after))
		return bad_file(err, setting, path,
				"has a certificate without dates of validity");
	show_subject(certificate, ret->subject, sizeof(ret->subject));
	return 0;
}

static int add_ca(const X509 *ca, const char *path, struct tls_facts *facts,
		  struct err *err)
{
	facts->cas = xreallocarray(facts->cas, facts->ca_count + 1,
				   sizeof(*facts->cas));
	facts->ca_count++;
	return describe(ca, "ca_file", path, &facts->cas[facts->ca_count - 1],
			err);
}

static int read_ca(const char *path, struct tls_facts *facts, struct err *err)
{
	AUTO_BUF struct buf pem;
	buf_init(&pem, PEM_MAX);
	int r = load("ca_file", path, &pem, err);
	if (r < 0)
		return r;
	BIO *in = memory(&pem);
	X509 *ca = NULL;
	while (in && r == 0) {
		ca = PEM_read_bio_X509(in, NULL, no_passphrase, NULL);
		if (!ca)
			break;
		r = add_ca(ca, path, facts, err);
		X509_free(ca);
	}
	BIO_free(in);
	/* The end of the file is an error to OpenSSL too. */
	unsigned long last = ERR_peek_last_error();
	if (r == 0 && (facts->ca_count == 0 ||
		       ERR_GET_REASON(last) != PEM_R_NO_START_LINE))
		r = bad_file(err, "ca_file", path,
			     "is not a list of PEM certificates");
	ERR_clear_error();
	return r;
}

static int read_certificate(const char *path, X509 **ret, struct err *err)
{
	AUTO_BUF struct buf pem;
	buf_init(&pem, PEM_MAX);
	int r = load("certificate", path, &pem, err);
	if (r < 0)
		return r;
	BIO *in = memory(&pem);
	*ret = PEM_read_bio_X509(in, NULL, no_passphrase, NULL);
	BIO_free(in);
	if (!*ret)
		return bad_file(err, "certificate", path,
				"is not a PEM certificate");
	return 0;
}

static int read_key(const char *path, EVP_PKEY **ret, struct err *err)
{
	AUTO_BUF struct buf pem;
	buf_init(&pem, PEM_MAX);
	int r = load("private_key", path, &pem, err);
	if (r < 0)
		return r;
	BIO *in = memory(&pem);
	*ret = PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL);
	BIO_free(in);
	if (!*ret)
		return bad_file(err, "private_key", path,
				"is not a PEM private key without a "
				"passphrase");
	return 0;
}

static int check_pair(const char *certificate, const char *private_key,
		      struct tls_certificate *ret, struct err *err)
{
	X509 *x509 = NULL;
	EVP_PKEY *key = NULL;
	int r = read_certificate(certificate, &x509, err);
	if (r == 0)
		r = read_key(private_key, &key, err);
	if (r == 0 && X509_check_private_key(x509, key) != 1)
		r = bad_file(err, "private_key", private_key,
			     "does not belong to certificate");
	if (r == 0)
		r = describe(x509, "certificate", certificate, ret, err);
	EVP_PKEY_free(key);
	X509_free(x509);
	return r;
}

int tls_inspect(const char *ca_file, const char *certificate,
		const char *private_key, struct tls_facts *ret, struct err *err)
{
	struct tls_facts facts = { .ca_count = 0 };
	ERR_clear_error();
	int r = read_ca(ca_file, &facts, err);
	if (r == 0)
		r = check_pair(certificate, private_key, &facts.client, err);
	if (r < 0)
		tls_facts_release(&facts);
	else
		*ret = facts;
	return r;
}

void tls_facts_release(struct tls_facts *facts)
{
	free(facts->cas);
	*facts = (struct tls_facts){ .ca_count = 0 };
}

/* --- why there is no conversation --- */

struct verdict_words {
	long result;
	const char *text;
};

#define NO_PATH                                                      \
	"the server's certificate does not lead to one in ca_file, " \
	"or the server does not send the CA between them"
#define NO_SIGNER                                               \
	"the server's certificate was signed by a certificate " \
	"that may not sign it (ca_file)"
#define OUTSIDE                                                       \
	"the server's certificate is for a name that its CA may not " \
	"vouch for (ca_file)"
#define FALSE_SIGNATURE                                              \
	"the signature of the server's certificate is false: it is " \
	"damaged or forged, or ca_file has another CA of that name"
#define OTHER_NAME "the server's certificate is for another name (url, ca_file)"

#define OURS_EXPIRED                                                  \
	"the server says that our certificate has expired; or one's " \
	"clock is wrong, ours or its (certificate)"
#define BROKEN_OFF                                                          \
	"the server, or something on the way, ended the connection before " \
	"TLS was agreed on (url)"

static const struct verdict_words verdicts[] = {
	{ X509_V_ERR_CERT_HAS_EXPIRED,
	  "the server's certificate, or its CA in ca_file, has expired, or "
	  "this machine's clock is wrong" },
	{ X509_V_ERR_CERT_NOT_YET_VALID,
	  "the server's certificate, or its CA in ca_file, is not valid yet, "
	  "or this machine's clock is wrong" },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
	  "the server's certificate is signed by itself, and not in ca_file" },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
	  "the server's certificate comes from a CA that is not in ca_file" },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, NO_PATH },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, NO_PATH },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, NO_PATH },
	{ X509_V_ERR_CERT_SIGNATURE_FAILURE, FALSE_SIGNATURE },
	{ X509_V_ERR_INVALID_CA, NO_SIGNER },
	{ X509_V_ERR_INVALID_NON_CA, NO_SIGNER },
	{ X509_V_ERR_PATH_LENGTH_EXCEEDED, NO_SIGNER },
	{ X509_V_ERR_KEYUSAGE_NO_CERTSIGN, NO_SIGNER },
	{ X509_V_ERR_INVALID_PURPOSE,
	  "the server's certificate is not one for servers (ca_file)" },
	{ X509_V_ERR_PERMITTED_VIOLATION, OUTSIDE },
	{ X509_V_ERR_EXCLUDED_VIOLATION, OUTSIDE },
	{ X509_V_ERR_HOSTNAME_MISMATCH, OTHER_NAME },
	{ X509_V_ERR_IP_ADDRESS_MISMATCH, OTHER_NAME },
	{ X509_V_ERR_EE_KEY_TOO_SMALL,
	  "the key of the server's certificate is too weak (url)" },
	{ X509_V_ERR_CA_KEY_TOO_SMALL,
	  "the key of a CA of the server's certificate is too weak "
	  "(ca_file)" },
	{ X509_V_ERR_CA_MD_TOO_WEAK,
	  "the server's certificate, or a CA of it, has a signature that is "
	  "too weak (ca_file)" },
	{ X509_V_ERR_CERT_CHAIN_TOO_LONG,
	  "the server sends too many certificates (url)" },
};

/* What OpenSSL says begins with one of these in every version of it. */
struct said_words {
	const char *said;
	const char *text;
};

static const struct said_words sayings[] = {
	{ "target host name", OTHER_NAME },
	{ "obtain common name", OTHER_NAME },
	{ "alert certificate expired", OURS_EXPIRED },
	/* What libcurl makes of that alert, with a good result. */
	{ "certificate verification failed", OURS_EXPIRED },
	{ "alert certificate revoked",
	  "the server says that our certificate was revoked (certificate)" },
	{ "alert certificate required",
	  "the server wants a client certificate (certificate, private_key)" },
	{ "alert unknown ca",
	  "the server does not accept our certificate: it does not know its "
	  "CA; is it of the same environment as url (certificate, url)?" },
	{ "alert bad certificate", NULL },
	{ "alert unsupported certificate", NULL },
	{ "alert certificate", NULL },
	{ "alert access denied", NULL },
	{ "alert decrypt error",
	  "the server cannot check our signature (certificate, private_key)" },
	{ "alert handshake failure",
	  "the server found no common way of encryption, or does not accept "
	  "our certificate (url, certificate, private_key)" },
	{ "alert insufficient security",
	  "the server wants a cipher that we do not have (url)" },
	{ "alert protocol version",
	  "the server has no version of TLS in common with us: we take 1.2 or "
	  "newer (url)" },
	{ "alert no application protocol",
	  "the server does not speak HTTP/1.1 (url)" },
	{ "unrecognized name", "the server does not know the host of url" },
	{ "alert internal error",
	  "the server has a trouble of its own with TLS (url)" },
	{ "unsupported protocol",
	  "the server has no version of TLS in common with us: we take 1.2 or "
	  "newer (url)" },
	{ "unsafe legacy renegotiation",
	  "the server has TLS without the repair of 2010, RFC 5746 (url)" },
	{ "wrong version number",
	  "no TLS came from the server: is there another service, or plain "
	  "http, at this port (url)?" },
	{ "cipher returned",
	  "the server chose a cipher that we do not allow (url)" },
	{ "no shared cipher",
	  "the server chose a cipher that we do not allow (url)" },
	{ "dh key too small", "the server's key exchange is too weak (url)" },
	{ "excessive message size",
	  "the server sends too many certificates (url)" },
	{ "asn1 encoding routines", FALSE_SIGNATURE },
	{ "rsa routines", FALSE_SIGNATURE },
	{ "unexpected eof", BROKEN_OFF },
	{ "SSL_ERROR_SYSCALL", BROKEN_OFF },
	{ "onnection reset by peer", BROKEN_OFF },
};

static const char refused[] = "the server does not accept our certificate "
			      "(certificate, private_key)";

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

const char *tls_explain(long verify_result, const char *words)
{
	for (size_t i = 0; i < COUNT(verdicts); i++)
		if (verdicts[i].result == verify_result)
			return verdicts[i].text;
	for (size_t i = 0; i < COUNT(sayings); i++)
		if (strstr(words, sayings[i].said))
			return sayings[i].text ? sayings[i].text : refused;
	return NULL;
}

/* With TLS 1.3 this comes after we have begun to send. */
bool tls_is_refusal(const char *words)
{
	static const char *const alerts[] = {
		"alert bad certificate", "alert unsupported certificate",
		"alert certificate",	 "alert unknown ca",
		"alert access denied",	 "alert handshake failure",
		"alert decrypt error",
	};
	for (size_t i = 0; i < COUNT(alerts); i++)
		if (strstr(words, alerts[i]))
			return true;
	return false;
}
