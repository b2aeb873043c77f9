#include "search/search.h"

#include <math.h>

#include "base/mem.h"
#include "search/internal.h"

#define VERIFY_RUNS 2
#define VERIFY_MAX 30		/* an error that shows in one run of seven is missed in one case of a hundred */
#define CONFIRM_GOOD 1
#define SKIP_RETRIES 2
#define MAX_RUNS 5000
#define CONFIDENCE 0.99
#define PRIOR_NULL 0.1
#define PRIOR_OLD 0.015
#define PRIOR_EVEN 0.2		/* share of the even prior in a given one */
#define LEAST_GAIN 0.1		/* bits: a run in flight that tells less is cancelled */
#define RATIO_MAX 1000.0
#define RATIO_UNIT 4294967296.0

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
	[VERDICT_NO_CHANGE] = "no-change",
	[VERDICT_INCONSISTENT] = "inconsistent",
	[VERDICT_UNDECIDED] = "undecided",
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
	options.prior = NULL;
	if (!options.verify_runs)
		options.verify_runs = options.trust_runs || options.rates_known ? 1 : VERIFY_RUNS;
	if (!options.verify_max)
		options.verify_max = options.trust_runs ? 1 : VERIFY_MAX;
	if (!options.confirm_good)
		options.confirm_good = CONFIRM_GOOD;
	if (!options.skip_retries)
		options.skip_retries = SKIP_RETRIES;
	if (!options.max_runs)
		options.max_runs = MAX_RUNS;
	if (!(options.confidence > 0 && options.confidence < 1))
		options.confidence = CONFIDENCE;
	if (!(options.test_cost > 0)) {
		options.test_cost = 1;
		options.build_cost = 0;
	}
	if (options.no_change == 0)
		options.no_change = PRIOR_NULL;
	if (options.no_change < 0 || options.no_change >= 1)
		options.no_change = 0;
	return options;
}

/* All good ends are bad, or one of them: half and half. */
static void find_prior_of_ends(struct search *search)
{
	unsigned n = 0;

	for (uint32_t v = 0; v < search->graph->n; v++)
		n += search->doubted[v];
	search->prior_old /= 2;
	for (uint32_t v = 0; v < search->graph->n; v++)
		if (search->doubted[v])
			search->prior[v] = search->prior_old / n;
}

static void find_prior(struct search *search, const double *given)
{
	uint32_t n = search->graph->n;
	double sum = 0, rest;
	bool believed = search->options.trust_ends || search->options.trust_runs;

	search->prior_old = believed ? 0 : PRIOR_OLD;
	search->prior_null = believed ? 0 : search->options.no_change * (1 - search->prior_old);
	rest = 1 - search->prior_old - search->prior_null;
	if (search->doubted)
		find_prior_of_ends(search);
	for (uint32_t v = 0; v < n && given; v++)
		sum += search->in_range[v] && given[v] > 0 ? given[v] : 0;
	for (uint32_t v = 0; v < n; v++) {
		if (!search->in_range[v])
			continue;
		search->prior[v] = rest / (double)search->n_range;
		if (sum > 0)
			search->prior[v] = PRIOR_EVEN * search->prior[v] + (1 - PRIOR_EVEN) *
				rest * (given[v] > 0 ? given[v] : 0) / sum;
	}
}

/* What does not contain an end that shows the error may lack it for another reason than the fix. */
static void find_untold(struct search *search)
{
	uint32_t n = search->graph->n;
	bool *has = mem_array(n, sizeof(*has));

	search->untold = mem_array(n, sizeof(bool));
	for (size_t i = 0; i < search->n_good; i++)
		has[search->good[i]] = true;
	graph_close_descendants(search->graph, has);
	for (uint32_t v = 0; v < n; v++) {
		search->untold[v] = !has[v];
		search->n_dead += !has[v];
	}
	free(has);
}

/* A good end that another contains is as good as that. */
static void find_doubted(struct search *search)
{
	bool *inside = mem_array(search->graph->n, sizeof(*inside));
	unsigned n = 0;

	search->doubted = mem_array(search->graph->n, sizeof(bool));
	for (size_t i = 0; i < search->n_good; i++)
		search->doubted[search->good[i]] = true;
	for (size_t i = 0; i < search->n_good; i++) {
		graph_mark_ancestors(search->graph, search->good[i], inside);
		for (uint32_t v = 0; v < search->good[i]; v++)
			search->doubted[v] &= !inside[v];
	}
	for (uint32_t v = 0; v < search->graph->n; v++)
		n += search->doubted[v];
	free(inside);
	if (n > 1)
		return;
	free(search->doubted);
	search->doubted = NULL;
}

bool is_hypothesis(const struct search *search, uint32_t v)
{
	return search->in_range[v] || (search->doubted && search->doubted[v]);
}

/* The first and last candidate, and whether they form a forest. */
static void find_shape(struct search *search)
{
	const struct graph *graph = search->graph;

	search->forest = !search->doubted;
	search->first = UINT32_MAX;
	for (uint32_t v = 0; v < graph->n; v++) {
		unsigned parents = 0;

		if (!is_hypothesis(search, v))
			continue;
		if (search->first == UINT32_MAX)
			search->first = v;
		search->last = v;
		for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++)
			parents += search->in_range[graph->parent[e]];
		search->forest &= parents < 2;
	}
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
	search->prior = mem_array(graph->n, sizeof(double));
	search->fails = mem_array(graph->n, sizeof(uint32_t));
	search->passes = mem_array(graph->n, sizeof(uint32_t));
	search->mark = mem_array(graph->n, sizeof(bool));
	search->n_words = graph->n < SEARCH_LARGE ? SEARCH_WORDS : SEARCH_WORDS_LARGE;
	search->rows = mem_array(graph->n, search->n_words * sizeof(*search->rows));
	for (unsigned i = 0; i < 4; i++)
		search->sums[i] = mem_array(graph->n, sizeof(double));
	model_init(&search->model);
	if (search->options.trust_runs)
		model_know(&search->model, 0, 0);
	else if (search->options.rates_known)
		model_know(&search->model, search->options.bad_pass, search->options.good_fail);
	else if (search->options.reproducible > 0 && search->options.reproducible < 1)
		model_expect(&search->model, search->options.reproducible);
	find_range(search, options ? options->in_range : NULL);
	if (!search->in_range[bad]) {
		search_free(search);
		return error_set(err, ERR_INVALID,
			"no commit can be the culprit: the bad end is a good end or older");
	}
	if (n_good > 1 && !search->options.fix && !search->options.trust_ends &&
		!search->options.trust_runs)
		find_doubted(search);
	find_prior(search, options ? options->prior : NULL);
	find_shape(search);
	if (search->options.fix && n_good)
		find_untold(search);
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
	free(search->doubted);
	free(search->counts);
	free(search->prior);
	free(search->fails);
	free(search->passes);
	free(search->ratio);
	free(search->measured);
	free(search->has_artifact);
	free(search->mark);
	free(search->rows);
	for (unsigned i = 0; i < 4; i++)
		free(search->sums[i]);
	free(search->untold);
	free(search->by_box);
	free(search->left_out);
	free(search->flights);
	model_release(&search->model);
	free(search);
}

const struct state *state_of(const struct search *search)
{
	if (!search->state->valid) {
		boxes_take_back((struct search *)search);
		do {
			state_release(search->state);
			presume_broken(search, search->state);
			belief_make(search, search->state);
		} while (boxes_leave_out((struct search *)search, search->state));
		verdict_make(search, search->state);
		search->state->valid = true;
	}
	return search->state;
}

void state_release(struct state *state)
{
	free(state->presumed);
	free(state->class);
	free(state->class_of);
	free(state->mass);
	free(state->set);
	free(state->candidates);
	*state = (struct state){ 0 };
}

/* How many runs of a commit may be worth having in flight beside those there are. */
static bool room(const struct search *search, uint32_t v, unsigned wanted)
{
	return commit_flights(search, v) < wanted && !commit_is_being_built(search, v);
}

static bool next_verify(const struct search *search, struct search_probe *ret)
{
	if (room(search, search->bad, wanted_verify_new(search))) {
		ret->commit = search->bad;
		ret->purpose = search->options.fix ? PURPOSE_VERIFY_GOOD : PURPOSE_VERIFY_BAD;
		return true;
	}
	for (size_t i = 0; i < search->n_good; i++) {
		if (!room(search, search->good[i], wanted_verify_old(search, search->good[i])))
			continue;
		ret->commit = search->good[i];
		ret->purpose = search->options.fix ? PURPOSE_VERIFY_BAD : PURPOSE_VERIFY_GOOD;
		return true;
	}
	return false;
}

/* Where all belief is that a good end is bad, none of it is left to gain: it has to be seen. */
static bool next_unseen_good(const struct search *search, const struct state *state,
	struct search_probe *ret)
{
	if (!(mass_of_no_culprit(state) >= search->options.confidence))
		return false;
	for (size_t i = 0; i < search->n_good && !search->options.fix; i++) {
		uint32_t v = search->good[i];

		if (commit_is_dead(search, v) || commit_was_seen(search, v) || !room(search, v, 1))
			continue;
		ret->commit = v;
		ret->purpose = PURPOSE_VERIFY_GOOD;
		return true;
	}
	return false;
}

static bool next_search(struct search *search, const struct state *state, struct search_probe *ret, bool *hopeless)
{
	ret->purpose = PURPOSE_SEARCH;
	if (state_is_sure(search, state)) {
		ret->commit = next_witness(search, state, true, &ret->purpose);
		return ret->commit != UINT32_MAX;
	}
	return choose_probe(search, state, &ret->commit, &ret->usefulness, hopeless) || next_unseen_good(search, state, ret);
}

/* What is wanted beside what is in flight. */
static bool next_probe(struct search *search, const struct state *state, struct search_probe *ret, bool *hopeless)
{
	*ret = (struct search_probe){ .usefulness = 1 };
	return next_verify(search, ret) || next_search(search, state, ret, hopeless);
}

bool search_next(struct search *search, struct search_probe *ret)
{
	const struct state *state = state_of(search);
	struct search_probe probe;
	bool hopeless = false;

	if (state->verdict.kind != VERDICT_NONE)
		return false;
	if (!next_probe(search, state, &probe, &hopeless)) {
		if (!search->n_flights && !search->stuck && !state_is_sure(search, state)) {
			search->stuck = true;
			search->hopeless = hopeless;
			search->state->valid = false;
		}
		return false;
	}
	probe.run = commit_flights(search, probe.commit);
	if (search->measured)
		probe.run += search->measured[probe.commit][0] + search->measured[probe.commit][1];
	for (unsigned kind = 0; kind < OBSERVED_NKINDS; kind++)
		probe.run += search->counts[probe.commit][kind];
	MEM_GROW(search->flights, search->n_flights + 1, search->cap_flights);
	search->flights[search->n_flights++] =
		(struct flight){ probe.commit, probe.purpose, probe.usefulness };
	*ret = probe;
	return true;
}

void search_set_prior(struct search *search, const double *prior)
{
	find_prior(search, prior);
	search->stuck = search->hopeless = false;
	search->state->valid = false;
}

void search_spend(struct search *search)
{
	search->spent = true;
	search->state->valid = false;
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

static void changed(struct search *search, uint32_t commit, bool in_flight)
{
	if (in_flight)
		search_drop(search, commit);
	search->runs++;
	search->stuck = search->hopeless = false;
	search->state->valid = false;
}

const bool *mark_ancestors(const struct search *search, uint32_t v)
{
	memset(search->mark, 0, search->graph->n);
	search->mark[v] = true;
	graph_close_ancestors(search->graph, search->mark);
	return search->mark;
}

void count_runs(struct search *search, uint32_t commit, int fails, int passes)
{
	bool was_given_up = commit_is_given_up(search, commit);
	const bool *inside;

	search->counts[commit][OBSERVED_BAD] += (unsigned)fails;
	search->counts[commit][OBSERVED_GOOD] += (unsigned)passes;
	search->n_dead += commit_is_given_up(search, commit) - was_given_up;
	search->n_fails += (unsigned)fails;
	search->n_passes += (unsigned)passes;
	inside = mark_ancestors(search, commit);
	for (uint32_t v = 0; v <= commit; v++) {
		search->fails[v] += inside[v] ? (uint32_t)fails : 0;
		search->passes[v] += inside[v] ? (uint32_t)passes : 0;
	}
}

void count_skipped(struct search *search, uint32_t commit, int skips)
{
	bool was_given_up = commit_is_given_up(search, commit);

	search->counts[commit][OBSERVED_SKIP] += (unsigned)skips;
	search->n_skips += (unsigned)skips;
	search->n_dead += commit_is_given_up(search, commit) - was_given_up;
}

void search_observe_by(struct search *search, uint32_t commit, enum observation observation,
	bool in_flight, uint32_t box)
{
	bool was_given_up;

	if (commit >= search->graph->n || (unsigned)observation >= OBSERVED_NKINDS)
		return;
	boxes_take_back(search);
	changed(search, commit, in_flight);
	if (observation == OBSERVED_BAD || observation == OBSERVED_GOOD) {
		count_runs(search, commit, observation == OBSERVED_BAD,
			observation == OBSERVED_GOOD);
		if (box)
			boxes_count(search, box, commit, observation == OBSERVED_BAD);
		return;
	}
	if (observation == OBSERVED_SKIP) {
		count_skipped(search, commit, 1);
		return;
	}
	was_given_up = commit_is_given_up(search, commit);
	search->counts[commit][observation]++;
	search->n_dead += commit_is_given_up(search, commit) - was_given_up;
}

void search_observe(struct search *search, uint32_t commit, enum observation observation,
	bool in_flight)
{
	search_observe_by(search, commit, observation, in_flight, 0);
}

static size_t left_out_boxes(struct search *search, bool all, uint32_t *ret, size_t max)
{
	size_t n = 0;

	state_of(search);
	for (size_t i = 0; i < search->n_left_out && n < max; i++)
		if (all || search->left_out[i].sick)
			ret[n++] = search->left_out[i].box;
	return n;
}

size_t search_left_out(struct search *search, uint32_t *ret, size_t max)
{
	return left_out_boxes(search, false, ret, max);
}

size_t search_resting(struct search *search, uint32_t *ret, size_t max)
{
	return left_out_boxes(search, true, ret, max);
}

void search_observe_ratio(struct search *search, uint32_t commit, double log_ratio, bool in_flight)
{
	const bool *inside;
	bool was_given_up;
	int64_t step;

	if (commit >= search->graph->n)
		return;
	if (isnan(log_ratio)) {
		search_observe(search, commit, OBSERVED_SKIP, in_flight);
		return;
	}
	changed(search, commit, in_flight);
	if (!search->ratio) {
		search->ratio = mem_array((size_t)search->graph->n + 1, sizeof(*search->ratio));
		search->measured = mem_array(search->graph->n, sizeof(*search->measured));
	}
	was_given_up = commit_is_given_up(search, commit);
	search->measured[commit][log_ratio > 0]++;
	search->n_dead += commit_is_given_up(search, commit) - was_given_up;
	log_ratio = fmax(-RATIO_MAX, fmin(RATIO_MAX, log_ratio));
	step = (int64_t)(log_ratio * RATIO_UNIT);
	inside = mark_ancestors(search, commit);
	for (uint32_t v = 0; v <= commit; v++)
		search->ratio[v] += inside[v] ? step : 0;
	search->ratio[search->graph->n] += step;	/* with "old" every commit is bad */
}

void search_earlier(struct search *search, unsigned bad_fails, unsigned bad_passes,
	unsigned good_fails, unsigned good_passes)
{
	search->earlier[0] = bad_fails;
	search->earlier[1] = bad_passes;
	search->earlier[2] = good_fails;
	search->earlier[3] = good_passes;
	search->state->valid = false;
}

void search_built(struct search *search, uint32_t commit)
{
	if (!search->has_artifact)
		search->has_artifact = mem_array(search->graph->n, sizeof(bool));
	if (commit < search->graph->n)
		search->has_artifact[commit] = true;
}

static bool is_useful(const struct search *search, const struct state *state, uint32_t v)
{
	double least = LEAST_GAIN;

	if (state->verdict.kind != VERDICT_NONE)
		return false;
	if ((v == search->bad && wanted_verify_new(search)) ||
		(search->is_good_end[v] && wanted_verify_old(search, v)))
		return true;
	if (!state_is_sure(search, state)) {
		/* what promised little is not given up for that, or it is taken for ever */
		for (size_t i = 0; i < search->n_flights; i++)
			if (search->flights[i].commit == v)
				least = fmin(least, search->flights[i].usefulness / 2);
		return choose_bits(search, state, v) >= least;
	}
	return is_witness(search, state, v);
}

static size_t find_commit(const uint32_t *commits, size_t n, uint32_t commit)
{
	size_t i = 0;

	while (i < n && commits[i] != commit)
		i++;
	return i;
}

/* What would be asked for again at once, as nothing better is left, goes on. */
static size_t spare_the_best(struct search *search, uint32_t *useless, size_t n)
{
	const struct state *state = state_of(search);
	size_t n_flights = search->n_flights;
	struct flight *flights = mem_array(n_flights, sizeof(*flights));
	struct search_probe probe;
	bool hopeless = false, found = true;

	memcpy(flights, search->flights, n_flights * sizeof(*flights));
	while (n && found) {
		size_t at;

		search->n_flights = 0;
		for (size_t i = 0; i < n_flights; i++)
			if (find_commit(useless, n, flights[i].commit) == n)
				search->flights[search->n_flights++] = flights[i];
		found = next_probe(search, state, &probe, &hopeless) &&
			(at = find_commit(useless, n, probe.commit)) < n;
		if (!found)
			break;
		useless[at] = useless[--n];
		for (size_t i = 0; i < n_flights; i++)
			if (flights[i].commit == probe.commit)
				flights[i].usefulness = fmin(flights[i].usefulness, probe.usefulness);
	}
	memcpy(search->flights, flights, n_flights * sizeof(*flights));
	search->n_flights = n_flights;
	free(flights);
	return n;
}

size_t search_useless(struct search *search, uint32_t *ret, size_t max)
{
	const struct state *state = state_of(search);
	size_t n = 0;

	for (size_t i = 0; i < search->n_flights && n < max; i++) {
		uint32_t v = search->flights[i].commit;

		if (find_commit(ret, n, v) == n && !is_useful(search, state, v))
			ret[n++] = v;
	}
	if (n && state->verdict.kind == VERDICT_NONE)
		n = spare_the_best(search, ret, n);
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
	if (ends_pending(search))
		return PHASE_VERIFY;
	return state_is_sure(search, state) ? PHASE_CONFIRM : PHASE_SEARCH;
}

/* Bits of doubt about the culprit. */
static double doubt(const struct search *search, const struct state *state)
{
	double inside = 0, bits = 0;

	for (uint32_t v = search->first; v <= search->last; v++)
		inside += search->in_range[v] ? state->mass[v] : 0;
	for (uint32_t v = search->first; v <= search->last; v++) {
		double p = inside > 0 && search->in_range[v] ? state->mass[v] / inside : 0;

		bits -= p > 0 ? p * log2(p) : 0;
	}
	return bits;
}

size_t search_remaining(struct search *search)
{
	const struct state *state = state_of(search);
	size_t left;

	if (state->impossible)
		return 0;
	left = (size_t)lround(exp2(doubt(search, state)));
	return left ? left : 1;
}

unsigned search_runs_left(struct search *search)
{
	const struct state *state = state_of(search);
	double pass, capacity;

	if (state->impossible || state->verdict.kind != VERDICT_NONE)
		return 0;
	pass = fmin(fmax(1 - state->bad_rate, 0), 0.98);
	/* of a Z channel with this pass rate */
	capacity = pass > 1e-6 ? log2(1 + (1 - pass) * pow(pass, pass / (1 - pass))) : 1;
	return (unsigned)ceil(doubt(search, state) / capacity);
}

void search_belief(struct search *search, double *ret)
{
	memcpy(ret, state_of(search)->mass, search->graph->n * sizeof(*ret));
}

void search_counts(const struct search *search, uint32_t commit, unsigned ret[OBSERVED_NKINDS])
{
	for (unsigned kind = 0; kind < OBSERVED_NKINDS; kind++)
		ret[kind] = commit < search->graph->n ? search->counts[commit][kind] : 0;
}

void search_counts_above(const struct search *search, uint32_t commit, uint32_t culprit,
	unsigned ret[OBSERVED_NKINDS])
{
	const struct graph *graph = search->graph;
	bool *above = mem_array(graph->n, sizeof(*above)), *bad = mem_array(graph->n, sizeof(*bad));

	memset(ret, 0, OBSERVED_NKINDS * sizeof(*ret));
	for (uint32_t v = 0; v < graph->n; v++) {
		above[v] = v == commit;
		bad[v] = v == culprit;
		for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++) {
			above[v] |= above[graph->parent[e]];
			bad[v] |= bad[graph->parent[e]];
		}
		for (unsigned kind = 0; above[v] && !bad[v] && kind < OBSERVED_NKINDS; kind++)
			ret[kind] += search->counts[v][kind];
	}
	free(above);
	free(bad);
}

bool search_is_candidate(struct search *search, uint32_t commit)
{
	const struct state *state = state_of(search);

	return commit < search->graph->n && search->in_range[commit] && !state->impossible &&
		state->mass[commit] > 0 && state->mass[commit] >= 1e-3 * state->top_mass;
}
