/*
 * Bare mirrors: one a repository, below one directory, shared by every process of this host.
 *
 * All of this blocks (it runs git): for worker threads and tools, never for a loop.  A mirror directory is made
 * under a temporary name and renamed, so that it is there whole or not at all; a lock file beside it is held while
 * fetching; what a killed git left (index.lock, tmp_pack_*) is removed by the next owner of the lock.
 *
 * Which addresses are allowed: https://, http://, ssh://, git://, git@host:path, and, only if `local`, absolute paths and
 * file://.  Anything else (ext::, --options) is ERR_INVALID before git sees it; git itself is run with
 * GIT_ALLOW_PROTOCOL, no prompts, no user or system configuration, no hooks.
 */
#ifndef GIT_MIRROR_H
#define GIT_MIRROR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

int mirror_check_url(const char *url, bool local, struct error *err);

/* mirrors_dir/<first 16 hex of SHA-256 of url>.git */
void mirror_path(struct str *ret, const char *mirrors_dir, const char *url);

/*
 * Makes the mirror hold `want` (a 40-hex commit, or NULL: whatever the remote has now): nothing is fetched if the
 * commit is there already.  ERR_UNAVAILABLE: the repository cannot be reached (its own words in err);
 * ERR_NOT_FOUND: reached, but it has no such commit; ERR_TIMEOUT.
 */
int mirror_update(struct str *ret_path, const char *mirrors_dir, const char *url, const char *want, bool local,
	int64_t timeout_ms, struct error *err);

/*
 * To be asked by who could not read the mirror at `path` after mirror_update() said that it is there: `result` and *err are
 * what the reading ended with. Where the mirror was deleted or is damaged that is ERR_UNAVAILABLE instead, and the next
 * mirror_update() makes it anew; else `result`, with *err untouched.
 */
int mirror_excuse(int result, const char *path, struct error *err);

/* The environment every git child of ours runs with (NULL-ended, static storage built once; thread-safe after the first call in main). */
const char *const *git_environment(void);

/*
 * For a program that works in its user's own repository: their global and system configuration counts too (filters of
 * git-lfs, line ends), below our settings.  Before the first git_environment().
 */
void git_environment_keep_user_config(void);

/* How many checkouts this process may have under way at once (1 unless told): they share the processors. Before the first git_environment(). */
void git_environment_checkouts(unsigned at_once);

#endif
