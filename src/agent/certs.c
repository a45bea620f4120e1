/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/certs.h"

#include <stdlib.h>
#include <string.h>

#include "agent/expiry.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"

#define READ_EVERY (3600 * CLOCK_SECOND)

static int by_end(const void *a, const void *b)
{
	const struct certs_item *left = a;
	const struct certs_item *right = b;
	if (left->facts.not_after != right->facts.not_after)
		return left->facts.not_after < right->facts.not_after ? -1 : 1;
	return left->place < right->place ? -1 : left->place > right->place;
}

static struct certs_item item_of(const char *setting, size_t place,
				 const struct tls_certificate *facts)
{
	return (struct certs_item){
		.setting = setting,
		.place = place,
		.facts = *facts,
		.said = EXPIRY_NONE,
	};
}

int certs_load(struct certs *certs, const struct conf *conf, struct err *err)
{
	struct tls_facts facts;
	certs->read_ns = clock_mono_ns();
	if (conf->plain_http)
		return 0;
	int r = tls_inspect(conf->ca_file, conf->certificate, conf->private_key,
			    &facts, err);
	if (r < 0)
		return r;
	certs->count = facts.ca_count + 1;
	certs->items = xcalloc(certs->count, sizeof(*certs->items));
	certs->items[0] = item_of("certificate", 1, &facts.client);
	for (size_t i = 0; i < facts.ca_count; i++)
		certs->items[i + 1] = item_of("ca_file", i + 1, &facts.cas[i]);
	tls_facts_release(&facts);
	qsort(certs->items + 1, certs->count - 1, sizeof(*certs->items),
	      by_end);
	return 0;
}

void certs_release(struct certs *certs)
{
	free(certs->items);
	*certs = (struct certs){ .count = 0 };
}

static bool is_same(const struct certs_item *a, const struct certs_item *b)
{
	return strcmp(a->setting, b->setting) == 0 &&
	       a->facts.not_after == b->facts.not_after &&
	       a->facts.not_before == b->facts.not_before &&
	       strcmp(a->facts.subject, b->facts.subject) == 0;
}

void certs_adopt(struct certs *certs, struct certs *fresh)
{
	for (size_t i = 0; i < fresh->count; i++) {
		struct certs_item *item = &fresh->items[i];
		for (size_t k = 0; k < certs->count; k++) {
			if (!is_same(item, &certs->items[k]))
				continue;
			item->said = certs->items[k].said;
			item->early_said = certs->items[k].early_said;
		}
	}
	certs_release(certs);
	*certs = *fresh;
	*fresh = (struct certs){ .count = 0 };
}

/* --- warnings --- */

static void say(const struct certs_item *item, const struct conf *conf,
		enum expiry expiry, const char *facts)
{
	bool ours = strcmp(item->setting, "certificate") == 0;
	AUTO_FREE char *event = xasprintf("certificate-%s",
					  expiry_name(expiry));
	log_event(ours && expiry != EXPIRY_SOON ? LOG_LEVEL_ERROR :
						  LOG_LEVEL_WARNING,
		  event, NULL, "setting=%s file=\"%s\" subject=\"%s\" %s",
		  item->setting, ours ? conf->certificate : conf->ca_file,
		  item->facts.subject, facts);
}

static void look_at_end(struct certs_item *item, const struct conf *conf,
			int64_t now_s)
{
	const struct tls_certificate *facts = &item->facts;
	int mark = expiry_mark(facts->not_after, now_s);
	if (mark >= item->said)
		return;
	item->said = mark;
	char date[CLOCK_ISO_SIZE];
	clock_iso(facts->not_after * CLOCK_SECOND, date);
	AUTO_FREE char *text = xasprintf(
		"days=%lld ends=%s",
		(long long)expiry_days(facts->not_after, now_s), date);
	say(item, conf, mark > 0 ? EXPIRY_SOON : EXPIRY_OVER, text);
}

static void look_at_begin(struct certs_item *item, const struct conf *conf,
			  int64_t now_s)
{
	const struct tls_certificate *facts = &item->facts;
	bool early = facts->not_before > now_s;
	if (early && !item->early_said) {
		char date[CLOCK_ISO_SIZE];
		clock_iso(facts->not_before * CLOCK_SECOND, date);
		AUTO_FREE char *text = xasprintf(
			"starts=%s reason=\"is this machine's clock right?\"",
			date);
		say(item, conf, EXPIRY_EARLY, text);
	}
	item->early_said = early;
}

void certs_say(struct certs *certs, const struct conf *conf)
{
	int64_t now_s = clock_wall_ns() / CLOCK_SECOND;
	for (size_t i = 0; i < certs->count; i++) {
		look_at_begin(&certs->items[i], conf, now_s);
		look_at_end(&certs->items[i], conf, now_s);
	}
}

/* --- again --- */

static void read_again(struct certs *certs, const struct conf *conf)
{
	struct err err;
	struct certs fresh = { .count = 0 };
	int64_t now = clock_mono_ns();
	struct complaint unread = certs->unread;
	certs->read_ns = now;
	if (certs_load(&fresh, conf, &err) < 0) {
		if (complaint_raise(&certs->unread, err.code, err.text, now))
			log_event(LOG_LEVEL_ERROR, "certificate-trouble", NULL,
				  "reason=\"%s\"", err.text);
		return;
	}
	if (complaint_clear(&unread))
		log_event(LOG_LEVEL_NOTICE, "certificate-well", NULL, "%s", "");
	certs_adopt(certs, &fresh);
}

void certs_look(struct certs *certs, const struct conf *conf)
{
	if (clock_mono_ns() - certs->read_ns >= READ_EVERY)
		read_again(certs, conf);
	certs_say(certs, conf);
}
