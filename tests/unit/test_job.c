#include <check.h>

#include "base/mem.h"
#include "job/job.h"
#include "job/job_check.h"

#define REST "upstream_url: https://example.org/a.git\nupstream_commit: v1\ntest: {run: ./t}\n"
#define WHOLE "suite: demo\n" REST

static struct job *must_read(const char *text)
{
	struct error err = ERROR_INIT;
	struct job *job = NULL;

	ck_assert_msg(job_read(&job, "job.yaml", text, strlen(text), &err) == 0, "%s", err.text);
	return job;
}

static void must_refuse_as(const char *text, const char *message)
{
	struct error err = ERROR_INIT;
	struct job *job = NULL;

	ck_assert_msg(
	        job_read(&job, "job.yaml", text, strlen(text), &err) < 0, "was read: %.200s", text);
	ck_assert_ptr_null(job);
	ck_assert_str_eq(err.text, message);
}

static void must_refuse(const char *text, const char *part)
{
	struct error err = ERROR_INIT;
	struct job *job = NULL;

	ck_assert_msg(
	        job_read(&job, "job.yaml", text, strlen(text), &err) < 0, "was read: %.200s", text);
	ck_assert_ptr_null(job);
	ck_assert_msg(strstr(err.text, part), "\"%s\" says nothing of \"%s\"", err.text, part);
	ck_assert_msg(str_has_prefix(err.text, "job.yaml:"), "no place in \"%s\"", err.text);
}

static void must_be_same(const struct job *a, const struct job *b)
{
	struct str x = STR_INIT, y = STR_INIT;

	job_print(&x, a);
	job_print(&y, b);
	ck_assert_str_eq(x.buf, y.buf);
	ck_assert_int_eq(a->box_cpus, b->box_cpus);
	ck_assert_uint_eq(a->box_memory, b->box_memory);
	str_release(&x);
	str_release(&y);
}

/* Prints, reads what was printed, and prints again. */
static void must_survive_printing(const char *text)
{
	struct job *job = must_read(text), *again;
	struct str printed = STR_INIT;
	char a[HASH_HEX_LEN + 1], b[HASH_HEX_LEN + 1];

	job_print(&printed, job);
	again = must_read(printed.buf);
	must_be_same(job, again);
	job_identity(job, a);
	job_identity(again, b);
	ck_assert_str_eq(a, b);
	ck_assert_str_eq(job->test_run, again->test_run);
	job_free(job);
	job_free(again);
	str_release(&printed);
}

START_TEST(every_key_is_read)
{
	struct job *job = must_read("suite: example\n"
	                            "category: benchmark\n"
	                            "testbox: vm-2p8g\n"
	                            "os: debian\n"
	                            "os_version: 12\n"
	                            "os_arch: aarch64\n"
	                            "upstream_repo: e/example/example\n"
	                            "upstream_url: https://example.org/example.git\n"
	                            "upstream_commit: v1.2\n"
	                            "build:\n"
	                            "  run: |\n"
	                            "    make -j$(nproc)\n"
	                            "    make check-built\n"
	                            "  keep: [app, tests/, 'lib/*.so']\n"
	                            "test:\n"
	                            "  run: ./tests/run.sh\n"
	                            "env: {ZED: 1, LANG: C, LANG_2: \"a=b\"}\n"
	                            "timeout: 30m\n"
	                            "runtime: 5m\n"
	                            "error: {match: 'panic: \\d+'}\n");

	ck_assert_str_eq(job->suite, "example");
	ck_assert_str_eq(job->category, "benchmark");
	ck_assert_str_eq(job->testbox, "vm-2p8g");
	ck_assert_uint_eq(job->box_cpus, 2);
	ck_assert_uint_eq(job->box_memory, (uint64_t)8 << 30);
	ck_assert_str_eq(job->os_version, "12");
	ck_assert_str_eq(job->os_arch, "aarch64");
	ck_assert_str_eq(job->upstream_repo, "e/example/example");
	ck_assert_str_eq(job->build_run, "make -j$(nproc)\nmake check-built\n");
	ck_assert_uint_eq(job->build_keep.n, 3);
	ck_assert_str_eq(job->build_keep.v[1], "tests/");
	ck_assert_uint_eq(job->env.n, 3);
	ck_assert_str_eq(job->env.v[0], "LANG=C");
	ck_assert_str_eq(job->env.v[1], "LANG_2=a=b");
	ck_assert_str_eq(job->env.v[2], "ZED=1");
	ck_assert_int_eq(job->timeout_s, 1800);
	ck_assert_int_eq(job->runtime_s, 300);
	ck_assert_str_eq(job->error_match, "panic: \\d+");
	job_free(job);
}
END_TEST

START_TEST(what_is_left_out_has_its_default)
{
	struct job *job = must_read(WHOLE);

	ck_assert_str_eq(job->category, "functional");
	ck_assert_str_eq(job->testbox, "dc-2g");
	ck_assert_uint_eq(job->box_cpus, 0);
	ck_assert_uint_eq(job->box_memory, (uint64_t)2 << 30);
	ck_assert_ptr_null(job->os);
	ck_assert_ptr_null(job->os_arch);
	ck_assert_str_eq(job->upstream_repo, "https://example.org/a.git");
	ck_assert_ptr_null(job->build_run);
	ck_assert_uint_eq(job->build_keep.n, 0);
	ck_assert_int_eq(job->timeout_s, 3600);
	ck_assert_int_eq(job->runtime_s, 0);
	ck_assert_ptr_null(job->error_match);
	job_free(job);
}
END_TEST

START_TEST(a_version_keeps_its_zero)
{
	struct job *job = must_read(WHOLE "os: ubuntu\nos_version: 22.10\n");

	ck_assert_str_eq(job->os_version, "22.10");
	job_free(job);
}
END_TEST

START_TEST(printing_and_reading_gives_the_same_job)
{
	must_survive_printing(WHOLE);
	must_survive_printing(WHOLE "env: {A: '', B: \"two\\nlines\", C: \"quote \\\" \\\\ \\u2028 "
	                            "\\ufeff end\", D: 'no', Y: '~'}\n");
	must_survive_printing("suite: 'null'\n" REST);
	must_survive_printing("suite: '2'\n" REST);
	must_survive_printing(
	        WHOLE "build: {keep: ['a b', '*', '#x', 'yes', '? c', 'tests/']}\ntimeout: "
	              "90s\nruntime: 1m\n"
	              "category: noise-benchmark\ntestbox: dc-8g\nerror: {match: '^a \"b\" .$'}\n");
	must_survive_printing("suite: a\nupstream_url: /srv/a b.git\nupstream_commit: "
	                      "'v1^{commit}'\ntest:\n  run: |2\n"
	                      "      indented first\n    then not\n\n\n");
	must_survive_printing(
	        "suite: a\nupstream_url: g@h:p\nupstream_commit: 1e5\ntest:\n  run: |\n"
	        "    cat > x <<'E'\n    \ttabbed: 1  \n    E\n\n    # end\n");
	must_survive_printing("suite: a\nupstream_url: ./a\nupstream_commit: 1e5\ntest:\n  run: "
	                      "|-\n    a\n    b\n");
	must_survive_printing("suite: a\nupstream_url: ./a\nupstream_commit: 1e5\ntest:\n  run: "
	                      "|+\n    a\n    b\n\n\n");
}
END_TEST

START_TEST(a_printed_script_stays_readable)
{
	struct job *job = must_read(
	        "suite: a\nupstream_url: ./a\nupstream_commit: v1\ntest:\n  run: \"a\\nb\\n\"\n");
	struct str printed = STR_INIT;

	job_print(&printed, job);
	ck_assert_str_eq(printed.buf, "suite: a\nupstream_url: \"./a\"\nupstream_commit: "
	                              "v1\ntest:\n  run: |\n    a\n    b\n");
	str_release(&printed);
	job_free(job);
}
END_TEST

START_TEST(a_wrong_key_is_told_with_the_nearest_one)
{
	must_refuse_as("suite: demo\ntsetbox: dc-2g\n" REST,
	        "job.yaml:2:1: found the key \"tsetbox\"; did you mean \"testbox\"? Allowed: "
	        "suite, category, testbox, os, "
	        "os_version, os_arch, upstream_repo, upstream_url, upstream_commit, build, test, "
	        "env, timeout, runtime, error, commit, bisect_commit, config, ss, setup, daemon, "
	        "lkp_src, the name of a suite, or with \"lkp_src\" of a program of lkp-tests");
	must_refuse_as("suite: demo\nbuild: {rum: make}\n" REST,
	        "job.yaml:2:9: found the key \"rum\" in build; did you mean \"run\"? Allowed in "
	        "build: run, keep");
	must_refuse("suite: demo\nupstream-commit: a\n" REST, "did you mean \"upstream_commit\"?");
	must_refuse("suite: demo\nmonitor: {a: b}\n" REST, "did you mean \"monitors\"?");
	must_refuse("suite: demo\nbpf: a\n" REST, "found the key \"bpf\"");
	must_refuse("suite: demo\nscript: a\n" REST, "did you mean \"test\"?");
	must_refuse("suite: demo\n[a]: b\n" REST, ":2:1: ");
}
END_TEST

START_TEST(a_missing_key_is_named)
{
	must_refuse_as(REST, "job.yaml:1:1: found no \"suite\", which is required");
	must_refuse_as(
	        "suite:\n" REST, "job.yaml:1:1: found nothing after \"suite\", which is required");
	must_refuse("suite: a\ntest: {}\nupstream_url: a\nupstream_commit: b\n",
	        ":2:7: found no \"test.run\"");
	must_refuse("suite: a\ntest: {run: ' '}\nupstream_url: a\nupstream_commit: b\n",
	        "found only blanks in \"test.run\"");
	must_refuse(WHOLE "error: {}\n", "found no \"error.match\"");
	must_refuse("suite: a\nupstream_repo: l/linux/linux\nupstream_commit: b\ntest: {run: c}\n",
	        ":2:16: found an upstream_repo without upstream_url");
}
END_TEST

START_TEST(what_is_no_job_is_refused)
{
	must_refuse("", "found nothing");
	must_refuse("# only a comment\n", "found nothing");
	must_refuse("- a\n- b\n", ":1:1: found a list, allowed: a mapping with suite, ");
	must_refuse("just text\n", "found text");
	must_refuse(WHOLE "---\n" "os: a\n---\nos: b\n", "job.yaml:1:1: found 2 jobs, one is allowed here");
	must_refuse("suite: [a\n", "");
}
END_TEST

START_TEST(a_wrong_type_is_told)
{
	must_refuse_as(
	        "suite: [a]\n" REST, "job.yaml:1:8: found a list as \"suite\", allowed: text");
	must_refuse("suite: a b\n" REST, "found \"a b\" as \"suite\", allowed: a word");
	must_refuse("suite: a/../b\n" REST, "allowed: a word");
	must_refuse(
	        WHOLE "build: make\n", "found text as build, allowed: a mapping with run, keep");
	must_refuse(WHOLE "build: {keep: app}\n",
	        "found text as \"build.keep\", allowed: a list of paths");
	must_refuse(WHOLE "build: {run: [make, make check]}\n",
	        "found a list as \"build.run\", allowed: one text");
	must_refuse(WHOLE "build: {keep: [[a]]}\n", "found a list as \"build.keep\"");
	must_refuse("suite: a\nupstream_url: https://example.org/a.git\nupstream_commit: v1\ntest: {run: {b: ~}}\n",
	        "found a mapping as \"test.run\", allowed: text");
	must_refuse("suite: a\nupstream_url: https://example.org/a.git\nupstream_commit: v1\ntest: {run: [b]}\n",
	        "found a list as \"test.run\", allowed: one text");
	must_refuse(WHOLE "category: functionl\n",
	        "allowed: functional, benchmark, noise-benchmark; did you mean \"functional\"?");
	must_refuse(WHOLE "os_arch: amd64\n", "did you mean \"x86_64\"?");
	must_refuse(WHOLE "os_arch: arm64\n", "did you mean \"aarch64\"?");
	must_refuse(WHOLE "os_arch: mips\n", "allowed: x86_64, aarch64");
	must_refuse(WHOLE "os: \"a\\x1bb\"\n", "control character");
}
END_TEST

START_TEST(a_wrong_time_is_told)
{
	must_refuse_as(
	        WHOLE "timeout: 1.5h\n", "job.yaml:5:10: found \"1.5h\" as \"timeout\", allowed: a "
	                                 "time from 1s to 30d, as 90s, 30m, 6h, 2d");
	must_refuse(WHOLE "timeout: 0\n", "allowed: a time");
	must_refuse(WHOLE "timeout: -5m\n", "allowed: a time");
	must_refuse(WHOLE "timeout: 31d\n", "allowed: a time");
	must_refuse(WHOLE "timeout: 99999999999999999999d\n", "allowed: a time");
	must_refuse(WHOLE "runtime: soon\n", "allowed: a time");
	must_refuse(WHOLE "runtime: [5m]\n", "found a list as \"runtime\"");
	must_refuse(WHOLE "timeout: 1h\nruntime: 2h\n",
	        "job.yaml:6:10: found a runtime of 7200s, allowed: at most the timeout, which is 3600s");
}
END_TEST

START_TEST(a_long_runtime_makes_a_long_timeout_unless_one_is_given)
{
	static const struct {
		const char *text;
		int64_t timeout_s;
	} jobs[] = {
		{ WHOLE, 3600 },
		{ WHOLE "runtime: 5m\n", 3600 },
		{ WHOLE "runtime: 55m\n", 3712 },
		{ WHOLE "runtime: 2h\n", 8100 },
		{ WHOLE "runtime: 30d\n", 2592000 },
		{ WHOLE "runtime: 55m\ntimeout: 1h\n", 3600 },
	};

	for (size_t i = 0; i < sizeof(jobs) / sizeof(*jobs); i++) {
		struct job *job = must_read(jobs[i].text);
		struct str text = STR_INIT;

		ck_assert_int_eq(job->timeout_s, jobs[i].timeout_s);
		/* And what is printed is the same job. */
		job_print(&text, job);
		job_free(job);
		job = must_read(text.buf);
		ck_assert_int_eq(job->timeout_s, jobs[i].timeout_s);
		job_free(job);
		str_release(&text);
	}
}
END_TEST

START_TEST(env_holds_names_and_texts_only)
{
	must_refuse(WHOLE "env: [A=b]\n", "found a list as \"env\", allowed: a mapping");
	must_refuse(WHOLE "env: {A: [b]}\n",
	        "found a list as the value of \"env.A\", allowed: text or a number");
	must_refuse(WHOLE "env: {A: {b: c}}\n", "found a mapping as the value of \"env.A\"");
	must_refuse(WHOLE "env: {1A: b}\n", "found \"1A\" as a name in \"env\"");
	must_refuse(WHOLE "env: {A-B: b}\n", "found \"A-B\" as a name in \"env\"");
	must_refuse(WHOLE "env: {'A=B': b}\n", "found \"A=B\" as a name in \"env\"");
	must_refuse(WHOLE "env: {A: \"\\x07\"}\n", "control character in \"env.A\"");
}
END_TEST

START_TEST(kept_paths_stay_inside)
{
	must_refuse(
	        WHOLE "build: {keep: [/etc/passwd]}\n", "found \"/etc/passwd\" in \"build.keep\"");
	must_refuse(WHOLE "build: {keep: [a/../../b]}\n", "in \"build.keep\"");
	must_refuse(WHOLE "build: {keep: ['..']}\n", "in \"build.keep\"");
	must_refuse(WHOLE "build: {keep: ['/']}\n", "in \"build.keep\"");
	must_refuse(WHOLE "build: {keep: ['a//']}\n", "in \"build.keep\"");
	must_refuse(WHOLE "build: {keep: [-rf]}\n", "in \"build.keep\"");
	must_refuse(WHOLE "build: {keep: [\"a\\nb\"]}\n", "in \"build.keep\"");
}
END_TEST

START_TEST(an_url_or_commit_is_never_an_option_or_a_program)
{
	static const char *const bad_urls[] = {
		"-uhttps://x",
		"--upload-pack=touch x",
		"ext::sh -c id",
		"fd::17",
		"ssh://-oProxyCommand=id/x",
		"ssh://u@-oX=y/x",
		"gopher://x/y",
		"-host:path",
		"u@-host:path",
		"https://",
		"host:-x",
		"javascript://x",
		"host:",
	};
	static const char *const good_urls[] = {
		"https://example.org/a.git",
		"git@example.org:a/b.git",
		"example.org:a.git",
		"/srv/git/a b.git",
		"./a",
		"../a",
		"a/b:c",
		"file:///srv/a.git",
		"ssh://u@example.org:22/a",
		"git://example.org/a",
		"http://example.org/a",
	};
	static const char *const bad_commits[] = { "-n", "--all", "a..b", "a...b", "a b",
		"HEAD:Makefile", "a?b", "[a]" };
	static const char *const good_commits[] = { "v1.2", "HEAD~3", "v1^{commit}", "origin/main",
		"0123456789abcdef", "@" };

	for (size_t i = 0; i < sizeof(bad_urls) / sizeof(bad_urls[0]); i++)
		ck_assert_msg(check_url(bad_urls[i]) != NULL, "%s", bad_urls[i]);
	for (size_t i = 0; i < sizeof(good_urls) / sizeof(good_urls[0]); i++)
		ck_assert_msg(check_url(good_urls[i]) == NULL, "%s", good_urls[i]);
	for (size_t i = 0; i < sizeof(bad_commits) / sizeof(bad_commits[0]); i++)
		ck_assert_msg(check_revision(bad_commits[i]) != NULL, "%s", bad_commits[i]);
	for (size_t i = 0; i < sizeof(good_commits) / sizeof(good_commits[0]); i++)
		ck_assert_msg(check_revision(good_commits[i]) == NULL, "%s", good_commits[i]);

	must_refuse("suite: a\nupstream_url: -x\nupstream_commit: v1\ntest: {run: t}\n",
	        ":2:15: found \"-x\" as \"upstream_url\"");
	must_refuse("suite: a\nupstream_url: x\nupstream_commit: --all\ntest: {run: t}\n",
	        ":3:18: found \"--all\" as \"upstream_commit\", allowed: a revision that does not "
	        "begin with \"-\"");
	must_refuse("suite: a\nupstream_repo: -x\n" REST, "found \"-x\" as \"upstream_repo\"");
}
END_TEST

START_TEST(merged_keys_give_way_to_written_ones)
{
	struct job *job = must_read(".base: &base\n"
	                            "  testbox: dc-8g\n"
	                            "  timeout: 10m\n"
	                            "  env: {A: base}\n"
	                            "x-more: &more\n"
	                            "  <<: *base\n"
	                            "  timeout: 20m\n"
	                            "  os: debian\n"
	                            ".other: &other {os: centos, os_version: 9}\n"
	                            "suite: a\n"
	                            "<<: [*more, *other]\n"
	                            "os_arch: x86_64\n"
	                            "upstream_url: u\nupstream_commit: c\n"
	                            "test: &t {run: ./t}\n");

	ck_assert_str_eq(job->testbox, "dc-8g");
	ck_assert_int_eq(job->timeout_s, 1200);
	ck_assert_str_eq(job->os, "debian");
	ck_assert_str_eq(job->os_version, "9");
	ck_assert_str_eq(job->env.v[0], "A=base");
	job_free(job);
}
END_TEST

START_TEST(an_inner_mapping_merges_too)
{
	struct job *job =
	        must_read(".e: &e {A: 1, B: 2, C: 3}\n" WHOLE "env: {<<: *e, B: two, C: ~}\n"
	                  ".b: &b {run: make, keep: [app]}\nbuild: {<<: *b, keep: ~}\n");

	ck_assert_uint_eq(job->env.n, 2);
	ck_assert_str_eq(job->env.v[0], "A=1");
	ck_assert_str_eq(job->env.v[1], "B=two");
	ck_assert_str_eq(job->build_run, "make");
	ck_assert_uint_eq(job->build_keep.n, 0);
	job_free(job);
}
END_TEST

START_TEST(a_wrong_key_in_a_merged_mapping_is_told_where_it_stands)
{
	must_refuse(".e: &e\n  timeot: 5m\n<<: *e\n" WHOLE,
	        "job.yaml:2:3: found the key \"timeot\"; did you mean \"timeout\"?");
}
END_TEST

START_TEST(a_merge_of_anything_else_is_refused)
{
	must_refuse("<<: defaults.yaml\n" WHOLE, ":1:5: found the file \"defaults.yaml\" after \"<<\", allowed: *anchor");
	must_refuse("<<: [[a]]\n" WHOLE, "found a list in the list after \"<<\"");
	must_refuse(".a: &a {<<: *a}\n" WHOLE, "");
	must_refuse(".a: &a [*a]\n<<: *a\n" WHOLE, "");
}
END_TEST

START_TEST(merges_have_a_depth)
{
	struct str text = STR_INIT;

	str_add(&text, "x-0: &a0 {os: debian}\n");
	for (int i = 1; i < 30; i++)
		str_addf(&text, "x-%d: &a%d {<<: *a%d}\n", i, i, i - 1);
	str_add(&text, "<<: *a29\n" WHOLE);
	must_refuse(text.buf, "more than 16 deep");
	str_release(&text);
}
END_TEST

START_TEST(a_billion_laughs_are_refused)
{
	struct str text = STR_INIT;

	str_add(&text, "x-0: &a0 {os: debian}\n");
	for (int i = 1; i < 14; i++)
		str_addf(&text, "x-%d: &a%d {<<: [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]}\n", i,
		        i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	str_add(&text, "<<: *a13\n" WHOLE);
	must_refuse(text.buf, "");
	str_release(&text);
}
END_TEST

START_TEST(templates_are_refused_with_a_clear_line)
{
	must_refuse_as("suite: a\nupstream_commit: <%= commit %>\n",
	        "job.yaml:2:18: found the ERB template \"<%\", which is not run here; allowed: the "
	        "value itself, {{ name }} for the value of another key, or a variable of "
	        "\"env\" in a script");
	must_refuse("suite: a\n% if x\n", "job.yaml:2:1: found a line that begins with \"%\"");
	must_refuse("suite: a\n<% if x %>\n", ":2:1: found the ERB template");
	job_free(must_read("# <%= a comment %>\n" WHOLE));
}
END_TEST

START_TEST(what_is_too_large_is_refused)
{
	struct str text = STR_INIT;

	str_add(&text, WHOLE "build:\n  run: |\n");
	while (text.len < 80000)
		str_add(&text, "    : a line of a script that is longer than it should be\n");
	must_refuse(text.buf, "allowed: at most 65536");

	str_setf(&text, "%s", WHOLE "env:\n");
	for (int i = 0; i < 201; i++)
		str_addf(&text, "  V%d: x\n", i);
	must_refuse(text.buf, "found 201 entries in \"env\", allowed: at most 200");

	str_setf(&text, "%s", WHOLE "build:\n  keep:\n");
	for (int i = 0; i < 1001; i++)
		str_add(&text, "    - a\n");
	must_refuse(text.buf, "found 1001 entries in \"build.keep\", allowed: at most 1000");

	str_setf(&text, "%s", WHOLE);
	for (int i = 0; i < 1001; i++)
		str_addf(&text, ".k%d: x\n", i);
	must_refuse(text.buf, "more than 1000 keys");

	str_setf(&text, "%s", WHOLE "env:\n");
	for (int i = 0; i < 20; i++) {
		str_addf(&text, "  V%d: '", i);
		for (int j = 0; j < 400; j++)
			str_add(&text, "0123456789");
		str_add(&text, "'\n");
	}
	must_refuse(text.buf, "more than 65536 bytes in \"env\"");
	str_release(&text);
}
END_TEST

START_TEST(ten_megabytes_and_ten_thousand_levels_are_refused)
{
	struct error err = ERROR_INIT;
	struct job *job = NULL;
	struct str text = STR_INIT;

	str_add(&text, WHOLE "env: {A: '");
	while (text.len < 10u << 20)
		str_add(&text, "0123456789abcdef");
	str_add(&text, "'}\n");
	ck_assert_int_lt(job_read(&job, "job.yaml", text.buf, text.len, &err), 0);

	str_setf(&text, "x-a: ");
	for (int i = 0; i < 10000; i++)
		str_add_char(&text, '[');
	ck_assert_int_lt(job_read(&job, "job.yaml", text.buf, text.len, &err), 0);
	ck_assert_ptr_null(job);
	str_release(&text);
}
END_TEST

START_TEST(a_pattern_that_does_not_compile_is_told)
{
	must_refuse(WHOLE "error: {match: 'a(b'}\n",
	        ":5:16: found no valid regular expression, at character 4: ");
	must_refuse(WHOLE "error: {match: 'a*'}\n", "also matches an empty line");
	must_refuse(WHOLE "error: {match: ''}\n", "found an empty text");
	must_refuse(WHOLE "error: {match: '\\C'}\n", "no valid regular expression");
	must_refuse(WHOLE "error: panic\n", "found text as error, allowed: a mapping with match");
}
END_TEST

START_TEST(identity_knows_what_makes_results_comparable)
{
	static const char *const same[] = {
		"timeout: 5m\n",
		"runtime: 5m\n",
		"env: {}\n",
		"category: functional\n",
		"testbox: dc-2g\n",
		"upstream_repo: https://example.org/a.git\n",
	};
	static const char *const other[] = {
		"os: debian\n",
		"os_version: 12\n",
		"os_arch: x86_64\n",
		"testbox: dc-4g\n",
		"category: benchmark\n",
		"upstream_repo: a\n",
		"build: {run: make}\n",
		"build: {keep: [a]}\n",
		"env: {A: b}\n",
		"error: {match: x}\n",
	};
	char hex[HASH_HEX_LEN + 1], seen[10][HASH_HEX_LEN + 1], plain[HASH_HEX_LEN + 1];
	struct job *job = must_read(WHOLE);
	struct str text = STR_INIT;

	job_identity(job, plain);
	job_free(job);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		job = must_read(str_setf(&text, "%s%s", WHOLE, same[i]));
		job_identity(job, hex);
		ck_assert_msg(strcmp(hex, plain) == 0, "%s", same[i]);
		job_free(job);
	}
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		job = must_read(str_setf(&text, "%s%s", WHOLE, other[i]));
		job_identity(job, seen[i]);
		ck_assert_msg(strcmp(seen[i], plain) != 0, "%s", other[i]);
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(seen[i], seen[j]);
		job_free(job);
	}
	job = must_read("suite: demo\nupstream_url: https://example.org/a.git\nupstream_commit: "
	                "v2\ntest: {run: ./t}\n");
	job_identity(job, hex);
	ck_assert_str_eq(hex, plain);
	job_free(job);
	str_release(&text);
}
END_TEST

START_TEST(one_machine_of_a_group_is_comparable_with_the_others)
{
	char a[HASH_HEX_LEN + 1], b[HASH_HEX_LEN + 1];
	struct job *x = must_read(WHOLE "testbox: taishan200-2280-2s64p-256g--a61\n");
	struct job *y = must_read(WHOLE "testbox: taishan200-2280-2s64p-256g--a62\n");

	job_identity(x, a);
	job_identity(y, b);
	ck_assert_str_eq(a, b);
	job_test_key(x, "t", a);
	job_test_key(y, "t", b);
	ck_assert_str_ne(a, b);
	job_free(x);
	job_free(y);
}
END_TEST

START_TEST(a_build_is_shared_by_tests_and_trees)
{
	struct job *a = must_read(WHOLE "build: {run: make}\n"), *b = job_copy(a);
	char build_a[HASH_HEX_LEN + 1], build_b[HASH_HEX_LEN + 1], test_a[HASH_HEX_LEN + 1],
	        test_b[HASH_HEX_LEN + 1];

	free(b->test_run);
	b->test_run = mem_strdup("other");
	free(b->upstream_commit);
	b->upstream_commit = mem_strdup("v9");
	job_build_key(a, "tree", build_a);
	job_build_key(b, "tree", build_b);
	ck_assert_str_eq(build_a, build_b);
	job_test_key(a, "tree", test_a);
	job_test_key(b, "tree", test_b);
	ck_assert_str_ne(test_a, test_b);
	job_build_key(a, "tree2", build_b);
	ck_assert_str_ne(build_a, build_b);
	job_free(a);
	job_free(b);
}
END_TEST

START_TEST(a_copy_is_the_same_job)
{
	struct job *job = must_read(WHOLE
	                   "env: {A: b, C: d}\nbuild: {keep: [x, y]}\nos: debian\nruntime: 3s\n"),
	           *copy = job_copy(job);

	must_be_same(job, copy);
	job_free(job);
	ck_assert_str_eq(copy->env.v[1], "C=d");
	ck_assert_str_eq(copy->build_keep.v[1], "y");
	job_free(copy);
	job_free(NULL);
}
END_TEST

START_TEST(the_architecture_of_a_testbox_is_that_of_the_job)
{
	struct job *job = must_read("testbox: vm-2p8g.aarch64\n" WHOLE);

	ck_assert_str_eq(job->testbox, "vm-2p8g");
	ck_assert_str_eq(job->os_arch, "aarch64");
	job_free(job);
	job_free(must_read("testbox: vm-2p8g.aarch64\n" WHOLE "os_arch: aarch64\n"));
	must_refuse("testbox: vm-2p8g.aarch64\n" WHOLE "os_arch: x86_64\n",
	        "job.yaml:1:10: found a testbox of aarch64 beside os_arch x86_64");
}
END_TEST

/* Results of before must still be found. */
START_TEST(the_identity_of_a_native_job_stays_what_it_was)
{
	struct job *job = must_read(WHOLE "build: {run: make, keep: [a]}\nenv: {A: b}\n");
	char hex[HASH_HEX_LEN + 1];

	job_identity(job, hex);
	ck_assert_str_eq(hex, "b418ca03154f65126c3b17295afebaeefd6e70790249a04a2a98bcb608af5a85");
	job_free(job);
}
END_TEST

START_TEST(a_testbox_of_no_known_form_is_told)
{
	must_refuse(WHOLE "testbox: big\n", ":5:10: found testbox \"big\", which has no "
		           "known form; allowed: dc-2g (container), ");
	must_refuse(WHOLE "testbox: lkp-ivb-d02\n", "; the machine of that name is hw-lkp-ivb-d02");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job");
	TCase *tcase = tcase_create("job");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, every_key_is_read);
	tcase_add_test(tcase, what_is_left_out_has_its_default);
	tcase_add_test(tcase, a_version_keeps_its_zero);
	tcase_add_test(tcase, printing_and_reading_gives_the_same_job);
	tcase_add_test(tcase, a_printed_script_stays_readable);
	tcase_add_test(tcase, a_wrong_key_is_told_with_the_nearest_one);
	tcase_add_test(tcase, a_missing_key_is_named);
	tcase_add_test(tcase, what_is_no_job_is_refused);
	tcase_add_test(tcase, a_wrong_type_is_told);
	tcase_add_test(tcase, a_wrong_time_is_told);
	tcase_add_test(tcase, a_long_runtime_makes_a_long_timeout_unless_one_is_given);
	tcase_add_test(tcase, env_holds_names_and_texts_only);
	tcase_add_test(tcase, kept_paths_stay_inside);
	tcase_add_test(tcase, an_url_or_commit_is_never_an_option_or_a_program);
	tcase_add_test(tcase, merged_keys_give_way_to_written_ones);
	tcase_add_test(tcase, an_inner_mapping_merges_too);
	tcase_add_test(tcase, a_wrong_key_in_a_merged_mapping_is_told_where_it_stands);
	tcase_add_test(tcase, a_merge_of_anything_else_is_refused);
	tcase_add_test(tcase, merges_have_a_depth);
	tcase_add_test(tcase, a_billion_laughs_are_refused);
	tcase_add_test(tcase, templates_are_refused_with_a_clear_line);
	tcase_add_test(tcase, what_is_too_large_is_refused);
	tcase_add_test(tcase, ten_megabytes_and_ten_thousand_levels_are_refused);
	tcase_add_test(tcase, a_pattern_that_does_not_compile_is_told);
	tcase_add_test(tcase, identity_knows_what_makes_results_comparable);
	tcase_add_test(tcase, one_machine_of_a_group_is_comparable_with_the_others);
	tcase_add_test(tcase, a_build_is_shared_by_tests_and_trees);
	tcase_add_test(tcase, a_copy_is_the_same_job);
	tcase_add_test(tcase, the_architecture_of_a_testbox_is_that_of_the_job);
	tcase_add_test(tcase, the_identity_of_a_native_job_stays_what_it_was);
	tcase_add_test(tcase, a_testbox_of_no_known_form_is_told);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
