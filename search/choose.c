/*
 * The next search probe: the one that tells most, given what is in flight already.
 */
#include <math.h>

#include "base/mem.h"
#include "search/internal.h"

#define LEAST_BITS 1e-9		/* less than this is rounding */
#define LEAST_WEIGHT 1e-9	/* of a candidate beside the likeliest: keeps every one countable */
#define SAME 1e-12		/* scores this near are a tie; the oldest commit wins it */

struct choice {
	const struct search *search;
	const struct state *state;
	uint32_t n;
	double *weight;		/* per candidate */
	uint32_t *passes;	/* equal passes, equal weight */
	double total;
	uint32_t *cell;		/* per candidate: which piece, as the runs in flight cut the range */
	double *bits;		/* per candidate: what a run of it would tell */
};

/* The entropy of a coin. */
static double entropy(double x)
{
	return x <= 0 || x >= 1 ? 0 : -x * log2(x) - (1 - x) * log2(1 - x);
}

/*
 * What one run tells when the commit is bad with chance inside / all and a bad commit passes at
 * pass_rate (the mutual information of a Z channel).
 */
static double information(double inside, double all, double pass_rate)
{
	double x = inside / all;

	if (pass_rate > 0)
		return entropy(x * (1 - pass_rate)) - x * entropy(pass_rate);
	/* the smaller side, so that both halves of a tie give the same number */
	return entropy(2 * inside > all ? (all - inside) / all : x);
}

static void weigh(struct choice *c, const uint32_t *extra_passes)
{
	uint32_t least = UINT32_MAX;

	for (uint32_t i = 0; i < c->n; i++) {
		c->passes[i] += extra_passes ? extra_passes[i] : 0;
		least = c->passes[i] < least ? c->passes[i] : least;
	}
	c->total = 0;
	for (uint32_t i = 0; i < c->n; i++) {
		double w = 1;

		if (c->passes[i] > least)
			w = pow(c->state->pass_rate, c->passes[i] - least);

		c->weight[i] = w > LEAST_WEIGHT ? w : LEAST_WEIGHT;
		c->total += c->weight[i];
	}
}

static bool first_flight_of(const struct search *search, size_t k)
{
	for (size_t i = 0; i < k; i++) {
		if (search->flights[i].commit == search->flights[k].commit)
			return false;
	}
	return true;
}

/* Splits every cell into the part that a run in flight covers and the rest. */
static void cut_into_cells(struct choice *c)
{
	bool *covered = mem_array(c->n, sizeof(*covered));
	uint32_t *split = mem_array(c->n, sizeof(*split)), *size = mem_array(c->n, sizeof(*size));
	uint32_t n_cells = 1;

	for (size_t k = 0; k < c->search->n_flights; k++) {
		uint32_t v = c->search->flights[k].commit, n_before = n_cells;

		if (!first_flight_of(c->search, k) || !wanted_probe(c->search, c->state, v))
			continue;
		graph_mark_ancestors(&c->state->live, c->state->live_of[v], covered);
		memset(size, 0, n_before * sizeof(*size));
		memset(split, 0, n_before * sizeof(*split));
		for (uint32_t i = 0; i < c->n; i++)
			size[c->cell[i]] += !covered[i];
		for (uint32_t i = 0; i < c->n; i++) {
			uint32_t cell = c->cell[i];

			if (!covered[i] || !size[cell])
				continue;
			if (!split[cell])
				split[cell] = n_cells++;
			c->cell[i] = split[cell];
		}
	}
	free(covered);
	free(split);
	free(size);
}

struct column {
	uint32_t cell, passes, i;
};

static int compare_columns(const void *a, const void *b)
{
	const struct column *x = a, *y = b;

	if (x->cell != y->cell)
		return x->cell < y->cell ? -1 : 1;
	if (x->passes != y->passes)
		return x->passes < y->passes ? -1 : 1;
	return x->i < y->i ? -1 : x->i > y->i;
}

/* bits[i] = sum over the cells of their share times what candidate i tells in there. */
static void measure(struct choice *c)
{
	struct column *column = mem_array(c->n, sizeof(*column));
	uint32_t *order = mem_array(c->n, sizeof(*order));
	double *inside = mem_array(c->n, sizeof(*inside));
	bool sorted = true;

	for (uint32_t i = 0; i < c->n; i++) {
		column[i] = (struct column){ c->cell[i], c->passes[i], i };
		sorted = sorted && (!i || compare_columns(&column[i - 1], &column[i]) < 0);
		c->bits[i] = 0;
	}
	if (!sorted)
		qsort(column, c->n, sizeof(*column), compare_columns);
	for (uint32_t i = 0; i < c->n; i++)
		order[i] = column[i].i;
	for (uint32_t begin = 0, end; begin < c->n; begin = end) {
		double all = 0;

		for (end = begin; end < c->n && column[end].cell == column[begin].cell; end++)
			all += c->weight[order[end]];
		memset(inside, 0, c->n * sizeof(*inside));
		graph_add_column_weights(&c->state->live, order + begin, end - begin, c->weight,
			inside);
		for (uint32_t i = 0; i < c->n; i++) {
			if (inside[i] > 0 && inside[i] < all)
				c->bits[i] += all / c->total *
					information(inside[i], all, c->state->pass_rate);
		}
	}
	free(column);
	free(order);
	free(inside);
}

/*
 * Commits that do not build stand together: the chance that a neighbour does, by distance in the
 * graph (5 % break alone, a stretch is about 20 long).  Only weighs one probe against another.
 */
static double *chances_to_say_something(const struct choice *c)
{
	const struct graph *live = &c->state->live;
	double *chance = mem_array(c->n, sizeof(*chance));
	uint32_t *far = mem_array(c->n, sizeof(*far));

	for (uint32_t i = 0; i < c->n; i++) {
		uint32_t v = c->state->vertex[i];

		far[i] = 1000;
		if (commit_is_dead(c->search, v) || commit_is_set_aside(c->search, v))
			far[i] = 0;
		for (uint32_t e = live->first[i]; e < live->first[i + 1]; e++) {
			if (far[live->parent[e]] + 1 < far[i])
				far[i] = far[live->parent[e]] + 1;
		}
	}
	for (uint32_t i = c->n; i-- > 0;) {
		for (uint32_t e = live->first[i]; e < live->first[i + 1]; e++) {
			if (far[i] + 1 < far[live->parent[e]])
				far[live->parent[e]] = far[i] + 1;
		}
	}
	for (uint32_t i = 0; i < c->n; i++)
		chance[i] = far[i] >= 1000 ? 1 : (0.95 - 0.92 * exp(-(double)far[i] / 20)) / 0.95;
	free(far);
	return chance;
}

/* The best of those never tried in vain, or of those set aside. */
static uint32_t best_of(const struct choice *c, const double *chance, bool set_aside)
{
	uint32_t best = UINT32_MAX;
	double best_score = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		uint32_t v = c->state->vertex[i];
		double score = c->bits[i] * (set_aside ? 1 : chance[i]);

		if (commit_is_set_aside(c->search, v) != set_aside ||
			!wanted_probe(c->search, c->state, v) || commit_flights(c->search, v))
			continue;
		if (best == UINT32_MAX || score > best_score + SAME * best_score) {
			best = i;
			best_score = score;
		}
	}
	return best;
}

/*
 * A commit that must pass several times may run several times at once.  Its further runs count as
 * if those in flight passed: if one of them does not, all the others are cancelled anyway.
 */
static uint32_t best_repeat(struct choice *c, double *ret_bits)
{
	const struct search *search = c->search;
	uint32_t *extra = mem_array(c->n, sizeof(*extra)), best = UINT32_MAX;
	bool *covered = mem_array(c->n, sizeof(*covered));

	*ret_bits = 0;
	for (size_t k = 0; k < search->n_flights; k++) {
		uint32_t v = search->flights[k].commit;

		if (!wanted_probe(search, c->state, v))
			continue;
		graph_mark_ancestors(&c->state->live, c->state->live_of[v], covered);
		for (uint32_t i = 0; i < c->n; i++)
			extra[i] += covered[i];
	}
	weigh(c, extra);
	for (size_t k = 0; k < search->n_flights; k++) {
		uint32_t v = search->flights[k].commit;
		double inside = 0, bits;

		if (!first_flight_of(search, k) || !wanted_probe(search, c->state, v) ||
			search->counts[v][OBSERVED_GOOD] + commit_flights(search, v) >=
			c->state->passes_needed)
			continue;
		graph_mark_ancestors(&c->state->live, c->state->live_of[v], covered);
		for (uint32_t i = 0; i < c->n; i++)
			inside += covered[i] ? c->weight[i] : 0;
		bits = information(inside, c->total, c->state->pass_rate);
		if (best == UINT32_MAX || bits > *ret_bits) {
			best = c->state->live_of[v];
			*ret_bits = bits;
		}
	}
	free(extra);
	free(covered);
	return best;
}

static bool fresh_probe_in_flight(const struct search *search, const struct state *state)
{
	for (size_t k = 0; k < search->n_flights; k++) {
		if (wanted_probe(search, state, search->flights[k].commit) &&
			!commit_is_set_aside(search, search->flights[k].commit))
			return true;
	}
	return false;
}

static uint32_t choose(struct choice *c, double *ret_bits)
{
	bool flaky = c->state->pass_rate > 0, idle = c->search->n_flights == 0;
	double *chance, repeat_bits;
	uint32_t best, repeat;

	if (flaky)
		belief_passes(c->search, c->state, c->passes);
	weigh(c, NULL);
	cut_into_cells(c);
	measure(c);
	chance = chances_to_say_something(c);
	best = best_of(c, chance, false);
	if (best != UINT32_MAX && c->bits[best] < LEAST_BITS && !idle)
		best = UINT32_MAX;
	if (best == UINT32_MAX && !fresh_probe_in_flight(c->search, c->state)) {
		best = best_of(c, chance, true);
		if (best != UINT32_MAX && c->bits[best] < LEAST_BITS && !idle)
			best = UINT32_MAX;
	}
	free(chance);
	*ret_bits = best != UINT32_MAX ? c->bits[best] : 0;
	if (flaky && !idle) {
		repeat = best_repeat(c, &repeat_bits);
		if (repeat != UINT32_MAX && repeat_bits > *ret_bits && repeat_bits >= LEAST_BITS) {
			*ret_bits = repeat_bits;
			best = repeat;
		}
	}
	return best;
}

bool choose_probe(const struct search *search, const struct state *state, uint32_t *ret,
	double *ret_bits)
{
	struct choice c = { .search = search, .state = state, .n = state->live.n };
	uint32_t best;
	double bits;

	if (!state->can_split)
		return false;
	c.weight = mem_array(c.n, sizeof(*c.weight));
	c.passes = mem_array(c.n, sizeof(*c.passes));
	c.cell = mem_array(c.n, sizeof(*c.cell));
	c.bits = mem_array(c.n, sizeof(*c.bits));
	best = choose(&c, &bits);
	free(c.weight);
	free(c.passes);
	free(c.cell);
	free(c.bits);
	if (best == UINT32_MAX)
		return false;
	*ret = state->vertex[best];
	*ret_bits = bits;
	return true;
}
