/* One simulated bisection: slots, a clock, results in the order in which they come. */
#include <math.h>
#include <time.h>

#include "base/mem.h"
#include "sim/sim.h"

struct slot {
	bool busy, built, sick;
	uint32_t commit;
	double begin, build_end, end;
};

struct game {
	const struct world *world;
	const struct settings *settings;
	const struct policy *policy;
	void *self;
	struct random *random;
	struct played *played;
	struct slot *slot;
	bool *has_artifact;
	double now;
	double thought_ms;		/* the policy's CPU time since its last decision */
};

static double ms_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* A decision costs what the policy thought since the one before: a belief may be made when it is told of a result or asked for the end. */
static bool ask(struct game *g, unsigned slot, uint32_t *ret)
{
	double begin = ms_now();
	bool any = g->policy->next(g->self, slot, ret);

	g->thought_ms += ms_now() - begin;
	if (!any)
		return false;
	if (g->played->n_decisions < DECISIONS_MAX)
		g->played->decision_ms[g->played->n_decisions++] = g->thought_ms;
	g->thought_ms = 0;
	return true;
}

static bool is_done(struct game *g)
{
	double begin = ms_now();
	bool done = g->policy->done(g->self, g->world, &g->played->ended);

	g->thought_ms += ms_now() - begin;
	return done;
}

static void start(struct game *g, struct slot *slot, uint32_t commit)
{
	const struct world *world = g->world;
	double build = g->has_artifact[commit] ? 0 : world->build[commit];

	slot->busy = true;
	slot->commit = commit;
	slot->begin = g->now;
	slot->built = g->has_artifact[commit];
	if (world->is_broken[commit])
		build *= random_real(g->random);
	slot->build_end = g->now + build;
	slot->end = slot->build_end;
	if (!world->is_broken[commit])
		slot->end += g->settings->build_mean > 0 ? g->settings->test : 1;
	if (slot->end <= g->now)
		slot->end = g->now + 1e-6;
}

static enum observation run(struct game *g, const struct slot *slot)
{
	const struct settings *s = g->settings;
	double x = random_real(g->random);

	if (g->world->is_broken[slot->commit])
		return OBSERVED_BROKEN;
	if (s->no_change || g->world->is_bad[slot->commit])
		return x < s->bad_pass ? OBSERVED_GOOD : OBSERVED_BAD;
	return x < (slot->sick ? s->sick : s->false_fail) ? OBSERVED_BAD : OBSERVED_GOOD;
}

static void built(struct game *g, struct slot *slot)
{
	slot->built = true;
	if (g->world->is_broken[slot->commit])
		return;
	g->has_artifact[slot->commit] = true;
	if (g->policy->built)
		g->policy->built(g->self, slot->commit);
}

static void leave(struct game *g, struct slot *slot)
{
	g->played->machine_minutes += g->now - slot->begin;
	slot->busy = false;
}

static void cancel_useless(struct game *g)
{
	uint32_t useless[64];
	double begin = ms_now();
	size_t n = g->policy->useless ? g->policy->useless(g->self, useless, 64) : 0;

	g->thought_ms += ms_now() - begin;
	for (size_t i = 0; i < n; i++) {
		for (unsigned k = 0; k < g->settings->slots; k++) {
			struct slot *slot = &g->slot[k];

			if (!slot->busy || slot->commit != useless[i])
				continue;
			leave(g, slot);
			g->policy->lost(g->self, slot->commit);
		}
	}
}

/* The next thing that happens: a build or a run ends. */
static bool step(struct game *g)
{
	struct slot *first = NULL;
	enum observation observation;
	double at = INFINITY;

	for (unsigned k = 0; k < g->settings->slots; k++) {
		struct slot *slot = &g->slot[k];
		double when = slot->built ? slot->end : slot->build_end;

		if (slot->busy && when < at) {
			at = when;
			first = slot;
		}
	}
	if (!first)
		return false;
	g->now = at;
	if (!first->built && first->build_end < first->end) {
		built(g, first);
		return true;
	}
	leave(g, first);
	if (g->settings->lost > 0 && random_real(g->random) < g->settings->lost) {
		g->policy->lost(g->self, first->commit);
		return true;
	}
	g->played->runs++;
	observation = run(g, first);
	at = ms_now();
	g->policy->result(g->self, first->commit, observation, (unsigned)(first - g->slot));
	g->thought_ms += ms_now() - at;
	return true;
}

void play(struct played *ret, const struct world *world, const struct policy *policy,
	const struct settings *settings, struct random *random)
{
	struct game g = { .world = world, .settings = settings, .policy = policy, .random = random,
		.played = ret };
	uint32_t commit;
	unsigned limit = settings->max_runs ? settings->max_runs * 2 : 20000;

	*ret = (struct played){ .runs = 0 };
	g.slot = mem_array(settings->slots, sizeof(*g.slot));
	g.slot[0].sick = settings->sick > 0;
	g.has_artifact = mem_array(world->graph->n, sizeof(bool));
	memcpy(g.has_artifact, world->has_artifact, world->graph->n * sizeof(bool));
	g.self = policy->begin(world, settings);
	while (!is_done(&g) && ret->runs < limit) {
		cancel_useless(&g);
		for (unsigned k = 0; k < settings->slots; k++) {
			if (!g.slot[k].busy && ask(&g, k, &commit))
				start(&g, &g.slot[k], commit);
		}
		if (!step(&g) && !is_done(&g)) {
			ret->ended.ending = END_UNDECIDED;
			break;
		}
	}
	if (ret->ended.ending == END_NONE)
		ret->ended.ending = END_UNDECIDED;
	for (unsigned k = 0; k < settings->slots; k++)
		if (g.slot[k].busy)
			leave(&g, &g.slot[k]);
	ret->minutes = g.now;
	policy->end(g.self);
	free(g.slot);
	free(g.has_artifact);
}
