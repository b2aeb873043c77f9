/*
 * The search: observations in, next probes and a verdict out.
 *
 * Pure: no I/O, no clock, no randomness.  The same calls in the same order give the same answers; the verdict and the set of
 * candidates do not depend on the order in which observations arrived.
 *
 * Model of this version.  A commit is bad iff the culprit is among its ancestors-or-self.  An observation `bad` is believed (only the error asked
 * for is ever reported as bad); an observation `good` may be a lucky run of a bad commit: a commit counts as good once it
 * has passed `passes_needed` times, which is 1 while searching an error that has always shown, and grows to
 * ceil(ln(1 - confidence) / ln(pass rate of bad commits)) when a bad commit has been seen to pass.  Ends are verified, the culprit
 * and all its parents are confirmed.  Candidates are weighed equally (by the passes below them, once an error is known to be flaky); the probe chosen is the one that, given everything in flight, splits the
 * remaining weight most evenly (greatest joint entropy).  `belief` is the posterior under the beta-binomial model of docs/search.md.
 * A later version exchanges the model and keeps this interface (costs, priors and metrics are added as options).
 */
#ifndef SEARCH_SEARCH_H
#define SEARCH_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "search/graph.h"

enum observation {
	OBSERVED_GOOD,		/* the run got past the place where the error would have shown, and it did not */
	OBSERVED_BAD,		/* the error asked for was seen */
	OBSERVED_SKIP,		/* this run says nothing; another run of the commit may */
	OBSERVED_BROKEN,	/* no run of this commit will ever say anything (does not build; exit 125) */
	OBSERVED_NKINDS
};

enum search_purpose {		/* why a run is wanted; for people and priorities */
	PURPOSE_VERIFY_BAD,
	PURPOSE_VERIFY_GOOD,
	PURPOSE_SEARCH,
	PURPOSE_CONFIRM_BAD,	/* the presumed culprit again */
	PURPOSE_CONFIRM_GOOD,	/* a parent of it again */
	PURPOSE_NKINDS
};
const char *search_purpose_name(enum search_purpose purpose);	/* "verify-bad", ... */

enum verdict_kind {
	VERDICT_NONE,		/* still searching */
	VERDICT_CULPRIT,
	VERDICT_RANGE,		/* only commits that cannot be observed separate the candidates */
	VERDICT_NOT_REPRODUCED,	/* the bad end never showed the error */
	VERDICT_NO_GOOD_COMMIT,	/* a good end shows the error */
	VERDICT_INCONSISTENT,	/* observations fit no single culprit (a bad commit below a commit that is surely good) */
	VERDICT_NKINDS
};
const char *verdict_kind_name(enum verdict_kind kind);		/* "culprit", "range", "not-reproduced", ... */

struct search_options {
	bool trust_ends;		/* believe both ends unseen */
	bool trust_runs;		/* believe every single run: no confirmations, one pass is good */
	unsigned verify_max;		/* runs of the bad end before not-reproduced; 0: 10, with trust_runs 1 */
	unsigned confirm_runs;		/* runs of culprit and of each parent in all; 0: 2.  Passes of good commits that contain
					 * the parent speak for it too, but one must be its own */
	unsigned skip_retries;		/* how often a SKIP commit is tried again when only such are left; default (0): 2 */
	double confidence;		/* 0: 0.99 */
	const bool *in_range;		/* per vertex, borrowed for the call of search_new: only these can be candidates, the other
					 * ancestors of bad count as good (a graph cut off at its boundary).  NULL: all can */
};

struct search_probe {
	uint32_t commit;
	enum search_purpose purpose;
	unsigned run;			/* how many runs of this commit were begun before, lost ones not counted */
	double usefulness;		/* expected gain in bits at the time it was chosen */
};

struct search_verdict {
	enum verdict_kind kind;
	uint32_t culprit;		/* VERDICT_CULPRIT; NO_GOOD_COMMIT: the good end that shows the error */
	const uint32_t *candidates;	/* of the culprit verdict: just it; of a range: all that are left, in git's sense.  Borrowed */
	size_t n_candidates;
	double confidence;		/* posterior mass of the candidates, 0..1 */
	bool is_merge;			/* the culprit has several parents, all good */
	char reason[200];		/* a sentence for people, without commit names */
};

struct search;

/*
 * `graph` is borrowed for the life of the search.  Candidates are the ancestors-or-self of `bad` that are no ancestor of a good end
 * and not a good end; the other vertices (boundary) count as good once the good ends are believed.
 * ERR_INVALID: bad or good out of range, or no candidate.
 */
int search_new(struct search **ret, const struct graph *graph, uint32_t bad, const uint32_t *good, size_t n_good,
	const struct search_options *options, struct error *err);
void search_free(struct search *search);	/* NULL is fine */

/*
 * The next run worth starting given all that is known and in flight; false: nothing (wait for results, or a verdict stands).
 * Call it again for every free slot.  A probe taken is in flight until it is observed or dropped.
 */
bool search_next(struct search *search, struct search_probe *ret);

/* A result.  in_flight: it ends a probe taken from search_next; otherwise it is earlier evidence (fine at any time). */
void search_observe(struct search *search, uint32_t commit, enum observation observation, bool in_flight);
void search_drop(struct search *search, uint32_t commit);	/* a probe in flight ended without a result (lost, cancelled) */

/* Commits in flight whose result can no longer matter (each once); the caller cancels them and calls search_drop.  Returns their number, at most max. */
size_t search_useless(const struct search *search, uint32_t *ret, size_t max);

/* Recomputed from the observations; never depends on what is in flight.  Borrowed until the next call. */
const struct search_verdict *search_verdict(struct search *search);

enum search_phase { PHASE_VERIFY, PHASE_SEARCH, PHASE_CONFIRM, PHASE_DONE };
enum search_phase search_phase(struct search *search);
const char *search_phase_name(enum search_phase phase);

/* Candidates not ruled out, and how many runs a halving of them still needs (for "commits left, time left"). */
size_t search_remaining(struct search *search);
unsigned search_runs_left(struct search *search);

/* Posterior per vertex (n doubles, sum <= 1; the rest is "no culprit in this range"). */
void search_belief(struct search *search, double *ret);
/* What was observed at a commit so far. */
void search_counts(const struct search *search, uint32_t commit, unsigned ret[OBSERVED_NKINDS]);
bool search_is_candidate(struct search *search, uint32_t commit);	/* not ruled out */

#endif
