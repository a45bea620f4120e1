/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "cli/owner.h"

#include <unistd.h>

#include "base/err.h"
#include "base/fsx.h"
#include "spool/boxdir.h"

int owner_check(const struct boxdir *box, struct err *err)
{
	struct stat st;
	int r = fsx_stat(box->state, "state folder", &st, err);
	if (r < 0 || st.st_uid == geteuid())
		return r;
	return err_set(err, ERR_DENIED,
		       "mailbox %s: folder '%s' in state_dir belongs to user "
		       "%u, and this runs as user %u: run it as the user that "
		       "meshdropd has, such as with 'runuser -u meshdrop --'",
		       box->id, box->id, (unsigned)st.st_uid,
		       (unsigned)geteuid());
}
