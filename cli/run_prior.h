/*
 * --prior-from-error: the first run that shows the error is asked which files it names (git/error_prior.h).
 */
#ifndef CLI_RUN_PRIOR_H
#define CLI_RUN_PRIOR_H

#include "base/error.h"
#include "cli/run_journal.h"
#include "git/error_prior.h"

/*
 * From the log of `record`, a run that showed the error: around the line that did, or, where only the exit status counts, its last
 * lines.  Blocks, touches nothing but what it is given: for a worker thread.
 */
int prior_of_log(struct prior *ret, const char *git_dir, const struct history *history, const char *logs_dir,
	const struct run_record *record, struct error *err);

/* From files that are known already. */
int prior_of_files(struct prior *ret, const char *git_dir, const struct history *history, const struct strv *files,
	struct error *err);

#endif
