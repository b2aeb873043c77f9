/*
 * search/ on histories that are no lines: several roots, octopus and criss-cross merges, several good ends, parents that do not build,
 * and what is said when a good end is none.
 */
#include <check.h>
#include <stdint.h>

#include "search/search.h"

#define MAX_COMMITS 64u
#define NOWHERE UINT32_MAX

static uint64_t seed;

/* splitmix64 (Steele, Lea, Flood 2014) */
static double dice(void)
{
	uint64_t x = seed += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (double)((x ^ x >> 31) >> 11) * 0x1p-53;
}

static struct graph graph;
static uint32_t good[4];
static size_t n_good;
static double rate;			/* at which bad commits fail; good ones never do */
static bool broken[MAX_COMMITS], skips[MAX_COMMITS];
static struct search *search;

static void set_up(void)
{
	graph = (struct graph){ 0 };
	search = NULL;
	n_good = 0;
	rate = 1;
	memset(broken, 0, sizeof(broken));
	memset(skips, 0, sizeof(skips));
	seed = 1;
}

static void tear_down(void)
{
	search_free(search);
	graph_release(&graph);
}

static uint32_t add(size_t n, const uint32_t *parents)
{
	uint32_t v;

	ck_assert_int_eq(graph_add(&graph, parents, n, &v, NULL), 0);
	ck_assert_uint_lt(v, MAX_COMMITS);
	return v;
}

static uint32_t add_line(uint32_t from, unsigned n)
{
	while (n--)
		from = add(1, &from);
	return from;
}

/* To the verdict, one run at a time; the bad end is the newest commit. */
static const struct search_verdict *play(uint32_t culprit)
{
	struct search_probe probe;
	unsigned runs = 0;

	search_free(search);
	ck_assert_int_eq(search_new(&search, &graph, graph.n - 1, good, n_good, NULL, NULL), 0);
	while (search_verdict(search)->kind == VERDICT_NONE && search_next(search, &probe)) {
		bool bad = graph_is_ancestor(&graph, culprit, probe.commit);
		enum observation seen = bad && dice() < rate ? OBSERVED_BAD : OBSERVED_GOOD;

		if (broken[probe.commit] || skips[probe.commit])
			seen = broken[probe.commit] ? OBSERVED_BROKEN : OBSERVED_SKIP;
		search_observe(search, probe.commit, seen, true);
		ck_assert_uint_le(++runs, 2000);
	}
	return search_verdict(search);
}

static bool is_candidate(uint32_t v)
{
	for (size_t i = 0; i < n_good; i++)
		if (graph_is_ancestor(&graph, v, good[i]))
			return false;
	return graph_is_ancestor(&graph, v, graph.n - 1);
}

static void check_culprit(uint32_t culprit)
{
	const struct search_verdict *verdict = play(culprit);

	ck_assert_msg(verdict->kind == VERDICT_CULPRIT && verdict->culprit == culprit, "culprit %u: %s %u: %s", culprit,
		verdict_kind_name(verdict->kind), verdict->culprit, verdict->reason);
	ck_assert_int_eq(verdict->is_merge, graph.first[culprit + 1] - graph.first[culprit] > 1);
}

/* Every candidate in turn: always right where the error always shows, nearly always where it is flaky. */
static void check_every_culprit(void)
{
	unsigned right = 0, all = 0;

	for (uint32_t v = 0; v < graph.n; v++)
		if (is_candidate(v))
			check_culprit(v);
	rate = 0.5;
	for (unsigned times = 0; times < 8; times++) {
		for (uint32_t v = 0; v < graph.n; v++) {
			if (!is_candidate(v))
				continue;
			all++;
			right += play(v)->kind == VERDICT_CULPRIT && search_verdict(search)->culprit == v;
		}
	}
	ck_assert_msg(right >= 0.97 * all, "%u of %u", right, all);
}

static void check_range(uint32_t culprit, size_t n, const uint32_t *candidates)
{
	const struct search_verdict *verdict = play(culprit);

	ck_assert_msg(verdict->kind == VERDICT_RANGE && verdict->n_candidates == n &&
		!memcmp(verdict->candidates, candidates, n * sizeof(*candidates)), "culprit %u: %s of %zu: %s", culprit,
		verdict_kind_name(verdict->kind), verdict->n_candidates, verdict->reason);
}

START_TEST(a_history_of_three_roots_is_searched_to_any_of_its_commits)
{
	uint32_t a = add_line(add(0, NULL), 4), b = add_line(add(0, NULL), 3), c = add_line(add(0, NULL), 3), merge;

	good[n_good++] = 0;
	merge = add_line(add(2, (uint32_t[]){ a, b }), 2);
	add_line(add(2, (uint32_t[]){ merge, c }), 2);
	check_every_culprit();
}
END_TEST

START_TEST(without_a_good_end_several_roots_are_searched_as_well)
{
	uint32_t a = add_line(add(0, NULL), 3), b = add_line(add(0, NULL), 3);

	add_line(add(2, (uint32_t[]){ a, b }), 2);
	check_every_culprit();
}
END_TEST

START_TEST(an_octopus_of_six_is_searched_to_any_of_its_arms_and_to_itself)
{
	uint32_t root = add(0, NULL), arm[6], merge;

	good[n_good++] = root;
	for (unsigned i = 0; i < 6; i++)
		arm[i] = add_line(root, 1 + i % 4);
	merge = add(6, arm);
	add_line(merge, 3);
	check_every_culprit();
}
END_TEST

START_TEST(a_ladder_of_criss_cross_merges_is_searched_to_any_of_its_rungs)
{
	uint32_t root = add(0, NULL), left = add(1, &root), right = add(1, &root);

	good[n_good++] = root;
	for (unsigned i = 0; i < 6; i++) {
		uint32_t next_left = add(2, (uint32_t[]){ left, right }), next_right = add(2, (uint32_t[]){ right, left });

		left = add(1, &next_left);
		right = add(1, &next_right);
	}
	add(2, (uint32_t[]){ left, right });
	check_every_culprit();
}
END_TEST

START_TEST(several_good_ends_on_several_branches_leave_what_none_of_them_contains)
{
	uint32_t root = add(0, NULL), a = add_line(root, 3), b = add_line(root, 3), c = add_line(a, 3), merge;

	good[n_good++] = a;
	good[n_good++] = b;
	good[n_good++] = root;			/* says nothing that the others do not say */
	merge = add(3, (uint32_t[]){ c, add_line(b, 4), add_line(root, 3) });
	add_line(merge, 2);
	check_every_culprit();
	ck_assert(!is_candidate(a) && !search_is_candidate(search, a));
	ck_assert(!is_candidate(b) && !search_is_candidate(search, b));
}
END_TEST

START_TEST(a_merge_is_blamed_when_all_its_parents_passed_and_the_verdict_says_so)
{
	uint32_t root = add(0, NULL), left = add_line(root, 3), right = add_line(root, 3);
	uint32_t merge = add(2, (uint32_t[]){ left, right });
	const struct search_verdict *verdict;
	unsigned counts[OBSERVED_NKINDS];

	good[n_good++] = root;
	add_line(merge, 3);
	verdict = play(merge);
	ck_assert_int_eq(verdict->kind, VERDICT_CULPRIT);
	ck_assert_uint_eq(verdict->culprit, merge);
	ck_assert(verdict->is_merge);
	ck_assert_ptr_nonnull(strstr(verdict->reason, "its parents passed"));
	search_counts(search, left, counts);
	ck_assert_uint_ge(counts[OBSERVED_GOOD], 1);
	search_counts(search, right, counts);
	ck_assert_uint_ge(counts[OBSERVED_GOOD], 1);
}
END_TEST

START_TEST(a_parent_of_a_merge_that_cannot_be_built_makes_a_range_of_it_and_the_merge)
{
	uint32_t root = add(0, NULL), left = add_line(root, 3), right = add_line(root, 3);
	uint32_t merge = add(2, (uint32_t[]){ left, right });

	good[n_good++] = root;
	add_line(merge, 3);
	broken[right] = true;
	check_range(merge, 2, (uint32_t[]){ right, merge });
	check_range(right, 2, (uint32_t[]){ right, merge });
	check_culprit(left);
	check_culprit(right - 1);
	skips[left] = true;
	check_range(merge, 3, (uint32_t[]){ left, right, merge });
	check_range(left, 3, (uint32_t[]){ left, right, merge });
	check_culprit(merge + 1);
}
END_TEST

START_TEST(a_merge_that_cannot_be_built_makes_a_range_of_it_and_what_comes_after)
{
	uint32_t root = add(0, NULL), left = add_line(root, 3), right = add_line(root, 3);
	uint32_t merge = add(2, (uint32_t[]){ left, right });

	good[n_good++] = root;
	add_line(merge, 3);
	broken[merge] = true;
	check_range(merge, 2, (uint32_t[]){ merge, merge + 1 });
	check_range(merge + 1, 2, (uint32_t[]){ merge, merge + 1 });
	check_culprit(left);
	check_culprit(right);
}
END_TEST

/* good ends that are none */

START_TEST(a_good_end_that_fails_beside_one_that_passes_is_named_and_rarely_anybody_else)
{
	unsigned named = 0, blamed = 0;

	for (unsigned times = 0; times < 200; times++) {
		const struct search_verdict *verdict;
		uint32_t root, a, b, merge;
		unsigned counts[OBSERVED_NKINDS];
		char said[40];

		graph_release(&graph);
		root = add(0, NULL);
		a = add_line(root, 4);
		b = add_line(root, 4);
		merge = add(2, (uint32_t[]){ add_line(a, 3), add_line(b, 3) });
		add_line(merge, 2);
		good[0] = a;
		good[1] = b;
		n_good = 2;
		seed = times;
		rate = times % 2 ? 0.7 : 1;
		verdict = play(a);
		blamed += verdict->kind == VERDICT_CULPRIT || verdict->kind == VERDICT_RANGE;
		if (verdict->kind != VERDICT_NO_GOOD_COMMIT)
			continue;
		named++;
		ck_assert_uint_eq(verdict->culprit, a);
		search_counts(search, a, counts);
		snprintf(said, sizeof(said), "in %u of %u run", counts[OBSERVED_BAD],
			counts[OBSERVED_BAD] + counts[OBSERVED_GOOD]);
		ck_assert_ptr_nonnull(strstr(verdict->reason, said));
	}
	ck_assert_uint_ge(named, 194);
	ck_assert_uint_le(blamed, 4);
}
END_TEST

START_TEST(no_change_is_said_only_where_the_good_end_fails_like_the_rest)
{
	for (unsigned always = 0; always < 2; always++) {
		search_free(search);
		graph_release(&graph);
		good[0] = add(0, NULL);
		add_line(0, 8);
		ck_assert_int_eq(search_new(&search, &graph, 8, good, 1, NULL, NULL), 0);
		for (unsigned i = 0; i < 20; i++) {
			search_observe(search, 8, i % 2 ? OBSERVED_BAD : OBSERVED_GOOD, false);
			search_observe(search, 0, always || i % 2 ? OBSERVED_BAD : OBSERVED_GOOD, false);
		}
		ck_assert_int_eq(search_verdict(search)->kind, always ? VERDICT_NO_GOOD_COMMIT : VERDICT_NO_CHANGE);
		ck_assert_ptr_nonnull(strstr(search_verdict(search)->reason, always ? "in 20 of 20 runs" : "in 10 of 20"));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("search and shapes");
	TCase *tests = tcase_create("shapes");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_history_of_three_roots_is_searched_to_any_of_its_commits);
	tcase_add_test(tests, without_a_good_end_several_roots_are_searched_as_well);
	tcase_add_test(tests, an_octopus_of_six_is_searched_to_any_of_its_arms_and_to_itself);
	tcase_add_test(tests, a_ladder_of_criss_cross_merges_is_searched_to_any_of_its_rungs);
	tcase_add_test(tests, several_good_ends_on_several_branches_leave_what_none_of_them_contains);
	tcase_add_test(tests, a_merge_is_blamed_when_all_its_parents_passed_and_the_verdict_says_so);
	tcase_add_test(tests, a_parent_of_a_merge_that_cannot_be_built_makes_a_range_of_it_and_the_merge);
	tcase_add_test(tests, a_merge_that_cannot_be_built_makes_a_range_of_it_and_what_comes_after);
	tcase_add_test(tests, a_good_end_that_fails_beside_one_that_passes_is_named_and_rarely_anybody_else);
	tcase_add_test(tests, no_change_is_said_only_where_the_good_end_fails_like_the_rest);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
