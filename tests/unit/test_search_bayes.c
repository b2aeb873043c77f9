/*
 * search/ against Bayes's rule done by hand: on every small graph and thousands of random ones the belief, and what a probe is said
 * to tell, must be what an enumeration of all hypotheses and outcomes gives.  Nothing of search/ is used for it but the priors
 * of the rates.
 */
#include <check.h>
#include <math.h>
#include <stdint.h>

#include "search/model.h"
#include "search/search.h"
#include "tests/unit/rounds.h"

#define MAX_COMMITS 12u
#define MAX_SEEN 40u
#define MAX_BOXES 6u
#define OLD MAX_COMMITS			/* hypotheses beside the commits */
#define NOTHING (MAX_COMMITS + 1)
#define N_HYPOTHESES (MAX_COMMITS + 2)

static uint64_t seed;

static uint32_t dice(uint32_t sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % sides);
}

struct seen {
	uint32_t commit, box;
	enum observation what;
	bool is_ratio;
	double ratio;
};

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

static void find_ancestors(struct world *world)
{
	for (uint32_t v = 0; v < world->graph.n; v++) {
		world->inside[v] = 1u << v;
		for (uint32_t e = world->graph.first[v]; e < world->graph.first[v + 1]; e++)
			world->inside[v] |= world->inside[world->graph.parent[e]];
	}
}

static uint32_t candidates(const struct world *world)
{
	uint32_t set = world->inside[world->bad];

	for (size_t i = 0; i < world->n_good; i++)
		set &= ~world->inside[world->good[i]];
	return set;
}

static struct search *begin(const struct world *world)
{
	struct search *search;
	struct search_options options = world->options;

	if (options.prior)
		options.prior = world->prior;
	ck_assert_int_eq(search_new(&search, &world->graph, world->bad, world->good, world->n_good, &options, NULL), 0);
	search_earlier(search, world->earlier[0], world->earlier[1], world->earlier[2], world->earlier[3]);
	return search;
}

static void tell(struct search *search, const struct seen *seen)
{
	if (seen->is_ratio)
		search_observe_ratio(search, seen->commit, seen->ratio, false);
	else
		search_observe_by(search, seen->commit, seen->what, false, seen->box);
}

static struct search *begin_and_tell(const struct world *world)
{
	struct search *search = begin(world);

	for (unsigned i = 0; i < world->n_seen; i++)
		tell(search, &world->seen[i]);
	return search;
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

/* False: no hypothesis fits. */
static bool posterior(const struct world *world, double ret[N_HYPOTHESES])
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

static void push(struct world *world, uint32_t commit, enum observation what)
{
	ck_assert_uint_lt(world->n_seen, MAX_SEEN);
	world->seen[world->n_seen++] = (struct seen){ .commit = commit, .what = what };
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

/* What a run of v tells when the others (flights[0 .. n - 1]) have run too. */
static double told(struct world *world, const uint32_t *flights, unsigned n, uint32_t v)
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

/* What a probe is chosen for: what it tells of the culprit and, at a fifth of that or less, of the rate. */
static double appeal(struct world *world, uint32_t v, double tells)
{
	double p[N_HYPOTHESES], inside = 0, top = 0;

	if (world->options.rates_known)
		return tells;
	posterior(world, p);
	for (uint32_t i = 0; i < world->graph.n; i++) {
		inside += world->inside[v] >> i & 1 ? p[i] : 0;
		top = candidates(world) >> i & 1 && p[i] > top ? p[i] : top;
	}
	return tells + 0.2 * fmin(1, 20 * (1 - top)) * inside * learned(world);
}

/* worlds */

/* Bit number child * (child - 1) / 2 + parent says whether that edge is there. */
static struct world numbered_world(uint32_t n, uint32_t edges)
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

static struct world random_world(uint32_t most)
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

static void random_model(struct world *world)
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

/* No breakage: a good end that cannot be run changes the prior, which has a test of its own. */
static void random_runs(struct world *world, unsigned most, bool ratios)
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

static void check_belief(const struct world *world, const char *what)
{
	struct search *search = begin_and_tell(world);
	double got[MAX_COMMITS], want[N_HYPOTHESES];

	posterior(world, want);
	search_belief(search, got);
	for (uint32_t v = 0; v < world->graph.n; v++)
		ck_assert_msg(fabs(got[v] - want[v]) <= 1e-12 * want[v], "%s: belief in %u is %.17g, not %.17g", what, v,
			got[v], want[v]);
	search_free(search);
}

START_TEST(belief_is_bayes_on_every_graph_of_up_to_five_commits)
{
	char what[64];

	seed = 1;
	for (uint32_t n = 1; n <= 5; n++) {
		for (uint32_t edges = 0; edges < 1u << (n * (n - 1) / 2); edges++) {
			struct world world = numbered_world(n, edges);

			for (uint32_t good = 0; good < n; good++) {	/* the last round: no good end */
				world.n_good = good < n - 1;
				world.good[0] = good;
				snprintf(what, sizeof(what), "%u commits, edges %x, good %u", n, edges, good);
				for (unsigned round = 0; round < 3; round++) {
					random_model(&world);
					random_runs(&world, 12, false);
					check_belief(&world, what);
				}
			}
			graph_release(&world.graph);
		}
	}
}
END_TEST

static void check_random_beliefs(uint32_t first_seed, uint32_t rounds, bool ratios)
{
	for (uint32_t round = first_seed; round < first_seed + ROUNDS(rounds); round++) {
		struct world world;
		char what[64];

		seed = round;
		world = random_world(10);
		random_model(&world);
		random_runs(&world, 30, ratios);
		snprintf(what, sizeof(what), "seed %u", round);
		if (candidates(&world) >> world.bad & 1)
			check_belief(&world, what);
		graph_release(&world.graph);
	}
}

START_TEST(belief_is_bayes_on_thousands_of_random_graphs_of_up_to_ten_commits)
{
	check_random_beliefs(1000, 8000, false);
}
END_TEST

START_TEST(belief_is_bayes_with_measurements_among_the_runs)
{
	check_random_beliefs(100000, 4000, true);
}
END_TEST

START_TEST(a_search_on_trial_sees_the_graph_in_any_numbering_alike)
{
	for (uint32_t round = 0; round < ROUNDS(2000); round++) {
		struct world world, other = { .n_good = 0 };
		uint32_t place[MAX_COMMITS] = { 0 }, done = 0;
		struct search *search, *again;
		double belief[MAX_COMMITS], renamed[MAX_COMMITS];

		seed = 200000 + round;
		world = random_world(10);
		random_model(&world);
		random_runs(&world, 20, true);
		/* place[old number] = new number: any commit whose parents all have one may be next */
		for (uint32_t next = 0; next < world.graph.n;) {
			uint32_t v = dice(world.graph.n), parents[6], n_parents = 0;

			if (done >> v & 1 || (world.inside[v] & ~(1u << v) & ~done))
				continue;
			for (uint32_t e = world.graph.first[v]; e < world.graph.first[v + 1]; e++)
				parents[n_parents++] = place[world.graph.parent[e]];
			ck_assert_int_eq(graph_add(&other.graph, parents, n_parents, NULL, NULL), 0);
			place[v] = next++;
			done |= 1u << v;
		}
		other.bad = place[world.bad];
		other.n_good = world.n_good;
		other.options = world.options;
		other.n_seen = world.n_seen;
		memcpy(other.earlier, world.earlier, sizeof(other.earlier));
		for (size_t i = 0; i < world.n_good; i++)
			other.good[i] = place[world.good[i]];
		for (uint32_t v = 0; v < world.graph.n; v++)
			other.prior[place[v]] = world.prior[v];
		for (unsigned i = 0; i < world.n_seen; i++) {
			other.seen[i] = world.seen[i];
			other.seen[i].commit = place[world.seen[i].commit];
		}
		if (candidates(&world) >> world.bad & 1) {
			search = begin_and_tell(&world);
			again = begin_and_tell(&other);
			search_belief(search, belief);
			search_belief(again, renamed);
			for (uint32_t v = 0; v < world.graph.n; v++)
				ck_assert_msg(fabs(belief[v] - renamed[place[v]]) <= 1e-12 * belief[v], "seed %u: %u",
					200000 + round, v);
			ck_assert_int_eq(search_verdict(search)->kind, search_verdict(again)->kind);
			if (search_verdict(search)->kind == VERDICT_CULPRIT)
				ck_assert_uint_eq(place[search_verdict(search)->culprit],
					search_verdict(again)->culprit);
			search_free(search);
			search_free(again);
		}
		graph_release(&world.graph);
		graph_release(&other.graph);
	}
}
END_TEST

/* what a probe tells */

static bool may_be_asked(const struct world *world, uint32_t v)
{
	bool asked = candidates(world) >> v & 1;

	for (size_t i = 0; i < world->n_good; i++)
		asked |= world->good[i] == v;
	return asked;
}

/* Each probe tells what it says it tells, and no other commit would be worth more. */
static unsigned check_probes(struct world *world, unsigned slots, const char *what)
{
	struct search *search = begin_and_tell(world);
	struct search_probe probe;
	uint32_t flights[8];
	unsigned n = 0;

	while (n < slots && search_next(search, &probe) && probe.purpose == PURPOSE_SEARCH) {
		double tells = told(world, flights, n, probe.commit);

		ck_assert_msg(fabs(probe.usefulness - tells) < 1e-6, "%s: run %u, of %u, tells %.9f, not %.9f", what, n,
			probe.commit, tells, probe.usefulness);
		for (uint32_t v = 0; v < world->graph.n; v++) {
			double other = may_be_asked(world, v) ? told(world, flights, n, v) : 0;

			if (other > 1e-9)
				ck_assert_msg(appeal(world, v, other) < appeal(world, probe.commit, tells) + 1e-6,
					"%s: run %u is of %u, but %u is worth more", what, n, probe.commit, v);
		}
		flights[n++] = probe.commit;
	}
	search_free(search);
	return n;
}

/* The ends are done, and nothing is sure yet. */
static void ready_to_search(struct world *world)
{
	world->options.confidence = 1 - 1e-9;
	world->options.trust_runs = world->options.trust_ends = world->options.fix = false;
	world->n_seen = world->n_seen < 8 ? world->n_seen : 8;
	for (unsigned i = 0; i < 2; i++)
		push(world, world->bad, OBSERVED_BAD);
}

START_TEST(a_probe_tells_what_it_says_and_none_tells_more_when_rates_are_unknown)
{
	unsigned checked = 0;

	for (uint32_t round = 0; round < ROUNDS(1500); round++) {
		struct world world;
		char what[64];

		seed = 300000 + round;
		world = random_world(8);
		random_model(&world);
		random_runs(&world, 8, false);
		world.options.rates_known = false;
		ready_to_search(&world);
		snprintf(what, sizeof(what), "seed %u", 300000 + round);
		if (candidates(&world) >> world.bad & 1)
			checked += check_probes(&world, 1, what);
		graph_release(&world.graph);
	}
	ck_assert_uint_ge(checked, ROUNDS(700));
}
END_TEST

START_TEST(a_probe_beside_up_to_three_in_flight_tells_what_it_says_when_rates_are_known)
{
	unsigned checked = 0;

	for (uint32_t round = 0; round < ROUNDS(250); round++) {
		struct world world;
		char what[64];

		seed = 400000 + round;
		world = random_world(6);
		random_model(&world);
		random_runs(&world, 6, false);
		memset(world.earlier, 0, sizeof(world.earlier));
		world.options.rates_known = true;
		world.options.bad_pass = 0.05 + 0.1 * dice(8);
		world.options.good_fail = 0.02 * dice(3);
		world.options.no_change = -1;
		ready_to_search(&world);
		snprintf(what, sizeof(what), "seed %u", 400000 + round);
		if (candidates(&world) >> world.bad & 1)
			checked += check_probes(&world, 4, what);
		graph_release(&world.graph);
	}
	ck_assert_uint_ge(checked, ROUNDS(400));
}
END_TEST

/*
 * The same line, once with edges that change nothing (to grandparents) but take it off the quick path for forests.
 */
static struct graph line(uint32_t n, bool with_merges)
{
	struct graph graph = { 0 };

	for (uint32_t v = 0; v < n; v++) {
		uint32_t parents[2] = { v - 1, v - 2 };

		ck_assert_int_eq(graph_add(&graph, parents, !v ? 0 : with_merges && v > 2 ? 2 : 1, NULL, NULL), 0);
	}
	return graph;
}

static void compare_paths(uint32_t n, uint32_t slots, double tolerance)
{
	struct graph graph[2] = { line(n, false), line(n, true) };
	struct search *search[2];
	struct search_options options = { .confidence = 0.999999 };
	double *belief[2] = { calloc(n, sizeof(double)), calloc(n, sizeof(double)) };
	uint32_t good = 0, culprit = 1 + dice(n - 1);

	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(search_new(&search[i], &graph[i], n - 1, &good, 1, &options, NULL), 0);
	for (unsigned round = 0; round < 12; round++) {
		struct search_probe probe[2];
		bool offered = true;

		for (unsigned slot = 0; slot < slots && offered; slot++) {
			offered = search_next(search[0], &probe[0]);
			ck_assert_int_eq(search_next(search[1], &probe[1]), offered);
			if (!offered)
				break;
			ck_assert_double_eq_tol(probe[0].usefulness, probe[1].usefulness, tolerance);
			/* where they differ in a tie, or nearly, both go on with the same */
			if (probe[0].commit != probe[1].commit) {
				search_drop(search[0], probe[0].commit);
				search_drop(search[1], probe[1].commit);
				break;
			}
		}
		for (unsigned k = 0; k < 3; k++) {
			uint32_t v = dice(n);
			enum observation what = v >= culprit && dice(5) ? OBSERVED_BAD : OBSERVED_GOOD;

			search_observe(search[0], v, what, true);
			search_observe(search[1], v, what, true);
		}
		search_belief(search[0], belief[0]);
		search_belief(search[1], belief[1]);
		ck_assert_mem_eq(belief[0], belief[1], n * sizeof(double));
	}
	for (unsigned i = 0; i < 2; i++) {
		search_free(search[i]);
		graph_release(&graph[i]);
		free(belief[i]);
	}
}

START_TEST(the_quick_path_for_lines_chooses_as_the_general_one)
{
	for (uint32_t round = 0; round < ROUNDS(60); round++) {
		seed = 500000 + round;
		compare_paths(2 + dice(300), 1 + round % 4, 1e-6);
	}
}
END_TEST

START_TEST(neighbours_counted_as_one_in_long_histories_change_little)
{
	for (uint32_t round = 0; round < 6; round++) {
		seed = 600000 + round;
		compare_paths(1500 + dice(2500), 1 + round % 3, 0.01);
	}
}
END_TEST

/* order */

static void shuffle(struct seen *seen, unsigned n)
{
	for (unsigned i = n; i > 1; i--) {
		unsigned k = dice(i);
		struct seen held = seen[i - 1];

		seen[i - 1] = seen[k];
		seen[k] = held;
	}
}

/* Runs come as answers to probes, as earlier evidence, after losses; questions are asked in between. */
static struct search *tell_somehow(const struct world *world)
{
	struct search *search = begin(world);
	struct search_probe probe;
	uint32_t flights[4 * MAX_SEEN], n_flights = 0;

	for (unsigned i = 0; i < world->n_seen; i++) {
		const struct seen *seen = &world->seen[i];
		uint32_t useless[4];

		while (dice(2) && n_flights < 4 * MAX_SEEN && search_next(search, &probe))
			flights[n_flights++] = probe.commit;
		if (n_flights && !dice(3))
			search_drop(search, flights[dice(n_flights)]);	/* perhaps a second time: no harm */
		if (!dice(4))
			search_useless(search, useless, 4);
		if (seen->is_ratio)
			search_observe_ratio(search, seen->commit, seen->ratio, dice(2));
		else
			search_observe_by(search, seen->commit, seen->what, dice(2), seen->box);
		if (dice(2))
			search_verdict(search);
	}
	while (n_flights)
		search_drop(search, flights[--n_flights]);
	return search;
}

static void check_same(struct search *one, struct search *two, uint32_t n, const char *what)
{
	double belief[2][MAX_COMMITS];
	const struct search_verdict *a = search_verdict(one), *b = search_verdict(two);
	struct search_probe probe[2];
	bool next;

	search_belief(one, belief[0]);
	search_belief(two, belief[1]);
	ck_assert_msg(!memcmp(belief[0], belief[1], n * sizeof(double)), "%s: beliefs differ", what);
	ck_assert_msg(a->kind == b->kind && a->culprit == b->culprit && a->n_candidates == b->n_candidates &&
		!memcmp(&a->confidence, &b->confidence, sizeof(double)) && a->is_merge == b->is_merge,
		"%s: verdicts differ: %s and %s", what, verdict_kind_name(a->kind), verdict_kind_name(b->kind));
	ck_assert_str_eq(a->reason, b->reason);
	if (a->n_candidates)
		ck_assert_mem_eq(a->candidates, b->candidates, a->n_candidates * sizeof(uint32_t));
	ck_assert_uint_eq(search_remaining(one), search_remaining(two));
	ck_assert_uint_eq(search_runs_left(one), search_runs_left(two));
	ck_assert_int_eq(search_phase(one), search_phase(two));
	next = search_next(one, &probe[0]);
	ck_assert_int_eq(search_next(two, &probe[1]), next);
	if (!next)
		return;
	ck_assert_msg(probe[0].commit == probe[1].commit && probe[0].run == probe[1].run &&
		!memcmp(&probe[0].usefulness, &probe[1].usefulness, sizeof(double)), "%s: probes differ", what);
}

START_TEST(belief_verdict_and_next_probe_are_the_same_to_the_last_bit_in_any_order)
{
	for (uint32_t round = 0; round < ROUNDS(3000); round++) {
		struct world world;
		struct search *in_order;
		char what[64];

		seed = 700000 + round;
		world = random_world(10);
		random_model(&world);
		random_runs(&world, 24, dice(2));
		for (unsigned i = 0; i < world.n_seen; i++) {
			if (!dice(10) && world.seen[i].commit != world.bad)
				world.seen[i].what = dice(2) ? OBSERVED_SKIP : OBSERVED_BROKEN;
		}
		snprintf(what, sizeof(what), "seed %u", 700000 + round);
		if (candidates(&world) >> world.bad & 1) {
			in_order = begin_and_tell(&world);
			for (unsigned times = 0; times < 3; times++) {
				struct search *other;

				shuffle(world.seen, world.n_seen);
				other = tell_somehow(&world);
				check_same(in_order, other, world.graph.n, what);
				search_free(other);
				search_free(in_order);
				in_order = begin_and_tell(&world);
			}
			search_free(in_order);
		}
		graph_release(&world.graph);
	}
}
END_TEST

/* On a line, with one box that makes failures of its own, so that it is sometimes left out and sometimes nearly. */
START_TEST(with_boxes_that_are_left_out_the_order_matters_as_little)
{
	unsigned left_out = 0;

	for (uint32_t round = 0; round < ROUNDS(400); round++) {
		struct world world = { .bad = 7, .n_good = 1 };
		struct search *in_order, *other;
		uint32_t boxes[4], culprit;
		char what[64];

		seed = 800000 + round;
		world.graph = line(8, false);
		find_ancestors(&world);
		culprit = 1 + dice(7);
		for (unsigned i = 0; i < MAX_SEEN; i++) {
			uint32_t v = i < 4 ? 7 : i < 8 ? culprit : i < 16 ? culprit - 1 : dice(8), box = 1 + dice(5);

			push(&world, v, v >= culprit || (box == 3 && dice(2)) ? OBSERVED_BAD : OBSERVED_GOOD);
			world.seen[i].box = box;
		}
		snprintf(what, sizeof(what), "seed %u", 800000 + round);
		in_order = begin_and_tell(&world);
		left_out += search_left_out(in_order, boxes, 4) > 0;
		shuffle(world.seen, world.n_seen);
		other = tell_somehow(&world);
		check_same(in_order, other, world.graph.n, what);
		search_free(in_order);
		search_free(other);
		graph_release(&world.graph);
	}
	ck_assert_uint_ge(left_out, ROUNDS(40));
}
END_TEST

static void check_same_belief(struct search *one, struct search *two, uint32_t n, const char *what)
{
	uint32_t boxes[2][MAX_BOXES];
	size_t n_boxes[2] = { search_left_out(one, boxes[0], MAX_BOXES), search_left_out(two, boxes[1], MAX_BOXES) };

	ck_assert_msg(n_boxes[0] == n_boxes[1] && !memcmp(boxes[0], boxes[1], n_boxes[0] * sizeof(uint32_t)),
		"%s: other boxes left out", what);
	check_same(one, two, n, what);
}

/* On any graph, most runs made by a box of which one is sick, with all that may come in beside good and bad. */
static struct world world_of_boxes(uint32_t most, unsigned runs)
{
	struct world world = random_world(most);
	uint32_t culprit = dice(world.graph.n), n_boxes = 3 + dice(MAX_BOXES - 2);

	random_model(&world);
	world.options.trust_runs = false;
	for (unsigned i = 0; i < runs; i++) {
		uint32_t v = dice(3) ? dice(world.graph.n) : world.bad, box = dice(8) ? 1 + dice(n_boxes) : 0;
		bool bad = (world.inside[v] >> culprit & 1) != world.options.fix;

		push(&world, v, (bad && dice(6)) || (box == 3 && dice(2)) ? OBSERVED_BAD : OBSERVED_GOOD);
		world.seen[i].box = box;
		if (!dice(12) && v != world.bad)
			world.seen[i].what = dice(3) ? OBSERVED_SKIP : OBSERVED_BROKEN;
		else if (!dice(12))
			world.seen[i] = (struct seen){ .commit = v, .is_ratio = true,
				.ratio = ((int)dice(2000) - 1000) / 300.0 };
	}
	return world;
}

START_TEST(fifty_shuffles_of_what_came_in_give_one_belief_whatever_it_was)
{
	unsigned left_out = 0;

	for (uint32_t round = 0; round < ROUNDS(400); round++) {
		struct world world;
		struct search *first;
		uint32_t box;
		char what[64];

		seed = 1000000 + round;
		world = world_of_boxes(9, MAX_SEEN);
		snprintf(what, sizeof(what), "seed %u", 1000000 + round);
		first = candidates(&world) >> world.bad & 1 ? begin_and_tell(&world) : NULL;
		left_out += first && search_left_out(first, &box, 1);
		for (unsigned times = 0; times < 50 && first; times++) {
			struct search *other;

			shuffle(world.seen, world.n_seen);
			other = times % 2 ? begin_and_tell(&world) : tell_somehow(&world);
			check_same_belief(first, other, world.graph.n, what);
			search_free(other);
			search_free(first);
			first = begin_and_tell(&world);
		}
		search_free(first);
		graph_release(&world.graph);
	}
	ck_assert_uint_ge(left_out, ROUNDS(20));
}
END_TEST

static void check_permutations(const struct world *original, struct world *world, unsigned done, const char *what)
{
	struct search *search[2];

	for (unsigned i = done; i < world->n_seen; i++) {
		struct seen held = world->seen[done];

		world->seen[done] = world->seen[i];
		world->seen[i] = held;
		check_permutations(original, world, done + 1, what);
		world->seen[i] = world->seen[done];
		world->seen[done] = held;
	}
	if (done < world->n_seen)
		return;
	search[0] = begin_and_tell(original);
	search[1] = begin_and_tell(world);
	check_same_belief(search[0], search[1], world->graph.n, what);
	for (unsigned i = 0; i < 2; i++)
		search_free(search[i]);
}

START_TEST(every_permutation_of_six_results_gives_one_belief)
{
	for (uint32_t round = 0; round < ROUNDS(40); round++) {
		struct world world, shuffled;
		char what[64];

		seed = 1100000 + round;
		shuffled = world = world_of_boxes(6, 6);
		snprintf(what, sizeof(what), "seed %u", 1100000 + round);
		if (candidates(&world) >> world.bad & 1)
			check_permutations(&world, &shuffled, 0, what);
		graph_release(&world.graph);
	}
}
END_TEST

START_TEST(asked_after_every_result_the_belief_is_that_of_a_new_search_to_the_last_bit)
{
	for (uint32_t round = 0; round < ROUNDS(300); round++) {
		struct world world, so_far;
		struct search *search = NULL;
		char what[64];

		seed = 1200000 + round;
		world = world_of_boxes(10, MAX_SEEN);
		snprintf(what, sizeof(what), "seed %u", 1200000 + round);
		so_far = world;
		so_far.n_seen = 0;
		if (candidates(&world) >> world.bad & 1)
			search = begin(&world);
		for (unsigned i = 0; search && i < world.n_seen; i++) {
			struct search *again;
			double belief[2][MAX_COMMITS];

			tell(search, &world.seen[i]);
			so_far.n_seen++;
			again = begin_and_tell(&so_far);
			search_belief(search, belief[0]);
			search_belief(again, belief[1]);
			ck_assert_msg(!memcmp(belief[0], belief[1], world.graph.n * sizeof(double)), "%s: after %u", what, i);
			ck_assert_int_eq(search_verdict(search)->kind, search_verdict(again)->kind);
			ck_assert_str_eq(search_verdict(search)->reason, search_verdict(again)->reason);
			search_free(again);
		}
		search_free(search);
		graph_release(&world.graph);
	}
}
END_TEST

START_TEST(the_same_calls_give_the_same_answers)
{
	for (uint32_t round = 0; round < ROUNDS(300); round++) {
		struct world world;
		struct search *search[2];

		seed = 900000 + round;
		world = random_world(10);
		random_model(&world);
		random_runs(&world, 20, true);
		if (candidates(&world) >> world.bad & 1) {
			for (unsigned i = 0; i < 2; i++)
				search[i] = begin_and_tell(&world);
			for (unsigned i = 0; i < 6; i++)
				check_same(search[0], search[1], world.graph.n, "twice");
			search_free(search[0]);
			search_free(search[1]);
		}
		graph_release(&world.graph);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("search by Bayes");
	TCase *tests = tcase_create("bayes");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, belief_is_bayes_on_every_graph_of_up_to_five_commits);
	tcase_add_test(tests, belief_is_bayes_on_thousands_of_random_graphs_of_up_to_ten_commits);
	tcase_add_test(tests, belief_is_bayes_with_measurements_among_the_runs);
	tcase_add_test(tests, a_search_on_trial_sees_the_graph_in_any_numbering_alike);
	tcase_add_test(tests, a_probe_tells_what_it_says_and_none_tells_more_when_rates_are_unknown);
	tcase_add_test(tests, a_probe_beside_up_to_three_in_flight_tells_what_it_says_when_rates_are_known);
	tcase_add_test(tests, the_quick_path_for_lines_chooses_as_the_general_one);
	tcase_add_test(tests, neighbours_counted_as_one_in_long_histories_change_little);
	tcase_add_test(tests, belief_verdict_and_next_probe_are_the_same_to_the_last_bit_in_any_order);
	tcase_add_test(tests, with_boxes_that_are_left_out_the_order_matters_as_little);
	tcase_add_test(tests, fifty_shuffles_of_what_came_in_give_one_belief_whatever_it_was);
	tcase_add_test(tests, every_permutation_of_six_results_gives_one_belief);
	tcase_add_test(tests, asked_after_every_result_the_belief_is_that_of_a_new_search_to_the_last_bit);
	tcase_add_test(tests, the_same_calls_give_the_same_answers);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
