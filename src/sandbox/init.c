/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "sandbox/init.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsx.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "sandbox/certs.h"

#define SECRET 0600
#define PUBLIC 0644
#define SHARED_KEY_DIGITS 64
#define PASSWORD_DIGITS 24
#define TEXT_MAX 16384

struct box {
	const char *id;
	const char *name;
	const char *ods_code;
};

static const struct box boxes[] = {
	{ "X26ABC1", "TESTMB1", "X26" },
	{ "X26ABC2", "TESTMB2", "X26" },
};

#define BOXES (sizeof(boxes) / sizeof(boxes[0]))

static const char conf_text[] =
	"# Settings for meshdropd and meshdrop against this sandbox.\n"
	"# Relative paths are resolved from the directory of this file.\n"
	"\n"
	"[service]\n"
	"url = https://127.0.0.1:%u\n"
	"# The secret that all mailboxes of one MESH environment share.\n"
	"shared_key_file = shared.key\n"
	"# Who we trust, and who we are: made by meshdrop-sandbox --init.\n"
	"ca_file = ca.pem\n"
	"certificate = client.pem\n"
	"private_key = client.key\n"
	"\n"
	"[daemon]\n"
	"state_dir = state\n"
	"mailboxes = mailboxes.d\n"
	"# Much shorter than the service allows: this one is yours.\n"
	"poll_interval = 5s\n"
	"scan_interval = 1s\n"
	"processing_delay = 1s\n";

static const char box_text[] =
	"# One mailbox. Put NAME.dat and NAME.ctl into %s/OUT to send.\n"
	"mailbox: %s\n"
	"password_file: ../%s.password\n"
	"root: ../mesh/%s\n";

static int put(int fd, const char *name, mode_t mode, const char *text,
	       size_t len, struct err *err)
{
	return fsx_store_new(fd, name, mode, text, len, err);
}

static int put_text(int fd, const char *name, const char *text, struct err *err)
{
	return put(fd, name, PUBLIC, text, strlen(text), err);
}

static int require_empty(int fd, const char *path, struct err *err)
{
	struct fsx_dir *dir = NULL;
	const char *name = NULL;
	int result = fsx_dir_open(fd, &dir, err);

	if (result == 0)
		result = fsx_dir_next(dir, &name, err);
	if (result == 0 && name)
		result = err_set(err, ERR_EXISTS,
				 "directory '%s' is not empty: name a new one",
				 path);
	(void)fsx_dir_close(dir); /* only read */
	return result;
}

static int make_pair(int fd, enum certs_kind kind, struct certs_issuer **issuer,
		     const char *stem, struct err *err)
{
	AUTO_BUF struct buf cert;
	AUTO_BUF struct buf key;
	char name[32];

	buf_init(&cert, TEXT_MAX);
	buf_init(&key, TEXT_MAX);
	if (certs_make(kind, issuer, &cert, &key, err) < 0)
		return -(int)err->code;
	(void)snprintf(name, sizeof(name), "%s.pem", stem);
	if (put(fd, name, PUBLIC, cert.data, cert.len, err) < 0)
		return -(int)err->code;
	(void)snprintf(name, sizeof(name), "%s.key", stem);
	return put(fd, name, SECRET, key.data, key.len, err);
}

static int make_certs(int fd, struct err *err)
{
	struct certs_issuer *issuer = NULL;
	int result = make_pair(fd, CERTS_CA, &issuer, "ca", err);

	if (result == 0)
		result = make_pair(fd, CERTS_SERVER, &issuer, "server", err);
	if (result == 0)
		result = make_pair(fd, CERTS_CLIENT, &issuer, "client", err);
	(void)certs_issuer_free(issuer);
	return result;
}

/* No line end after a secret: a reader that does not trim is right too. */
static int make_secret(int fd, const char *name, size_t digits, char *ret_hex,
		       struct err *err)
{
	uuid_hex(ret_hex, digits);
	return put(fd, name, SECRET, ret_hex, digits, err);
}

static int make_folders(int mesh_fd, const char *id, struct err *err)
{
	static const char *const names[] = { "IN", "OUT", "SENT", "FAILED",
					     "TEMP" };
	AUTO_CLOSE int fd = -1;

	if (fsx_make_dir(mesh_fd, id, 0700, err) < 0 ||
	    fsx_open_dir(mesh_fd, id, &fd, err) < 0)
		return -(int)err->code;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (fsx_make_dir(fd, names[i], 0700, err) < 0)
			return -(int)err->code;
	return 0;
}

/* ret_list gets the mailbox for mailboxes.json. */
static int make_box(int fd, const struct box *box, json_t *ret_list,
		    struct err *err)
{
	char password[PASSWORD_DIGITS + 1];
	char name[64];
	char text[512];
	AUTO_CLOSE int conf_fd = -1;
	AUTO_CLOSE int mesh_fd = -1;

	(void)snprintf(name, sizeof(name), "%s.password", box->id);
	if (make_secret(fd, name, PASSWORD_DIGITS, password, err) < 0)
		return -(int)err->code;
	(void)json_array_append_new(ret_list,
				    json_pack("{s:s, s:s, s:s, s:s, s:[s]}",
					      "id", box->id, "password",
					      password, "name", box->name,
					      "ods_code", box->ods_code,
					      "workflows", "*"));
	mem_wipe(password, sizeof(password));
	if (fsx_open_dir(fd, "mailboxes.d", &conf_fd, err) < 0 ||
	    fsx_open_dir(fd, "mesh", &mesh_fd, err) < 0)
		return -(int)err->code;
	(void)snprintf(name, sizeof(name), "%s.yaml", box->id);
	(void)snprintf(text, sizeof(text), box_text, box->id, box->id, box->id,
		       box->id);
	if (put_text(conf_fd, name, text, err) < 0)
		return -(int)err->code;
	return make_folders(mesh_fd, box->id, err);
}

static int make_boxes(int fd, struct err *err)
{
	AUTO_JSON json_t *list = json_array();

	if (fsx_make_dir(fd, "mailboxes.d", 0755, err) < 0 ||
	    fsx_make_dir(fd, "mesh", 0700, err) < 0 ||
	    fsx_make_dir(fd, "state", 0700, err) < 0)
		return -(int)err->code;
	for (size_t i = 0; i < BOXES; i++)
		if (make_box(fd, &boxes[i], list, err) < 0)
			return -(int)err->code;

	AUTO_FREE char *text = json_dumps(list, JSON_INDENT(2));

	if (!text)
		return err_set(err, ERR_INVALID, "cannot write mailboxes.json");

	int result = put(fd, "mailboxes.json", SECRET, text, strlen(text), err);

	mem_wipe(text, strlen(text));
	return result;
}

int init_directory(const char *path, uint16_t port, struct err *err)
{
	char shared[SHARED_KEY_DIGITS + 1];
	char text[2048];
	AUTO_CLOSE int fd = -1;

	if (fsx_make_path(path, 0700, err) < 0 ||
	    fsx_open_root(path, &fd, err) < 0 ||
	    require_empty(fd, path, err) < 0 || make_certs(fd, err) < 0 ||
	    make_secret(fd, "shared.key", SHARED_KEY_DIGITS, shared, err) < 0)
		return -(int)err->code;
	mem_wipe(shared, sizeof(shared));
	if (make_boxes(fd, err) < 0)
		return -(int)err->code;
	(void)snprintf(text, sizeof(text), conf_text, (unsigned)port);
	/* The settings come last: a directory with them is complete. */
	if (put_text(fd, "meshdrop.conf", text, err) < 0)
		return -(int)err->code;
	return fsx_sync_dir(fd, path, err);
}
