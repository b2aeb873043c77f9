/* One bug, one id and one finding: what differs between runs, and what says the same again. */
#include <check.h>

#include "base/mem.h"
#include "job/error_guess.h"
#include "job/errorid.h"

static struct extractor *feed_all(enum error_source source, const char *text)
{
	struct error err = ERROR_INIT;
	struct extractor *x = NULL;

	ck_assert_msg(extractor_new(&x, source, "demo", NULL, &err) == 0, "%s", err.text);
	extractor_feed(x, text, strlen(text));
	extractor_end(x, 0, 0, false);
	return x;
}

/* Each id behind the number of its finding; '*' marks the one to bisect. */
static void must_find(enum error_source source, const char *text, const char *expected)
{
	struct extractor *x = feed_all(source, text);
	const struct found_error *found;
	size_t n = extractor_results(x, &found);
	struct str ids = STR_INIT;

	for (size_t i = 0; i < n; i++)
		str_addf(&ids, "%u%s %s\n", found[i].finding, found[i].representative ? "*" : "", found[i].id);
	ck_assert_msg(!strcmp(ids.buf, expected), "%s\ngives\n%s", text, ids.buf);
	str_release(&ids);
	extractor_free(x);
}

static void must_be_called(enum error_source source, const char *text, const char *id, const char *asked)
{
	struct extractor *x = feed_all(source, text);
	const struct found_error *found;
	size_t n = extractor_results(x, &found), i = 0;

	while (i < n && strcmp(found[i].id, id))
		i++;
	ck_assert_msg(i < n, "%s\ngives no %s", text, id);
	ck_assert_msg(errorid_is(asked, id, &found[i].aliases), "%s is not %s", id, asked);
	extractor_free(x);
}

/* --- Temporary names --- */

static void path_becomes_in(size_t n_logs, const char *path, const char *expected)
{
	static const char *const logs[] = { "error: cannot open %s", "not ok 3 - opens %s",
		"<testsuite><testcase name=\"opens[%s]\"><failure/></testcase></testsuite>" };
	static const char *const ids[] = { "0* stderr.error:cannot_open%s\n", "0* demo.opens%s.fail\n",
		"0* demo.opens[%s].fail\n" };
	char text[300], id[300];

	for (size_t i = 0; i < n_logs; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof(text), logs[i], path);
		snprintf(id, sizeof(id), ids[i], expected);
#pragma GCC diagnostic pop
		must_find(SOURCE_TEST, text, id);
	}
}

/* In lines and in the names of cases. */
static void path_becomes(const char *path, const char *expected)
{
	path_becomes_in(3, path, expected);
}

/* What a program's own words could be as well stays in the names of cases. */
static void path_becomes_in_lines(const char *path, const char *expected)
{
	char name[300];
	char text[300];

	path_becomes_in(1, path, expected);
	snprintf(text, sizeof(text), "not ok 3 - opens %s", path);
	snprintf(name, sizeof(name), "0* demo.opens%s.fail\n", path);
	must_find(SOURCE_TEST, text, name);
}

START_TEST(what_is_random_below_tmp_is_in_no_id)
{
	path_becomes("/tmp/tmp.ab12cd34ef/x", "/tmp/#/x");
	path_becomes("/tmp/tmpab_12cd3/x", "/tmp/#/x");
	path_becomes("/var/tmp/tmp.abcdefghij/x", "/var/tmp/#/x");
	path_becomes("/home/u/tmp.abcdefghij/x", "/home/u/#/x");
	path_becomes("/dev/shm/tmp.abcdefghij/x", "/dev/shm/#/x");
	path_becomes("/tmp/go-build123456/b.test", "/tmp/go-build#/b.test");
	path_becomes("/tmp/LTP_chmAbCdEf/x", "/tmp/LTP_chm#/x");
	path_becomes("/tmp/rustcAbCdEf/list", "/tmp/rustc#/list");
	path_becomes("/tmp/cargo-installAbC123/x", "/tmp/cargo-install#/x");
	path_becomes("/tmp/kirk.root/tmpabcd12ef/x", "/tmp/kirk.root/#/x");
	path_becomes("/tmp/kirk.root/tmpabcd12ef/LTP_chmAbCdEf/x", "/tmp/kirk.root/#/LTP_chm#/x");
	path_becomes("/tmp/pytest-of-root/pytest-3/x", "/tmp/pytest-of-#/pytest-#/x");
	path_becomes("/tmp/pytest-of-me/pytest-41/popen-gw1/x", "/tmp/pytest-of-#/pytest-#/x");
	path_becomes_in_lines("/tmp/demo-AbCdEf/x", "/tmp/demo-#/x");
	path_becomes_in_lines("/tmp/demo-Ab3xYz/x", "/tmp/demo-#/x");
	path_becomes_in_lines("/tmp/demo_k3j2_x9a/x", "/tmp/demo_#/x");
	path_becomes_in_lines("/tmp/TestOpen123456789/x", "/tmp/TestOpen#/x");
}
END_TEST

START_TEST(what_is_fixed_below_tmp_stays)
{
	static const char *const paths[] = { "/tmp/build/a.c", "/tmp/project/out", "/tmp/test-GitHub/x", "/tmp/build/net-x25prot8.c",
		"/tmp/tests/case_a.txt", "/tmp/my-facade.c", "/etc/tmpfiles.d/x", "/tmp/ltp/fs-ext3_dio",
		"/tmp/net-ipv4_tcp" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		path_becomes(paths[i], paths[i]);
	path_becomes_in_lines("/tmp/run.Client/x", "/tmp/#/x");
}
END_TEST

START_TEST(an_object_of_clang_has_one_name)
{
	static const char *const names[] = { "4a3e5e.o", "ecb7e0.o", "123456.s", "abcdef.o" };
	char text[200], id[200];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(text, sizeof(text), "m2.c:(.text+0x0): multiple definition of `foo'; /tmp/m1-%s:m1.c:(.text+0x0): first", names[i]);
		snprintf(id, sizeof(id), "0* build-pkg.m2.c:(.text+#):multiple-definition-of`foo';/tmp/m1:%c:m1.c:(.text+#):first\n",
		        names[i][7]);
		must_find(SOURCE_BUILD, text, id);
	}
}
END_TEST

/* --- Builds --- */

#define ARROW(file) " --> src/" file ".rs:3:18\n  |\n3 |     let x: i32 = \"s\";\n  |\n\n"

START_TEST(the_file_is_in_the_id_of_an_error_of_rustc)
{
	static const char text[] = "error[E0308]: mismatched types\n" ARROW("a") "error[E0308]: mismatched types\n" ARROW("b")
		"warning: unused variable: `x`\n" ARROW("a") "error: aborting due to 2 previous errors\n";

	must_find(SOURCE_BUILD, text,
	        "0* build-pkg.src/a.rs:error[E0308]:mismatched-types\n1* build-pkg.src/b.rs:error[E0308]:mismatched-types\n"
	        "2* build-pkg.src/a.rs:warning:unused-variable:`x`\n1 build-pkg.error:aborting-due-to#previous-errors\n");
	must_be_called(SOURCE_BUILD, text, "build-pkg.src/a.rs:error[E0308]:mismatched-types", "build-pkg.error[E0308]:mismatched-types");
	must_find(SOURCE_TEST, "error[E0308]: mismatched types\n" ARROW("a"), "0* stderr.src/a.rs:error[E0308]:mismatched_types\n");
}
END_TEST

START_TEST(only_the_next_line_tells_where_an_error_of_rustc_is)
{
	must_find(SOURCE_BUILD, "error: no place\n  indented words\n --> src/a.rs:1:1\n", "0* build-pkg.error:no-place\n");
	must_find(SOURCE_BUILD, "error: at the end", "0* build-pkg.error:at-the-end\n");
	must_find(SOURCE_BUILD, "error: one\nerror: two\n" ARROW("b"), "0* build-pkg.error:one\n1* build-pkg.src/b.rs:error:two\n");
}
END_TEST

START_TEST(what_make_could_not_start_is_what_failed)
{
	must_find(SOURCE_BUILD, "flex x.l\nmake: flex: No such file or directory\nmake: *** [Makefile:2: all] Error 127\n",
	        "0* build-pkg.make:flex:No-such-file-or-directory\n0 build-pkg.make:***[Makefile:all]Error\n");
	must_find(SOURCE_TEST, "make[1]: bison: Command not found\nmake[1]: *** [Makefile:2: all] Error 127\n",
	        "0* stderr.make[#]:bison:Command_not_found\n0 stderr.make[#]:***[Makefile:#:all]Error\n");
	must_find(SOURCE_BUILD, "make: x.mk: No such file or directory\nmake: *** No rule to make target 'x.mk'.  Stop.\n",
	        "0* build-pkg.make:***No-rule-to-make-target'x.mk'.Stop\n");
}
END_TEST

/* --- Standard error --- */

START_TEST(a_report_of_valgrind_is_one_error)
{
	must_find(SOURCE_STDERR,
	        "==7== Memcheck, a memory error detector\n==7== \n==7== Invalid write of size 1\n==7==    at 0x109159: fill (race.c:3)\n"
	        "==7==    by 0x109180: main (race.c:4)\n==7==  Address 0x4a4304a is 0 bytes after a block of size 10 free'd\n"
	        "==7==    at 0x48417B4: free (in /usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so)\n"
	        "==7==  Block was alloc'd at\n==7==    at 0x48417B4: malloc (in /usr/libexec/x.so)\n==7== \n==7== HEAP SUMMARY:\n"
	        "==7== ERROR SUMMARY: 2 errors from 2 contexts (suppressed: 0 from 0)\n",
	        "0* stderr.valgrind:Invalid_write_in_fill\n");
}
END_TEST

static const char go_race[] = "==================\n"
			      "WARNING: DATA RACE\n"
			      "Write at 0x00c000012038 by goroutine 14:\n"
			      "  example.org/demo.(*Store).Add()\n"
			      "      /srv/demo/store.go:5 +0x4b\n"
			      "\n"
			      "Previous write at 0x00c000012038 by main goroutine:\n"
			      "  main.main()\n"
			      "      /srv/demo/main.go:9 +0x64\n"
			      "\n"
			      "Goroutine 14 (running) created at:\n"
			      "  main.main()\n"
			      "      /srv/demo/main.go:8 +0xa4\n"
			      "==================\n"
			      "Found 1 data race(s)\n"
			      "exit status 66\n";

START_TEST(a_race_in_go_is_one_error_and_says_where)
{
	static const char id[] = "0* stderr.WARNING:DATA_RACE_in_example.org/demo.(*Store).Add\n";

	must_find(SOURCE_STDERR, go_race, id);
	must_find(SOURCE_TEST, go_race, id);
	must_be_called(SOURCE_TEST, go_race, "stderr.WARNING:DATA_RACE_in_example.org/demo.(*Store).Add", "stderr.WARNING:DATA_RACE");
}
END_TEST

static const char rust_panic[] = "thread 'main' panicked at src/main.rs:2:58:\n"
				 "assertion `left == right` failed: one wanted\n"
				 "  left: 2\n"
				 " right: 1\n"
				 "stack backtrace:\n"
				 "   0: __rustc::rust_begin_unwind\n"
				 "             at /rustc/59807616e1fa/library/std/src/panicking.rs:689:5\n"
				 "   1: <usize as core::slice::index::SliceIndex<[T]>>::index\n"
				 "  12: demo::main\n"
				 "note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.\n"
				 "  left: alone\n";

START_TEST(a_panic_of_rust_with_its_stack_is_one_error)
{
	must_find(SOURCE_STDERR, rust_panic,
	        "0* stderr.thread'main'panicked_at_src/main.rs:assertion`left==right`failed:one_wanted\n1* stderr.left:alone\n");
	must_find(SOURCE_STDERR, "thread 'a' panicked at a.rs:1:1:\nx\nnot of it\n",
	        "0* stderr.thread'a'panicked_at_a.rs:x\n1* stderr.not_of_it\n");
	must_find(SOURCE_STDERR, "thread 'a' panicked at a.rs:1:1:\nx\nTraceback (most recent call last):\nKeyError: 'k'\n",
	        "0* stderr.thread'a'panicked_at_a.rs:x\n1* stderr.KeyError:'k'\n");
}
END_TEST

START_TEST(an_exception_in_a_thread_of_python_is_one_error)
{
	must_find(SOURCE_STDERR,
	        "Exception in thread Thread-1 (f):\nTraceback (most recent call last):\n  File \"a.py\", line 3, in f\n"
	        "    raise ValueError(\"x\")\nValueError: x\n",
	        "0* stderr.ValueError:x\n");
	must_find(SOURCE_STDERR,
	        "Exception ignored in: <function A.__del__ at 0x7f12>\nTraceback (most recent call last):\n  File \"a.py\", line 3, in f\n"
	        "ValueError: x\n",
	        "0 stderr.Exception_ignored_in:<function_A.__del__at#>\n0* stderr.ValueError:x\n");
}
END_TEST

START_TEST(what_rustc_says_is_a_build_log)
{
	static const char text[] = "warning: unused variable: `x`\n --> src/a.rs:3:9\n  |\n3 |     let x = 1;\n  |         ^\n";

	ck_assert_int_eq(error_source_guess(text, strlen(text)), SOURCE_BUILD);
}
END_TEST

/* --- One cause, one finding --- */

START_TEST(what_a_case_of_cargo_printed_is_of_its_finding)
{
	must_find(SOURCE_TEST,
	        "running 2 tests\ntest t_a ... FAILED\ntest t_b ... FAILED\n\nfailures:\n\n---- t_a stdout ----\n\n"
	        "thread 't_a' panicked at src/lib.rs:6:16:\nassertion failed: a\n\n---- t_b stdout ----\nerror: printed\n"
	        "==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x1\n    #0 0x55 in grow a.c:1\n\n"
	        "failures:\n    t_a\n    t_b\n\ntest result: FAILED. 0 passed; 2 failed\n\nerror: test failed, to rerun pass `--lib`\n"
	        "error: another\n",
	        "0* demo.t_a.fail\n1* demo.t_b.fail\n0 stderr.thread't_a'panicked_at_src/lib.rs:assertion_failed:a\n"
	        "1 stderr.error:printed\n1 stderr.AddressSanitizer:heap-buffer-overflow_in_grow\n"
	        "1 stderr.error:test_failed,to_rerun_pass`--lib`\n2* stderr.error:another\n");
	/* The name of its thread tells, too. */
	must_find(SOURCE_TEST,
	        "test t_a ... FAILED\ntest t_b ... FAILED\nthread 't_a' panicked at src/lib.rs:6:16:\nassertion failed: a\n",
	        "0* demo.t_a.fail\n1* demo.t_b.fail\n0 stderr.thread't_a'panicked_at_src/lib.rs:assertion_failed:a\n");
}
END_TEST

#define SESSION "============================= test session starts ==============================\n"

START_TEST(what_pytest_captured_is_of_the_case_that_comes_later)
{
	static const char *const begins[] = { SESSION, "" };
	char text[1200];

	for (size_t i = 0; i < 2; i++) {
		snprintf(text, sizeof(text),
		        "%s=================================== FAILURES ===================================\n"
		        "_________________________________ T.test_a[x-1] _________________________________\n\nE       ValueError: why\n"
		        "----------------------------- Captured stderr call -----------------------------\nerror: foo happened\n"
		        "Traceback (most recent call last):\n  File \"a.py\", line 1\nKeyError: 'k'\n"
		        "_______________________________ ERROR at setup of b ________________________________\nfatal: bar\n"
		        "=========================== short test summary info ============================\n"
		        "FAILED a.py::T::test_a[x-1] - ValueError: why\nERROR a.py::b - x\n"
		        "========================= 1 failed, 1 error in 0.06s ==========================\nerror: behind it\n",
		        begins[i]);
		must_find(SOURCE_TEST, text,
		        "0 stderr.error:foo_happened\n0 stderr.KeyError:'k'\n1 stderr.fatal:bar\n"
		        "0* demo.a.py::T::test_a[x-1].fail\n1* demo.a.py::b.fail\n2* stderr.error:behind_it\n");
	}
	/* A case that a case printed. */
	must_find(SOURCE_TEST,
	        SESSION "____________ test_a ____________\nFAIL: inner\n=== short test summary info ===\nFAILED a.py::test_a - x\n",
	        "0 demo.inner.fail\n0* demo.a.py::test_a.fail\n");
	/* The kernel is not captured. */
	must_find(SOURCE_TEST, SESSION "____________ test_a ____________\n[    1.500000] BUG: bad thing\nerror: x\n",
	        "0* dmesg.BUG:bad_thing\n1* stderr.error:x\n");
}
END_TEST

START_TEST(an_exception_and_the_one_that_wraps_it_are_one_finding)
{
	static const char chain[] = "Traceback (most recent call last):\n  File \"a.py\", line 3, in load\nKeyError: 'colour'\n\n"
				    "The above exception was the direct cause of the following exception:\n\n"
				    "Traceback (most recent call last):\n  File \"a.py\", line 5, in load\nRuntimeError: no setting\n"
				    "%s"
				    "Traceback (most recent call last):\n  File \"b.py\", line 5, in load\nTypeError: another\n";
	char text[600];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), chain, "");
	must_find(SOURCE_STDERR, text, "0 stderr.KeyError:'colour'\n0* stderr.RuntimeError:no_setting\n1* stderr.TypeError:another\n");
	must_find(SOURCE_TEST, text, "0 stderr.KeyError:'colour'\n0* stderr.RuntimeError:no_setting\n1* stderr.TypeError:another\n");
	snprintf(text, sizeof(text), chain, "\nDuring handling of the above exception, another exception occurred:\n\n");
	must_find(SOURCE_TEST, text, "0 stderr.KeyError:'colour'\n0* stderr.RuntimeError:no_setting\n1* stderr.TypeError:another\n");
#pragma GCC diagnostic pop
	must_find(SOURCE_STDERR, "FAIL: test_a (m.T.test_a)\n----------\nTraceback (most recent call last):\n  File \"a.py\", line 3\nKeyError: 'k'\n",
	        "0 stderr.FAIL:test_a(m.T.test_a)\n0* stderr.KeyError:'k'\n");
}
END_TEST

START_TEST(what_a_point_of_tap_says_in_its_block_is_of_its_failure)
{
	must_find(SOURCE_TEST,
	        "1..3\nnot ok 1 - a\n  ---\n  message: \"failed with error: boom\"\n  severity: fail\n  ...\nerror: between\nok 2 - b\n  ---\n"
	        "  message: \"error: of one that passed\"\n  ...\nnot ok 3 - c\n",
	        "0* demo.a.fail\n0 stderr.message:~failed_with_error:boom~\n1* stderr.error:between\n"
	        "2* stderr.message:~error:of_one_that_passed~\n2 demo.c.fail\n");
}
END_TEST

/* --- Where it happened --- */

#define FRAME(place) "  File \"/srv/a.py\", line " place "\n    source()\n"
#define TRACEBACK "Traceback (most recent call last):\n"

START_TEST(an_exception_that_says_nothing_has_the_function_in_its_id)
{
	must_find(SOURCE_STDERR, TRACEBACK FRAME("6, in <module>") FRAME("3, in parse") "AssertionError\n",
	        "0* stderr.AssertionError_in_parse\n");
	must_find(SOURCE_TEST,
	        TRACEBACK FRAME("60, in <module>") FRAME("30, in parse") FRAME("31, in <listcomp>") "AssertionError\n" TRACEBACK
	                FRAME("6, in <module>") FRAME("9, in Store.load") "AssertionError\n",
	        "0* stderr.AssertionError_in_parse\n1* stderr.AssertionError_in_Store.load\n");
	must_find(SOURCE_TEST, TRACEBACK FRAME("6, in <module>") "AssertionError\n", "0* stderr.AssertionError_in_a.py\n");
	must_be_called(SOURCE_TEST,
	        TRACEBACK FRAME("1, in a") FRAME("2, in b") FRAME("3, in c") FRAME("4, in d") FRAME("5, in e") "AssertionError\n",
	        "stderr.AssertionError_in_e", "stderr.AssertionError");
}
END_TEST

START_TEST(an_exception_that_says_something_has_no_function)
{
	must_find(SOURCE_TEST, TRACEBACK FRAME("3, in parse") "AssertionError: one\n", "0* stderr.AssertionError:one\n");
	/* These come from outside, wherever it is. */
	must_find(SOURCE_TEST, TRACEBACK FRAME("3, in parse") "KeyboardInterrupt\n", "0* stderr.KeyboardInterrupt\n");
	must_find(SOURCE_TEST, TRACEBACK FRAME("3, in parse") "MemoryError\n", "0* stderr.MemoryError\n");
	must_find(SOURCE_TEST, TRACEBACK "AssertionError\n", "0* stderr.AssertionError\n");
}
END_TEST

/* --- Frames of lkp, XML --- */

START_TEST(from_the_first_mark_on_only_frames_of_standard_error_count)
{
	must_find(SOURCE_BUILD,
	        "z.c:1:1: error: before\n## ____01:stdout\na.c:1:1: error: not counted\n## ____01:endout\nb.c:1:1: error: nor this\n"
	        "## ____02:stderr\nc.c:1:1: error: in\n## ____02:enderr\n",
	        "0* build-pkg.z.c:error:before\n1* build-pkg.c.c:error:in\n");
	must_find(SOURCE_BUILD, "a.c:1:1: error: no frame came\n## ____ words\nb.c:1:1: error: nor here\n",
	        "0* build-pkg.a.c:error:no-frame-came\n1* build-pkg.b.c:error:nor-here\n");
}
END_TEST

START_TEST(comments_and_cdata_of_xml_are_no_markup)
{
	static const char failed[] = "<testcase name=\"%s\"><failure/></testcase>";
	struct str text = STR_INIT;

	must_find(SOURCE_TEST,
	        "<?xml version=\"1.0\"?>\n<!-- <testsuite name=\"s\"><testcase name=\"a\"><failure/></testcase> -->\n"
	        "<testsuite><!--\n<testcase name=\"b\"><failure/>\n<![CDATA[ -->\n"
	        "<testcase name=\"c\"><system-out><![CDATA[<testcase name=\"d\"><failure/></testcase> <!-- ]]></system-out>"
	        "<failure><![CDATA[\n<testcase name=\"e\"><failure/>\n]]></failure></testcase>"
	        "<testcase name=\"f\"><failure/></testcase></testsuite>\nerror: behind it\n",
	        "0* demo.c.fail\n1* demo.f.fail\n2* stderr.error:behind_it\n");
	/* No comment: what a reporter that does not know XML puts into a value. */
	must_find(SOURCE_TEST,
	        "<testsuite><testcase name=\"a\"><failure message=\"not <!-- x\"/></testcase>\n"
	        "<testcase name=\"b\"><failure/></testcase></testsuite>\n",
	        "0* demo.a.fail\n1* demo.b.fail\n");
	/* Longer than what is kept of a line. */
	for (unsigned cut = 0; cut < 4; cut++) {
		str_setf(&text, "<testsuite><system-out><![CDATA[");
		for (unsigned i = 22; i < ERRORID_LINE_MAX + cut; i++)
			str_add_char(&text, 'x');
		str_add(&text, "]]></system-out>");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		str_addf(&text, failed, "a");
#pragma GCC diagnostic pop
		must_find(SOURCE_TEST, text.buf, "0* demo.a.fail\n");
	}
	str_release(&text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("errorid_findings");
	TCase *tcase = tcase_create("errorid_findings");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, what_is_random_below_tmp_is_in_no_id);
	tcase_add_test(tcase, what_is_fixed_below_tmp_stays);
	tcase_add_test(tcase, an_object_of_clang_has_one_name);
	tcase_add_test(tcase, the_file_is_in_the_id_of_an_error_of_rustc);
	tcase_add_test(tcase, only_the_next_line_tells_where_an_error_of_rustc_is);
	tcase_add_test(tcase, what_make_could_not_start_is_what_failed);
	tcase_add_test(tcase, a_report_of_valgrind_is_one_error);
	tcase_add_test(tcase, a_race_in_go_is_one_error_and_says_where);
	tcase_add_test(tcase, a_panic_of_rust_with_its_stack_is_one_error);
	tcase_add_test(tcase, an_exception_in_a_thread_of_python_is_one_error);
	tcase_add_test(tcase, what_rustc_says_is_a_build_log);
	tcase_add_test(tcase, what_a_case_of_cargo_printed_is_of_its_finding);
	tcase_add_test(tcase, what_pytest_captured_is_of_the_case_that_comes_later);
	tcase_add_test(tcase, an_exception_and_the_one_that_wraps_it_are_one_finding);
	tcase_add_test(tcase, what_a_point_of_tap_says_in_its_block_is_of_its_failure);
	tcase_add_test(tcase, an_exception_that_says_nothing_has_the_function_in_its_id);
	tcase_add_test(tcase, an_exception_that_says_something_has_no_function);
	tcase_add_test(tcase, from_the_first_mark_on_only_frames_of_standard_error_count);
	tcase_add_test(tcase, comments_and_cdata_of_xml_are_no_markup);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
