/*
 * search/ against what a farm does wrong: skips now and then, boxes that fail by themselves, errors that no search can pin down.  Each
 * bisection is played through search.h from a seed of its own.
 */
#include <check.h>
#include <limits.h>
#include <stdint.h>

#include "search/search.h"

#define MAX_SLOTS 8u
#define NOWHERE UINT32_MAX

static uint64_t seed;

/* splitmix64 (Steele, Lea, Flood 2014) */
static double dice(void)
{
	uint64_t x = seed += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (double)((x ^ x >> 31) >> 11) * 0x1p-53;
}

static unsigned dice_to(unsigned n)
{
	return 1 + (unsigned)(dice() * n);
}

/* A line of so many candidates; commit 0 is the good end. */
struct world {
	uint32_t n;
	bool nothing;			/* no culprit: all fail at good_rate */
	bool two;			/* from a second culprit on they fail at second_rate */
	double bad_rate, good_rate, second_rate, skip_rate;
	unsigned slots;
	unsigned boxes, sick;		/* 0: no names of boxes; the sick one, 0: none */
	double sick_rate;
	bool only_left_out;		/* once a box is left out, all runs are made by it */
	unsigned alone_after;		/* after so many runs there is only box 1; 0: never */
	struct search_options options;
};

struct tally {
	unsigned kinds[VERDICT_NKINDS], right, second, most_runs, left_out, wrongly_left_out, said;
	double runs;
};

struct flight {
	uint32_t commit;
	unsigned box;
};

struct game {
	const struct world *world;
	struct search *search;
	uint32_t culprit, second;
	struct flight flight[MAX_SLOTS];
	unsigned n_flights, runs;
};

static unsigned choose_box(struct game *g)
{
	const struct world *world = g->world;
	uint32_t left_out;
	unsigned box = 1;

	if (!world->boxes)
		return 0;
	if (world->alone_after && g->runs >= world->alone_after)
		return 1;
	if (world->only_left_out && search_left_out(g->search, &left_out, 1))
		return left_out;
	if (world->slots < world->boxes)
		return dice_to(world->boxes);
	for (unsigned i = 0; i < g->n_flights; i++) {
		if (g->flight[i].box != box)
			continue;
		box++;
		i = UINT_MAX;		/* from the start */
	}
	return box;
}

static enum observation run(const struct game *g, const struct flight *flight)
{
	const struct world *world = g->world;
	double rate = world->good_rate;

	if (flight->commit >= g->culprit)
		rate = world->bad_rate;
	if (flight->commit >= g->second)
		rate = world->second_rate;
	if (flight->box && flight->box == world->sick && rate < world->sick_rate)
		rate = world->sick_rate;
	if (dice() < world->skip_rate)
		return OBSERVED_SKIP;
	return dice() < rate ? OBSERVED_BAD : OBSERVED_GOOD;
}

static void cancel_useless(struct game *g)
{
	uint32_t useless[MAX_SLOTS];
	size_t n = search_useless(g->search, useless, MAX_SLOTS);

	for (size_t i = 0; i < n; i++) {
		for (unsigned k = g->n_flights; k-- > 0;) {
			if (g->flight[k].commit != useless[i])
				continue;
			search_drop(g->search, useless[i]);
			g->flight[k] = g->flight[--g->n_flights];
		}
	}
}

/* Results come back in random order. */
static void play(struct game *g)
{
	struct search_probe probe;

	while (search_verdict(g->search)->kind == VERDICT_NONE) {
		struct flight ended;
		unsigned k;

		while (g->n_flights < g->world->slots && search_next(g->search, &probe)) {
			unsigned box = choose_box(g);

			g->flight[g->n_flights++] = (struct flight){ probe.commit, box };
		}
		if (search_verdict(g->search)->kind != VERDICT_NONE)
			break;
		ck_assert_msg(g->n_flights > 0, "no verdict, and nothing to run");
		k = dice_to(g->n_flights) - 1;
		ended = g->flight[k];
		g->flight[k] = g->flight[--g->n_flights];
		search_observe_by(g->search, ended.commit, run(g, &ended), true, ended.box);
		ck_assert_uint_le(++g->runs, 5000);
		cancel_useless(g);
	}
}

static void count(const struct game *g, struct tally *tally)
{
	const struct search_verdict *verdict = search_verdict(g->search);
	uint32_t box[MAX_SLOTS];
	size_t n = search_left_out(g->search, box, MAX_SLOTS);

	tally->kinds[verdict->kind]++;
	if (verdict->kind == VERDICT_CULPRIT) {
		tally->right += verdict->culprit == g->culprit;
		tally->second += verdict->culprit == g->second;
		tally->said += n && strstr(verdict->reason, "Left out: 1 box");
	}
	tally->left_out += n > 0;
	for (size_t i = 0; i < n; i++)
		tally->wrongly_left_out += box[i] != g->world->sick;
	tally->runs += g->runs;
	if (g->runs > tally->most_runs)
		tally->most_runs = g->runs;
}

static struct tally play_often(const struct world *world, unsigned trials)
{
	struct tally tally = { .right = 0 };
	struct graph graph = { 0 };
	uint32_t good = 0;

	ck_assert_int_eq(graph_add(&graph, NULL, 0, NULL, NULL), 0);
	for (uint32_t v = 0; v < world->n; v++)
		ck_assert_int_eq(graph_add(&graph, &v, 1, NULL, NULL), 0);
	for (unsigned trial = 0; trial < trials; trial++) {
		struct game g = { .world = world, .culprit = NOWHERE, .second = NOWHERE };

		seed = trial * 1000003u + world->n;
		if (!world->nothing)
			g.culprit = dice_to(world->n);
		if (world->two) {
			g.second = dice_to(world->n);
			if (g.second < g.culprit) {
				uint32_t held = g.second;

				g.second = g.culprit;
				g.culprit = held;
			}
		}
		ck_assert_int_eq(search_new(&g.search, &graph, world->n, &good, 1, &world->options, NULL), 0);
		play(&g);
		count(&g, &tally);
		search_free(g.search);
	}
	tally.runs /= trials;
	graph_release(&graph);
	if (getenv("SEARCH_NOISE_VERBOSE")) {
		printf("%u: right %u, second %u, %.1f runs, most %u, left out %u, wrongly %u;", trials, tally.right,
			tally.second, tally.runs, tally.most_runs, tally.left_out, tally.wrongly_left_out);
		for (int i = 0; i < VERDICT_NKINDS; i++)
			if (tally.kinds[i])
				printf(" %s %u", verdict_kind_name((enum verdict_kind)i), tally.kinds[i]);
		puts("");
	}
	return tally;
}

static struct world line(uint32_t n, double bad_rate)
{
	return (struct world){ .n = n, .bad_rate = bad_rate, .slots = 1 };
}

/* skips */

START_TEST(a_run_of_ten_that_skips_costs_a_few_runs_and_no_verdict)
{
	for (unsigned flaky = 0; flaky < 2; flaky++) {
		struct world world = line(100, flaky ? 0.5 : 1);
		struct tally without = play_often(&world, 100), with;

		world.skip_rate = 0.1;
		with = play_often(&world, 100);
		ck_assert_uint_ge(with.right, 96);
		ck_assert(with.runs < 1.35 * without.runs);
		ck_assert_uint_le(with.most_runs, 2 * without.most_runs);
		world.slots = 4;
		ck_assert_uint_ge(play_often(&world, 100).right, 96);
	}
}
END_TEST

/* boxes */

static struct world farm(double bad_rate, unsigned slots, unsigned sick)
{
	return (struct world){ .n = 64, .bad_rate = bad_rate, .slots = slots, .boxes = 8, .sick = sick, .sick_rate = 0.3 };
}

static void check_sick(double bad_rate, unsigned slots)
{
	struct world world = farm(bad_rate, slots, 3);
	struct tally tally = play_often(&world, 200);

	ck_assert_msg(tally.right >= 194, "rate %g, %u slots: %u right", bad_rate, slots, tally.right);
	ck_assert_uint_eq(tally.wrongly_left_out, 0);
	ck_assert_uint_ge(tally.said, 1);
}

START_TEST(a_sick_box_among_eight_changes_no_verdict)
{
	check_sick(1, 1);
	check_sick(1, 8);
}
END_TEST

START_TEST(a_sick_box_among_eight_changes_no_verdict_on_a_flaky_error)
{
	check_sick(0.5, 1);
	check_sick(0.5, 8);
}
END_TEST

START_TEST(healthy_boxes_are_believed_however_flaky_the_error)
{
	struct world world = farm(0.5, 8, 0);

	ck_assert_uint_eq(play_often(&world, 200).left_out, 0);
	world.slots = 1;
	ck_assert_uint_eq(play_often(&world, 200).left_out, 0);
	world.good_rate = 0.02;
	ck_assert_uint_le(play_often(&world, 200).left_out, 1);
}
END_TEST

START_TEST(a_box_left_out_that_gets_all_further_runs_keeps_no_search_from_its_end)
{
	struct world world = farm(0.5, 1, 3);
	struct tally tally;

	world.sick_rate = 0.6;
	world.only_left_out = true;
	tally = play_often(&world, 150);
	ck_assert_uint_ge(tally.left_out, 20);
	ck_assert_uint_le(tally.most_runs, 400);
	ck_assert_uint_ge(tally.kinds[VERDICT_UNDECIDED], 1);
	ck_assert_uint_ge(tally.right + 8, tally.kinds[VERDICT_CULPRIT]);
}
END_TEST

START_TEST(a_box_that_is_left_alone_is_believed_in_the_end)
{
	struct world world = farm(1, 1, 0);

	world.alone_after = 4;
	for (unsigned flaky = 0; flaky < 2; flaky++) {
		struct tally tally;

		world.bad_rate = flaky ? 0.5 : 1;
		tally = play_often(&world, 200);
		ck_assert_uint_ge(tally.right, 194);
		ck_assert_uint_le(tally.most_runs, flaky ? 200 : 30);
	}
}
END_TEST

START_TEST(a_box_on_whose_word_alone_a_verdict_would_rest_is_asked_to_rest)
{
	struct graph graph = { 0 };
	struct search *search;
	struct search_probe probe;
	uint32_t good = 0, box = 0;

	ck_assert_int_eq(graph_add(&graph, NULL, 0, NULL, NULL), 0);
	for (uint32_t v = 0; v < 4; v++)
		ck_assert_int_eq(graph_add(&graph, &v, 1, NULL, NULL), 0);
	ck_assert_int_eq(search_new(&search, &graph, 4, &good, 1, NULL, NULL), 0);
	search_earlier(search, 30, 0, 0, 100);
	search_observe_by(search, 4, OBSERVED_BAD, false, 2);
	search_observe_by(search, 4, OBSERVED_BAD, false, 3);
	search_observe_by(search, 1, OBSERVED_GOOD, false, 3);
	search_observe_by(search, 2, OBSERVED_BAD, false, 1);
	search_observe_by(search, 2, OBSERVED_BAD, false, 1);
	ck_assert_int_eq(search_verdict(search)->kind, VERDICT_NONE);
	ck_assert_uint_eq(search_left_out(search, &box, 1), 0);
	ck_assert_uint_eq(search_resting(search, &box, 1), 1);
	ck_assert_uint_eq(box, 1);
	ck_assert(search_next(search, &probe));
	search_observe_by(search, 2, OBSERVED_BAD, false, 2);
	ck_assert_uint_eq(search_resting(search, &box, 1), 0);
	ck_assert_int_eq(search_verdict(search)->kind, VERDICT_CULPRIT);
	search_free(search);
	graph_release(&graph);
}
END_TEST

/* what no search can pin down */

START_TEST(an_error_that_shows_now_and_then_everywhere_comes_to_an_end_and_blames_nobody)
{
	static const double rates[] = { 0.03, 0.05, 0.1, 0.2 };

	for (unsigned i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		struct world world = { .n = 100, .nothing = true, .good_rate = rates[i], .slots = i % 2 ? 4 : 1 };
		struct tally tally = play_often(&world, 40);

		ck_assert_uint_le(tally.kinds[VERDICT_CULPRIT], 2);
		ck_assert(tally.runs < 400);
		ck_assert_uint_le(tally.most_runs, 2500);
	}
}
END_TEST

START_TEST(a_search_given_up_says_that_thousands_of_runs_are_missing_and_that_nothing_may_have_changed)
{
	struct search_probe probe;
	struct search *search;
	struct graph graph = { 0 };
	uint32_t good = 0;
	const struct search_verdict *verdict;

	ck_assert_int_eq(graph_add(&graph, NULL, 0, NULL, NULL), 0);
	for (uint32_t v = 0; v < 40; v++)
		ck_assert_int_eq(graph_add(&graph, &v, 1, NULL, NULL), 0);
	ck_assert_int_eq(search_new(&search, &graph, 40, &good, 1, NULL, NULL), 0);
	for (unsigned i = 0; i < 800; i++) {
		search_observe(search, 40, i % 200 ? OBSERVED_GOOD : OBSERVED_BAD, false);
		search_observe(search, 20, OBSERVED_GOOD, false);
	}
	ck_assert_int_eq(search_verdict(search)->kind, VERDICT_NONE);
	ck_assert(!search_next(search, &probe));
	verdict = search_verdict(search);
	ck_assert_int_eq(verdict->kind, VERDICT_UNDECIDED);
	ck_assert_ptr_nonnull(strstr(verdict->reason, "thousands of runs"));
	/* a result that changes this takes the search up again */
	for (unsigned i = 0; i < 300; i++)
		search_observe(search, 40, OBSERVED_BAD, false);
	ck_assert_int_eq(search_verdict(search)->kind, VERDICT_NONE);
	ck_assert(search_next(search, &probe));
	search_free(search);
	graph_release(&graph);
}
END_TEST

START_TEST(an_error_that_shows_in_one_run_of_ten_is_not_given_up)
{
	struct world world = line(100, 0.1);
	struct tally tally;

	world.options.verify_max = 100;
	tally = play_often(&world, 40);
	ck_assert_uint_ge(tally.right, 38);
}
END_TEST

START_TEST(of_two_culprits_one_is_named_and_the_search_ends)
{
	for (unsigned i = 0; i < 3; i++) {
		struct world world = { .n = 100, .two = true, .bad_rate = i ? 0.5 : 0.1, .second_rate = i < 2 ? 1 : 0.9,
			.slots = 1 };
		struct tally tally = play_often(&world, 60);

		ck_assert_uint_ge(tally.right + tally.second, 54);
		ck_assert_uint_le(tally.most_runs, 400);
	}
}
END_TEST

START_TEST(failures_by_accident_on_good_commits_rarely_lead_to_a_wrong_name)
{
	struct world world = line(100, 0.5);
	struct tally tally;

	world.good_rate = 0.02;
	tally = play_often(&world, 200);
	ck_assert_uint_ge(tally.right, 190);
	world.good_rate = 0.05;
	tally = play_often(&world, 200);
	ck_assert_uint_ge(tally.right, 186);
	ck_assert_uint_le(tally.most_runs, 1000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("search and noise");
	TCase *tests = tcase_create("noise");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 300);
	tcase_add_test(tests, a_run_of_ten_that_skips_costs_a_few_runs_and_no_verdict);
	tcase_add_test(tests, a_sick_box_among_eight_changes_no_verdict);
	tcase_add_test(tests, a_sick_box_among_eight_changes_no_verdict_on_a_flaky_error);
	tcase_add_test(tests, healthy_boxes_are_believed_however_flaky_the_error);
	tcase_add_test(tests, a_box_that_is_left_alone_is_believed_in_the_end);
	tcase_add_test(tests, a_box_on_whose_word_alone_a_verdict_would_rest_is_asked_to_rest);
	tcase_add_test(tests, a_box_left_out_that_gets_all_further_runs_keeps_no_search_from_its_end);
	tcase_add_test(tests, an_error_that_shows_now_and_then_everywhere_comes_to_an_end_and_blames_nobody);
	tcase_add_test(tests, a_search_given_up_says_that_thousands_of_runs_are_missing_and_that_nothing_may_have_changed);
	tcase_add_test(tests, an_error_that_shows_in_one_run_of_ten_is_not_given_up);
	tcase_add_test(tests, of_two_culprits_one_is_named_and_the_search_ends);
	tcase_add_test(tests, failures_by_accident_on_good_commits_rarely_lead_to_a_wrong_name);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
