#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/number_finder.h"

/* The number in `text`, fed in pieces of `piece` bytes. */
static double found(const char *regex, const char *text, size_t piece)
{
	struct number_finder *finder = NULL;
	struct error err = ERROR_INIT;
	size_t len = strlen(text);
	double value;

	ck_assert_msg(number_finder_new(&finder, regex, &err) == 0, "%s", err.text);
	for (size_t at = 0; at < len; at += piece)
		number_finder_feed(finder, text + at, len - at < piece ? len - at : piece);
	value = number_finder_end(finder);
	number_finder_free(finder);
	return value;
}

START_TEST(the_last_line_with_a_number_counts_however_the_output_is_cut)
{
	static const char text[] = "time: 3 ms\nnoise\ntime: 12.5 ms\r\ntime: none ms\nend";

	for (size_t piece = 1; piece <= sizeof(text); piece++)
		ck_assert_double_eq(found("time: (\\S+) ms", text, piece), 12.5);
}
END_TEST

START_TEST(numbers_are_read_as_c_writes_them)
{
	ck_assert_double_eq(found("=(.*)", "=-1.5e3", 100), -1500);
	ck_assert_double_eq(found("=(.*)", "= 7", 100), 7);
	ck_assert_double_eq(found("=(.*)", "=0x10", 100), 16);
}
END_TEST

START_TEST(what_is_no_finite_number_is_none)
{
	static const char *const texts[] = { "", "=", "=abc", "=1.5ms", "=1 2", "=nan", "=inf", "=1e999", "else 5",
		"=11111111111111111111111111111111111111111111111111111111111111111" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(isnan(found("=(.*)", texts[i], 100)), "'%s' was taken", texts[i]);
}
END_TEST

START_TEST(of_a_line_without_an_end_only_the_first_8_kib_are_kept)
{
	char *text = mem_alloc(100001);

	memset(text, 'x', 100000);
	memcpy(text, "=5 ", 3);
	memcpy(text + 90000, " y=7 ", 5);
	ck_assert_double_eq(found("=(\\d+) ", text, 1000), 5);
	ck_assert(isnan(found("y=(\\d+) ", text, 1000)));
	free(text);
}
END_TEST

START_TEST(a_pattern_without_exactly_one_group_is_refused)
{
	static const char *const wrong[] = { "a", "(a)(b)", "((a)b)", "(", "(?:a)" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct number_finder *finder = NULL;
		struct error err = ERROR_INIT;

		ck_assert_msg(number_finder_new(&finder, wrong[i], &err) == -ERR_INVALID, "'%s' was taken", wrong[i]);
		ck_assert_ptr_null(finder);
		ck_assert_ptr_null(strchr(err.text, '\n'));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli number finder");
	TCase *tests = tcase_create("numbers");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, the_last_line_with_a_number_counts_however_the_output_is_cut);
	tcase_add_test(tests, numbers_are_read_as_c_writes_them);
	tcase_add_test(tests, what_is_no_finite_number_is_none);
	tcase_add_test(tests, of_a_line_without_an_end_only_the_first_8_kib_are_kept);
	tcase_add_test(tests, a_pattern_without_exactly_one_group_is_refused);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
