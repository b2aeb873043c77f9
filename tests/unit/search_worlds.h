/*
 * Bayes's rule by hand, as a reference for search/: small worlds, and by enumeration of all hypotheses and outcomes what is to be
 * believed in them and what a probe tells.  Nothing of search/ is used for it but the priors of the rates.
 */
#ifndef TESTS_UNIT_SEARCH_WORLDS_H
#define TESTS_UNIT_SEARCH_WORLDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "search/search.h"

#define MAX_COMMITS 12u
#define MAX_SEEN 40u
#define OLD MAX_COMMITS			/* hypotheses beside the commits */
#define NOTHING (MAX_COMMITS + 1)
#define N_HYPOTHESES (MAX_COMMITS + 2)

extern uint64_t seed;			/* of the dice; a test sets it, so that each of its rounds can be played alone */
uint32_t dice(uint32_t sides);		/* 0 .. sides - 1 */

struct seen {
	uint32_t commit, box;
	enum observation what;
	bool is_ratio;
	double ratio;
};

/* Its graph is freed by the caller, with graph_release; nothing else in it is allocated. */
struct world {
	struct graph graph;
	uint32_t inside[MAX_COMMITS];	/* bits: ancestors-or-self */
	uint32_t bad, good[3];
	size_t n_good;
	double prior[MAX_COMMITS];	/* used where options.prior is */
	unsigned earlier[4];
	struct search_options options;
	struct seen seen[MAX_SEEN];
	unsigned n_seen;
};

/*
 * Worlds without runs; `bad` is the last commit.  Numbered: bit child * (child - 1) / 2 + parent of `edges` says whether that
 * edge is there, and there is no good end.  Random: 2 .. most commits, up to three good ends, which may leave no candidate.
 */
struct world numbered_world(uint32_t n, uint32_t edges);
struct world random_world(uint32_t most);
/*
 * n commits one after the other; the caller frees.  With merges: the same with edges that change nothing (to grandparents) but
 * take it off the quick path for forests.
 */
struct graph line(uint32_t n, bool with_merges);
void find_ancestors(struct world *world);	/* fills `inside` from a graph that a test made itself */

/* Options, prior and earlier runs, at random. */
void random_model(struct world *world);
/*
 * Up to `most` runs at random, with measurements among them if `ratios`.  No breakage: a good end that cannot be run changes the
 * prior, which has a test of its own.
 */
void random_runs(struct world *world, unsigned most, bool ratios);
void push(struct world *world, uint32_t commit, enum observation what);	/* one run more */

uint32_t candidates(const struct world *world);	/* bits */

/* A search in the world, owned by the caller; the world must outlive it.  The first knows no run, the last all. */
struct search *begin(const struct world *world);
void tell(struct search *search, const struct seen *seen);
struct search *begin_and_tell(const struct world *world);

/* The belief in each hypothesis; false: none fits, and ret is all 0. */
bool posterior(const struct world *world, double ret[N_HYPOTHESES]);
/* What a run of v tells, in bits, when the others (flights[0 .. n - 1], at most 7) have run too.  The world is left as it was. */
double told(struct world *world, const uint32_t *flights, unsigned n, uint32_t v);
/* What a probe is chosen for: what it tells of the culprit and, at a fifth of that or less, of the rate. */
double appeal(struct world *world, uint32_t v, double tells);

#endif
