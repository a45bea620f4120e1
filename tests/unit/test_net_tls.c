/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
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
	assert_string_equal(facts.subject, "CN=first,O=Test");
	assert_int_equal(facts.not_before, INT64_C(1795334181));
	assert_int_equal(facts.not_after, INT64_C(4948934181));
	assert_int_equal(facts.ca_count, 2);
	assert_int_equal(facts.ca_not_after, INT64_C(4387334181));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_cut_ca),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
