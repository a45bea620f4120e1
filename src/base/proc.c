/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

/* Ours are closed by exec anyway; this is for what we were started with. */
static int prepare_files(posix_spawn_file_actions_t *files)
{
	int sys = posix_spawn_file_actions_addopen(files, STDIN_FILENO,
						   "/dev/null", O_RDONLY, 0);
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO && sys == 0; fd++)
		sys = posix_spawn_file_actions_addopen(files, fd, "/dev/null",
						       O_WRONLY, 0);
	if (sys == 0)
		sys = posix_spawn_file_actions_addclosefrom_np(files,
							       STDERR_FILENO +
								       1);
	if (sys == 0)
		sys = posix_spawn_file_actions_addchdir_np(files, "/");
	return sys;
}

static int prepare_attributes(posix_spawnattr_t *attr)
{
	sigset_t all;
	sigset_t none;
	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	int sys = posix_spawnattr_setflags(attr,
					   POSIX_SPAWN_SETPGROUP |
						   POSIX_SPAWN_SETSIGMASK |
						   POSIX_SPAWN_SETSIGDEF);
	if (sys == 0)
		sys = posix_spawnattr_setpgroup(attr, 0);
	if (sys == 0)
		sys = posix_spawnattr_setsigmask(attr, &none);
	if (sys == 0)
		sys = posix_spawnattr_setsigdefault(attr, &all);
	return sys;
}

static int spawn(char *const argv[], char *const env[], pid_t *ret_pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	if (posix_spawn_file_actions_init(&files) != 0 ||
	    posix_spawnattr_init(&attr) != 0)
		abort(); /* out of memory */
	int sys = prepare_files(&files);
	if (sys == 0)
		sys = prepare_attributes(&attr);
	if (sys == 0)
		sys = posix_spawn(ret_pid, argv[0], &files, &attr, argv, env);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&files);
	return sys;
}

int proc_start(char *const argv[], char *const env[], struct proc *ret,
	       struct err *err)
{
	pid_t pid = -1;
	int sys = spawn(argv, env, &pid);
	if (sys != 0)
		return err_sys(err, sys, "cannot start '%s'", argv[0]);
	*ret = (struct proc){
		.pid = pid,
		/* close-on-exec; fails on kernels before 5.3 */
		.fd = (int)syscall(SYS_pidfd_open, pid, 0),
	};
	return 0;
}

bool proc_ended(const struct proc *proc)
{
	siginfo_t info = { .si_pid = 0 };
	int r = waitid(P_PID, (id_t)proc->pid, &info,
		       WEXITED | WNOHANG | WNOWAIT);
	/* not our child any more: somebody else reaped it */
	return r < 0 ? errno != EINTR : info.si_pid == proc->pid;
}

void proc_signal(const struct proc *proc, int number)
{
	(void)kill(-proc->pid, number); /* nobody may be left to hear it */
}

void proc_reap(struct proc *proc, struct proc_end *ret)
{
	int status = 0;
	pid_t pid;
	do
		pid = waitpid(proc->pid, &status, 0);
	while (pid < 0 && errno == EINTR);
	mem_auto_close(&proc->fd);
	proc->fd = -1;
	*ret = (struct proc_end){ .number = -1 };
	if (pid < 0)
		return;
	ret->by_signal = WIFSIGNALED(status);
	ret->number = ret->by_signal ? WTERMSIG(status) : WEXITSTATUS(status);
}

bool proc_exists(int64_t pid)
{
	if (pid <= 0 || pid > INT32_MAX)
		return false;
	return kill((pid_t)pid, 0) == 0 || errno == EPERM;
}

bool proc_seal(void)
{
	const struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };
	/* A limit of 0 does not keep a core from a program that the system
	 * pipes it to; not being dumpable does. It also gives what is in our
	 * directory of /proc to root. */
	bool limited = setrlimit(RLIMIT_CORE, &none) == 0;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && limited;
}
