/* bisectd's own search, knowing the rates (the oracle) or not. */
#include "base/mem.h"
#include "sim/sim.h"

struct ours {
	struct search *search;
	uint32_t good;
	unsigned slots;
};

static void *begin(const struct world *world, const struct settings *settings, bool oracle)
{
	struct ours *self = mem_alloc(sizeof(*self));
	struct search_options options = {
		.confidence = settings->target,
		.trust_ends = settings->trust || oracle,
		.trust_runs = settings->trust,
		.rates_known = oracle,
		.bad_pass = settings->bad_pass,
		.good_fail = settings->false_fail,
		.reproducible = settings->reproducible,
		.no_change = settings->no_change_prior,
		.build_cost = settings->build_mean,
		.test_cost = settings->build_mean > 0 ? settings->test : 0,
		.max_runs = settings->max_runs,
		.verify_runs = settings->verify_runs,
		.confirm_bad = settings->confirm_bad,
		.confirm_good = settings->confirm_good,
	};
	struct error err = ERROR_INIT;

	self->slots = settings->slots;
	if (oracle) {
		if (!options.confirm_bad)
			options.confirm_bad = 1;
	}
	if (search_new(&self->search, world->graph, world->graph->n - 1, &self->good, 1, &options, &err) < 0)
		abort();	/* the world is ours: it has a good end and candidates */
	if (!oracle)
		search_earlier(self->search, world->earlier[0], world->earlier[1], world->earlier[2],
			world->earlier[3]);
	for (uint32_t v = 0; v < world->graph->n && settings->cached > 0; v++)
		if (world->has_artifact[v])
			search_built(self->search, v);
	return self;
}

static void *begin_ours(const struct world *world, const struct settings *settings)
{
	return begin(world, settings, false);
}

static void *begin_oracle(const struct world *world, const struct settings *settings)
{
	return begin(world, settings, true);
}

/* Does this box have to rest while there are others? */
static bool rests(struct ours *self, unsigned slot)
{
	uint32_t resting[64];
	size_t n = search_resting(self->search, resting, 64);
	bool found = false;

	for (size_t i = 0; i < n; i++)
		found |= resting[i] == slot + 1;
	return found && n < self->slots;
}

static bool next(void *self, unsigned slot, uint32_t *ret)
{
	struct search_probe probe;

	if (rests(self, slot))
		return false;
	if (!search_next(((struct ours *)self)->search, &probe))
		return false;
	*ret = probe.commit;
	return true;
}

static void result(void *self, uint32_t commit, enum observation observation, unsigned slot)
{
	search_observe_by(((struct ours *)self)->search, commit, observation, true, slot + 1);
}

static void lost(void *self, uint32_t commit)
{
	search_drop(((struct ours *)self)->search, commit);
}

static void built(void *self, uint32_t commit)
{
	search_built(((struct ours *)self)->search, commit);
}

static size_t useless(void *self, uint32_t *ret, size_t max)
{
	return search_useless(((struct ours *)self)->search, ret, max);
}

static bool done(void *self, const struct world *world, struct ended *ret)
{
	const struct search_verdict *verdict = search_verdict(((struct ours *)self)->search);

	*ret = (struct ended){ .culprit = verdict->culprit, .confidence = verdict->confidence };
	switch (verdict->kind) {
	case VERDICT_NONE:
		return false;
	case VERDICT_CULPRIT:
		ret->ending = END_CULPRIT;
		break;
	case VERDICT_RANGE:
		ret->ending = END_RANGE;
		for (size_t i = 0; i < verdict->n_candidates; i++)
			ret->in_range |= verdict->candidates[i] == world->culprit;
		break;
	case VERDICT_NO_CHANGE:
	case VERDICT_NO_GOOD_COMMIT:
		ret->ending = END_NO_CHANGE;
		break;
	default:
		ret->ending = END_UNDECIDED;
	}
	return true;
}

static void end(void *self)
{
	search_free(((struct ours *)self)->search);
	free(self);
}

const struct policy policy_ours = { "ours", begin_ours, next, result, lost, built, useless, done, end };
const struct policy policy_oracle = { "oracle", begin_oracle, next, result, lost, built, useless, done, end };
