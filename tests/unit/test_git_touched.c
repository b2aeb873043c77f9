#include "git/touched.h"

#include <check.h>
#include <time.h>

#include "base/child.h"
#include "base/file.h"
#include "base/mem.h"
#include "search/search.h"
#include "tests/unit/git_fixture.h"

#define GOOD(...) (const char *const []){ __VA_ARGS__, NULL }

/*
 * libgit2 1.5 loses its match data for each setting of a version 1 repository that is no extension.
 */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libpcre2-8.so";
}

static struct error err;
static struct history history;
static struct repository *repository;
static struct strv names, paths;
static bool *touched;

static void enter(void)
{
	fixture_enter();
	err = (struct error)ERROR_INIT;
}

static void leave(void)
{
	history_release(&history);
	repository_free(repository);
	strv_release(&names);
	strv_release(&paths);
	free(touched);
	fixture_leave();
}

static void load(const char *path, bool first_parent, const char *bad, const char *const *good)
{
	ck_assert_msg(repo_history(&history, path, bad, first_parent, &err, good) == 0, "%s", err.text);
	ck_assert_msg(repository_open(&repository, path, &err) == 0, "%s", err.text);
}

static void look(void)
{
	ck_assert_msg(touched_load(&touched, repository, &history, &paths, &err) == 0, "%s", err.text);
}

static bool touches(const char *path, const char *revision)
{
	uint32_t v = history_find(&history, repo_id(path, revision));

	ck_assert_uint_ne(v, UINT32_MAX);
	return touched[v];
}

/* Below "r", with its directories. */
static void write_file(const char *name, const char *text)
{
	char *path = mem_printf("r/%s", name), *dir = mem_strdup(path);

	*strrchr(dir, '/') = '\0';
	ck_assert_int_eq(dir_make(dir, 0777, NULL), 0);
	fixture_write(path, text);
	free(path);
	free(dir);
}

START_TEST(a_commit_touches_what_differs_from_all_its_parents)
{
	/* files/NAME comes with NAME; "f" changes in each, and in a merge is neither side's */
	repo_import("r", "root\na root\nb root\nm a b\nc m\n");
	load("r", false, "c", GOOD("root"));
	strv_push(&paths, "files/a");
	strv_push(&paths, "files/none");
	strv_push(&paths, "files/a/below");
	look();
	ck_assert(touches("r", "a") && !touches("r", "b") && !touches("r", "m") && !touches("r", "c"));
	ck_assert(!touches("r", "root"));
	free(touched);
	strv_push(&paths, "f");
	look();
	ck_assert(touches("r", "b") && touches("r", "m") && touches("r", "c") && !touches("r", "root"));
}
END_TEST

START_TEST(along_first_parents_a_merge_touches_what_it_brings_in)
{
	repo_import("r", "root\na root\nb root\n");
	git_ok("r", "checkout", "--quiet", "-b", "m", "a", NULL);
	git_ok("r", "merge", "--quiet", "--strategy=ours", "--no-commit", "b", NULL);
	write_file("files/b", "1\n");
	repo_commit("r", "merge b");
	git_ok("r", "branch", "c", NULL);
	git_ok("r", "checkout", "--quiet", "c", NULL);
	repo_commit("r", "nothing");
	strv_push(&paths, "files/b");
	load("r", false, "c", GOOD("root"));
	look();
	ck_assert(touches("r", "b") && !touches("r", "m") && !touches("r", "c"));
	free(touched);
	repository_free(repository);
	history_release(&history);
	load("r", true, "c", GOOD("root"));
	look();
	ck_assert(touches("r", "m") && !touches("r", "a") && !touches("r", "c"));
}
END_TEST

START_TEST(what_is_touched_is_what_git_log_lists)
{
	struct strv listed = STRV_INIT;
	struct str path = STR_INIT, text = STR_INIT;

	git_ok(NULL, "init", "--quiet", "r", NULL);
	for (unsigned i = 0; i < 40; i++) {
		write_file(str_setf(&path, "src%u/file%u.c", i * 7 % 3, i * 5 % 4), str_setf(&text, "%u", i));
		if (i % 11 == 10)
			git_ok("r", "rm", "--quiet", "--force", "--ignore-unmatch", "src1/file1.c", NULL);
		repo_commit("r", "x");
	}
	str_release(&path);
	str_release(&text);
	load("r", false, "HEAD", GOOD("HEAD~38"));
	strv_push(&paths, "src1/file1.c");
	strv_push(&paths, "src2/file3.c");
	look();
	for (const char *p = git_says("r", "rev-list", "HEAD~38..HEAD", "--", "src1/file1.c", "src2/file3.c", NULL); *p;) {
		strv_pushf(&listed, "%.*s", GIT_HEX, p);
		p += GIT_HEX + (p[GIT_HEX] == '\n');
	}
	ck_assert_uint_gt(listed.n, 3);
	for (uint32_t v = 0; v < history.graph.n; v++)
		ck_assert_int_eq(touched[v], strv_has(&listed, history.hex[v]));
	strv_release(&listed);
}
END_TEST

static const char *resolved(void)
{
	static struct str joined = STR_INIT;

	strv_release(&paths);
	ck_assert_msg(touched_resolve(&paths, repository, repo_id("r", "HEAD"), &names, &err) == 0, "%s", err.text);
	str_clear(&joined);
	for (size_t i = 0; i < paths.n; i++)
		str_addf(&joined, "%s%s", i ? " " : "", paths.v[i]);
	strv_release(&names);
	return joined.buf;
}

START_TEST(a_name_from_a_log_means_the_files_that_end_like_it)
{
	static const char *const files[] = { "a/x.c", "b/x.c", "x.c", "src/deep/y.c", "Makefile" };

	git_ok(NULL, "init", "--quiet", "r", NULL);
	git_ok("r", "commit", "--quiet", "--allow-empty", "-m", "first", NULL);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		write_file(files[i], "");
	for (unsigned i = 1; i <= 9; i++) {
		char *name = mem_printf("many/%u/m.c", i);

		write_file(name, "");
		free(name);
	}
	repo_commit("r", "files");
	ck_assert_msg(repository_open(&repository, "r", &err) == 0, "%s", err.text);
	strv_push(&names, "deep/y.c");
	ck_assert_str_eq(resolved(), "src/deep/y.c");
	strv_push(&names, "/build/tree/src/deep/y.c");
	ck_assert_str_eq(resolved(), "src/deep/y.c");
	/* the longest common end, not each file of that name */
	strv_push(&names, "/build/a/x.c");
	ck_assert_str_eq(resolved(), "a/x.c");
	strv_push(&names, "x.c");
	ck_assert_str_eq(resolved(), "a/x.c b/x.c x.c");
	strv_push(&names, "Makefile");
	strv_push(&names, "Makefile");
	ck_assert_str_eq(resolved(), "Makefile");
	/* "_y.c" is no "y.c", and a header of the system none of ours */
	strv_push(&names, "my_y.c");
	strv_push(&names, "other/y.c");
	strv_push(&names, "/usr/include/stdio.h");
	strv_push(&names, "src/deep");
	strv_push(&names, "");
	strv_push(&names, "/");
	ck_assert_str_eq(resolved(), "");
	/* more than a few say nothing */
	strv_push(&names, "m.c");
	ck_assert_str_eq(resolved(), "");
	strv_push(&names, "3/m.c");
	ck_assert_str_eq(resolved(), "many/3/m.c");
}
END_TEST

/* Like a program's history: some directories of some files, a merge now and then. */
static void import_ten_thousand(void)
{
	static const char *const argv[] = { "git", "-C", "r", "fast-import", "--quiet", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct child_exit exit;
	struct str stream = STR_INIT, complaint = STR_INIT;

	git_ok(NULL, "init", "--quiet", "r", NULL);
	for (unsigned i = 0; i <= 10000; i++) {
		str_addf(&stream, "commit refs/heads/big\nmark :%u\ncommitter C <c@example.org> %u +0000\ndata 1\nx\n", i + 1,
			1600000000 + i);
		if (i)
			str_addf(&stream, "from :%u\n", i);
		if (i % 7 == 6)
			str_addf(&stream, "merge :%u\n", i - 4);
		for (unsigned file = 0; file < 2000 && !i; file++)
			str_addf(&stream, "M 100644 inline dir%u/below/file%u.c\ndata 1\n0\n", file % 40, file / 40);
		if (i)
			str_addf(&stream, "M 100644 inline dir%u/below/file%u.c\ndata 5\n%05u\n", i % 40, i / 40 % 50, i);
	}
	options.argv = argv;
	options.stderr_fd = CHILD_PIPE;
	options.timeout_ms = 120000;
	ck_assert_msg(child_run(&exit, NULL, &complaint, stream.buf, stream.len, 0, &options, &err) == 0, "%s", err.text);
	ck_assert_msg(exit.status == 0, "%s", complaint.buf);
	str_release(&stream);
	str_release(&complaint);
}

START_TEST(ten_thousand_commits_are_looked_through_in_seconds)
{
	struct timespec begin, end;
	double seconds;
	unsigned n = 0;

	import_ten_thousand();
	load("r", false, "big", GOOD("big~9999"));
	strv_push(&paths, "dir3/below/file7.c");
	strv_push(&paths, "dir3/below/file8.c");
	strv_push(&paths, "dir5/below/file7.c");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	look();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	seconds = (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
	for (uint32_t v = 0; v < history.graph.n; v++)
		n += touched[v];
	if (getenv("VERBOSE"))
		printf("%zu commits, %u touch: %.3f s\n", history.n_range, n, seconds);
	ck_assert_uint_ge(n, 9);
	ck_assert_uint_le(n, 20);
	/* a fraction of a second without sanitizers, on a quiet machine */
	ck_assert_msg(seconds < 5, "%.1f s", seconds);
}
END_TEST

/* --- What the prior is worth, by the search itself --- */

static void make_line(uint32_t n)
{
	history = (struct history){ .bad = n - 1, .n_range = n - 1 };
	history.in_range = mem_array(n, sizeof(bool));
	for (uint32_t v = 0; v < n; v++) {
		uint32_t parent = v - 1, made;

		ck_assert_int_eq(graph_add(&history.graph, &parent, v > 0, &made, NULL), 0);
		history.in_range[v] = v > 0;
	}
	touched = mem_array(n, sizeof(bool));
}

static unsigned random_of(uint64_t *seed, unsigned n)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*seed >> 33) % n;
}

/* Runs to the verdict, the prior set when the bad end has shown the error as `run` does it; *wrong counts innocents. */
static unsigned play(uint32_t culprit, double rate, bool with_prior, uint64_t seed, unsigned *wrong)
{
	static const uint32_t good = 0;
	struct search_options options = { .reproducible = rate < 1 ? 0 : 0.9 };
	const struct search_verdict *verdict;
	struct search *search = NULL;
	struct search_probe probe;
	double *prior = with_prior ? touched_prior(&history, touched) : NULL;
	unsigned runs = 0;

	ck_assert_int_eq(search_new(&search, &history.graph, history.bad, &good, 1, &options, NULL), 0);
	while (search_next(search, &probe)) {
		bool fails = probe.commit >= culprit && random_of(&seed, 1000) < 1000 * rate;

		search_observe(search, probe.commit, fails ? OBSERVED_BAD : OBSERVED_GOOD, true);
		if (fails && prior) {
			search_set_prior(search, prior);
			free(prior);
			prior = NULL;
		}
		runs++;
	}
	verdict = search_verdict(search);
	*wrong += verdict->kind == VERDICT_CULPRIT && verdict->culprit != culprit;
	free(prior);
	search_free(search);
	return runs;
}

static void compare(double rate, bool misleading, unsigned trials, double ret_mean[2], unsigned ret_wrong[2])
{
	unsigned sum[2] = { 0 };
	uint64_t seed = 7;

	for (unsigned i = 0; i < trials; i++) {
		uint32_t culprit = 1 + random_of(&seed, (unsigned)history.n_range);

		memset(touched, 0, history.graph.n);
		for (unsigned k = 0; k < 10; k++)
			touched[1 + random_of(&seed, (unsigned)history.n_range)] = true;
		touched[culprit] = !misleading;
		for (unsigned with = 0; with < 2; with++)
			sum[with] += play(culprit, rate, with, i, &ret_wrong[with]);
	}
	for (unsigned with = 0; with < 2; with++)
		ret_mean[with] = (double)sum[with] / trials;
}

START_TEST(a_culprit_that_touches_the_named_file_is_found_in_fewer_runs)
{
	double mean[2];
	unsigned wrong[2] = { 0 };

	make_line(1001);
	compare(1, false, 100, mean, wrong);
	ck_assert_msg(mean[1] < mean[0] - 3, "%.2f runs with, %.2f without", mean[1], mean[0]);
	ck_assert_uint_eq(wrong[0] + wrong[1], 0);
	if (getenv("VERBOSE"))
		printf("%.2f with, %.2f without\n", mean[1], mean[0]);
	compare(0.5, false, 25, mean, wrong);
	ck_assert_msg(mean[1] < mean[0] - 5, "%.2f runs with, %.2f without", mean[1], mean[0]);
	if (getenv("VERBOSE"))
		printf("flaky: %.2f with, %.2f without\n", mean[1], mean[0]);
}
END_TEST

START_TEST(an_error_that_names_the_wrong_file_costs_at_most_a_few_runs)
{
	double mean[2];
	unsigned wrong[2] = { 0 };

	make_line(1001);
	compare(1, true, 100, mean, wrong);
	ck_assert_msg(mean[1] < mean[0] + 2, "%.2f runs with, %.2f without", mean[1], mean[0]);
	ck_assert_uint_eq(wrong[0] + wrong[1], 0);
	if (getenv("VERBOSE"))
		printf("misleading: %.2f with, %.2f without\n", mean[1], mean[0]);
	compare(0.5, true, 25, mean, wrong);
	ck_assert_msg(mean[1] < mean[0] + 6, "%.2f runs with, %.2f without", mean[1], mean[0]);
	ck_assert_uint_le(wrong[1], wrong[0] + 1);
	if (getenv("VERBOSE"))
		printf("misleading, flaky: %.2f with, %.2f without, wrong %u, %u\n", mean[1], mean[0], wrong[1], wrong[0]);
}
END_TEST

START_TEST(nothing_and_everything_touched_is_no_prior_and_a_lone_one_is_raised_only_so_far)
{
	double *prior;

	make_line(1001);
	ck_assert_ptr_null(touched_prior(&history, touched));
	touched[17] = true;
	prior = touched_prior(&history, touched);
	ck_assert_double_eq_tol(prior[17] / prior[18], 50, 1e-9);
	free(prior);
	for (uint32_t v = 0; v < 400; v++)
		touched[v] = true;
	prior = touched_prior(&history, touched);
	ck_assert(prior[17] / prior[500] > 1 && prior[17] / prior[500] < 2);
	free(prior);
	memset(touched, true, history.graph.n);
	ck_assert_ptr_null(touched_prior(&history, touched));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("git touched");
	TCase *tests = tcase_create("touched");
	SRunner *runner;
	int failed;

	fixture_environment();
	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, enter, leave);
	tcase_add_test(tests, a_commit_touches_what_differs_from_all_its_parents);
	tcase_add_test(tests, along_first_parents_a_merge_touches_what_it_brings_in);
	tcase_add_test(tests, what_is_touched_is_what_git_log_lists);
	tcase_add_test(tests, a_name_from_a_log_means_the_files_that_end_like_it);
	tcase_add_test(tests, ten_thousand_commits_are_looked_through_in_seconds);
	tcase_add_test(tests, a_culprit_that_touches_the_named_file_is_found_in_fewer_runs);
	tcase_add_test(tests, an_error_that_names_the_wrong_file_costs_at_most_a_few_runs);
	tcase_add_test(tests, nothing_and_everything_touched_is_no_prior_and_a_lone_one_is_raised_only_so_far);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_FORK);	/* what one test leaves behind would be in the way of the next */
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
