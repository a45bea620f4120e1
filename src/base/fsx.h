/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The only door to the file system.
 *
 * Every open, write, sync, rename, link and unlink of the daemon, the tool and
 * the sandbox goes through here, so that faults can be injected in one place
 * and a reader can see all that may happen to a file. Names are single
 * components below a held directory descriptor and are never followed through
 * a symbolic link. Descriptors are close-on-exec. Failures name the file and
 * say what the system said; nothing here retries, except after EINTR and after
 * a short read or write.
 *
 * Durability: what was written is durable after fsx_sync on the file; a name
 * is durable after fsx_sync_dir on its directory. A failed sync is ERR_SYNC:
 * the state of the file is unknown from then on and the process must end.
 */
#ifndef MESHDROP_BASE_FSX_H
#define MESHDROP_BASE_FSX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct buf;
struct err;
struct fsx_dir;

#define FSX_MUST __attribute__((warn_unused_result))

/* ERR_UNSAFE unless it is a single component that may be opened. Everything
 * below that takes a name checks it. */
int fsx_check_name(const char *name, struct err *err) FSX_MUST;

/* --- directories --- */

/* Opens a directory by path, following links: for roots named in settings. */
int fsx_open_root(const char *path, int *ret_fd, struct err *err) FSX_MUST;
/* Opens a directory below dirfd, refusing a link. */
int fsx_open_dir(int dirfd, const char *name, int *ret_fd,
		 struct err *err) FSX_MUST;
/* Makes it when missing (and then syncs dirfd); an existing one is fine. */
int fsx_make_dir(int dirfd, const char *name, mode_t mode,
		 struct err *err) FSX_MUST;
/* Removes an empty one and syncs dirfd; a missing one is fine. */
int fsx_remove_dir(int dirfd, const char *name, struct err *err) FSX_MUST;
/* As mkdir -p for a path from settings. */
int fsx_make_path(const char *path, mode_t mode, struct err *err) FSX_MUST;

/* Whether we may list a directory and change what is in it. */
int fsx_check_dir(int dirfd, struct err *err) FSX_MUST;

/* Whether a directory has that path itself, and not a link to one. */
bool fsx_is_dir(const char *path);

/* Reads a directory from its start through a descriptor of its own. The name
 * is valid until the next call; NULL is the end. "." and ".." are left out. */
int fsx_dir_open(int dirfd, struct fsx_dir **ret, struct err *err) FSX_MUST;
int fsx_dir_next(struct fsx_dir *dir, const char **ret_name,
		 struct err *err) FSX_MUST;
struct fsx_dir *fsx_dir_close(struct fsx_dir *dir);

/* --- opening files --- */

/* A file that others may have put there: must be a regular file with one
 * link, else ERR_UNSAFE. Does not block on a FIFO. ret_st may be NULL. */
int fsx_open_read(int dirfd, const char *name, int *ret_fd, struct stat *ret_st,
		  struct err *err) FSX_MUST;
/* A file named by a path in settings: links are followed; regular only. */
int fsx_open_path(const char *path, int *ret_fd, struct stat *ret_st,
		  struct err *err) FSX_MUST;
/* Whether we could run what a path in settings names: an executable regular
 * file that not everybody may write. Links are followed; nothing is opened. */
int fsx_check_program(const char *path, struct err *err) FSX_MUST;
/* A new file; ERR_EXISTS when the name is taken. Open for both ways. */
int fsx_create(int dirfd, const char *name, mode_t mode, int *ret_fd,
	       struct err *err) FSX_MUST;
/* A file of our own, for both ways: regular, one link. */
int fsx_open_own(int dirfd, const char *name, int *ret_fd,
		 struct err *err) FSX_MUST;
/* A file without a name, gone when closed. */
int fsx_open_unnamed(int dirfd, int *ret_fd, struct err *err) FSX_MUST;

/* --- content; label is the name for messages --- */

int fsx_pread(int fd, const char *label, void *data, size_t len,
	      uint64_t offset, size_t *ret_len, struct err *err) FSX_MUST;
int fsx_pwrite(int fd, const char *label, const void *data, size_t len,
	       uint64_t offset, struct err *err) FSX_MUST;
int fsx_truncate(int fd, const char *label, uint64_t len,
		 struct err *err) FSX_MUST;
/* Reserves blocks up to len without changing the size, so that later writes
 * need no new ones. Where the file system cannot, nothing happens. */
int fsx_reserve(int fd, const char *label, uint64_t len,
		struct err *err) FSX_MUST;
int fsx_stat(int fd, const char *label, struct stat *ret,
	     struct err *err) FSX_MUST;
/* Mode and owner of a file or directory, whatever the process's mask is;
 * (uid_t)-1 and (gid_t)-1 leave who has it. */
int fsx_grant(int fd, const char *label, uid_t uid, gid_t gid, mode_t mode,
	      struct err *err) FSX_MUST;
int fsx_sync(int fd, const char *label, struct err *err) FSX_MUST;
int fsx_sync_dir(int dirfd, const char *label, struct err *err) FSX_MUST;
/* Closes, checks, and sets *fd to -1 whatever happens. */
int fsx_close(int *fd, const char *label, struct err *err) FSX_MUST;
/* Exclusive lock that ends with the descriptor; ERR_BUSY when held. */
int fsx_lock(int fd, const char *label, struct err *err) FSX_MUST;

/* --- names --- */

/* Does not follow links. ERR_MISSING when there is nothing. */
int fsx_stat_at(int dirfd, const char *name, struct stat *ret,
		struct err *err) FSX_MUST;
/* What a path from settings leads to: links are followed. */
int fsx_stat_path(const char *path, struct stat *ret, struct err *err) FSX_MUST;
/* ERR_EXISTS when the new name is taken; never overwrites. */
int fsx_move(int from_dir, const char *from, int to_dir, const char *to,
	     struct err *err) FSX_MUST;
/* One name more for a file of our own; never follows a link, never replaces.
 * *ret_able false: the file system has no such thing, and nothing was done. */
int fsx_link(int from_dir, const char *from, int to_dir, const char *to,
	     bool *ret_able, struct err *err) FSX_MUST;
/* Replaces the new name. */
int fsx_replace(int from_dir, const char *from, int to_dir, const char *to,
		struct err *err) FSX_MUST;
/* A missing file is fine. */
int fsx_remove(int dirfd, const char *name, struct err *err) FSX_MUST;

/* --- whole small files --- */

/* Appends the content to ret; ERR_LIMIT when it is over ret's ceiling. */
int fsx_load(int dirfd, const char *name, struct buf *ret,
	     struct err *err) FSX_MUST;
int fsx_load_fd(int fd, const char *label, struct buf *ret,
		struct err *err) FSX_MUST;
/* Creates a new file with this content, synced and closed. The name is
 * durable only after fsx_sync_dir. */
int fsx_store_new(int dirfd, const char *name, mode_t mode, const void *data,
		  size_t len, struct err *err) FSX_MUST;
/* Replaces a file whole: temporary name, sync, rename; the directory is
 * synced only when durable. */
int fsx_store(int dirfd, const char *name, mode_t mode, const void *data,
	      size_t len, bool durable, struct err *err) FSX_MUST;

/* Bytes that an unprivileged process may still write. */
int fsx_free_bytes(int dirfd, uint64_t *ret, struct err *err) FSX_MUST;
/* Whether the mount lets reading a file set its atime at all. */
int fsx_keeps_atime(int dirfd, bool *ret, struct err *err) FSX_MUST;

#endif
