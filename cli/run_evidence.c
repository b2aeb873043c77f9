#include "cli/run_evidence.h"

#include <math.h>
#include <stdio.h>

#include "base/mem.h"

#define WORTH_TELLING 5e-5	/* what would be shown as 0.0 % is not */

static void side_add(struct evidence_side *side, const unsigned counts[OBSERVED_NKINDS])
{
	unsigned silent = counts[OBSERVED_SKIP] + counts[OBSERVED_BROKEN];

	if (!counts[OBSERVED_BAD] && !counts[OBSERVED_GOOD] && !silent)
		return;
	side->commits++;
	side->failed += counts[OBSERVED_BAD];
	side->passed += counts[OBSERVED_GOOD];
	side->silent += silent;
}

static void find_sides(struct evidence *evidence, const struct search *search, const struct graph *graph, uint32_t culprit)
{
	bool *has = mem_array(graph->n, sizeof(*has));
	unsigned counts[OBSERVED_NKINDS];

	for (uint32_t v = 0; v < graph->n; v++) {
		has[v] = v == culprit;
		for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++)
			has[v] |= has[graph->parent[e]];
		search_counts(search, v, counts);
		side_add(has[v] ? &evidence->with : &evidence->without, counts);
		if (v == culprit)
			side_add(&evidence->own, counts);
	}
	free(has);
}

static void find_others(struct evidence *evidence, const struct graph *graph, uint32_t culprit)
{
	const double *belief = evidence->belief;

	while (evidence->n_others < EVIDENCE_OTHERS_MAX) {
		uint32_t best = UINT32_MAX;

		for (uint32_t v = 0; v < graph->n; v++) {
			bool known = v == culprit || !(belief[v] > WORTH_TELLING);

			for (size_t i = 0; i < evidence->n_others && !known; i++)
				known = evidence->others[i] == v;
			if (!known && (best == UINT32_MAX || belief[v] > belief[best]))
				best = v;
		}
		if (best == UINT32_MAX)
			return;
		evidence->others[evidence->n_others++] = best;
	}
}

void evidence_make(struct evidence *ret, struct search *search, const struct history *history,
	const struct search_verdict *verdict)
{
	const struct graph *graph = &history->graph;
	double sum = 0;

	*ret = (struct evidence){ .has_culprit = verdict->kind == VERDICT_CULPRIT };
	ret->belief = mem_array(graph->n, sizeof(*ret->belief));
	search_belief(search, ret->belief);
	if (!ret->has_culprit)
		return;
	for (uint32_t v = 0; v < graph->n; v++)
		sum += ret->belief[v];
	ret->none = fmax(1 - sum, 0);
	ret->other = fmax(sum - ret->belief[verdict->culprit], 0);
	find_sides(ret, search, graph, verdict->culprit);
	find_others(ret, graph, verdict->culprit);
}

void evidence_release(struct evidence *evidence)
{
	free(evidence->belief);
	*evidence = (struct evidence){ .has_culprit = false };
}

static double rounded(double belief)
{
	return round(belief * 1e4) / 1e4;
}

static json_t *side_to_json(const struct evidence_side *side)
{
	return json_pack("{s:I, s:i, s:i, s:i}", "commits", (json_int_t)side->commits, "failed", (int)side->failed,
		"passed", (int)side->passed, "silent", (int)side->silent);
}

/* Its own runs, and those of commits that contain it but not the culprit: they speak for it, too. */
static json_t *parent_to_json(struct search *search, const struct history *history, uint32_t parent, uint32_t culprit)
{
	unsigned own[OBSERVED_NKINDS], above[OBSERVED_NKINDS];

	search_counts(search, parent, own);
	search_counts_above(search, parent, culprit, above);
	return json_pack("{s:s, s:i, s:i, s:i, s:i}", "commit", history->hex[parent], "failed", (int)own[OBSERVED_BAD],
		"passed", (int)own[OBSERVED_GOOD], "above_failed", (int)above[OBSERVED_BAD], "above_passed",
		(int)above[OBSERVED_GOOD]);
}

json_t *evidence_to_json(const struct evidence *evidence, struct search *search, const struct history *history,
	const struct search_verdict *verdict)
{
	const struct graph *graph = &history->graph;
	json_t *parents, *others;

	if (!evidence->has_culprit)
		return json_null();
	parents = json_array();
	others = json_array();
	for (uint32_t e = graph->first[verdict->culprit]; e < graph->first[verdict->culprit + 1]; e++)
		json_array_append_new(parents, parent_to_json(search, history, graph->parent[e], verdict->culprit));
	for (size_t i = 0; i < evidence->n_others; i++)
		json_array_append_new(others, json_pack("{s:s, s:f}", "commit", history->hex[evidence->others[i]],
			"confidence", rounded(evidence->belief[evidence->others[i]])));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:f, s:f}", "own", side_to_json(&evidence->own), "with",
		side_to_json(&evidence->with), "without", side_to_json(&evidence->without), "parents", parents,
		"others", others, "other_commit", rounded(evidence->other), "no_commit", rounded(evidence->none));
}

static void print_side(const char *which, const struct evidence_side *side, bool bad)
{
	unsigned runs = side->failed + side->passed;

	printf("%s in %u of %u run%s of %zu commit%s %s it", bad ? "bad" : "good", bad ? side->failed : side->passed, runs,
		runs == 1 ? "" : "s", side->commits, side->commits == 1 ? "" : "s", which);
}

void evidence_print(const struct evidence *evidence, const struct history *history, bool fix)
{
	if (!evidence->has_culprit)
		return;
	printf("  why       ");
	print_side("with", &evidence->with, !fix);
	printf(", ");
	print_side("without", &evidence->without, fix);
	printf("\n");
	if (evidence->other <= WORTH_TELLING && evidence->none <= WORTH_TELLING)
		return;
	printf("  else      ");
	if (evidence->other > WORTH_TELLING)
		printf("%.2f %% another commit", 100 * evidence->other);
	if (evidence->other > WORTH_TELLING && evidence->n_others)
		printf(" (likeliest %.12s)", history->hex[evidence->others[0]]);
	if (evidence->none > WORTH_TELLING)
		printf("%s%.2f %% no commit of the range", evidence->other > WORTH_TELLING ? ", " : "", 100 * evidence->none);
	printf("\n");
}
