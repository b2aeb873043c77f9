/*
 * A prior from what an error names: commits that touch one of the files are tried first (git/touched.h says how much that counts).
 */
#ifndef GIT_ERROR_PRIOR_H
#define GIT_ERROR_PRIOR_H

#include <stddef.h>

#include "base/error.h"
#include "base/str.h"
#include "git/history.h"

/*
 * Which part of a log to read: tracebacks come before the error or after it; what is further away is of something else.  Where no line is
 * known, the last of the log.
 */
#define PRIOR_BEFORE (2u << 10)
#define PRIOR_AFTER (8u << 10)
#define PRIOR_END (64u << 10)

#define PRIOR_FILES_SAID 5u	/* in a sentence */

struct prior {
	struct strv files;	/* of the repository, that the error names */
	size_t n_commits;	/* of the range, that touch one of them */
	double *values;		/* for search_set_prior; NULL: all commits alike */
};

void prior_release(struct prior *prior);	/* ready for use again */

/*
 * From a part of the log of a run of `commit` (40 hex) that showed the error.  `wanted`: where the line of the error begins in it; SIZE_MAX:
 * none is known.  Blocks, touches nothing but what it is given: for a worker thread.  *ret is overwritten; on failure it is untouched.
 */
int prior_from_text(struct prior *ret, struct repository *repository, const struct history *history, const char *commit,
	const struct str *text, size_t wanted, struct error *err);

/* From files that are known already. */
int prior_from_files(struct prior *ret, struct repository *repository, const struct history *history, const struct strv *files,
	struct error *err);

/* Appends what was found as a sentence without its end, in printable text. */
void prior_say(struct str *ret, const struct prior *prior, const struct history *history);

#endif
