#include "tests/unit/search_worlds.h"

#include <check.h>
#include <math.h>

#include "search/model.h"

uint64_t seed;

uint32_t dice(uint32_t sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % sides);
}

void find_ancestors(struct world *world)
{
	for (uint32_t v = 0; v < world->graph.n; v++) {
		world->inside[v] = 1u << v;
		for (uint32_t e = world->graph.first[v]; e < world->graph.first[v + 1]; e++)
			world->inside[v] |= world->inside[world->graph.parent[e]];
	}
}

uint32_t candidates(const struct world *world)
{
	uint32_t set = world->inside[world->bad];

	for (size_t i = 0; i < world->n_good; i++)
		set &= ~world->inside[world->good[i]];
	return set;
}

struct search *begin(const struct world *world)
{
	struct search *search;
	struct search_options options = world->options;

	if (options.prior)
		options.prior = world->prior;
	ck_assert_int_eq(search_new(&search, &world->graph, world->bad, world->good, world->n_good, &options, NULL), 0);
	search_earlier(search, world->earlier[0], world->earlier[1], world->earlier[2], world->earlier[3]);
	return search;
}

void tell(struct search *search, const struct seen *seen)
{
	if (seen->is_ratio)
		search_observe_ratio(search, seen->commit, seen->ratio, false);
	else
		search_observe_by(search, seen->commit, seen->what, false, seen->box);
}

struct search *begin_and_tell(const struct world *world)
{
	struct search *search = begin(world);

	for (unsigned i = 0; i < world->n_seen; i++)
		tell(search, &world->seen[i]);
	return search;
}

void push(struct world *world, uint32_t commit, enum observation what)
{
	ck_assert_uint_lt(world->n_seen, MAX_SEEN);
	world->seen[world->n_seen++] = (struct seen){ .commit = commit, .what = what };
}

/* Bayes by hand */

/* What the engine believes before any run, which nobody but its header fixes: the shares of "old" and of "null". */
static void find_shares(const struct search_options *options, double *old, double *nothing)
{
	struct world line = { .bad = 1, .n_good = 1, .options = *options };
	double belief[2][2];

	line.options.prior = NULL;
	ck_assert_int_eq(graph_add(&line.graph, NULL, 0, NULL, NULL), 0);
	ck_assert_int_eq(graph_add(&line.graph, (uint32_t[]){ 0 }, 1, NULL, NULL), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct search *search = begin(&line);

		search_belief(search, belief[i]);
		search_free(search);
		line.options.no_change = -1;
	}
	*old = 1 - belief[1][1];
	*nothing = belief[1][1] - belief[0][1];
	graph_release(&line.graph);
}

/* Beta-binomial, a factor a run: the chance of so many failures and passes in one order. */
static long double slab(const struct rate_prior *rate, unsigned fails, unsigned passes)
{
	long double product = 1;

	for (unsigned i = 0; i < fails; i++)
		product *= ((long double)rate->a + i) / ((long double)rate->a + rate->b + i);
	for (unsigned i = 0; i < passes; i++)
		product *= ((long double)rate->b + i) / ((long double)rate->a + rate->b + fails + i);
	return product;
}

static long double likelihood(const struct rate_prior *rate, bool spike_fits, unsigned fails, unsigned passes)
{
	return (spike_fits ? rate->spike : 0) + (1 - (long double)rate->spike) * slab(rate, fails, passes);
}

static long double likelihood_bad(const struct model *model, unsigned fails, unsigned passes)
{
	const struct rate_prior *bad = &model->bad;
	long double flaky = (1 - (long double)model->nearly) * slab(bad, fails, passes) +
		model->nearly * slab(&model->nearly_bad, fails, passes);

	return (passes ? 0 : bad->spike) + (1 - (long double)bad->spike) * flaky;
}

struct tally {
	unsigned fails[2], passes[2];		/* of good, of bad commits */
	double ratio;
};

static struct tally tally_of(const struct world *world, uint32_t hypothesis)
{
	struct tally tally = { .fails = { world->earlier[2], world->earlier[0] },
		.passes = { world->earlier[3], world->earlier[1] } };

	for (unsigned i = 0; i < world->n_seen; i++) {
		const struct seen *seen = &world->seen[i];
		bool bad = hypothesis == OLD ||
			(hypothesis < OLD && (world->inside[seen->commit] >> hypothesis & 1) != world->options.fix);

		if (seen->is_ratio)
			tally.ratio += bad ? seen->ratio : 0;
		else if (seen->what == OBSERVED_BAD)
			tally.fails[bad]++;
		else if (seen->what == OBSERVED_GOOD)
			tally.passes[bad]++;
	}
	return tally;
}

static long double weigh(const struct world *world, uint32_t hypothesis)
{
	struct tally t = tally_of(world, hypothesis);
	const struct search_options *options = &world->options;
	long double product;
	struct model model;

	model_init(&model);
	if (hypothesis == NOTHING)
		return slab(&model.null, t.fails[0] + t.fails[1], t.passes[0] + t.passes[1]);
	if (options->trust_runs)
		product = !t.passes[1] && !t.fails[0];
	else if (options->rates_known)
		product = powl(1 - (long double)options->bad_pass, t.fails[1]) * powl(options->bad_pass, t.passes[1]) *
			powl(options->good_fail, t.fails[0]) * powl(1 - (long double)options->good_fail, t.passes[0]);
	else
		product = likelihood_bad(&model, t.fails[1], t.passes[1]) *
			likelihood(&model.good, !t.fails[0], t.fails[0], t.passes[0]);
	return product * expl(t.ratio);
}

/* With no good end, one root in all candidates is as good as "old" and "null". */
static bool has_good_side(const struct world *world)
{
	unsigned roots = 0;

	for (uint32_t v = 0; v < world->graph.n; v++)
		roots += (candidates(world) >> v & 1) && world->graph.first[v] == world->graph.first[v + 1];
	return world->n_good || roots > 1;
}

static long double prior_of(const struct world *world, uint32_t c, double rest)
{
	unsigned n = (unsigned)__builtin_popcount(candidates(world));
	double sum = 0;

	for (uint32_t v = 0; v < world->graph.n; v++)
		sum += candidates(world) >> v & 1 ? world->prior[v] : 0;
	if (!world->options.prior || !(sum > 0))
		return rest / n;
	return 0.2L * rest / n + 0.8L * rest * world->prior[c] / sum;
}

/* Of several good ends those that no other contains: each may be bad alone, which "old" does not cover. */
static uint32_t doubted_ends(const struct world *world)
{
	uint32_t set = 0;

	for (size_t i = 0; i < world->n_good; i++)
		set |= 1u << world->good[i];
	for (size_t i = 0; i < world->n_good; i++)
		set &= ~world->inside[world->good[i]] | 1u << world->good[i];
	return world->options.fix || __builtin_popcount(set) < 2 ? 0 : set;
}

bool posterior(const struct world *world, double ret[N_HYPOTHESES])
{
	long double weight[N_HYPOTHESES] = { 0 }, sum = 0;
	double old, nothing;
	uint32_t ends;
	unsigned n_ends;

	find_shares(&world->options, &old, &nothing);
	ends = doubted_ends(world);
	n_ends = (unsigned)__builtin_popcount(ends);
	for (uint32_t v = 0; v < world->graph.n; v++)
		if (candidates(world) >> v & 1)
			weight[v] = weigh(world, v) * prior_of(world, v, 1 - old - nothing);
	if (has_good_side(world)) {
		weight[OLD] = old > 0 ? weigh(world, OLD) * old / (ends ? 2 : 1) : 0;
		for (uint32_t v = 0; v < world->graph.n && old > 0; v++)
			if (ends >> v & 1)
				weight[v] = weigh(world, v) * old / 2 / n_ends;
		weight[NOTHING] = nothing > 0 ? weigh(world, NOTHING) * nothing : 0;
	}
	for (unsigned i = 0; i < N_HYPOTHESES; i++)
		sum += weight[i];
	for (unsigned i = 0; i < N_HYPOTHESES; i++)
		ret[i] = sum > 0 ? (double)(weight[i] / sum) : 0;
	return sum > 0;
}

static double doubt(const struct world *world)
{
	double p[N_HYPOTHESES], bits = 0;

	posterior(world, p);
	for (unsigned i = 0; i < N_HYPOTHESES; i++)
		bits -= p[i] > 0 ? p[i] * log2(p[i]) : 0;
	return bits;
}

static double chance_to_fail(struct world *world, uint32_t commit)
{
	double p[N_HYPOTHESES], sum = 0;

	posterior(world, p);
	for (uint32_t i = 0; i < N_HYPOTHESES; i++) {
		long double before;

		if (!(p[i] > 0))
			continue;
		before = weigh(world, i);
		push(world, commit, OBSERVED_BAD);
		sum += p[i] * (double)(weigh(world, i) / before);
		world->n_seen--;
	}
	return sum;
}

/* Doubt that is left on average when all these have run. */
static double doubt_after(struct world *world, const uint32_t *commits, unsigned n)
{
	double fails, sum = 0;

	if (!n)
		return doubt(world);
	fails = chance_to_fail(world, commits[0]);
	if (fails > 0) {
		push(world, commits[0], OBSERVED_BAD);
		sum += fails * doubt_after(world, commits + 1, n - 1);
		world->n_seen--;
	}
	if (fails < 1) {
		push(world, commits[0], OBSERVED_GOOD);
		sum += (1 - fails) * doubt_after(world, commits + 1, n - 1);
		world->n_seen--;
	}
	return sum;
}

double told(struct world *world, const uint32_t *flights, unsigned n, uint32_t v)
{
	uint32_t all[8];

	for (unsigned i = 0; i < n; i++)
		all[i] = flights[i];
	all[n] = v;
	return doubt_after(world, all, n) - doubt_after(world, all, n + 1);
}

/* What the next run of a bad commit tells of their rate, on average over the commits. */
static double learned(const struct world *world)
{
	double p[N_HYPOTHESES], sum = 0, all = 0;
	struct model model;

	model_init(&model);
	posterior(world, p);
	for (uint32_t v = 0; v < world->graph.n; v++) {
		struct tally t = tally_of(world, v);
		long double none = likelihood_bad(&model, t.fails[1], t.passes[1]);
		long double one = likelihood_bad(&model, t.fails[1] + 1, t.passes[1]);
		long double two = likelihood_bad(&model, t.fails[1] + 2, t.passes[1]);
		double next, again;

		if (!(p[v] > 0))
			continue;
		next = (double)(one / none);
		again = (double)(two / one);
		all += p[v];
		sum += p[v] * (-next * log2(next) - (1 - next) * log2(1 - next)) * (again - next) / (1 - next);
	}
	return all > 0 ? sum / all : 0;
}

double appeal(struct world *world, uint32_t v, double tells)
{
	double p[N_HYPOTHESES], inside = 0, top = 0;

	if (world->options.rates_known)
		return tells;
	posterior(world, p);
	for (uint32_t i = 0; i < world->graph.n; i++) {
		inside += world->inside[v] >> i & 1 ? p[i] : 0;
		top = candidates(world) >> i & 1 && p[i] > top ? p[i] : top;
	}
	/* what contains a fix is good */
	return tells + 0.2 * fmin(1, 20 * (1 - top)) * (world->options.fix ? 1 - inside : inside) * learned(world);
}

/* worlds */

struct world numbered_world(uint32_t n, uint32_t edges)
{
	struct world world = { .bad = n - 1 };

	for (uint32_t v = 0, bit = 0; v < n; v++) {
		uint32_t parents[8], n_parents = 0;

		for (uint32_t p = 0; p < v; p++, bit++) {
			if (edges >> bit & 1)
				parents[n_parents++] = p;
		}
		ck_assert_int_eq(graph_add(&world.graph, parents, n_parents, NULL, NULL), 0);
	}
	find_ancestors(&world);
	return world;
}

struct world random_world(uint32_t most)
{
	uint32_t n = 2 + dice(most - 1);
	struct world world = { .bad = n - 1 };

	for (uint32_t v = 0; v < n; v++) {
		uint32_t parents[6], n_parents = 0, limit = 1 + (dice(2) ? dice(4) : 0);

		for (; v && dice(8) && n_parents < limit; n_parents++)
			parents[n_parents] = v - 1 - dice(v < 4 ? v : 4);
		ck_assert_int_eq(graph_add(&world.graph, parents, n_parents, NULL, NULL), 0);
	}
	find_ancestors(&world);
	world.n_good = dice(4);
	for (size_t i = 0; i < world.n_good; i++)
		world.good[i] = dice(n);
	return world;
}

struct graph line(uint32_t n, bool with_merges)
{
	struct graph graph = { 0 };

	for (uint32_t v = 0; v < n; v++) {
		uint32_t parents[2] = { v - 1, v - 2 };

		ck_assert_int_eq(graph_add(&graph, parents, !v ? 0 : with_merges && v > 2 ? 2 : 1, NULL, NULL), 0);
	}
	return graph;
}

void random_model(struct world *world)
{
	static const double rates[] = { 0, 0.01, 0.2, 0.5 };
	struct search_options *options = &world->options;

	*options = (struct search_options){ .fix = !dice(3), .no_change = dice(3) ? 0.3 : -1, .rates_known = !dice(4),
		.bad_pass = rates[dice(4)], .good_fail = rates[dice(4)] };
	options->trust_runs = !dice(10);
	options->trust_ends = !dice(8);
	for (unsigned i = 0; i < MAX_COMMITS; i++)
		world->prior[i] = dice(4) ? dice(1000) : 0;
	options->prior = dice(2) ? world->prior : NULL;
	for (unsigned i = 0; i < 4; i++)
		world->earlier[i] = dice(3) ? 0 : dice(20);
	if (options->trust_runs || options->rates_known)
		memset(world->earlier, 0, sizeof(world->earlier));
}

void random_runs(struct world *world, unsigned most, bool ratios)
{
	static const enum observation kinds[] = { OBSERVED_GOOD, OBSERVED_GOOD, OBSERVED_BAD, OBSERVED_BAD, OBSERVED_GOOD };
	uint32_t culprit = dice(world->graph.n);
	bool sensible = dice(3);

	world->n_seen = dice(most + 1);
	for (unsigned i = 0; i < world->n_seen; i++) {
		struct seen *seen = &world->seen[i];

		*seen = (struct seen){ .commit = dice(world->graph.n), .what = kinds[dice(5)] };
		if (sensible)
			seen->what = (world->inside[seen->commit] >> culprit & 1) != world->options.fix && dice(4) ?
				OBSERVED_BAD : OBSERVED_GOOD;
		if (ratios && !dice(3)) {
			seen->is_ratio = true;
			/* multiples of the step in which sums are kept */
			seen->ratio = ((int)dice(2000) - 1000) / 256.0;
		}
	}
}
