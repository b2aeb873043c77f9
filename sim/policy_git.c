/*
 * What `git bisect run` does, with a test that is repeated up to N times and is bad at the first failure: the commit that halves
 * best, and after a skip one at a pseudo-random distance from it (bisect.c of git 2.39, described in its words nowhere but there).
 */
#include <math.h>

#include "base/mem.h"
#include "sim/sim.h"

struct git {
	const struct world *world;
	unsigned repeat, passes;
	bool *candidate, *skipped;
	double *inside;
	uint32_t bad, probe, n_left;
	bool asked, range, stale;
};

static void *begin(const struct world *world, const struct settings *settings)
{
	struct git *self = mem_alloc(sizeof(*self));
	uint32_t n = world->graph->n;

	self->world = world;
	self->repeat = settings->repeat ? settings->repeat : 1;
	self->candidate = mem_array(n, sizeof(bool));
	self->skipped = mem_array(n, sizeof(bool));
	self->inside = mem_array(n, sizeof(double));
	self->bad = n - 1;
	self->n_left = n - 1;
	self->stale = true;
	for (uint32_t v = 1; v < n; v++)
		self->candidate[v] = true;
	return self;
}

static void end(void *arg)
{
	struct git *self = arg;

	free(self->candidate);
	free(self->skipped);
	free(self->inside);
	free(self);
}

struct ranked {
	double distance;
	uint32_t v;
};

static int compare(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->distance > y->distance || x->distance < y->distance)
		return x->distance > y->distance ? -1 : 1;
	return x->v > y->v ? -1 : x->v < y->v;
}

/* The candidate at git's pseudo-random place of those that were not skipped. */
static uint32_t skip_away(const struct ranked *list, uint32_t n, uint32_t bad)
{
	unsigned random = n * 1103515245u + 12345u;
	uint32_t at;

	random = random / 65536 % 32768;
	at = (uint32_t)((double)n * random / 32768 * sqrt(random) / sqrt(32768));
	if (at >= n)
		at = n - 1;
	if (list[at].v == bad && n > 1)
		at = at ? at - 1 : 1;
	return list[at].v;
}

static void choose(struct git *self)
{
	const struct graph *graph = self->world->graph;
	struct ranked *list = mem_array(self->n_left, sizeof(*list));
	uint32_t n = 0, first = UINT32_MAX;
	double first_distance = -1;

	graph_ancestor_weights(graph, self->candidate, NULL, self->inside);
	for (uint32_t v = 1; v <= self->bad; v++) {
		double distance;

		if (!self->candidate[v])
			continue;
		distance = fmin(self->inside[v], self->n_left - self->inside[v]);
		if (distance > first_distance) {
			first_distance = distance;
			first = v;
		}
		if (!self->skipped[v])
			list[n++] = (struct ranked){ distance, v };
	}
	self->range = n == 0 || (n == 1 && list[0].v == self->bad);
	self->probe = first;
	if (!self->range && self->skipped[first]) {
		qsort(list, n, sizeof(*list), compare);
		self->probe = skip_away(list, n, self->bad);
	}
	free(list);
	self->stale = false;
	self->passes = 0;
}

static bool next(void *arg, unsigned slot, uint32_t *ret)
{
	struct git *self = arg;

	if (self->asked || self->n_left <= 1)
		return false;
	if (self->stale)
		choose(self);
	if (self->range)
		return false;
	*ret = self->probe;
	self->asked = true;
	return true;
}

static void narrow(struct git *self, uint32_t v, bool bad)
{
	bool *ancestor = mem_array(self->world->graph->n, sizeof(*ancestor));

	graph_mark_ancestors(self->world->graph, v, ancestor);
	self->n_left = 0;
	for (uint32_t i = 0; i < self->world->graph->n; i++) {
		self->candidate[i] &= ancestor[i] == bad;
		self->n_left += self->candidate[i];
	}
	if (bad)
		self->bad = v;
	self->stale = true;
	free(ancestor);
}

static void result(void *arg, uint32_t commit, enum observation observation, unsigned slot)
{
	struct git *self = arg;

	self->asked = false;
	if (observation == OBSERVED_BAD) {
		narrow(self, commit, true);
	} else if (observation == OBSERVED_GOOD) {
		if (++self->passes >= self->repeat)
			narrow(self, commit, false);
	} else {
		self->skipped[commit] = true;
		self->stale = true;
	}
}

static void lost(void *arg, uint32_t commit)
{
	((struct git *)arg)->asked = false;
}

static bool done(void *arg, const struct world *world, struct ended *ret)
{
	struct git *self = arg;

	if (!self->asked && self->n_left > 1 && self->stale)
		choose(self);
	*ret = (struct ended){ .culprit = self->bad, .confidence = 1 };
	if (self->n_left > 1 && !self->range)
		return false;
	ret->ending = self->n_left > 1 ? END_RANGE : END_CULPRIT;
	ret->in_range = self->candidate[world->culprit];
	return true;
}

const struct policy policy_git = { "git", begin, next, result, lost, NULL, NULL, done, end };
