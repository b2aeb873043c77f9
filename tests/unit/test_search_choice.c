/*
 * search/: what is asked next.  Halving first, then what builds cost, what is built already, and who is suspected.
 */
#include <check.h>

#include "tests/unit/search_fixture.h"

/* the search */

START_TEST(with_trust_a_single_candidate_is_the_culprit_without_a_run)
{
	start_trusted(1);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	none_to_take();
}
END_TEST

START_TEST(with_trust_one_pass_is_good_and_one_failure_is_bad)
{
	start_trusted(4);
	take_expecting(2, PURPOSE_SEARCH);
	answer(2, OBSERVED_GOOD);
	take_expecting(3, PURPOSE_SEARCH);
	answer(3, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 3);
	ck_assert_int_eq(search_phase(search), PHASE_DONE);
}
END_TEST

START_TEST(three_slots_cut_the_range_in_four)
{
	struct search_probe probe;
	bool taken[9] = { false };

	start_trusted(8);
	for (unsigned i = 0; i < 3; i++) {
		probe = take();
		taken[probe.commit] = true;
	}
	ck_assert(taken[2] && taken[4] && taken[6]);
}
END_TEST

START_TEST(the_usefulness_of_a_halving_is_one_bit_and_that_of_a_further_run_less_on_a_line)
{
	struct search_probe first, second;

	start_trusted(8);
	first = take();
	second = take();
	ck_assert_double_eq_tol(first.usefulness, 1, 1e-9);
	ck_assert_double_eq_tol(second.usefulness, 0.5, 1e-9);
}
END_TEST

START_TEST(remaining_candidates_and_runs_left_go_down_with_every_result)
{
	start_trusted(8);
	ck_assert_uint_eq(search_remaining(search), 8);
	ck_assert_uint_eq(search_runs_left(search), 3);
	see(4, OBSERVED_BAD);
	ck_assert_uint_eq(search_remaining(search), 4);
	ck_assert_uint_eq(search_runs_left(search), 2);
	ck_assert(search_is_candidate(search, 4) && !search_is_candidate(search, 5));
	see(2, OBSERVED_GOOD);
	ck_assert_uint_eq(search_remaining(search), 2);
	see(3, OBSERVED_GOOD);
	ck_assert_uint_eq(search_remaining(search), 1);
	ck_assert_uint_eq(search_runs_left(search), 0);
}
END_TEST

/* costs */

START_TEST(a_commit_with_an_artifact_is_preferred_where_builds_cost_much)
{
	options.trust_ends = true;
	options.build_cost = 10;
	options.test_cost = 1;
	start_linear(32);
	search_built(search, 20);
	search_built(search, 99);		/* not in the graph: no harm */
	take_expecting(20, PURPOSE_SEARCH);
}
END_TEST

START_TEST(an_artifact_that_tells_nothing_is_not_preferred)
{
	options.trust_ends = options.trust_runs = true;
	options.build_cost = 10;
	options.test_cost = 1;
	start_linear(32);
	search_built(search, 32);
	take_expecting(16, PURPOSE_SEARCH);
}
END_TEST

START_TEST(dear_builds_make_repeats_more_likely_than_new_commits)
{
	unsigned builds[2] = { 0 };

	options.rates_known = true;
	options.bad_pass = 0.75;
	options.trust_ends = true;
	for (unsigned dear = 0; dear < 2; dear++) {
		bool built[33] = { false };
		unsigned passed[33] = { 0 };

		options.build_cost = dear ? 50 : 0;
		options.test_cost = 1;
		start_linear(32);
		for (unsigned i = 0; kind() == VERDICT_NONE && i < 200; i++) {
			uint32_t v = take().commit;

			builds[dear] += !built[v];
			built[v] = true;
			/* three of four runs of a bad commit pass */
			answer(v, v >= 20 && passed[v]++ % 4 == 3 ? OBSERVED_BAD : OBSERVED_GOOD);
		}
		ck_assert_uint_eq(search_verdict(search)->culprit, 20);
		search_free(search);
		search = NULL;
		graph_release(&graph);
	}
	ck_assert_uint_lt(builds[1], builds[0]);
}
END_TEST

/* priors */

static unsigned play_with_prior(uint32_t suspect, uint32_t culprit)
{
	double prior[65] = { 0 };
	unsigned n;

	if (suspect) {
		prior[suspect] = 5;
		options.prior = prior;
	}
	start_linear(64);
	options.prior = NULL;
	n = play_linear(culprit);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, culprit);
	search_free(search);
	search = NULL;
	graph_release(&graph);
	return n;
}

START_TEST(a_prior_that_comes_later_gives_the_belief_of_one_that_was_there_and_keeps_what_is_in_flight)
{
	double prior[41], from_start[41], later[41];
	struct search_probe first;

	for (uint32_t v = 0; v <= 40; v++)
		prior[v] = v % 7 == 3 ? 20 : 1;
	options.prior = prior;
	start_linear(40);
	see_times(40, OBSERVED_BAD, 2);
	see(20, OBSERVED_GOOD);
	search_belief(search, from_start);
	search_free(search);
	search = NULL;
	graph_release(&graph);
	options.prior = NULL;
	start_linear(40);
	see_times(40, OBSERVED_BAD, 2);
	first = take();
	search_set_prior(search, prior);
	search_set_prior(search, prior);
	memset(prior, 0, sizeof(prior));
	see(20, OBSERVED_GOOD);
	search_belief(search, later);
	ck_assert_mem_eq(from_start, later, sizeof(later));
	search_drop(search, first.commit);
	search_set_prior(search, NULL);
	search_belief(search, later);
	ck_assert_double_eq_tol(later[31], later[32], 1e-12);
}
END_TEST

START_TEST(a_right_prior_saves_runs_and_a_wrong_one_costs_only_a_few)
{
	unsigned even = play_with_prior(0, 40);

	ck_assert_uint_le(play_with_prior(40, 40) + 3, even);
	ck_assert_uint_le(play_with_prior(10, 40), even + 5);
}
END_TEST

START_TEST(a_prior_is_mixed_with_an_even_one_and_its_scale_does_not_matter)
{
	double prior[5] = { 7000, 0, 3e6, 1e6, 0 };
	double even = 0.2 / 4;

	options.prior = prior;
	start_trusted(4);
	ck_assert_double_eq_tol(believed(1), even, 1e-12);
	ck_assert_double_eq_tol(believed(2), even + 0.8 * 0.75, 1e-12);
	ck_assert_double_eq_tol(believed(3), even + 0.8 * 0.25, 1e-12);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("search: choice");
	TCase *tests = tcase_create("choice");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, with_trust_a_single_candidate_is_the_culprit_without_a_run);
	tcase_add_test(tests, with_trust_one_pass_is_good_and_one_failure_is_bad);
	tcase_add_test(tests, three_slots_cut_the_range_in_four);
	tcase_add_test(tests, the_usefulness_of_a_halving_is_one_bit_and_that_of_a_further_run_less_on_a_line);
	tcase_add_test(tests, remaining_candidates_and_runs_left_go_down_with_every_result);
	tcase_add_test(tests, a_commit_with_an_artifact_is_preferred_where_builds_cost_much);
	tcase_add_test(tests, an_artifact_that_tells_nothing_is_not_preferred);
	tcase_add_test(tests, dear_builds_make_repeats_more_likely_than_new_commits);
	tcase_add_test(tests, a_prior_that_comes_later_gives_the_belief_of_one_that_was_there_and_keeps_what_is_in_flight);
	tcase_add_test(tests, a_right_prior_saves_runs_and_a_wrong_one_costs_only_a_few);
	tcase_add_test(tests, a_prior_is_mixed_with_an_even_one_and_its_scale_does_not_matter);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
