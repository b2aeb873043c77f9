/*
 * The part of a build that blocks and needs no sandbox: mirror, revert, work tree.  For worker
 * threads.
 */
#ifndef BUILDER_PREPARE_H
#define BUILDER_PREPARE_H

#include "base/error.h"
#include "base/hash.h"
#include "builder/build.h"
#include "git/worktree.h"

struct prepare {
	/* in; borrowed */
	const struct builder *builder;
	const char *url, *commit, *tree, *revert;	/* revert and tree may be NULL */
	int64_t timeout_ms;
	char set[HASH_HEX_LEN + 1];	/* names the set of work trees: builds that may share leftovers */
	/* out */
	struct worktree *worktree;
	char target[GIT_HEX + 1];	/* what is checked out */
	bool built_in_before;		/* an earlier build may have left files in this tree */
	bool broken;			/* the failure says something of the commit; else it is the farm's */
};

/*
 * A tree with the commit's files, untracked ones of earlier builds kept.  On failure see `broken`.
 */
int prepare_tree(struct prepare *prepare, struct error *err);
/* The same tree without anything that a build left. */
int prepare_clean(struct prepare *prepare, struct error *err);
/* To be called before anything is built in it. */
void prepare_mark_built(const struct prepare *prepare);

#endif
