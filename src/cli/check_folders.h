/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * Checks of folders: can meshdropd work in them? Makes none that are missing
 * and takes no lock, so that it may be done while meshdropd runs.
 */
#ifndef MESHDROP_CLI_CHECK_FOLDERS_H
#define MESHDROP_CLI_CHECK_FOLDERS_H

struct conf;
struct conf_mailbox;
struct verdict;

void check_state_dir(struct verdict *verdict, const struct conf *conf);
/* Who may give orders there; nothing when none is set. */
void check_signal_file(struct verdict *verdict, const struct conf *conf);
/* The folders of one mailbox: root, those below it, and its state. */
void check_mailbox_folders(struct verdict *verdict, const struct conf *conf,
			   const struct conf_mailbox *set);

#endif
