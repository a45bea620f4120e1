/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "import/boxes.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "import/element.h"
#include "import/fileset.h"
#include "import/old.h"

#define LABEL_SIZE 128

struct box {
	const struct cfg_part *part;
	const char *id;
	bool collect;
	bool transfer;
	bool poll;
	bool delay;
	bool save_sent;
};

static int read_box(const struct cfg_part *part, struct box *ret,
		    struct err *err)
{
	struct box box = { .part = part };
	struct {
		enum cfg_field field;
		bool preset;
		bool *flag;
	} flags[] = {
		{ CFG_COLLECT_REPORT, true, &box.collect },
		{ CFG_TRANSFER_REPORT, false, &box.transfer },
		{ CFG_POLL_REPORT, false, &box.poll },
		{ CFG_DELAY_REPORT, false, &box.delay },
		{ CFG_SAVE_SENT, true, &box.save_sent },
	};
	box.id = cfg_text(part, CFG_CLIENT_IDENTITY);
	if (!box.id)
		return element_missing(part, CFG_CLIENT_IDENTITY, err);
	if (!text_is_mailbox_id(box.id))
		return element_complain(part, CFG_CLIENT_IDENTITY, err,
					"is not a mailbox id: 1 to 32 letters, "
					"digits, '-' or '_'");
	int r = element_secret(part, CFG_CLIENT_AUTHENTICATION, err);
	if (r == 0 && !cfg_text(part, CFG_INTERFACE_ROOT))
		r = element_missing(part, CFG_INTERFACE_ROOT, err);
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags) && r == 0; i++)
		r = element_flag(part, flags[i].field, flags[i].preset,
				 flags[i].flag, err);
	if (r == 0)
		*ret = box;
	return r;
}

/* In single quotes, where a quote is two. */
static bool put_quoted(struct buf *ret, const char *s)
{
	bool fits = buf_puts(ret, "'");
	for (; *s && fits; s++)
		fits = buf_append(ret, *s == '\'' ? "''" : s,
				  *s == '\'' ? 2 : 1);
	return fits && buf_puts(ret, "'");
}

static const char *word(bool flag)
{
	return flag ? "true" : "false";
}

static bool put_yaml(const struct box *box, const char *root, uint64_t messages,
		     uint64_t retries, struct buf *ret)
{
	return buf_printf(ret,
			  "# Written by meshdrop import; see "
			  "meshdrop-mailbox(5).\n"
			  "mailbox: %s\n"
			  "password_file: ../%s.password\n"
			  "root: ",
			  box->id, box->id) &&
	       put_quoted(ret, root) &&
	       buf_printf(ret,
			  "\nreports: {collect: %s, transfer: %s, poll: %s, "
			  "delay: %s}\n"
			  "save_sent: %s\n"
			  "max_messages: %" PRIu64 "\n"
			  "server_retry: %" PRIu64 "\n",
			  word(box->collect), word(box->transfer),
			  word(box->poll), word(box->delay),
			  word(box->save_sent), messages, retries);
}

static bool is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);
	return strncmp(path, folder, len) == 0 &&
	       (path[len] == '/' || path[len] == '\0');
}

static void note_root(const char *id, const char *root, struct fileset *set)
{
	AUTO_FREE char *old = xasprintf("%s: InterfaceRoot", id);
	if (is_below(root, "/home") || is_below(root, "/root"))
		fileset_note(set, old,
			     "root: %s; the unit file hides this place: put "
			     "ProtectHome=no and ReadWritePaths=%s into it "
			     "with 'systemctl edit meshdropd'",
			     root, root);
	else if (!is_below(root, "/srv/mesh"))
		fileset_note(set, old,
			     "root: %s; under systemd also ReadWritePaths=%s, "
			     "with 'systemctl edit meshdropd'",
			     root, root);
	else
		fileset_note(set, old, "root: %s", root);
}

static void note_box(const struct box *box, const char *root,
		     struct fileset *set)
{
	const struct {
		enum cfg_field field;
		const char *now;
		const char *value;
	} rest[] = {
		{ CFG_COLLECT_REPORT,
		  "reports: collect: ", word(box->collect) },
		{ CFG_TRANSFER_REPORT,
		  "reports: transfer: ", word(box->transfer) },
		{ CFG_POLL_REPORT, "reports: poll: ", word(box->poll) },
		{ CFG_DELAY_REPORT, "reports: delay: ", word(box->delay) },
		{ CFG_SAVE_SENT, "save_sent: ", word(box->save_sent) },
		{ CFG_MAILBOX_TYPE, "nothing: there is only one type", "" },
		{ CFG_CLIENT_LOG_LEVEL,
		  "nothing: one log for all, in the journal", "" },
	};
	AUTO_FREE char *first = xasprintf("%s: ClientIdentity", box->id);
	AUTO_FREE char *second = xasprintf("%s: ClientAuthentication", box->id);
	fileset_note(set, first, FILESET_BOXES "/%s.yaml", box->id);
	fileset_note(set, second, "%s.password", box->id);
	note_root(box->id, root, set);
	for (size_t i = 0; i < sizeof(rest) / sizeof(*rest); i++) {
		char old[LABEL_SIZE];
		if (!box->part->values[rest[i].field].text)
			continue;
		(void)snprintf(old, sizeof(old), "%s: %s", box->id,
			       cfg_name(rest[i].field)); /* may be cut */
		fileset_note(set, old, "%s%s", rest[i].now, rest[i].value);
	}
}

static int put_box(const struct old *old, const struct cfg_part *part,
		   uint64_t messages, uint64_t retries, struct fileset *set,
		   struct err *err)
{
	struct box box = { .part = part };
	char name[LABEL_SIZE];
	int r = read_box(part, &box, err);
	if (r < 0)
		return r;
	AUTO_FREE char *root = old_path(old,
					cfg_text(part, CFG_INTERFACE_ROOT));
	(void)snprintf(name, sizeof(name), FILESET_BOXES "/%s.yaml", box.id);
	struct buf *yaml = &fileset_add(set, name, false)->text;
	if (!put_yaml(&box, root, messages, retries, yaml))
		return err_set(err, ERR_LIMIT, "'%s' would be too large", name);
	(void)snprintf(name, sizeof(name), "%s.password", box.id);
	struct buf *secret = &fileset_add(set, name, true)->text;
	if (!buf_printf(secret, "%s\n",
			cfg_text(part, CFG_CLIENT_AUTHENTICATION)))
		return err_set(err, ERR_LIMIT, "'%s' would be too large", name);
	note_box(&box, root, set);
	return 0;
}

static int check_ids(const struct cfg *cfg, struct err *err)
{
	for (size_t i = 0; i < cfg->client_count; i++) {
		const char *id = cfg_text(&cfg->clients[i],
					  CFG_CLIENT_IDENTITY);
		for (size_t k = 0; k < i && id; k++) {
			const char *other = cfg_text(&cfg->clients[k],
						     CFG_CLIENT_IDENTITY);
			if (!other || !text_equal_nocase(id, other))
				continue;
			return err_set(
				err, ERR_INVALID,
				"line %d: mailbox %.32s was already "
				"given on line %d",
				cfg->clients[i].values[CFG_CLIENT_IDENTITY].line,
				id,
				cfg->clients[k]
					.values[CFG_CLIENT_IDENTITY]
					.line);
		}
	}
	return 0;
}

int boxes_translate(const struct old *old, struct fileset *set, struct err *err)
{
	static const struct element_range messages = { CFG_MAX_MESSAGES, 1,
						       5000, 100, true };
	static const struct element_range retries = { CFG_SERVER_RETRY, 0, 1000,
						      3, true };
	const struct cfg *cfg = &old->cfg;
	uint64_t most = 0;
	uint64_t retry = 0;
	if (cfg->client_count == 0)
		return err_set(err, ERR_INVALID,
			       "holds no <Client>, and so no mailbox");
	int r = check_ids(cfg, err);
	if (r == 0)
		r = element_number(&cfg->common, &messages, &most, err);
	if (r == 0)
		r = element_number(&cfg->common, &retries, &retry, err);
	if (r < 0)
		return r;
	element_note(set, &cfg->common, &messages, most,
		     "max_messages in each mailbox file");
	element_note(set, &cfg->common, &retries, retry,
		     "server_retry in each mailbox file");
	for (size_t i = 0; i < cfg->client_count && r == 0; i++)
		r = put_box(old, &cfg->clients[i], most, retry, set, err);
	return r;
}
