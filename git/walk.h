/*
 * The walk behind history.c: commits read once each into arrays, and two colours painted down from
 * a bad end and from good ends.  For this room only.
 *
 * Commits are taken newest first.  Where clocks were wrong a colour may arrive late at a commit
 * that was already passed; it is then painted again, and the walk goes on for a while (as many
 * commits as it has seen, plus 1000) after the colours have met everywhere, so that late colours
 * are found.  Grafts and replacements are not looked at; where a shallow clone was cut, a commit is
 * marked.
 */
#ifndef GIT_WALK_H
#define GIT_WALK_H

#include <git2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
	WALK_BAD = 1,		/* reachable from the bad end */
	WALK_GOOD = 2,		/* reachable from a good end */
	WALK_STALE = 4,		/* reachable from a commit that is both */
	WALK_BOTH = WALK_BAD | WALK_GOOD
};

struct walk_commit {
	git_oid oid;
	git_oid tree;
	int64_t time_s;
	uint32_t first;		/* its parents are walk->parents[first .. first + n_parents - 1] */
	uint32_t n_parents;
	uint8_t colour;
	bool read;		/* tree, time and parents are known */
	bool queued;
	bool cut;		/* it has parents that a shallow clone left out */
};

struct walk {
	git_odb *odb;
	const char *where;	/* for messages, borrowed */
	struct walk_commit *commits;
	size_t n, cap;
	uint32_t *parents;
	size_t n_parents, cap_parents;
	uint32_t *table;	/* open addressing; number + 1 */
	size_t table_size;
	uint32_t *heap;
	size_t n_heap, cap_heap;
	git_oid *cuts;		/* sorted: where the shallow clone ends */
	size_t n_cuts, cap_cuts;
};

int walk_open(struct walk *ret, git_repository *repository, const char *where, struct error *err);
void walk_release(struct walk *walk);

/* The commit's number, read if it was not.  ERR_CORRUPT: it is missing or no commit. */
int walk_read(uint32_t *ret, struct walk *walk, const git_oid *oid, struct error *err);

/*
 * Paints anew from `bad` and the good ends.  first_parent: `bad` reaches commits that no good end
 * reaches along first parents only.  `bases`: goes on until WALK_STALE has passed every common
 * commit too; those that are both and not stale are the merge bases.
 */
int walk_paint(struct walk *walk, uint32_t bad, const uint32_t *good, size_t n_good,
	bool first_parent, bool bases, struct error *err);

/*
 * The merge bases of two commits, in order of their ids; the caller frees.  `bad` itself if it is
 * an ancestor of `good` or the same.
 */
int walk_merge_bases(uint32_t **ret, size_t *ret_n, struct walk *walk, uint32_t bad, uint32_t good,
	struct error *err);

#endif
