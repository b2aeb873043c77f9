/*
 * search/: more slots than one.  What is in flight or being built is not asked for again, and what has become useless is told.
 */
#include <check.h>

#include "tests/unit/search_fixture.h"

/* in flight */

START_TEST(no_commit_is_in_flight_twice_and_when_all_are_nothing_is_offered)
{
	bool taken[9] = { false };

	start_trusted(8);
	for (unsigned i = 0; i < 7; i++) {
		struct search_probe probe = take();

		ck_assert(!taken[probe.commit]);
		taken[probe.commit] = true;
	}
	none_to_take();
}
END_TEST

START_TEST(a_dropped_probe_is_offered_again)
{
	start_trusted(8);
	take_expecting(4, PURPOSE_SEARCH);
	search_drop(search, 4);
	take_expecting(4, PURPOSE_SEARCH);
}
END_TEST

START_TEST(runs_of_a_commit_are_numbered_and_lost_ones_leave_no_gap)
{
	struct search_probe probe;

	start_linear(8);
	ck_assert_uint_eq(take().run, 0);
	search_drop(search, 8);
	ck_assert_uint_eq(take().run, 0);
	answer(8, OBSERVED_GOOD);
	probe = take();
	ck_assert_uint_eq(probe.commit, 8);
	ck_assert_uint_eq(probe.run, 1);
}
END_TEST

START_TEST(a_result_makes_the_probes_that_it_decides_useless)
{
	uint32_t useless[8];

	start_trusted(8);
	for (unsigned i = 0; i < 3; i++)
		take();				/* 4, 2, 6 */
	ck_assert_uint_eq(search_useless(search, useless, 8), 0);
	answer(4, OBSERVED_GOOD);
	ck_assert_uint_eq(search_useless(search, useless, 8), 1);
	ck_assert_uint_eq(useless[0], 2);
	search_drop(search, 2);
	ck_assert_uint_eq(search_useless(search, useless, 8), 0);
	see(5, OBSERVED_BAD);
	ck_assert_uint_eq(search_useless(search, useless, 8), 1);
	ck_assert_uint_eq(useless[0], 6);
}
END_TEST

START_TEST(when_a_verdict_stands_everything_in_flight_is_useless)
{
	uint32_t useless[8], n = 0;
	bool taken[5] = { false };

	start_linear(4);
	for (unsigned i = 0; i < 5; i++)
		taken[take().commit] = true;
	for (unsigned i = 0; i < 5; i++)
		n += taken[i];
	see_times(4, OBSERVED_BAD, 2);
	see_times(0, OBSERVED_BAD, 20);
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	ck_assert_uint_ge(n, 2);
	ck_assert_uint_eq(search_useless(search, useless, 8), n);
	ck_assert_uint_eq(search_useless(search, useless, 1), 1);
}
END_TEST

START_TEST(a_probe_that_promises_little_is_not_useless_as_soon_as_it_is_taken)
{
	uint32_t useless[8];

	/* an error that shows once in fifty runs: no run tells much */
	options.rates_known = true;
	options.bad_pass = 0.98;
	options.no_change = -1;
	start_linear(8);
	see(8, OBSERVED_BAD);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert(take().usefulness < 0.02);
		ck_assert_uint_eq(search_useless(search, useless, 8), 0);
	}
}
END_TEST

START_TEST(of_a_flaky_error_one_commit_may_run_several_times_at_once)
{
	unsigned at_once[3] = { 0 };

	options.rates_known = true;
	options.bad_pass = 0.6;
	start_linear(2);
	see_both_ends(2);
	for (unsigned i = 0; i < 4; i++)
		at_once[take().commit]++;
	ck_assert_uint_eq(at_once[1], 4);
}
END_TEST

START_TEST(each_further_run_of_the_same_commit_promises_less)
{
	double last = 1;

	options.rates_known = true;
	options.bad_pass = 0.6;
	start_linear(2);
	see_both_ends(2);
	for (unsigned i = 0; i < 4; i++) {
		struct search_probe probe = take();

		ck_assert(probe.usefulness < last);
		ck_assert_uint_eq(probe.run, i);
		last = probe.usefulness;
	}
}
END_TEST

START_TEST(the_verdict_does_not_depend_on_what_is_in_flight)
{
	start_linear(2);
	for (unsigned i = 0; i < 4; i++)
		take();
	see_both_ends(2);
	see_times(1, OBSERVED_BAD, 6);
	see_times(0, OBSERVED_GOOD, 12);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
}
END_TEST

/* being built */

START_TEST(a_commit_that_is_being_built_is_not_offered_to_another_slot)
{
	bool taken[17] = { false };

	options.trust_ends = true;
	options.build_cost = 10;
	options.test_cost = 1;
	start_linear(16);
	for (unsigned i = 0; i < 6; i++) {
		uint32_t v = take().commit;

		ck_assert(!taken[v]);
		taken[v] = true;
	}
}
END_TEST

START_TEST(ends_and_witnesses_that_are_being_built_are_not_built_twice_at_once)
{
	uint32_t root, one, two, three, merge;

	options.build_cost = 10;
	options.test_cost = 1;
	options.verify_runs = 3;
	options.confirm_bad = 3;
	start_linear(8);
	take_expecting(8, PURPOSE_VERIFY_BAD);
	ck_assert_int_eq(take().purpose, PURPOSE_SEARCH);
	search_built(search, 8);
	take_expecting(8, PURPOSE_VERIFY_BAD);
	take_expecting(8, PURPOSE_VERIFY_BAD);
	/* one that is lost before its build ends is offered again */
	search_free(search);
	graph_release(&graph);
	start_linear(8);
	take_expecting(8, PURPOSE_VERIFY_BAD);
	search_drop(search, 8);
	take_expecting(8, PURPOSE_VERIFY_BAD);
	search_free(search);
	graph_release(&graph);
	options.confirm_good = 3;
	root = add(0, NULL);
	one = add(1, &root);
	two = add(1, &one);
	three = add(1, &one);
	merge = add(2, (uint32_t[]){ two, three });
	ck_assert_int_eq(search_new(&search, &graph, merge, &root, 1, &options, NULL), 0);
	see_times(merge, OBSERVED_BAD, 8);
	see_times(root, OBSERVED_GOOD, 8);
	see_times(two, OBSERVED_GOOD, 8);
	see_times(three, OBSERVED_BAD, 3);
	take_expecting(one, PURPOSE_CONFIRM_GOOD);
	none_to_take();
	search_built(search, one);
	take_expecting(one, PURPOSE_CONFIRM_GOOD);
}
END_TEST

START_TEST(a_commit_that_was_built_may_run_on_several_slots_at_once)
{
	options.rates_known = true;
	options.bad_pass = 0.6;
	options.trust_ends = true;
	options.build_cost = 50;
	options.test_cost = 1;
	start_linear(8);
	search_built(search, 4);
	take_expecting(4, PURPOSE_SEARCH);
	take_expecting(4, PURPOSE_SEARCH);
}
END_TEST

/* The parent of the bad end is being built, and its first run will tell nearly all; one of the bad end would be cheap. */
/* Two runs that are under way tell of the rate already: a third is chosen for what it tells of the culprit. */
START_TEST(runs_in_flight_tell_of_the_rate_so_that_the_next_need_not)
{
	start_linear(5);
	see_times(5, OBSERVED_BAD, 2);
	see(5, OBSERVED_GOOD);
	see_times(0, OBSERVED_GOOD, 2);
	see_times(1, OBSERVED_GOOD, 2);
	see(3, OBSERVED_GOOD);
	take_expecting(3, PURPOSE_SEARCH);
	take_expecting(4, PURPOSE_SEARCH);
	take_expecting(3, PURPOSE_SEARCH);
}
END_TEST

START_TEST(a_slot_waits_for_a_run_in_flight_that_tells_far_more)
{
	options.build_cost = 10;
	options.test_cost = 1;
	start_linear(2);
	see_times(2, OBSERVED_BAD, 4);
	see_times(0, OBSERVED_GOOD, 4);
	take_expecting(1, PURPOSE_SEARCH);
	none_to_take();
	ck_assert_int_eq(kind(), VERDICT_NONE);
	answer(1, OBSERVED_GOOD);
	ck_assert(take().commit <= 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("search: flights");
	TCase *tests = tcase_create("flights");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, no_commit_is_in_flight_twice_and_when_all_are_nothing_is_offered);
	tcase_add_test(tests, a_dropped_probe_is_offered_again);
	tcase_add_test(tests, runs_of_a_commit_are_numbered_and_lost_ones_leave_no_gap);
	tcase_add_test(tests, a_result_makes_the_probes_that_it_decides_useless);
	tcase_add_test(tests, when_a_verdict_stands_everything_in_flight_is_useless);
	tcase_add_test(tests, a_probe_that_promises_little_is_not_useless_as_soon_as_it_is_taken);
	tcase_add_test(tests, of_a_flaky_error_one_commit_may_run_several_times_at_once);
	tcase_add_test(tests, each_further_run_of_the_same_commit_promises_less);
	tcase_add_test(tests, the_verdict_does_not_depend_on_what_is_in_flight);
	tcase_add_test(tests, a_commit_that_is_being_built_is_not_offered_to_another_slot);
	tcase_add_test(tests, ends_and_witnesses_that_are_being_built_are_not_built_twice_at_once);
	tcase_add_test(tests, a_commit_that_was_built_may_run_on_several_slots_at_once);
	tcase_add_test(tests, runs_in_flight_tell_of_the_rate_so_that_the_next_need_not);
	tcase_add_test(tests, a_slot_waits_for_a_run_in_flight_that_tells_far_more);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
