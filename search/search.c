#include "search/search.h"

#include "base/mem.h"
#include "search/internal.h"

#define VERIFY_MAX 10
#define CONFIRM_RUNS 2
#define SKIP_RETRIES 2
#define CONFIDENCE 0.99

static const char *const purpose_names[PURPOSE_NKINDS] = {
	[PURPOSE_VERIFY_BAD] = "verify-bad",
	[PURPOSE_VERIFY_GOOD] = "verify-good",
	[PURPOSE_SEARCH] = "search",
	[PURPOSE_CONFIRM_BAD] = "confirm-bad",
	[PURPOSE_CONFIRM_GOOD] = "confirm-good",
};

static const char *const verdict_names[VERDICT_NKINDS] = {
	[VERDICT_NONE] = "none",
	[VERDICT_CULPRIT] = "culprit",
	[VERDICT_RANGE] = "range",
	[VERDICT_NOT_REPRODUCED] = "not-reproduced",
	[VERDICT_NO_GOOD_COMMIT] = "no-good-commit",
	[VERDICT_INCONSISTENT] = "inconsistent",
};

static const char *const phase_names[] = {
	[PHASE_VERIFY] = "verify",
	[PHASE_SEARCH] = "search",
	[PHASE_CONFIRM] = "confirm",
	[PHASE_DONE] = "done",
};

const char *search_purpose_name(enum search_purpose purpose)
{
	return (unsigned)purpose < PURPOSE_NKINDS ? purpose_names[purpose] : "unknown";
}

const char *verdict_kind_name(enum verdict_kind kind)
{
	return (unsigned)kind < VERDICT_NKINDS ? verdict_names[kind] : "unknown";
}

const char *search_phase_name(enum search_phase phase)
{
	return (unsigned)phase <= PHASE_DONE ? phase_names[phase] : "unknown";
}

static struct search_options complete(const struct search_options *given)
{
	struct search_options options = { 0 };

	if (given)
		options = *given;
	options.in_range = NULL;	/* not ours to keep */
	if (!options.verify_max)
		options.verify_max = options.trust_runs ? 1 : VERIFY_MAX;
	if (!options.confirm_runs)
		options.confirm_runs = CONFIRM_RUNS;
	if (!options.skip_retries)
		options.skip_retries = SKIP_RETRIES;
	if (!(options.confidence > 0 && options.confidence < 1))
		options.confidence = CONFIDENCE;
	return options;
}

static void find_range(struct search *search, const bool *in_range)
{
	uint32_t n = search->graph->n;

	graph_mark_ancestors(search->graph, search->bad, search->in_range);
	for (size_t i = 0; i < search->n_good; i++) {
		search->is_good_end[search->good[i]] = true;
		search->supposed_good[search->good[i]] = true;
	}
	for (uint32_t v = 0; v < n; v++)
		search->supposed_good[v] |= in_range && !in_range[v] && search->in_range[v];
	graph_close_ancestors(search->graph, search->supposed_good);
	for (uint32_t v = 0; v < n; v++) {
		search->in_range[v] &= !search->supposed_good[v];
		search->n_range += search->in_range[v];
	}
}

int search_new(struct search **ret, const struct graph *graph, uint32_t bad, const uint32_t *good,
	size_t n_good, const struct search_options *options, struct error *err)
{
	struct search *search;

	if (bad >= graph->n)
		return error_set(err, ERR_INVALID, 
			"the bad end %u is not in the graph of %u commits",
			(unsigned)bad, (unsigned)graph->n);
	for (size_t i = 0; i < n_good; i++) {
		if (good[i] >= graph->n)
			return error_set(err, ERR_INVALID, 
				"the good end %u is not in the graph of %u commits",
				(unsigned)good[i], (unsigned)graph->n);
	}
	search = mem_alloc(sizeof(*search));
	search->graph = graph;
	search->options = complete(options);
	search->bad = bad;
	search->good = mem_array(n_good, sizeof(*search->good));
	for (size_t i = 0; i < n_good; i++)
		search->good[i] = good[i];
	search->n_good = n_good;
	search->in_range = mem_array(graph->n, sizeof(bool));
	search->is_good_end = mem_array(graph->n, sizeof(bool));
	search->supposed_good = mem_array(graph->n, sizeof(bool));
	search->counts = mem_array(graph->n, sizeof(*search->counts));
	search->state = mem_alloc(sizeof(*search->state));
	find_range(search, options ? options->in_range : NULL);
	if (!search->in_range[bad]) {
		search_free(search);
		return error_set(err, ERR_INVALID,
			"no commit can be the culprit: the bad end is a good end or older");
	}
	*ret = search;
	return 0;
}

void search_free(struct search *search)
{
	if (!search)
		return;
	state_release(search->state);
	free(search->state);
	free(search->good);
	free(search->in_range);
	free(search->is_good_end);
	free(search->supposed_good);
	free(search->counts);
	free(search->flights);
	free(search);
}

/* How many runs of a commit may be worth having in flight beside those there are. */
static bool room(const struct search *search, uint32_t v, unsigned wanted)
{
	return commit_flights(search, v) < wanted;
}

static bool next_verify(const struct search *search, const struct state *state,
	struct search_probe *ret)
{
	unsigned wanted = wanted_verify_bad(search, state);
	unsigned passes = search->counts[search->bad][OBSERVED_GOOD];

	/* one run, then as many at once as passed already: most errors show at the first */
	if (wanted > 1 && wanted > passes)
		wanted = passes ? passes : 1;
	if (room(search, search->bad, wanted)) {
		ret->commit = search->bad;
		ret->purpose = PURPOSE_VERIFY_BAD;
		return true;
	}
	for (size_t i = 0; i < search->n_good; i++) {
		uint32_t end = search->good[i];

		if (!room(search, end, wanted_verify_good(search, state, end)))
			continue;
		ret->commit = end;
		ret->purpose = PURPOSE_VERIFY_GOOD;
		return true;
	}
	return false;
}

static bool take_witness(const struct search *search, const struct state *state, uint32_t v, bool tip,
	void *ctx)
{
	struct search_probe *ret = ctx;

	if (!room(search, v, wanted_confirm(search, state, v, tip)))
		return false;
	ret->commit = v;
	ret->purpose = tip ? PURPOSE_CONFIRM_BAD : PURPOSE_CONFIRM_GOOD;
	return true;
}

bool search_next(struct search *search, struct search_probe *ret)
{
	const struct state *state = state_of(search);
	struct search_probe probe = { .usefulness = 1 };

	if (state->verdict.kind != VERDICT_NONE)
		return false;
	if (!next_verify(search, state, &probe)) {
		probe.purpose = PURPOSE_SEARCH;
		if (!choose_probe(search, state, &probe.commit, &probe.usefulness)) {
			probe.usefulness = 1;
			if (state->can_split || !each_witness(search, state, take_witness, &probe))
				return false;
		}
	}
	probe.run = commit_flights(search, probe.commit);
	for (unsigned kind = 0; kind < OBSERVED_NKINDS; kind++)
		probe.run += search->counts[probe.commit][kind];
	MEM_GROW(search->flights, search->n_flights + 1, search->cap_flights);
	search->flights[search->n_flights++] = (struct flight){ probe.commit, probe.purpose };
	*ret = probe;
	return true;
}

void search_drop(struct search *search, uint32_t commit)
{
	for (size_t i = 0; i < search->n_flights; i++) {
		if (search->flights[i].commit != commit)
			continue;
		search->n_flights--;
		memmove(&search->flights[i], &search->flights[i + 1],
			(search->n_flights - i) * sizeof(*search->flights));
		return;
	}
}

void search_observe(struct search *search, uint32_t commit, enum observation observation,
	bool in_flight)
{
	if (commit >= search->graph->n || (unsigned)observation >= OBSERVED_NKINDS)
		return;
	if (in_flight)
		search_drop(search, commit);
	search->counts[commit][observation]++;
	search->state->valid = false;
}

static bool is_witness(const struct search *search, const struct state *state, uint32_t v, bool tip,
	void *ctx)
{
	const uint32_t *commit = ctx;

	return v == *commit && wanted_confirm(search, state, v, tip);
}

static bool is_useful(const struct search *search, const struct state *state, uint32_t v)
{
	if (state->verdict.kind != VERDICT_NONE)
		return false;
	if ((v == search->bad && wanted_verify_bad(search, state)) ||
		(search->is_good_end[v] && wanted_verify_good(search, state, v)))
		return true;
	return state->can_split ? wanted_probe(search, state, v) :
		each_witness(search, state, is_witness, &v);
}

size_t search_useless(const struct search *search, uint32_t *ret, size_t max)
{
	const struct state *state = state_of(search);
	size_t n = 0;

	for (size_t i = 0; i < search->n_flights && n < max; i++) {
		uint32_t v = search->flights[i].commit;
		bool seen = is_useful(search, state, v);

		for (size_t k = 0; k < n && !seen; k++)
			seen = ret[k] == v;
		if (!seen)
			ret[n++] = v;
	}
	return n;
}

const struct search_verdict *search_verdict(struct search *search)
{
	return &state_of(search)->verdict;
}

enum search_phase search_phase(struct search *search)
{
	const struct state *state = state_of(search);

	if (state->verdict.kind != VERDICT_NONE)
		return PHASE_DONE;
	if (state->ends_pending)
		return PHASE_VERIFY;
	return state->can_split ? PHASE_SEARCH : PHASE_CONFIRM;
}

size_t search_remaining(struct search *search)
{
	return state_of(search)->live.n;
}

unsigned search_runs_left(struct search *search)
{
	const struct state *state = state_of(search);
	unsigned runs = 0;

	if (!state->can_split)
		return 0;
	while ((UINT64_C(1) << runs) < state->live.n)
		runs++;
	return runs;
}

void search_counts(const struct search *search, uint32_t commit, unsigned ret[OBSERVED_NKINDS])
{
	for (unsigned kind = 0; kind < OBSERVED_NKINDS; kind++)
		ret[kind] = commit < search->graph->n ? search->counts[commit][kind] : 0;
}

bool search_is_candidate(struct search *search, uint32_t commit)
{
	return commit < search->graph->n && state_of(search)->live_of[commit] != UINT32_MAX;
}
