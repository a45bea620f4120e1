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
#include <openssl/x509_vfy.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "net/tls.h"
#include "scratch.h"

/* Made for this test; nobody trusts them. */
static const char first_cert[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBlTCCATugAwIBAgIUbp2r2OSjKacBcFzFd8qOiocsnokwCgYIKoZIzj0EAwIw\n"
	"HzENMAsGA1UECgwEVGVzdDEOMAwGA1UEAwwFZmlyc3QwIBcNMjYxMTIyMDc1NjIx\n"
	"WhgPMjEyNjEwMjkwNzU2MjFaMB8xDTALBgNVBAoMBFRlc3QxDjAMBgNVBAMMBWZp\n"
	"cnN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECE6U66Z1LxeujyRWNgfiDdVu\n"
	"aqy4eHzbiBeWXTG7ek/rjsadMGHY9TQi2FSSYQArI2viZK39x/8GW36bWO3MOaNT\n"
	"MFEwHQYDVR0OBBYEFD7Xsmn4y1y5N4cP0YXqraHJtzsiMB8GA1UdIwQYMBaAFD7X\n"
	"smn4y1y5N4cP0YXqraHJtzsiMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwID\n"
	"SAAwRQIhAPO9UkVcQuZS1jretqk0FcKMpkmJYkC0+moekxQSP4IzAiAs29Cznj5O\n"
	"xt8aq0VKsx4GLsI4XdVs09ULkfNAYpEnIQ==\n"
	"-----END CERTIFICATE-----\n";

static const char first_key[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgKyzWhNCTfbTA98RD\n"
	"mtVez8h70wUzZ0bkWsnqWCCjeJ+hRANCAAQITpTrpnUvF66PJFY2B+IN1W5qrLh4\n"
	"fNuIF5ZdMbt6T+uOxp0wYdj1NCLYVJJhACsja+Jkrf3H/wZbfptY7cw5\n"
	"-----END PRIVATE KEY-----\n";

static const char locked_key[] =
	"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
	"MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhQ0shldLMMmgICCAAw\n"
	"DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEIOQzS3P0fVFfcXq030GUiEEgZBi\n"
	"etC7aVx4g01PYuk7sXcrnY8a/p+JeC50rVF95/CdXiyOIDc4YvVAGMHYWKiA+Ul3\n"
	"bnlhjYgtoE9K8f2esQ5D7gx4Hh3cfzyl5H0nUoDZBr9CzHD3N18D3GpZFevinfhi\n"
	"j2X+pW4pOL3w4hLR35COo4dt1iudR+SfxyPH71KIt/MNmugrqQ3OaMsjTn9sZpA=\n"
	"-----END ENCRYPTED PRIVATE KEY-----\n";

static const char second_cert[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBeTCCAR+gAwIBAgIUUpCVpwdlM5iWIvh77H0GB8C/8hwwCgYIKoZIzj0EAwIw\n"
	"ETEPMA0GA1UEAwwGc2Vjb25kMCAXDTI2MTEyMjA3NTYyMVoYDzIxMDkwMTExMDc1\n"
	"NjIxWjARMQ8wDQYDVQQDDAZzZWNvbmQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n"
	"AATvP6rWfm7KTqqfm7oYtjt8rauha338c/sronc8OWfr5OcE/PtOLqV2aaGTkKUz\n"
	"eqjFW1lMsfzIJ3XgYxaGlPoQo1MwUTAdBgNVHQ4EFgQUaHDXFRKmUPFJYumkTL0C\n"
	"Pv4dQkgwHwYDVR0jBBgwFoAUaHDXFRKmUPFJYumkTL0CPv4dQkgwDwYDVR0TAQH/\n"
	"BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBcAf5qe6+9ZLWBA7Vqd7cGfNSnBoOa\n"
	"49Y5efIo+t3JiQIhALFPIfPjWaPhCdzOmL9EQ3jZfzmCJPkbQGoid44OnnWU\n"
	"-----END CERTIFICATE-----\n";

/* With notAfter 99991231235959Z. */
static const char endless_cert[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBDTCBtAIBATAKBggqhkjOPQQDAjASMRAwDgYDVQQDDAdlbmRsZXNzMCAXDTI2\n"
	"MTEyMjAwMDAwMFoYDzk5OTkxMjMxMjM1OTU5WjASMRAwDgYDVQQDDAdlbmRsZXNz\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE4RJjXjkk7C2SNLdIBydne8nMrtj6\n"
	"CFxk6G4Wsfh2QMv/93Zhusoze5xPjFq24JOPwjFxyITnZJQIeTSZfcSMXjAKBggq\n"
	"hkjOPQQDAgNIADBFAiACttKQiaNgMeTkarAYbeZtn/E/wbgCc0XDg+ff3xOVwwIh\n"
	"AP65Zs6Y0/373k7lJ5AHy/hwAuAfqw1iPVlJJ3JZp86p\n"
	"-----END CERTIFICATE-----\n";

static int inspect(const char *ca, const char *certificate, const char *key,
		   struct tls_facts *ret, struct err *err)
{
	struct scratch scratch;
	char paths[3][PATH_MAX];
	scratch_make(&scratch);
	if (ca)
		scratch_write(&scratch, "ca.pem", ca);
	if (certificate)
		scratch_write(&scratch, "client.pem", certificate);
	if (key)
		scratch_write(&scratch, "client.key", key);
	scratch_path(&scratch, "ca.pem", paths[0]);
	scratch_path(&scratch, "client.pem", paths[1]);
	scratch_path(&scratch, "client.key", paths[2]);
	int r = tls_inspect(paths[0], paths[1], paths[2], ret, err);
	scratch_remove(&scratch);
	return r;
}

static void test_facts(void **state)
{
	(void)state;
	struct tls_facts facts;
	struct err err;
	struct buf both;
	buf_init(&both, 100000);
	assert_true(buf_puts(&both, first_cert));
	assert_true(buf_puts(&both, second_cert));
	assert_int_equal(inspect(both.data, first_cert, first_key, &facts,
				 &err),
			 0);
	buf_release(&both);
	assert_string_equal(facts.client.subject, "CN=first,O=Test");
	assert_int_equal(facts.client.not_before, INT64_C(1795334181));
	assert_int_equal(facts.client.not_after, INT64_C(4948934181));
	assert_int_equal(facts.ca_count, 2);
	assert_string_equal(facts.cas[0].subject, "CN=first,O=Test");
	assert_int_equal(facts.cas[0].not_after, INT64_C(4948934181));
	assert_string_equal(facts.cas[1].subject, "CN=second");
	assert_int_equal(facts.cas[1].not_before, INT64_C(1795334181));
	assert_int_equal(facts.cas[1].not_after, INT64_C(4387334181));
	tls_facts_release(&facts);
	assert_null(facts.cas);
}

/* RFC 5280 4.1.2.5: the end of one that has none; as nanoseconds too much. */
static void test_without_end(void **state)
{
	(void)state;
	struct tls_facts facts;
	struct err err;
	assert_int_equal(inspect(endless_cert, first_cert, first_key, &facts,
				 &err),
			 0);
	assert_int_equal(facts.cas[0].not_before, INT64_C(1795305600));
	assert_int_equal(facts.cas[0].not_after, INT64_MAX / CLOCK_SECOND);
	tls_facts_release(&facts);
}

static void expect(const char *ca, const char *certificate, const char *key,
		   int r, const char *setting)
{
	struct tls_facts facts = { .ca_count = 4711 };
	struct err err = { .code = ERR_NONE };
	int got = inspect(ca, certificate, key, &facts, &err);
	if (got != r || !strstr(err.text, setting))
		fail_msg("%d instead of %d: %s", got, r, err.text);
	assert_null(strstr(err.text, "BEGIN"));
	assert_int_equal(facts.ca_count, 4711);
}

static void test_failures(void **state)
{
	(void)state;
	expect(NULL, first_cert, first_key, -ERR_MISSING, "ca_file");
	expect(first_cert, NULL, first_key, -ERR_MISSING, "certificate");
	expect(first_cert, first_cert, NULL, -ERR_MISSING, "private_key");
	expect("", first_cert, first_key, -ERR_TLS, "ca_file");
	expect("junk\n", first_cert, first_key, -ERR_TLS, "ca_file");
	expect(first_cert, "junk\n", first_key, -ERR_TLS, "certificate");
	expect(first_cert, first_cert, "junk\n", -ERR_TLS, "private_key");
	/* Another's key, and one that would need a passphrase: nobody is
	 * asked for it. */
	expect(first_cert, second_cert, first_key, -ERR_TLS, "private_key");
	expect(first_cert, first_cert, locked_key, -ERR_TLS, "private_key");
}

/* The second certificate of the list is cut in the middle. */
static void test_cut_ca(void **state)
{
	(void)state;
	struct buf both;
	buf_init(&both, 100000);
	assert_true(buf_puts(&both, first_cert));
	assert_true(buf_append(&both, second_cert, strlen(second_cert) / 2));
	expect(both.data, first_cert, first_key, -ERR_TLS, "ca_file");
	buf_release(&both);
}

static void test_explain(void **state)
{
	(void)state;
	static const struct {
		long result;
		const char *words;
		const char *text; /* part of it */
		bool refusal;
	} cases[] = {
		{ X509_V_OK, "Operation timed out", NULL, false },
		{ X509_V_OK, "Recv failure: Connection reset by peer",
		  "ended the connection", false },
		{ X509_V_OK, "SSL certificate verification failed",
		  "our certificate has expired", false },
		{ X509_V_OK, "asn1 encoding routines::EVP lib",
		  "damaged or forged", false },
		{ X509_V_ERR_CERT_HAS_EXPIRED, "", "clock is wrong", false },
		{ X509_V_ERR_CERT_NOT_YET_VALID, "", "not valid yet", false },
		{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "",
		  "does not lead to one in ca_file", false },
		{ X509_V_ERR_INVALID_CA, "", "may not sign", false },
		{ X509_V_ERR_EE_KEY_TOO_SMALL, "", "too weak", false },
		{ X509_V_ERR_HOSTNAME_MISMATCH, "", "another name", false },
		{ X509_V_ERR_OUT_OF_MEM, "certificate", NULL, false },
		/* the forms of OpenSSL 1.1.1 and 3.0, and of 3.2 */
		{ X509_V_OK, "sslv3 alert certificate expired",
		  "our certificate has expired", true },
		{ X509_V_OK, "ssl/tls alert certificate expired",
		  "our certificate has expired", true },
		{ X509_V_OK, "tlsv1 alert unknown ca", "does not know its CA",
		  true },
		{ X509_V_OK, "tlsv1 alert access denied",
		  "does not accept our certificate", true },
		{ X509_V_OK, "sslv3 alert certificate unknown",
		  "does not accept our certificate", true },
		{ X509_V_OK, "tlsv1 alert decrypt error", "our signature",
		  true },
		{ X509_V_OK, "sslv3 alert handshake failure",
		  "no common way of encryption", true },
		{ X509_V_OK, "tlsv1 alert protocol version", "1.2 or newer",
		  false },
		{ X509_V_OK, "tlsv1 alert internal error", "of its own",
		  false },
		{ X509_V_OK, "wrong version number", "no TLS came", false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *text = tls_explain(cases[i].result, cases[i].words);
		if (cases[i].text ? !text || !strstr(text, cases[i].text) :
				    text != NULL)
			fail_msg("%ld '%s': %s", cases[i].result,
				 cases[i].words, text ? text : "nothing");
		assert_int_equal(tls_is_refusal(cases[i].words),
				 cases[i].refusal);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_without_end),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_cut_ca),
		cmocka_unit_test(test_explain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
