/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The only door to other programs.
 *
 * A child is started with a fixed argv and a fixed environment, never through
 * a shell and never by searching PATH. It has a process group of its own,
 * "/" as working directory, /dev/null as standard input, output and error, no
 * other descriptor, no signal blocked, ignored or handled, and our umask and
 * limits. Whoever started it has to reap it: until then its number, and that
 * of its group, can belong to nobody else, so that a signal reaches only what
 * we started.
 */
#ifndef MESHDROP_BASE_PROC_H
#define MESHDROP_BASE_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

struct proc {
	pid_t pid; /* also of its process group */
	int fd;	   /* readable once it has ended; -1: the system has none */
};

struct proc_end {
	bool by_signal;
	int number; /* exit status or signal; -1: somebody else reaped it */
};

/* argv[0] is the path of the program; both lists end with NULL. A program that
 * cannot be executed is an error, and then there is no child. */
int proc_start(char *const argv[], char *const env[], struct proc *ret,
	       struct err *err) __attribute__((warn_unused_result));
/* Whether the child itself has ended; it is not reaped by that. */
bool proc_ended(const struct proc *proc);
/* To the child and all of its group; not after proc_reap. */
void proc_signal(const struct proc *proc, int number);
/* Only once it has ended: takes its end and closes fd. */
void proc_reap(struct proc *proc, struct proc_end *ret);

/* Whether a process of that number lives, of whatever user. */
bool proc_exists(int64_t pid);

/* For a process that is going to hold secrets: it leaves no core and, root
 * excepted, nobody can look into it. Programs it starts are not concerned, but
 * for the limit. False: the system refused a part of it. */
bool proc_seal(void);

#endif
