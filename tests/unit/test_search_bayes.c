/*
 * search/ against Bayes's rule done by hand: on every small graph and thousands of random ones the belief, and what a probe is said
 * to tell, must be what an enumeration of all hypotheses and outcomes gives (search_worlds.h).
 */
#include <check.h>
#include <math.h>

#include "tests/unit/rounds.h"
#include "tests/unit/search_worlds.h"

/* belief */

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
	bool asked = candidates(world) >> v & 1, after = !world->options.fix || !world->n_good;

	for (size_t i = 0; i < world->n_good; i++) {
		after |= world->inside[v] >> world->good[i] & 1;
		if (world->good[i] == v)
			return true;
	}
	return asked && after;	/* what never had the error has not lost it */
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
static void ready_to_search(struct world *world, bool fix)
{
	world->options.confidence = 1 - 1e-9;
	world->options.trust_runs = world->options.trust_ends = false;
	world->options.fix = fix;
	world->n_seen = world->n_seen < 8 ? world->n_seen : 8;
	for (unsigned i = 0; i < 2; i++) {
		push(world, world->bad, fix ? OBSERVED_GOOD : OBSERVED_BAD);
		if (fix && world->n_good)
			push(world, world->good[0], OBSERVED_BAD);
	}
}

/* Of so many random worlds with rates that nobody knows, those in which a probe was asked for and checked. */
static unsigned check_random_probes(uint32_t first_seed, uint32_t rounds, bool fix)
{
	unsigned checked = 0;

	for (uint32_t round = 0; round < rounds; round++) {
		struct world world;
		char what[64];

		seed = first_seed + round;
		world = random_world(8);
		random_model(&world);
		random_runs(&world, 8, false);
		world.options.rates_known = false;
		ready_to_search(&world, fix);
		snprintf(what, sizeof(what), "seed %u", first_seed + round);
		if (candidates(&world) >> world.bad & 1)
			checked += check_probes(&world, 1, what);
		graph_release(&world.graph);
	}
	return checked;
}

START_TEST(a_probe_tells_what_it_says_and_none_tells_more_when_rates_are_unknown)
{
	ck_assert_uint_ge(check_random_probes(300000, ROUNDS(1500), false), ROUNDS(700));
}
END_TEST

START_TEST(the_same_holds_for_the_first_good_commit)
{
	ck_assert_uint_ge(check_random_probes(310000, ROUNDS(1500), true), ROUNDS(200));
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
		ready_to_search(&world, false);
		snprintf(what, sizeof(what), "seed %u", 400000 + round);
		if (candidates(&world) >> world.bad & 1)
			checked += check_probes(&world, 4, what);
		graph_release(&world.graph);
	}
	ck_assert_uint_ge(checked, ROUNDS(400));
}
END_TEST

/* the quick path for lines */

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
	tcase_add_test(tests, the_same_holds_for_the_first_good_commit);
	tcase_add_test(tests, a_probe_beside_up_to_three_in_flight_tells_what_it_says_when_rates_are_known);
	tcase_add_test(tests, the_quick_path_for_lines_chooses_as_the_general_one);
	tcase_add_test(tests, neighbours_counted_as_one_in_long_histories_change_little);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
