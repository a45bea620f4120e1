/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * To_DTS, Subject and LocalId can name a patient: they are in a log only when
 * the settings have log_personal_data.
 */
#ifndef MESHDROP_AGENT_PERSONAL_H
#define MESHDROP_AGENT_PERSONAL_H

#include <stddef.h>

struct ctl;
struct job;
struct mailbox;

/* For the end of a log line: ' to="..." subject="..." local_id="..."' with what
 * there is, or "" when the settings do not want it. Owned by the caller. */
char *personal_facts(const struct mailbox *mailbox, const struct ctl *ctl);
/* The same for the control file of a claimed pair. */
char *personal_facts_claimed(const struct mailbox *mailbox,
			     const struct job *job);
/* The same for a control file of ours in TEMP, without its suffix. */
char *personal_facts_staged(const struct mailbox *mailbox, const char *stem,
			    const char *suffix);

/* Takes the job's values out of what a service said about it, whose text goes
 * into log, records and status; unless the settings want them there. */
void personal_hide(const struct mailbox *mailbox, const struct job *job,
		   char *text);

/* Replaces values in text by "***", in any case of letters, also where the end
 * of text cuts one or where they overlap: one may be a part of another. Values
 * of less than 3 bytes stay: they name nobody. */
void personal_mask(char *text, const char *const *values, size_t count);

#endif
