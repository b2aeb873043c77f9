/*
 * Kept files as one archive: tar, compressed with zstd, the same bytes for the same files (sorted,
 * no times, no owners, only the executable bit of the mode).  All of this blocks: for worker
 * threads and tools.
 */
#ifndef AGENT_PACK_H
#define AGENT_PACK_H

#include <stdint.h>

#include "base/error.h"

#define PACK_NAME_MAX 4096
#define PACK_DEPTH_MAX 200
#define PACK_ENTRIES_MAX 4000000u
#define PACK_BYTES_MAX ((uint64_t)64 << 30)	/* of all files, not compressed */

/*
 * Packs what `keep` names below `tree` into a new file `output`.  keep: NULL-ended; each a path
 * ("tests" and "tests/" are the directory with everything in it) or a pattern of fnmatch(3) in
 * which * does not match '/'.  No entry at all: everything. Never packed: .git at the top, sockets,
 * pipes and devices.  Symbolic links are kept as links, wherever they lead.
 *
 * ERR_NOT_FOUND: an entry of keep matches nothing (err names it); ERR_INVALID: one leaves the tree;
 * ERR_LIMIT; ERR_NO_SPACE.
 */
int pack_tree(const char *output, const char *tree, const char *const *keep, struct error *err);

/*
 * Unpacks such an archive into the existing, empty directory `directory`.  ERR_CORRUPT: not an
 * archive, damaged, or with an entry that would land outside (absolute, "..", through a symbolic
 * link) or is no file, directory or link.
 */
int unpack_tree(const char *archive, const char *directory, struct error *err);

/* A zstd frame of the whole file. */
int compress_file(const char *output, const char *input, struct error *err);

#endif
