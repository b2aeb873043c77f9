/* The language of job files: what job/job_load.h and job/job_expand.h make of it. */
#include <check.h>

#include "base/mem.h"
#include "job/job.h"
#include "job/job_expand.h"
#include "job/job_lower.h"

/* --- files in memory --- */

struct memory_file {
	const char *name, *text;
};

static int read_memory(void *arg, const char *path, struct str *ret_text, struct str *ret_name, struct error *err)
{
	for (const struct memory_file *file = arg; file && file->name; file++) {
		if (strcmp(file->name, path) != 0)
			continue;
		str_add(ret_text, file->text);
		str_add(ret_name, path);
		return 0;
	}
	return error_set(err, ERR_NOT_FOUND, "it is nowhere");
}

static struct memory_file suite_files[] = {
	{ "ltp/suite.yaml", "summary: s\nparameters:\n  test: {help: h}\n  nr: {type: number, help: h}\n"
	                    "  list: {type: list, help: h}\n  run: {type: script, help: h}\n" },
	{ "ltp/run", "echo $test\n" },
	{ "io/suite.yaml", "summary: s\nparameters:\n  size: {help: h}\n  config: {help: h}\n" },
	{ "io/run", "echo $size\n" },
	{ 0 },
};

struct arguments {
	struct memory_file *files;
	const char *before[4], *after[8];
	const char *defaults[3];
};

/* Every job as YAML, each after a line with its label. */
static int try_expand(struct str *ret, const char *text, const struct arguments *arguments, struct error *err)
{
	static const struct arguments none;
	const struct arguments *given = arguments ? arguments : &none;
	struct job_files files = { read_memory, given->files }, suite_source = { read_memory, suite_files };
	struct strv before = STRV_INIT, after = STRV_INIT;
	struct job_text defaults[3];
	struct job_load_options options = { .files = given->files ? &files : NULL, .before = &before, .after = &after,
		.defaults = defaults };
	struct suites *suites = suites_new(&suite_source);
	struct job_set set;
	int rc;

	strv_push_all(&before, given->before);
	strv_push_all(&after, given->after);
	for (; options.n_defaults < 3 && given->defaults[options.n_defaults]; options.n_defaults++)
		defaults[options.n_defaults] = (struct job_text){ "defaults.yaml", given->defaults[options.n_defaults],
			strlen(given->defaults[options.n_defaults]) };
	rc = job_set_read(&set, "job.yaml", text, strlen(text), &options, suites, err);
	for (size_t i = 0; rc == 0 && i < set.n; i++) {
		if (set.n > 1)
			str_addf(ret, "# %s\n", set.v[i].label);
		value_print(ret, set.v[i].doc);
	}
	if (rc == 0)
		job_set_release(&set);
	suites_free(suites);
	strv_release(&before);
	strv_release(&after);
	return rc;
}

static void expands_with(const struct arguments *arguments, const char *text, const char *expected)
{
	struct error err = ERROR_INIT;
	struct str found = STR_INIT;

	ck_assert_msg(try_expand(&found, text, arguments, &err) == 0, "%s", err.text);
	ck_assert_str_eq(found.buf, expected);
	str_release(&found);
}

static void expands(const char *text, const char *expected)
{
	expands_with(NULL, text, expected);
}

static void refuses_with(const struct arguments *arguments, const char *text, const char *message)
{
	struct error err = ERROR_INIT;
	struct str found = STR_INIT;

	ck_assert_msg(try_expand(&found, text, arguments, &err) < 0, "was expanded: %.200s", text);
	ck_assert_msg(strncmp(err.text, message, strlen(message)) == 0, "\"%s\" does not begin with \"%s\"", err.text,
	        message);
	ck_assert_str_eq(found.buf, "");
	str_release(&found);
}

static void refuses(const char *text, const char *message)
{
	refuses_with(NULL, text, message);
}

/* --- files, override, documents --- */

START_TEST(an_included_file_gives_way_to_what_is_written)
{
	static struct memory_file files[] = {
		{ "a.yaml", "<<: sub/b.yaml\nos: debian\nx: 1\n" },
		{ "sub/b.yaml", "os: centos\nxx: 2\n" },
		{ "c.yaml", "xx: 3\nz: 3\n" },
		{ 0 },
	};
	struct arguments with = { .files = files };

	expands_with(&with, "<<: a.yaml\nx: 9\n", "os: debian\nx: 9\nxx: 2\n");
	expands_with(&with, "<<: [a.yaml, c.yaml]\n", "os: debian\nx: 1\nxx: 2\nz: 3\n");
	expands_with(&with, ".d: &d {os: arch}\n<<: [*d, c.yaml]\nq: {<<: c.yaml}\n",
	        "os: arch\nq:\n  xx: 3\n  z: 3\nxx: 3\nz: 3\n");
}
END_TEST

START_TEST(what_stands_beside_an_included_file_wins_over_it)
{
	static struct memory_file files[] = { { "a.yaml", "a: 1\nm: {x: 1, xx: 1}\nl: [x]\n" },
		{ "b.yaml", "a: 1\nos: a\noverride: {os: c, a: 2}\n" }, { 0 } };
	struct arguments with = { .files = files };

	expands_with(&with, "<<: {file: a.yaml, m: {x: 2}, b: 2}\nc: 3\n", "a: 1\nb: 2\nc: 3\nl:\n  - x\nm:\n  x: 2\n  xx: 1\n");
	expands_with(&with, "<<: {file: a.yaml, a: 2}\na: 3\nl: x\nm: x\n", "a: 3\nl: x\nm: x\n");
	expands_with(&with, "<<: {file: b.yaml, os: b}\n", "a: 2\nos: b\n");
	expands_with(&with, "<<: {file: report, m: x}\n", "file: report\nm: x\n");
	refuses_with(&with, "<<: {file: no.yaml, m: x}\n", "job.yaml:1:12: found the file \"no.yaml\" after \"<<\": it is nowhere");
}
END_TEST

START_TEST(a_file_that_is_wrong_is_told_with_its_own_place)
{
	static struct memory_file files[] = {
		{ "list.yaml", "- a\n" },
		{ "bad.yaml", "a: 1\nb: [\n" },
		{ "erb.yaml", "a: 1\nb: <%= x %>\n" },
		{ "two.yaml", "a: 1\n---\nb: [\n" },
		{ "one.yaml", "a: 1\n---\n- b\n" },
		{ "outer.yaml", "k: 1\n<<: bad.yaml\n" },
		{ 0 },
	};
	struct arguments with = { .files = files };

	refuses_with(&with, "<<: nowhere.yaml\n", "job.yaml:1:5: found the file \"nowhere.yaml\" after \"<<\": it is nowhere");
	refuses_with(&with, "<<: list.yaml\n", "list.yaml:1:1: found a list, allowed: a mapping");
	refuses_with(&with, "<<: outer.yaml\n", "bad.yaml:");
	refuses_with(&with, "<<: erb.yaml\n", "erb.yaml:2:4: found the ERB template");
	refuses_with(&with, "<<: two.yaml\n", "two.yaml:4:1: ");
	refuses_with(&with, "<<: {file: one.yaml, a: 2}\n", "one.yaml:3:1: found a list");
}
END_TEST

START_TEST(the_documents_of_an_included_file_follow)
{
	static struct memory_file files[] = {
		{ "three.yaml", "a: 1\n---\nb: 1\n---\nb: 2\na: 2\n" },
		{ "two.yaml", "z: 1\n---\n<<: three.yaml\nc: 1\n---\n" },
		{ "dir/one.yaml", "a: 2\n<<: ././three.yaml\n" },
		{ 0 },
	};
	struct arguments with = { .files = files }, defaults = { .defaults = { "a: 1\n---\nb: 1\n" } };

	expands_with(&with, "<<: three.yaml\nx: 1\n", "# document=2\na: 1\nb: 1\nx: 1\n# document=3\na: 2\nb: 2\nx: 1\n");
	expands_with(&with, "x: 1\n---\n<<: three.yaml\nx: 2\n",
	        "# document=2\na: 1\nx: 2\n# document=3\nb: 1\nx: 1\n# document=4\na: 2\nb: 2\nx: 1\n");
	/* A file in a file, whose last document is empty. */
	expands_with(&with, "<<: two.yaml\n", "# document=2\na: 1\nc: 1\nz: 1\n# document=3\nb: 1\nz: 1\n# document=4\na: 2\nb: 2\nz: 1\n");
	expands_with(&with, "<<: ./dir/one.yaml\n", "# document=2\na: 2\nb: 1\n# document=3\na: 2\nb: 2\n");
	expands_with(&with, "<<: {file: three.yaml, a: 5, ignore: b}\n", "# document=2\na: 5\n# document=3\na: 5\n");
	expands_with(&with, "<<: {file: three.yaml, b: 5, ignore: [a]}\n", "# document=2\nb: 5\n# document=3\nb: 5\n");
	refuses_with(&with, "<<: {file: three.yaml, ignore: [{a: b}]}\n", "job.yaml:1:33: found a mapping as \"ignore\"");
	refuses_with(&with, "k: {<<: three.yaml}\n", "three.yaml:3:1: found a second document, allowed: one");
	refuses_with(&with, "<<: ./../two.yaml\n", "job.yaml:1:5: found \"./../two.yaml\" after");
	refuses_with(&defaults, "b: 1\n", "defaults.yaml:3:1: found a second document, allowed: one");
}
END_TEST

START_TEST(of_lkp_tests_the_first_document_is_a_job_too)
{
	static const struct arguments with = { .after = { "lkp_src=/lkp" } };

	expands_with(&with, "a: {x: 1}\n---\na.x: 2\n",
	        "# document=1\na:\n  x: 1\nlkp_src: /lkp\n# document=2\na:\n  x: 2\nlkp_src: /lkp\n");
	/* It has nothing to run. */
	expands_with(&with, "suite: s\nos: a\n---\na: {x: 1}\n", "a:\n  x: 1\nlkp_src: /lkp\nos: a\nsuite: s\n");
}
END_TEST

START_TEST(no_file_outside_of_the_search_path_is_named)
{
	static struct memory_file files[] = { { "a.yaml", "" }, { 0 } };
	struct arguments with = { .files = files };

	refuses_with(&with, "<<: /etc/passwd\n", "job.yaml:1:5: found \"/etc/passwd\" after \"<<\", allowed: the path");
	refuses_with(&with, "<<: ../a.yaml\n", "job.yaml:1:5: found \"../a.yaml\" after \"<<\", allowed: the path");
	refuses_with(&with, "<<: a/../../a.yaml\n", "job.yaml:1:5: ");
	refuses_with(&with, "<<: -a.yaml\n", "job.yaml:1:5: ");
}
END_TEST

START_TEST(files_that_include_each_other_are_refused)
{
	static struct memory_file files[] = { { "a.yaml", "<<: b.yaml\n" }, { "b.yaml", "x: 1\n<<: a.yaml\n" },
		{ "self.yaml", "<<: self.yaml\n" }, { 0 } };
	struct arguments with = { .files = files };

	refuses_with(&with, "<<: a.yaml\n", "b.yaml:2:5: found files that include each other: a.yaml -> b.yaml -> a.yaml");
	refuses_with(&with, "<<: self.yaml\n", "self.yaml:1:5: found files that include each other: self.yaml -> self.yaml");
}
END_TEST

START_TEST(files_have_a_number_and_a_size)
{
	struct memory_file files[] = { { "a.yaml", "x: 1\n" }, { "big.yaml", NULL }, { 0 } };
	struct arguments with = { .files = files };
	struct str text = STR_INIT, big = STR_INIT;

	str_add(&text, "<<: [a.yaml");
	for (int i = 0; i < JOB_FILES_MAX; i++)
		str_add(&text, ", a.yaml");
	str_add(&text, "]\n");
	refuses_with(&with, text.buf, "job.yaml:1:");

	str_add(&big, "x: 1\n# ");
	while (big.len < 1000000)
		str_add(&big, "a long comment ");
	files[1].text = big.buf;
	refuses_with(&with, "<<: [big.yaml, big.yaml, big.yaml, big.yaml, big.yaml]\n",
	        "job.yaml:1:46: found more than 4194304 bytes in the files");
	str_release(&text);
	str_release(&big);
}
END_TEST

START_TEST(override_wins_over_what_stands_before_it)
{
	static struct memory_file files[] = { { "o.yaml", "a: file\noverride: {b: file, m: {x: file}}\n" }, { 0 } };
	struct arguments with = { .files = files };

	expands("a: 1\nm: {x: 1, xx: 1}\noverride: {a: 2, m: {x: 2}}\n", "a: 2\nm:\n  x: 2\n  xx: 1\n");
	expands("override: {a: 2}\na: 3\n", "a: 3\n");
	expands_with(&with, "a: 1\nb: 1\nm: {x: 1, xx: 1}\n<<: o.yaml\n", "a: 1\nb: file\nm:\n  x: file\n  xx: 1\n");
	expands_with(&with, "<<: o.yaml\na: 1\nb: 1\n", "a: 1\nb: 1\nm:\n  x: file\n");
	expands("l: [a]\nl+: [b]\noverride: {l: [c]}\nl-: c\n", "l: []\n");
	expands("l: [a]\nl+: [b]\noverride: {l: [c]}\n", "l:\n  - c\n");
	refuses("override: a\n", "job.yaml:1:11: found text as \"override\", allowed: a mapping");
}
END_TEST

START_TEST(the_first_document_is_common_to_the_others)
{
	expands("a: 1\nm: {x: 1, xx: 1}\n---\nb: 1\n---\nb: 2\nm: {x: 2}\n",
	        "# document=2\na: 1\nb: 1\nm:\n  x: 1\n  xx: 1\n# document=3\na: 1\nb: 2\nm:\n  x: 2\n  xx: 1\n");
	expands("a: 1\n---\nb: 1\n", "a: 1\nb: 1\n");
	expands("---\na: 1\n", "a: 1\n");
	expands("a: [x]\n---\na+: xx\n", "a:\n  - x\n  - xx\n");
	/* without a value the key goes, wherever it stands */
	expands("a: 1\nb: 2\n---\na-:\n", "b: 2\n");
	expands("a: 1\nb: {x: 1, xx: 2}\n---\nb: {x-: }\nc: 3\n", "a: 1\nb:\n  xx: 2\nc: 3\n");
	expands("a-:\nb: 2\n", "b: 2\n");
	refuses("a: 1\n---\n- b\n", "job.yaml:3:1: found a list, allowed: a mapping");
}
END_TEST

START_TEST(increments_add_and_take_away)
{
	expands("a: [x, xx]\na+: [z, x]\na-: xx\n", "a:\n  - x\n  - z\n");
	expands("a: one two\na+: three\na-: one\n", "a: \"two three\"\n");
	expands("m: {x: 1, xx: 2}\nm+: {z: 3}\nm-: [x]\n", "m:\n  xx: 2\n  z: 3\n");
	expands("m: {x: [1]}\nm.x+: 2\nm.w+: 3\n", "m:\n  w: 3\n  x:\n    - 1\n    - 2\n");
	expands("a+: x\nb-: xx\n", "a: x\n");
	expands("a: one\na++: two\na+-: one\nb--+: x\n", "a: two\nb: x\n");
	expands(".b: &b {l: [1]}\n<<: *b\nl+: [2]\n", "l:\n  - 1\n  - 2\n");
}
END_TEST

START_TEST(long_increments_take_no_long_time)
{
	struct str text = STR_INIT, found = STR_INIT;
	struct error err = ERROR_INIT;

	str_add(&text, "t: '");
	for (int i = 0; i < 20000; i++)
		str_addf(&text, "a%d ", i);
	str_add(&text, "'\nt-: '");
	for (int i = 1; i < 20000; i++)
		str_addf(&text, "a%d ", i);
	str_add(&text, "'\n");
	ck_assert_msg(try_expand(&found, text.buf, NULL, &err) == 0, "%s", err.text);
	ck_assert_str_eq(found.buf, "t: a0\n");
	str_release(&text);
	str_release(&found);
}
END_TEST

START_TEST(a_dotted_key_is_a_path)
{
	expands("ss.linux.commit: v6.1\nss: {linux: {config: a}}\n", "ss:\n  linux:\n    commit: v6.1\n    config: a\n");
	expands("a.b: 1\na.c: 2\n", "a:\n  b: 1\n  c: 2\n");
}
END_TEST

/* --- arguments, defaults --- */

START_TEST(arguments_after_the_file_win_and_those_before_it_give_way)
{
	struct arguments with = { .before = { "a=before", "b=before", "c=before" }, .after = { "a=after", "ltp.test=mm" },
		.defaults = { "c: first\nd: first\nltp: {nr: 3}\n", "d: second\ne: second\n" } };

	expands_with(&with, "a: file\nb: file\nltp: {test: x}\n",
	        "a: after\nb: file\nc: before\nd: first\ne: second\nltp:\n  nr: 3\n  test: mm\n");
}
END_TEST

START_TEST(a_program_without_a_value_takes_what_the_defaults_say)
{
	static const struct arguments with = { .before = { "ltp.test=a" }, .defaults = { "ltp.nr: 3\nbuild.run: make\n" } };

	expands_with(&with, "ltp:\nbuild: ~\n", "build:\nltp:\n  nr: 3\n  test: a\n");
	expands_with(&with, "ltp: b\n", "build:\n  run: make\nltp: b\n");
}
END_TEST

START_TEST(arguments_are_keys_paths_increments_lists_and_links)
{
	struct arguments with = { .after = { "l+=c", "t-=x", "os=[b, a]", "gone=", "p|q=1|2" } };

	expands_with(&with, "l: [a]\nt: x xx\ngone: 1\n",
	        "# os=a p=1 q=2\ngone:\nl:\n  - a\n  - c\nos: a\np: 1\nq: 2\nt: xx\n"
	                                 "# os=b p=1 q=2\ngone:\nl:\n  - a\n  - c\nos: b\np: 1\nq: 2\nt: xx\n");
	with = (struct arguments){ .after = { "p:q=1:2" } };
	expands_with(&with, "a: 1\n", "a: 1\np: 1\nq: 2\n");
	with = (struct arguments){ .after = { "nothing" } };
	refuses_with(&with, "a: 1\n", "argument \"nothing\": found no KEY=VALUE");
	with = (struct arguments){ .after = { "os=[a" } };
	refuses_with(&with, "a: 1\n", "argument \"os=[a\":");
	ck_assert(job_is_argument("ss.linux.commit=v6.1"));
	ck_assert(job_is_argument("a+=b"));
	ck_assert(!job_is_argument("--wait=b"));
	ck_assert(!job_is_argument("./a=b.yaml"));
	ck_assert(!job_is_argument("dir/job.yaml"));
	ck_assert(!job_is_argument("=b"));
}
END_TEST

/* --- expansion --- */

START_TEST(lists_make_a_job_of_each_combination)
{
	expands("os: [debian, centos]\nltp: {nr: [10, 9], list: [a, b]}\n",
	        "# os=centos ltp.nr=9\nltp:\n  list:\n    - a\n    - b\n  nr: 9\nos: centos\n"
	        "# os=centos ltp.nr=10\nltp:\n  list:\n    - a\n    - b\n  nr: 10\nos: centos\n"
	        "# os=debian ltp.nr=9\nltp:\n  list:\n    - a\n    - b\n  nr: 9\nos: debian\n"
	        "# os=debian ltp.nr=10\nltp:\n  list:\n    - a\n    - b\n  nr: 10\nos: debian\n");
	expands("ltp: [mm, fs]\n", "# ltp=fs\nltp: fs\n# ltp=mm\nltp: mm\n");
	expands("os: [a, a]\n", "os: a\n");
	expands("mail_to: [a, b]\n", "mail_to:\n  - a\n  - b\n");
	refuses("os: [a, [b, c]]\n", "job.yaml:1:9: found a list in a list that makes jobs");
	refuses("ltp: {nr: []}\n", "job.yaml:1:11: found an empty list");
}
END_TEST

START_TEST(a_list_under_any_program_of_lkp_makes_jobs)
{
	expands("lkp_src: /lkp\nhackbench: {mode: [threads, process]}\nmonitors: [a, b]\n",
	        "# hackbench.mode=process\nhackbench:\n  mode: process\nlkp_src: /lkp\nmonitors:\n  - a\n  - b\n"
	        "# hackbench.mode=threads\nhackbench:\n  mode: threads\nlkp_src: /lkp\nmonitors:\n  - a\n  - b\n");
	/* and beside them, as lkp has its parameters there, too */
	expands("lkp_src: /lkp\na: {b: c}\nnr: [2, 1]\n",
	        "# nr=1\na:\n  b: c\nlkp_src: /lkp\nnr: 1\n# nr=2\na:\n  b: c\nlkp_src: /lkp\nnr: 2\n");
}
END_TEST

START_TEST(linked_keys_move_together)
{
	expands("os|os_version: [debian|12, centos|7]\n",
	        "# os=centos os_version=7\nos: centos\nos_version: 7\n# os=debian os_version=12\nos: debian\nos_version: 12\n");
	expands("ltp: {test | nr: mm | 2}\n", "ltp:\n  nr: 2\n  test: mm\n");
	expands("a|b: [[1, x], [2, z]]\n", "# a=1 b=x\na: 1\nb: x\n# a=2 b=z\na: 2\nb: z\n");
	refuses("a|b: [[1, [x, q]], [2, z]]\n", "job.yaml:1:11: found a list in a list that makes jobs");
	expands("a|ltp.nr: [1, 2]\nltp: {test: q}\n", "a: 1\nltp:\n  nr: 2\n  test: q\n");
	expands("arch | tbox_group|queue: [aarch64 | vm-2p8g | q]\n", "os_arch: aarch64\nqueue: q\ntestbox: vm-2p8g\n");
	expands("arch|os_arch: 1|2\n", "arch: 1\nos_arch: 2\n");
	refuses("a|b: [1|2, 3]\n", "job.yaml:1:12: found 1 values for 2 linked keys, allowed: one each");
	refuses("a|b: 1|2|3\n", "job.yaml:1:6: found 3 values for 2 linked keys");
	expands("os|os_version: [debian|12, debian|11, centos|7]\nos: debian\nos_version: 12\n", "os: debian\nos_version: 12\n");
	expands("arch|a: [aarch64|1, x86_64|2]\nos_arch: x86_64\n", "a: 2\nos_arch: x86_64\n");
	expands("ltp: {test | nr: [mm | 2, fs | 3], test: mm}\n", "ltp:\n  nr: 2\n  test: mm\n");
	refuses("a|b: 1|2\na: 3\n", "job.yaml:2:4: found \"a\" alone as well as linked with others (line 1), allowed: one of them");
	refuses("a|b: [1|2, 3|4]\na: [1]\n", "job.yaml:2:4: found \"a\" alone as well as linked");
	refuses("a|: 1|2\n", "job.yaml:1:1: found no key beside a \"|\"");
	refuses("a+|b: 1|2\n", "job.yaml:1:1: found the linked key \"a+\"");
}
END_TEST

START_TEST(a_million_jobs_are_refused)
{
	struct str text = STR_INIT;

	for (int axis = 0; axis < 4; axis++) {
		static const char *const keys[] = { "os", "os_version", "os_arch", "testbox" };

		str_addf(&text, "%s: [x0", keys[axis]);
		for (int i = 1; i < 100; i++)
			str_addf(&text, ", x%d", i);
		str_add(&text, "]\n");
	}
	refuses(text.buf, "job.yaml:1:1: found lists that make more than 1000 jobs, which is the limit");
	str_setf(&text, "os: [a, b, c, d, e, f, g, h, i, j]\nos_version: [a, b, c, d, e, f, g, h, i, j]\nbig:\n");
	for (int i = 0; i < 5000; i++)
		str_add(&text, "- x\n");
	refuses(text.buf, "job.yaml:1:1: found lists that make 100 jobs of 5024 values each");
	str_release(&text);
}
END_TEST

START_TEST(programs_may_stand_in_pp_or_program)
{
	expands("pp.ltp.test: mm\nltp: {nr: 1}\n", "ltp:\n  nr: 1\n  test: mm\n");
	expands("run: {ltp: {test: mm}}\n", "ltp:\n  test: mm\n");
	expands("program: {ltp: {test: [b, a]}}\n", "# ltp.test=a\nltp:\n  test: a\n# ltp.test=b\nltp:\n  test: b\n");
	expands("tbox_group: dc-2g\narch: x86_64\n", "os_arch: x86_64\ntestbox: dc-2g\n");
	refuses("pp: a\n", "job.yaml:1:5: found text as \"pp\", allowed: a mapping of programs");
}
END_TEST

START_TEST(a_block_of_a_role_counts_where_the_role_is_played)
{
	static const char text[] = "a: 0\nif role server: {a: 1}\nif role client other: {b: 2}\n";
	struct arguments with = { .after = { "role=server" } };

	expands(text, "a: 1\nb: 2\n");
	expands_with(&with, text, "a: 1\nrole: server\n");
	with.after[0] = "roles=[other]";
	expands_with(&with, text, "a: 0\nb: 2\nroles:\n  - other\n");
	refuses("if role x: 1\n", "job.yaml:1:1: found text after \"if role x\"");
	refuses("cluster: cs-s1-c1\n", "job.yaml:1:10: found a cluster");
	expands("cluster: cs-localhost\n", "cluster: cs-localhost\n");
}
END_TEST

START_TEST(names_in_braces_are_the_values_of_other_keys)
{
	expands("os: [b, a]\nltp: {test: 'x-{{ os }}'}\nt: '{{ltp.test}}!'\n",
	        "# os=a\nltp:\n  test: x-a\nos: a\nt: \"x-a!\"\n# os=b\nltp:\n  test: x-b\nos: b\nt: \"x-b!\"\n");
	expands("a: ~\nb: 'x{{ a }}y'\n", "a:\nb: xy\n");
	expands("cmd: 'docker -f {{.Id}}'\n", "cmd: \"docker -f {{.Id}}\"\n");
	expands("env: {A: '{{.Id}}'}\ntest: {run: 'docker -f {{.Id}}'}\nltp: {run: '{{ x }}'}\n",
	        "env:\n  A: \"{{.Id}}\"\nltp:\n  run: \"{{ x }}\"\ntest:\n  run: \"docker -f {{.Id}}\"\n");
	refuses("a: 'x {{ nope }}'\n", "job.yaml:1:4: found \"{{ nope }}\", but the job has no key \"nope\"");
	refuses("a: '{{ b + 1 }}'\n", "job.yaml:1:4: found \"{{ b + 1 }}\", allowed between the braces: the name of a key");
	refuses("a: '{{ b '\n", "job.yaml:1:4: found \"{{\" without \"}}\"");
	refuses("a: '{{ b }}'\nb: '{{ a }}'\n", "job.yaml:1:4: found \"{{ b }}\" more than 16 deep");
	refuses("a: '{{ l }}'\nl: [x]\n", "job.yaml:1:4: found \"{{ l }}\", which is a list");
}
END_TEST

START_TEST(names_in_braces_need_no_quotes)
{
	static const struct arguments with = { .before = { "k={{ os }}" }, .after = { "l={{ os }}-1", "m=[{{ os }}, b]" } };

	expands("os: a\nt: {{ os }}\nu:   {{os}}-{{ os }} x  # {{ no }}\nv: {{ os }}'s", "os: a\nt: a\nu: \"a-a x\"\nv: \"a's\"\n");
	expands("os: a\nt:\n- {{ os }}\n- - {{ os }}\n  - x\nu: [{{ os }}, {a: {{ os }}, b: {{ os }}}]\n",
	        "os: a\nt:\n  - a\n  -\n    - a\n    - x\nu:\n  - a\n  -\n    a: a\n    b: a\n");
	expands("os: a\nt: {{\n    os\n  }}\n", "os: a\nt: a\n");
	/* Texts stay as they are. */
	expands("os: a\nt: |\n  x: {{ os }}'s\nu: \"y:\n  - {{ os }}\"\ntest: {run: 'x: {{ os }}'}\n",
	        "os: a\nt: |\n  x: a's\ntest:\n  run: \"x: {{ os }}\"\nu: \"y: - a\"\n");
	expands("# {{ x }}: {{\nt: {}\nu: {a: {}}\n", "t: {}\nu:\n  a: {}\n");
	expands_with(&with, "os: a\n", "k: a\nl: a-1\nm:\n  - a\n  - b\nos: a\n");
	refuses("a: {{ b + 1 }}\n", "job.yaml:1:4: found \"{{ b + 1 }}\", allowed between the braces: the name of a key");
	refuses("a: {{\n  case b when 'c' then 1 }}\n", "job.yaml:1:4: found \"{{ case b when 'c' then 1 }}\", allowed between");
	refuses("a: {{ b\n", "job.yaml:");
	refuses("{{ b }}: c\n", "job.yaml:1:1: a key has to be one word");
	refuses("a: {{b: c}: d}\n", "job.yaml:1:5: a key has to be one word");
}
END_TEST

START_TEST(names_that_grow_are_bounded)
{
	struct str text = STR_INIT;

	for (char c = 'a'; c < 'o'; c++)
		str_addf(&text, "%c: '{{ %c }}{{ %c }}{{ %c }}{{ %c }}'\n", c, c + 1, c + 1, c + 1, c + 1);
	str_add(&text, "o: 'xxxxxxxxxxxxxxxxxxxx'\n");
	refuses(text.buf, "job.yaml:");
	/* Growing in number, not in length. */
	str_remove_front(&text, 0);
	str_set_len(&text, text.len - strlen("o: 'xxxxxxxxxxxxxxxxxxxx'\n"));
	str_add(&text, "o: ''\n");
	refuses(text.buf, "job.yaml:");
	str_release(&text);
}
END_TEST

START_TEST(what_was_expanded_expands_to_itself)
{
	static const char *const texts[] = {
		"os: debian\na.b+: x\n'key: x': \"multi\\nline\\n\"\nltp: {list: [a, {b: [c]}, []]}\nn: 1.50\nq: '~'\n",
		"a: \"\\x85\\u2028 x\"\n? \"k\\nl\"\n: |\n  script\n   more\n\n  end\ne: ''\n",
		"a: |\n  x\n  \ttab\n  \t\n  y\n",
		"s: |2\n   indented\nt: |+\n  keep\n\nu: \"\\ttab\"\nv: '- x'\nw: '# x'\n'': empty\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct error err = ERROR_INIT;
		struct str once = STR_INIT, twice = STR_INIT;

		ck_assert_msg(try_expand(&once, texts[i], NULL, &err) == 0, "%s", err.text);
		ck_assert_msg(try_expand(&twice, once.buf, NULL, &err) == 0, "%s\n%s", err.text, once.buf);
		ck_assert_str_eq(once.buf, twice.buf);
		str_release(&once);
		str_release(&twice);
	}
}
END_TEST

START_TEST(a_script_that_is_indented_with_tabs_stays_readable)
{
	expands("run: \"if a\\nthen\\n\\tb\\n\\nfi\\n\"\n", "run: |\n  if a\n  then\n  \tb\n\n  fi\n");
}
END_TEST

START_TEST(each_document_behind_the_mark_of_expand_is_a_job)
{
	expands("# each document is a job\n---\nx: 1\n---\ny: 2\n", "# document=1\nx: 1\n# document=2\n\"y\": 2\n");
	expands("# Each document is a job\n---\nx: 1\n---\ny: 2\n", "x: 1\n\"y\": 2\n");
}
END_TEST

START_TEST(resolved_documents_are_read_back)
{
	static struct memory_file files[] = { { "a.yaml", "os: [b, a]\n" }, { 0 } };
	static const char text[] = "<<: a.yaml\n---\nx: 1\n---\nx: 2\n";
	struct job_files source = { read_memory, files };
	struct job_load_options options = { .files = &source };
	struct job_documents documents;
	struct error err = ERROR_INIT;
	struct str printed = STR_INIT, direct = STR_INIT, again = STR_INIT;
	struct arguments with = { .files = files };

	ck_assert_int_eq(job_load(&documents, "job.yaml", text, strlen(text), &options, &err), 0);
	job_documents_print(&printed, &documents);
	job_documents_release(&documents);
	ck_assert_int_eq(try_expand(&direct, text, &with, &err), 0);
	ck_assert_int_eq(try_expand(&again, printed.buf, NULL, &err), 0);
	ck_assert_str_eq(direct.buf, again.buf);
	str_release(&printed);
	str_release(&direct);
	str_release(&again);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job language");
	TCase *tc = tcase_create("language");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, an_included_file_gives_way_to_what_is_written);
	tcase_add_test(tc, what_stands_beside_an_included_file_wins_over_it);
	tcase_add_test(tc, a_file_that_is_wrong_is_told_with_its_own_place);
	tcase_add_test(tc, the_documents_of_an_included_file_follow);
	tcase_add_test(tc, of_lkp_tests_the_first_document_is_a_job_too);
	tcase_add_test(tc, no_file_outside_of_the_search_path_is_named);
	tcase_add_test(tc, files_that_include_each_other_are_refused);
	tcase_add_test(tc, files_have_a_number_and_a_size);
	tcase_add_test(tc, override_wins_over_what_stands_before_it);
	tcase_add_test(tc, the_first_document_is_common_to_the_others);
	tcase_add_test(tc, increments_add_and_take_away);
	tcase_add_test(tc, long_increments_take_no_long_time);
	tcase_add_test(tc, a_dotted_key_is_a_path);
	tcase_add_test(tc, arguments_after_the_file_win_and_those_before_it_give_way);
	tcase_add_test(tc, a_program_without_a_value_takes_what_the_defaults_say);
	tcase_add_test(tc, arguments_are_keys_paths_increments_lists_and_links);
	tcase_add_test(tc, lists_make_a_job_of_each_combination);
	tcase_add_test(tc, a_list_under_any_program_of_lkp_makes_jobs);
	tcase_add_test(tc, linked_keys_move_together);
	tcase_add_test(tc, a_million_jobs_are_refused);
	tcase_add_test(tc, programs_may_stand_in_pp_or_program);
	tcase_add_test(tc, a_block_of_a_role_counts_where_the_role_is_played);
	tcase_add_test(tc, names_in_braces_are_the_values_of_other_keys);
	tcase_add_test(tc, names_in_braces_need_no_quotes);
	tcase_add_test(tc, names_that_grow_are_bounded);
	tcase_add_test(tc, what_was_expanded_expands_to_itself);
	tcase_add_test(tc, a_script_that_is_indented_with_tabs_stays_readable);
	tcase_add_test(tc, each_document_behind_the_mark_of_expand_is_a_job);
	tcase_add_test(tc, resolved_documents_are_read_back);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
