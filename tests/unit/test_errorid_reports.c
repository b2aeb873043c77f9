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

/* The lines that the ids came from, and their numbers. */
static void must_stand_at(enum error_source source, const char *text, const char *expected)
{
	struct extractor *x = feed_all(source, text, 0);
	const struct found_error *found;
	size_t n = extractor_results(x, &found);
	struct str lines = STR_INIT;

	for (size_t i = 0; i < n; i++)
		str_addf(&lines, "%d+%d %s\n", (int)found[i].line_number, (int)found[i].offset, found[i].line);
	ck_assert_str_eq(lines.buf, expected);
	str_release(&lines);
	extractor_free(x);
}

static void must_be_called(enum error_source source, const char *text, const char *id, const char *asked)
{
	struct extractor *x = feed_all(source, text, 0);
	const struct found_error *found;
	size_t n = extractor_results(x, &found), i = 0;

	while (i < n && strcmp(found[i].id, id))
		i++;
	ck_assert_msg(i < n, "%s\ngives no %s", text, id);
	ck_assert_msg(errorid_is(asked, id, &found[i].aliases), "%s is not %s", id, asked);
	extractor_free(x);
}

/* --- Tracebacks --- */

static const char two_lines[] = "%sjava.lang.IllegalStateException: no layout\n"
				"of width 3:\n"
				"\tat most 2 columns\n"
				"\tat App.lay(App.java:9)\n"
				"done\n";

START_TEST(the_message_of_an_exception_may_have_several_lines)
{
	char text[300];

	for (int printed = 0; printed < 2; printed++) {
		snprintf(text, sizeof(text), two_lines, printed ? "" : "Exception in thread \"main\" ");
		must_give(SOURCE_STDERR, text, "stderr.java.lang.IllegalStateException:no_layout\nstderr.done\n");
	}
	/* Of one that only announces the second, that is what it is about. */
	must_give(SOURCE_TEST, "Exception in thread \"main\" a.b.Bad: 2 files:\nx.c is bad\n\tat A.b(A.java:1)\n",
	        "stderr.a.b.Bad:#files:x.c_is_bad\n");
	must_give(SOURCE_TEST, "a.b.Bad: 2 files:\ny.c is bad\nerror: and z.c\n\tat A.b(A.java:1)\n",
	        "stderr.a.b.Bad:#files:y.c_is_bad\n");
}
END_TEST

START_TEST(lines_that_are_no_message_count_by_themselves)
{
	must_stand_at(SOURCE_STDERR,
	        "Exception in thread \"main\" java.lang.OutOfMemoryError: heap\nfirst words\n\nlast words\n",
	        "1+0 Exception in thread \"main\" java.lang.OutOfMemoryError: heap\n2+60 first words\n4+73 last words\n");
	must_stand_at(SOURCE_STDERR, "a.b.Bad: one\na.b.Bad: two\nwords\nValueError: three\n",
	        "1+0 a.b.Bad: one\n2+13 a.b.Bad: two\n3+26 words\n4+32 ValueError: three\n");
	/* More lines than are held. */
	must_give(SOURCE_STDERR,
	        "a.b.Bad: x\naaa\nbbb\nccc\nddd\neee\nfff\nggg\nhhh\niii\n\tat A.b(A.java:1)\n",
	        "stderr.a.b.Bad:x\nstderr.aaa\nstderr.bbb\nstderr.ccc\nstderr.ddd\nstderr.eee\nstderr.fff\nstderr.ggg\n"
	        "stderr.hhh\nstderr.iii\n");
	/* What is held at the end. */
	must_give(SOURCE_TEST, "a.b.SomeError: x\nfatal: y\n", "stderr.a.b.SomeError:x\nstderr.fatal:y\n");
	must_give(SOURCE_TEST, "SomeError: x\nFAIL: y\n", "stderr.SomeError:x\ndemo.y.fail\n");
}
END_TEST

START_TEST(what_also_went_wrong_does_not_name_an_exception)
{
	static const char suppressed[] = "Exception in thread \"main\" a.b.Main: it\n"
					 "\tat A.b(A.java:1)\n"
					 "\tSuppressed: a.b.Other: closing\n"
					 "of disk 3\n"
					 "\t\tat A.close(A.java:2)\n"
					 "\t\t... 1 more\n"
					 "\tCaused by: a.b.Deep: of the other\n"
					 "\t\t... 2 more\n";
	char text[600];

	must_give(SOURCE_STDERR, suppressed, "stderr.a.b.Main:it\n");
	must_give(SOURCE_TEST, suppressed + strlen("Exception in thread \"main\" "), "stderr.a.b.Main:it\n");
	snprintf(text, sizeof(text), "%sCaused by: a.b.Root: r\n\t... 1 more\n", suppressed);
	must_give(SOURCE_TEST, text, "stderr.a.b.Root:r\n");
	must_be_called(SOURCE_TEST, text, "stderr.a.b.Root:r", "stderr.Caused_by:a.b.Root:r");
	must_be_called(SOURCE_TEST, text + strlen("Exception in thread \"main\" "), "stderr.a.b.Root:r", "stderr.a.b.Main:it");
}
END_TEST

START_TEST(the_innermost_cause_of_node_names_its_error)
{
	static const char printed[] = "Error: outer\n"
				      "    at f (/srv/a.js:1:2)\n"
				      "    ... 5 lines matching cause stack trace ...\n"
				      "    at node:internal/main/run:28:49 {\n"
				      "  code: 'EDISK',\n"
				      "  [cause]: TypeError [ERR_X]: middle\n"
				      "      at g (/srv/a.js:3:4) {\n"
				      "    [cause]: RangeError: root\n"
				      "        at h (/srv/a.js:5:6)\n"
				      "  }\n"
				      "}\n"
				      "error: behind it\n";

	must_give(SOURCE_TEST, printed, "stderr.RangeError:root\nstderr.error:behind_it\n");
	must_give(SOURCE_STDERR, printed, "stderr.RangeError:root\nstderr.error:behind_it\n");
	must_be_called(SOURCE_TEST, printed, "stderr.RangeError:root", "stderr.Error:outer");
	/* The causes of errors in a list are theirs. */
	must_give(SOURCE_TEST,
	        "AggregateError: many\n    at a.js:1:2 {\n  [errors]: [\n    Error: one\n        at b.js:1:2 {\n"
	        "      [cause]: Error: two\n    }\n  ]\n}\n",
	        "stderr.AggregateError:many\n");
	must_give(SOURCE_STDERR, "/srv/a.js:3\nthrow e;\n^\n\nTypeError [ERR_X]: bad\n    at f (/srv/a.js:3:1)\n\nNode.js v20.1.0\n",
	        "stderr.TypeError[ERR_X]:bad\n");
	/* Without properties it ends with its frames. */
	must_give(SOURCE_STDERR, "Error: a\n    at f (/srv/a.js:1:2)\n  indented\n", "stderr.Error:a\nstderr.indented\n");
}
END_TEST

START_TEST(a_group_of_exceptions_is_one_error_and_each_in_it_is_one)
{
	static const char group[] = "  + Exception Group Traceback (most recent call last):\n"
				    "  |   File \"a.py\", line 1, in <module>\n"
				    "  | ExceptionGroup: all failed (2 sub-exceptions)\n"
				    "  +-+---------------- 1 ----------------\n"
				    "    | ValueError: one\n"
				    "of two lines\n"
				    "    +---------------- 2 ----------------\n"
				    "    | Traceback (most recent call last):\n"
				    "    |   File \"a.py\", line 3, in f\n"
				    "    | lower.case: two\n"
				    "    +------------------------------------\n"
				    "error: behind it\n";
	static const char ids[] = "stderr.ExceptionGroup:all_failed\nstderr.ValueError:one\nstderr.lower.case:two\n"
				  "stderr.error:behind_it\n";
	const struct found_error *found;
	struct extractor *x;

	must_give(SOURCE_TEST, group, ids);
	must_give(SOURCE_STDERR, group, ids);
	/* That of which the others are is not the one to bisect. */
	x = feed_all(SOURCE_STDERR, group, 0);
	ck_assert_uint_eq(extractor_results(x, &found), 4);
	ck_assert_uint_eq(found[0].finding, found[1].finding);
	ck_assert(!found[0].representative && found[1].representative && found[2].representative);
	extractor_free(x);
	/* Cut off, by death or another program. */
	must_give(SOURCE_STDERR, "  + Exception Group Traceback (most recent call last):\n  |   File \"a.py\", line 1\n",
	        "stderr.Traceback(most_recent_call_last)\n");
	must_give(SOURCE_STDERR,
	        "  + Exception Group Traceback (most recent call last):\n  | E: x (1 sub-exception)\n\nwords\n",
	        "stderr.E:x\nstderr.words\n");
	must_give(SOURCE_STDERR,
	        "  + Exception Group Traceback (most recent call last):\n  | E: x (3 sub-exceptions)\nwords\n"
	        "Traceback (most recent call last):\n  File \"b.py\", line 1\nKeyError: y\n",
	        "stderr.E:x\nstderr.words\nstderr.KeyError:y\n");
}
END_TEST

/* --- lkp's last_state --- */

START_TEST(a_run_of_which_lkp_says_that_it_is_incomplete_did_not_get_to_its_end)
{
	struct extractor *x = feed_all(SOURCE_LAST_STATE, "exit_fail: 1\nis_incomplete_run: 0\n", 0);

	ck_assert(extractor_ran_to_its_end(x));
	extractor_free(x);
	x = feed_all(SOURCE_LAST_STATE, "is_incomplete_run: 1\n", 0);
	ck_assert(!extractor_ran_to_its_end(x));
	extractor_free(x);
}
END_TEST

/* --- unittest --- */

static bool case_passed(const char *text, const char *asked)
{
	struct extractor *x = feed_all(SOURCE_TEST, text, 1);
	bool passed = extractor_case_passed(x, asked);

	extractor_free(x);
	return passed;
}

START_TEST(a_case_of_unittest_is_the_same_with_and_without_a_docstring)
{
	static const char id[] = "demo.test_b(m.C.test_b).fail";

	must_give(SOURCE_TEST, "test_b (m.C.test_b) ... FAIL\n", "demo.test_b(m.C.test_b).fail\n");
	must_give(SOURCE_TEST, "test_b (m.C.test_b)\nIt does. ... FAIL\n", "demo.test_b(m.C.test_b).fail\n");
	must_give(SOURCE_TEST, "test_b (m.C.test_b)\nerror: not ok 3 - it ... ERROR\n", "demo.test_b(m.C.test_b).fail\n");
	must_give(SOURCE_TEST, "====================\nERROR: test_b (m.C.test_b) (n=1)\nok 1 - fatal: it\n",
	        "demo.test_b(m.C.test_b)(n=1).fail\n");
	ck_assert(case_passed("test_b (m.C.test_b) ... ok\n", id));
	ck_assert(case_passed("test_b (m.C.test_b)\nIt does. ... ok\n", id));
	ck_assert(case_passed("test_b (m.f.<locals>.C)\nIt does. ... ok\n", "demo.test_b(m.f.<locals>.C).fail"));
	/* What was skipped or expected to fail has not passed, and only the next line is a docstring. */
	ck_assert(!case_passed("test_b (m.C.test_b)\nIt does. ... skipped 'no'\n", id));
	ck_assert(!case_passed("test_b (m.C.test_b)\nIt does. ... expected failure\n", id));
	ck_assert(!case_passed("test_b (m.C.test_b)\n\nIt does. ... ok\n", id));
	ck_assert(!case_passed("test_b (m.C.test_b)\nIt does. ... words\nok ... ok\n", id));
	ck_assert(!case_passed("test_b (m.C.test_b)\ntest_c (m.C.test_c) ... ok\n", id));
	must_give(SOURCE_TEST, "test_b (m.C.test_b)\ntest_c (m.C.test_c) ... FAIL\n", "demo.test_c(m.C.test_c).fail\n");
	must_give(SOURCE_TEST, "FAIL: test_b (m.C.test_b)\nerror: no header\n",
	        "demo.test_b(m.C.test_b).fail\nstderr.error:no_header\n");
}
END_TEST

/* --- go test --- */

START_TEST(a_case_of_go_has_the_name_of_its_package)
{
	struct str text = STR_INIT;
	const struct found_error *found;
	struct extractor *x;

	must_give(SOURCE_TEST, "--- FAIL: TestA (0.1s)\nFAIL\nFAIL\tx.org/a\t0.1s\n--- FAIL: TestA (0.2s)\nFAIL\nFAIL\tx.org/b\t0.2s\n",
	        "demo.x.org/a.TestA.fail\ndemo.x.org/a.fail\ndemo.x.org/b.TestA.fail\ndemo.x.org/b.fail\n");
	must_be_called(SOURCE_TEST, "--- FAIL: TestA (0.1s)\nFAIL\tx.org/a\t0.1s\n", "demo.x.org/a.TestA.fail", "demo.TestA.fail");
	/* A program of tests that was run by itself says nothing of a package, nor does one that was killed. */
	must_give(SOURCE_TEST, "--- FAIL: TestA (0.1s)\nFAIL\nerror: more\n", "demo.TestA.fail\nstderr.error:more\n");
	must_stand_at(SOURCE_TEST, "ok\n--- FAIL: TestA (0.1s)\nerror: more\nFAIL\tx.org/a\t0.1s\n",
	        "2+3 --- FAIL: TestA (0.1s)\n3+26 error: more\n4+38 FAIL\\x09x.org/a\\x090.1s\n");
	/* What a case that waits comes of is what stood before it. */
	x = feed_all(SOURCE_TEST, "panic: gone\n--- FAIL: TestA (0.1s)\npanic: other\n--- FAIL: TestB (0.1s)\nFAIL\tx.org/a\t0.1s\n", 0);
	ck_assert_uint_eq(extractor_results(x, &found), 5);
	ck_assert_uint_eq(found[0].finding, found[1].finding);
	ck_assert_uint_eq(found[2].finding, found[3].finding);
	ck_assert(found[0].finding != found[2].finding && found[1].part && !found[1].representative);
	extractor_free(x);
	/* No more of them wait than there is room for. */
	for (int i = 0; i < 600; i++)
		str_addf(&text, "--- FAIL: Test%c%d (0.1s)\n", 'A' + i % 26, i);
	str_add(&text, "FAIL\tx.org/a\t0.1s\n");
	x = feed_all(SOURCE_TEST, text.buf, 0);
	ck_assert_uint_eq(extractor_results(x, &found), 601);
	ck_assert_str_eq(found[499].id, "demo.x.org/a.TestF499.fail");
	ck_assert_str_eq(found[500].id, "demo.TestG500.fail");
	extractor_free(x);
	str_release(&text);
}
END_TEST

/* --- A kernel's callers --- */

/* An oops of T1, then lines of others, then where it was. */
static bool oops_is_one_finding(unsigned others, const char *says)
{
	struct str text = STR_INIT;
	const struct found_error *found;
	struct extractor *x;
	size_t n;
	bool one;

	str_add(&text, "[    1.000000][    T1] BUG: kernel NULL pointer dereference, address: 0000000000000008\n");
	for (unsigned i = 0; i < others; i++)
		str_addf(&text, "[    2.000000][ T%4u] %s %c%c\n", 1000 + i, says, 'a' + i % 26, 'a' + i / 26 % 26);
	str_add(&text, "[    3.000000][    T1] RIP: 0010:demo_read+0x3a/0x60\n");
	x = feed_all(SOURCE_DMESG, text.buf, 0);
	n = extractor_results(x, &found);
	ck_assert_uint_ge(n, 2);
	ck_assert_str_eq(found[n - 1].id, "dmesg.RIP:demo_read");
	one = found[0].finding == found[n - 1].finding;
	extractor_free(x);
	str_release(&text);
	return one;
}

START_TEST(what_a_caller_of_the_kernel_began_is_remembered_among_many_others)
{
	ck_assert(oops_is_one_finding(0, ""));
	ck_assert(oops_is_one_finding(62, "BUG: other thing in"));
	ck_assert(oops_is_one_finding(250, "says"));
	/* They are not remembered without end. */
	ck_assert(!oops_is_one_finding(250, "BUG: other thing in"));
}
END_TEST

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

	tcase_add_test(tcase, the_message_of_an_exception_may_have_several_lines);
	tcase_add_test(tcase, lines_that_are_no_message_count_by_themselves);
	tcase_add_test(tcase, what_also_went_wrong_does_not_name_an_exception);
	tcase_add_test(tcase, the_innermost_cause_of_node_names_its_error);
	tcase_add_test(tcase, a_group_of_exceptions_is_one_error_and_each_in_it_is_one);
	tcase_add_test(tcase, a_run_of_which_lkp_says_that_it_is_incomplete_did_not_get_to_its_end);
	tcase_add_test(tcase, a_case_of_unittest_is_the_same_with_and_without_a_docstring);
	tcase_add_test(tcase, a_case_of_go_has_the_name_of_its_package);
	tcase_add_test(tcase, what_a_caller_of_the_kernel_began_is_remembered_among_many_others);
	tcase_add_test(tcase, a_case_behind_a_nested_suite_has_the_name_of_the_suite_it_is_in);
	tcase_add_test(tcase, suites_of_junit_may_be_as_deep_as_anybody_likes);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
