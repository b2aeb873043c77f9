/*
 * search/: commits that cannot be observed, now or ever, and the range that is left where only they could tell.
 */
#include <check.h>

#include "tests/unit/search_fixture.h"

START_TEST(a_commit_that_cannot_be_built_is_never_run_again)
{
	start_trusted(4);
	take_expecting(2, PURPOSE_SEARCH);
	answer(2, OBSERVED_BROKEN);
	for (unsigned i = 0; i < 2; i++) {
		struct search_probe probe = take();

		ck_assert_uint_ne(probe.commit, 2);
		answer(probe.commit, probe.commit > 2 ? OBSERVED_BAD : OBSERVED_GOOD);
	}
	ck_assert_int_eq(kind(), VERDICT_RANGE);
	ck_assert_uint_eq(search_verdict(search)->n_candidates, 2);
	ck_assert_uint_eq(search_verdict(search)->candidates[0], 2);
	ck_assert_uint_eq(search_verdict(search)->candidates[1], 3);
}
END_TEST

START_TEST(a_skipped_commit_waits_until_only_skipped_ones_are_left)
{
	start_trusted(4);
	take_expecting(2, PURPOSE_SEARCH);
	answer(2, OBSERVED_SKIP);
	for (unsigned i = 0; i < 2; i++) {
		struct search_probe probe = take();

		ck_assert_uint_ne(probe.commit, 2);
		answer(probe.commit, probe.commit > 2 ? OBSERVED_BAD : OBSERVED_GOOD);
	}
	take_expecting(2, PURPOSE_SEARCH);
	answer(2, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 2);
}
END_TEST

START_TEST(a_skipped_commit_waits_for_the_others_in_flight)
{
	start_trusted(4);
	see(2, OBSERVED_SKIP);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_uint_ne(take().commit, 2);
	none_to_take();
}
END_TEST

START_TEST(a_skipped_commit_is_tried_skip_retries_times_more_and_then_given_up)
{
	options.skip_retries = 3;
	start_trusted(2);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(kind(), VERDICT_NONE);
		take_expecting(1, PURPOSE_SEARCH);
		answer(1, OBSERVED_SKIP);
	}
	ck_assert_int_eq(kind(), VERDICT_RANGE);
	ck_assert_uint_eq(search_verdict(search)->n_candidates, 2);
}
END_TEST

START_TEST(a_broken_parent_makes_a_range_of_it_and_the_culprit)
{
	start_linear(3);
	see(2, OBSERVED_BROKEN);
	play_linear(3);
	ck_assert_int_eq(kind(), VERDICT_RANGE);
	ck_assert_uint_eq(search_verdict(search)->n_candidates, 2);
	ck_assert_uint_eq(search_verdict(search)->candidates[0], 2);
	ck_assert_uint_eq(search_verdict(search)->candidates[1], 3);
	ck_assert(search_verdict(search)->confidence >= 0.99);
}
END_TEST

START_TEST(a_commit_beside_the_range_that_nobody_runs_keeps_no_range_from_its_end)
{
	uint32_t root = add(0, NULL), broken = add(1, &root), bad = add(1, &broken);

	add(1, &broken);		/* contains the broken one, but is not in the history of bad */
	options.trust_runs = options.trust_ends = true;
	ck_assert_int_eq(search_new(&search, &graph, bad, &root, 1, &options, NULL), 0);
	see(broken, OBSERVED_BROKEN);
	ck_assert_int_eq(kind(), VERDICT_RANGE);
	ck_assert_uint_eq(search_verdict(search)->n_candidates, 2);
}
END_TEST

START_TEST(of_several_skipped_commits_each_gets_its_retries_when_the_rest_is_done)
{
	unsigned tries[6] = { 0 };

	options.skip_retries = 2;
	start_linear(5);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 60; i++) {
		uint32_t v = take().commit;

		tries[v]++;
		answer(v, v == 2 || v == 3 ? OBSERVED_SKIP : as_if(3, v));
	}
	ck_assert_int_eq(kind(), VERDICT_RANGE);
	ck_assert_uint_eq(search_verdict(search)->n_candidates, 3);
	ck_assert_uint_eq(tries[2], 3);
	ck_assert_uint_eq(tries[3], 3);
}
END_TEST

START_TEST(a_broken_neighbourhood_is_jumped_past)
{
	struct search_probe probe;

	options.trust_ends = options.trust_runs = true;
	options.build_cost = 10;
	options.test_cost = 1;
	start_linear(60);
	see(30, OBSERVED_BROKEN);
	probe = take();
	ck_assert(probe.commit < 26 || probe.commit > 34);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("search: skips");
	TCase *tests = tcase_create("skips");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_commit_that_cannot_be_built_is_never_run_again);
	tcase_add_test(tests, a_skipped_commit_waits_until_only_skipped_ones_are_left);
	tcase_add_test(tests, a_skipped_commit_waits_for_the_others_in_flight);
	tcase_add_test(tests, a_skipped_commit_is_tried_skip_retries_times_more_and_then_given_up);
	tcase_add_test(tests, a_broken_parent_makes_a_range_of_it_and_the_culprit);
	tcase_add_test(tests, a_commit_beside_the_range_that_nobody_runs_keeps_no_range_from_its_end);
	tcase_add_test(tests, of_several_skipped_commits_each_gets_its_retries_when_the_rest_is_done);
	tcase_add_test(tests, a_broken_neighbourhood_is_jumped_past);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
