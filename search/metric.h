/*
 * Performance numbers as observations: from samples of a metric at the ends of a bisection to the log likelihood ratio that
 * search_observe_ratio takes.
 *
 * Model.  A run of a good commit measures N(good mean, variance), one of a bad commit N(bad mean, variance); the means and the variance,
 * the same on both sides, are unknown.  With the prior 1 / variance (the limit of a normal-inverse-gamma one) and n_good + n_bad samples the
 * next value of a side is distributed as
 *
 *	t with n_good + n_bad - 2 degrees of freedom, around the mean of its samples, scale s sqrt(1 + 1/n)
 *
 * where s^2 is the pooled variance (Gelman et al., Bayesian Data Analysis, 3rd edition, section 3.2; Murphy, Conjugate Bayesian analysis
 * of the Gaussian distribution, 2007, section 3).  Both sides get the wider of their two scales, so that the sign of the ratio says on
 * which side of the middle a value lies, however far out.  One run in fifty is taken for an outlier, which says nothing of its side; so
 * no value, however wild, decides alone.  Ratios of one search are added, but the means are the same unknown ones in all of them: each is
 * weighed down for that, the more the fewer samples and the smaller the change (`weight`).
 *
 * Pure, like all of search/.  A metric is made once, before the first ratio: ratios then do not depend on the order of the runs.
 */
#ifndef SEARCH_METRIC_H
#define SEARCH_METRIC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum metric_direction {
	METRIC_EITHER,		/* any change */
	METRIC_UP,		/* the bad side measures more */
	METRIC_DOWN,		/* it measures less */
	METRIC_NDIRECTIONS
};

struct metric_options {
	enum metric_direction direction;
	double least_effect;	/* in the unit of the metric, at least 0: a smaller change of the mean is none */
	double confidence;	/* that there is a change, before `differs` is set; 0: 0.99 */
};

/* A value, no pointers inside: copy it, keep it, forget it. */
struct metric {
	double good_mean, bad_mean;
	double spread;		/* s, in the unit of the metric */
	double scale;		/* of the next value around its mean */
	unsigned degrees;	/* of freedom */
	double weight;		/* of a ratio, at most 1: all values share what is not known of the means */
	double change;		/* bad mean - good mean */
	double probability;	/* that the change has the direction asked for and is more than the least effect, 0..1 */
	bool differs;		/* the probability is the confidence asked for, or more */
};

/*
 * The samples are in one unit, in any order; those of several good ends stand together in `good`.  At least METRIC_LEAST samples a
 * side; METRIC_ENOUGH are enough for a change of two standard deviations (99 % of such searches name the right one of 200 commits, in 28 runs; with
 * 5 samples 97 %, and half of the changes are not noticed).  Do not observe the samples as runs as well.  On failure *ret is untouched: ERR_INVALID: too few, a
 * sample that is no finite number, options out of range.
 */
#define METRIC_LEAST 2u
#define METRIC_ENOUGH 12u
int metric_make(struct metric *ret, const double *good, size_t n_good, const double *bad, size_t n_bad,
	const struct metric_options *options, struct error *err);

/*
 * Log (nats) of how much likelier `value` is for a bad commit than for a good one; NaN, which search_observe_ratio takes for a skip, if
 * the value is no finite number.  0 for every value where the ends do not differ.
 */
double metric_log_ratio(const struct metric *metric, double value);

#endif
