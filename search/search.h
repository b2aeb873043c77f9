/*
 * The search: observations in, next probes and a verdict out.
 *
 * Pure: no I/O, no clock, no randomness.  The same calls in the same order give the same answers; belief and verdict do not
 * depend on the order in which observations arrived, to the last bit.
 *
 * Model (docs/search.md has the derivations).  A commit is bad iff the culprit is among its ancestors-or-self.  A bad commit
 * shows the error at some rate, a good one (nearly) never; both rates are unknown and integrated out.  Besides one hypothesis a
 * commit there are "null" (the error shows at one rate everywhere, the range changes nothing) and "old" (the good ends are bad
 * already; of several, each of them alone as well).  The next probe is the one with the most expected information per expected cost, given all that is in flight.
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
	VERDICT_NO_CHANGE,	/* the error shows at the same rate at both ends: flaky or environment, nothing to bisect */
	VERDICT_INCONSISTENT,	/* observations fit no single culprit (only where every run is believed) */
	VERDICT_UNDECIDED,	/* the budget is spent, or no run can tell more: ranked candidates */
	VERDICT_NKINDS
};
const char *verdict_kind_name(enum verdict_kind kind);		/* "culprit", "range", "not-reproduced", ... */

struct search_options {
	bool fix;			/* look for the first commit without the error: the new end passes, the old ends show it */
	bool trust_ends;		/* believe both ends unseen */
	bool trust_runs;		/* believe every single run: no confirmations, one pass is good */
	bool verify_good;		/* run every good end before the search; otherwise where it tells most, like any commit */
	bool rates_known;		/* the next two are true, not to be learnt (simulation; a lab that measured them) */
	double bad_pass, good_fail;	/* chance that a run of a bad commit passes, that one of a good commit fails */
	double reproducible;		/* prior of an error that a bad commit always shows; 0: 0.33 */
	double no_change;		/* prior of "null"; 0: 0.1, negative: none */
	unsigned verify_runs;		/* failures of the bad end before the search; 0: default */
	unsigned verify_max;		/* passes of the bad end before not-reproduced; 0: 30, with trust_runs 1 */
	unsigned confirm_bad;		/* failures of the culprit itself; 0: 1, and 3 while no bad commit ever passed, unless
					 * `reproducible` (0.5 and more) or earlier runs (20) say that none does */
	unsigned confirm_good;		/* passes of each parent itself; 0: 1 */
	unsigned skip_retries;		/* tries of a commit of which every run skipped, after the first; default (0): 2 */
	unsigned max_runs;		/* budget: observations before undecided; 0: 5,000 */
	double confidence;		/* of the verdict; 0: 0.99 */
	double build_cost, test_cost;	/* in any unit; 0 and 0: 0 and 1, so that runs are counted */
	const double *prior;		/* per vertex, any scale, borrowed for the call of search_new: mixed with 20 % of an even
					 * one, so that a wrong one costs a few probes.  NULL: even */
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
	const uint32_t *candidates;	/* of the culprit verdict: just it; of a range: all that no run tells apart; undecided: the
					 * likeliest, best first.  Borrowed */
	size_t n_candidates;
	double confidence;		/* posterior of what the verdict says, 0..1 */
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
 * The next run worth starting given all that is known and in flight; false: nothing (wait for results, or a verdict stands): a slot
 * stays free rather than take a run that tells next to nothing beside those in flight.
 * Call it again for every free slot.  A probe taken is in flight until it is observed or dropped.
 */
bool search_next(struct search *search, struct search_probe *ret);

/*
 * A result.  in_flight: it ends a probe taken from search_next; otherwise it is earlier evidence (fine at any time).  Each call is a
 * run of its own: a caller that may hear of one run twice tells of it once.
 */
void search_observe(struct search *search, uint32_t commit, enum observation observation, bool in_flight);
/*
 * The same, with the box (any number but 0) that made the run.  Before a verdict is given, each box is held against what the
 * others found; the results of one that fails good commits are left out (they count as skips), and the verdict says so.
 */
void search_observe_by(struct search *search, uint32_t commit, enum observation observation, bool in_flight, uint32_t box);
/*
 * Boxes whose results are left out now: better give them no further run.  One that gets them all the same keeps no search from its
 * end, but what only such boxes ran is given up like a commit that skips.  Returns their number, at most max.
 */
size_t search_left_out(struct search *search, uint32_t *ret, size_t max);
/*
 * Boxes that should get no further run now: those that are left out, and those on whose word alone a verdict would rest, until
 * another box agrees.  Where one of the latter is the only box there is, give it the runs: it is believed after four of them.
 * Returns their number, at most max.
 */
size_t search_resting(struct search *search, uint32_t *ret, size_t max);

/*
 * A measurement instead of a failure: log (nats) of how much likelier it is if the commit is bad than if it is good.  Sums are kept
 * in steps of 2^-32, so that their order does not matter; values beyond +-1000 count as that.  For the ends and the confirmations one
 * above 0 is a failure and any other a pass; NaN is a skip.
 */
void search_observe_ratio(struct search *search, uint32_t commit, double log_ratio, bool in_flight);

/*
 * Runs from before the search whose side is known: failures and passes of bad commits and of good ones.  Once, at any time: from now on
 * all is as if they had been there from the start.
 */
void search_earlier(struct search *search, unsigned bad_fails, unsigned bad_passes, unsigned good_fails, unsigned good_passes);

/*
 * Another prior, as search_options has it (borrowed for the call), at any time: from now on all is as if it had been there from the
 * start, probes in flight included.
 */
void search_set_prior(struct search *search, const double *prior);

/* A run of this commit costs no build any more. */
void search_built(struct search *search, uint32_t commit);

/*
 * The budget is spent in a unit that the search does not count (time, money): it wants no further run, and what is not decided
 * by then is undecided.
 */
void search_spend(struct search *search);

void search_drop(struct search *search, uint32_t commit);	/* a probe in flight ended without a result (lost, cancelled) */

/*
 * Commits in flight whose result can no longer matter, or so little that another tells more (each once); the caller cancels them and
 * calls search_drop.  Returns their number, at most max.
 */
size_t search_useless(struct search *search, uint32_t *ret, size_t max);

/* Recomputed from the observations; never depends on what is in flight.  Borrowed until the next call. */
const struct search_verdict *search_verdict(struct search *search);

enum search_phase { PHASE_VERIFY, PHASE_SEARCH, PHASE_CONFIRM, PHASE_DONE };
enum search_phase search_phase(struct search *search);
const char *search_phase_name(enum search_phase phase);

/* How many commits are in doubt (two to the entropy of the belief), and how many runs are still expected. */
size_t search_remaining(struct search *search);
unsigned search_runs_left(struct search *search);

/*
 * Posterior per vertex (n doubles, sum <= 1; the rest is "null" and "old").  Of a commit outside of the range it is 0, but of one of
 * several good ends that it alone is bad.
 */
void search_belief(struct search *search, double *ret);
/* What was observed at a commit so far. */
void search_counts(const struct search *search, uint32_t commit, unsigned ret[OBSERVED_NKINDS]);
/*
 * What was observed, good commits taken together, at those that contain `commit` without containing `culprit`: their passes speak
 * for `commit` as well.
 */
void search_counts_above(const struct search *search, uint32_t commit, uint32_t culprit, unsigned ret[OBSERVED_NKINDS]);
bool search_is_candidate(struct search *search, uint32_t commit);	/* not (nearly) ruled out */

#endif
