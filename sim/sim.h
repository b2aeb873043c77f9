/*
 * Simulated bisections: a world (history, culprit, noise, broken commits, times), a policy that chooses probes, and a clock.
 *
 * All randomness comes from one generator that is seeded anew for every trial, so that policies are compared on the same worlds
 * and a trial can be played again alone.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "search/search.h"

struct random {
	uint64_t state;
};
uint64_t random_bits(struct random *random);		/* splitmix64 (Steele, Lea, Flood 2014) */
double random_real(struct random *random);		/* 0 <= x < 1 */
double random_normal(struct random *random);

struct settings {
	double bad_pass;		/* chance that a bad commit passes */
	double false_fail;		/* that a good one fails */
	bool no_change;			/* every commit fails alike, with 1 - bad_pass */
	unsigned earlier_bad, earlier_good;	/* runs in the warehouse */
	bool trust;
	double no_change_prior, reproducible;	/* 0: the search's own */
	double target;
	unsigned slots;
	double build_mean, build_cv, test;	/* minutes; build_mean 0: only runs are counted */
	double broken, broken_run;	/* share of commits that do not build; how many stand together on average */
	double cached;			/* share of commits whose artifact exists */
	double sick;			/* false failures of one of the slots */
	double lost;			/* share of runs that end without a result */
	unsigned repeat;		/* policy git: runs until a commit counts as good; ksection as well */
	unsigned max_runs;
	unsigned verify_runs, confirm_bad, confirm_good;	/* 0: the search's own */
};

struct world {
	const struct graph *graph;	/* vertex 0 is the good end, the last one the bad end */
	uint32_t culprit;
	bool *is_bad, *is_broken, *has_artifact;
	double *build;			/* minutes */
	unsigned earlier[4];		/* fails, passes of the bad end, of good commits */
};
void world_make(struct world *world, const struct graph *graph, const struct settings *settings, struct random *random);
void world_release(struct world *world);
int graph_linear(struct graph *ret, uint32_t n, struct error *err);
int graph_read(struct graph *ret, const char *path, uint32_t from, struct error *err);	/* lines of parents' numbers; from: good end */
/* A kernel-like history: a mainline that merges trees, which merge topic branches. */
int graph_kernel(struct graph *ret, uint32_t n, struct error *err);

enum ending { END_NONE, END_CULPRIT, END_RANGE, END_NO_CHANGE, END_UNDECIDED };

struct ended {
	enum ending ending;
	uint32_t culprit;
	bool in_range;			/* END_RANGE: the culprit is one of the candidates */
	double confidence;
};

struct policy {
	const char *name;
	void *(*begin)(const struct world *world, const struct settings *settings);
	bool (*next)(void *self, unsigned slot, uint32_t *ret);	/* a probe for this free slot; false: wait */
	void (*result)(void *self, uint32_t commit, enum observation observation, unsigned slot);
	void (*lost)(void *self, uint32_t commit);		/* a probe ended without a result */
	void (*built)(void *self, uint32_t commit);		/* may be NULL */
	size_t (*useless)(void *self, uint32_t *ret, size_t max);	/* may be NULL */
	bool (*done)(void *self, const struct world *world, struct ended *ret);
	void (*end)(void *self);
};
extern const struct policy policy_ours, policy_oracle, policy_git, policy_bayesect, policy_ksection;

#define DECISIONS_MAX 4096
struct played {
	struct ended ended;
	unsigned runs;			/* tests with a result, broken builds included */
	double minutes, machine_minutes;
	unsigned n_decisions;
	double decision_ms[DECISIONS_MAX];
};
void play(struct played *ret, const struct world *world, const struct policy *policy, const struct settings *settings,
	struct random *random);

#endif
