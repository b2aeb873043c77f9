/* Error ids of reports over several lines, and of what earlier lines say of a later one. */
#include <check.h>

#include "base/mem.h"
#include "job/errorid.h"

static struct extractor *feed_all(enum error_source source, const char *text, int exit_status)
{
	struct error err = ERROR_INIT;
	struct extractor *x = NULL;

	ck_assert_msg(extractor_new(&x, source, "demo", NULL, &err) == 0, "%s", err.text);
	extractor_feed(x, text, strlen(text));
	extractor_end(x, exit_status, 0, false);
	return x;
}

static void must_give(enum error_source source, const char *text, const char *expected)
{
	struct extractor *x = feed_all(source, text, 0);
	const struct found_error *found;
	size_t n = extractor_results(x, &found);
	struct str ids = STR_INIT;

	for (size_t i = 0; i < n; i++)
		str_addf(&ids, "%s\n", found[i].id);
	ck_assert_msg(!strcmp(ids.buf, expected), "%s\ngives\n%s", text, ids.buf);
	str_release(&ids);
	extractor_free(x);
}

/* --- JUnit XML --- */

START_TEST(a_case_behind_a_nested_suite_has_the_name_of_the_suite_it_is_in)
{
	must_give(SOURCE_TEST,
	        "<testsuites name=\"all\">\n"
	        "<testsuite name=\"outer\">\n"
	        "<testcase name=\"a\"><failure/></testcase>\n"
	        "<testsuite name=\"inner\"><testcase name=\"a\"><failure/></testcase></testsuite>\n"
	        "<testsuite name=\"empty\"/>\n"
	        "<testsuite><testcase name=\"nobody\"><failure/></testcase></testsuite>\n"
	        "<testcase name=\"b\"><failure/></testcase>\n"
	        "<testcase classname=\"c\" name=\"b\"><failure/></testcase>\n"
	        "</testsuite>\n"
	        "<testcase name=\"b\"><failure/></testcase>\n"
	        "</testsuites>\nerror: no XML\n",
	        "demo.outer.a.fail\ndemo.inner.a.fail\ndemo.nobody.fail\ndemo.outer.b.fail\ndemo.c.b.fail\ndemo.b.fail\n"
	        "stderr.error:no_XML\n");
}
END_TEST

START_TEST(suites_of_junit_may_be_as_deep_as_anybody_likes)
{
	struct str text = STR_INIT;

	for (int i = 0; i < 100; i++)
		str_addf(&text, "<testsuite name=\"s%d\">\n", i);
	for (int i = 0; i < 99; i++)
		str_add(&text, "</testsuite>\n");
	str_add(&text, "<testcase name=\"a\"><failure/></testcase></testsuite>\nerror: behind it\n");
	must_give(SOURCE_TEST, text.buf, "demo.s0.a.fail\nstderr.error:behind_it\n");
	str_release(&text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("errorid_reports");
	TCase *tcase = tcase_create("errorid_reports");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, a_case_behind_a_nested_suite_has_the_name_of_the_suite_it_is_in);
	tcase_add_test(tcase, suites_of_junit_may_be_as_deep_as_anybody_likes);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
