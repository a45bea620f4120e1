/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/open.h"

#include <stdio.h>
#include <string.h>

#include "agent/claim.h"
#include "agent/mailbox.h"
#include "agent/outgoing.h"
#include "agent/resolve.h"
#include "agent/route.h"
#include "agent/turn.h"
#include "base/clock.h"
#include "conf/conf.h"
#include "mesh/payload.h"
#include "mesh/plan.h"
#include "mesh/send.h"
#include "spool/pair.h"

/* A payload this many times over the limit is not compressed whole just to
 * see whether it fits. */
#define TRIAL_FACTOR 8

/* Everything about one first POST. */
struct opening {
	struct turn *turn;
	struct outgoing *out;
	struct ctl ctl;
	bool gzip;
	bool allow_chunking;
	struct plan plan;
	struct payload payload;
	bool has_payload;
	/* what is wrong with the pair; code "" for nothing */
	const char *event;
	const char *code;
};

static int wrong(struct opening *o, const char *event, const char *code)
{
	o->event = event;
	o->code = code;
	return -ERR_REFUSED;
}

/* --- look --- */

static int read_pair(struct opening *o, struct err *err)
{
	const struct boxdir *dir = &o->turn->mailbox->dir;
	struct job *job = &o->out->job;
	int r = pair_read_claimed(dir, job, &o->ctl, err);
	if (claim_is_unusable(r))
		return wrong(o, "COLLECT", "01");
	if (r < 0)
		return r;
	if (job->dat_name[0] == '\0') {
		(void)err_set(err, ERR_MISSING,
			      ".dat file is missing or inaccessible");
		return wrong(o, "COLLECT", "02");
	}
	r = pair_begin_data(dir, job, &o->out->fd, err);
	if (r == -ERR_CHANGED || r == -ERR_MISSING || r == -ERR_UNSAFE)
		return wrong(o, "COLLECT", "02");
	if (r < 0)
		return r;
	if (job->dat.size == 0) {
		(void)err_set(err, ERR_INVALID,
			      ".dat file is empty; MESH cannot carry that");
		return wrong(o, "COLLECT", "02");
	}
	return 0;
}

static const char *or_null(const char *s)
{
	return s[0] != '\0' ? s : NULL;
}

/* One that is too long to be kept is also too long to be sent. */
static const char *local_id_of(const struct opening *o)
{
	const char *chosen = o->out->job.local_id;
	return chosen[0] != '\0' ? chosen : ctl_get(&o->ctl, CTL_LOCAL_ID);
}

static void describe(const struct opening *o, const char *file_name,
		     struct proto_message *ret)
{
	bool encrypted = false;
	(void)ctl_flag(&o->ctl, CTL_ENCRYPTED, false, &encrypted);
	*ret = (struct proto_message){
		.to = ctl_get(&o->ctl, CTL_TO_DTS),
		.workflow = ctl_get(&o->ctl, CTL_WORKFLOW_ID),
		.subject = or_null(ctl_get(&o->ctl, CTL_SUBJECT)),
		.local_id = or_null(local_id_of(o)),
		.file_name = file_name,
		.partner_id = or_null(ctl_get(&o->ctl, CTL_PARTNER_ID)),
		.process_id = or_null(ctl_get(&o->ctl, CTL_PROCESS_ID)),
		.checksum = or_null(ctl_get(&o->ctl, CTL_DATA_CHECKSUM)),
		.encrypted = encrypted,
	};
}

void open_file_name(const struct job *job, char *ret, size_t size)
{
	char stem[TEXT_NAME_SIZE];
	scan_stem(job->dat_name, stem);
	bool alone = job->route[0] != '\0';
	(void)snprintf(ret, size, "%s%s", alone ? job->dat_name : stem,
		       alone ? "" : ".dat"); /* checked by its limit */
	/* A header cannot carry other bytes, and a name is only a name. */
	for (char *c = ret; *c != '\0'; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '_';
}

/* To whom a file goes may come from its name: then that was wrong. */
static int check_route(const struct opening *o, struct err *err)
{
	const struct job *job = &o->out->job;
	size_t len = strlen(ctl_get(&o->ctl, CTL_TO_DTS));
	if (job->route[0] == '\0' || (len > 0 && len <= PROTO_TO_MAX))
		return 0;
	char to[TEXT_NAME_SIZE];
	const struct conf_route *route = route_find(o->turn->mailbox->set,
						    job->route, job->dat_name,
						    to);
	return err_set(err, ERR_INVALID,
		       "To_DTS, as the route of folder '%s' with match '%s' "
		       "makes it of the file's name, is %s",
		       job->route, route ? route->match : "",
		       len > 0 ? "too long" : "empty");
}

static int check_message(struct opening *o, struct err *err)
{
	const char *mailbox = o->turn->mailbox->set->id;
	const char *code = "";
	int r = check_route(o, err);
	if (r < 0)
		return wrong(o, "SEND", "08");
	r = ctl_judge_out(&o->ctl, mailbox, &code, err);
	if (r < 0)
		return wrong(o, strcmp(code, "06") == 0 ? "TRANSFER" : "SEND",
			     code);
	char name[TEXT_NAME_SIZE + 8];
	open_file_name(&o->out->job, name, sizeof(name));
	struct proto_message message;
	describe(o, name, &message);
	r = proto_check(&message, err);
	if (r < 0)
		return wrong(o, "TRANSFER", "06");
	return 0;
}

static int check_attempts(struct opening *o, struct err *err)
{
	if (o->out->job.attempts <= o->turn->mailbox->set->server_retry)
		return 0;
	(void)err_set(err, ERR_REFUSED, "max retries reached: %s",
		      o->out->job.text[0] != '\0' ?
			      o->out->job.text :
			      "the service kept refusing");
	return wrong(o, "TRANSFER", "06");
}

/* --- plan --- */

static int last_look(void *ctx, struct err *err)
{
	const struct outgoing *out = ctx;
	return pair_still_same(out->fd, &out->job, err);
}

static void origin_of(const struct turn *turn, struct outgoing *out,
		      struct payload_origin *ret)
{
	*ret = (struct payload_origin){
		.fd = out->fd,
		.label = out->job.dat_name,
		.temp_dir = turn->mailbox->dir.temp,
		.last_look = last_look,
		.ctx = out,
	};
}

static int make_payload(struct opening *o, uint64_t offset, uint64_t length,
			uint64_t most, struct err *err)
{
	struct payload_origin origin;
	origin_of(o->turn, o->out, &origin);
	int r = payload_make(&origin, offset, length, o->gzip, most,
			     &o->payload, err);
	o->has_payload = r == 0;
	return r;
}

/* Whether all of it goes in one request; if so, the payload is made. */
static int try_whole(struct opening *o, bool *ret_fits, struct err *err)
{
	uint64_t size = o->out->job.dat.size;
	uint64_t limit = o->turn->conf->request_limit;
	*ret_fits = false;
	if (o->allow_chunking && size / TRIAL_FACTOR > limit)
		return 0;
	int r = make_payload(o, 0, size, limit, err);
	if (r == -ERR_LIMIT)
		return 0;
	*ret_fits = r == 0;
	return r;
}

static int make_plan(struct opening *o, struct err *err)
{
	(void)ctl_flag(&o->ctl, CTL_COMPRESS, true, &o->gzip);
	(void)ctl_flag(&o->ctl, CTL_ALLOW_CHUNKING, false, &o->allow_chunking);
	bool fits;
	int r = try_whole(o, &fits, err);
	if (r == -ERR_CHANGED)
		return wrong(o, "COLLECT", "02");
	if (r < 0)
		return r;
	r = plan_make(o->out->job.dat.size, fits, o->allow_chunking,
		      o->turn->conf->chunk_size, &o->plan, err);
	if (r < 0)
		return wrong(o, "TRANSFER", "06");
	if (fits)
		return 0;
	uint64_t offset;
	uint64_t length;
	plan_range(&o->plan, 1, &offset, &length);
	r = make_payload(o, offset, length, PROTO_BODY_MAX, err);
	return r == -ERR_CHANGED ? wrong(o, "COLLECT", "02") : r;
}

/* --- name it, write it down, then send it --- */

static void choose_local_id(struct opening *o)
{
	struct job *job = &o->out->job;
	if (job->local_id[0] != '\0')
		return; /* an attempt before this one chose */
	const char *given = ctl_get(&o->ctl, CTL_LOCAL_ID);
	job->local_id_made = given[0] == '\0' &&
			     o->turn->mailbox->set->local_id_generate;
	(void)text_copy(job->local_id, sizeof(job->local_id),
			job->local_id_made ? job->id : given);
}

/* A local id of the sender's may have been used before: know what tracking
 * says now, to recognise what is new later. */
static int look_before(struct opening *o, struct err *err)
{
	struct job *job = &o->out->job;
	if (o->plan.count > 1 || job->local_id_made ||
	    job->local_id[0] == '\0' || job->baseline[0] != '\0')
		return 0;
	return resolve_baseline(o->turn, o->out, err);
}

static int post(struct opening *o, struct err *err)
{
	struct job *job = &o->out->job;
	char name[TEXT_NAME_SIZE + 8];
	open_file_name(job, name, sizeof(name));
	struct proto_message message;
	describe(o, name, &message);
	job->gzip = o->gzip;
	job->body_size = o->payload.source.length;
	job->chunk_size = o->plan.chunk;
	job->chunk_count = o->plan.count;
	job->chunks_done = 0;
	job->message_id[0] = '\0';
	job->opening_ns = clock_wall_ns();
	int r = job_move(job, JOB_OPENING, job->opening_ns, err);
	if (r < 0)
		return r;
	/* From here on a crash means: the outcome is unknown. */
	send_open(&o->turn->session, &message, &o->payload, o->plan.count,
		  &o->out->outcome);
	return outgoing_outcome(o->turn, o->out, err);
}

static int prepare(struct opening *o, struct err *err)
{
	int r = check_attempts(o, err);
	if (r == 0)
		r = read_pair(o, err);
	if (r < 0)
		return r;
	choose_local_id(o);
	r = check_message(o, err);
	if (r == 0)
		r = make_plan(o, err);
	if (r == 0)
		r = look_before(o, err);
	return r;
}

int open_message(struct turn *turn, struct outgoing *out, struct err *err)
{
	struct opening o = { .turn = turn, .out = out, .code = "" };
	ctl_init(&o.ctl);
	int r = prepare(&o, err);
	if (r == 0)
		r = post(&o, err);
	else if (o.code[0] != '\0')
		r = outgoing_reject(turn->mailbox, out, o.event, o.code,
				    err->text, err);
	if (o.has_payload)
		payload_release(&o.payload);
	outgoing_close_data(out);
	ctl_release(&o.ctl);
	return r;
}

int open_chunk_payload(struct turn *turn, struct outgoing *out, unsigned chunk,
		       struct payload *ret, struct err *err)
{
	const struct job *job = &out->job;
	struct plan plan = {
		.size = job->dat.size,
		.chunk = job->chunk_size,
		.count = job->chunk_count,
	};
	uint64_t offset;
	uint64_t length;
	plan_range(&plan, chunk, &offset, &length);
	struct payload_origin origin;
	origin_of(turn, out, &origin);
	return payload_make(&origin, offset, length, job->gzip, PROTO_BODY_MAX,
			    ret, err);
}
