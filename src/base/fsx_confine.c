/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "base/fsx_confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

/* From linux/landlock.h; older headers than the kernel's lack the last. */
#define ALL_OF_1 ((UINT64_C(1) << 13) - 1)
#define REFER (UINT64_C(1) << 13)     /* version 2 */
#define TRUNCATE (UINT64_C(1) << 14)  /* version 3 */
#define BIND_TCP UINT64_C(1)	      /* version 4 */
#define IOCTL_DEV (UINT64_C(1) << 15) /* version 5 */
#define ABSTRACT UINT64_C(1)	      /* version 6 */

#define READ_FILES LANDLOCK_ACCESS_FS_READ_FILE
#define WRITE_FILES (LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE)
#define READ_FOLDERS LANDLOCK_ACCESS_FS_READ_DIR
#define CHANGE_FOLDERS                                                    \
	(LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | REFER)

/* As the kernel's, whose further fields may be missing in the header. */
struct rights {
	uint64_t files;
	uint64_t net;	 /* version 4 */
	uint64_t scoped; /* version 6: only within the confined threads */
};

int fsx_confine_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
			       LANDLOCK_CREATE_RULESET_VERSION);
	return version > 0 ? (int)version : 0;
}

/* All that this kernel can take away; what is allowed must be among it. */
static struct rights all_rights(int version)
{
	struct rights all = { .files = ALL_OF_1 };
	if (version >= 2)
		all.files |= REFER;
	if (version >= 3)
		all.files |= TRUNCATE;
	if (version >= 4)
		all.net = BIND_TCP;
	if (version >= 5)
		all.files |= IOCTL_DEV;
	if (version >= 6)
		all.scoped = ABSTRACT;
	return all;
}

/* An older kernel refuses fields that it does not know. */
static size_t size_of_rights(int version)
{
	if (version >= 6)
		return sizeof(struct rights);
	return version >= 4 ? offsetof(struct rights, scoped) :
			      offsetof(struct rights, net);
}

int fsx_confine_new(bool speak, int *ret_fd, struct err *err)
{
	int version = fsx_confine_version();
	struct rights all = all_rights(version);
	size_t size = size_of_rights(version);
	if (speak)
		all.scoped = 0;
	long fd = syscall(SYS_landlock_create_ruleset, &all, size, 0);
	if (fd < 0)
		return err_sys(err, errno, "cannot make a Landlock ruleset");
	*ret_fd = (int)fd; /* close-on-exec */
	return 0;
}

int fsx_confine_allow(int fd, const char *path, bool change, struct err *err)
{
	AUTO_CLOSE int at = openat(AT_FDCWD, path, O_PATH | O_CLOEXEC);
	if (at < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return 0;
	struct stat st;
	if (at < 0 || fstat(at, &st) < 0)
		return err_sys(err, errno, "cannot look at '%s'", path);
	uint64_t wanted = READ_FILES;
	if (change)
		wanted |= WRITE_FILES;
	if (S_ISDIR(st.st_mode))
		wanted |= READ_FOLDERS | (change ? CHANGE_FOLDERS : 0);
	struct landlock_path_beneath_attr rule = {
		.allowed_access = wanted &
				  all_rights(fsx_confine_version()).files,
		.parent_fd = at,
	};
	if (syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH,
		    &rule, 0) < 0)
		return err_sys(err, errno, "cannot allow '%s'", path);
	return 0;
}

int fsx_confine_enter(int fd, struct err *err)
{
	/* Landlock asks for it: no setuid program may be led astray. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return err_sys(err, errno, "cannot restrict ourselves");
	return 0;
}

char *fsx_real_path(const char *path)
{
	return realpath(path, NULL);
}
