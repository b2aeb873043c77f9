#include "sim/sim.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "base/mem.h"

uint64_t random_bits(struct random *random)
{
	uint64_t x = random->state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

double random_real(struct random *random)
{
	return (double)(random_bits(random) >> 11) / 9007199254740992.0;
}

double random_normal(struct random *random)
{
	double u = 1 - random_real(random), v = random_real(random);

	return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

static void spread_breakage(struct world *world, const struct settings *settings,
	struct random *random)
{
	double leave = settings->broken_run > 1 ? 1 / settings->broken_run : 1;
	double enter = leave * settings->broken / (1 - settings->broken);
	bool broken = random_real(random) < settings->broken;

	/* a two-state chain along the numbers, which on a line are the history */
	for (uint32_t v = 1; v + 1 < world->graph->n; v++) {
		if (settings->broken_run > 1)
			broken = random_real(random) < (broken ? 1 - leave : enter);
		else
			broken = random_real(random) < settings->broken;
		world->is_broken[v] = broken;
	}
}

void world_make(struct world *world, const struct graph *graph, const struct settings *settings,
	struct random *random)
{
	uint32_t n = graph->n;
	double sigma2 = log(1 + settings->build_cv * settings->build_cv);

	*world = (struct world){ .graph = graph };
	world->culprit = 1 + (uint32_t)(random_real(random) * (n - 1));
	world->is_bad = mem_array(n, sizeof(bool));
	world->is_broken = mem_array(n, sizeof(bool));
	world->has_artifact = mem_array(n, sizeof(bool));
	world->build = mem_array(n, sizeof(double));
	for (uint32_t v = 0; v < n; v++) {
		world->is_bad[v] = v == world->culprit;
		for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++)
			world->is_bad[v] |= world->is_bad[graph->parent[e]];
		if (settings->build_mean > 0)
			world->build[v] = settings->build_mean *
				exp(sqrt(sigma2) * random_normal(random) - sigma2 / 2);
		if (settings->cached > 0)
			world->has_artifact[v] = random_real(random) < settings->cached;
	}
	if (settings->broken > 0)
		spread_breakage(world, settings, random);
	for (uint32_t v = 0; v < n; v++)
		world->has_artifact[v] &= !world->is_broken[v];
	for (unsigned i = 0; i < settings->earlier_bad; i++)
		world->earlier[random_real(random) < settings->bad_pass]++;
	for (unsigned i = 0; i < settings->earlier_good; i++) {
		double fail = settings->no_change ? 1 - settings->bad_pass : settings->false_fail;

		world->earlier[2 + (random_real(random) >= fail)]++;
	}
}

void world_release(struct world *world)
{
	free(world->is_bad);
	free(world->is_broken);
	free(world->has_artifact);
	free(world->build);
}

int graph_linear(struct graph *ret, uint32_t n, struct error *err)
{
	int r = graph_add(ret, NULL, 0, NULL, err);

	for (uint32_t v = 0; v < n && r == 0; v++)
		r = graph_add(ret, &v, 1, NULL, err);
	return r;
}

/* Only what the last line contains and `from` does not is kept. */
static int graph_cut(struct graph *ret, const struct graph *all, uint32_t from, struct error *err)
{
	bool *keep = mem_array(all->n, sizeof(*keep)), *old = mem_array(all->n, sizeof(*old));
	uint32_t *number = mem_array(all->n, sizeof(*number)), *parents = NULL;
	size_t cap = 0;
	int r;

	graph_mark_ancestors(all, all->n - 1, keep);
	if (from != UINT32_MAX)
		graph_mark_ancestors(all, from, old);
	r = graph_add(ret, NULL, 0, NULL, err);
	for (uint32_t v = 0; v < all->n && r == 0; v++) {
		size_t n = 0;

		if (old[v] || !keep[v])
			continue;
		for (uint32_t e = all->first[v]; e < all->first[v + 1]; e++) {
			MEM_GROW(parents, n + 1, cap);
			parents[n++] = number[all->parent[e]];	/* 0: the good end */
		}
		MEM_GROW(parents, n + 1, cap);
		if (n == 0)
			parents[n++] = 0;
		r = graph_add(ret, parents, n, &number[v], err);
	}
	free(keep);
	free(old);
	free(number);
	free(parents);
	return r;
}

int graph_read(struct graph *ret, const char *path, uint32_t from, struct error *err)
{
	struct graph all = { 0 };
	uint32_t *parents = NULL;
	size_t cap = 0, len = 0, line_number = 0;
	char *line = NULL;
	FILE *f = fopen(path, "re");
	int r = 0;

	if (!f)
		return error_errno(err, errno, "cannot open %s", path);
	while (r == 0 && getline(&line, &len, f) >= 0) {
		size_t n = 0;

		line_number++;
		if (line[0] == '#')
			continue;
		for (char *p = line, *end;; p = end) {
			unsigned long parent = strtoul(p, &end, 10);

			if (end == p)
				break;
			MEM_GROW(parents, n + 1, cap);
			parents[n++] = parent > UINT32_MAX ? UINT32_MAX : (uint32_t)parent;
		}
		r = graph_add(&all, parents, n, NULL, err);
		if (r < 0)
			error_prefix(err, "%s:%zu", path, line_number);
	}
	if (r == 0 && !all.n)
		r = error_set(err, ERR_INVALID, "%s holds no commit", path);
	if (r == 0 && from != UINT32_MAX && from >= all.n)
		r = error_set(err, ERR_INVALID, "%s has %u commits, none with number %u", path,
			(unsigned)all.n, (unsigned)from);
	if (r == 0)
		r = graph_cut(ret, &all, from, err);
	graph_release(&all);
	free(line);
	free(parents);
	fclose(f);
	return r;
}

/* A branch of `size` commits on `base`, a tenth of which are merges of smaller branches. */
static int grow_branch(struct graph *graph, uint32_t base, uint32_t size, unsigned depth,
	struct random *random, uint32_t *ret_tip, struct error *err)
{
	uint32_t end = graph->n + size, tip = base;
	int r = 0;

	while (r == 0 && graph->n < end) {
		uint32_t left = end - graph->n, side = tip, part;

		if (depth > 0 && left > 3 && random_real(random) < 0.3) {
			part = 1 + (uint32_t)(random_real(random) * fmin(left - 2, size / 3.0));
			r = grow_branch(graph, random_real(random) < 0.5 ? tip : base, part, depth - 1,
				random, &side, err);
		}
		if (r == 0)
			r = graph_add(graph, (uint32_t[]){ tip, side }, 2, &tip, err);
	}
	*ret_tip = tip;
	return r;
}

int graph_kernel(struct graph *ret, uint32_t n, struct error *err)
{
	struct random random = { 1 };
	uint32_t tip;
	int r = graph_add(ret, NULL, 0, NULL, err);

	return r < 0 ? r : grow_branch(ret, 0, n, 3, &random, &tip, err);
}
