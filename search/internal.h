/*
 * What the files of search/ share.  Nobody else includes this.
 *
 * graph.c: the arrays and the sweep.  model.c: rates of failure.  buildable.c: what can be tested.
 * belief.c: observations to a posterior.  choose.c: the best next probe.  verdict.c: when to stop, and the answer in words.
 * search.c: the public functions.
 */
#ifndef SEARCH_INTERNAL_H
#define SEARCH_INTERNAL_H

#include "search/model.h"
#include "search/search.h"

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
	double usefulness;
};

/* What a box whose name is known found at one commit. */
struct box_count {
	uint32_t box, commit;
	unsigned fails, passes;
};

/* A box whose results do not count now. */
struct left_out {
	uint32_t box;
	bool sick;	/* it fails good commits; otherwise only too much would hang on it */
};

/* Candidates with the same runs below them are equally likely but for their prior. */
struct class {
	uint32_t fails, passes;		/* of commits that contain it, were one of them the culprit */
	double log_likelihood;
	double weight;			/* posterior = weight * prior */
	double fail_in, fail_out;	/* chance that the next run fails, of a commit that contains the culprit or not */
	double bits_in, bits_out;	/* entropy of these */
	double learned;			/* bits that the next run of a bad commit tells of their rate */
};

/*
 * Words of 64 columns, each of which stands for as much of the belief. A run splits it to within half a column: with 128 of them
 * that costs less than 1e-4 bits. In a large graph new memory costs more than that.
 */
#define SEARCH_WORDS 8
#define SEARCH_WORDS_LARGE 2
#define SEARCH_LARGE 500000	/* vertices */

/* Everything that follows from the observations alone; made anew by state_of() when one came in. */
struct state {
	bool valid;
	bool *presumed;			/* n or NULL: commits between broken ones that are not worth a try */
	bool impossible;		/* no hypothesis is left (only where runs are believed) */

	struct class *class;
	size_t n_classes;
	uint32_t *class_of;		/* n; only for candidates */
	double *mass;			/* n: posterior, 0 for others */
	double mass_old, mass_null, mass_ends;	/* the last: sum over doubted ends */
	double log_evidence;		/* of all that was observed, by this model */
	struct class old, null;		/* their rates */
	double bad_rate;		/* chance that a bad commit fails, averaged over the hypotheses */
	double learned;			/* averaged as well */

	uint32_t top;			/* the likeliest candidate */
	double top_mass;
	uint32_t *set;			/* candidates that no run can tell from the top; itself included */
	size_t n_set;
	double set_mass;

	struct search_verdict verdict;
	uint32_t *candidates;		/* what the verdict shows */
};

struct search {
	const struct graph *graph;
	struct search_options options;
	struct model model;
	uint32_t bad;
	uint32_t *good;
	size_t n_good;
	bool *in_range;			/* n: the candidates */
	bool *is_good_end;		/* n */
	bool *supposed_good;		/* n: good because the good ends are */
	bool *doubted;			/* n or NULL: of several good ends those that no other contains.  Each
					 * may be bad alone, as if it were a candidate */
	double *prior;			/* n: sums to what old and null leave */
	double prior_old, prior_null;
	bool *untold;			/* n or NULL: with fix, commits without the end that shows the error: a pass of theirs
					 * may mean that it was never there */
	uint32_t first, last;		/* candidates and doubted ends have numbers first .. last */
	size_t n_range;
	bool forest;			/* no candidate has two candidates as parents */

	unsigned (*counts)[OBSERVED_NKINDS];
	uint32_t *fails, *passes;	/* n: seen at descendants-or-self */
	int64_t *ratio;			/* n + 1 or NULL: sum of log likelihood ratios at
					 * descendants-or-self; the last: of all */
	unsigned (*measured)[2];	/* n or NULL: ratios that speak for good, for bad */
	unsigned n_fails, n_passes, n_dead, n_skips;
	unsigned runs;
	unsigned earlier[4];		/* fails, passes of bad commits, of good ones, from before */
	bool *has_artifact;		/* n or NULL */

	bool stuck;			/* no run can tell more, ... */
	bool hopeless;			/* or so little that it would take thousands */
	bool spent;			/* the caller has no more to give, whatever max_runs says */

	struct box_count *by_box;	/* by box, then by commit, so that no sum depends on arrival */
	size_t n_by_box, cap_by_box;
	struct left_out *left_out;	/* boxes that are not believed */
	size_t n_left_out, cap_left_out;

	struct flight *flights;
	size_t n_flights, cap_flights;
	struct state *state;		/* apart, so that a const search can fill it in */
	uint64_t *rows;			/* n * n_words: scratch of choose.c, ... */
	unsigned n_words;		/* SEARCH_WORDS or SEARCH_WORDS_LARGE */
	double *sums[4];		/* and so are these, of n each: new memory costs more than the sums */
	bool *mark;			/* scratch, n */
};

/* The ancestors-or-self of v, in a scratch array. */
const bool *mark_ancestors(const struct search *search, uint32_t v);
/* So many failures and passes more, or less. */
void count_runs(struct search *search, uint32_t commit, int fails, int passes);
void count_skipped(struct search *search, uint32_t commit, int skips);

/* boxes.c: leaves out one more box that is not to be believed (false: none), or takes all back. */
bool boxes_leave_out(struct search *search, const struct state *state);
void boxes_take_back(struct search *search);
unsigned boxes_sick(const struct search *search);	/* how many are left out as sick, ... */
unsigned boxes_ignored(const struct search *search);	/* and how many runs they made */
void boxes_count(struct search *search, uint32_t box, uint32_t commit, bool failed);

double entropy(double p);		/* of a coin, in bits */

bool is_hypothesis(const struct search *search, uint32_t v);
double mass_of_no_culprit(const struct state *state);

const struct state *state_of(const struct search *search);	/* up to date */
void state_release(struct state *state);
void belief_make(const struct search *search, struct state *state);
void belief_find_set(const struct search *search, struct state *state);

bool commit_is_given_up(const struct search *search, uint32_t v);	/* by its own results */
bool commit_is_dead(const struct search *search, uint32_t v);	/* no further run will say anything */
bool commit_is_set_aside(const struct search *search, uint32_t v);	/* mostly skipped: others first */
/* Runs of its own that speak for bad (for good), measurements included. */
unsigned commit_shown(const struct search *search, uint32_t v);
unsigned commit_passed(const struct search *search, uint32_t v);
bool commit_was_seen(const struct search *search, uint32_t v);
unsigned commit_flights(const struct search *search, uint32_t v);
bool commit_has_artifact(const struct search *search, uint32_t v);
/* Another run of it would wait for the artifact, or build it a second time. */
bool commit_is_being_built(const struct search *search, uint32_t v);

/* How many more results of this kind are wanted of a commit, those in flight included. */
unsigned wanted_verify_new(const struct search *search);
unsigned wanted_verify_old(const struct search *search, uint32_t end);

/* The likeliest candidate, or the set it stands in, is likely enough to be named. */
bool state_is_sure(const struct search *search, const struct state *state);
/* The next commit whose confirmation is wanted; UINT32_MAX: none.  flights: those in flight count as had. */
uint32_t next_witness(const struct search *search, const struct state *state, bool flights,
	enum search_purpose *ret);

bool is_witness(const struct search *search, const struct state *state, uint32_t v);
bool ends_pending(const struct search *search);

/* verdict.c: fills in state->verdict and candidates from the rest of the state. */
void verdict_make(const struct search *search, struct state *state);

/* Per vertex (caller frees): the chance that it can be tested, from what is known of its neighbours. */
double *chances_to_build(const struct search *search);
void presume_broken(const struct search *search, struct state *state);

/*
 * The most useful probe; false: none that is worth a run (beside those in flight), or all tell so little that *ret_hopeless is
 * set.
 */
bool choose_probe(const struct search *search, const struct state *state, uint32_t *ret,
	double *ret_bits, bool *ret_hopeless);
/* What a run of v would tell, whatever is in flight. */
double choose_bits(const struct search *search, const struct state *state, uint32_t v);

#endif
