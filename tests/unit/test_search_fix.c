/*
 * search/ looking for a fix: the old end shows the error, the new one does not, and good and bad change places.
 */
#include <check.h>

#include "tests/unit/search_fixture.h"

START_TEST(in_a_fix_bisection_the_words_are_exchanged)
{
	options.fix = true;
	options.verify_runs = 1;
	start_linear(8);
	take_expecting(0, PURPOSE_VERIFY_BAD);
	answer(0, OBSERVED_BAD);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 40; i++) {
		uint32_t v = take().commit;

		answer(v, v >= 5 ? OBSERVED_GOOD : OBSERVED_BAD);
	}
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 5);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "passed"));
}
END_TEST

START_TEST(the_parent_of_a_fix_has_to_fail_three_times_if_no_bad_commit_passed)
{
	unsigned counts[OBSERVED_NKINDS];

	options.fix = true;
	start_linear(3);
	see_times(0, OBSERVED_BAD, 30);
	see_times(3, OBSERVED_GOOD, 60);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 60; i++) {
		uint32_t v = take().commit;

		answer(v, v >= 2 ? OBSERVED_GOOD : OBSERVED_BAD);
	}
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 2);
	search_counts(search, 1, counts);
	ck_assert_uint_eq(counts[OBSERVED_BAD], 3);
}
END_TEST

START_TEST(with_trust_the_commit_after_the_last_that_shows_the_error_is_the_fix)
{
	options.fix = true;
	start_trusted(4);
	take_expecting(2, PURPOSE_SEARCH);
	answer(2, OBSERVED_BAD);
	take_expecting(3, PURPOSE_SEARCH);
	answer(3, OBSERVED_GOOD);
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 3);
}
END_TEST

START_TEST(a_new_end_that_still_shows_the_error_is_not_fixed)
{
	options.fix = true;
	start_linear(8);
	see_times(0, OBSERVED_BAD, 2);
	see_times(8, OBSERVED_BAD, 20);
	ck_assert_int_eq(kind(), VERDICT_NO_GOOD_COMMIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, 8);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "not fixed"));
}
END_TEST

START_TEST(an_old_end_without_the_error_is_not_reproduced)
{
	options.fix = true;
	options.verify_max = 4;
	start_linear(8);
	see_times(0, OBSERVED_GOOD, 4);
	ck_assert_int_eq(kind(), VERDICT_NOT_REPRODUCED);
	ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, "old end"));
}
END_TEST

START_TEST(what_never_had_the_error_is_neither_run_nor_taken_for_the_fix)
{
	/* the side branch left before the error came in (at old), and was merged after */
	uint32_t root = add(0, NULL), side1 = add(1, &root), side2 = add(1, &side1), old = add(1, &root);
	uint32_t next = add(1, &old), merge = add(2, (uint32_t[]){ next, side2 }), fix = add(1, &merge);
	uint32_t last = add(1, &fix);

	options.fix = true;
	ck_assert_int_eq(search_new(&search, &graph, last, &old, 1, &options, NULL), 0);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 40; i++) {
		uint32_t v = take().commit;

		ck_assert(v >= old);
		answer(v, v >= fix ? OBSERVED_GOOD : OBSERVED_BAD);
	}
	ck_assert_int_eq(kind(), VERDICT_CULPRIT);
	ck_assert_uint_eq(search_verdict(search)->culprit, fix);
}
END_TEST

START_TEST(a_fix_that_came_with_a_branch_which_never_had_the_error_is_a_range)
{
	uint32_t root = add(0, NULL), side = add(1, &root), old = add(1, &root);
	uint32_t merge = add(2, (uint32_t[]){ old, side }), last = add(1, &merge);

	options.fix = true;
	ck_assert_int_eq(search_new(&search, &graph, last, &old, 1, &options, NULL), 0);
	for (unsigned i = 0; kind() == VERDICT_NONE && i < 40; i++) {
		uint32_t v = take().commit;

		ck_assert_uint_ne(v, side);
		answer(v, v >= merge ? OBSERVED_GOOD : OBSERVED_BAD);
	}
	ck_assert_int_eq(kind(), VERDICT_RANGE);
	ck_assert_uint_eq(search_verdict(search)->n_candidates, 2);
	ck_assert_uint_eq(search_verdict(search)->candidates[0], side);
	ck_assert_uint_eq(search_verdict(search)->candidates[1], merge);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("search: fixes");
	TCase *tests = tcase_create("fix");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, in_a_fix_bisection_the_words_are_exchanged);
	tcase_add_test(tests, the_parent_of_a_fix_has_to_fail_three_times_if_no_bad_commit_passed);
	tcase_add_test(tests, with_trust_the_commit_after_the_last_that_shows_the_error_is_the_fix);
	tcase_add_test(tests, a_new_end_that_still_shows_the_error_is_not_fixed);
	tcase_add_test(tests, an_old_end_without_the_error_is_not_reproduced);
	tcase_add_test(tests, what_never_had_the_error_is_neither_run_nor_taken_for_the_fix);
	tcase_add_test(tests, a_fix_that_came_with_a_branch_which_never_had_the_error_is_a_range);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
