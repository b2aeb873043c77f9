/*
 * `bisectctl run`: a bisection of the repository one stands in, with no daemon: the drop-in for `git bisect run`.
 *
 * Files below <common git directory>/bisectd/: run.lock (held while a run goes on), run.jsonl (its journal, see
 * cli/run_journal.h), last.jsonl (the journal of the run that ended last), logs/ (of the runs of that journal) and
 * worktrees/ (see git/worktree.h).  Nothing else in the repository is written: not HEAD, not refs, not the index.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "base/settings.h"

enum run_exit {
	RUN_EXIT_CULPRIT = 0,
	RUN_EXIT_FAILED = 1,		/* also: the command asked to abort */
	RUN_EXIT_USAGE = 2,
	RUN_EXIT_RANGE = 3,
	RUN_EXIT_NOT_REPRODUCED = 4,
	RUN_EXIT_NO_GOOD_COMMIT = 5,
	RUN_EXIT_INCONSISTENT = 6,
	RUN_EXIT_NO_CHANGE = 7,
	RUN_EXIT_UNDECIDED = 8,
	RUN_EXIT_INTERRUPTED = 130,
};

extern const struct command run_command;	/* for --help, the man page and the list of commands */

/* argv[0] is "run".  The result goes to standard output, everything else to standard error; returns an enum run_exit. */
int run_main(int argc, char **argv);

#endif
