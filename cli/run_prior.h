/*
 * --prior-from-error: the first run that shows the error is asked which files it names, and commits that touch one of them are
 * tried first (git/touched.h says how much that counts).
 */
#ifndef CLI_RUN_PRIOR_H
#define CLI_RUN_PRIOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "cli/run_journal.h"
#include "git/history.h"

struct prior {
	struct strv files;	/* of the repository, that the error names */
	size_t n_commits;	/* of the range, that touch one of them */
	double *values;		/* for search_set_prior; NULL: all commits alike */
};

void prior_release(struct prior *prior);	/* ready for use again */

/*
 * From the log of `record`, a run that showed the error: around the line that did, or, where only the exit status counts, its last
 * lines.  Blocks, touches nothing but what it is given: for a worker thread.
 */
int prior_from_log(struct prior *ret, const char *git_dir, const struct history *history, const char *logs_dir,
	const struct run_record *record, struct error *err);

/* From files that are known already. */
int prior_from_files(struct prior *ret, const char *git_dir, const struct history *history, const struct strv *files,
	struct error *err);

#endif
