/*
 * Content-addressed files: DIR/ab/<64 hex>, written as temporary file + fsync + rename, so that a name is there whole or not at all.
 * Files are kept as they were sent (agents compress with zstd).
 */
#ifndef STORE_ARTIFACTS_H
#define STORE_ARTIFACTS_H

#include <stdint.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"

struct artifacts;
struct artifact_writer;

int artifacts_open(struct artifacts **ret, const char *dir, struct error *err);	/* removes temporary files that dead processes left */
void artifacts_free(struct artifacts *artifacts);

bool artifact_exists(struct artifacts *artifacts, const char *sha256);
/* An open descriptor (close-on-exec) and the size; ERR_NOT_FOUND, ERR_INVALID for a name that is no hash. */
int artifact_open(int *ret_fd, uint64_t *ret_size, struct artifacts *artifacts, const char *sha256, struct error *err);

/* Writing in pieces; nothing is visible before artifact_commit. expected may be NULL. */
int artifact_begin(struct artifact_writer **ret, struct artifacts *artifacts, struct error *err);
int artifact_write(struct artifact_writer *writer, const void *bytes, size_t len, struct error *err);	/* ERR_NO_SPACE */
/* Frees the writer in any case.  ERR_CORRUPT: "content has SHA-256 x, its name says y". */
int artifact_commit(struct artifact_writer *writer, const char *expected, char ret_sha256[HASH_HEX_LEN + 1], struct error *err);
void artifact_abort(struct artifact_writer *writer);	/* NULL is fine */
int artifact_put(struct artifacts *artifacts, const void *bytes, size_t len, char ret_sha256[HASH_HEX_LEN + 1], struct error *err);

/*
 * Appendable logs of runs in progress: DIR/live/<unit>; the offset makes a repeated append harmless.  A newer epoch starts the log again, an older one is
 * ERR_STALE; bytes that never came are shown as dots.  ERR_LIMIT past LIVE_LOG_MAX.  They are not made durable: the log that counts is an artifact.
 */
#define LIVE_LOG_MAX (64u << 20)
int live_log_append(struct artifacts *artifacts, const char *unit, uint64_t epoch, uint64_t offset, const void *bytes, size_t len, struct error *err);
/* Appends at most max bytes from offset on; ERR_NOT_FOUND without a log. */
int live_log_read(struct str *ret, struct artifacts *artifacts, const char *unit, uint64_t offset, size_t max, struct error *err);
void live_log_remove(struct artifacts *artifacts, const char *unit);

#endif
