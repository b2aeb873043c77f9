/*
 * search/graph: the arrays, and exact counting of ancestors.
 */
#include <check.h>
#include <math.h>
#include <stdint.h>

#include "search/graph.h"

static uint64_t seed;

static uint32_t dice(uint32_t sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % sides);
}

static uint32_t add(struct graph *graph, size_t n, const uint32_t *parents)
{
	uint32_t v;

	ck_assert_int_eq(graph_add(graph, parents, n, &v, NULL), 0);
	return v;
}

/* Mostly chains, with merges of up to `most` parents and now and then a new root. */
static struct graph random_graph(uint32_t n, uint32_t most)
{
	struct graph graph = { 0 };

	for (uint32_t v = 0; v < n; v++) {
		uint32_t parents[16], n_parents = 0;

		if (v && dice(40))
			n_parents = dice(4) ? 1 : 1 + dice(most);
		for (uint32_t i = 0; i < n_parents; i++)
			parents[i] = v - 1 - dice(v < 12 ? v : 12);
		ck_assert_uint_eq(add(&graph, n_parents, parents), v);
	}
	return graph;
}

static double naive(const struct graph *graph, uint32_t v, const bool *in, const double *weight)
{
	bool *seen = calloc(graph->n, sizeof(*seen));
	uint32_t *stack = calloc(graph->n, sizeof(*stack)), depth = 0;
	double sum = 0;

	stack[depth++] = v;
	seen[v] = true;
	while (depth) {
		uint32_t u = stack[--depth];

		if (!in || in[u])
			sum += weight ? weight[u] : 1;
		for (uint32_t e = graph->first[u]; e < graph->first[u + 1]; e++) {
			if (!seen[graph->parent[e]]) {
				seen[graph->parent[e]] = true;
				stack[depth++] = graph->parent[e];
			}
		}
	}
	free(seen);
	free(stack);
	return sum;
}

static void check_weights(const struct graph *graph, const bool *in, const double *weight)
{
	double *sums = calloc(graph->n, sizeof(*sums));

	graph_ancestor_weights(graph, in, weight, sums);
	for (uint32_t v = 0; v < graph->n; v++) {
		double want = naive(graph, v, in, weight);

		if (weight)
			ck_assert_double_eq_tol(sums[v], want, 1e-9);
		else
			ck_assert_double_eq(sums[v], want);
	}
	free(sums);
}

START_TEST(a_parent_must_exist_before_its_child)
{
	struct graph graph = { 0 };
	uint32_t vertex = 77, self = 0;
	struct error err = ERROR_INIT;

	ck_assert_int_eq(graph_add(&graph, &self, 1, &vertex, &err), -ERR_INVALID);
	ck_assert_uint_eq(vertex, 77);
	ck_assert_uint_eq(graph.n, 0);
	ck_assert_ptr_nonnull(strstr(err.text, "does not exist yet"));
	graph_release(&graph);
}
END_TEST

START_TEST(a_parent_named_twice_is_kept_once_and_in_order)
{
	struct graph graph = { 0 };
	uint32_t a = add(&graph, 0, NULL), b = add(&graph, 0, NULL);
	uint32_t v = add(&graph, 4, (uint32_t[]){ b, a, b, a });

	ck_assert_uint_eq(graph.first[v + 1] - graph.first[v], 2);
	ck_assert_uint_eq(graph.parent[graph.first[v]], b);
	ck_assert_uint_eq(graph.parent[graph.first[v] + 1], a);
	graph_release(&graph);
	ck_assert_uint_eq(graph.n, 0);
	ck_assert_ptr_null(graph.first);
}
END_TEST

START_TEST(an_ancestor_is_found_through_any_parent_and_a_sibling_is_none)
{
	struct graph graph = { 0 };
	uint32_t root = add(&graph, 0, NULL), left = add(&graph, 1, &root), right = add(&graph, 1, &root);
	uint32_t merge = add(&graph, 2, (uint32_t[]){ left, right });

	ck_assert(graph_is_ancestor(&graph, root, merge));
	ck_assert(graph_is_ancestor(&graph, right, merge));
	ck_assert(graph_is_ancestor(&graph, merge, merge));
	ck_assert(!graph_is_ancestor(&graph, left, right));
	ck_assert(!graph_is_ancestor(&graph, right, left));
	ck_assert(!graph_is_ancestor(&graph, merge, root));
	graph_release(&graph);
}
END_TEST

START_TEST(marked_ancestors_replace_what_was_marked_before)
{
	struct graph graph = { 0 };
	uint32_t a = add(&graph, 0, NULL), b = add(&graph, 0, NULL), c = add(&graph, 1, &a);
	bool marked[3] = { false, true, false };

	graph_mark_ancestors(&graph, c, marked);
	ck_assert(marked[a] && marked[c] && !marked[b]);
	graph_release(&graph);
}
END_TEST

START_TEST(merged_history_is_counted_once)
{
	struct graph graph = { 0 };
	uint32_t root = add(&graph, 0, NULL), sides[10];
	double sums[12];

	for (unsigned i = 0; i < 10; i++)
		sides[i] = add(&graph, 1, &root);
	add(&graph, 10, sides);
	graph_ancestor_weights(&graph, NULL, NULL, sums);
	ck_assert_double_eq(sums[11], 12);
	ck_assert_double_eq(sums[1], 2);
	graph_release(&graph);
}
END_TEST

START_TEST(ancestor_counts_equal_a_naive_count_on_random_histories)
{
	for (seed = 1; seed < 40; seed += 7) {
		/* sizes around the 512 columns of a block */
		const uint32_t sizes[] = { 1, 2, 63, 64, 65, 511, 512, 513, 700, 1100 };

		for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			struct graph graph = random_graph(sizes[i], 10);

			check_weights(&graph, NULL, NULL);
			graph_release(&graph);
		}
	}
}
END_TEST

START_TEST(ancestor_weights_equal_a_naive_sum_for_few_and_for_many_weights)
{
	for (seed = 3; seed < 60; seed += 11) {
		struct graph graph = random_graph(600 + dice(600), 5);
		bool *in = calloc(graph.n, sizeof(*in));
		double *few = calloc(graph.n, sizeof(*few)), *many = calloc(graph.n, sizeof(*many));

		for (uint32_t v = 0; v < graph.n; v++) {
			in[v] = dice(3) > 0;
			few[v] = v < graph.n / 2 ? 0.25 : 1;
			many[v] = dice(1000000) / 1e6;
		}
		check_weights(&graph, in, NULL);
		check_weights(&graph, NULL, few);
		check_weights(&graph, in, few);
		check_weights(&graph, NULL, many);
		check_weights(&graph, in, many);
		free(in);
		free(few);
		free(many);
		graph_release(&graph);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("search/graph");
	TCase *tests = tcase_create("graph");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_parent_must_exist_before_its_child);
	tcase_add_test(tests, a_parent_named_twice_is_kept_once_and_in_order);
	tcase_add_test(tests, an_ancestor_is_found_through_any_parent_and_a_sibling_is_none);
	tcase_add_test(tests, marked_ancestors_replace_what_was_marked_before);
	tcase_add_test(tests, merged_history_is_counted_once);
	tcase_add_test(tests, ancestor_counts_equal_a_naive_count_on_random_histories);
	tcase_add_test(tests, ancestor_weights_equal_a_naive_sum_for_few_and_for_many_weights);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
