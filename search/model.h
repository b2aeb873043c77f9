/*
 * How often runs fail: the rates of bad and of good commits, integrated out.
 *
 * A bad commit fails with an unknown rate, a good one with another; both have a prior that is a spike ("always", "never") and
 * a beta distribution beside it, so that counts of failures and passes have a likelihood in closed form (beta-binomial).
 * docs/search.md derives the formulas and says where the numbers come from.
 */
#ifndef SEARCH_MODEL_H
#define SEARCH_MODEL_H

#include <stdbool.h>
#include <stddef.h>

/* Natural logarithms of Gamma(start + i), kept as they are asked for. */
struct gamma_table {
	double start;
	double *value;
	size_t n, cap;
};

/* With weight `spike` the rate of one of the two outcomes is 0; else it is Beta(a, b) distributed. */
struct rate_prior {
	double spike, a, b;
};

struct model {
	bool known;			/* the two rates are given */
	double bad_pass, good_fail;	/* then: chance that a bad commit passes, that a good one fails */
	struct rate_prior bad;		/* a counts failures, b passes; the spike: it never passes */
	double nearly;			/* share of the other bad commits whose rate is distributed as ... */
	struct rate_prior nearly_bad;	/* this: they seldom pass; no spike */
	struct rate_prior good;		/* a counts failures, b passes; the spike: it never fails */
	struct rate_prior null;		/* one rate everywhere; no spike */
	struct gamma_table tables[12];
};

void model_init(struct model *model);			/* rates unknown, default priors */
void model_expect(struct model *model, double reproducible);	/* weight of the spike of `bad`, 0 < it < 1 */
void model_know(struct model *model, double bad_pass, double good_fail);
void model_release(struct model *model);

/* Log likelihood (nats) of so many failures and passes; -INFINITY where they cannot be. */
double model_bad(struct model *model, unsigned fails, unsigned passes);
double model_good(struct model *model, unsigned fails, unsigned passes);
double model_null(struct model *model, unsigned fails, unsigned passes);

/* Chance that the next run fails, given what was seen so far. */
double model_bad_next(struct model *model, unsigned fails, unsigned passes);
double model_good_next(struct model *model, unsigned fails, unsigned passes);
double model_null_next(struct model *model, unsigned fails, unsigned passes);

#endif
