/*
 * History read from a repository (libgit2) into arrays that search/ understands.
 */
#ifndef GIT_HISTORY_H
#define GIT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "search/graph.h"

#define GIT_HEX 40

struct repository;

/* A bare repository or anything inside a work tree of one.  One thread at a time may use what is opened here. */
int repository_open(struct repository **ret, const char *path, struct error *err);
void repository_free(struct repository *repository);
const char *repository_git_dir(const struct repository *repository);	/* the common git directory, absolute, no slash at the end */
const char *repository_work_tree(const struct repository *repository);	/* NULL for a bare one */

/* Any revision that git rev-parse knows ("v1.0~3") to the 40 hex digits of a commit.  ERR_NOT_FOUND: "no commit 'x' in PATH". */
int repository_resolve(char ret_hex[GIT_HEX + 1], struct repository *repository, const char *revision, struct error *err);

struct commit_info {
	char hex[GIT_HEX + 1];
	char tree[GIT_HEX + 1];
	char *subject;			/* first line, as stored (foreign text) */
	char *author;			/* "Name <mail>" */
	int64_t time_s;			/* committer's */
	size_t n_parents;
	char (*parents)[GIT_HEX + 1];
};
int commit_info_read(struct commit_info *ret, struct repository *repository, const char *hex, struct error *err);
void commit_info_release(struct commit_info *info);

bool repository_is_ancestor(struct repository *repository, const char *ancestor, const char *descendant);	/* or the same */

/*
 * The range of a bisection: every commit reachable from `bad` and from no good end, and its boundary (parents outside
 * the range, and the good ends themselves).  Vertices are in topological order, parents before children, ties by nothing that
 * changes from run to run.
 */
struct history {
	struct graph graph;		/* search/graph.h; boundary vertices have no parents here */
	char (*hex)[GIT_HEX + 1];	/* per vertex */
	char (*tree)[GIT_HEX + 1];
	uint32_t bad;
	uint32_t *good;			/* the good ends after the merge-base rule */
	size_t n_good;
	size_t n_range;			/* vertices that are candidates */
	bool *in_range;			/* per vertex */
	struct strv notes;		/* sentences for people: "good v2.0 is not an ancestor of bad; using the merge base 1234abcd" */
};

/*
 * `good` NULL-ended array of 40-hex commits (at least one).  Each good end that is no ancestor of bad is replaced by the merge bases of the two, with a note.
 * ERR_INVALID: bad is good, bad is an ancestor of a good end (empty range), no common history.  `first_parent`: only first parents are walked.
 */
int history_load(struct history *ret, struct repository *repository, const char *const *good, const char *bad, bool first_parent,
	struct error *err);
/*
 * The same for the search of a fix: `old` are commits with the error, `fixed` is a newer one without it.  They stand where good
 * and bad stand otherwise; only the words of notes and errors are exchanged.
 */
int history_load_fix(struct history *ret, struct repository *repository, const char *const *old, const char *fixed,
	bool first_parent, struct error *err);
void history_release(struct history *history);
/* Vertex of a commit, or UINT32_MAX. */
uint32_t history_find(const struct history *history, const char *hex);

/*
 * Places to look for a good end when none was given: commits going back from `bad` along first parents at distances 1, 4, 16, 64...
 * (b*4 each), ending with the root, oldest last.  At most `max`.
 */
int history_steps_back(char (*ret)[GIT_HEX + 1], size_t *ret_n, size_t max, struct repository *repository, const char *bad, struct error *err);

/*
 * `culprit` reverted on top of `onto`: writes tree and commit objects (fixed author and date, so that every host gets the same id)
 * into the repository and gives the commit.  ERR_INVALID: it does not apply (conflict).  Merges are reverted against their first parent.
 */
int repository_make_revert(char ret_hex[GIT_HEX + 1], struct repository *repository, const char *onto, const char *culprit, struct error *err);

#endif
