/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * One mailbox at work: its folders, its jobs, what is listed for it, and when
 * it wants its next turn.
 *
 * Everything here is rebuilt from disk at start. At most one worker holds a
 * mailbox at a time; only the fields of struct mailbox_view may be read by
 * others, through mailbox_view_copy. Times named due are monotonic
 * nanoseconds; 0 is at once.
 */
#ifndef MESHDROP_AGENT_MAILBOX_H
#define MESHDROP_AGENT_MAILBOX_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/complaint.h"
#include "agent/left_alone.h"
#include "mesh/inbox.h"
#include "mesh/outcome.h"
#include "spool/boxdir.h"
#include "spool/delivery.h"
#include "spool/job.h"

struct conf;
struct conf_mailbox;
struct err;
struct gz_reader;
struct hooks;
struct ledger;
struct retention;
struct route_folders;
struct scan;

/* A job in memory. An outcome whose line could not be written stays here, and
 * its line is tried again before anything else is done with the job. */
struct outgoing {
	struct job job;
	bool claimed; /* all renames of the claim are done */
	bool unwritten;
	struct outcome outcome;
	bool absent; /* tracking, asked just now, did not know the upload */
	bool told;   /* IN has a TRANSFER 03 or 04 about this outage */
	int fd;	     /* the data file while requests are made of it; else -1 */
	/* its files are kept from us */
	struct complaint withheld;
	int64_t again_ns; /* monotonic: not tried before; 0: they are not */
};

/* A message that could not be taken: skipped until due, never acknowledged,
 * never in the way of the others. */
struct poison {
	char id[TEXT_ID_SIZE];
	unsigned failures;
	int64_t due_ns;
	int64_t since_ns; /* wall time of the first failure */
	bool listed;	  /* in this poll */
};

/* What the last list said and how far we are with it. */
struct incoming {
	struct reply_page page;
	size_t next;  /* index into page.ids */
	bool listed;  /* page is valid */
	bool current; /* delivery and gz belong to page.ids[next] */
	struct delivery delivery;
	struct gz_reader *gz;
	unsigned failures;    /* in a row, as they weigh */
	unsigned empty_pages; /* in a row */
	unsigned pages;	      /* of this poll */
	uint64_t unlooked; /* bytes written since the last look at the disk */
	struct delivery_list parts; /* of this poll; see agent/parts */
	bool no_links_said;
	struct poison *poison;
	size_t poison_count;
};

/* For status: a copy under a lock. */
struct mailbox_view {
	uint64_t sent;
	uint64_t failed;
	uint64_t received;
	uint64_t reports;
	uint64_t sending; /* jobs that are going on */
	uint64_t deferred;
	uint64_t unknown;
	uint64_t held;	   /* and records that cannot be read */
	uint64_t settling; /* pairs in OUT, and files for routes, that are not
			    * steady yet */
	uint64_t waiting;  /* files in OUT without partner, and for no route */
	uint64_t left_alone; /* what can never be taken from there */
	uint64_t poisoned;
	uint64_t removed;	 /* by retention: pairs, messages, reports */
	int64_t oldest_s;	 /* age of the oldest control file in OUT, or
				  * file for a route */
	int64_t last_poll_ns;	 /* wall time of the last good list */
	int64_t last_contact_ns; /* wall time of the last good exchange */
	int64_t last_handshake_ns;
	char trouble[ERR_TEXT_MAX]; /* "": none */
};

struct mailbox {
	const struct conf *conf;	/* borrowed */
	const struct conf_mailbox *set; /* borrowed from conf */
	struct hooks *hooks;		/* borrowed; NULL: nobody is told */
	int state_dir;			/* borrowed descriptor */
	/* What an earlier run left is taken up. Until then nothing is sent or
	 * received, and between turns no folder, lock or ledger is open. */
	bool ready;
	struct boxdir dir;
	struct scan *scan;
	struct route_folders *routes;
	struct route_folders *next_routes; /* of settings to come; or NULL */
	struct ledger *ledger;
	struct retention *retention;

	struct outgoing **out; /* owned, oldest first */
	size_t out_count;
	size_t damaged; /* records that cannot be read */
	struct incoming in;

	int64_t handshake_due_ns;
	int64_t poll_due_ns;
	int64_t scan_due_ns;
	int64_t send_due_ns;	/* no sending before: it failed */
	int64_t contact_due_ns; /* no exchange before: the service is away */
	unsigned send_failures;
	char send_failed[JOB_ID_SIZE]; /* the job that failed last; "" none */
	unsigned receive_failures;
	unsigned contact_failures;
	atomic_bool hint; /* something moved in OUT */

	struct complaint service;   /* network, credentials */
	struct complaint disk;	    /* no room */
	struct complaint folder;    /* OUT cannot be read or claimed from */
	struct complaint denied;    /* a pair that we may not have */
	struct left_alone withheld; /* how many of them were named */
	struct complaint crowd;	    /* more in OUT than is looked at */
	struct left_alone left_alone;
	struct complaint sending; /* our folders, while sending */
	struct complaint receiving;
	struct complaint outage; /* what IN was told of the service; silent */
	struct complaint retaining; /* what should go cannot be removed */

	struct mailbox_view now; /* the worker's */
	pthread_mutex_t lock;	 /* for seen */
	struct mailbox_view seen;
};

/* A mailbox of which nothing is open. state_dir is a descriptor, borrowed. */
struct mailbox *mailbox_new(const struct conf *conf,
			    const struct conf_mailbox *set, int state_dir);
/* Opens the folders, takes the locks, reads the ledger. Recovery is
 * agent/recover's. On failure nothing stays open. */
int mailbox_open_parts(struct mailbox *mailbox, struct err *err)
	__attribute__((warn_unused_result));
/* Back to what mailbox_new made, with nothing open and no job known. */
void mailbox_shut(struct mailbox *mailbox);
/* mailbox_new and mailbox_open_parts. */
int mailbox_open(const struct conf *conf, const struct conf_mailbox *set,
		 int state_dir, struct mailbox **ret, struct err *err)
	__attribute__((warn_unused_result));
struct mailbox *mailbox_close(struct mailbox *mailbox);
/* Opens, and makes, each folder that these settings name, so that what is wrong
 * with one shows at once and not with the first file. */
int mailbox_try_folders(const struct mailbox *mailbox,
			const struct conf_mailbox *set, struct err *err)
	__attribute__((warn_unused_result));

/* New settings, while no turn runs: first all that can fail, for every mailbox;
 * then mailbox_adopt, or mailbox_prepare_undo. */
int mailbox_prepare(struct mailbox *mailbox, const struct conf_mailbox *set,
		    struct err *err) __attribute__((warn_unused_result));
void mailbox_prepare_undo(struct mailbox *mailbox);
void mailbox_adopt(struct mailbox *mailbox, const struct conf *conf,
		   const struct conf_mailbox *set);

/* Takes ownership of the job's content and leaves *job released. */
struct outgoing *mailbox_add_job(struct mailbox *mailbox, struct job *job);
/* Forgets a job that is finished on disk. */
void mailbox_drop_job(struct mailbox *mailbox, struct outgoing *out);

/* Makes the worker's counts visible to others. */
void mailbox_view_publish(struct mailbox *mailbox);
void mailbox_view_copy(struct mailbox *mailbox, struct mailbox_view *ret);

/* Logs a lasting failure as agent/complaint has it, and its end. */
void mailbox_complain(struct mailbox *mailbox, struct complaint *complaint,
		      const char *event, const struct err *err);
void mailbox_cleared(struct mailbox *mailbox, struct complaint *complaint,
		     const char *event);

#endif
