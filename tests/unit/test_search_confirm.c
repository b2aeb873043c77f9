/*
 * search/: how a verdict comes about.  The culprit and its parents run again, runs contradict each other, the budget is spent.
 */
#include <check.h>

#include "tests/unit/search_fixture.h"

/* confirmation */

START_TEST(the_culprit_and_its_parent_are_confirmed_by_runs_of_their_own)
{
	uint32_t root = add(0, NULL), one = add(1, &root), two = add(1, &one), three = add(1, &one);
	uint32_t merge = add(2, (uint32_t[]){ two, three });

	/* two passed and contains one, which is also the parent of the culprit three */
	options.confirm_bad = 3;
	ck_assert_int_eq(search_new(&search, &graph, merge, &root, 1, &options, NULL), 0);
	see_times(merge, OBSERVED_BAD, 8);
	see_times(root, OBSERVED_GOOD, 8);
	see_times(two, OBSERVED_GOOD, 8);
	see_times(three, OBSERVED_BAD, 2);
	ck_assert_int_eq(search_phase(search), PHASE_CONFIRM);
	take_expecting(three, PURPOSE_CONFIRM_BAD);
	take_expecting(one, PURPOSE_CONFIRM_GOOD);
	none_to_take();
	answer(one, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	answer(three, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, three);
}
END_TEST

/* Of the culprit itself, 2 in a line of 3 commits, until the verdict, if the newest passed so often. */
static unsigned failures_of_the_culprit(unsigned passes)
{
	unsigned counts[OBSERVED_NKINDS];

	search_free(search);
	graph_release(&graph);
	start_linear(3);
	see_times(3, OBSERVED_GOOD, passes);
	see_times(3, OBSERVED_BAD, 30);
	see_times(1, OBSERVED_GOOD, 60);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 60; i++) {
		uint32_t v = take().commit;

		answer(v, as_if(2, v));
	}
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 2);
	search_counts(search, 2, counts);
	return counts[OBSERVED_BAD];
}

START_TEST(a_culprit_that_never_passed_has_to_fail_three_times)
{
	ck_assert_uint_eq(failures_of_the_culprit(0), 3);
	ck_assert_uint_eq(failures_of_the_culprit(2), 1);
	options.reproducible = 0.9;
	ck_assert_uint_eq(failures_of_the_culprit(0), 1);
	options = (struct search_options){ .confirm_bad = 2 };
	ck_assert_uint_eq(failures_of_the_culprit(0), 2);
}
END_TEST

START_TEST(every_parent_of_a_merge_is_confirmed_and_the_merge_is_marked)
{
	uint32_t root = add(0, NULL), sides[3], merge, last;

	for (unsigned i = 0; i < 3; i++)
		sides[i] = add(1, &root);
	merge = add(3, sides);
	last = add(1, &merge);
	options.confirm_bad = 1;
	ck_assert_int_eq(search_new(&search, &graph, last, &root, 1, &options, NULL), 0);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 60; i++) {
		uint32_t v = take().commit;

		answer(v, as_if(merge, v));
	}
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, merge);
	ck_assert(search_verdict(search)->is_merge);
	for (unsigned i = 0; i < 3; i++) {
		unsigned counts[OBSERVED_NKINDS];

		search_counts(search, sides[i], counts);
		ck_assert_uint_ge(counts[OBSERVED_GOOD], 1);
	}
}
END_TEST

START_TEST(in_criss_cross_merges_the_culprit_may_be_any_commit)
{
	/* left and right are merged into each other twice, then together; two good ends, two roots */
	uint32_t a = add(0, NULL), b = add(0, NULL), left = add(1, &a), right = add(1, &b);
	uint32_t cross1 = add(2, (uint32_t[]){ left, right }), cross2 = add(2, (uint32_t[]){ right, left });
	uint32_t top1 = add(1, &cross1), top2 = add(1, &cross2), last = add(2, (uint32_t[]){ top1, top2 });

	for (uint32_t culprit = left; culprit <= last; culprit++) {
		ck_assert_int_eq(search_new(&search, &graph, last, (uint32_t[]){ a, b }, 2, NULL, NULL), 0);
		for (unsigned i = 0; kind() == VERDICT_NONE && i < 60; i++) {
			uint32_t v = take().commit;

			answer(v, graph_is_ancestor(&graph, culprit, v) ? OBSERVED_BAD : OBSERVED_GOOD);
		}
		ck_assert_int_eq(kind(), VERDICT_CULPRIT);
		ck_assert_uint_eq(search_verdict(search)->culprit, culprit);
		ck_assert_int_eq(search_verdict(search)->is_merge,
			culprit == cross1 || culprit == cross2 || culprit == last);
		search_free(search);
		search = NULL;
	}
}
END_TEST

START_TEST(passes_of_a_bad_commit_do_not_speak_for_its_parent)
{
	double before;

	start_linear(3);
	see_times(3, OBSERVED_BAD, 4);
	see_times(2, OBSERVED_BAD, 4);
	see(1, OBSERVED_GOOD);
	before = believed(1);
	see_times(2, OBSERVED_GOOD, 3);		/* it failed often enough: these were luck */
	ck_assert(believed(1) > before);
	ck_assert(believed(3) < 0.01);
}
END_TEST

START_TEST(a_boundary_parent_that_cannot_be_built_is_taken_as_good)
{
	uint32_t boundary = add(0, NULL), good = add(1, &boundary), side = add(1, &boundary);
	uint32_t merge = add(2, (uint32_t[]){ good, side });

	ck_assert_int_eq(search_new(&search, &graph, merge, &good, 1, NULL, NULL), 0);
	see_times(merge, OBSERVED_BAD, 2);
	see_times(good, OBSERVED_GOOD, 9);
	see_times(side, OBSERVED_BAD, 9);
	take_expecting(boundary, PURPOSE_CONFIRM_GOOD);
	answer(boundary, OBSERVED_BROKEN);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, side);
}
END_TEST

START_TEST(a_parent_that_fails_when_confirmed_sends_the_search_on)
{
	uint32_t root = add(0, NULL), one = add(1, &root), two = add(1, &one), three = add(1, &one);
	uint32_t merge = add(2, (uint32_t[]){ two, three });

	ck_assert_int_eq(search_new(&search, &graph, merge, &root, 1, NULL, NULL), 0);
	see_times(merge, OBSERVED_BAD, 4);
	see_times(root, OBSERVED_GOOD, 8);
	see_times(two, OBSERVED_GOOD, 8);
	see_times(three, OBSERVED_BAD, 4);
	take_expecting(one, PURPOSE_CONFIRM_GOOD);
	answer(one, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	see_times(one, OBSERVED_BAD, 20);
	ck_assert(believed(three) < 0.9);
	ck_assert(search_verdict(search)->culprit != three);
}
END_TEST

START_TEST(a_culprit_that_passes_when_confirmed_brings_doubt_in_its_parent_back)
{
	double sure;

	options.confirm_bad = 9;
	start_linear(8);
	see_both_ends(8);
	see_times(5, OBSERVED_BAD, 3);
	see_times(4, OBSERVED_GOOD, 3);
	sure = believed(5);
	see(5, OBSERVED_GOOD);
	ck_assert(believed(5) < sure);
	ck_assert(believed(4) + believed(3) > 10 * believed(6));
	see_times(4, OBSERVED_GOOD, 12);
	ck_assert(believed(5) > 0.98);
}
END_TEST

START_TEST(an_unconfirmable_culprit_still_gets_a_verdict)
{
	options.confirm_bad = 9;
	start_linear(2);
	see_times(2, OBSERVED_BAD, 4);
	see_times(0, OBSERVED_GOOD, 9);
	see_times(1, OBSERVED_BAD, 6);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	take_expecting(1, PURPOSE_CONFIRM_BAD);
	answer(1, OBSERVED_BROKEN);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
}
END_TEST

START_TEST(trusted_runs_are_not_confirmed)
{
	options.trust_runs = true;
	start_linear(2);
	see(2, OBSERVED_BAD);
	see(1, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
}
END_TEST

/* contradictions */

START_TEST(a_pass_of_what_contains_a_bad_commit_counts_as_luck)
{
	start_linear(8);
	see_both_ends(8);
	see_times(3, OBSERVED_BAD, 6);
	see(6, OBSERVED_GOOD);
	ck_assert(believed(1) + believed(2) + believed(3) > 0.9);
	ck_assert_int_eq(kind(), VERDICT_NONE);
}
END_TEST

START_TEST(with_trust_a_pass_that_contradicts_a_failure_is_inconsistent)
{
	start_trusted(8);
	see(3, OBSERVED_BAD);
	see(6, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_INCONSISTENT);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "No single commit"));
	ck_assert_uint_eq(search_remaining(search), 0);
	none_to_take();
}
END_TEST

START_TEST(without_trust_no_contradiction_is_more_than_noise)
{
	/* the only commit that both bad ones contain is also in a good one */
	uint32_t root = add(0, NULL), base = add(1, &root);
	uint32_t left = add(1, &base), right = add(1, &base), good = add(1, &base);
	uint32_t merge = add(3, (uint32_t[]){ left, right, good });

	ck_assert_int_eq(search_new(&search, &graph, merge, &root, 1, NULL, NULL), 0);
	see_times(merge, OBSERVED_BAD, 2);
	see(root, OBSERVED_GOOD);
	see(left, OBSERVED_BAD);
	see(right, OBSERVED_BAD);
	see(good, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	ck_assert(believed(base) > 0);
	take();
}
END_TEST

START_TEST(with_trust_bad_commits_with_nothing_in_common_are_inconsistent)
{
	uint32_t root = add(0, NULL), left = add(1, &root), right = add(1, &root);
	uint32_t merge = add(2, (uint32_t[]){ left, right });

	options.trust_runs = true;
	ck_assert_int_eq(search_new(&search, &graph, merge, &root, 1, &options, NULL), 0);
	see(merge, OBSERVED_BAD);
	see(left, OBSERVED_BAD);
	see(right, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_INCONSISTENT);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "in common"));
}
END_TEST

START_TEST(nobody_left_to_blame_and_commits_that_do_not_build_are_no_trouble_together)
{
	uint32_t a = add(0, NULL), b = add(0, NULL), broken = add(1, &a);
	uint32_t merge = add(2, (uint32_t[]){ broken, b });

	options.rates_known = true;
	options.no_change = -1;
	ck_assert_int_eq(search_new(&search, &graph, merge, NULL, 0, &options, NULL), 0);
	see(broken, OBSERVED_BROKEN);
	see(merge, OBSERVED_BAD);
	see(a, OBSERVED_BAD);
	see(b, OBSERVED_BAD);
	none_to_take();
	ck_assert_int_eq(kind(), VERDICT_INCONSISTENT);
}
END_TEST

/* budget */

START_TEST(a_spent_budget_ends_undecided_with_the_likeliest_candidates_best_first)
{
	const struct search_verdict *verdict;

	options.max_runs = 6;
	start_linear(40);
	see_times(40, OBSERVED_BAD, 2);
	see(20, OBSERVED_GOOD);
	see(20, OBSERVED_GOOD);
	see(30, OBSERVED_BAD);
	ck_assert_int_eq(kind(), VERDICT_NONE);
	see(30, OBSERVED_BAD);
	verdict = search_verdict(search);
	ck_assert_int_eq(verdict->kind, VERDICT_UNDECIDED);
	ck_assert_uint_ge(verdict->n_candidates, 10);
	for (size_t i = 0; i < 10; i++)
		ck_assert(verdict->candidates[i] > 20 && verdict->candidates[i] <= 30);
	for (size_t i = 1; i < verdict->n_candidates; i++)
		ck_assert(believed(verdict->candidates[i - 1]) >= believed(verdict->candidates[i]));
	ck_assert(verdict->confidence > 0.5 && verdict->confidence < 1);
	ck_assert_ptr_nonnull(strstr(verdict->reason, "budget"));
	none_to_take();
}
END_TEST

START_TEST(the_budget_holds_while_the_ends_are_verified)
{
	options.max_runs = 3;
	options.verify_max = 30;
	start_linear(4);
	see_times(4, OBSERVED_GOOD, 3);
	ck_assert_int_eq(kind(), VERDICT_UNDECIDED);
}
END_TEST

START_TEST(a_search_whose_time_is_spent_ends_undecided_whatever_it_waits_for)
{
	const struct search_verdict *verdict;

	start_linear(40);
	search_spend(search);
	ck_assert_int_eq(kind(), VERDICT_UNDECIDED);
	none_to_take();
	search_free(search);
	search = NULL;
	start_linear(40);
	see_times(40, OBSERVED_BAD, 2);
	see(20, OBSERVED_GOOD);
	take();
	search_spend(search);
	verdict = search_verdict(search);
	ck_assert_int_eq(verdict->kind, VERDICT_UNDECIDED);
	ck_assert_uint_gt(verdict->n_candidates, 10);
	ck_assert_uint_gt(verdict->candidates[0], 20);
	ck_assert_ptr_nonnull(strstr(verdict->reason, "The budget is spent"));
	none_to_take();
}
END_TEST

START_TEST(a_verdict_that_stands_is_not_undone_by_a_spent_time)
{
	start_linear(4);
	see_times(4, OBSERVED_BAD, 8);
	see_times(3, OBSERVED_BAD, 8);
	see_times(2, OBSERVED_GOOD, 8);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	search_spend(search);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
}
END_TEST

/* names */

START_TEST(every_name_is_known)
{
	for (int i = 0; i < PURPOSE_NKINDS; i++)
		ck_assert_str_ne(search_purpose_name((enum search_purpose)i), "unknown");
	for (int i = 0; i < VERDICT_NKINDS; i++)
		ck_assert_str_ne(verdict_kind_name((enum verdict_kind)i), "unknown");
	ck_assert_str_eq(search_phase_name(PHASE_CONFIRM), "confirm");
	ck_assert_str_eq(verdict_kind_name(VERDICT_NO_GOOD_COMMIT), "no-good-commit");
	search_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("search: confirmation");
	TCase *tests = tcase_create("confirm");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, the_culprit_and_its_parent_are_confirmed_by_runs_of_their_own);
	tcase_add_test(tests, a_culprit_that_never_passed_has_to_fail_three_times);
	tcase_add_test(tests, every_parent_of_a_merge_is_confirmed_and_the_merge_is_marked);
	tcase_add_test(tests, in_criss_cross_merges_the_culprit_may_be_any_commit);
	tcase_add_test(tests, passes_of_a_bad_commit_do_not_speak_for_its_parent);
	tcase_add_test(tests, a_boundary_parent_that_cannot_be_built_is_taken_as_good);
	tcase_add_test(tests, a_parent_that_fails_when_confirmed_sends_the_search_on);
	tcase_add_test(tests, a_culprit_that_passes_when_confirmed_brings_doubt_in_its_parent_back);
	tcase_add_test(tests, an_unconfirmable_culprit_still_gets_a_verdict);
	tcase_add_test(tests, trusted_runs_are_not_confirmed);
	tcase_add_test(tests, a_pass_of_what_contains_a_bad_commit_counts_as_luck);
	tcase_add_test(tests, with_trust_a_pass_that_contradicts_a_failure_is_inconsistent);
	tcase_add_test(tests, without_trust_no_contradiction_is_more_than_noise);
	tcase_add_test(tests, with_trust_bad_commits_with_nothing_in_common_are_inconsistent);
	tcase_add_test(tests, nobody_left_to_blame_and_commits_that_do_not_build_are_no_trouble_together);
	tcase_add_test(tests, a_spent_budget_ends_undecided_with_the_likeliest_candidates_best_first);
	tcase_add_test(tests, the_budget_holds_while_the_ends_are_verified);
	tcase_add_test(tests, a_search_whose_time_is_spent_ends_undecided_whatever_it_waits_for);
	tcase_add_test(tests, a_verdict_that_stands_is_not_undone_by_a_spent_time);
	tcase_add_test(tests, every_name_is_known);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
