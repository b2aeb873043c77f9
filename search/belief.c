/*
 * From observations to a posterior over the candidates, "no change in the range" and "the good end
 * is bad already".
 */
#include <math.h>

#include "base/mem.h"
#include "search/internal.h"

#define RATIO_UNIT 4294967296.0		/* fixed point, so that a sum does not depend on its order */

double entropy(double p)
{
	return p <= 0 || p >= 1 ? 0 : -p * log2(p) - (1 - p) * log2(1 - p);
}

static void class_rates(struct class *class, double inside, double outside)
{
	class->fail_in = inside;
	class->fail_out = outside;
	class->bits_in = entropy(inside);
	class->bits_out = entropy(outside);
}

/*
 * What a run of a bad commit tells of their rate: the entropy of its outcome, times the share of its variance which is the
 * doubt about the rate, that is the correlation of two runs.  For a beta distribution of n runs it is 1 / (n + 1).
 */
static double learned(struct model *model, unsigned fails, unsigned passes)
{
	double next = model_bad_next(model, fails, passes), again;

	if (model->known || next >= 1)
		return 0;
	again = model_bad_next(model, fails + 1, passes);
	return entropy(next) * (again - next) / (1 - next);
}

static void class_fill(struct search *search, struct class *class)
{
	struct model *model = &search->model;
	const unsigned *earlier = search->earlier;
	unsigned f = class->fails, p = class->passes, good_f, good_p;
	double bad, good;

	if (search->options.fix) {	/* what contains the fix is good, the rest bad */
		f = search->n_fails - f;
		p = search->n_passes - p;
	}
	good_f = search->n_fails - f + earlier[2];
	good_p = search->n_passes - p + earlier[3];
	f += earlier[0];
	p += earlier[1];
	class->log_likelihood = model_bad(model, f, p) + model_good(model, good_f, good_p);
	bad = model_bad_next(model, f, p);
	good = model_good_next(model, good_f, good_p);
	class_rates(class, search->options.fix ? good : bad, search->options.fix ? bad : good);
	class->learned = search->ratio ? 0 : learned(model, f, p);
}

/* A table from (fails, passes) to the class, by open addressing. */
struct index {
	uint32_t *slot;
	size_t mask;
	size_t cap;
};

static void index_grow(struct index *index, const struct state *state)
{
	size_t size = index->mask ? (index->mask + 1) * 2 : 256;

	free(index->slot);
	index->slot = mem_array(size, sizeof(*index->slot));
	index->mask = size - 1;
	for (size_t i = 0; i < state->n_classes; i++) {
		size_t k = (state->class[i].fails * 2654435761u ^ state->class[i].passes * 40503u);

		while (index->slot[k & index->mask])
			k++;
		index->slot[k & index->mask] = (uint32_t)i + 1;
	}
}

static uint32_t index_class(struct index *index, const struct search *search, struct state *state,
	uint32_t fails, uint32_t passes)
{
	size_t k = fails * 2654435761u ^ passes * 40503u;

	for (; index->slot[k & index->mask]; k++) {
		uint32_t i = index->slot[k & index->mask] - 1;

		if (state->class[i].fails == fails && state->class[i].passes == passes)
			return i;
	}
	MEM_GROW(state->class, state->n_classes + 1, index->cap);
	state->class[state->n_classes] = (struct class){ .fails = fails, .passes = passes };
	class_fill((struct search *)search, &state->class[state->n_classes]);
	index->slot[k & index->mask] = (uint32_t)++state->n_classes;
	if (state->n_classes * 2 > index->mask)
		index_grow(index, state);
	return (uint32_t)state->n_classes - 1;
}

static void sort_into_classes(const struct search *search, struct state *state)
{
	struct index index = { 0 };
	uint32_t last = UINT32_MAX;

	index_grow(&index, state);
	for (uint32_t v = search->first; v <= search->last; v++) {
		if (!is_hypothesis(search, v))
			continue;
		if (last == UINT32_MAX || state->class[last].fails != search->fails[v] ||
			state->class[last].passes != search->passes[v])
			last = index_class(&index, search, state, search->fails[v], search->passes[v]);
		state->class_of[v] = last;
	}
	free(index.slot);
}

static void other_hypotheses(struct search *search, struct state *state)
{
	struct model *model = &search->model;
	const unsigned *earlier = search->earlier;
	unsigned bad_f = search->n_fails + earlier[0], bad_p = search->n_passes + earlier[1];
	unsigned all_f = bad_f + earlier[2], all_p = bad_p + earlier[3];
	double rate;

	state->old.log_likelihood = model_bad(model, bad_f, bad_p) +
		model_good(model, earlier[2], earlier[3]);
	rate = model_bad_next(model, bad_f, bad_p);
	class_rates(&state->old, rate, rate);
	state->null.log_likelihood = model_null(model, all_f, all_p);
	/* to a measurement "no change" is that all are good */
	rate = search->ratio ? model_good_next(model, earlier[2], earlier[3]) :
		model_null_next(model, all_f, all_p);
	class_rates(&state->null, rate, rate);
}

/* Measurements against the hypothesis that every commit is good; so "no change" has none. */
static double old_ratio(const struct search *search)
{
	return search->ratio ? (double)search->ratio[search->graph->n] / RATIO_UNIT : 0;
}

static double ratio_of(const struct search *search, uint32_t v)
{
	int64_t sum = search->ratio[v];

	if (search->options.fix)	/* bad is what does not contain it */
		sum = search->ratio[search->graph->n] - sum;
	return (double)sum / RATIO_UNIT;
}

static double class_highest(const struct search *search, const struct state *state)
{
	double most = -INFINITY;

	for (size_t i = 0; i < state->n_classes && !search->ratio; i++)
		most = fmax(most, state->class[i].log_likelihood);
	for (uint32_t v = search->first; v <= search->last && search->ratio; v++)
		if (is_hypothesis(search, v))
			most = fmax(most, state->class[state->class_of[v]].log_likelihood +
				ratio_of(search, v));
	return most;
}

/* Is a root of the range in every commit that can still be run? */
static bool is_everywhere(const struct search *search, uint32_t root)
{
	bool *below = mem_array(search->graph->n, sizeof(*below)), everywhere = true;

	below[root] = true;
	graph_close_descendants(search->graph, below);
	for (uint32_t v = search->first; v <= search->last; v++)
		everywhere &= below[v] || !search->in_range[v] || commit_is_dead(search, v);
	free(below);
	return everywhere;
}

static bool is_root(const struct search *search, uint32_t v)
{
	const struct graph *graph = search->graph;

	for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++)
		if (search->in_range[graph->parent[e]])
			return false;
	return search->in_range[v];
}

/*
 * Where no commit that counts as good can be run, and one root of the range is in every commit that
 * can, that root as culprit and the error being older look the same: it is taken as the culprit.
 */
static bool good_side_is_seen(const struct search *search)
{
	uint32_t oldest = search->first;
	bool *inside, seen = true;

	for (size_t i = 0; i < search->n_good; i++)
		if (!commit_is_dead(search, search->good[i]))
			return true;
	for (uint32_t v = 0; v < search->graph->n; v++)
		if (search->supposed_good[v] && commit_was_seen(search, v))
			return true;
	while (oldest < search->last &&
		(!search->in_range[oldest] || commit_is_dead(search, oldest)))
		oldest++;
	inside = mem_array(search->graph->n, sizeof(*inside));
	graph_mark_ancestors(search->graph, oldest, inside);
	for (uint32_t v = search->first; v <= oldest && seen; v++)
		seen = !(inside[v] && is_root(search, v) && is_everywhere(search, v));
	free(inside);
	return seen;
}

static void weigh(const struct search *search, struct state *state)
{
	double most = class_highest(search, state), total = 0, prior_old = 0, prior_null = 0;

	if (good_side_is_seen(search)) {
		prior_old = search->prior_old;
		prior_null = search->prior_null;
	}
	if (prior_old > 0)
		most = fmax(most, state->old.log_likelihood + old_ratio(search));
	if (prior_null > 0)
		most = fmax(most, state->null.log_likelihood);
	if (most == -INFINITY) {
		state->impossible = true;
		return;
	}
	for (size_t i = 0; i < state->n_classes; i++)
		state->class[i].weight = exp(state->class[i].log_likelihood - most);
	for (uint32_t v = search->first; v <= search->last; v++) {
		const struct class *class = &state->class[state->class_of[v]];

		if (!search->in_range[v] && !(prior_old > 0 && is_hypothesis(search, v)))
			continue;
		state->mass[v] = search->prior[v] * (search->ratio ?
			exp(class->log_likelihood + ratio_of(search, v) - most) : class->weight);
		total += state->mass[v];
	}
	if (prior_old > 0)
		state->mass_old = prior_old *
			exp(state->old.log_likelihood + old_ratio(search) - most);
	if (prior_null > 0)
		state->mass_null = prior_null * exp(state->null.log_likelihood - most);
	total += state->mass_old + state->mass_null;
	if (!(total > 0)) {
		state->impossible = true;
		return;
	}
	state->log_evidence = most + log(total);
	for (uint32_t v = search->first; v <= search->last; v++)
		state->mass[v] /= total;
	state->mass_old /= total;
	state->mass_null /= total;
}

double mass_of_no_culprit(const struct state *state)
{
	return state->mass_old + state->mass_null + state->mass_ends;
}

void belief_make(const struct search *search, struct state *state)
{
	uint32_t n = search->graph->n;
	double inside = 0;

	state->class_of = mem_array(n, sizeof(*state->class_of));
	state->mass = mem_array(n, sizeof(*state->mass));
	state->top = UINT32_MAX;
	sort_into_classes(search, state);
	other_hypotheses((struct search *)search, state);
	weigh(search, state);
	for (uint32_t v = search->first; v <= search->last; v++) {
		const struct class *class = &state->class[state->class_of[v]];

		if (!(state->mass[v] > 0))
			continue;
		inside += state->mass[v];
		state->bad_rate += state->mass[v] *
			(search->options.fix ? class->fail_out : class->fail_in);
		state->learned += state->mass[v] * class->learned;
		if (!search->in_range[v])
			state->mass_ends += state->mass[v];
		else if (state->mass[v] > state->top_mass) {
			state->top = v;
			state->top_mass = state->mass[v];
		}
	}
	if (inside > 0) {
		state->bad_rate /= inside;
		state->learned /= inside;
	}
	state->set_mass = state->top_mass;
}

/* Of a commit aside of the range no run will be asked for, but it may have been seen. */
static bool can_tell(const struct search *search, uint32_t v)
{
	return !commit_is_dead(search, v) &&
		(search->in_range[v] || search->is_good_end[v] || commit_was_seen(search, v));
}

/*
 * The candidates that answer every possible run as the top one does: they are in each testable
 * descendant of it and in no other testable commit.
 */
void belief_find_set(const struct search *search, struct state *state)
{
	const struct graph *graph = search->graph;
	uint32_t n = graph->n, n_frontier = 0, *in = mem_array(n, sizeof(*in));
	bool *below = mem_array(n, sizeof(*below)), *outside = mem_array(n, sizeof(*outside));
	bool *reached = mem_array(n, sizeof(*reached));

	/* reached: the top's descendants by ways without a testable commit; below: all of them */
	below[state->top] = reached[state->top] = true;
	for (uint32_t v = state->top; v < n; v++) {
		for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++) {
			below[v] |= below[graph->parent[e]];
			reached[v] |= reached[graph->parent[e]] &&
				!can_tell(search, graph->parent[e]);
		}
		if (can_tell(search, v)) {
			outside[v] = !below[v];
			if (reached[v]) {
				memset(search->mark, 0, n);
				search->mark[v] = true;
				graph_close_ancestors(graph, search->mark);
				for (uint32_t i = 0; i <= v; i++)
					in[i] += search->mark[i];
				n_frontier++;
			}
		}
	}
	for (uint32_t v = 0; v < state->top; v++)
		outside[v] = can_tell(search, v);
	graph_close_ancestors(graph, outside);
	state->set = mem_array(n, sizeof(*state->set));
	state->set_mass = 0;
	for (uint32_t v = 0; v < n; v++) {
		if (!search->in_range[v] || outside[v] || in[v] != n_frontier)
			continue;
		state->set[state->n_set++] = v;
		state->set_mass += state->mass[v];
	}
	free(in);
	free(below);
	free(outside);
	free(reached);
}
