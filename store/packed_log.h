/*
 * Logs as they are kept: one zstd stream in an artifact.
 */
#ifndef STORE_PACKED_LOG_H
#define STORE_PACKED_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Bytes of a log, in order; false: enough. */
typedef bool log_sink(void *arg, const char *bytes, size_t len);

/*
 * Unpacks from an open descriptor, which stays the caller's, in pieces of some 100 KiB; `name` is for messages.  Blocks; any thread may do it.
 * ERR_CORRUPT: no zstd stream.
 */
int packed_log_each(int fd, const char *name, log_sink *sink, void *arg, struct error *err);

#endif
