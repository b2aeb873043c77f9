#include "tests/unit/search_fixture.h"

#include <check.h>

struct graph graph;
struct search *search;
struct search_options options;

void set_up(void)
{
	graph = (struct graph){ 0 };
	search = NULL;
	options = (struct search_options){ 0 };
}

void tear_down(void)
{
	search_free(search);
	graph_release(&graph);
}

uint32_t add(size_t n, const uint32_t *parents)
{
	uint32_t v;

	ck_assert_int_eq(graph_add(&graph, parents, n, &v, NULL), 0);
	return v;
}

void start_linear(uint32_t n)
{
	uint32_t good = 0;

	add(0, NULL);
	for (uint32_t v = 0; v < n; v++)
		add(1, &v);
	ck_assert_int_eq(search_new(&search, &graph, n, &good, 1, &options, NULL), 0);
}

void start_trusted(uint32_t n)
{
	options.trust_ends = options.trust_runs = true;
	start_linear(n);
}

void see(uint32_t v, enum observation observation)
{
	search_observe(search, v, observation, false);
}

void see_times(uint32_t v, enum observation observation, unsigned times)
{
	while (times--)
		see(v, observation);
}

enum verdict_kind kind(void)
{
	return search_verdict(search)->kind;
}

struct search_probe take(void)
{
	struct search_probe probe;

	ck_assert(search_next(search, &probe));
	return probe;
}

void take_expecting(uint32_t commit, enum search_purpose purpose)
{
	struct search_probe probe = take();

	ck_assert_uint_eq(probe.commit, commit);
	ck_assert_str_eq(search_purpose_name(probe.purpose), search_purpose_name(purpose));
}

void none_to_take(void)
{
	struct search_probe probe;

	ck_assert(!search_next(search, &probe));
}

void answer(uint32_t v, enum observation observation)
{
	search_observe(search, v, observation, true);
}

void see_both_ends(uint32_t bad)
{
	see_times(bad, OBSERVED_BAD, 2);
	see_times(0, OBSERVED_GOOD, 2);
}

enum observation as_if(uint32_t culprit, uint32_t v)
{
	return v >= culprit ? OBSERVED_BAD : OBSERVED_GOOD;
}

unsigned play_linear(uint32_t culprit)
{
	struct search_probe probe;
	unsigned n = 0;

	for (; kind() == VERDICT_NONE; n++) {
		ck_assert_uint_lt(n, 200);
		if (search_next(search, &probe))
			answer(probe.commit, as_if(culprit, probe.commit));
	}
	return n;
}

double believed(uint32_t v)
{
	double belief[64];

	ck_assert_uint_le(graph.n, 64);
	search_belief(search, belief);
	return belief[v];
}
