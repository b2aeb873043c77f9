/*
 * Warm work trees: a small set of numbered directories of one repository, each held by a lock that the kernel gives back when
 * its owner dies.  Blocks (runs git): for worker threads and tools.
 *
 * Layout: DIR/0, DIR/0.lock, DIR/1, ...  Taking one prefers the lowest free number (warmest).  What a killed owner left (index.lock,
 * half a checkout, a stale registration) is repaired at checkout without asking: in the worst case the tree is made anew.
 */
#ifndef GIT_WORKTREE_H
#define GIT_WORKTREE_H

#include <stdbool.h>

#include "base/error.h"
#include "git/history.h"

struct worktree;

/* `git_dir`: the (bare or common) git directory.  `max`: how many may exist; ERR_UNAVAILABLE when all are taken. */
int worktree_take(struct worktree **ret, const char *git_dir, const char *dir, unsigned max, struct error *err);
const char *worktree_path(const struct worktree *worktree);
int worktree_lock_fd(const struct worktree *worktree);	/* a child that inherits it keeps the tree taken until it dies too */

enum worktree_clean {
	WORKTREE_KEEP,		/* tracked files exactly the commit's; untracked ones stay (incremental builds) */
	WORKTREE_CLEAN		/* and nothing else: git clean -ffdx */
};

/* The commit's files, verified: index tree id equals the commit's and no tracked file differs.  ERR_NOT_FOUND: no such commit. */
int worktree_checkout(struct worktree *worktree, const char *hex, enum worktree_clean clean, struct error *err);

void worktree_give_back(struct worktree *worktree);	/* the directory stays warm; NULL is fine */
int worktree_remove(struct worktree *worktree, struct error *err);	/* the directory and its registration go; frees */
/* Removes every tree below dir that nobody holds. */
int worktree_remove_all(const char *git_dir, const char *dir, struct error *err);

#endif
