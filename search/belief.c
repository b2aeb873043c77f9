/*
 * The posterior: which candidate explains the runs how well.  docs/search.md holds the
 * formulas and their sources.
 */
#include <math.h>

#include "base/mem.h"
#include "search/internal.h"

#define NO_CULPRIT_PRIOR 0.02

/* ln B(a, b) */
static double ln_beta(double a, double b)
{
	int sign;

	return lgamma_r(a, &sign) + lgamma_r(b, &sign) - lgamma_r(a + b, &sign);
}

/* Either the error shows every time, or at a rate nobody knows. */
static double ln_bad_side(double bad, double passes)
{
	double unknown_rate = log(0.7) + ln_beta(1 + bad, 1 + passes);

	return passes > 0 ? unknown_rate : log(0.3 + exp(unknown_rate));
}

/* No candidate that is left has a bad run on its good side. */
static double ln_good_side(double passes)
{
	return log(0.7 + 0.3 * exp(ln_beta(1, 30 + passes) - ln_beta(1, 30)));
}

static double ln_no_culprit(const struct state *state)
{
	return log(NO_CULPRIT_PRIOR) + ln_beta(0.5 + state->n_bad, 1.0 + state->n_good) -
		ln_beta(0.5, 1);
}

/* `passes`: how many of all passes were on the bad side, if this is the culprit. */
static double ln_culprit(const struct search *search, const struct state *state, unsigned passes)
{
	return log((1 - NO_CULPRIT_PRIOR) / (double)search->n_range) +
		ln_bad_side(state->n_bad, passes) + ln_good_side(state->n_good - passes);
}

void belief_passes(const struct search *search, const struct state *state, uint32_t *passes)
{
	const struct graph *graph = search->graph;
	bool *ancestor = mem_array(graph->n, sizeof(*ancestor));

	memset(passes, 0, state->live.n * sizeof(*passes));
	for (uint32_t v = 0; v < graph->n; v++) {
		unsigned good = search->counts[v][OBSERVED_GOOD];

		if (!good || state->good_side[v])
			continue;
		graph_mark_ancestors(graph, v, ancestor);
		for (uint32_t i = 0; i < state->live.n; i++)
			passes[i] += ancestor[state->vertex[i]] ? good : 0;
	}
	free(ancestor);
}

struct weights {
	double ln_scale;	/* the others are relative to this: thousands of runs do not underflow */
	double live, no_culprit, parents;
};

/* ret may be NULL: the weight of each candidate left. */
static struct weights weigh(const struct search *search, const struct state *state, double *ret)
{
	struct weights w = { .ln_scale = ln_no_culprit(state) };
	uint32_t *passes = mem_array(state->live.n, sizeof(*passes));

	belief_passes(search, state, passes);
	for (uint32_t i = 0; i < state->live.n; i++)
		w.ln_scale = fmax(w.ln_scale, ln_culprit(search, state, passes[i]));
	w.no_culprit = exp(ln_no_culprit(state) - w.ln_scale);
	for (uint32_t i = 0; i < state->live.n; i++) {
		double weight = exp(ln_culprit(search, state, passes[i]) - w.ln_scale);

		if (ret)
			ret[state->vertex[i]] = weight;
		w.live += weight;
	}
	free(passes);
	return w;
}

void search_belief(struct search *search, double *ret)
{
	const struct state *state = state_of(search);
	struct weights w;

	for (uint32_t v = 0; v < search->graph->n; v++)
		ret[v] = 0;
	w = weigh(search, state, ret);
	for (uint32_t i = 0; i < state->live.n; i++)
		ret[state->vertex[i]] /= w.live + w.no_culprit;
}

/* A parent was ruled out by its passes alone: all of them could have been luck. */
static bool add_parent(const struct search *search, const struct state *state, uint32_t v, bool tip,
	void *ctx)
{
	struct weights *w = ctx;
	bool *below;
	unsigned passes = 0;

	if (tip || !search->counts[v][OBSERVED_GOOD])
		return false;
	below = mem_array(search->graph->n, sizeof(*below));
	below[v] = true;
	graph_close_descendants(search->graph, below);
	for (uint32_t i = v; i < search->graph->n; i++)
		passes += below[i] ? search->counts[i][OBSERVED_GOOD] : 0;
	w->parents += exp(ln_culprit(search, state, passes) - w->ln_scale);
	free(below);
	return false;
}

double belief_confidence(const struct search *search, const struct state *state)
{
	struct weights w = weigh(search, state, NULL);

	if (!search->options.trust_runs)
		each_witness(search, state, add_parent, &w);
	return w.live / (w.live + w.no_culprit + w.parents);
}
