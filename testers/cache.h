/*
 * Artifacts that were fetched before: files named by their SHA-256 in one directory of bounded
 * size.  What a run uses is a hard link of its own, so that nothing disappears under it.  All of
 * this blocks: for worker threads; several may use it at once.
 */
#ifndef TESTERS_CACHE_H
#define TESTERS_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Makes `path` the artifact; false: it is not there, or was damaged (and is removed). */
bool cache_get(const char *dir, const char *sha256, const char *path);

/*
 * Keeps the verified file `path`, and removes what was not used for longest while more than
 * max_bytes are there.
 */
void cache_put(const char *dir, const char *sha256, const char *path, uint64_t max_bytes);

#endif
