/* A repository "r" in a directory of the test's own, and one warm work tree of it. */
#ifndef TESTS_UNIT_WORKTREE_FIXTURE_H
#define TESTS_UNIT_WORKTREE_FIXTURE_H

#include "base/error.h"
#include "base/str.h"
#include "git/worktree.h"

extern struct error err;
extern struct worktree *tree;		/* NULL until it is taken; given back after the test */
extern struct str path_of;		/* for a path in the making, and in_tree's; released after the test */

/* Into a new directory (git_fixture.h) with "r", which has branches a, b, c, x and their merge m; and out again. */
void enter(void);
void leave(void);

void take(void);			/* one of up to four in "trees", which must succeed */
void give_back(void);
const char *in_tree(const char *name);	/* a file of the tree; good until the next call */

int checkout(const char *revision, enum worktree_clean clean);	/* a revision of "r"; as worktree_checkout */
/* The promise: everything tracked is the commit's. */
void expect_commit(const char *revision);
void expect_checkout(const char *revision, enum worktree_clean clean);	/* both, and the first must succeed */

#endif
