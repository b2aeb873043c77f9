/*
 * What the observations amount to, in a word and in a sentence.
 */
#include <stdarg.h>

#include "base/mem.h"
#include "search/internal.h"

__attribute__((format(printf, 2, 3)))
static void say(struct search_verdict *verdict, const char *fmt, ...)
{
	size_t have = strlen(verdict->reason);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(verdict->reason + have, sizeof(verdict->reason) - have, fmt, ap);
	va_end(ap);
}

static const char *runs(unsigned n)
{
	return n == 1 ? "run" : "runs";
}

/* A commit that counted as good from the start and shows the error: an end, or what is older. */
static uint32_t find_bad_good(const struct search *search)
{
	for (size_t i = 0; i < search->n_good; i++) {
		if (search->counts[search->good[i]][OBSERVED_BAD])
			return search->good[i];
	}
	for (uint32_t v = 0; v < search->graph->n; v++) {
		if (search->supposed_good[v] && search->counts[v][OBSERVED_BAD])
			return v;
	}
	return UINT32_MAX;
}

static bool no_good_commit(const struct search *search, struct search_verdict *verdict)
{
	uint32_t v = find_bad_good(search);
	unsigned bad, all;

	if (v == UINT32_MAX)
		return false;
	bad = search->counts[v][OBSERVED_BAD];
	all = bad + search->counts[v][OBSERVED_GOOD];
	verdict->kind = VERDICT_NO_GOOD_COMMIT;
	verdict->culprit = v;
	say(verdict, "A commit %s already shows the error, in %u of %u %s: "
		"the error is older than the range.",
		search->is_good_end[v] ? "given as good" : "older than the range", bad, all,
		runs(all));
	return true;
}

static bool not_reproduced(const struct search *search, const struct state *state,
	struct search_verdict *verdict)
{
	const unsigned *counts = search->counts[search->bad];
	unsigned tries = counts[OBSERVED_GOOD] + counts[OBSERVED_SKIP] + counts[OBSERVED_BROKEN];

	if (commit_is_bad(search, search->bad) || wanted_verify_bad(search, state))
		return false;
	verdict->kind = VERDICT_NOT_REPRODUCED;
	if (!counts[OBSERVED_GOOD])
		say(verdict, "The bad end could not be tested: %s.", counts[OBSERVED_BROKEN] ?
			"it does not build or its test cannot run" :
			"none of its runs reached the place where the error would show");
	else
		say(verdict, "The bad end did not show the error in %u %s%s%s.", tries, runs(tries),
			tries > counts[OBSERVED_GOOD] ? ", some of which say nothing" : "",
			state->n_bad ? ", although an older commit did" : "");
	return true;
}

static void inconsistent(const struct search *search, const struct state *state,
	struct search_verdict *verdict)
{
	bool good_in_range = false;

	for (uint32_t v = 0; v < search->graph->n; v++)
		good_in_range |= search->in_range[v] && state->good_side[v] &&
			search->counts[v][OBSERVED_GOOD];
	verdict->kind = VERDICT_INCONSISTENT;
	if (good_in_range)
		say(verdict, "No single commit explains the runs: every commit that all the bad "
			"ones contain is also contained in one that passed (%u %s asked for).",
			state->passes_needed, state->passes_needed == 1 ? "pass" : "passes");
	else
		say(verdict, "No single commit explains the runs: the commits that show the error "
			"have no commit of the range in common.");
}

struct tally {
	unsigned parent_passes, parents_untested;
};

static bool count_parent(const struct search *search, const struct state *state, uint32_t v,
	bool tip, void *ctx)
{
	struct tally *tally = ctx;

	if (tip)
		return false;
	tally->parent_passes += search->counts[v][OBSERVED_GOOD];
	tally->parents_untested += !search->counts[v][OBSERVED_GOOD];
	return false;
}

static void culprit(const struct search *search, const struct state *state,
	struct search_verdict *verdict)
{
	const struct graph *graph = search->graph;
	uint32_t v = state->vertex[0], n_parents = graph->first[v + 1] - graph->first[v];
	unsigned bad = search->counts[v][OBSERVED_BAD];
	unsigned all = bad + search->counts[v][OBSERVED_GOOD];
	struct tally tally = { 0 };

	each_witness(search, state, count_parent, &tally);
	verdict->kind = VERDICT_CULPRIT;
	verdict->culprit = v;
	verdict->is_merge = n_parents > 1;
	if (bad)
		say(verdict, "It shows the error in %u of %u %s", bad, all, runs(all));
	else
		say(verdict, "Every other commit is ruled out, it was not seen to fail itself");
	if (!n_parents)
		say(verdict, "; it is the first commit of its history.");
	else if (tally.parents_untested == n_parents)
		say(verdict, "; its %s taken as good without a run.",
			n_parents > 1 ? "parents are" : "parent is");
	else
		say(verdict, "; its %s passed in %u of %u.%s", n_parents > 1 ? "parents" : "parent",
			tally.parent_passes, tally.parent_passes,
			tally.parents_untested ? " Some parents are taken as good." : "");
}

static void range(const struct state *state, struct search_verdict *verdict)
{
	verdict->kind = VERDICT_RANGE;
	say(verdict, "%u commits are left that no run can tell apart: those between the last good "
		"and the first bad cannot be tested.", (unsigned)state->live.n);
}

void verdict_make(const struct search *search, struct state *state)
{
	struct search_verdict *verdict = &state->verdict;

	*verdict = (struct search_verdict){ .kind = VERDICT_NONE, .culprit = UINT32_MAX };
	if (no_good_commit(search, verdict) || not_reproduced(search, state, verdict))
		return;
	if (state->ends_pending || state->can_split || state->confirm_pending)
		return;
	if (!state->live.n) {
		inconsistent(search, state, verdict);
		return;
	}
	if (state->live.n == 1)
		culprit(search, state, verdict);
	else
		range(state, verdict);
	if (state->end_untestable)
		say(verdict, " A good end could not be tested and is taken as good.");
	state->candidates = mem_array(state->live.n, sizeof(*state->candidates));
	memcpy(state->candidates, state->vertex, state->live.n * sizeof(*state->candidates));
	verdict->candidates = state->candidates;
	verdict->n_candidates = state->live.n;
	verdict->confidence = belief_confidence(search, state);
}
