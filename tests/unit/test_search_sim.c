/*
 * search/ against simulated histories: every culprit of small graphs, thousands of random ones, many slots, flaky tests.  Each
 * history comes from a seed that a failure prints.
 */
#include <check.h>
#include <math.h>
#include <stdint.h>

#include "search/search.h"

#define MAX_SLOTS 16

static uint64_t seed;

static uint32_t dice(uint32_t sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % sides);
}

static bool chance(double p)
{
	return dice(1u << 20) < p * (1u << 20);
}

struct world {
	struct graph graph;
	uint32_t bad, good[4];
	size_t n_good;
	uint32_t culprit;
	double pass_rate;	/* of bad commits */
	double false_bad;	/* of good commits: breaks the model's belief in `bad` */
	double skip_rate;	/* of any run */
	bool *broken;		/* NULL: none */
	struct search_options options;
	unsigned slots;
	bool cancel;		/* drop what is useless */
};

struct outcome {
	struct search_verdict verdict;
	uint32_t candidates[16];
	unsigned runs;
	unsigned probes[PURPOSE_NKINDS];
};

static void add(struct graph *graph, size_t n, const uint32_t *parents)
{
	ck_assert_int_eq(graph_add(graph, parents, n, NULL, NULL), 0);
}

static struct world linear(uint32_t n_candidates, uint32_t culprit)
{
	struct world world = { .bad = n_candidates, .n_good = 1, .culprit = culprit, .slots = 1 };

	add(&world.graph, 0, NULL);
	for (uint32_t v = 0; v < n_candidates; v++)
		add(&world.graph, 1, &v);
	return world;
}

static enum observation run(const struct world *world, const bool *is_bad, uint32_t v)
{
	if (world->broken && world->broken[v])
		return OBSERVED_BROKEN;
	if (world->skip_rate > 0 && chance(world->skip_rate))
		return OBSERVED_SKIP;
	if (is_bad[v])
		return world->pass_rate > 0 && chance(world->pass_rate) ? OBSERVED_GOOD : OBSERVED_BAD;
	return world->false_bad > 0 && chance(world->false_bad) ? OBSERVED_BAD : OBSERVED_GOOD;
}

static bool *bad_commits(const struct world *world)
{
	bool *is_bad = calloc(world->graph.n, sizeof(*is_bad));

	for (uint32_t v = 0; v < world->graph.n; v++) {
		is_bad[v] = v == world->culprit;
		for (uint32_t e = world->graph.first[v]; e < world->graph.first[v + 1]; e++)
			is_bad[v] |= is_bad[world->graph.parent[e]];
	}
	return is_bad;
}

static void cancel_useless(struct search *search, uint32_t *flight, size_t *n_flights)
{
	uint32_t useless[MAX_SLOTS];
	size_t n = search_useless(search, useless, MAX_SLOTS);

	for (size_t i = 0; i < n; i++) {
		for (size_t k = *n_flights; k-- > 0;) {
			if (flight[k] != useless[i])
				continue;
			search_drop(search, flight[k]);
			flight[k] = flight[--*n_flights];
		}
	}
}

/* Plays one bisection to its verdict; results come back in random order. */
static struct outcome play(const struct world *world)
{
	struct search *search;
	struct error err = ERROR_INIT;
	struct search_probe probe;
	struct outcome outcome = { .runs = 0 };
	uint32_t flight[MAX_SLOTS];
	size_t n_flights = 0;
	bool *is_bad = bad_commits(world);
	const unsigned most = world->graph.n * 60 + 200;

	ck_assert_msg(!search_new(&search, &world->graph, world->bad, world->good, world->n_good, &world->options,
		&err), "%s", err.text);
	while (search_verdict(search)->kind == VERDICT_NONE) {
		uint32_t v;
		size_t k;

		while (n_flights < world->slots && search_next(search, &probe)) {
			ck_assert_uint_lt(probe.commit, world->graph.n);
			flight[n_flights++] = probe.commit;
			outcome.probes[probe.purpose]++;
		}
		ck_assert_msg(n_flights > 0, "no verdict and nothing to run");
		k = dice((uint32_t)n_flights);
		v = flight[k];
		flight[k] = flight[--n_flights];
		search_observe(search, v, run(world, is_bad, v), true);
		ck_assert_msg(++outcome.runs <= most, "%u runs and no end", outcome.runs);
		if (world->cancel)
			cancel_useless(search, flight, &n_flights);
	}
	ck_assert(!search_next(search, &probe));
	outcome.verdict = *search_verdict(search);
	for (size_t i = 0; i < outcome.verdict.n_candidates && i < 16; i++)
		outcome.candidates[i] = outcome.verdict.candidates[i];
	outcome.verdict.candidates = NULL;
	ck_assert(outcome.verdict.reason[0]);
	search_free(search);
	free(is_bad);
	return outcome;
}

static void release(struct world *world)
{
	graph_release(&world->graph);
	free(world->broken);
	world->broken = NULL;
}

static unsigned log2_up(uint32_t n)
{
	unsigned bits = 0;

	while ((UINT64_C(1) << bits) < n)
		bits++;
	return bits;
}

/* Is v a candidate of (graph, bad, good)?  By definition, not by the code under test. */
static bool can_be_culprit(const struct world *world, uint32_t v)
{
	if (!graph_is_ancestor(&world->graph, v, world->bad))
		return false;
	for (size_t i = 0; i < world->n_good; i++) {
		if (graph_is_ancestor(&world->graph, v, world->good[i]))
			return false;
	}
	return true;
}

static void play_every_culprit(struct world *world, const char *what)
{
	for (uint32_t c = 0; c < world->graph.n; c++) {
		struct outcome outcome;

		if (!can_be_culprit(world, c))
			continue;
		world->culprit = c;
		outcome = play(world);
		ck_assert_msg(outcome.verdict.kind == VERDICT_CULPRIT && outcome.verdict.culprit == c,
			"%s: culprit %u, verdict %s %u (%s)", what, c,
			verdict_kind_name(outcome.verdict.kind), outcome.verdict.culprit,
			outcome.verdict.reason);
	}
}

/* Bit number child * (child - 1) / 2 + parent says whether that edge is there. */
static struct graph numbered_graph(uint32_t n, uint32_t edges)
{
	struct graph graph = { 0 };

	for (uint32_t v = 0, bit = 0; v < n; v++) {
		uint32_t parents[8], n_parents = 0;

		for (uint32_t p = 0; p < v; p++, bit++) {
			if (edges >> bit & 1)
				parents[n_parents++] = p;
		}
		add(&graph, n_parents, parents);
	}
	return graph;
}

static void play_numbered_graphs(uint32_t n)
{
	for (uint32_t edges = 0; edges < 1u << (n * (n - 1) / 2); edges++) {
		struct world world = { .graph = numbered_graph(n, edges), .bad = n - 1, .slots = 1 + edges % 3 };
		char what[64];

		for (uint32_t good = 0; good < n; good++) {	/* the last round: no good end */
			world.n_good = good < n - 1;
			world.good[0] = good;
			snprintf(what, sizeof(what), "%u vertices, edges %x, good %u", n, edges, good);
			world.options.trust_ends = edges % 5 == 0;
			world.options.trust_runs = edges % 7 == 0;
			play_every_culprit(&world, what);
		}
		graph_release(&world.graph);
	}
}

START_TEST(every_culprit_of_every_graph_of_up_to_five_commits_is_found)
{
	seed = 1;
	for (uint32_t n = 1; n <= 5; n++)
		play_numbered_graphs(n);
}
END_TEST

static struct world random_world(void)
{
	struct world world = { .slots = 1 + dice(6), .cancel = dice(2) };
	uint32_t n = 2 + dice(11);

	for (uint32_t v = 0; v < n; v++) {
		uint32_t parents[6], n_parents = 0, most = 1 + (dice(2) ? dice(4) : 0);

		if (v && dice(8)) {
			for (; n_parents < most; n_parents++)
				parents[n_parents] = v - 1 - dice(v < 4 ? v : 4);
		}
		add(&world.graph, n_parents, parents);
	}
	world.bad = n - 1;
	world.n_good = dice(3);
	for (size_t i = 0; i < world.n_good; i++)
		world.good[i] = dice(n - 1);
	return world;
}

START_TEST(every_culprit_of_random_graphs_is_found_with_any_number_of_slots_in_any_order)
{
	for (uint32_t round = 0; round < 4000; round++) {
		struct world world;
		char what[64];

		seed = round;
		world = random_world();
		snprintf(what, sizeof(what), "seed %u", round);
		play_every_culprit(&world, what);
		release(&world);
	}
}
END_TEST

START_TEST(skips_now_and_then_change_no_verdict)
{
	for (uint32_t round = 0; round < 1000; round++) {
		struct world world;
		char what[64];

		seed = 1000000 + round;
		world = random_world();
		world.skip_rate = 0.1;
		world.options.skip_retries = 12;
		snprintf(what, sizeof(what), "seed %u", round);
		play_every_culprit(&world, what);
		release(&world);
	}
}
END_TEST

START_TEST(a_broken_stretch_gives_the_range_that_git_gives)
{
	/* candidates 1..30, of which from..to do not build */
	for (uint32_t round = 0; round < 400; round++) {
		uint32_t from, to, culprit;
		struct world world;
		struct outcome outcome;

		seed = round;
		from = 1 + dice(28);
		to = from + dice(29 - from);
		culprit = 1 + dice(30);
		world = linear(30, culprit);
		world.slots = 1 + dice(4);
		world.broken = calloc(world.graph.n, sizeof(bool));
		for (uint32_t v = from; v <= to; v++)
			world.broken[v] = true;
		outcome = play(&world);
		if (culprit < from || culprit > to + 1) {
			ck_assert_int_eq(outcome.verdict.kind, VERDICT_CULPRIT);
			ck_assert_uint_eq(outcome.verdict.culprit, culprit);
		} else {
			ck_assert_int_eq(outcome.verdict.kind, VERDICT_RANGE);
			ck_assert_uint_eq(outcome.verdict.n_candidates, to - from + 2);
			for (uint32_t i = 0; i < outcome.verdict.n_candidates && i < 16; i++)
				ck_assert_uint_eq(outcome.candidates[i], from + i);
		}
		release(&world);
	}
}
END_TEST

START_TEST(broken_commits_in_random_graphs_never_rule_out_the_culprit)
{
	for (uint32_t round = 0; round < 3000; round++) {
		struct world world;
		struct outcome outcome;
		bool found = false;

		seed = 77 + round;
		world = random_world();
		world.broken = calloc(world.graph.n, sizeof(bool));
		for (uint32_t v = 0; v < world.bad; v++)
			world.broken[v] = !dice(3);
		do {
			world.culprit = dice(world.graph.n);
		} while (!can_be_culprit(&world, world.culprit) && dice(100));
		if (can_be_culprit(&world, world.culprit)) {
			outcome = play(&world);
			for (size_t i = 0; i < outcome.verdict.n_candidates && i < 16; i++) {
				uint32_t v = outcome.candidates[i];

				found |= v == world.culprit;
				/* all but the newest are there because nobody can test them */
				ck_assert(outcome.verdict.n_candidates == 1 || world.broken[v] ||
					i == outcome.verdict.n_candidates - 1);
			}
			ck_assert_msg(found, "seed %u: %s", 77 + round, outcome.verdict.reason);
		}
		release(&world);
	}
}
END_TEST

START_TEST(an_error_that_always_shows_costs_log_n_and_four_runs)
{
	seed = 5;
	for (uint32_t n = 1; n <= 2000; n += n < 70 ? 1 : n < 1020 ? 47 : n < 1030 ? 1 : 97) {
		uint32_t step = n < 70 ? 1 : n / 3;

		for (uint32_t culprit = 1; culprit <= n; culprit += step) {
			struct world world = linear(n, culprit);
			struct outcome outcome = play(&world);

			ck_assert_uint_eq(outcome.verdict.culprit, culprit);
			ck_assert_msg(outcome.runs <= 4 + log2_up(n), "n %u, culprit %u: %u runs", n, culprit,
				outcome.runs);
			ck_assert_uint_eq(outcome.probes[PURPOSE_VERIFY_BAD], 1);
			ck_assert_uint_eq(outcome.probes[PURPOSE_VERIFY_GOOD], 1);
			ck_assert_uint_eq(outcome.probes[PURPOSE_CONFIRM_BAD], 1);
			ck_assert_uint_eq(outcome.probes[PURPOSE_CONFIRM_GOOD], 1);
			release(&world);
		}
	}
}
END_TEST

START_TEST(with_trust_it_costs_what_halving_costs)
{
	seed = 6;
	for (uint32_t n = 1; n <= 2000; n += n < 70 ? 1 : 97) {
		uint32_t step = n < 70 ? 1 : n / 3;

		for (uint32_t culprit = 1; culprit <= n; culprit += step) {
			struct world world = linear(n, culprit);
			struct outcome outcome;

			world.options.trust_ends = world.options.trust_runs = true;
			outcome = play(&world);
			ck_assert_uint_eq(outcome.verdict.culprit, culprit);
			ck_assert_uint_le(outcome.runs, log2_up(n));
			ck_assert_uint_ge(outcome.runs + 1, log2_up(n + 1));
			release(&world);
		}
	}
}
END_TEST

struct score {
	unsigned right, runs, most_runs;
};

static struct score play_flaky(uint32_t n, double pass_rate, unsigned confirm_runs, unsigned slots, unsigned trials)
{
	struct score score = { 0 };

	for (unsigned trial = 0; trial < trials; trial++) {
		struct world world;
		struct outcome outcome;

		seed = 1000 * trial + n;
		world = linear(n, 1 + dice(n));
		world.pass_rate = pass_rate;
		world.slots = slots;
		world.cancel = true;
		world.options.confirm_runs = confirm_runs;
		outcome = play(&world);
		score.right += outcome.verdict.kind == VERDICT_CULPRIT && outcome.verdict.culprit == world.culprit;
		score.runs += outcome.runs;
		if (outcome.runs > score.most_runs)
			score.most_runs = outcome.runs;
		release(&world);
	}
	if (getenv("SEARCH_SIM_VERBOSE"))
		printf("n %u, pass rate %.2f, confirm %u, slots %u: right %u of %u, %.1f runs a search, most %u\n",
			n, pass_rate, confirm_runs, slots, score.right, trials, (double)score.runs / trials, score.most_runs);
	return score;
}

/*
 * Two runs of culprit and parent see a flakiness of one half only seven times in eight when all runs before looked
 * as if it always showed (bad end, culprit again, parent again: each may be lucky); more runs see it.
 */
START_TEST(an_error_that_shows_half_the_time_is_mostly_found)
{
	struct score score = play_flaky(64, 0.5, 0, 1, 300);

	ck_assert_uint_ge(score.right, 300 * 80 / 100);
	ck_assert_uint_le(score.runs, 300 * 45);
}
END_TEST

START_TEST(an_error_that_shows_half_the_time_is_found_when_four_runs_confirm)
{
	ck_assert_uint_ge(play_flaky(64, 0.5, 4, 1, 300).right, 300 * 95 / 100);
	ck_assert_uint_ge(play_flaky(64, 0.5, 4, 4, 300).right, 300 * 95 / 100);
}
END_TEST

START_TEST(an_error_that_shows_nine_times_in_ten_is_found_when_three_runs_confirm)
{
	ck_assert_uint_ge(play_flaky(64, 0.1, 3, 1, 300).right, 300 * 98 / 100);
}
END_TEST

START_TEST(runs_that_fit_no_model_still_end)
{
	for (uint32_t round = 0; round < 3000; round++) {
		struct world world;

		seed = 31 + round;
		world = random_world();
		world.pass_rate = dice(10) / 10.0;
		world.false_bad = dice(10) / 10.0;
		world.skip_rate = dice(10) / 10.0;
		world.options.confirm_runs = dice(5);
		world.options.trust_ends = !dice(4);
		world.options.trust_runs = !dice(4);
		world.culprit = dice(world.graph.n);
		world.broken = calloc(world.graph.n, sizeof(bool));
		for (uint32_t v = 0; v < world.graph.n; v++)
			world.broken[v] = !dice(6);
		if (can_be_culprit(&world, world.bad))
			play(&world);
		release(&world);
	}
}
END_TEST

START_TEST(a_long_flaky_history_ends_within_a_bounded_number_of_runs)
{
	struct score score = play_flaky(500, 0.7, 0, 8, 20);

	ck_assert_uint_le(score.most_runs, 400);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("search simulated");
	TCase *tests = tcase_create("simulated");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 300);
	tcase_add_test(tests, every_culprit_of_every_graph_of_up_to_five_commits_is_found);
	tcase_add_test(tests, every_culprit_of_random_graphs_is_found_with_any_number_of_slots_in_any_order);
	tcase_add_test(tests, skips_now_and_then_change_no_verdict);
	tcase_add_test(tests, a_broken_stretch_gives_the_range_that_git_gives);
	tcase_add_test(tests, broken_commits_in_random_graphs_never_rule_out_the_culprit);
	tcase_add_test(tests, an_error_that_always_shows_costs_log_n_and_four_runs);
	tcase_add_test(tests, with_trust_it_costs_what_halving_costs);
	tcase_add_test(tests, an_error_that_shows_half_the_time_is_mostly_found);
	tcase_add_test(tests, an_error_that_shows_half_the_time_is_found_when_four_runs_confirm);
	tcase_add_test(tests, an_error_that_shows_nine_times_in_ten_is_found_when_three_runs_confirm);
	tcase_add_test(tests, runs_that_fit_no_model_still_end);
	tcase_add_test(tests, a_long_flaky_history_ends_within_a_bounded_number_of_runs);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
