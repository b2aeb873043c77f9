/*
 * k-section of the first-parent line with barriers: every slot gets one of k equal steps, all are waited for.  A commit that
 * does not build gives way to its newer neighbour in the next round.  `repeat` runs make a good one, one after the other.
 */
#include "base/mem.h"
#include "sim/sim.h"

#define SLOTS_MAX 256

struct section {
	uint32_t *line, good, bad;	/* places in the line */
	bool *skipped;
	unsigned slots, repeat, n_open, n_probes;
	struct {
		uint32_t at;
		unsigned passes;
		bool running, settled, bad;
	} probe[SLOTS_MAX];
};

static void *begin(const struct world *world, const struct settings *settings)
{
	struct section *self = mem_alloc(sizeof(*self));
	const struct graph *graph = world->graph;
	uint32_t n = 0;

	for (uint32_t v = graph->n - 1; graph->first[v] < graph->first[v + 1]; n++)
		v = graph->parent[graph->first[v]];
	self->line = mem_array((size_t)n + 1, sizeof(*self->line));
	self->skipped = mem_array((size_t)n + 1, sizeof(bool));
	self->bad = n;
	for (uint32_t v = graph->n - 1, i = n;; v = graph->parent[graph->first[v]], i--) {
		self->line[i] = v;
		if (!i)
			break;
	}
	self->slots = settings->slots < SLOTS_MAX ? settings->slots : SLOTS_MAX;
	self->repeat = settings->repeat ? settings->repeat : 1;
	return self;
}

static void end(void *arg)
{
	struct section *self = arg;

	free(self->line);
	free(self->skipped);
	free(self);
}

static void finish_round(struct section *self)
{
	for (unsigned i = 0; i < self->n_probes; i++) {
		if (self->probe[i].bad && self->probe[i].at < self->bad)
			self->bad = self->probe[i].at;
	}
	for (unsigned i = 0; i < self->n_probes; i++) {
		uint32_t at = self->probe[i].at;

		if (!self->probe[i].bad && !self->skipped[at] && at > self->good && at < self->bad)
			self->good = at;
	}
	self->n_probes = 0;
}

static void begin_round(struct section *self)
{
	uint32_t width = self->bad - self->good, before = self->good;

	for (unsigned i = 1; i <= self->slots; i++) {
		uint32_t at = self->good + (uint32_t)((uint64_t)width * i / (self->slots + 1));

		if (at <= before)
			at = before + 1;
		while (at < self->bad && self->skipped[at])
			at++;
		if (at >= self->bad)
			break;
		self->probe[self->n_probes].at = before = at;
		self->probe[self->n_probes].passes = 0;
		self->probe[self->n_probes].running = false;
		self->probe[self->n_probes].settled = false;
		self->probe[self->n_probes].bad = false;
		self->n_probes++;
	}
	if (self->n_probes)
		return;
	/* nothing after the last step: what stands before it */
	for (uint32_t at = self->bad - 1; at > self->good; at--) {
		if (self->skipped[at])
			continue;
		memset(&self->probe[0], 0, sizeof(self->probe[0]));
		self->probe[self->n_probes++].at = at;
		return;
	}
}

static bool next(void *arg, unsigned slot, uint32_t *ret)
{
	struct section *self = arg;
	bool open = false;

	for (unsigned i = 0; i < self->n_probes; i++)
		open |= !self->probe[i].settled;
	if (!open)
		begin_round(self);
	for (unsigned i = 0; i < self->n_probes; i++) {
		if (self->probe[i].settled || self->probe[i].running)
			continue;
		self->probe[i].running = true;
		*ret = self->line[self->probe[i].at];
		return true;
	}
	return false;
}

static void result(void *arg, uint32_t commit, enum observation observation, unsigned slot)
{
	struct section *self = arg;
	bool open = false;

	for (unsigned i = 0; i < self->n_probes; i++) {
		if (self->line[self->probe[i].at] == commit) {
			self->probe[i].running = false;
			self->probe[i].bad = observation == OBSERVED_BAD;
			self->probe[i].settled = observation != OBSERVED_GOOD ||
				++self->probe[i].passes >= self->repeat;
			if (observation == OBSERVED_BROKEN || observation == OBSERVED_SKIP)
				self->skipped[self->probe[i].at] = true;
		}
		open |= !self->probe[i].settled;
	}
	if (!open)
		finish_round(self);
}

static void lost(void *arg, uint32_t commit)
{
	struct section *self = arg;

	for (unsigned i = 0; i < self->n_probes; i++)
		if (self->line[self->probe[i].at] == commit)
			self->probe[i].running = false;
}

static bool done(void *arg, const struct world *world, struct ended *ret)
{
	struct section *self = arg;
	uint32_t left = 0;

	for (unsigned i = 0; i < self->n_probes; i++)
		if (!self->probe[i].settled)
			return false;
	for (uint32_t at = self->good + 1; at < self->bad; at++)
		left += !self->skipped[at];
	if (left)
		return false;
	*ret = (struct ended){ .ending = END_CULPRIT, .culprit = self->line[self->bad], .confidence = 1 };
	if (self->bad - self->good > 1) {
		ret->ending = END_RANGE;
		for (uint32_t at = self->good + 1; at <= self->bad; at++)
			ret->in_range |= self->line[at] == world->culprit;
	}
	return true;
}

const struct policy policy_ksection = { "ksection", begin, next, result, lost, NULL, NULL, done, end };
