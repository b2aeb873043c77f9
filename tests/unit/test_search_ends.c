/*
 * search/: which graphs and ends are taken, and how the ends are verified before anything is believed of what lies between.
 */
#include <check.h>

#include "tests/unit/search_fixture.h"

/* starting */

START_TEST(ends_outside_the_graph_are_refused)
{
	struct search *none = NULL;
	struct error err = ERROR_INIT;
	uint32_t good = 9;

	add(0, NULL);
	ck_assert_int_eq(search_new(&none, &graph, 1, NULL, 0, NULL, &err), -ERR_INVALID);
	ck_assert_int_eq(search_new(&none, &graph, 0, &good, 1, NULL, &err), -ERR_INVALID);
	ck_assert_ptr_null(none);
	ck_assert(err.text[0]);
}
END_TEST

START_TEST(a_bad_end_that_is_good_or_older_leaves_no_candidate_and_is_refused)
{
	struct search *none = NULL;
	uint32_t root = add(0, NULL), child = add(1, &root);

	ck_assert_int_eq(search_new(&none, &graph, child, &child, 1, NULL, NULL), -ERR_INVALID);
	ck_assert_int_eq(search_new(&none, &graph, root, &child, 1, NULL, NULL), -ERR_INVALID);
}
END_TEST

START_TEST(candidates_are_what_bad_contains_and_no_good_end_does)
{
	uint32_t root = add(0, NULL), good = add(1, &root), side = add(1, &root);
	uint32_t merge = add(2, (uint32_t[]){ good, side }), stranger = add(1, &root);

	ck_assert_int_eq(search_new(&search, &graph, merge, &good, 1, NULL, NULL), 0);
	ck_assert_uint_eq(search_remaining(search), 2);
	ck_assert(search_is_candidate(search, side) && search_is_candidate(search, merge));
	ck_assert(!search_is_candidate(search, root) && !search_is_candidate(search, good));
	ck_assert(!search_is_candidate(search, stranger) && !search_is_candidate(search, 99));
}
END_TEST

START_TEST(a_boundary_without_a_path_to_a_good_end_is_no_candidate_when_the_caller_says_so)
{
	uint32_t boundary = add(0, NULL), good = add(0, NULL), side = add(1, &boundary);
	uint32_t merge = add(2, (uint32_t[]){ good, side });
	const bool in_range[] = { false, false, true, true };

	options.in_range = in_range;
	ck_assert_int_eq(search_new(&search, &graph, merge, &good, 1, &options, NULL), 0);
	ck_assert_uint_eq(search_remaining(search), 2);
	see_times(merge, OBSERVED_BAD, 2);
	see_times(boundary, OBSERVED_BAD, 8);
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, boundary);
}
END_TEST

/* the ends */

START_TEST(the_bad_end_is_verified_before_the_search_when_there_is_one_slot)
{
	options.verify_runs = 2;
	start_linear(8);
	ck_assert_int_eq(search_phase(search), PHASE_VERIFY);
	for (unsigned i = 0; i < 2; i++) {
		take_expecting(8, PURPOSE_VERIFY_BAD);
		answer(8, OBSERVED_BAD);
	}
	ck_assert_int_eq(search_phase(search), PHASE_SEARCH);
	ck_assert_int_eq(take().purpose, PURPOSE_SEARCH);
}
END_TEST

START_TEST(good_ends_are_run_before_the_search_only_when_that_is_asked_for)
{
	options.verify_runs = 1;
	options.verify_good = true;
	start_linear(8);
	take_expecting(8, PURPOSE_VERIFY_BAD);
	answer(8, OBSERVED_BAD);
	take_expecting(0, PURPOSE_VERIFY_GOOD);
	ck_assert_int_eq(search_phase(search), PHASE_VERIFY);
	answer(0, OBSERVED_GOOD);
	ck_assert_int_eq(search_phase(search), PHASE_SEARCH);
	ck_assert_int_eq(take().purpose, PURPOSE_SEARCH);
}
END_TEST

START_TEST(further_slots_search_while_the_ends_are_verified)
{
	options.verify_runs = 1;
	options.verify_good = true;
	start_linear(8);
	take_expecting(8, PURPOSE_VERIFY_BAD);
	take_expecting(0, PURPOSE_VERIFY_GOOD);
	ck_assert_int_eq(take().purpose, PURPOSE_SEARCH);
	ck_assert_int_eq(take().purpose, PURPOSE_SEARCH);
}
END_TEST

START_TEST(a_bad_end_that_never_shows_the_error_is_not_reproduced_after_verify_max_runs)
{
	options.verify_max = 3;
	start_linear(8);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(kind(), VERDICT_NONE);
		ck_assert_uint_eq(take().commit, 8);
		answer(8, OBSERVED_GOOD);
	}
	ck_assert_int_eq(kind(), VERDICT_NOT_REPRODUCED);
	none_to_take();
}
END_TEST

START_TEST(a_bad_end_that_passes_and_then_fails_is_reproduced_and_known_flaky)
{
	double as_deterministic, as_flaky;

	options.verify_runs = 2;
	start_linear(8);
	see(8, OBSERVED_GOOD);
	ck_assert_int_eq(search_phase(search), PHASE_VERIFY);
	see(8, OBSERVED_BAD);
	ck_assert_int_eq(search_phase(search), PHASE_SEARCH);
	see(4, OBSERVED_GOOD);
	as_flaky = believed(4);
	search_free(search);
	graph_release(&graph);
	start_linear(8);
	see_times(8, OBSERVED_BAD, 2);
	see(4, OBSERVED_GOOD);
	as_deterministic = believed(4);
	/* a pass says less of a commit when passes of bad ones are known */
	ck_assert(as_flaky > 2 * as_deterministic);
}
END_TEST

START_TEST(passes_of_the_bad_end_rule_nothing_out)
{
	start_linear(8);
	see_times(8, OBSERVED_GOOD, 9);
	ck_assert_uint_eq(search_remaining(search), 8);
}
END_TEST

START_TEST(a_bad_end_that_cannot_be_built_is_not_reproduced_and_says_why)
{
	start_linear(8);
	see(8, OBSERVED_BROKEN);
	ck_assert_int_eq(kind(), VERDICT_NOT_REPRODUCED);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "could not be tested"));
}
END_TEST

START_TEST(a_bad_end_that_always_skips_is_not_reproduced_after_its_retries)
{
	start_linear(8);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(kind(), VERDICT_NONE);
		take_expecting(8, PURPOSE_VERIFY_BAD);
		answer(8, OBSERVED_SKIP);
	}
	ck_assert_int_eq(kind(), VERDICT_NOT_REPRODUCED);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "could not be tested"));
}
END_TEST

START_TEST(a_good_end_that_shows_the_error_again_and_again_is_no_good_commit)
{
	start_linear(8);
	see_times(8, OBSERVED_BAD, 2);
	see(0, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_NONE);		/* one failure may be an accident */
	see_times(0, OBSERVED_BAD, 9);
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 0);
	ck_assert(search_verdict(search)->confidence >= 0.99);
	none_to_take();
}
END_TEST

START_TEST(with_trust_a_good_end_that_shows_the_error_once_is_no_good_commit)
{
	options.trust_runs = true;
	start_linear(8);
	see(0, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 0);
}
END_TEST

START_TEST(a_good_end_that_failed_once_by_accident_is_forgiven)
{
	start_linear(8);
	see(0, OBSERVED_BAD);
	see_times(0, OBSERVED_GOOD, 12);
	play_linear(5);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 5);
}
END_TEST

START_TEST(an_error_that_shows_half_the_time_at_both_ends_is_no_change)
{
	start_linear(8);
	for (unsigned i = 0; i < 10; i++) {
		ck_assert_int_ne(kind(), VERDICT_CULPRIT);
		see(8, i % 2 ? OBSERVED_BAD : OBSERVED_GOOD);
		see(0, i % 2 ? OBSERVED_GOOD : OBSERVED_BAD);
	}
	ck_assert_int_eq(kind(), VERDICT_NO_CHANGE);
	ck_assert(search_verdict(search)->confidence >= 0.99);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "same rate"));
	none_to_take();
}
END_TEST

START_TEST(without_a_prior_no_change_is_never_the_verdict)
{
	options.no_change = -1;
	start_linear(8);
	see_times(8, OBSERVED_BAD, 10);
	see_times(8, OBSERVED_GOOD, 10);
	see_times(0, OBSERVED_BAD, 10);
	see_times(0, OBSERVED_GOOD, 10);
	ck_assert_int_ne(kind(), VERDICT_NO_CHANGE);
}
END_TEST

START_TEST(where_all_belief_is_in_a_good_end_that_is_bad_it_is_run)
{
	uint32_t root = add(0, NULL), left = add(1, &root), right = add(1, &root);
	uint32_t merge = add(2, (uint32_t[]){ left, right });

	/* no failure is an accident here, so that nobody but root is left */
	options.rates_known = true;
	options.bad_pass = 0.5;
	options.no_change = -1;
	ck_assert_int_eq(search_new(&search, &graph, merge, &root, 1, &options, NULL), 0);
	see(merge, OBSERVED_BAD);
	see(left, OBSERVED_BAD);
	see(right, OBSERVED_BAD);
	take_expecting(root, PURPOSE_VERIFY_GOOD);
	answer(root, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, root);
}
END_TEST

START_TEST(the_good_end_that_shows_the_error_is_the_one_named)
{
	uint32_t a = add(0, NULL), b = add(0, NULL), merge = add(2, (uint32_t[]){ a, b });

	ck_assert_int_eq(search_new(&search, &graph, merge, (uint32_t[]){ a, b }, 2, NULL, NULL), 0);
	see_times(merge, OBSERVED_BAD, 2);
	see_times(b, OBSERVED_BAD, 12);
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, b);
}
END_TEST

START_TEST(every_good_end_is_verified_when_that_is_asked_for)
{
	uint32_t a = add(0, NULL), b = add(0, NULL), merge = add(2, (uint32_t[]){ a, b });

	options.verify_good = true;
	options.verify_runs = 1;
	ck_assert_int_eq(search_new(&search, &graph, merge, (uint32_t[]){ a, b }, 2, &options, NULL), 0);
	take_expecting(merge, PURPOSE_VERIFY_BAD);
	take_expecting(a, PURPOSE_VERIFY_GOOD);
	take_expecting(b, PURPOSE_VERIFY_GOOD);
}
END_TEST

START_TEST(a_good_end_that_cannot_be_tested_is_taken_as_good_and_that_is_said)
{
	start_linear(1);
	see_times(1, OBSERVED_BAD, 3);
	see(0, OBSERVED_BROKEN);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "taken as good"));
}
END_TEST

START_TEST(no_culprit_is_named_before_the_ends_are_verified)
{
	start_linear(2);
	see_times(1, OBSERVED_BAD, 9);
	see_times(0, OBSERVED_GOOD, 9);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	take_expecting(2, PURPOSE_VERIFY_BAD);
	answer(2, OBSERVED_BAD);
	see(2, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
}
END_TEST

START_TEST(trusted_ends_are_never_run)
{
	struct search_probe probe;

	options.trust_ends = true;
	start_linear(4);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 30; i++) {
		probe = take();
		ck_assert_uint_ne(probe.commit, 0);
		ck_assert_uint_ne(probe.commit, 4);
		answer(probe.commit, as_if(2, probe.commit));
	}
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("search: ends");
	TCase *tests = tcase_create("ends");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, ends_outside_the_graph_are_refused);
	tcase_add_test(tests, a_bad_end_that_is_good_or_older_leaves_no_candidate_and_is_refused);
	tcase_add_test(tests, candidates_are_what_bad_contains_and_no_good_end_does);
	tcase_add_test(tests, a_boundary_without_a_path_to_a_good_end_is_no_candidate_when_the_caller_says_so);
	tcase_add_test(tests, the_bad_end_is_verified_before_the_search_when_there_is_one_slot);
	tcase_add_test(tests, good_ends_are_run_before_the_search_only_when_that_is_asked_for);
	tcase_add_test(tests, further_slots_search_while_the_ends_are_verified);
	tcase_add_test(tests, a_bad_end_that_never_shows_the_error_is_not_reproduced_after_verify_max_runs);
	tcase_add_test(tests, a_bad_end_that_passes_and_then_fails_is_reproduced_and_known_flaky);
	tcase_add_test(tests, passes_of_the_bad_end_rule_nothing_out);
	tcase_add_test(tests, a_bad_end_that_cannot_be_built_is_not_reproduced_and_says_why);
	tcase_add_test(tests, a_bad_end_that_always_skips_is_not_reproduced_after_its_retries);
	tcase_add_test(tests, a_good_end_that_shows_the_error_again_and_again_is_no_good_commit);
	tcase_add_test(tests, with_trust_a_good_end_that_shows_the_error_once_is_no_good_commit);
	tcase_add_test(tests, a_good_end_that_failed_once_by_accident_is_forgiven);
	tcase_add_test(tests, an_error_that_shows_half_the_time_at_both_ends_is_no_change);
	tcase_add_test(tests, without_a_prior_no_change_is_never_the_verdict);
	tcase_add_test(tests, where_all_belief_is_in_a_good_end_that_is_bad_it_is_run);
	tcase_add_test(tests, the_good_end_that_shows_the_error_is_the_one_named);
	tcase_add_test(tests, every_good_end_is_verified_when_that_is_asked_for);
	tcase_add_test(tests, a_good_end_that_cannot_be_tested_is_taken_as_good_and_that_is_said);
	tcase_add_test(tests, no_culprit_is_named_before_the_ends_are_verified);
	tcase_add_test(tests, trusted_ends_are_never_run);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
