/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The end of a job: archive, report, ledger.
 */
#ifndef MESHDROP_AGENT_SETTLE_H
#define MESHDROP_AGENT_SETTLE_H

struct err;
struct outgoing;
struct turn;

/* From ACCEPTED or REJECTED to ARCHIVING: writes what goes to SENT or FAILED
 * and IN into TEMP, syncs, records. */
int settle_prepare(struct turn *turn, struct outgoing *out, struct err *err)
	__attribute__((warn_unused_result));
/* From ARCHIVING to the end: moves, ledger, record away; drops the job. */
int settle_archive(struct turn *turn, struct outgoing *out, struct err *err)
	__attribute__((warn_unused_result));

#endif
