/* pytest without -v: which cases are known not to have failed. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "job/errorid.h"
#include "job/passed_cases.h"

#define BEGIN "============================= test session starts ==============================\n"
#define FILES                                                                                      \
	"collected 7 items\n\ntests/test_a1.py .F.F                          [ 57%]\n"             \
	"tests/test_b.py .E.                                           [100%]\n"
#define SUMMARY                                                                                    \
	"=========================== short test summary info ============================\n"       \
	"FAILED tests/test_a1.py::test_two - assert 1 == 2\n"                                      \
	"FAILED tests/test_a1.py::test_p[2] - assert 2 == 1\n"                                     \
	"ERROR tests/test_b.py::test_fix - ValueError: x\n"
#define COUNTS "=============== 2 failed, 4 passed, 1 error in 0.03s ================\n"

#define LONG                                                                                       \
	"=========================== short test summary info ============================\n"       \
	"FAILED t/test_a.py::test_f - x\n=========== 1 failed, 9 passed in 0.03s ============\n"

/* The case is known not to have failed in this output of a run that ended with 1, now and from the record. */
static bool case_passed(const char *text, const char *asked)
{
	struct extractor *x;
	struct error err = ERROR_INIT;
	const struct found_error *found;
	bool passed, failed = false;
	char *cases;

	ck_assert_msg(extractor_new(&x, SOURCE_TEST, "demo", NULL, &err) == 0, "%s", err.text);
	extractor_feed(x, text, strlen(text));
	extractor_end(x, 1, 0, false);
	for (size_t i = 0; i < extractor_results(x, &found); i++)
		failed |= !strcmp(found[i].id, asked);
	passed = extractor_case_passed(x, asked);
	cases = extractor_passed(x);
	ck_assert_int_eq(passed_text_has(cases, asked) && !failed, passed);
	ck_assert(!cases || passed_text_is_valid(cases));
	free(cases);
	extractor_free(x);
	return passed;
}

START_TEST(other_cases_of_files_that_ran_are_known_not_to_have_failed)
{
	static const char whole[] = BEGIN FILES SUMMARY COUNTS;

	ck_assert(case_passed(whole, "demo.tests/test_a1.py::test_one.fail"));
	ck_assert(case_passed(whole, "demo.tests/test_a1.py::test_p[1].fail"));
	ck_assert(case_passed(whole, "demo.tests/test_b.py::TestB::test_ok.fail"));
	ck_assert(case_passed(whole, "demo.tests/test_b.py.fail"));
	ck_assert(!case_passed(whole, "demo.tests/test_a1.py::test_two.fail"));
	ck_assert(!case_passed(whole, "demo.tests/test_a1.py::test_p[2].fail"));
	ck_assert(!case_passed(whole, "demo.tests/test_b.py::test_fix.fail"));
	/* What ran in no session, or is no case of pytest. */
	ck_assert(!case_passed(whole, "demo.tests/test_c.py::test_one.fail"));
	ck_assert(!case_passed(whole, "demo.test_one.fail"));
	ck_assert(!case_passed(whole, "stderr.tests/test_a1.py::test_one"));
	ck_assert(!case_passed(FILES SUMMARY COUNTS, "demo.tests/test_b.py::test_ok.fail"));
	/* Letters of a long file go on; of one with a case that was skipped nothing is known. */
	ck_assert(case_passed(BEGIN "t/test_a.py ....  [ 20%]\n....F. [ 90%]\nt/test_b.py .\n" LONG, "demo.t/test_a.py::test_x.fail"));
	ck_assert(!case_passed(BEGIN "t/test_a.py ....  [ 20%]\n....Fs [ 90%]\nt/test_b.py .\n" LONG, "demo.t/test_a.py::test_x.fail"));
	ck_assert(case_passed(BEGIN "t/test_a.py ....  [ 20%]\n....Fs [ 90%]\nt/test_b.py .\n" LONG, "demo.t/test_b.py::test_x.fail"));
	ck_assert(!case_passed(BEGIN "t/test_a.py ..F.s [ 20%]\nt/test_b.py .\n" LONG, "demo.t/test_a.py::test_x.fail"));
	/* The second session ran it. */
	ck_assert(case_passed(BEGIN "tests/test_c.py .\n===== 1 passed in 0.01s =====\n" BEGIN FILES SUMMARY COUNTS,
	        "demo.tests/test_b.py::test_ok.fail"));
	ck_assert(case_passed(BEGIN "tests/test_c.py .\n===== 1 passed in 61.01s (0:01:01) =====\n" BEGIN FILES SUMMARY COUNTS,
	        "demo.tests/test_c.py::test_x.fail"));
}
END_TEST

START_TEST(of_a_session_that_did_not_tell_all_nothing_is_known)
{
	static const char *const texts[] = {
		BEGIN FILES SUMMARY,
		BEGIN FILES COUNTS, /* -rN: no failure is named */
		BEGIN FILES SUMMARY "===== 3 failed, 3 passed, 1 error in 0.03s =====\n",
		BEGIN FILES SUMMARY "===== 2 failed, 3 passed, 2 errors in 0.03s =====\n",
		BEGIN FILES SUMMARY "!!!!!!!!!!!!!!!! stopping after 3 failures !!!!!!!!!!!!!!!\n" COUNTS,
		BEGIN FILES "INTERNALERROR> Traceback (most recent call last):\n" SUMMARY COUNTS,
		/* a file that could not be read */
		BEGIN FILES SUMMARY "ERROR tests/test_c.py - ImportError\n===== 2 failed, 3 passed, 1 error in 0.03s =====\n",
		/* one that died, or named none, before one that went well */
		BEGIN "tests/test_b.py .F\nSegmentation fault\n" BEGIN "tests/test_b.py ..\n===== 2 passed in 0.1s =====\n",
		BEGIN "tests/test_b.py .F\n===== 1 failed, 1 passed in 0.1s =====\n" BEGIN "tests/test_b.py ..\n===== 2 passed in 0.1s =====\n",
		/* cases that were left out */
		BEGIN "tests/test_b.py .\n===== 1 passed, 1 deselected in 0.1s =====\n",
		/* the output of a case */
		BEGIN "tests/test_a1.py F\n----- Captured stdout call -----\n" BEGIN "tests/test_b.py .\n===== 1 passed in 0.1s =====\n" SUMMARY COUNTS,
		/* the next one died */
		BEGIN FILES SUMMARY COUNTS BEGIN "tests/test_c.py .\n",
		BEGIN BEGIN "tests/test_c.py .\n" SUMMARY COUNTS,
		BEGIN "tests/test_b.py hello\n" SUMMARY COUNTS,
		BEGIN "tests/test_b.py\n" SUMMARY COUNTS,
		BEGIN "tests/test_b.pyx .\n" SUMMARY COUNTS,
		BEGIN "================ no tests ran in 0.00s =================\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		ck_assert_msg(!case_passed(texts[i], "demo.tests/test_b.py::test_ok.fail"), "%s", texts[i]);
}
END_TEST

START_TEST(any_number_of_files_is_bounded)
{
	struct extractor *x;

	ck_assert_int_eq(extractor_new(&x, SOURCE_TEST, "demo", NULL, NULL), 0);
	extractor_feed(x, BEGIN, strlen(BEGIN));
	for (unsigned i = 0; i < 100000; i++) {
		char line[64];

		extractor_feed(x, line, (size_t)snprintf(line, sizeof(line), "t/test_%u.py .\n", i));
	}
	extractor_feed(x, "===== 100000 passed in 9.1s =====\n", 34);
	extractor_end(x, 1, 0, false);
	ck_assert(extractor_case_passed(x, "demo.t/test_0.py::test_a.fail"));
	ck_assert(!extractor_case_passed(x, "demo.t/test_99999.py::test_a.fail"));
	extractor_free(x);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pytest");
	TCase *tcase = tcase_create("pytest");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, other_cases_of_files_that_ran_are_known_not_to_have_failed);
	tcase_add_test(tcase, of_a_session_that_did_not_tell_all_nothing_is_known);
	tcase_add_test(tcase, any_number_of_files_is_bounded);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
