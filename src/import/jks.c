/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "import/jks.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "import/keystore.h"

#define SHA1_SIZE 20
#define TAG_KEY 1
#define TAG_TRUSTED 2
#define PASSWORD_MAX ((size_t)8192)
#define PROTECTOR "1.3.6.1.4.1.42.2.17.1.1"
#define WHITENER "Mighty Aphrodite"

struct span {
	const unsigned char *at;
	size_t len;
};

/* What is left to be read; every taker checks it and moves it on. */
struct reader {
	struct span left;
	uint32_t version;
	struct keystore *store;
	struct span key;   /* the first one, still protected */
	struct span alias; /* and its name */
	const char *wrong; /* what is damaged; NULL: nothing so far */
};

/* --- bytes --- */

static bool take(struct reader *reader, size_t len, struct span *ret)
{
	if (len > reader->left.len) {
		reader->wrong = "it ends too early";
		return false;
	}
	*ret = (struct span){ .at = reader->left.at, .len = len };
	reader->left.at += len;
	reader->left.len -= len;
	return true;
}

static bool take_number(struct reader *reader, size_t width, uint32_t *ret)
{
	struct span bytes;
	if (!take(reader, width, &bytes))
		return false;
	uint32_t value = 0;
	for (size_t i = 0; i < width; i++)
		value = value << 8 | bytes.at[i];
	*ret = value;
	return true;
}

/* A length of so many bytes and then what it says. */
static bool take_counted(struct reader *reader, size_t width, struct span *ret)
{
	uint32_t len = 0;
	return take_number(reader, width, &len) && take(reader, len, ret);
}

/* --- entries --- */

/* NULL after a complaint. */
static X509 *take_certificate(struct reader *reader)
{
	struct span type;
	struct span der;
	if (reader->version >= 2) {
		if (!take_counted(reader, 2, &type))
			return NULL;
		if (type.len != 5 || memcmp(type.at, "X.509", 5) != 0) {
			reader->wrong = "a certificate in it is not X.509";
			return NULL;
		}
	}
	if (!take_counted(reader, 4, &der))
		return NULL;
	const unsigned char *at = der.at;
	X509 *certificate = d2i_X509(NULL, &at, (long)der.len);
	if (certificate && at == der.at + der.len)
		return certificate;
	X509_free(certificate);
	reader->wrong = "a certificate in it cannot be read";
	return NULL;
}

/* The chain begins with the key's own certificate. */
static bool take_chain(struct reader *reader, bool wanted)
{
	uint32_t count = 0;
	if (!take_number(reader, 4, &count))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		X509 *certificate = take_certificate(reader);
		if (!certificate)
			return false;
		if (!wanted)
			X509_free(certificate);
		else if (i == 0)
			reader->store->certificate = certificate;
		else
			keystore_push(reader->store->chain, certificate);
	}
	return true;
}

static bool take_key(struct reader *reader, const struct span *alias)
{
	struct span key;
	bool first = reader->store->key_count == 0;
	if (!take_counted(reader, 4, &key) || !take_chain(reader, first))
		return false;
	if (first) {
		reader->key = key;
		reader->alias = *alias;
	}
	reader->store->key_count++;
	return true;
}

static bool take_entry(struct reader *reader)
{
	uint32_t tag = 0;
	struct span alias;
	struct span when;
	if (!take_number(reader, 4, &tag) || !take_counted(reader, 2, &alias) ||
	    !take(reader, 8, &when))
		return false;
	if (tag == TAG_KEY)
		return take_key(reader, &alias);
	if (tag != TAG_TRUSTED) {
		reader->wrong = "an entry in it is of no known kind";
		return false;
	}
	X509 *certificate = take_certificate(reader);
	if (certificate)
		keystore_push(reader->store->trusted, certificate);
	return certificate;
}

/* All but the checksum, which is left. */
static bool take_entries(struct reader *reader)
{
	uint32_t magic = 0;
	uint32_t count = 0;
	if (!take_number(reader, 4, &magic) ||
	    !take_number(reader, 4, &reader->version))
		return false;
	if (reader->version != 1 && reader->version != 2) {
		reader->wrong = "its version is neither 1 nor 2";
		return false;
	}
	if (!take_number(reader, 4, &count))
		return false;
	/* each entry takes bytes, so a false count ends with them */
	for (uint32_t i = 0; i < count; i++)
		if (!take_entry(reader))
			return false;
	if (reader->left.len != SHA1_SIZE)
		reader->wrong = "its entries do not end where its checksum "
				"begins";
	return !reader->wrong;
}

/* --- the password --- */

/* One character of UTF-8 as UTF-16BE; the number of bytes read, 0: not UTF-8.
 * What is well-formed was decided when the configuration was read. */
static size_t convert(const unsigned char *s, struct buf *ret)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t c = len == 1 ? s[0] : s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	unsigned char out[4] = { (unsigned char)(c >> 8), (unsigned char)c };
	size_t size = 2;
	if (c > 0xffff) {
		uint32_t high = 0xd800 + ((c - 0x10000) >> 10);
		uint32_t low = 0xdc00 + ((c - 0x10000) & 0x3ff);
		out[0] = (unsigned char)(high >> 8);
		out[1] = (unsigned char)high;
		out[2] = (unsigned char)(low >> 8);
		out[3] = (unsigned char)low;
		size = 4;
	}
	return buf_append(ret, out, size) ? len : 0;
}

static int to_utf16(const char *password, struct buf *ret, struct err *err)
{
	const unsigned char *s = (const unsigned char *)password;
	while (*s) {
		size_t len = convert(s, ret);
		if (len == 0)
			return err_set(err, ERR_INVALID,
				       "cannot be opened: its password is not "
				       "UTF-8, or too long");
		s += len;
	}
	return 0;
}

/* SHA-1 over up to three pieces. */
static bool digest(const struct span *pieces, size_t count,
		   unsigned char ret[SHA1_SIZE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) == 1;
	for (size_t i = 0; i < count && good; i++)
		good = EVP_DigestUpdate(ctx, pieces[i].at, pieces[i].len) == 1;
	good = good && EVP_DigestFinal_ex(ctx, ret, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

static struct span span_of(const void *at, size_t len)
{
	return (struct span){ .at = at, .len = len };
}

static bool checksum_fits(const struct span *password,
			  const unsigned char *data, size_t len)
{
	unsigned char want[SHA1_SIZE];
	const struct span pieces[] = {
		*password,
		span_of(WHITENER, strlen(WHITENER)),
		span_of(data, len - SHA1_SIZE),
	};
	return digest(pieces, 3, want) &&
	       CRYPTO_memcmp(want, data + len - SHA1_SIZE, SHA1_SIZE) == 0;
}

/* --- the key --- */

/* From salt, XORed key and check to the key; false when the check says no. */
static bool unwrap(const struct span *password, const struct span *wrapped,
		   struct buf *ret)
{
	if (wrapped->len <= (size_t)2 * SHA1_SIZE)
		return false;
	size_t len = wrapped->len - (size_t)2 * SHA1_SIZE;
	const unsigned char *in = wrapped->at + SHA1_SIZE;
	unsigned char block[SHA1_SIZE];
	memcpy(block, wrapped->at, SHA1_SIZE);
	bool good = true;
	for (size_t done = 0; done < len && good; done += SHA1_SIZE) {
		const struct span pieces[] = { *password,
					       span_of(block, SHA1_SIZE) };
		unsigned char plain[SHA1_SIZE];
		size_t n = len - done < SHA1_SIZE ? len - done : SHA1_SIZE;
		good = digest(pieces, 2, block);
		for (size_t i = 0; i < n; i++)
			plain[i] = in[done + i] ^ block[i];
		good = good && buf_append(ret, plain, n);
		mem_wipe(plain, sizeof(plain));
	}
	const struct span pieces[] = { *password,
				       span_of(ret->data, ret->len) };
	good = good && digest(pieces, 2, block) &&
	       CRYPTO_memcmp(block, in + len, SHA1_SIZE) == 0;
	mem_wipe(block, sizeof(block));
	return good;
}

/* The protected bytes; NULL sig when this is not Sun's protector. Free with
 * X509_SIG_free. */
static X509_SIG *open_wrapping(const struct span *key, struct span *ret)
{
	const unsigned char *at = key->at;
	const X509_ALGOR *algorithm = NULL;
	const ASN1_OCTET_STRING *octets = NULL;
	const ASN1_OBJECT *oid = NULL;
	char name[64];
	X509_SIG *sig = d2i_X509_SIG(NULL, &at, (long)key->len);
	if (!sig)
		return NULL;
	X509_SIG_get0(sig, &algorithm, &octets);
	X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
	if (at != key->at + key->len ||
	    OBJ_obj2txt(name, sizeof(name), oid, 1) <= 0 ||
	    strcmp(name, PROTECTOR) != 0) {
		X509_SIG_free(sig);
		return NULL;
	}
	*ret = span_of(ASN1_STRING_get0_data(octets),
		       (size_t)ASN1_STRING_length(octets));
	return sig;
}

static EVP_PKEY *read_pkcs8(const struct buf *der)
{
	const unsigned char *at = (const unsigned char *)der->data;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at,
							    (long)der->len);
	EVP_PKEY *key = info ? EVP_PKCS82PKEY(info) : NULL;
	PKCS8_PRIV_KEY_INFO_free(info);
	return key;
}

/* What is wrong with the key in the store; NULL: nothing, and it is there. */
static const char *open_key(struct reader *reader, const struct span *password,
			    bool *ret_checked)
{
	struct span wrapped;
	*ret_checked = false;
	X509_SIG *sig = open_wrapping(&reader->key, &wrapped);
	if (!sig)
		return "its key is protected in a way that is not known here";
	AUTO_BUF struct buf plain;
	buf_init(&plain, wrapped.len);
	*ret_checked = unwrap(password, &wrapped, &plain);
	X509_SIG_free(sig);
	if (!*ret_checked)
		return "its key has another password than the keystore; give "
		       "both the same one with 'keytool -keypasswd'";
	reader->store->key = read_pkcs8(&plain);
	return reader->store->key ? NULL : "its key cannot be read";
}

/* --- all of it --- */

static void show_alias(const struct span *alias, char *ret, size_t size)
{
	AUTO_FREE char *copy = xstrndup((const char *)alias->at, alias->len);
	text_escape(ret, size, copy);
}

static int damaged(struct err *err, const char *what)
{
	return err_set(err, ERR_CORRUPT,
		       "is a JKS keystore that is damaged: %s", what);
}

/* The checksum is about password and file at once. If the password opens the
 * key, it is the file that is wrong. */
static int check(struct reader *reader, const struct span *password,
		 const unsigned char *data, size_t len, struct err *err)
{
	bool checked = false;
	const char *wrong = NULL;
	if (reader->store->key_count > 0)
		wrong = open_key(reader, password, &checked);
	if (!checksum_fits(password, data, len)) {
		if (checked)
			return damaged(err, "its checksum is wrong");
		return err_set(err, ERR_AUTH,
			       "cannot be opened with KeyStorePassword: the "
			       "password is wrong, or the file is damaged");
	}
	if (wrong)
		return err_set(err, ERR_INVALID, "cannot be used: %s", wrong);
	return 0;
}

int jks_read(const unsigned char *data, size_t len, const char *password,
	     struct keystore *store, struct err *err)
{
	struct reader reader = { .left = span_of(data, len), .store = store };
	store->kind = "JKS";
	if (!take_entries(&reader))
		return damaged(err, reader.wrong);
	AUTO_BUF struct buf utf16;
	buf_init(&utf16, PASSWORD_MAX);
	int r = to_utf16(password, &utf16, err);
	if (r < 0)
		return r;
	const struct span secret = span_of(utf16.data, utf16.len);
	r = check(&reader, &secret, data, len, err);
	if (r == 0 && store->key_count > 0)
		show_alias(&reader.alias, store->alias, sizeof(store->alias));
	return r;
}
