/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Keystores made by keytool and openssl (tests/data/import/make.py), whole and
 * damaged, and what an identity is made of.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "import/identity.h"
#include "import/keystore.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define PASSWORD "changeit"
#define FOREIGN "p\xc3\xa4$s\xc2\xa3w\xc3\xb6rd\xf0\x9f\x94\x91"
#define NOW INT64_C(1800000000) /* 2027 */

/* buf is set up here. */
static void load(const char *name, struct buf *buf)
{
	const char *top = getenv("MESHDROP_SRCDIR");
	if (!top)
		fail_msg("MESHDROP_SRCDIR has to name the source directory");
	AUTO_FREE char *path = xasprintf("%s/tests/data/import/%s", top, name);
	AUTO_CLOSE int fd = -1;
	struct err err;
	buf_init(buf, KEYSTORE_SIZE_MAX);
	if (fsx_open_path(path, &fd, NULL, &err) < 0 ||
	    fsx_load_fd(fd, path, buf, &err) < 0)
		fail_msg("%s", err.text);
}

/* --- whole ones --- */

struct good {
	const char *file;
	const char *password;
	const char *kind;
	const char *alias;
	size_t keys;
	int chain;   /* beside the key */
	int trusted; /* marked so */
	size_t above;
	size_t ca;
	size_t ca_ended;
	const char *subject;
};

static const struct good goods[] = {
	{ "small.jks", PASSWORD, "JKS", "meshclient", 1, 0, 1, 0, 1, 0,
	  "CN=client.example" },
	{ "foreign.jks", FOREIGN, "JKS", "meshclient", 1, 0, 1, 0, 1, 0,
	  "CN=client.example" },
	{ "chain.jks", PASSWORD, "JKS", "meshclient", 1, 2, 1, 1, 2, 1,
	  "CN=client.example" },
	{ "keytool.p12", PASSWORD, "PKCS#12", "meshclient", 1, 1, 1, 0, 1, 1,
	  "CN=client.example" },
	{ "openssl.p12", PASSWORD, "PKCS#12", "meshclient", 1, 2, 0, 1, 2, 0,
	  "CN=client.example" },
	{ "foreign.p12", FOREIGN, "PKCS#12", "meshclient", 1, 1, 0, 0, 1, 0,
	  "CN=client.example" },
	{ "old.p12", PASSWORD, "PKCS#12", "meshclient", 1, 1, 0, 0, 1, 0,
	  "CN=client.example" },
	{ "sandbox.p12", PASSWORD, "PKCS#12", "meshclient", 1, 1, 0, 0, 1, 0,
	  "CN=client.example" },
	{ "no-mac.p12", PASSWORD, "PKCS#12", "meshclient", 1, 1, 0, 0, 1, 0,
	  "CN=client.example" },
};

static void check_good(const struct good *good)
{
	struct err err;
	struct keystore store;
	struct identity identity;
	AUTO_BUF struct buf data;
	load(good->file, &data);
	if (keystore_read(data.data, data.len, good->password, &store, &err) <
	    0)
		fail_msg("%s: %s", good->file, err.text);
	assert_string_equal(store.kind, good->kind);
	assert_string_equal(store.alias, good->alias);
	assert_int_equal(store.key_count, good->keys);
	assert_int_equal(sk_X509_num(store.chain), good->chain);
	assert_int_equal(sk_X509_num(store.trusted), good->trusted);
	if (identity_make(&store, NOW, &identity, &err) < 0)
		fail_msg("%s: %s", good->file, err.text);
	assert_string_equal(identity.subject, good->subject);
	assert_string_equal(identity.ends, "2090-01-01");
	assert_int_equal(identity.chain_count, good->above);
	assert_int_equal(identity.ca_count, good->ca);
	assert_int_equal(identity.ca_ended, good->ca_ended);
	assert_non_null(strstr(identity.key.data, "BEGIN PRIVATE KEY"));
	assert_non_null(strstr(identity.certificate.data, "BEGIN CERT"));
	identity_release(&identity);
	keystore_release(&store);
}

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++)
		check_good(&goods[i]);
}

static void test_first_of_two(void **state)
{
	(void)state;
	struct err err;
	struct keystore store;
	AUTO_BUF struct buf data;
	load("two.jks", &data);
	assert_int_equal(keystore_read(data.data, data.len, PASSWORD, &store,
				       &err),
			 0);
	assert_int_equal(store.key_count, 2);
	assert_int_equal(X509_check_private_key(store.certificate, store.key),
			 1);
	assert_true(strcmp(store.alias, "second") == 0 ||
		    strcmp(store.alias, "third") == 0);
	keystore_release(&store);
}

/* --- ones that are refused --- */

static const struct {
	const char *file;
	const char *password;
	enum err_code code;
	const char *why;
} bads[] = {
	{ "small.jks", "changeiT", ERR_AUTH, "the password is wrong" },
	{ "small.jks", "", ERR_AUTH, "the password is wrong" },
	{ "small.jks", "\xff", ERR_INVALID, "not UTF-8" },
	{ "no-key.jks", "wrong", ERR_AUTH, "the password is wrong" },
	{ "keypass.jks", PASSWORD, ERR_INVALID,
	  "its key has another password" },
	{ "store.jceks", PASSWORD, ERR_INVALID, "JCEKS" },
	{ "openssl.p12", "wrong", ERR_AUTH, "the password is wrong" },
	{ "old.p12", "wrong", ERR_AUTH, "the password is wrong" },
	{ "no-mac.p12", "wrong", ERR_CORRUPT, "" },
	{ "make.py", PASSWORD, ERR_INVALID, "neither a JKS nor a PKCS#12" },
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bads); i++) {
		struct err err;
		struct keystore store = { .key_count = 4711 };
		AUTO_BUF struct buf data;
		load(bads[i].file, &data);
		int r = keystore_read(data.data, data.len, bads[i].password,
				      &store, &err);
		if (r != -(int)bads[i].code || !strstr(err.text, bads[i].why))
			fail_msg("%s with '%s': %d %s", bads[i].file,
				 bads[i].password, r, err.text);
		assert_int_equal(store.key_count, 4711);
	}
}

static const struct {
	const char *file;
	const char *why;
} poor[] = {
	{ "ended.jks", "ended on 2012-01-01" },
	{ "no-key.jks", "holds no private key" },
	{ "no-key.p12", "holds no private key" },
	{ "no-ca.jks", "holds no certificate of an authority, so" },
	{ "no-ca.p12", "holds no certificate of an authority, so" },
	{ "ended-ca.jks", "an authority that has not ended, so" },
};

static void test_no_identity(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(poor); i++) {
		struct err err;
		struct keystore store;
		struct identity identity = { .ca_count = 4711 };
		AUTO_BUF struct buf data;
		load(poor[i].file, &data);
		if (keystore_read(data.data, data.len, PASSWORD, &store, &err) <
		    0)
			fail_msg("%s: %s", poor[i].file, err.text);
		assert_int_equal(identity_make(&store, NOW, &identity, &err),
				 -(int)ERR_TLS);
		if (!strstr(err.text, poor[i].why))
			fail_msg("%s: %s", poor[i].file, err.text);
		assert_int_equal(identity.ca_count, 4711);
		keystore_release(&store);
	}
}

/* The key of one store with the certificate of another. */
static void test_mismatch(void **state)
{
	(void)state;
	struct err err;
	struct keystore a;
	struct keystore b;
	struct identity identity;
	AUTO_BUF struct buf one;
	AUTO_BUF struct buf two;
	load("small.jks", &one);
	load("chain.jks", &two);
	assert_int_equal(keystore_read(one.data, one.len, PASSWORD, &a, &err),
			 0);
	assert_int_equal(keystore_read(two.data, two.len, PASSWORD, &b, &err),
			 0);
	EVP_PKEY *key = a.key;
	a.key = b.key;
	b.key = key;
	assert_int_equal(identity_make(&a, NOW, &identity, &err),
			 -(int)ERR_TLS);
	assert_non_null(strstr(err.text, "does not belong to the certificate"));
	keystore_release(&a);
	keystore_release(&b);
}

/* --- damage --- */

/* Reads a copy of just that size, so that a byte too far is found out. */
static int read_copy(const char *data, size_t len, struct err *err)
{
	struct keystore store;
	AUTO_FREE char *copy = xmalloc(len > 0 ? len : 1);
	memcpy(copy, data, len);
	int r = keystore_read(copy, len, PASSWORD, &store, err);
	if (r == 0)
		keystore_release(&store);
	return r;
}

static const char *const whole[] = { "small.jks", "chain.jks", "openssl.p12" };

static void test_truncated(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(whole); i++) {
		AUTO_BUF struct buf data;
		load(whole[i], &data);
		for (size_t len = 0; len < data.len; len++) {
			struct err err;
			err_clear(&err);
			if (read_copy(data.data, len, &err) == 0)
				fail_msg("%s: %zu bytes", whole[i], len);
			assert_string_not_equal(err.text, "");
		}
	}
}

/* A JKS has a checksum over all of it: no change goes unseen. */
static void test_flipped(void **state)
{
	static const unsigned char masks[] = { 0x01, 0x80, 0xff };
	(void)state;
	AUTO_BUF struct buf data;
	load("small.jks", &data);
	for (size_t i = 0; i < data.len * COUNT(masks); i++) {
		struct err err;
		char *at = &data.data[i / COUNT(masks)];
		char before = *at;
		*at = (char)((unsigned char)*at ^ masks[i % COUNT(masks)]);
		err_clear(&err);
		if (read_copy(data.data, data.len, &err) == 0)
			fail_msg("byte %zu", i / COUNT(masks));
		assert_string_not_equal(err.text, "");
		*at = before;
	}
}

/* Not all of a PKCS#12 is under its checksum; none of it may do harm. */
static void test_flipped_p12(void **state)
{
	(void)state;
	AUTO_BUF struct buf data;
	load("sandbox.p12", &data);
	for (size_t i = 0; i < data.len; i++) {
		struct err err;
		data.data[i] = (char)(data.data[i] ^ 0x21);
		int r = read_copy(data.data, data.len, &err);
		assert_true(r <= 0);
		data.data[i] = (char)(data.data[i] ^ 0x21);
	}
}

/* What the password opens, and a checksum that is wrong: it is the file. */
static void test_damage_is_told_from_password(void **state)
{
	(void)state;
	struct err err;
	AUTO_BUF struct buf data;
	load("small.jks", &data);
	data.data[data.len - 1] = (char)(data.data[data.len - 1] ^ 1);
	assert_int_equal(read_copy(data.data, data.len, &err),
			 -(int)ERR_CORRUPT);
	assert_non_null(strstr(err.text, "its checksum is wrong"));
}

static void test_counts_are_bounded(void **state)
{
	(void)state;
	struct err err;
	AUTO_BUF struct buf data;
	load("small.jks", &data);
	memset(data.data + 8, 0xff, 4); /* the number of entries */
	assert_int_equal(read_copy(data.data, data.len, &err),
			 -(int)ERR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_first_of_two),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_no_identity),
		cmocka_unit_test(test_mismatch),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_flipped_p12),
		cmocka_unit_test(test_damage_is_told_from_password),
		cmocka_unit_test(test_counts_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
