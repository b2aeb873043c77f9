/*
 * From observations to statuses: who is bad, who is good, who is left, and what is still wanted.
 */
#include <math.h>

#include "base/mem.h"
#include "search/internal.h"

bool commit_is_bad(const struct search *search, uint32_t v)
{
	return search->counts[v][OBSERVED_BAD] || (search->options.trust_ends && v == search->bad);
}

bool commit_is_dead(const struct search *search, uint32_t v)
{
	const unsigned *counts = search->counts[v];

	/* one that says something now and then earns further tries: a test may skip often */
	return counts[OBSERVED_BROKEN] || counts[OBSERVED_SKIP] >
		search->options.skip_retries + counts[OBSERVED_GOOD] + counts[OBSERVED_BAD];
}

bool commit_is_set_aside(const struct search *search, uint32_t v)
{
	return search->counts[v][OBSERVED_SKIP] > 0;
}

unsigned commit_flights(const struct search *search, uint32_t v)
{
	unsigned n = 0;

	for (size_t i = 0; i < search->n_flights; i++)
		n += search->flights[i].commit == v;
	return n;
}

static unsigned missing(unsigned want, unsigned have)
{
	return have < want ? want - have : 0;
}

unsigned wanted_verify_bad(const struct search *search, const struct state *state)
{
	if (commit_is_bad(search, search->bad) || commit_is_dead(search, search->bad))
		return 0;
	return missing(search->options.verify_max, search->counts[search->bad][OBSERVED_GOOD]);
}

unsigned wanted_verify_good(const struct search *search, const struct state *state, uint32_t end)
{
	if (search->options.trust_ends || commit_is_bad(search, end) || commit_is_dead(search, end))
		return 0;
	return missing(state->passes_needed, search->counts[end][OBSERVED_GOOD]);
}

static unsigned wanted_confirm_bad(const struct search *search, uint32_t v)
{
	if (search->options.trust_runs || commit_is_dead(search, v) ||
		(search->options.trust_ends && v == search->bad) ||
		search->counts[v][OBSERVED_GOOD] >= PASSES_MAX)
		return 0;
	return missing(search->options.confirm_runs, search->counts[v][OBSERVED_BAD]);
}

/*
 * Passes of the good commits that contain v: were v bad, each of them would be a lucky run as well,
 * so they speak for v as its own do.
 */
static unsigned passes_for(const struct search *search, const struct state *state, uint32_t v)
{
	bool *below = mem_array(search->graph->n, sizeof(*below));
	unsigned passes = 0;

	below[v] = true;
	graph_close_descendants(search->graph, below);
	for (uint32_t i = v; i < search->graph->n; i++) {
		if (below[i] && !state->bad_side[i])
			passes += search->counts[i][OBSERVED_GOOD];
	}
	free(below);
	return passes;
}

static unsigned wanted_confirm_good(const struct search *search, const struct state *state,
	uint32_t v)
{
	unsigned have = search->counts[v][OBSERVED_GOOD], want = search->options.confirm_runs;

	if (search->options.trust_runs || commit_is_dead(search, v) || commit_is_bad(search, v) ||
		(search->options.trust_ends && search->is_good_end[v]))
		return 0;
	if (state->live.n > 1 && !have)
		return 0;	/* the border of a range may be long: only what ruled others out */
	want = missing(want > state->passes_needed ? want : state->passes_needed,
		passes_for(search, state, v));
	return have || want ? want : 1;		/* one pass must be its own */
}

unsigned wanted_confirm(const struct search *search, const struct state *state, uint32_t v, bool tip)
{
	return tip ? wanted_confirm_bad(search, v) : wanted_confirm_good(search, state, v);
}

bool wanted_probe(const struct search *search, const struct state *state, uint32_t v)
{
	uint32_t i = state->live_of[v];

	return i != UINT32_MAX && i != state->top && !commit_is_bad(search, v) &&
		!commit_is_dead(search, v);
}

bool each_witness(const struct search *search, const struct state *state,
	bool (*f)(const struct search *, const struct state *, uint32_t v, bool tip, void *),
	void *ctx)
{
	const struct graph *graph = search->graph;
	bool *seen = mem_array(graph->n, sizeof(*seen)), stopped = false;

	for (uint32_t i = 0; i < state->live.n && !stopped; i++)
		stopped = state->is_tip[i] && f(search, state, state->vertex[i], true, ctx);
	for (uint32_t i = 0; i < state->live.n && !stopped; i++) {
		uint32_t v = state->vertex[i];

		for (uint32_t e = graph->first[v]; e < graph->first[v + 1] && !stopped; e++) {
			uint32_t parent = graph->parent[e];

			if (seen[parent] || state->live_of[parent] != UINT32_MAX)
				continue;
			seen[parent] = true;
			stopped = f(search, state, parent, false, ctx);
		}
	}
	free(seen);
	return stopped;
}

/* Marks the candidates that are an ancestor of every commit seen bad, and the bad side. */
static uint32_t find_suspects(const struct search *search, struct state *state, bool *suspect)
{
	const struct graph *graph = search->graph;
	bool *ancestor = mem_array(graph->n, sizeof(*ancestor));
	uint32_t n = 0;

	memcpy(suspect, search->in_range, graph->n * sizeof(*suspect));
	for (uint32_t v = 0; v < graph->n; v++) {
		for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++)
			state->bad_side[v] |= state->bad_side[graph->parent[e]];
		if (!commit_is_bad(search, v) || state->bad_side[v])
			continue;	/* below another bad commit it says nothing more */
		state->bad_side[v] = true;
		graph_mark_ancestors(graph, v, ancestor);
		for (uint32_t i = 0; i < graph->n; i++)
			suspect[i] &= ancestor[i];
	}
	for (uint32_t v = 0; v < graph->n; v++)
		n += suspect[v];
	free(ancestor);
	return n;
}

static void count_runs(const struct search *search, struct state *state)
{
	for (uint32_t v = 0; v < search->graph->n; v++) {
		unsigned passes = search->counts[v][OBSERVED_GOOD];

		state->n_bad += search->counts[v][OBSERVED_BAD];
		state->n_good += passes;
		if (state->bad_side[v])
			state->n_lucky += passes;
	}
}

/* Enough passes that a bad commit would show them with a chance of at most 1 - confidence. */
static void need_more_passes(const struct search *search, struct state *state)
{
	double rate = (state->n_lucky + 1.0) / (state->n_bad + state->n_lucky + 2.0);
	double needed = ceil(log(1 - search->options.confidence) / log(rate));

	state->pass_rate = rate;
	state->passes_needed = needed < 2 ? 2 : needed > PASSES_MAX ? PASSES_MAX : (unsigned)needed;
}

static uint32_t rule_out_good(const struct search *search, struct state *state, const bool *suspect)
{
	uint32_t n = 0;

	for (uint32_t v = 0; v < search->graph->n; v++) {
		state->good_side[v] = !state->bad_side[v] && v != search->bad &&
			search->counts[v][OBSERVED_GOOD] >= state->passes_needed;
	}
	graph_close_ancestors(search->graph, state->good_side);
	for (uint32_t v = 0; v < search->graph->n; v++)
		n += suspect[v] && !state->good_side[v];
	return n;
}

static void make_live(const struct search *search, struct state *state, const bool *suspect,
	uint32_t n)
{
	const struct graph *graph = search->graph;
	struct graph *live = &state->live;
	size_t n_edges = 0, n_tips = 0;

	state->vertex = mem_array(n, sizeof(*state->vertex));
	state->is_tip = mem_array(n, sizeof(*state->is_tip));
	state->top = UINT32_MAX;
	for (uint32_t v = 0; v < graph->n; v++) {
		state->live_of[v] = UINT32_MAX;
		if (!suspect[v] || state->good_side[v])
			continue;
		state->vertex[live->n] = v;
		state->live_of[v] = live->n++;
		n_edges += graph->first[v + 1] - graph->first[v];
	}
	live->first = mem_array((size_t)n + 1, sizeof(*live->first));
	live->parent = mem_array(n_edges, sizeof(*live->parent));
	n_edges = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t v = state->vertex[i];

		state->is_tip[i] = true;
		for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++) {
			uint32_t parent = state->live_of[graph->parent[e]];

			if (parent == UINT32_MAX)
				continue;
			live->parent[n_edges++] = parent;
			state->is_tip[parent] = false;
		}
		live->first[i + 1] = (uint32_t)n_edges;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (state->is_tip[i]) {
			n_tips++;
			state->top = i;
		}
	}
	if (n_tips != 1)
		state->top = UINT32_MAX;
}

static void check_ends(const struct search *search, struct state *state)
{
	state->ends_pending = wanted_verify_bad(search, state) > 0;
	for (size_t i = 0; i < search->n_good; i++) {
		uint32_t end = search->good[i];

		if (wanted_verify_good(search, state, end))
			state->ends_pending = true;
		else if (!search->options.trust_ends && !commit_is_bad(search, end) &&
			search->counts[end][OBSERVED_GOOD] < state->passes_needed)
			state->end_untestable = true;
	}
}

static bool witness_wanted(const struct search *search, const struct state *state, uint32_t v,
	bool tip, void *ctx)
{
	return wanted_confirm(search, state, v, tip);
}

static void state_make(const struct search *search, struct state *state)
{
	uint32_t n = search->graph->n, n_suspects, n_live;
	bool *suspect = mem_array(n, sizeof(*suspect));

	state->bad_side = mem_array(n, sizeof(bool));
	state->good_side = mem_array(n, sizeof(bool));
	state->live_of = mem_array(n, sizeof(*state->live_of));
	n_suspects = find_suspects(search, state, suspect);
	count_runs(search, state);
	state->passes_needed = 1;
	if (state->n_lucky && !search->options.trust_runs)
		need_more_passes(search, state);
	n_live = rule_out_good(search, state, suspect);
	if (!n_live && n_suspects && state->passes_needed == 1 && !search->options.trust_runs) {
		/* a pass that leaves nobody is more likely luck than truth: let it be repeated */
		need_more_passes(search, state);
		n_live = rule_out_good(search, state, suspect);
	}
	make_live(search, state, suspect, n_live);
	check_ends(search, state);
	for (uint32_t i = 0; i < n_live && !state->can_split; i++)
		state->can_split = wanted_probe(search, state, state->vertex[i]);
	if (n_live && !state->can_split)
		state->confirm_pending = each_witness(search, state, witness_wanted, NULL);
	verdict_make(search, state);
	state->valid = true;
	free(suspect);
}

const struct state *state_of(const struct search *search)
{
	if (!search->state->valid) {
		state_release(search->state);
		state_make(search, search->state);
	}
	return search->state;
}

void state_release(struct state *state)
{
	free(state->bad_side);
	free(state->good_side);
	graph_release(&state->live);
	free(state->vertex);
	free(state->live_of);
	free(state->is_tip);
	free(state->candidates);
	*state = (struct state){ 0 };
}
