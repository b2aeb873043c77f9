/*
 * Which commits can be tested at all.  Those that do not build stand together: along the history, building
 * or not is taken for a Markov chain with two states, so that the nearest commits of which it is known, one
 * among the ancestors and one among the descendants, give the chance of the commits between them.
 *
 *	T(same state after d steps) = share of it + (1 - share of it) * exp(-d / LENGTH)
 */
#include <math.h>

#include "base/mem.h"
#include "search/internal.h"

#define LENGTH 16.0		/* steps after which the memory of a state has faded to 1/e */
#define BROKEN_BEFORE 1.0	/* as if one commit of twenty had been seen broken before the first */
#define TRIED_BEFORE 20.0
#define FAR 1000000u
#define PRESUMED 0.02	/* with a smaller chance to build than this a commit is not tried */

/* The nearest commit with a known state. */
struct nearest {
	uint32_t distance;
	bool broken;
};

static struct nearest state_of_commit(const struct search *search, uint32_t v)
{
	const unsigned *counts = search->counts[v];

	if (counts[OBSERVED_GOOD] || counts[OBSERVED_BAD] ||
		(search->has_artifact && search->has_artifact[v]))
		return (struct nearest){ 0, false };
	if (counts[OBSERVED_BROKEN] || counts[OBSERVED_SKIP])
		return (struct nearest){ 0, true };
	return (struct nearest){ FAR, false };
}

static void take_nearer(struct nearest *have, const struct nearest *other)
{
	if (other->distance + 1 < have->distance)
		*have = (struct nearest){ other->distance + 1, other->broken };
}

static double share_broken(const struct search *search)
{
	double broken = BROKEN_BEFORE, tried = TRIED_BEFORE;

	for (uint32_t v = search->first; v <= search->last; v++) {
		struct nearest own = state_of_commit(search, v);

		tried += own.distance == 0;
		broken += own.distance == 0 && own.broken;
	}
	return broken / tried;
}

/* Chance of going from state to state in so many steps. */
static double transition(double share, bool from_broken, bool to_broken, uint32_t distance)
{
	double memory = exp(-(double)distance / LENGTH), of_target = to_broken ? share : 1 - share;

	return from_broken == to_broken ? of_target + (1 - of_target) * memory : of_target * (1 - memory);
}

static double chance_between(double share, const struct nearest *older, const struct nearest *newer)
{
	double ok = 1 - share, broken = share;

	if (older->distance < FAR) {
		ok = transition(share, older->broken, false, older->distance);
		broken = transition(share, older->broken, true, older->distance);
	}
	if (newer->distance < FAR) {
		ok *= transition(share, false, newer->broken, newer->distance);
		broken *= transition(share, true, newer->broken, newer->distance);
	}
	return ok / (ok + broken);
}

double *chances_to_build(const struct search *search)
{
	const struct graph *graph = search->graph;
	uint32_t n = graph->n;
	double *chance = mem_array(n, sizeof(*chance)), share = share_broken(search);
	struct nearest *older = mem_array(n, sizeof(*older)), *newer = mem_array(n, sizeof(*newer));

	for (uint32_t v = 0; v < n; v++) {
		older[v] = newer[v] = state_of_commit(search, v);
		for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++)
			take_nearer(&older[v], &older[graph->parent[e]]);
	}
	for (uint32_t v = n; v-- > 0;) {
		for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++)
			take_nearer(&newer[graph->parent[e]], &newer[v]);
		if (older[v].distance == 0)
			chance[v] = older[v].broken ? 0 : 1;
		else
			chance[v] = chance_between(share, &older[v], &newer[v]);
	}
	free(older);
	free(newer);
	return chance;
}

/* Where builds cost something, a commit deep inside a broken stretch is taken as broken unseen. */
void presume_broken(const struct search *search, struct state *state)
{
	double *chance;

	if (!search->n_dead || !(search->options.build_cost > 0))
		return;
	chance = chances_to_build(search);
	state->presumed = mem_array(search->graph->n, sizeof(bool));
	for (uint32_t v = search->first; v <= search->last; v++)
		state->presumed[v] = search->in_range[v] && v != search->bad &&
			chance[v] < PRESUMED;
	free(chance);
}
