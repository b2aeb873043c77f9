/*
 * The index file of a work tree, compared with the tree's files without a process and almost
 * without reading them.  For this room only.
 *
 * git calls a file racy if it was written in the second in which its index was written: it may have
 * changed since, unseen, and so git reads it at every checkout.  In a tree of many files made in a
 * moment that is all of them.  The index holds nanoseconds too, which git (as Debian builds it)
 * does not look at; here they are looked at.
 */
#ifndef GIT_INDEX_H
#define GIT_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "git/history.h"

struct tree_index;

/*
 * The index at `path` (borrowed for its life) of the work tree at `work_tree` (likewise).  NULL:
 * none, or one of a kind that only git itself reads.  The caller frees.
 */
struct tree_index *tree_index_open(const char *path, const char *work_tree);
void tree_index_free(struct tree_index *index); /* NULL is fine */

/* The id of the tree that the index is; false: ask git. */
bool tree_index_id(
	char ret_hex[GIT_HEX + 1], struct tree_index *index, struct repository *repository);

/* How many files git would read again. */
size_t tree_index_racy(const struct tree_index *index);

/*
 * True: every file is what its entry says, and *ret_seen is the moment before which nothing can
 * have changed unseen.  False: not known (a filter, a clock of whole seconds, a real difference):
 * ask git.
 */
bool tree_index_is_clean(struct timespec *ret_seen, const struct tree_index *index);

/*
 * Spares the next git that reads this index the reading of racy files: if every one of them is as
 * it was when tree_index_is_clean() gave `seen`, or differs in a way that git cannot overlook, the
 * index is dated after them.  Only right before a git that writes the index anew.
 */
void tree_index_settle(const struct tree_index *index, const struct timespec *seen);

#endif
