/* Suites, and what a job comes to: scripts, environment, the commit that varies, identity. */
#include <check.h>

#include "base/search_path.h"
#include "job/job.h"
#include "job/job_commit.h"
#include "job/job_lower.h"

#define WHERE "upstream_url: https://example.org/a.git\nupstream_commit: v1\n"
#define TWO "upstream_url: u\nupstream_commit: v1\nss: {linux: {commit: v6, _url: https://example.org/l}}\nltp: {test: a}\n"

struct memory_file {
	const char *name, *text;
};

static const struct memory_file suite_files[] = {
	{ "ltp/suite.yaml", "summary: tests\nneeds: root\ncategory: benchmark\ntimeout: 2h\nlogs: [ltp, dmesg]\n"
			    "build: {run: make ltp, keep: [out/]}\nparameters:\n"
			    "  test: {help: h, required: yes}\n  nr: {type: number, default: 3, help: h}\n"
			    "  word: {type: word, allowed: [one, two], help: h}\n  quick: {type: flag, help: h}\n"
			    "  patience: {type: time, help: h}\n  list: {type: list, help: h}\n  case: {stage: test, help: h}\n  config: {help: h}\n" },
	{ "ltp/run", "run \"$test\"\n" },
	{ "io/suite.yaml", "summary: s\n" },
	{ "io/run", "io\n" },
	{ "lkp/suite.yaml", "summary: s\nparameters:\n  lkp_src: {required: yes, help: h}\n  lkp_job: {type: script, required: yes, help: h}\n" },
	{ "lkp/run", "lkp\n" },
	{ "broken/suite.yaml", "summary: s\nparameterz: {}\n" },
	{ "broken/run", "x\n" },
	{ 0 },
};

static int read_memory(void *arg, const char *path, struct str *ret_text, struct str *ret_name, struct error *err)
{
	for (const struct memory_file *file = suite_files; file->name; file++)
		if (strcmp(file->name, path) == 0) {
			str_add(ret_text, file->text);
			str_add(ret_name, path);
			return 0;
		}
	return error_set(err, ERR_NOT_FOUND, "it is nowhere");
}

static const struct job_files memory = { read_memory, NULL };

static int try_read(struct job **ret, const char *text, struct strv *explained, struct error *err)
{
	struct suites *suites = suites_new(&memory);
	struct job_set set = { 0 };
	int rc = job_set_read(&set, "job.yaml", text, strlen(text), NULL, suites, err);

	if (rc == 0) {
		ck_assert_uint_eq(set.n, 1);
		rc = job_from_document(ret, set.v[0].doc, suites, err);
		if (rc == 0 && explained)
			job_explain(explained, set.v[0].doc, suites);
	}
	job_set_release(&set);
	suites_free(suites);
	return rc;
}

static struct job *must_read(const char *text)
{
	struct error err = ERROR_INIT;
	struct job *job = NULL;

	ck_assert_msg(try_read(&job, text, NULL, &err) == 0, "%s", err.text);
	return job;
}

static void refuses(const char *text, const char *message)
{
	struct error err = ERROR_INIT;
	struct job *job = NULL;

	ck_assert_msg(try_read(&job, text, NULL, &err) < 0, "was read: %.200s", text);
	ck_assert_ptr_null(job);
	ck_assert_msg(str_has_prefix(err.text, message), "\"%s\" does not begin with \"%s\"", err.text, message);
}

static bool has_variable(const struct job *job, const char *variable)
{
	return strv_has(&job->env, variable);
}

static void identity_of(const char *text, char hex[HASH_HEX_LEN + 1])
{
	struct job *job = must_read(text);

	job_identity(job, hex);
	job_free(job);
}

static void same_identity(bool same, const char *a, const char *b)
{
	char x[HASH_HEX_LEN + 1], y[HASH_HEX_LEN + 1];

	identity_of(a, x);
	identity_of(b, y);
	ck_assert_msg((strcmp(x, y) == 0) == same, "%s\n%s", a, b);
}

START_TEST(a_program_gives_scripts_and_its_parameters_the_environment)
{
	struct job *job = must_read(WHERE "ltp: {test: \"a' $(id) `b`\", quick: yes, list: [x y, z]}\nenv: {A: b}\n");

	ck_assert_str_eq(job->suite, "ltp");
	ck_assert_str_eq(job->category, "benchmark");
	ck_assert_str_eq(job->test_run, "run \"$test\"\n");
	ck_assert_str_eq(job->build_run, "make ltp");
	ck_assert_str_eq(job->build_keep.v[0], "out/");
	ck_assert_int_eq(job->timeout_s, 7200);
	ck_assert_uint_eq(job->test_logs.n, 2);
	ck_assert_str_eq(job->test_logs.v[1], "dmesg");
	ck_assert(has_variable(job, "test=a' $(id) `b`"));
	ck_assert(has_variable(job, "nr=3"));
	ck_assert(has_variable(job, "quick=1"));
	ck_assert(has_variable(job, "list=x y\nz"));
	ck_assert(has_variable(job, "A=b"));
	ck_assert_uint_eq(job->env.n, 5);
	job_free(job);
}
END_TEST

START_TEST(jobs_that_differ_in_the_test_alone_share_their_build)
{
	struct job *a = must_read(WHERE "ltp: {test: a, case: x}\n"), *b = must_read(WHERE "ltp: {test: a, case: y}\n");
	char x[HASH_HEX_LEN + 1], y[HASH_HEX_LEN + 1];

	ck_assert_str_eq(a->test_env.v[0], "case=x");
	job_build_key(a, "t", x);
	job_build_key(b, "t", y);
	ck_assert_str_eq(x, y);
	job_test_key(a, "t", x);
	job_test_key(b, "t", y);
	ck_assert_str_ne(x, y);
	job_identity(a, x);
	job_identity(b, y);
	ck_assert_str_ne(x, y);
	job_free(a);
	job_free(b);
	refuses(WHERE "ltp: {test: a, case: x}\nenv: {case: y}\n", "job.yaml:4:7: found \"case\" in \"env\", which is a parameter");
}
END_TEST

START_TEST(what_the_job_says_wins_over_its_suite)
{
	struct job *job = must_read(WHERE "suite: mine\nltp: a\ntimeout: 5m\ncategory: functional\nbuild: {run: make mine}\n");

	ck_assert_str_eq(job->suite, "mine");
	ck_assert_str_eq(job->category, "functional");
	ck_assert_str_eq(job->build_run, "make mine");
	ck_assert_uint_eq(job->build_keep.n, 0);
	ck_assert_int_eq(job->timeout_s, 300);
	ck_assert(has_variable(job, "test=a"));
	job_free(job);
	job = must_read(WHERE "suite: io\n");
	ck_assert_str_eq(job->test_run, "io\n");
	job_free(job);
	/* A suite's name is only a name where the test is written. */
	job = must_read(WHERE "suite: io\ntest: {run: ./t}\n");
	ck_assert_str_eq(job->test_run, "./t");
	job_free(job);
}
END_TEST

START_TEST(a_wrong_parameter_is_told_with_what_is_allowed)
{
	refuses(WHERE "ltp: {tst: a}\n", "job.yaml:3:7: found the parameter \"tst\" of ltp; did you mean \"test\"? Allowed: test, nr");
	refuses(WHERE "ltp:\n", "job.yaml:1:1: found no \"ltp.test\", which is required: h");
	refuses(WHERE "ltp: {test: a, nr: x}\n", "job.yaml:3:20: found \"x\" as \"ltp.nr\", allowed: a whole number");
	refuses(WHERE "ltp: {test: a, word: three}\n", "job.yaml:3:22: found \"three\" as \"ltp.word\", allowed: one, two");
	refuses(WHERE "ltp: {test: a, quick: maybe}\n", "job.yaml:3:23: found \"maybe\" as \"ltp.quick\", allowed: yes or no");
	refuses(WHERE "ltp: {test: a, patience: long}\n", "job.yaml:3:26: found \"long\" as \"ltp.patience\", allowed: a time");
	refuses(WHERE "ltp: {test: {a: b}}\n", "job.yaml:3:13: found a mapping as \"ltp.test\", allowed: one text");
	refuses(WHERE "ltp: {test: a}\nenv: {test: b}\n", "job.yaml:4:7: found \"test\" in \"env\", which is a parameter of the job, too");
	refuses(WHERE "io: {a: b}\n", "job.yaml:3:6: found the parameter \"a\" of io. Allowed: none");
	refuses(WHERE "io: a\n", "job.yaml:3:5: found text after \"io\", which has no parameters");
}
END_TEST

START_TEST(a_job_has_one_program)
{
	refuses(WHERE "ltp: {test: a}\nio:\n", "job.yaml:4:1: found 2 programs: ltp, io; allowed: one a job");
	refuses(WHERE "ltp: {test: a}\ntest: {run: b}\n", "job.yaml:3:6: found a program beside \"test\" (line 4)");
	refuses(WHERE "suite: a\nlpt: {test: a}\n", "job.yaml:4:1: found the key \"lpt\"; did you mean \"ltp\"?");
	refuses(WHERE "broken:\n", "broken/suite.yaml:2:1: found the key \"parameterz\" in a suite, allowed: summary");
	refuses(WHERE "suite: nothing\n", "job.yaml:1:1: found no \"test\", which is required");
}
END_TEST

START_TEST(the_commit_that_varies_is_one)
{
	struct job *job = must_read("upstream_url: u\ncommit: abc\nio:\n");

	ck_assert_str_eq(job->upstream_commit, "abc");
	job_free(job);
	job = must_read("ss.linux: {commit: v6, _url: https://example.org/l, config: x}\nio:\n");
	ck_assert_str_eq(job->upstream_commit, "v6");
	ck_assert_str_eq(job->upstream_url, "https://example.org/l");
	ck_assert_str_eq(job->upstream_repo, "linux");
	ck_assert_uint_eq(job->env.n, 1);
	ck_assert(has_variable(job, "ss_linux_config=x"));
	job_free(job);
	refuses(TWO, "job.yaml:1:1: found 2 commits: upstream_commit, ss.linux.commit; say which one a bisection varies, as "
		     "\"bisect_commit: ss.linux.commit\"");
	refuses(TWO "bisect_commit: commit\n", "job.yaml:5:16: found commit as \"bisect_commit\", allowed: a commit of the job: "
					       "upstream_commit, ss.linux.commit");
	job = must_read(TWO "bisect_commit: ss.linux.commit\n");
	ck_assert_str_eq(job->upstream_commit, "v6");
	ck_assert(has_variable(job, "upstream_commit=v1"));
	job_free(job);
	job = must_read(TWO "bisect_commit: upstream_commit\n");
	ck_assert_str_eq(job->upstream_url, "u");
	ck_assert(has_variable(job, "ss_linux_commit=v6"));
	job_free(job);
	refuses("ss: {linux: {commit: v6}}\nio:\n", "job.yaml:1:13: found no \"ss.linux._url\", which is required where");
}
END_TEST

START_TEST(identity_is_of_what_runs_and_not_of_who_asks)
{
	static const char one[] = WHERE "os: debian\nltp: {test: a}\n";

	same_identity(true, one, WHERE "ltp.test: a\nos: debian\nid: 5\nmy_email: x@y\nmonitors: {a: b}\nsubmit_time: 1\nlab: z\n"
				       "queue: q\nresult_root: /r\nruntime: 10\n");
	same_identity(true, one, "upstream_url: https://example.org/a.git\nupstream_commit: v2\nos: debian\npp: {ltp: {test: a, nr: 3}}\n");
	same_identity(false, one, WHERE "os: debian\nltp: {test: b}\n");
	same_identity(false, one, WHERE "os: debian\nltp: {test: a}\nconfig: c\n");
	same_identity(false, one, WHERE "os: centos\nltp: {test: a}\n");
	same_identity(false, one, WHERE "os: debian\nltp: {test: a}\ntestbox: vm-2p4g\n");
	same_identity(false, one, WHERE "os: debian\nltp: {test: a}\nss: {gcc: {pkg_ver: 12}}\n");
	same_identity(true, WHERE "io:\ntestbox: vm-2p4g.h-1\n", WHERE "io:\ntestbox: vm-2p4g--a\n");
	same_identity(true, WHERE "io:\nss: {gcc: {pkg_ver: 12, _url: a}}\n", WHERE "io:\nss: {gcc: {pkg_ver: 12, _url: b, _x: c}}\n");
	same_identity(true, "io:\nss: {gcc: {commit: a, _url: b}}\n", "io:\nss: {gcc: {commit: a, _url: c}}\n");
	same_identity(false, "io:\nss: {gcc: {commit: a, _url: b}}\n", "io:\nss: {llvm: {commit: a, _url: b}}\n");
}
END_TEST

START_TEST(setup_and_daemon_are_scripts_around_the_test)
{
	struct job *job = must_read(WHERE "io:\nsetup: mkdir x\ndaemon: {run: serve}\n");
	char *setup = strstr(job->test_run, "mkdir x"), *daemon = strstr(job->test_run, "serve"), *test = strstr(job->test_run, "io\n");

	ck_assert(setup && daemon && test && setup < daemon && daemon < test);
	ck_assert_ptr_nonnull(strstr(job->test_run, "exit 126"));
	job_free(job);
	job = must_read(WHERE "suite: a\ntest: {run: ./t}\nsetup: x\n");
	ck_assert(str_has_suffix(job->test_run, "./t"));
	ck_assert_ptr_nonnull(strstr(job->test_run, "\nx\n"));
	job_free(job);
	refuses(WHERE "io:\nsetup: {cpufreq_governor: performance}\n", "job.yaml:4:8: found programs in \"setup\", allowed: a script, or");
}
END_TEST

START_TEST(lkp_gets_its_programs_and_nothing_that_varies)
{
	struct job *job = must_read(WHERE "suite: hackbench\nlkp_src: /lkp\nhackbench: {mode: threads}\niozone:\nmonitors: {a: b}\nruntime: 10s\n"
					  "setup: {cpufreq_governor: performance}\nid: 7\n");

	ck_assert_str_eq(job->suite, "hackbench");
	ck_assert_str_eq(job->test_run, "lkp\n");
	ck_assert(has_variable(job, "lkp_src=/lkp"));
	ck_assert(has_variable(job, "lkp_job=hackbench:\n  mode: threads\niozone:\nruntime: 10s\n"
		"setup:\n  cpufreq_governor: performance\nsuite: hackbench\ntestcase: hackbench\n"));
	job_free(job);
	job = must_read(WHERE "lkp_src: /lkp\na: {b: c}\nruntime: 12h\n");
	ck_assert_int_eq(job->timeout_s, 48600);
	job_free(job);
	same_identity(false, WHERE "lkp_src: /lkp\na: {b: c}\nruntime: 10s\n",
		"upstream_url: https://example.org/a.git\nupstream_commit: v2\nlkp_src: /lkp\na.b: c\nruntime: 300s\n");
	same_identity(true, WHERE "lkp_src: /lkp\na: {b: c}\nid: 1\n", "upstream_url: https://example.org/a.git\nupstream_commit: v2\nlkp_src: /lkp\na.b: c\nid: 2\n");
}
END_TEST

START_TEST(beside_lkp_a_test_may_be_a_parameter_and_a_slip_is_told)
{
	struct job *job = must_read(WHERE "lkp_src: /lkp\nsuite: a\nlib-micro:\ntest: select\n");

	ck_assert(has_variable(job, "lkp_job=lib-micro:\nsuite: a\ntest: select\ntestcase: a\n"));
	ck_assert_str_eq(job->test_run, "lkp\n");
	job_free(job);
	refuses(WHERE "lkp_src: /lkp\na:\ntest: {run: x}\n", "job.yaml:4:3: found a program beside \"test\" (line 5)");
	refuses(WHERE "lkp_src: /lkp\na:\ntsetbox: dc-2g\n", "job.yaml:5:1: found the key \"tsetbox\", which is no program or parameter "
							   "of lkp-tests; did you mean \"testbox\"?");
	job = must_read(WHERE "lkp_src: /lkp\nkbuild:\nfs: ext4\nkconfigs: x\n");
	job_free(job);
}
END_TEST

START_TEST(what_has_no_effect_is_told)
{
	struct error err = ERROR_INIT;
	struct strv lines = STRV_INIT;
	struct job *job;

	ck_assert_msg(try_read(&job, WHERE "ltp: a\nmonitors: {a: b}\nmail_to: x\nss: {gcc: {commit: b}}\nbisect_commit: upstream_commit\n",
			      &lines, &err) == 0, "%s", err.text);
	ck_assert_uint_eq(lines.n, 5);
	ck_assert_str_eq(lines.v[0], "bisected: upstream_commit");
	ck_assert_str_eq(lines.v[1], "suite ltp: tests");
	ck_assert_str_eq(lines.v[2], "needs: root");
	ck_assert_str_eq(lines.v[3], "not built here, only variables of the scripts: ss of gcc");
	ck_assert_str_eq(lines.v[4], "no effect here: mail_to, monitors");
	job_free(job);
	strv_release(&lines);
}
END_TEST

static int read_suite_text(const char *yaml, const char *run, struct error *err)
{
	struct suite *suite = NULL;
	int rc = suite_read(&suite, "s", &(struct job_text){ "suite.yaml", yaml, strlen(yaml) },
		&(struct job_text){ "run", run, strlen(run) }, err);

	suite_free(suite);
	return rc;
}

START_TEST(a_wrong_suite_is_told_with_its_place)
{
	static const struct {
		const char *yaml, *run, *message;
	} wrong[] = {
		{ "", "x", "suite.yaml: found no mapping in a suite" },
		{ "needs: x\n", "x", "suite.yaml:1:1: found no \"summary\", which is required" },
		{ "summary: s\nlogs: [tap, tip]\n", "x", "suite.yaml:2:13: found \"tip\" as \"logs\", allowed: build-pkg, dmesg" },
		{ "summary: s\nparameters: {a: {type: int, help: h}}\n", "x", "suite.yaml:2:24: found \"int\" as \"type\", allowed: text" },
		{ "summary: s\nparameters: {a: {}}\n", "x", "suite.yaml:2:14: found no \"help\" of the parameter \"a\"" },
		{ "summary: s\nparameters: {a-b: {help: h}}\n", "x", "suite.yaml:2:14: found the parameter \"a-b\"" },
		{ "summary: s\nparameters: {a: {help: h, type: number, default: x}}\n", "x", "suite.yaml: found \"x\" as \"s.a\"" },
		{ "summary: [s]\n", "x", "suite.yaml:1:10: found something else as \"summary\", allowed: one line" },
		{ "summary: s\n", "", "run: found no text, allowed: a script" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct error err = ERROR_INIT;

		ck_assert_int_lt(read_suite_text(wrong[i].yaml, wrong[i].run, &err), 0);
		ck_assert_msg(str_has_prefix(err.text, wrong[i].message), "\"%s\" does not begin with \"%s\"", err.text, wrong[i].message);
	}
}
END_TEST

START_TEST(the_suites_that_are_shipped_are_read)
{
	static const char *const names[] = { "boot", "build-kernel", "cmd", "kselftest", "kunit", "lkp", "ltp", "make-check" };
	struct search_path path = { .limit = SUITE_FILE_MAX };
	struct job_files files = { search_path_read, &path };
	struct suites *suites = suites_new(&files);

	strv_push(&path.dirs, SUITES_DIR);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct suite *suite = NULL;
		struct error err = ERROR_INIT;

		ck_assert_msg(suites_find(&suite, suites, names[i], &err) == 0, "%s: %s", names[i], err.text);
		ck_assert_uint_gt(suite->logs.n, 0);
	}
	suites_free(suites);
	search_path_release(&path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job suites");
	TCase *tc = tcase_create("suites");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_program_gives_scripts_and_its_parameters_the_environment);
	tcase_add_test(tc, jobs_that_differ_in_the_test_alone_share_their_build);
	tcase_add_test(tc, what_the_job_says_wins_over_its_suite);
	tcase_add_test(tc, a_wrong_parameter_is_told_with_what_is_allowed);
	tcase_add_test(tc, a_job_has_one_program);
	tcase_add_test(tc, the_commit_that_varies_is_one);
	tcase_add_test(tc, identity_is_of_what_runs_and_not_of_who_asks);
	tcase_add_test(tc, setup_and_daemon_are_scripts_around_the_test);
	tcase_add_test(tc, lkp_gets_its_programs_and_nothing_that_varies);
	tcase_add_test(tc, beside_lkp_a_test_may_be_a_parameter_and_a_slip_is_told);
	tcase_add_test(tc, what_has_no_effect_is_told);
	tcase_add_test(tc, a_wrong_suite_is_told_with_its_place);
	tcase_add_test(tc, the_suites_that_are_shipped_are_read);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
