/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Where a received message goes: IN, or the folder that the mailbox's settings
 * name for its workflow. Pure.
 */
#ifndef MESHDROP_AGENT_PLACE_H
#define MESHDROP_AGENT_PLACE_H

struct conf_delivery;
struct conf_mailbox;
struct delivery;
struct inbox_head;

/* The first that fits the workflow; NULL: IN. "NAME" is that workflow, "START*"
 * any that begins so; letters count in their case. */
const struct conf_delivery *place_find(const struct conf_mailbox *set,
				       const char *workflow);
/* Fills in folder and second name. Reports always go to IN. */
void place_choose(const struct conf_mailbox *set, const struct inbox_head *head,
		  struct delivery *ret);

#endif
