#include "job/error_files.h"

#include <check.h>
#include <stdlib.h>

#include "base/file.h"

static struct strv names;

static void tear_down(void)
{
	strv_release(&names);
}

static const char *found(const char *text)
{
	static struct str joined = STR_INIT;

	strv_release(&names);
	error_files_find(&names, text, strlen(text));
	str_clear(&joined);
	for (size_t i = 0; i < names.n; i++)
		str_addf(&joined, "%s%s", i ? " " : "", names.v[i]);
	return joined.buf;
}

START_TEST(lines_of_compilers_and_linkers_name_their_file)
{
	ck_assert_str_eq(found("dir/file.c:12:5: error: no such thing"), "dir/file.c");
	ck_assert_str_eq(found("point.c: In function 'main':\npoint.c:7:28: error: x"), "point.c");
	ck_assert_str_eq(found("In file included from src/a.h:3,\n                 from src/b.c:1:"), "src/a.h src/b.c");
	ck_assert_str_eq(found("/usr/bin/ld: a.o: in function `main':\na.c:(.text+0x6): undefined reference to `f'"), "a.c");
	ck_assert_str_eq(found(" --> src/lib.rs:1:46"), "src/lib.rs");
	ck_assert_str_eq(found("make: *** [Makefile:4: app] Error 1"), "Makefile");
	ck_assert_str_eq(found("report.c(12): error C2065"), "report.c");
	ck_assert_str_eq(found("\x1b[01m\x1b[Ksrc/a.c:8:17:\x1b[m\x1b[K \x1b[01;31m\x1b[Kerror: "), "src/a.c");
}
END_TEST

START_TEST(stack_frames_name_their_files_in_order_and_once)
{
	ck_assert_str_eq(found("    #1 0x56368d897298 in grow /srv/demo/h.c:5\n    #2 0x56 in main /srv/demo/main.c:10\n"
		"    #3 0x56 in grow /srv/demo/h.c:9"), "/srv/demo/h.c /srv/demo/main.c");
	ck_assert_str_eq(found("==1==    by 0x1091BE: grow (h.c:5)"), "h.c");
	ck_assert_str_eq(found("  File \"/srv/demo/c.py\", line 6, in outer"), "/srv/demo/c.py");
	ck_assert_str_eq(found("    at load (/srv/demo/node.js:1:34)\n    at node:internal/main/run:28:49"),
		"/srv/demo/node.js internal/main/run");
	ck_assert_str_eq(found("died at t/basic.t line 12."), "t/basic.t");
	ck_assert_str_eq(found("./run.sh: line 3: foo: command not found"), "run.sh");
	ck_assert_str_eq(found("\tat org.example.Bar.run(Bar.java:12)"), "Bar.java");
	ck_assert_str_eq(found("h: ../../src/h.c:12: main: Assertion `p' failed."), "src/h.c");
}
END_TEST

START_TEST(the_kernel_names_its_files)
{
	ck_assert_str_eq(found("[   11.000002] WARNING: CPU: 3 PID: 77 at fs/demo/inode.c:412 demo_evict+0x88/0x90"),
		"fs/demo/inode.c");
	ck_assert_str_eq(found("<4>[ 12.0] WARNING: fs/demo/inode.c:415 at demo_evict+0x8c/0x94, CPU#2: umount/91"),
		"fs/demo/inode.c");
	ck_assert_str_eq(found("kernel BUG at mm/slub.c:123!"), "mm/slub.c");
	ck_assert_str_eq(found("UBSAN: array-index-out-of-bounds in drivers/demo/table.c:88:14"), "drivers/demo/table.c");
	ck_assert_str_eq(found("BUG: sleeping function called from invalid context at kernel/locking/mutex.c:580"),
		"kernel/locking/mutex.c");
	ck_assert_str_eq(found("net/demo/core.c:77 suspicious rcu_dereference_check() usage!"), "net/demo/core.c");
}
END_TEST

START_TEST(what_only_looks_like_a_position_is_none)
{
	ck_assert_str_eq(found("cpu:3 pid:77 12:30:15 at 10.0.0.1:8080"), "");
	ck_assert_str_eq(found("a.c: In function main"), "");
	ck_assert_str_eq(found("a.c:"), "");
	ck_assert_str_eq(found(""), "");
	ck_assert_str_eq(found("Oops: 0002 [#1] demo_open+0x1c/0x60 [demo_net] demo_open(3)"), "");
	ck_assert_str_eq(found("a.c\n:12"), "");
	ck_assert_str_eq(found("../:12 ./../:3 /:1"), "");
}
END_TEST

START_TEST(names_may_be_of_any_script_and_are_freed_of_quotes)
{
	ck_assert_str_eq(found("src/gr\xc3\xb6\xc3\x9f" "e.c:3: error"), "src/gr\xc3\xb6\xc3\x9f" "e.c");
	ck_assert_str_eq(found("in \xe2\x80\x98" "a.c:3\xe2\x80\x99"), "a.c");
	ck_assert_str_eq(found("\xff\xfe" "b.c:3"), "b.c");
}
END_TEST

START_TEST(foreign_text_meets_limits)
{
	struct str text = STR_INIT;

	for (unsigned i = 0; i < 2 * ERROR_FILES_MAX; i++)
		str_addf(&text, "f%u.c:1: error\n", i);
	found(text.buf);
	ck_assert_uint_eq(names.n, ERROR_FILES_MAX);
	ck_assert_str_eq(names.v[ERROR_FILES_MAX - 1], "f63.c");
	str_clear(&text);
	for (unsigned i = 0; i < 2 * ERROR_FILES_NAME_MAX; i++)
		str_add_char(&text, 'a');
	str_add(&text, ".c:3: error\nb.c:3: error\n");
	ck_assert_str_eq(found(text.buf), "b.c");
	str_release(&text);
}
END_TEST

/* The logs that the error ids are tested with. */
START_TEST(the_logs_of_real_programs_name_their_sources)
{
	static const char *const logs[][2] = {
		{ "build-gcc-colour", "point.c" },
		{ "build-rustc", "m.rs" },
		{ "dmesg-warnings", "fs/demo/inode.c net/demo/core.c" },
		{ "stderr-python-traceback", "/srv/demo/c.py" },
		{ "test-valgrind", "h.c" },
		{ "test-assert", "h.c" },
	};
	const char *dir = getenv("srcdir");

	for (size_t i = 0; i < sizeof(logs) / sizeof(*logs); i++) {
		struct str path = STR_INIT, text = STR_INIT;
		struct error err = ERROR_INIT;

		str_addf(&path, "%s/tests/errors/%s.log", dir ? dir : ".", logs[i][0]);
		ck_assert_msg(file_read(&text, path.buf, 1 << 20, &err) == 0, "%s", err.text);
		ck_assert_str_eq(found(text.buf), logs[i][1]);
		str_release(&path);
		str_release(&text);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("error files");
	TCase *tests = tcase_create("error files");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, NULL, tear_down);
	tcase_add_test(tests, lines_of_compilers_and_linkers_name_their_file);
	tcase_add_test(tests, stack_frames_name_their_files_in_order_and_once);
	tcase_add_test(tests, the_kernel_names_its_files);
	tcase_add_test(tests, what_only_looks_like_a_position_is_none);
	tcase_add_test(tests, names_may_be_of_any_script_and_are_freed_of_quotes);
	tcase_add_test(tests, foreign_text_meets_limits);
	tcase_add_test(tests, the_logs_of_real_programs_name_their_sources);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
