/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "net/tls.h"

#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/buf.h"
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

static bool when(const ASN1_TIME *at, int64_t *ret)
{
	struct tm tm;
	if (!at || ASN1_TIME_to_tm(at, &tm) != 1)
		return false;
	*ret = (int64_t)timegm(&tm);
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

static int read_ca(const char *path, struct tls_facts *ret, struct err *err)
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
		int64_t end = 0;
		if (!when(X509_get0_notAfter(ca), &end))
			r = bad_file(err, "ca_file", path,
				     "has a certificate without an end date");
		if (ret->ca_count == 0 || end < ret->ca_not_after)
			ret->ca_not_after = end;
		ret->ca_count++;
		X509_free(ca);
	}
	BIO_free(in);
	/* The end of the file is an error to OpenSSL too. */
	unsigned long last = ERR_peek_last_error();
	if (r == 0 &&
	    (ret->ca_count == 0 || ERR_GET_REASON(last) != PEM_R_NO_START_LINE))
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
		      struct tls_facts *ret, struct err *err)
{
	X509 *x509 = NULL;
	EVP_PKEY *key = NULL;
	int r = read_certificate(certificate, &x509, err);
	if (r == 0)
		r = read_key(private_key, &key, err);
	if (r == 0 && X509_check_private_key(x509, key) != 1)
		r = bad_file(err, "private_key", private_key,
			     "does not belong to certificate");
	if (r == 0 && (!when(X509_get0_notBefore(x509), &ret->not_before) ||
		       !when(X509_get0_notAfter(x509), &ret->not_after)))
		r = bad_file(err, "certificate", certificate,
			     "has no dates of validity");
	if (r == 0)
		show_subject(x509, ret->subject, sizeof(ret->subject));
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
		r = check_pair(certificate, private_key, &facts, err);
	if (r == 0)
		*ret = facts;
	return r;
}
