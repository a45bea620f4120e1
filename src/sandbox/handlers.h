/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The work behind each route. Each leaves an answer in the request's reply.
 */
#ifndef MESHDROP_SANDBOX_HANDLERS_H
#define MESHDROP_SANDBOX_HANDLERS_H

struct request;

/* lookup.c */
void lookup_handshake(struct request *rq);
void lookup_update(struct request *rq);
void lookup_ping(struct request *rq);
void lookup_endpoint(struct request *rq);
void lookup_workflow(struct request *rq);

/* list.c */
void list_inbox(struct request *rq);
void list_count(struct request *rq);

/* inbox.c */
void inbox_get(struct request *rq);
void inbox_head(struct request *rq);
void inbox_acknowledge(struct request *rq);

/* outbox.c */
void outbox_send(struct request *rq);
void outbox_chunk(struct request *rq);

/* tracking.c */
void tracking_by_id(struct request *rq);
void tracking_by_local_id(struct request *rq);

/* admin.c */
void admin_reset(struct request *rq);
void admin_reset_mailbox(struct request *rq);
void admin_report(struct request *rq);
void admin_event(struct request *rq);
void admin_message(struct request *rq);
void admin_mailbox(struct request *rq);

/* control.c */
void control_log(struct request *rq);
void control_clear_log(struct request *rq);
void control_add_fault(struct request *rq);
void control_faults(struct request *rq);
void control_clear_faults(struct request *rq);
void control_settings(struct request *rq);

#endif
