/*
 * git_bayesect's policy, from its description: every commit of the first-parent line is a hypothesis, the rates before and
 * after are Beta(1/2, 1/2) (Jeffreys), the next commit is the one with the least expected entropy, and it stops at the
 * target posterior.  Nothing is known of the ends, nothing of skips, one run at a time.
 */
#include <math.h>

#include "base/mem.h"
#include "sim/sim.h"

struct bayesect {
	uint32_t *line;		/* oldest first */
	uint32_t n;
	unsigned *fails, *passes;	/* at each place of the line */
	unsigned n_fails, n_passes, runs, max_runs;
	double target, *mass, *rate_new, *rate_old;
	uint32_t top;
	bool asked;
};

static void *begin(const struct world *world, const struct settings *settings)
{
	struct bayesect *self = mem_alloc(sizeof(*self));
	const struct graph *graph = world->graph;

	self->line = mem_array(graph->n, sizeof(*self->line));
	for (uint32_t v = graph->n - 1;; v = graph->parent[graph->first[v]]) {
		self->line[self->n++] = v;
		if (graph->first[v] == graph->first[v + 1])
			break;
	}
	for (uint32_t i = 0; i < self->n / 2; i++) {
		uint32_t v = self->line[i];

		self->line[i] = self->line[self->n - 1 - i];
		self->line[self->n - 1 - i] = v;
	}
	self->fails = mem_array(self->n, sizeof(unsigned));
	self->passes = mem_array(self->n, sizeof(unsigned));
	self->mass = mem_array(self->n, sizeof(double));
	self->rate_new = mem_array(self->n, sizeof(double));
	self->rate_old = mem_array(self->n, sizeof(double));
	self->target = settings->target;
	self->max_runs = settings->max_runs ? settings->max_runs : 500;
	return self;
}

static void end(void *arg)
{
	struct bayesect *self = arg;

	free(self->line);
	free(self->fails);
	free(self->passes);
	free(self->mass);
	free(self->rate_new);
	free(self->rate_old);
	free(self);
}

static double log_beta(double a, double b)
{
	int sign;

	return lgamma_r(a, &sign) + lgamma_r(b, &sign) - lgamma_r(a + b, &sign);
}

static void update(struct bayesect *self)
{
	unsigned f = self->n_fails, p = self->n_passes, last_f = UINT32_MAX, last_p = 0;
	double most = -INFINITY, sum = 0, value = 0;

	/* place i is the first new one: what stands before it is old */
	for (uint32_t i = 0; i < self->n; i++) {
		if (i) {
			f -= self->fails[i - 1];
			p -= self->passes[i - 1];
		}
		if (f != last_f || p != last_p)
			value = log_beta(f + 0.5, p + 0.5) +
				log_beta(self->n_fails - f + 0.5, self->n_passes - p + 0.5);
		last_f = f;
		last_p = p;
		self->mass[i] = value;
		self->rate_new[i] = (f + 0.5) / (f + p + 1.0);
		self->rate_old[i] = (self->n_fails - f + 0.5) /
			(self->n_fails - f + self->n_passes - p + 1.0);
		most = fmax(most, value);
	}
	for (uint32_t i = 0; i < self->n; i++)
		sum += self->mass[i] = exp(self->mass[i] - most);
	self->top = 0;
	for (uint32_t i = 0; i < self->n; i++) {
		self->mass[i] /= sum;
		if (self->mass[i] > self->mass[self->top])
			self->top = i;
	}
}

static double h(double p)
{
	return p <= 0 || p >= 1 ? 0 : -p * log2(p) - (1 - p) * log2(1 - p);
}

static bool next(void *arg, unsigned slot, uint32_t *ret)
{
	struct bayesect *self = arg;
	double fail = 0, bits = 0, best = -1;
	uint32_t at = 0;

	if (self->asked)
		return false;
	update(self);
	for (uint32_t i = 0; i < self->n; i++) {
		fail += self->mass[i] * self->rate_old[i];
		bits += self->mass[i] * h(self->rate_old[i]);
	}
	for (uint32_t i = 0; i < self->n; i++) {
		double gain;

		fail += self->mass[i] * (self->rate_new[i] - self->rate_old[i]);
		bits += self->mass[i] * (h(self->rate_new[i]) - h(self->rate_old[i]));
		gain = h(fail) - bits;
		if (gain > best) {
			best = gain;
			at = i;
		}
	}
	self->asked = true;
	*ret = self->line[at];
	return true;
}

static void result(void *arg, uint32_t commit, enum observation observation, unsigned slot)
{
	struct bayesect *self = arg;
	uint32_t i = 0;

	self->asked = false;
	self->runs++;
	while (i + 1 < self->n && self->line[i] != commit)
		i++;
	if (observation == OBSERVED_BAD) {
		self->fails[i]++;
		self->n_fails++;
	} else if (observation == OBSERVED_GOOD) {
		self->passes[i]++;
		self->n_passes++;
	}
	update(self);
}

static void lost(void *arg, uint32_t commit)
{
	((struct bayesect *)arg)->asked = false;
}

static bool done(void *arg, const struct world *world, struct ended *ret)
{
	struct bayesect *self = arg;

	if (!self->runs)
		return false;
	*ret = (struct ended){ .ending = END_CULPRIT, .culprit = self->line[self->top],
		.confidence = self->mass[self->top] };
	if (self->mass[self->top] >= self->target)
		return true;
	ret->ending = END_UNDECIDED;
	return self->runs >= self->max_runs;
}

const struct policy policy_bayesect = { "bayesect", begin, next, result, lost, NULL, NULL, done, end };
