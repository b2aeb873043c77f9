/* Files and directories, with durability where the name says so. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/str.h"

/* Appends a whole file; ERR_LIMIT if it is longer than limit bytes ("-" is standard input). */
int file_read(struct str *ret, const char *path, size_t limit, struct error *err);

/*
 * The path holds either the old or the new content, also after a crash: temporary file beside it, fsync,
 * rename, fsync of the directory.
 */
int file_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode, struct error *err);

/* write(2) until all is written, EINTR and short writes handled. */
int file_write_all(int fd, const void *bytes, size_t len, struct error *err);
int file_sync_dir(const char *path, struct error *err);

int dir_make(const char *path, mode_t mode, struct error *err);	/* with parents; an existing directory is fine */

/* Removes a tree without following symbolic links, also read-only directories; a path that is not there is fine. */
int dir_remove(const char *path, struct error *err);

/*
 * True if `name` is a plain relative path that stays below where it starts: not empty, not absolute, no
 * "..", ".", empty components, NUL or newline, at most 4096 bytes.
 */
bool path_is_inside(const char *name);

/*
 * A lock that dies with its owner: an open file description lock (flock) on `path`, made if missing.
 * wait_ms 0: ERR_UNAVAILABLE at once if held by another; else waits at most that long (blocking; not for an
 * event loop).  On success *ret_fd is a close-on-exec descriptor; closing it gives the lock back.
 */
int file_lock(int *ret_fd, const char *path, int wait_ms, struct error *err);

/* Closes *fd if it is not negative, and makes it -1. */
void file_close(int *fd);

#endif
