/*
 * search/: what runs are worth.  Belief and confidence, runs from before, measurements, known rates, thousands of runs.
 */
#include <check.h>
#include <math.h>

#include "tests/unit/search_fixture.h"

/* observations */

START_TEST(evidence_from_earlier_is_as_good_as_a_run)
{
	start_linear(8);
	see_both_ends(8);
	see_times(5, OBSERVED_BAD, 6);
	see_times(4, OBSERVED_GOOD, 12);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 5);
	none_to_take();
}
END_TEST

START_TEST(counts_tell_what_was_observed)
{
	unsigned counts[OBSERVED_NKINDS];

	start_linear(4);
	see_times(2, OBSERVED_GOOD, 3);
	see(2, OBSERVED_SKIP);
	see(99, OBSERVED_BAD);		/* not in the graph: no harm */
	search_counts(search, 2, counts);
	ck_assert_uint_eq(counts[OBSERVED_GOOD], 3);
	ck_assert_uint_eq(counts[OBSERVED_BAD], 0);
	ck_assert_uint_eq(counts[OBSERVED_SKIP], 1);
}
END_TEST

START_TEST(the_verdict_does_not_depend_on_the_order_of_the_observations)
{
	static const struct { uint32_t v; enum observation what; } seen[] = {
		{ 8, OBSERVED_BAD }, { 8, OBSERVED_GOOD }, { 0, OBSERVED_GOOD }, { 0, OBSERVED_GOOD },
		{ 4, OBSERVED_GOOD }, { 4, OBSERVED_GOOD }, { 5, OBSERVED_BAD }, { 5, OBSERVED_BAD },
		{ 6, OBSERVED_BAD }, { 3, OBSERVED_BROKEN }, { 2, OBSERVED_SKIP }, { 7, OBSERVED_GOOD },
	};
	const size_t n = sizeof(seen) / sizeof(*seen);
	size_t remaining = 0;
	double first[9], belief[9];

	start_linear(8);
	for (size_t shift = 0; shift < n; shift++) {
		struct search *other;
		uint32_t good = 0;

		ck_assert_int_eq(search_new(&other, &graph, 8, &good, 1, NULL, NULL), 0);
		for (size_t i = 0; i < n; i++) {
			size_t k = (i * 5 + shift) % n;

			search_verdict(other);
			search_observe(other, seen[k].v, seen[k].what, false);
		}
		search_belief(other, belief);
		if (!shift) {
			remaining = search_remaining(other);
			memcpy(first, belief, sizeof(first));
		}
		ck_assert_uint_eq(search_remaining(other), remaining);
		ck_assert_mem_eq(first, belief, sizeof(first));
		search_free(other);
	}
}
END_TEST

/* belief */

START_TEST(belief_is_even_at_first_and_leaves_room_for_no_culprit_at_all)
{
	start_linear(4);
	ck_assert_double_eq(believed(0), 0);
	for (unsigned v = 2; v <= 4; v++)
		ck_assert_double_eq_tol(believed(v), believed(1), 1e-12);
	ck_assert(4 * believed(1) < 0.99 && 4 * believed(1) > 0.5);
}
END_TEST

START_TEST(with_trust_there_is_no_room_for_anything_but_a_culprit)
{
	start_trusted(4);
	for (unsigned v = 1; v <= 4; v++)
		ck_assert_double_eq_tol(believed(v), 0.25, 1e-12);
}
END_TEST

START_TEST(with_trust_commits_that_are_ruled_out_have_no_belief)
{
	start_trusted(8);
	see(4, OBSERVED_GOOD);
	see(6, OBSERVED_BAD);
	for (unsigned v = 0; v <= 8; v++)
		ck_assert_double_eq_tol(believed(v), v == 5 || v == 6 ? 0.5 : 0, 1e-12);
}
END_TEST

START_TEST(more_runs_make_a_verdict_surer)
{
	double before;

	start_linear(2);
	see_both_ends(2);
	see_times(1, OBSERVED_BAD, 6);
	see_times(0, OBSERVED_GOOD, 9);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	before = search_verdict(search)->confidence;
	ck_assert(before >= 0.99 && before < 1);
	see_times(1, OBSERVED_BAD, 3);
	see_times(0, OBSERVED_GOOD, 3);
	ck_assert(search_verdict(search)->confidence > before);
}
END_TEST

START_TEST(a_higher_confidence_asks_for_more_runs)
{
	unsigned usual, high;

	start_linear(16);
	usual = play_linear(7);
	search_free(search);
	graph_release(&graph);
	options.confidence = 0.9999;
	start_linear(16);
	high = play_linear(7);
	ck_assert_uint_gt(high, usual);
	ck_assert(search_verdict(search)->confidence >= 0.9999);
}
END_TEST

/* runs from before */

START_TEST(earlier_runs_that_showed_the_error_stand_for_the_bad_end)
{
	start_linear(8);
	search_earlier(search, 30, 0, 0, 100);
	ck_assert_int_eq(search_phase(search), PHASE_SEARCH);
	ck_assert_int_eq(take().purpose, PURPOSE_SEARCH);
}
END_TEST

START_TEST(earlier_runs_of_a_deterministic_error_save_runs)
{
	unsigned cold, warm;

	start_linear(32);
	cold = play_linear(20);
	search_free(search);
	graph_release(&graph);
	start_linear(32);
	search_earlier(search, 30, 0, 0, 100);
	warm = play_linear(20);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 20);
	ck_assert_uint_lt(warm, cold);
}
END_TEST

START_TEST(earlier_runs_of_a_flaky_error_make_one_pass_say_less)
{
	double unknown, flaky;

	options.trust_ends = true;
	start_linear(2);
	see(1, OBSERVED_GOOD);
	unknown = believed(1);
	search_free(search);
	graph_release(&graph);
	start_linear(2);
	search_earlier(search, 5, 15, 0, 50);
	see(1, OBSERVED_GOOD);
	flaky = believed(1);
	ck_assert(flaky > unknown && flaky < 0.5);
}
END_TEST

START_TEST(earlier_runs_told_late_count_as_if_told_first)
{
	double first[16], late[16];

	start_linear(15);
	search_earlier(search, 12, 8, 0, 90);
	take();
	see(15, OBSERVED_BAD);
	see(7, OBSERVED_GOOD);
	search_belief(search, first);
	search_free(search);
	graph_release(&graph);
	start_linear(15);
	take();
	see(15, OBSERVED_BAD);
	see(7, OBSERVED_GOOD);
	search_verdict(search);
	search_earlier(search, 12, 8, 0, 90);
	search_belief(search, late);
	ck_assert_mem_eq(first, late, sizeof(first));
}
END_TEST

/* measurements */

static void measure(uint32_t v, double log_ratio)
{
	search_observe_ratio(search, v, log_ratio, false);
}

START_TEST(a_measurement_searches_like_a_failure)
{
	start_linear(16);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 60; i++) {
		struct search_probe probe = take();

		search_observe_ratio(search, probe.commit, probe.commit >= 7 ? 5 : -5, true);
	}
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 7);
}
END_TEST

START_TEST(measurements_find_a_fix_too)
{
	options.fix = true;
	start_linear(16);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 60; i++) {
		struct search_probe probe = take();

		search_observe_ratio(search, probe.commit, probe.commit >= 7 ? -5 : 5, true);
	}
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 7);
}
END_TEST

START_TEST(measurements_that_are_no_numbers_say_nothing_but_end_their_run)
{
	struct search_probe probe;
	double before, after[5];

	options.trust_ends = true;
	start_linear(4);
	measure(2, 1.5);
	before = believed(2);
	probe = take();
	search_observe_ratio(search, probe.commit, NAN, true);
	search_belief(search, after);
	ck_assert_double_eq(after[2], before);
	ck_assert_uint_eq(search_useless(search, &probe.commit, 1), 0);
	ck_assert_uint_ne(take().commit, UINT32_MAX);
	measure(99, 3);				/* not in the graph: no harm */
	ck_assert_double_eq(believed(2), before);
}
END_TEST

START_TEST(the_order_of_measurements_does_not_matter_to_the_last_bit)
{
	static const struct { uint32_t v; double ratio; } seen[] = { { 1, 0.1 }, { 3, 1e-7 }, { 2, -3.3 }, { 4, 700 },
		{ 3, 1 / 3.0 }, { 2, 1e9 }, { 2, -1e9 }, { 1, -0.7 }, { 0, -INFINITY }, { 4, INFINITY } };
	const size_t n = sizeof(seen) / sizeof(*seen);
	double first[5], belief[5];

	for (size_t shift = 0; shift < n; shift++) {
		start_linear(4);
		for (size_t i = 0; i < n; i++)
			measure(seen[(i * 3 + shift) % n].v, seen[(i * 3 + shift) % n].ratio);
		search_belief(search, belief);
		if (!shift)
			memcpy(first, belief, sizeof(first));
		ck_assert_mem_eq(first, belief, sizeof(first));
		ck_assert(belief[1] >= 0 && belief[4] <= 1);
		search_free(search);
		search = NULL;
		graph_release(&graph);
	}
}
END_TEST

START_TEST(overwhelming_measurements_neither_overflow_nor_leave_nobody)
{
	double sum = 0;

	start_linear(4);
	for (unsigned i = 0; i < 5; i++)
		measure(4, 1000);
	for (unsigned i = 0; i < 5; i++)
		measure(0, 1000);
	for (unsigned v = 1; v <= 4; v++)
		sum += believed(v);
	ck_assert(sum < 0.01);			/* even the good end is bad */
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	for (unsigned i = 0; i < 12; i++)
		measure(0, -1000);
	see_times(2, OBSERVED_GOOD, 200);
	measure(2, 900);
	for (unsigned v = 1; v <= 4; v++) {
		ck_assert(isfinite(believed(v)));
		sum += believed(v);
	}
	ck_assert(sum > 0.99);
}
END_TEST

/* known rates */

START_TEST(rates_that_are_known_are_used_as_they_are)
{
	options.rates_known = options.trust_ends = true;
	options.bad_pass = 0.25;
	options.good_fail = 0.125;
	start_linear(2);
	see(1, OBSERVED_BAD);
	/* culprit 1: it fails with 3/4; culprit 2: with 1/8 */
	ck_assert_double_eq_tol(believed(1), 0.75 / (0.75 + 0.125), 1e-12);
	see(1, OBSERVED_GOOD);
	ck_assert_double_eq_tol(believed(1), 0.75 * 0.25 / (0.75 * 0.25 + 0.125 * 0.875), 1e-12);
}
END_TEST

START_TEST(with_known_rates_thousands_of_runs_that_cannot_be_leave_no_garbage)
{
	options.rates_known = true;
	start_linear(4);
	see_times(4, OBSERVED_BAD, 1);
	see_times(2, OBSERVED_BAD, 2000);
	see_times(3, OBSERVED_GOOD, 2000);
	for (unsigned v = 0; v <= 4; v++)
		ck_assert(!isnan(believed(v)));
	ck_assert_uint_le(search_remaining(search), 4);
	ck_assert_uint_le(search_runs_left(search), 100);
}
END_TEST

START_TEST(thousands_of_runs_do_not_underflow)
{
	double belief[3];

	start_linear(2);
	see_times(2, OBSERVED_BAD, 3000);
	see_times(2, OBSERVED_GOOD, 3000);
	see_times(1, OBSERVED_GOOD, 8);
	search_belief(search, belief);
	ck_assert(isfinite(belief[1]) && belief[2] > belief[1]);
	ck_assert(belief[2] > 0.5 && belief[2] <= 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("search: belief");
	TCase *tests = tcase_create("belief");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, evidence_from_earlier_is_as_good_as_a_run);
	tcase_add_test(tests, counts_tell_what_was_observed);
	tcase_add_test(tests, the_verdict_does_not_depend_on_the_order_of_the_observations);
	tcase_add_test(tests, belief_is_even_at_first_and_leaves_room_for_no_culprit_at_all);
	tcase_add_test(tests, with_trust_there_is_no_room_for_anything_but_a_culprit);
	tcase_add_test(tests, with_trust_commits_that_are_ruled_out_have_no_belief);
	tcase_add_test(tests, more_runs_make_a_verdict_surer);
	tcase_add_test(tests, a_higher_confidence_asks_for_more_runs);
	tcase_add_test(tests, earlier_runs_that_showed_the_error_stand_for_the_bad_end);
	tcase_add_test(tests, earlier_runs_of_a_deterministic_error_save_runs);
	tcase_add_test(tests, earlier_runs_of_a_flaky_error_make_one_pass_say_less);
	tcase_add_test(tests, earlier_runs_told_late_count_as_if_told_first);
	tcase_add_test(tests, a_measurement_searches_like_a_failure);
	tcase_add_test(tests, measurements_find_a_fix_too);
	tcase_add_test(tests, measurements_that_are_no_numbers_say_nothing_but_end_their_run);
	tcase_add_test(tests, the_order_of_measurements_does_not_matter_to_the_last_bit);
	tcase_add_test(tests, overwhelming_measurements_neither_overflow_nor_leave_nobody);
	tcase_add_test(tests, rates_that_are_known_are_used_as_they_are);
	tcase_add_test(tests, with_known_rates_thousands_of_runs_that_cannot_be_leave_no_garbage);
	tcase_add_test(tests, thousands_of_runs_do_not_underflow);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
