/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "base/fsx.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/uuid.h"

/* For what others may have put there: never follow, never hang. */
#define FOREIGN (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

static int unsafe(struct err *err, const char *name, const char *why)
{
	return err_set(err, ERR_UNSAFE, "cannot open '%s': %s", name, why);
}

int fsx_check_name(const char *name, struct err *err)
{
	if (text_is_file_name(name))
		return 0;
	return err_set(err, ERR_UNSAFE,
		       "'%s' cannot be used as the name of a file", name);
}

/* --- opening --- */

/* Set once the kernel or a sandbox around us is known to lack openat2. */
static atomic_bool without_openat2;

static int plain_open(int dirfd, const char *name, int flags, mode_t mode)
{
	int fd;
	do {
		fd = openat(dirfd, name, flags, mode);
	} while (fd < 0 && errno == EINTR);
	return fd;
}

static int strict_open(int dirfd, const char *name, int flags, mode_t mode)
{
	const struct open_how how = {
		.flags = (unsigned)flags,
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};
	int fd;
	do {
		fd = (int)syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
	} while (fd < 0 && errno == EINTR);
	return fd;
}

/* Opens a single component. The fallback is as strict for a checked name,
 * because O_NOFOLLOW covers the only component there is. */
static int open_beneath(int dirfd, const char *name, int flags, mode_t mode)
{
	if (atomic_load(&without_openat2))
		return plain_open(dirfd, name, flags, mode);
	int fd = strict_open(dirfd, name, flags, mode);
	if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
		return fd;
	bool unknown = errno == ENOSYS;
	fd = plain_open(dirfd, name, flags, mode);
	/* EPERM is a system call filter only if the other call may do it */
	if (unknown || fd >= 0)
		atomic_store(&without_openat2, true);
	return fd;
}

static int open_failed(struct err *err, int sys, const char *name)
{
	switch (sys) {
	case ELOOP:
		return unsafe(err, name, "is a symbolic link");
	case EAGAIN: /* a file server has lent it to a client */
		(void)err_set(err, ERR_BUSY,
			      "cannot open '%s': another program holds it",
			      name);
		err_widen(err, ERR_MESSAGE, ERR_LATER);
		return -(int)ERR_BUSY;
	case EISDIR:
	case ENXIO:
	case ENODEV:
		return unsafe(err, name, "is not a regular file");
	default:
		return err_sys(err, sys, "cannot open '%s'", name);
	}
}

static int check_file(const char *name, const struct stat *st, bool one_link,
		      struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return unsafe(err, name, "is not a regular file");
	if (!one_link || st->st_nlink == 1)
		return 0;
	if (st->st_nlink > 1)
		return unsafe(err, name, "has more than one link");
	return err_set(err, ERR_MISSING,
		       "cannot open '%s': was removed meanwhile", name);
}

/* Takes over fd, which is closed when it is not what it should be. */
static int accept_file(int fd, const char *name, bool one_link, int *ret_fd,
		       struct stat *ret_st, struct err *err)
{
	AUTO_CLOSE int held = fd;
	struct stat st = { .st_mode = 0 };
	int r = fsx_stat(held, name, &st, err);
	if (r < 0)
		return r;
	r = check_file(name, &st, one_link, err);
	if (r < 0)
		return r;
	if (ret_st)
		*ret_st = st;
	*ret_fd = held;
	/* NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores): AUTO_CLOSE reads it */
	held = -1;
	return 0;
}

static int open_file(int dirfd, const char *name, int flags, int *ret_fd,
		     struct stat *ret_st, struct err *err)
{
	int r = fsx_check_name(name, err);
	if (r < 0)
		return r;
	int fd = open_beneath(dirfd, name, flags | FOREIGN, 0);
	if (fd < 0)
		return open_failed(err, errno, name);
	return accept_file(fd, name, true, ret_fd, ret_st, err);
}

int fsx_open_read(int dirfd, const char *name, int *ret_fd, struct stat *ret_st,
		  struct err *err)
{
	return open_file(dirfd, name, O_RDONLY, ret_fd, ret_st, err);
}

int fsx_open_own(int dirfd, const char *name, int *ret_fd, struct err *err)
{
	return open_file(dirfd, name, O_RDWR, ret_fd, NULL, err);
}

int fsx_open_path(const char *path, int *ret_fd, struct stat *ret_st,
		  struct err *err)
{
	/* O_NONBLOCK only for the open itself: a FIFO must not hold us up */
	int fd = plain_open(AT_FDCWD, path,
			    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0 && errno == ENXIO)
		return unsafe(err, path, "is not a regular file");
	if (fd < 0)
		return err_sys(err, errno, "cannot open '%s'", path);
	return accept_file(fd, path, false, ret_fd, ret_st, err);
}

int fsx_create(int dirfd, const char *name, mode_t mode, int *ret_fd,
	       struct err *err)
{
	int r = fsx_check_name(name, err);
	if (r < 0)
		return r;
	int fd = open_beneath(dirfd, name,
			      O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC |
				      O_NOFOLLOW,
			      mode);
	if (fd < 0)
		return err_sys(err, errno, "cannot create '%s'", name);
	*ret_fd = fd;
	return 0;
}

/* For file systems without O_TMPFILE. If we die between the two calls, an
 * empty file with a telling name is left. */
static int create_and_unlink(int dirfd, int *ret_fd, struct err *err)
{
	char name[sizeof(".unnamed-") + 32] = ".unnamed-";
	uuid_hex(name + strlen(name), 32);
	int fd = -1;
	int r = fsx_create(dirfd, name, 0600, &fd, err);
	if (r < 0)
		return r;
	r = fsx_remove(dirfd, name, err);
	if (r < 0) {
		(void)close(fd); /* it is empty */
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int fsx_open_unnamed(int dirfd, int *ret_fd, struct err *err)
{
	int fd = plain_open(dirfd, ".", O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC,
			    0600);
	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	switch (errno) {
	case EOPNOTSUPP:
	case ENOSYS:
	case EINVAL:
	case EISDIR:
		return create_and_unlink(dirfd, ret_fd, err);
	default:
		return err_sys(err, errno, "cannot create an unnamed file");
	}
}

int fsx_open_root(const char *path, int *ret_fd, struct err *err)
{
	int fd = plain_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC,
			    0);
	if (fd < 0)
		return err_sys(err, errno, "cannot open directory '%s'", path);
	*ret_fd = fd;
	return 0;
}

/* The kernel says ENOTDIR for a link to a directory as well. */
static int not_a_dir(int dirfd, const char *name, struct err *err)
{
	struct stat st;
	int r = fsx_stat_at(dirfd, name, &st, err);
	if (r < 0)
		return r;
	return unsafe(err, name,
		      S_ISLNK(st.st_mode) ? "is a symbolic link" :
					    "is not a directory");
}

int fsx_open_dir(int dirfd, const char *name, int *ret_fd, struct err *err)
{
	int r = fsx_check_name(name, err);
	if (r < 0)
		return r;
	int fd = open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY | FOREIGN, 0);
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return not_a_dir(dirfd, name, err);
	if (fd < 0)
		return err_sys(err, errno, "cannot open directory '%s'", name);
	*ret_fd = fd;
	return 0;
}

/* --- content --- */

static bool fits_off_t(uint64_t offset, size_t len)
{
	return offset <= INT64_MAX && len <= (uint64_t)INT64_MAX - offset;
}

int fsx_pread(int fd, const char *label, void *data, size_t len,
	      uint64_t offset, size_t *ret_len, struct err *err)
{
	if (!fits_off_t(offset, len))
		return err_sys(err, EOVERFLOW, "cannot read '%s'", label);
	size_t done = 0;
	while (done < len) {
		ssize_t n = pread(fd, (char *)data + done, len - done,
				  (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "cannot read '%s'", label);
		if (n == 0)
			break;
		done += (size_t)n;
	}
	*ret_len = done;
	return 0;
}

int fsx_pwrite(int fd, const char *label, const void *data, size_t len,
	       uint64_t offset, struct err *err)
{
	if (!fits_off_t(offset, len))
		return err_sys(err, EFBIG, "cannot write '%s'", label);
	size_t done = 0;
	while (done < len) {
		ssize_t n = pwrite(fd, (const char *)data + done, len - done,
				   (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(err, n < 0 ? errno : EIO,
				       "cannot write '%s'", label);
		done += (size_t)n;
	}
	return 0;
}

int fsx_truncate(int fd, const char *label, uint64_t len, struct err *err)
{
	if (!fits_off_t(len, 0))
		return err_sys(err, EFBIG, "cannot set the size of '%s'",
			       label);
	int n;
	do {
		n = ftruncate(fd, (off_t)len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, errno, "cannot set the size of '%s'",
			       label);
	return 0;
}

int fsx_reserve(int fd, const char *label, uint64_t len, struct err *err)
{
	if (len == 0)
		return 0;
	if (!fits_off_t(len, 0))
		return err_sys(err, EFBIG, "cannot reserve space for '%s'",
			       label);
	int n;
	do {
		n = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)len);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EOPNOTSUPP && errno != ENOSYS)
		return err_sys(err, errno, "cannot reserve space for '%s'",
			       label);
	return 0;
}

int fsx_stat(int fd, const char *label, struct stat *ret, struct err *err)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot look at '%s'", label);
	*ret = st;
	return 0;
}

/* The owner first: a change of it takes bits away from the mode. */
int fsx_grant(int fd, const char *label, uid_t uid, gid_t gid, mode_t mode,
	      struct err *err)
{
	if (fchown(fd, uid, gid) < 0)
		return err_sys(err, errno, "cannot change the owner of '%s'",
			       label);
	if (fchmod(fd, mode) < 0)
		return err_sys(err, errno, "cannot change the mode of '%s'",
			       label);
	return 0;
}

/* The kernel reports a lost page once and then forgets it, so even a sync
 * that was interrupted must not be tried again. */
static int sync_failed(struct err *err, int sys, const char *label)
{
	(void)err_sys(err, sys, "cannot sync '%s'", label); /* code is ours */
	if (err)
		err->code = ERR_SYNC;
	err_widen(err, ERR_SERVICE, ERR_NEVER);
	return -(int)ERR_SYNC;
}

/* Includes the metadata needed to read the content back, such as the size. */
int fsx_sync(int fd, const char *label, struct err *err)
{
	if (fdatasync(fd) < 0)
		return sync_failed(err, errno, label);
	return 0;
}

/* EINVAL: a file system that knows no sync of directories. */
int fsx_sync_dir(int dirfd, const char *label, struct err *err)
{
	if (fsync(dirfd) < 0 && errno != EINVAL)
		return sync_failed(err, errno, label);
	return 0;
}

/* Linux frees the descriptor even when close fails: never twice. */
int fsx_close(int *fd, const char *label, struct err *err)
{
	int old = *fd;
	*fd = -1;
	if (old >= 0 && close(old) < 0)
		return err_sys(err, errno, "cannot close '%s'", label);
	return 0;
}

int fsx_lock(int fd, const char *label, struct err *err)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int n;
	do {
		n = fcntl(fd, F_OFD_SETLK, &whole);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return err_sys(err, errno, "cannot lock '%s'", label);
	int r = err_set(err, ERR_BUSY,
			"cannot lock '%s': another process holds the lock",
			label);
	err_widen(err, ERR_MESSAGE, ERR_LATER);
	return r;
}

static int stat_fs(int dirfd, struct statvfs *ret)
{
	int n;
	do {
		n = fstatvfs(dirfd, ret);
	} while (n < 0 && errno == EINTR);
	return n;
}

int fsx_keeps_atime(int dirfd, bool *ret, struct err *err)
{
	struct statvfs fs;
	if (stat_fs(dirfd, &fs) < 0)
		return err_sys(err, errno, "cannot find out the mount options");
	*ret = (fs.f_flag & ST_NOATIME) == 0;
	return 0;
}

int fsx_free_bytes(int dirfd, uint64_t *ret, struct err *err)
{
	struct statvfs fs;
	if (stat_fs(dirfd, &fs) < 0)
		return err_sys(err, errno, "cannot find out the free space");
	uint64_t bytes;
	if (__builtin_mul_overflow((uint64_t)fs.f_bavail, (uint64_t)fs.f_frsize,
				   &bytes))
		bytes = UINT64_MAX;
	*ret = bytes;
	return 0;
}
