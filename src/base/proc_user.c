/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "base/proc_user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"

#define CANNOT (PROC_ANSWER_MAX + 1)
#define ENTRY_SIZE 4096

bool proc_user_find(const char *name, struct proc_user *ret)
{
	char room[ENTRY_SIZE];
	struct passwd entry;
	struct passwd *found = NULL;
	if (geteuid() != 0 ||
	    getpwnam_r(name, &entry, room, sizeof(room), &found) != 0 ||
	    !found || found->pw_uid == 0)
		return false;
	*ret = (struct proc_user){
		.name = name,
		.uid = found->pw_uid,
		.gid = found->pw_gid,
	};
	return true;
}

int proc_user_become(const struct proc_user *user, struct err *err)
{
	if (initgroups(user->name, user->gid) < 0 ||
	    setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return err_sys(err, errno, "cannot become user %s", user->name);
	return 0;
}

int proc_user_ask(const struct proc_user *user, int (*function)(void *ctx),
		  void *ctx)
{
	if (!user)
		return function(ctx);
	(void)fflush(stdout); /* else the child's copy may be written, too */
	pid_t pid = fork();
	if (pid == 0)
		_exit(proc_user_become(user, NULL) < 0 ? CANNOT :
							 function(ctx));
	int status = 0;
	pid_t done;
	do {
		done = pid < 0 ? -1 : waitpid(pid, &status, 0);
	} while (done < 0 && errno == EINTR);
	return done == pid && pid > 0 && WIFEXITED(status) ?
		       WEXITSTATUS(status) :
		       CANNOT;
}
