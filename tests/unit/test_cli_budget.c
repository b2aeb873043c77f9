#include "cli/budget.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(a_plain_number_is_runs_and_leaves_the_time_alone)
{
	unsigned runs = 7;
	int64_t seconds = 8;

	ck_assert_int_eq(budget_read(&runs, &seconds, "500", NULL), 0);
	ck_assert_uint_eq(runs, 500);
	ck_assert_int_eq(seconds, 8);
	ck_assert_int_eq(budget_read(&runs, &seconds, "1000000", NULL), 0);
	ck_assert_uint_eq(runs, BUDGET_RUNS_MAX);
}
END_TEST

START_TEST(a_number_with_a_unit_is_a_time_and_leaves_the_runs_alone)
{
	static const struct { const char *text; int64_t seconds; } given[] = {
		{ "1s", 1 }, { "90s", 90 }, { "15m", 900 }, { "6h", 21600 }, { "2d", 172800 }, { "3650d", BUDGET_SECONDS_MAX },
	};
	unsigned runs = 7;
	int64_t seconds = 0;

	for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++) {
		ck_assert_int_eq(budget_read(&runs, &seconds, given[i].text, NULL), 0);
		ck_assert_int_eq(seconds, given[i].seconds);
	}
	ck_assert_uint_eq(runs, 7);
}
END_TEST

START_TEST(anything_else_is_refused_in_one_line_and_sets_nothing)
{
	static const char *const wrong[] = {
		"", " ", "0", "0s", "-5", "-5m", "+5", "1000001", "99999999999999999999", "99999999999999999999s", "3651d",
		"106751991167300d", "5x", "m", "5 m", "5m ", "5mm", "1h30m", "1.5h", "five", "0x10", "12\n",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct error err = ERROR_INIT;
		unsigned runs = 7;
		int64_t seconds = 8;

		ck_assert_msg(budget_read(&runs, &seconds, wrong[i], &err) == -ERR_INVALID, "'%s' was taken", wrong[i]);
		ck_assert_uint_eq(runs, 7);
		ck_assert_int_eq(seconds, 8);
		ck_assert_ptr_null(strchr(err.text, '\n'));
		ck_assert_ptr_nonnull(strstr(err.text, "a number of runs"));
		ck_assert_ptr_nonnull(strstr(err.text, "90s, 15m, 6h, 2d"));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli budget");
	TCase *tests = tcase_create("budget");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, a_plain_number_is_runs_and_leaves_the_time_alone);
	tcase_add_test(tests, a_number_with_a_unit_is_a_time_and_leaves_the_runs_alone);
	tcase_add_test(tests, anything_else_is_refused_in_one_line_and_sets_nothing);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
