/*
 * Which commits of a range change certain files: for a prior that looks first where an error points to.
 */
#ifndef GIT_TOUCHED_H
#define GIT_TOUCHED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"
#include "git/history.h"

#define TOUCHED_NAMES_MAX 64
#define TOUCHED_SAME_NAME_MAX 8	/* a name that more files of the commit fit says nothing */

/*
 * The files of commit `hex` that `names` from a log mean, sorted, each once: of the files of which one of the two (name, path) is
 * the whole end of the other ("src/a.c" of "/work/tree/src/a.c", "a.c" of "src/a.c") those with the longest common end.  Names
 * after the first TOUCHED_NAMES_MAX are not looked at.  ERR_NOT_FOUND: no such commit; ERR_CORRUPT.
 */
int touched_resolve(struct strv *ret_paths, struct repository *repository, const char *hex, const struct strv *names,
	struct error *err);

/*
 * Per vertex of `history` (the caller frees): does the commit change one of the files at `paths`, seen from each of its parents in
 * the graph?  So a merge that takes a file as it is from one side does not, but where only first parents are walked it does.  A
 * first commit changes what it has; vertices outside of the range are false.  10,000 commits take well under a second.
 * ERR_CORRUPT: a tree is missing, as in a clone without trees.
 */
int touched_load(bool **ret, struct repository *repository, const struct history *history, const struct strv *paths,
	struct error *err);

/*
 * A prior for search_options: `n` doubles, the caller frees; NULL where nothing or everything is touched.  Those that touch get
 * half of the belief together, but none more than 50 times that of another.
 *
 * Why so: about every second culprit changes a file that its error names, and an error in a file that the culprit did not touch must
 * not cost much.  With the even 20 % that the search mixes in, the others keep at least 0.6 of their belief, which is
 * log2(1 / 0.6) = 0.74 runs for an error that always shows; a culprit that does touch is found up to log2(50) = 5.6 runs earlier.  The
 * limit of 50 is for errors that come and go: a lone commit that touches is not to be named on the strength of the prior.
 */
double *touched_prior(const struct history *history, const bool *touched);

#endif
