/* What a run costs: the search weighs a repeat of what is built against a build of something new. */
#include "bisectd/bisection.h"

#include "base/mem.h"

/* Of a job that was never run: tests are mostly shorter than builds. */
#define BUILD_UNKNOWN_S 600.0
#define TEST_UNKNOWN_S 120.0
#define LEAST_S 0.001

static double seconds(int64_t ms, double unknown)
{
	if (ms < 0)
		return unknown;
	return ms > 0 ? (double)ms / 1000 : LEAST_S;
}

int bisection_costs(struct bisection *b, struct search_options *options, struct error *err)
{
	int64_t build_ms, test_ms;
	int r;

	/* Every run is a build of its own: runs are counted. */
	if (b->build_only)
		return 0;
	r = warehouse_durations(b->daemon->warehouse, b->row.identity, &build_ms, &test_ms, err);
	if (r < 0)
		return r;
	options->build_cost = seconds(build_ms, BUILD_UNKNOWN_S);
	options->test_cost = seconds(test_ms, TEST_UNKNOWN_S);
	/* Half known tells nothing of the other half but its usual share. */
	if (build_ms < 0 && test_ms >= 0)
		options->build_cost = options->test_cost * BUILD_UNKNOWN_S / TEST_UNKNOWN_S;
	if (test_ms < 0 && build_ms >= 0)
		options->test_cost = options->build_cost * TEST_UNKNOWN_S / BUILD_UNKNOWN_S;
	return 0;
}

static bool tell_built(const struct build_row *row, void *arg)
{
	struct bisection *b = arg;
	uint32_t v = bisection_vertex(b, row->commit);
	struct unit_plan plan;

	if (v == UINT32_MAX)
		return true;
	unit_plan_make(&plan, b->job, b->history.hex[v], b->history.tree[v], NULL, 0);
	if (!strcmp(plan.build_key, row->build_key) && artifact_exists(b->daemon->artifacts, row->artifact))
		search_built(b->search, v);
	return true;
}

int bisection_tell_built(struct bisection *b, struct error *err)
{
	return b->build_only ? 0 : warehouse_built(b->daemon->warehouse, tell_built, b, err);
}
