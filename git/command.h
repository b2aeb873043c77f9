/*
 * One run of the git program, for this room only: our environment, no shell, no prompt, a deadline,
 * and git's own complaint turned into one line of error.
 */
#ifndef GIT_COMMAND_H
#define GIT_COMMAND_H

#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

struct git_call {
	const char *const *argv;	/* what follows `git`: "fetch", "--quiet", ..., NULL */
	const char *git_dir;		/* NULL, or --git-dir: git does not go looking for one */
	const char *work_tree;		/* NULL, or --work-tree; git runs there too */
	const char *directory;		/* where git runs if work_tree is NULL; NULL: here */
	int keep_fd; /* > 0: stays open in git, e.g. a lock that must not outlive it; else none */
	int64_t timeout_ms;		/* 0: none */
};

/*
 * Runs it to its end.  Standard output is appended to ret_out (may be NULL).
 *
 * ret_status NULL: a status other than 0 is an error (ERR_FAILED; ERR_NO_SPACE where git says that
 * the disk is full) with git's words.  ret_status given: the status goes there and the function
 * returns 0, with git's words appended to ret_words (may be NULL).  A git that cannot be started, a
 * deadline (ERR_TIMEOUT) and a death by signal are errors in both cases.
 */
int git_call(int *ret_status, struct str *ret_out, struct str *ret_words,
	const struct git_call *call, struct error *err);

/*
 * libgit2, ready for use: first call of everything that touches it.  Any thread, any number of
 * times.
 */
void git_library_start(void);

/* libgit2's last complaint, for messages; never NULL. */
const char *git_library_words(void);

#endif
