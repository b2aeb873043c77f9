/*
 * What the files of search/ share.  Nobody else includes this.
 *
 * graph.c: the arrays and the sweep.  state.c: observations to statuses, candidates and what is
 * still wanted.  belief.c: the posterior.  choose.c: the best next probe.  verdict.c: the answer in
 * words.  search.c: the public functions.
 */
#ifndef SEARCH_INTERNAL_H
#define SEARCH_INTERNAL_H

#include "search/search.h"

#define PASSES_MAX 20u		/* nobody is asked to pass more often, however rare the error */

/* Adds to what is marked all its ancestors (descendants).  O(vertices + edges). */
void graph_close_ancestors(const struct graph *graph, bool *marked);
void graph_close_descendants(const struct graph *graph, bool *marked);

/*
 * sums[v] += weight (NULL: 1) of every column (a vertex, at most once) that is v or an ancestor of
 * v.  Quick when columns of equal weight stand together.
 */
void graph_add_column_weights(const struct graph *graph, const uint32_t *columns, size_t n_columns,
	const double *weight, double *sums);

struct flight {
	uint32_t commit;
	enum search_purpose purpose;
};

/*
 * Everything that follows from the observations alone; made anew by state_of() when one came in.
 * Invariant: the live candidates are convex in the graph (what lies between two of them is one), so
 * `live` keeps their ancestry.
 */
struct state {
	bool valid;

	bool *bad_side;			/* n: seen bad, or a descendant of such */
	bool *good_side;		/* n: passed often enough, or an ancestor of such */
	unsigned n_bad, n_good;		/* runs in all */
	unsigned n_lucky;		/* passes on the bad side */
	unsigned passes_needed;
	double pass_rate;		/* of bad commits; 0 while passes_needed is 1 */

	struct graph live;		/* the candidates not ruled out */
	uint32_t *vertex;		/* live.n: live number to vertex, ascending */
	uint32_t *live_of;		/* n: vertex to live number, or UINT32_MAX */
	uint32_t top;			/* live number of the candidate that all others are ancestors of, or UINT32_MAX */
	bool *is_tip;			/* live.n: no child among the candidates */

	bool ends_pending;		/* an end is neither believed nor disproved yet */
	bool end_untestable;		/* a good end that can say nothing is taken as good */
	bool can_split;			/* a run of some candidate can still halve the rest */
	bool confirm_pending;

	struct search_verdict verdict;
	uint32_t *candidates;		/* what the verdict shows */
};

struct search {
	const struct graph *graph;
	struct search_options options;
	uint32_t bad;
	uint32_t *good;
	size_t n_good;
	bool *in_range;			/* n: the candidates at the start */
	bool *is_good_end;		/* n */
	bool *supposed_good;		/* n: good because the good ends are */
	size_t n_range;
	unsigned (*counts)[OBSERVED_NKINDS];
	struct flight *flights;
	size_t n_flights, cap_flights;
	struct state *state;		/* apart, so that a const search can fill it in */
};

const struct state *state_of(const struct search *search);	/* up to date */
void state_release(struct state *state);

bool commit_is_bad(const struct search *search, uint32_t v);
bool commit_is_dead(const struct search *search, uint32_t v);	/* no further run will say anything */
bool commit_is_set_aside(const struct search *search, uint32_t v);	/* skipped before: others first */
unsigned commit_flights(const struct search *search, uint32_t v);

/* How many more results of this kind are wanted of a commit, those in flight included. */
unsigned wanted_verify_bad(const struct search *search, const struct state *state);
unsigned wanted_verify_good(const struct search *search, const struct state *state, uint32_t end);
unsigned wanted_confirm(const struct search *search, const struct state *state, uint32_t v, bool tip);
/* A run of v (a vertex) as a search probe could still rule candidates out. */
bool wanted_probe(const struct search *search, const struct state *state, uint32_t v);

/*
 * Calls f for each commit whose confirmation the verdict rests on (the tips of the candidates with
 * `tip`, their parents outside without); stops when f says true, and says so.
 */
bool each_witness(const struct search *search, const struct state *state,
	bool (*f)(const struct search *, const struct state *, uint32_t v, bool tip, void *), void *ctx);

/* verdict.c: fills in state->verdict and candidates from the rest of the state. */
void verdict_make(const struct search *search, struct state *state);

/* passes[i] = passes seen at descendants-or-self of live candidate i. */
void belief_passes(const struct search *search, const struct state *state, uint32_t *passes);
double belief_confidence(const struct search *search, const struct state *state);

/* The most useful search probe; false: none that is worth a run. */
bool choose_probe(const struct search *search, const struct state *state, uint32_t *ret,
	double *ret_bits);

#endif
